//! `strongroom crypto ...`.

use serde_json::json;
use strongroom_crypto::digest::digest;
use strongroom_model::{
    Algorithm, AttributeType, Blob, Handle, Hash, KeyType, MECHANISMS, Mechanism, MechanismType, ObjectClass,
    ObjectInfo, Params, ReturnCode, Role, limits,
};
use strongroom_wire::{Extras, Operation, Request, Response};

use super::key::find_one;
use crate::args::{
    Access, ApprovalOption, CryptoCommand, DataOption, DataType, HashName, Message, Pss, Sign, SignCommand,
    SignWhole, SignatureOption, Verify, VerifyCommand, VerifyWhole, WholeMessage,
};
use crate::attributes::Filter;
use crate::output::{Failure, Output};
use crate::session::{Desk, unexpected};
use crate::tokens::{from_base64, read_approvals, to_base64};
use crate::views::reference;

/// Signs and verifies. Output as cloudhsm-cli's.
pub(crate) fn run(desk: &Desk, command: &CryptoCommand) -> Result<Output, Failure> {
    match command {
        CryptoCommand::Sign(SignCommand::Ecdsa(arguments)) => sign(desk, arguments, Algorithm::Ecdsa, None),
        CryptoCommand::Sign(SignCommand::RsaPkcs(arguments)) => {
            sign(desk, arguments, Algorithm::RsaPkcs, None)
        }
        CryptoCommand::Sign(SignCommand::RsaPkcsPss { sign: arguments, pss }) => {
            sign(desk, arguments, Algorithm::RsaPss, Some(*pss))
        }
        CryptoCommand::Sign(SignCommand::MlDsa(arguments)) => sign_whole(desk, arguments, Scheme::MlDsa),
        CryptoCommand::Sign(SignCommand::Ed25519(arguments)) => sign_whole(desk, arguments, Scheme::Ed25519),
        CryptoCommand::Sign(SignCommand::Ed25519ph { sign: arguments, prehash }) => {
            sign_whole(desk, arguments, Scheme::Ed25519ph(prehash.hash_function))
        }
        CryptoCommand::Verify(VerifyCommand::MlDsa(arguments)) => {
            verify_whole(desk, arguments, Scheme::MlDsa)
        }
        CryptoCommand::Verify(VerifyCommand::Ed25519(arguments)) => {
            verify_whole(desk, arguments, Scheme::Ed25519)
        }
        CryptoCommand::Verify(VerifyCommand::Ed25519ph { verify: arguments, prehash }) => {
            verify_whole(desk, arguments, Scheme::Ed25519ph(prehash.hash_function))
        }
        CryptoCommand::Verify(VerifyCommand::Ecdsa(arguments)) => {
            verify(desk, arguments, Algorithm::Ecdsa, None)
        }
        CryptoCommand::Verify(VerifyCommand::RsaPkcs(arguments)) => {
            verify(desk, arguments, Algorithm::RsaPkcs, None)
        }
        CryptoCommand::Verify(VerifyCommand::RsaPkcsPss { verify: arguments, pss }) => {
            verify(desk, arguments, Algorithm::RsaPss, Some(*pss))
        }
    }
}

fn sign(desk: &Desk, arguments: &Sign, algorithm: Algorithm, pss: Option<Pss>) -> Result<Output, Failure> {
    let message = &arguments.message;
    let filter = filter(&message.key_filter, ObjectClass::PrivateKey)?;
    let (mechanism, data) = (mechanism(algorithm, message, pss)?, digested(message)?);
    let made = Made { filter, mechanism, data, digested: true };
    signed(desk, &arguments.access, &arguments.approval, made)
}

/// Schemes that take a message as it is.
#[derive(Clone, Copy)]
enum Scheme {
    MlDsa,
    Ed25519,
    Ed25519ph(HashName),
}

fn sign_whole(desk: &Desk, arguments: &SignWhole, scheme: Scheme) -> Result<Output, Failure> {
    let made = whole(&arguments.message, ObjectClass::PrivateKey, scheme)?;
    signed(desk, &arguments.access, &arguments.approval, made)
}

/// What is to be signed or verified.
struct Made {
    filter: Filter,
    mechanism: Mechanism,
    data: Blob,
    digested: bool,
}

fn signed(desk: &Desk, access: &Access, approval: &ApprovalOption, made: Made) -> Result<Output, Failure> {
    let Made { filter, mechanism, data, digested } = made;
    let approvals = read_approvals([&approval.approval])?;
    let session = desk.login(access, Role::CryptoUser)?;
    let key = usable(find_one(&session, &filter, "so nothing was signed")?, &mechanism)?;
    let request = Request::Sign { operation: Operation { key, mechanism, data }, digested };
    let extras = Extras { approvals, ..Extras::default() };
    let Response::Bytes(signature) = session.call_with(Some(key), &extras, &request)? else {
        return Err(unexpected());
    };
    Ok(Output::Data(json!({"key-reference": reference(key), "signature": to_base64(&signature)})))
}

fn verify(
    desk: &Desk,
    arguments: &Verify,
    algorithm: Algorithm,
    pss: Option<Pss>,
) -> Result<Output, Failure> {
    let message = &arguments.message;
    let filter = filter(&message.key_filter, ObjectClass::PublicKey)?;
    let (mechanism, data) = (mechanism(algorithm, message, pss)?, digested(message)?);
    let made = Made { filter, mechanism, data, digested: true };
    verified(desk, &arguments.access, &arguments.signature, made)
}

fn verify_whole(desk: &Desk, arguments: &VerifyWhole, scheme: Scheme) -> Result<Output, Failure> {
    let made = whole(&arguments.message, ObjectClass::PublicKey, scheme)?;
    verified(desk, &arguments.access, &arguments.signature, made)
}

fn verified(
    desk: &Desk,
    access: &Access,
    signature: &SignatureOption,
    made: Made,
) -> Result<Output, Failure> {
    let Made { filter, mechanism, data, digested } = made;
    let signature = match (&signature.signature, &signature.signature_path) {
        (Some(text), _) => from_base64(text).ok_or_else(|| {
            Failure::new("--signature isn't base64; --signature-path takes a file with the bytes")
        })?,
        (None, Some(path)) => crate::files::read_data(path)?,
        (None, None) => return Err(Failure::new("which signature? Give --signature or --signature-path")),
    };
    let session = desk.login(access, Role::CryptoUser)?;
    let key = usable(find_one(&session, &filter, "so nothing was verified")?, &mechanism)?;
    let operation = Operation { key, mechanism, data };
    let request = Request::Verify { operation, digested, signature };
    match session.try_call_about(key, &request) {
        Ok(Response::Done) => Ok(Output::Data(json!({"message": "Signature verified successfully"}))),
        Ok(_) => Err(unexpected()),
        Err(error)
            if matches!(error.code, ReturnCode::SIGNATURE_INVALID | ReturnCode::SIGNATURE_LEN_RANGE) =>
        {
            Err(Failure::new("Signature verification failed"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The key's filter. Both halves of a pair often have the same label, so that only the one is meant that can do it.
fn filter(key_filter: &[String], class: ObjectClass) -> Result<Filter, Failure> {
    let mut filter = Filter::parse(key_filter)?;
    if filter.reference.is_none() && !filter.template.contains(AttributeType::CLASS) {
        filter.template.set(AttributeType::CLASS, class.to_ck());
    }
    Ok(filter)
}

fn mechanism(algorithm: Algorithm, message: &Message, pss: Option<Pss>) -> Result<Mechanism, Failure> {
    let hash = message.hash_function.hash();
    let spec = MECHANISMS.iter().find(|spec| (spec.algorithm, spec.hash) == (algorithm, Some(hash)));
    let kind = spec.ok_or_else(|| Failure::new(format!("no mechanism has {hash:?}")))?.kind;
    let params = pss.map_or(Params::None, |pss| {
        let (mgf, salt) = pss.complete(hash);
        Params::Pss { hash, mgf, salt }
    });
    Ok(Mechanism { kind, params })
}

/// The key, unless it's on another curve than the command is named after: the mechanism is the same for all of them.
fn usable(key: ObjectInfo, mechanism: &Mechanism) -> Result<Handle, Failure> {
    let is_other = key.key_type == Some(KeyType::EcEdwards) && key.size != ED25519_BITS;
    if mechanism.kind == MechanismType::EDDSA && is_other {
        return Err(Failure::new(format!(
            "the key {} isn't an Ed25519 key; attr.curve=ed25519 in the filter finds those",
            reference(key.handle)
        )));
    }
    Ok(key.handle)
}

/// Bits of Ed25519's field.
const ED25519_BITS: u32 = 255;

/// What these schemes sign: a message, or the 64 bytes that stand for it.
fn whole(message: &WholeMessage, class: ObjectClass, scheme: Scheme) -> Result<Made, Failure> {
    let mut data = read(&message.data)?;
    let (mechanism, instead) = match (scheme, message.data_type) {
        (Scheme::MlDsa, DataType::Raw) => (Mechanism::plain(MechanismType::ML_DSA), "sign mu in its place"),
        (Scheme::MlDsa, DataType::Digest) => {
            (Mechanism::plain(MechanismType::STRONGROOM_ML_DSA_EXTERNAL_MU), "mu has 64")
        }
        (Scheme::Ed25519, DataType::Raw) => {
            (Mechanism::plain(MechanismType::EDDSA), "ed25519ph signs its hash")
        }
        (Scheme::Ed25519, DataType::Digest) => {
            return Err(Failure::new("Ed25519 signs the message itself; its digest is signed by ed25519ph"));
        }
        (Scheme::Ed25519ph(HashName::Sha512), data_type) => {
            if data_type == DataType::Raw {
                data = Blob::from(digest(Hash::Sha512, &[&data]));
            }
            let params = Params::Eddsa { prehash: true, context: Blob::new() };
            (Mechanism { kind: MechanismType::EDDSA, params }, "a SHA-512 has 64")
        }
        (Scheme::Ed25519ph(_), _) => {
            return Err(Failure::new(
                "Ed25519ph is defined with SHA-512: --hash-function sha512, or leave it out",
            ));
        }
    };
    if data.len() > limits::MAX_DATA {
        return Err(Failure::new(format!(
            "the data has {} bytes, more than the {} of one message: {instead}",
            data.len(),
            limits::MAX_DATA
        )));
    }
    let filter = filter(&message.key_filter, class)?;
    Ok(Made { filter, mechanism, data, digested: matches!(scheme, Scheme::Ed25519ph(_)) })
}

fn read(data: &DataOption) -> Result<Blob, Failure> {
    match (&data.data, &data.data_path) {
        (Some(text), _) => from_base64(text)
            .ok_or_else(|| Failure::new("--data isn't base64; --data-path takes a file with the bytes")),
        (None, Some(path)) => crate::files::read_data(path),
        (None, None) => Err(Failure::new("which data? Give --data or --data-path")),
    }
}

/// The digest that is signed; a message of any length is hashed here.
fn digested(message: &Message) -> Result<Blob, Failure> {
    let data = read(&message.data)?;
    let hash: Hash = message.hash_function.hash();
    match message.data_type {
        DataType::Raw => Ok(Blob::from(digest(hash, &[&data]))),
        DataType::Digest if data.len() == hash.len() => Ok(data),
        DataType::Digest => Err(Failure::new(format!(
            "the digest has {} bytes, and {hash:?} gives {}; for a message that is yet to be hashed leave --data-type out",
            data.len(),
            hash.len()
        ))),
    }
}
