//! Initialisation vectors that a cluster draws itself for `CKM_AES_GCM`, and that go where the application had its own
//! (cloudhsm.md 5.5; attacks.md A25).

use cryptoki_sys::CK_MECHANISM;
use strongroom_model::{Blob, MechanismType, Params, Quirk, Regime, Result, ReturnCode};

use crate::abi::Room;
use crate::params::{Parsed, iv_room};

/// Length of such an initialisation vector in bytes.
const LEN: usize = 12;

/// Where the application has its initialisation vector. It's written to when there is a result, as the vendor's library does,
/// so the application must keep it until then.
#[derive(Clone, Copy)]
pub(super) struct Drawn(Room);

// SAFETY: a place in the application's memory, which isn't tied to a thread. Who calls for a session while another call for it
// goes on waits for the session's lock.
unsafe impl Send for Drawn {}

impl Drawn {
    /// Takes the caller's initialisation vector out of the parameters, where the cluster draws one.
    ///
    /// # Errors
    ///
    /// `CKR_MECHANISM_PARAM_INVALID` where there aren't 12 bytes of room for it.
    ///
    /// # Safety
    ///
    /// As for [`crate::params::parse`], which made `parsed` of `ck`; and `pIv` can be written to until the operation ends.
    pub(super) unsafe fn of(regime: Regime, parsed: &mut Parsed, ck: CK_MECHANISM) -> Result<Option<Self>> {
        if !is_drawn(regime, parsed.mechanism.kind) {
            return Ok(None);
        }
        let Params::Gcm { iv, .. } = &mut parsed.mechanism.params else { return Ok(None) };
        if iv.len() != LEN {
            return Err(strongroom_model::Error::new(
                ReturnCode::MECHANISM_PARAM_INVALID,
                "the cluster draws an initialisation vector of 12 bytes: pIv must have room for it",
            ));
        }
        *iv = Blob::new();
        // SAFETY: as the caller vouches.
        Ok(Some(Self(unsafe { iv_room(ck)? })))
    }

    /// Gives the initialisation vector out; what follows it is the result.
    pub(super) fn deliver(self, result: &[u8]) -> Result<Blob> {
        let (iv, rest) = result.split_at_checked(LEN).ok_or(ReturnCode::DEVICE_ERROR)?;
        self.0.put(0, iv)?;
        Ok(Blob::from(rest))
    }
}

/// Whether a cluster draws the initialisation vectors of a mechanism, which then takes its data in one part only.
pub(super) fn is_drawn(regime: Regime, kind: MechanismType) -> bool {
    kind == MechanismType::AES_GCM && regime.has(Quirk::DrawnIv)
}
