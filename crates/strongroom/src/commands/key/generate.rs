//! `strongroom key generate-symmetric` and `key generate-asymmetric-pair`.

use serde_json::json;
use strongroom_model::{
    AttributeType as A, Attributes, KeyType, Mechanism, MechanismType, ObjectClass, Role,
};
use strongroom_wire::{Extras, Request, Response};

use super::template::{self, Way};
use crate::args::{Pair, PairCommand, Symmetric, SymmetricCommand};
use crate::attributes;
use crate::output::{Failure, Output};
use crate::session::{Desk, unexpected};
use crate::views;

/// Makes a secret key.
pub(super) fn symmetric(desk: &Desk, command: &SymmetricCommand) -> Result<Output, Failure> {
    let (Symmetric { fresh, key_length_bytes, terms }, key_type, mechanism) = match command {
        SymmetricCommand::Aes(arguments) => (arguments, KeyType::Aes, MechanismType::AES_KEY_GEN),
        SymmetricCommand::GenericSecret(arguments) => {
            (arguments, KeyType::GenericSecret, MechanismType::GENERIC_SECRET_KEY_GEN)
        }
    };
    let template = template::of(desk, fresh, ObjectClass::SecretKey, key_type, Way::Generate)?
        .with(A::VALUE_LEN, u64::from(*key_length_bytes));
    let session = desk.login(&fresh.access, Role::CryptoUser)?;
    let request = Request::GenerateKey { mechanism: Mechanism::plain(mechanism), template };
    super::made(&session, session.call_with(None, &template::terms(terms), &request)?)
}

/// Makes a key pair.
pub(super) fn pair(desk: &Desk, command: &PairCommand) -> Result<Output, Failure> {
    match command {
        PairCommand::Rsa { pair, modulus_size_bits, public_exponent } => {
            let exponent = public_exponent.to_be_bytes();
            let zeros = exponent.iter().take_while(|byte| **byte == 0).count();
            let material = Attributes::new()
                .with(A::MODULUS_BITS, u64::from(*modulus_size_bits))
                .with(A::PUBLIC_EXPONENT, &exponent[zeros..]);
            make_pair(desk, pair, KeyType::Rsa, MechanismType::RSA_PKCS_KEY_PAIR_GEN, material)
        }
        PairCommand::Ec { pair, curve } => {
            let material = Attributes::new().with(A::EC_PARAMS, attributes::curve(curve)?);
            let key_type = attributes::curve_type(curve);
            let mechanism = match key_type {
                KeyType::EcEdwards => MechanismType::EC_EDWARDS_KEY_PAIR_GEN,
                KeyType::EcMontgomery => MechanismType::EC_MONTGOMERY_KEY_PAIR_GEN,
                _ => MechanismType::EC_KEY_PAIR_GEN,
            };
            make_pair(desk, pair, key_type, mechanism, material)
        }
        PairCommand::MlDsa { pair, mldsa_algorithm } => {
            let material = Attributes::new().with(A::PARAMETER_SET, mldsa_algorithm.number());
            make_pair(desk, pair, KeyType::MlDsa, MechanismType::ML_DSA_KEY_PAIR_GEN, material)
        }
    }
}

fn make_pair(
    desk: &Desk,
    pair: &Pair,
    key_type: KeyType,
    mechanism: MechanismType,
    material: Attributes,
) -> Result<Output, Failure> {
    let half = |label: &str, given: &[String], class| {
        template::of_parts(desk, label, pair.session, given, class, key_type, Way::Generate)
    };
    let mut public = half(&pair.public_label, &pair.public_attributes, ObjectClass::PublicKey)?;
    let private = half(&pair.private_label, &pair.private_attributes, ObjectClass::PrivateKey)?;
    for (attribute, value) in material {
        public.set(attribute, value);
    }
    let mut extras = Extras::default();
    extras.terms.share_with.clone_from(&pair.share_crypto_users);
    extras.terms.manage_quorum = pair.manage_private_key_quorum_value;
    extras.terms.use_quorum = pair.use_private_key_quorum_value;
    let session = desk.login(&pair.access, Role::CryptoUser)?;
    let request = Request::GeneratePair { mechanism: Mechanism::plain(mechanism), public, private };
    let Response::Pair { public, private } = session.call_with(None, &extras, &request)? else {
        return Err(unexpected());
    };
    Ok(Output::Data(json!({
        "public_key": views::key(&session, &public)?,
        "private_key": views::key(&session, &private)?,
    })))
}
