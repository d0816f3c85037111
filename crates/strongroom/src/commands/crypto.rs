//! `strongroom crypto ...`.

use serde_json::json;
use strongroom_crypto::digest::digest;
use strongroom_model::{
    Algorithm, AttributeType, Blob, Hash, MECHANISMS, Mechanism, MechanismType, ObjectClass, Params,
    ReturnCode, Role, limits,
};
use strongroom_wire::{Extras, Operation, Request, Response};

use super::key::find_one;
use crate::args::{
    Access, ApprovalOption, CryptoCommand, DataOption, DataType, Message, Pss, Sign, SignCommand,
    SignatureOption, Verify, VerifyCommand, WholeMessage,
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
        CryptoCommand::Sign(SignCommand::MlDsa { access, message, approval }) => {
            sign_whole(desk, access, message, approval)
        }
        CryptoCommand::Verify(VerifyCommand::MlDsa { access, message, signature }) => {
            verify_whole(desk, access, message, signature)
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

/// ML-DSA.
fn sign_whole(
    desk: &Desk,
    access: &Access,
    message: &WholeMessage,
    approval: &ApprovalOption,
) -> Result<Output, Failure> {
    signed(desk, access, approval, whole(message, ObjectClass::PrivateKey)?)
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
    let key = find_one(&session, &filter, "so nothing was signed")?.handle;
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

/// ML-DSA.
fn verify_whole(
    desk: &Desk,
    access: &Access,
    message: &WholeMessage,
    signature: &SignatureOption,
) -> Result<Output, Failure> {
    verified(desk, access, signature, whole(message, ObjectClass::PublicKey)?)
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
    let key = find_one(&session, &filter, "so nothing was verified")?.handle;
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

/// What ML-DSA signs: a message, or mu.
fn whole(message: &WholeMessage, class: ObjectClass) -> Result<Made, Failure> {
    let kind = match message.data_type {
        DataType::Raw => MechanismType::ML_DSA,
        DataType::Digest => MechanismType::STRONGROOM_ML_DSA_EXTERNAL_MU,
    };
    let data = read(&message.data)?;
    if data.len() > limits::MAX_DATA {
        return Err(Failure::new(format!(
            "the data has {} bytes, more than the {} of one message: sign mu in its place",
            data.len(),
            limits::MAX_DATA
        )));
    }
    let filter = filter(&message.key_filter, class)?;
    Ok(Made { filter, mechanism: Mechanism::plain(kind), data, digested: false })
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
