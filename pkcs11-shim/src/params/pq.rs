//! Parameters of signatures with a context: ML-DSA and SLH-DSA (PKCS#11 3.2 section 6.67.1).

use cryptoki_sys::{
    CK_HASH_SIGN_ADDITIONAL_CONTEXT, CK_HEDGE_TYPE, CK_SIGN_ADDITIONAL_CONTEXT, CKH_DETERMINISTIC_REQUIRED,
    CKH_HEDGE_PREFERRED, CKH_HEDGE_REQUIRED,
};
use strongroom_model::{Hash, Hedge, MechanismType, Params, Result, SignContext};

use super::{Parameter, bytes};

/// The longest context in bytes (FIPS 204, FIPS 205).
const MAX_CONTEXT: usize = 255;

/// See [`Parameter`] for what callers promise.
impl Parameter {
    /// `CK_SIGN_ADDITIONAL_CONTEXT`, which may be left out.
    pub(super) unsafe fn context(self) -> Result<Params> {
        if self.len == 0 {
            return Ok(Params::None);
        }
        // SAFETY: see the type.
        let ck: CK_SIGN_ADDITIONAL_CONTEXT = unsafe { self.structure()? };
        let hedge = self.hedge(ck.hedgeVariant)?;
        // SAFETY: see the type.
        let context = unsafe { bytes(ck.pContext, ck.ulContextLen, MAX_CONTEXT)? };
        Ok(Params::Context(SignContext { hedge, context, hash: None }))
    }

    /// `CK_HASH_SIGN_ADDITIONAL_CONTEXT`, which says of what hash the data is.
    pub(super) unsafe fn hash_context(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_HASH_SIGN_ADDITIONAL_CONTEXT = unsafe { self.structure()? };
        let hedge = self.hedge(ck.hedgeVariant)?;
        let hash = Hash::from_mechanism(MechanismType(ck.hash));
        if hash.is_none() {
            return Err(self.refusal("takes a hash that is supported"));
        }
        // SAFETY: see the type.
        let context = unsafe { bytes(ck.pContext, ck.ulContextLen, MAX_CONTEXT)? };
        Ok(Params::Context(SignContext { hedge, context, hash }))
    }

    fn hedge(self, hedge: CK_HEDGE_TYPE) -> Result<Hedge> {
        match hedge {
            CKH_HEDGE_PREFERRED => Ok(Hedge::Preferred),
            CKH_HEDGE_REQUIRED => Ok(Hedge::Required),
            CKH_DETERMINISTIC_REQUIRED => Ok(Hedge::Deterministic),
            _ => Err(self.refusal("takes a hedgeVariant of 0 to 2")),
        }
    }
}
