//! Two operations on the same parts: PKCS#11 3.2 section 5.17. What gives no output, because of an error, a small buffer or a
//! question for its length, passes nothing on to the other operation.

use cryptoki_sys::CK_SESSION_HANDLE;
use strongroom_model::{Blob, Result, ReturnCode};

use super::ciphering::Ciphering;
use super::{After, Nodes, step};
use crate::abi::{In, Out};
use crate::module::Module;
use crate::sync::lock;

/// Functions that pass plaintext on: the cipher's field of [`super::Operations`], that of the other operation, and whether
/// the plaintext is what goes into the cipher, or what comes out.
macro_rules! duals {
    ($($name:ident => $cipher:ident, $other:ident |$running:ident, $nodes:ident, $plain:ident| $call:expr, $encrypts:literal;)*) => {$(
        pub(crate) fn $name(
            module: &Module,
            session: CK_SESSION_HANDLE,
            part: In<'_>,
            out: Out,
        ) -> Result<()> {
            let session = module.session(session)?;
            let $nodes: &dyn Nodes = &*session;
            let mut ops = lock(&session.ops);
            if ops.$other.is_none() {
                return Err(ReturnCode::OPERATION_NOT_INITIALIZED.into());
            }
            let Some(result) = cipher(&mut ops.$cipher, $nodes, part, &out)? else { return Ok(()) };
            // Before anything is put out: both may be in the same place.
            let plain = if $encrypts { Blob::from(part.bytes()?) } else { result.clone() };
            let $plain = In::of(&plain);
            step(&mut ops.$other, $nodes, |$running| $call)?;
            out.fill(&result)
        }
    )*};
}

duals! {
    digest_encrypt_update => encrypt, digest |running, nodes, plain| running.update(plain), true;
    decrypt_digest_update => decrypt, digest |running, nodes, plain| running.update(plain), false;
    sign_encrypt_update => encrypt, sign |running, nodes, plain| running.update(nodes, plain), true;
    decrypt_verify_update => decrypt, verify |running, nodes, plain| running.update(nodes, plain), false;
}

/// What comes out of the cipher; nothing if only its length was asked for.
fn cipher(slot: &mut Option<Ciphering>, nodes: &dyn Nodes, part: In<'_>, out: &Out) -> Result<Option<Blob>> {
    let mut result = None;
    step(slot, nodes, |running| {
        result = running.next(nodes, part, out)?;
        Ok(After::GoesOn)
    })?;
    Ok(result)
}
