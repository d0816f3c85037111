//! Parameters of the key derivations of IKE.

use cryptoki_sys::*;
use strongroom_model::{Blob, Handle, Ike, Params, Result};

use super::derive::MAX_PIECE;
use super::{Parameter, bytes};

/// # Safety
///
/// As for all of [`Parameter`].
impl Parameter {
    /// PKCS#11 3.2 section 6.64.
    pub(super) unsafe fn ike(self, kind: u64) -> Result<Params> {
        let optional = |there: CK_BBOOL, handle| (there != CK_FALSE).then_some(Handle(handle));
        // SAFETY: see the type.
        let params = unsafe {
            match kind {
                CKM_IKE2_PRF_PLUS_DERIVE => {
                    let ck: CK_IKE2_PRF_PLUS_DERIVE_PARAMS = self.structure()?;
                    Ike::PrfPlus {
                        prf: self.prf(ck.prfMechanism)?,
                        seed_key: optional(ck.bHasSeedKey, ck.hSeedKey),
                        seed: bytes(ck.pSeedData, ck.ulSeedDataLen, MAX_PIECE)?,
                    }
                }
                CKM_IKE_PRF_DERIVE => {
                    let ck: CK_IKE_PRF_DERIVE_PARAMS = self.structure()?;
                    Ike::Prf {
                        prf: self.prf(ck.prfMechanism)?,
                        data_as_key: ck.bDataAsKey != CK_FALSE,
                        new_key: optional(ck.bRekey, ck.hNewKey),
                        nonces: joined(
                            &bytes(ck.pNi, ck.ulNiLen, MAX_PIECE)?,
                            &bytes(ck.pNr, ck.ulNrLen, MAX_PIECE)?,
                        ),
                    }
                }
                CKM_IKE1_PRF_DERIVE => {
                    let ck: CK_IKE1_PRF_DERIVE_PARAMS = self.structure()?;
                    Ike::Ike1Prf {
                        prf: self.prf(ck.prfMechanism)?,
                        gxy: Handle(ck.hKeygxy),
                        previous: optional(ck.bHasPrevKey, ck.hPrevKey),
                        cookies: joined(
                            &bytes(ck.pCKYi, ck.ulCKYiLen, MAX_PIECE)?,
                            &bytes(ck.pCKYr, ck.ulCKYrLen, MAX_PIECE)?,
                        ),
                        number: ck.keyNumber,
                    }
                }
                _ => {
                    let ck: CK_IKE1_EXTENDED_DERIVE_PARAMS = self.structure()?;
                    Ike::Ike1Extended {
                        prf: self.prf(ck.prfMechanism)?,
                        gxy: optional(ck.bHasKeygxy, ck.hKeygxy),
                        extra: bytes(ck.pExtraData, ck.ulExtraDataLen, MAX_PIECE)?,
                    }
                }
            }
        };
        Ok(Params::Ike(params))
    }
}

fn joined(first: &[u8], second: &[u8]) -> Blob {
    let mut all = Blob::from(first);
    all.extend(second);
    all
}
