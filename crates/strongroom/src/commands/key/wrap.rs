//! `strongroom key wrap`.

use serde_json::json;
use strongroom_model::{Blob, Mechanism, MechanismType, Params, Place, Role};
use strongroom_wire::{Extras, Request, Response};

use super::find_one;
use crate::args::{Gcm, Oaep, Wrap, WrapCommand};
use crate::attributes::{Filter, hex, parse_hex};
use crate::output::{Failure, Output};
use crate::session::{Desk, unexpected};
use crate::tokens::{read_approvals, to_base64, write_new};
use crate::views::reference;

/// Bytes of the IV that a node draws for AES-GCM (SP 800-38D section 8.2.2).
const IV: usize = 12;

/// What becomes of the IV that a node puts before what it wraps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Iv {
    /// There is none, or it stays where it is.
    Left,
    /// It's told apart.
    Told,
}

/// Wraps a key with another.
pub(super) fn run(desk: &Desk, command: &WrapCommand) -> Result<Output, Failure> {
    let plain = Mechanism::plain;
    match command {
        WrapCommand::AesGcm { wrap, gcm: arguments } => {
            with(desk, wrap, gcm(MechanismType::AES_GCM, arguments, Blob::new())?, Iv::Told)
        }
        WrapCommand::CloudhsmAesGcm { wrap, gcm: arguments } => {
            with(desk, wrap, gcm(MechanismType::CLOUDHSM_AES_GCM, arguments, Blob::new())?, Iv::Left)
        }
        WrapCommand::AesNoPad(wrap) => with(desk, wrap, plain(NO_PAD), Iv::Left),
        WrapCommand::AesPkcs5Pad(wrap) => with(desk, wrap, plain(PKCS5_PAD), Iv::Left),
        WrapCommand::AesZeroPad(wrap) => with(desk, wrap, plain(ZERO_PAD), Iv::Left),
        WrapCommand::RsaOaep { wrap, oaep: arguments } => with(desk, wrap, oaep(arguments), Iv::Left),
        WrapCommand::RsaPkcs(wrap) => with(desk, wrap, plain(MechanismType::RSA_PKCS), Iv::Left),
        WrapCommand::RsaAes { wrap, oaep: arguments } => with(desk, wrap, rsa_aes(arguments), Iv::Left),
    }
}

/// AES key wrap as cloudhsm-cli does it (cloudhsm.md 5.6).
pub(super) const NO_PAD: MechanismType = MechanismType::CLOUDHSM_AES_KEY_WRAP_NO_PAD;
pub(super) const PKCS5_PAD: MechanismType = MechanismType::CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD;
pub(super) const ZERO_PAD: MechanismType = MechanismType::CLOUDHSM_AES_KEY_WRAP_ZERO_PAD;

/// AES-GCM with these parameters. Without an IV, the node draws one.
pub(super) fn gcm(kind: MechanismType, arguments: &Gcm, iv: Blob) -> Result<Mechanism, Failure> {
    let tag_bits = arguments.tag_length_bits;
    if !(64..=128).contains(&tag_bits) || !tag_bits.is_multiple_of(8) {
        return Err(Failure::new(format!(
            "{tag_bits} bits are no length of a tag; it has 64 to 128 bits, in steps of 8"
        )));
    }
    let aad = arguments.aad.as_deref().map(parse_hex).transpose()?.unwrap_or_else(Blob::new);
    Ok(Mechanism { kind, params: Params::Gcm { iv, aad, tag_bits } })
}

/// RSA-OAEP with these parameters.
pub(super) fn oaep(arguments: &Oaep) -> Mechanism {
    let hash = arguments.hash_function.hash();
    let mgf = arguments.mgf.map_or(hash, crate::args::MgfName::hash);
    Mechanism { kind: MechanismType::RSA_PKCS_OAEP, params: Params::Oaep { hash, mgf, label: Blob::new() } }
}

/// RSA-OAEP for an AES-256 key made for this once, and AES key wrap with padding by that (cloudhsm.md 5.3).
pub(super) fn rsa_aes(arguments: &Oaep) -> Mechanism {
    let hash = arguments.hash_function.hash();
    let mgf = arguments.mgf.map_or(hash, crate::args::MgfName::hash);
    let params = Params::RsaAesWrap { key_len: 32, hash, mgf, label: Blob::new() };
    Mechanism { kind: MechanismType::RSA_AES_KEY_WRAP, params }
}

fn with(desk: &Desk, arguments: &Wrap, mechanism: Mechanism, iv: Iv) -> Result<Output, Failure> {
    let (payload, wrapping) =
        (Filter::parse(&arguments.payload_filter)?, Filter::parse(&arguments.wrapping_filter)?);
    let approvals = read_approvals([&arguments.payload_approval, &arguments.wrapping_approval])?;
    let session = desk.login(&arguments.access, Role::CryptoUser)?;
    let payload = find_one(&session, &payload, "so there is nothing to wrap")?.handle;
    let wrapping = find_one(&session, &wrapping, "so there is nothing to wrap with")?.handle;
    let request = Request::Wrap { mechanism, wrapping, key: payload };
    // The call has to go where the session key is, if one of them is one.
    let at = if payload.place() == Place::Cluster { wrapping } else { payload };
    let extras = Extras { approvals, ..Extras::default() };
    let Response::Bytes(mut wrapped) = session.call_with(Some(at), &extras, &request)? else {
        return Err(unexpected());
    };
    let mut data = json!({
        "payload_key_reference": reference(payload),
        "wrapping_key_reference": reference(wrapping),
    });
    if iv == Iv::Told {
        let (drawn, rest) = wrapped.split_at_checked(IV).ok_or_else(unexpected)?;
        data["iv"] = hex(drawn).into();
        wrapped = Blob::from(rest);
    }
    match &arguments.path {
        Some(path) => {
            write_new(path, 0o600, &wrapped)?;
            data["path"] = json!(path);
        }
        None => data["wrapped_key_data"] = to_base64(&wrapped).into(),
    }
    Ok(Output::Data(data))
}
