//! Parameters of the mechanisms of elliptic curves (PKCS#11 3.2 section 6.3).

use cryptoki_sys::{
    CK_ECDH_AES_KEY_WRAP_PARAMS, CK_ECDH1_DERIVE_PARAMS, CK_EDDSA_PARAMS, CK_FALSE, CK_TRUE, CKD_NULL,
};
use strongroom_model::{AgreementKdf, Params, Result};

use super::{MAX_LABEL, Parameter, bytes};

/// The longest public point in bytes: P-521's, in a DER OCTET STRING, is 136.
const MAX_POINT: usize = 1024;
/// The longest context of EdDSA in bytes (RFC 8032 section 5.1).
const MAX_CONTEXT: usize = 255;

/// See [`Parameter`] for what callers promise.
impl Parameter {
    /// PKCS#11 3.2 section 6.3.14. None at all stands for the pure scheme, with Ed448 too, as with other modules.
    pub(super) unsafe fn eddsa(self) -> Result<Params> {
        if self.len == 0 {
            return Ok(Params::None);
        }
        // SAFETY: see the type.
        let ck: CK_EDDSA_PARAMS = unsafe { self.structure()? };
        let prehash = match ck.phFlag {
            CK_FALSE => false,
            CK_TRUE => true,
            _ => return Err(self.refusal("takes a phFlag that is CK_TRUE or CK_FALSE")),
        };
        // SAFETY: see the type.
        let context = unsafe { bytes(ck.pContextData, ck.ulContextDataLen, MAX_CONTEXT)? };
        Ok(Params::Eddsa { prehash, context })
    }

    /// PKCS#11 3.2 section 6.3.
    pub(super) unsafe fn ecdh(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_ECDH1_DERIVE_PARAMS = unsafe { self.structure()? };
        let kdf = AgreementKdf::from_ck(ck.kdf);
        if kdf.is_none() && ck.kdf != CKD_NULL {
            return Err(self.refusal("takes a key derivation function that is supported"));
        }
        // SAFETY: see the type.
        let (shared, public) = unsafe {
            (
                bytes(ck.pSharedData, ck.ulSharedDataLen, MAX_LABEL)?,
                bytes(ck.pPublicData, ck.ulPublicDataLen, MAX_POINT)?,
            )
        };
        if kdf.is_none() && !shared.is_empty() {
            return Err(self.refusal("takes no shared data with CKD_NULL"));
        }
        if public.is_empty() {
            return Err(self.refusal("takes the other side's public point"));
        }
        Ok(Params::Ecdh { kdf, shared, public })
    }

    /// PKCS#11 3.2 section 6.3, ECDH AES key wrap.
    pub(super) unsafe fn ecdh_aes_wrap(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_ECDH_AES_KEY_WRAP_PARAMS = unsafe { self.structure()? };
        let kdf = AgreementKdf::from_ck(ck.kdf);
        if kdf.is_none() && ck.kdf != CKD_NULL {
            return Err(self.refusal("takes a key derivation function that is supported"));
        }
        // SAFETY: see the type.
        let shared = unsafe { bytes(ck.pSharedData, ck.ulSharedDataLen, MAX_LABEL)? };
        if kdf.is_none() && !shared.is_empty() {
            return Err(self.refusal("takes no shared data with CKD_NULL"));
        }
        Ok(Params::EcdhAesWrap { key_len: self.aes_key_len(ck.ulAESKeyBits)?, kdf, shared })
    }

    /// The length of an AES key in bytes.
    pub(super) fn aes_key_len(self, bits: u64) -> Result<u8> {
        match bits {
            128 => Ok(16),
            192 => Ok(24),
            256 => Ok(32),
            _ => Err(self.refusal("takes an AES key of 128, 192 or 256 bits")),
        }
    }
}
