//! The state of a session's operations, to go on with elsewhere: PKCS#11 3.2 section 5.6, `C_GetOperationState`.
//!
//! What is saved is a digest: no key has a part in it, so that nothing is told by it that its owner doesn't know. All else
//! can't be saved.

use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use strongroom_model::{Blob, Error, Hash, MechanismType, Result, ReturnCode};

use super::Operations;
use super::digesting::Digesting;
use super::hasher::Hasher;
use crate::abi::{In, Out};
use crate::module::Module;
use crate::sync::lock;

/// What each state begins with; the digit is the version.
const MAGIC: &[u8] = b"strongroom state 1";
/// Bytes of the checksum at the end.
const CHECKSUM: usize = 8;
/// More than the state of any hash takes, in bytes.
const MAX_STATE: usize = 4096;

/// `C_GetOperationState`.
pub(crate) fn get_state(module: &Module, session: CK_SESSION_HANDLE, out: Out) -> Result<()> {
    let session = module.session(session)?;
    let ops = lock(&session.ops);
    if ops.uses_a_key() {
        let message = "operations with keys are bound to their session; only a digest can be saved";
        return Err(Error::new(ReturnCode::STATE_UNSAVEABLE, message));
    }
    let digest = ops.digest.as_ref().ok_or(ReturnCode::OPERATION_NOT_INITIALIZED)?;
    out.fill(&save(digest))
}

/// `C_SetOperationState`. What the session had under way is given up.
pub(crate) fn set_state(
    module: &Module,
    session: CK_SESSION_HANDLE,
    state: In<'_>,
    encryption: CK_OBJECT_HANDLE,
    authentication: CK_OBJECT_HANDLE,
) -> Result<()> {
    let session = module.session(session)?;
    if state.is_null() {
        return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "no state"));
    }
    let digest = state.at_most(MAX_STATE).ok().and_then(restore).ok_or_else(|| {
        Error::new(ReturnCode::SAVED_STATE_INVALID, "it isn't a state that C_GetOperationState has given")
    })?;
    if encryption != 0 || authentication != 0 {
        return Err(Error::new(ReturnCode::KEY_NOT_NEEDED, "a digest goes on without keys"));
    }
    let mut ops = lock(&session.ops);
    ops.abandon(&*session);
    *ops = Operations { digest: Some(digest), ..Operations::default() };
    Ok(())
}

fn save(digest: &Digesting) -> Blob {
    let mut state = Blob::from(MAGIC);
    state.extend(&digest.kind().0.to_le_bytes());
    state.extend(&[u8::from(digest.has_begun())]);
    state.extend(&digest.hasher().save());
    let sum = checksum(&state);
    state.extend(&sum);
    state
}

fn restore(state: &[u8]) -> Option<Digesting> {
    let (state, sum) = state.split_at_checked(state.len().checked_sub(CHECKSUM)?)?;
    let rest = state.strip_prefix(MAGIC).filter(|_| sum == &checksum(state)[..])?;
    let (kind, rest) = rest.split_first_chunk()?;
    let kind = MechanismType(u64::from_le_bytes(*kind));
    let (begun, saved) = rest.split_first()?;
    let hasher = Hasher::restore(Hash::from_mechanism(kind)?, saved)?;
    Some(Digesting::resumed(kind, hasher, *begun != 0))
}

/// Against accidents: who wants another digest can begin one.
fn checksum(state: &[u8]) -> Blob {
    let mut hasher = Hasher::new(Hash::Sha256);
    hasher.update(state);
    let mut sum = hasher.finish();
    sum.truncate(CHECKSUM);
    sum
}
