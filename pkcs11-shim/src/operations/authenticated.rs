//! Wrapping with associated data: PKCS#11 3.2 section 5.18, `C_WrapKeyAuthenticated`.

use cryptoki_sys::CK_MECHANISM;
use strongroom_model::{
    Attributes, Blob, Error, Handle, Mechanism, MechanismType, Result, ReturnCode, limits,
};

use super::messages::{aead, seal};
use super::nonces::Nonces;
use super::{Nodes, keys};
use crate::abi::{Block, In, Out};
use crate::params::message::{Generator, MessageParams, refusal};
use crate::params::{MAX_AAD, Parsed};

/// Length of a nonce that a node draws, in bytes.
const DRAWN: usize = 12;

/// `C_WrapKeyAuthenticated`. A question for the length is answered by wrapping, and gives out neither nonce nor tag.
pub(super) fn wrap(
    nodes: &dyn Nodes,
    mechanism: CK_MECHANISM,
    (wrapping, key): (Handle, Handle),
    associated: In<'_>,
    out: &Out,
) -> Result<()> {
    let (query, associated) = (out.is_query()?, associated.at_most(MAX_AAD)?);
    let message = params(&mechanism)?;
    if matches!(message.generator, Generator::Counter | Generator::CounterXor) {
        return Err(refusal("can't count nonces from one wrapped key to the next: let it make random ones"));
    }
    let (kind, _) = aead(mechanism.mechanism)?;
    let whole = message.nonce()?.len() == DRAWN && message.fixed_bits == 0;
    let drawn = kind == MechanismType::AES_GCM && message.generator == Generator::Random && whole;
    // None at all: the node draws it, and puts it first. The profile `strict` wants that.
    let nonce = if drawn { Blob::new() } else { Nonces::default().next(nodes, &message)? };
    let parsed = parsed(&mechanism, &message, nonce.clone(), associated, 0)?;
    let wrapped = keys::wrap(nodes, parsed, wrapping, key)?;
    let (nonce, wrapped) = if drawn {
        let (nonce, wrapped) = wrapped.split_at_checked(DRAWN).ok_or(ReturnCode::DEVICE_ERROR)?;
        (Blob::from(nonce), Blob::from(wrapped))
    } else {
        (nonce, wrapped)
    };
    let len = wrapped.len().checked_sub(message.tag_len()).ok_or(ReturnCode::DEVICE_ERROR)?;
    if query || !out.size(len)? {
        return out.size(len).map(|_| ());
    }
    message.put_nonce(&nonce)?;
    seal(&message, &wrapped, out)
}

/// `C_UnwrapKeyAuthenticated`.
pub(super) fn unwrap(
    nodes: &dyn Nodes,
    mechanism: CK_MECHANISM,
    unwrapping: Handle,
    [wrapped, associated]: [In<'_>; 2],
    template: Attributes,
) -> Result<Handle> {
    let (wrapped, associated) = (wrapped.bytes()?, associated.at_most(MAX_AAD)?);
    let message = params(&mechanism)?;
    if wrapped.len() > limits::MAX_OBJECT {
        return Err(ReturnCode::WRAPPED_KEY_LEN_RANGE.into());
    }
    let parsed = parsed(&mechanism, &message, message.nonce()?, associated, wrapped.len() as u64)?;
    let mut sealed = Blob::from(wrapped);
    sealed.extend(&message.tag()?);
    keys::unwrap(nodes, parsed, unwrapping, sealed, template)
}

fn params(mechanism: &CK_MECHANISM) -> Result<MessageParams> {
    let (_, aead) = aead(mechanism.mechanism)?;
    // SAFETY: by the contract of the entry points, the caller has filled it in as the standard says.
    let block = unsafe { Block::new(mechanism.pParameter, mechanism.ulParameterLen) };
    MessageParams::read(aead, block)
}

fn parsed(
    mechanism: &CK_MECHANISM,
    message: &MessageParams,
    nonce: Blob,
    associated: &[u8],
    len: u64,
) -> Result<Parsed> {
    let (kind, _) = aead(mechanism.mechanism)?;
    let spec = kind.spec().ok_or_else(|| Error::from(ReturnCode::MECHANISM_INVALID))?;
    Ok(Parsed { mechanism: Mechanism { kind, params: message.for_node(nonce, associated, len) }, spec })
}
