//! `strongroom key unwrap`.

use strongroom_model::{AttributeType as A, Blob, Mechanism, MechanismType, ObjectClass, Role};
use strongroom_wire::Request;

use super::template::{self, Way};
use super::wrap::{NO_PAD, PKCS5_PAD, ZERO_PAD, gcm, oaep, rsa_aes};
use super::{find_one, made};
use crate::args::{Unwrap, UnwrapCommand};
use crate::attributes::{Filter, parse_hex};
use crate::output::{Failure, Output};
use crate::session::Desk;
use crate::tokens::{from_base64, read_approvals, read_small};

/// Unwraps a key.
pub(super) fn run(desk: &Desk, command: &UnwrapCommand) -> Result<Output, Failure> {
    let plain = Mechanism::plain;
    match command {
        UnwrapCommand::AesGcm { unwrap, gcm: arguments, initial_vector } => {
            let iv = parse_hex(initial_vector)?;
            if iv.is_empty() {
                return Err(Failure::new("--initial-vector is empty: give the IV that `key wrap` told"));
            }
            with(desk, unwrap, gcm(MechanismType::AES_GCM, arguments, iv)?, wrapped(unwrap)?)
        }
        UnwrapCommand::CloudhsmAesGcm { unwrap, gcm: arguments } => {
            let mechanism = gcm(MechanismType::CLOUDHSM_AES_GCM, arguments, Blob::new())?;
            with(desk, unwrap, mechanism, wrapped(unwrap)?)
        }
        UnwrapCommand::AesNoPad(unwrap) => with(desk, unwrap, plain(NO_PAD), wrapped(unwrap)?),
        UnwrapCommand::AesPkcs5Pad(unwrap) => with(desk, unwrap, plain(PKCS5_PAD), wrapped(unwrap)?),
        UnwrapCommand::AesZeroPad(unwrap) => with(desk, unwrap, plain(ZERO_PAD), wrapped(unwrap)?),
        UnwrapCommand::RsaOaep { unwrap, oaep: arguments } => {
            with(desk, unwrap, oaep(arguments), wrapped(unwrap)?)
        }
        UnwrapCommand::RsaPkcs(unwrap) => {
            with(desk, unwrap, plain(MechanismType::RSA_PKCS), wrapped(unwrap)?)
        }
        UnwrapCommand::RsaAes { unwrap, oaep: arguments } => {
            with(desk, unwrap, rsa_aes(arguments), wrapped(unwrap)?)
        }
    }
}

fn wrapped(arguments: &Unwrap) -> Result<Blob, Failure> {
    match (&arguments.data, &arguments.data_path) {
        (Some(text), _) => from_base64(text)
            .ok_or_else(|| Failure::new("--data isn't base64; --data-path takes a file with the bytes")),
        (None, Some(path)) => read_small(path),
        (None, None) => Err(Failure::new("what is to be unwrapped? Give --data or --data-path")),
    }
}

fn with(desk: &Desk, arguments: &Unwrap, mechanism: Mechanism, wrapped: Blob) -> Result<Output, Failure> {
    let (class, key_type) = (arguments.key_type_class.class(), arguments.key_type_class.key_type());
    if class == ObjectClass::PublicKey {
        return Err(Failure::new("a public key isn't wrapped: bring it in with  key import pem"));
    }
    let template = template::of(desk, &arguments.fresh, class, key_type, Way::Unwrap)?
        .with(A::CLASS, class.to_ck())
        .with(A::KEY_TYPE, key_type.to_ck());
    let filter = Filter::parse(&arguments.filter)?;
    let mut extras = template::terms(&arguments.terms);
    extras.approvals = read_approvals([&arguments.approval])?;
    let session = desk.login(&arguments.fresh.access, Role::CryptoUser)?;
    let unwrapping = find_one(&session, &filter, "so there is nothing to unwrap with")?.handle;
    let request = Request::Unwrap { mechanism, unwrapping, wrapped, template };
    made(&session, session.call_with(Some(unwrapping), &extras, &request)?)
}
