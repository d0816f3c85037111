//! What the published answers don't show.

mod key_wrap;
mod parts;
mod refusals;

use proptest::prelude::*;
use strongroom_model::{Blob, MechanismSpec, MechanismType, Params, ReturnCode, limits};

use super::{AesStream, decrypt, encrypt, padding, unwrap, wrap};

const STREAMED: [MechanismType; 5] = [
    MechanismType::AES_ECB,
    MechanismType::AES_CBC,
    MechanismType::AES_CBC_PAD,
    MechanismType::AES_CTR,
    MechanismType::AES_GCM,
];

const KEY: [u8; 32] = [0x5a; 32];

fn spec(kind: MechanismType) -> &'static MechanismSpec {
    kind.spec().unwrap()
}

fn params(kind: MechanismType) -> Params {
    match kind {
        MechanismType::AES_CBC | MechanismType::AES_CBC_PAD => Params::Iv(Blob::from([9; 16])),
        MechanismType::AES_CTR => ctr(64, [7; 16]),
        MechanismType::AES_GCM => gcm(12, 128),
        _ => Params::None,
    }
}

fn ctr(bits: u8, block: [u8; 16]) -> Params {
    Params::Ctr { bits, block }
}

fn gcm(iv_len: usize, tag_bits: u8) -> Params {
    Params::Gcm { iv: Blob::from(vec![3; iv_len]), aad: Blob::from(*b"aad"), tag_bits }
}

/// Whether the mode takes whole blocks only.
fn whole_blocks(kind: MechanismType) -> bool {
    matches!(kind, MechanismType::AES_ECB | MechanismType::AES_CBC)
}

fn in_parts<'a>(
    encrypt: bool,
    kind: MechanismType,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> strongroom_model::Result<Vec<u8>> {
    let mut stream = AesStream::open(encrypt, &KEY, spec(kind), &params(kind))?;
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(&stream.update(part)?);
    }
    out.extend_from_slice(&stream.finish()?);
    Ok(out)
}
