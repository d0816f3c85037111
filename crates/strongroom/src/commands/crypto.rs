//! `strongroom crypto ...`.

use serde_json::json;
use strongroom_crypto::digest::digest;
use strongroom_model::{
    Algorithm, AttributeType, Blob, Hash, MECHANISMS, Mechanism, ObjectClass, Params, ReturnCode, Role,
};
use strongroom_wire::{Extras, Operation, Request, Response};

use super::key::find_one;
use crate::args::{CryptoCommand, DataType, Message, Pss, Sign, SignCommand, Verify, VerifyCommand};
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
    let filter = filter(message, ObjectClass::PrivateKey)?;
    let (mechanism, data) = (mechanism(algorithm, message, pss)?, digested(message)?);
    let approvals = read_approvals([&arguments.approval.approval])?;
    let session = desk.login(&arguments.access, Role::CryptoUser)?;
    let key = find_one(&session, &filter, "so nothing was signed")?.handle;
    let request = Request::Sign { operation: Operation { key, mechanism, data }, digested: true };
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
    let filter = filter(message, ObjectClass::PublicKey)?;
    let (mechanism, data) = (mechanism(algorithm, message, pss)?, digested(message)?);
    let signature = match (&arguments.signature, &arguments.signature_path) {
        (Some(text), _) => from_base64(text).ok_or_else(|| {
            Failure::new("--signature isn't base64; --signature-path takes a file with the bytes")
        })?,
        (None, Some(path)) => crate::files::read_data(path)?,
        (None, None) => return Err(Failure::new("which signature? Give --signature or --signature-path")),
    };
    let session = desk.login(&arguments.access, Role::CryptoUser)?;
    let key = find_one(&session, &filter, "so nothing was verified")?.handle;
    let operation = Operation { key, mechanism, data };
    let request = Request::Verify { operation, digested: true, signature };
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
fn filter(message: &Message, class: ObjectClass) -> Result<Filter, Failure> {
    let mut filter = Filter::parse(&message.key_filter)?;
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

/// The digest that is signed; a message of any length is hashed here.
fn digested(message: &Message) -> Result<Blob, Failure> {
    let data = match (&message.data, &message.data_path) {
        (Some(text), _) => from_base64(text)
            .ok_or_else(|| Failure::new("--data isn't base64; --data-path takes a file with the bytes"))?,
        (None, Some(path)) => crate::files::read_data(path)?,
        (None, None) => return Err(Failure::new("which data? Give --data or --data-path")),
    };
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
