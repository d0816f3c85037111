//! Parameters of RSA's mechanisms (PKCS#11 3.2 section 6.1).

use std::mem::size_of;

use cryptoki_sys::{
    CK_RSA_AES_KEY_WRAP_PARAMS, CK_RSA_PKCS_OAEP_PARAMS, CK_RSA_PKCS_PSS_PARAMS, CKZ_DATA_SPECIFIED,
};
use strongroom_model::{Hash, MechanismType, Params, Result};

use super::{MAX_LABEL, Parameter, bytes};

/// The longest salt of a PSS signature in bytes; a modulus of 8192 bits has fewer.
const MAX_SALT: u64 = 1024;

/// See [`Parameter`] for what callers promise.
impl Parameter {
    /// PKCS#11 3.2 section 6.1. A mechanism that hashes must be given the hash it has.
    pub(super) unsafe fn pss(self, of_mechanism: Option<Hash>) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_RSA_PKCS_PSS_PARAMS = unsafe { self.structure()? };
        let hash = Hash::from_mechanism(MechanismType(ck.hashAlg));
        let (Some(hash), Some(mgf)) = (hash, Hash::from_mgf(ck.mgf)) else {
            return Err(self.refusal("takes a hash and a mask generation function that are supported"));
        };
        if of_mechanism.is_some_and(|fixed| fixed != hash) {
            return Err(self.refusal("was given another hash than the one in its name"));
        }
        if ck.sLen > MAX_SALT {
            return Err(self.refusal("takes a salt no longer than the modulus"));
        }
        Ok(Params::Pss { hash, mgf, salt: ck.sLen as u32 })
    }

    /// PKCS#11 3.2 section 6.1. A source of type 0 is a label that was left out.
    pub(super) unsafe fn oaep(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_RSA_PKCS_OAEP_PARAMS = unsafe { self.structure()? };
        let hash = Hash::from_mechanism(MechanismType(ck.hashAlg));
        let (Some(hash), Some(mgf)) = (hash, Hash::from_mgf(ck.mgf)) else {
            return Err(self.refusal("takes a hash and a mask generation function that are supported"));
        };
        if ck.source != CKZ_DATA_SPECIFIED && (ck.source != 0 || ck.ulSourceDataLen != 0) {
            return Err(self.refusal("takes a label of source CKZ_DATA_SPECIFIED"));
        }
        // SAFETY: see the type.
        let label = unsafe { bytes(ck.pSourceData.cast(), ck.ulSourceDataLen, MAX_LABEL)? };
        Ok(Params::Oaep { hash, mgf, label })
    }

    /// PKCS#11 3.2 section 6.1, RSA AES key wrap. The parameters of OAEP are a structure within.
    pub(super) unsafe fn rsa_aes_wrap(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_RSA_AES_KEY_WRAP_PARAMS = unsafe { self.structure()? };
        let key_len = self.aes_key_len(ck.ulAESKeyBits)?;
        let inner = Self { pointer: ck.pOAEPParams.cast(), len: size_of::<CK_RSA_PKCS_OAEP_PARAMS>() as u64 };
        // SAFETY: unless NULL, the pointer leads to the structure that the standard says.
        match unsafe { inner.oaep()? } {
            Params::Oaep { hash, mgf, label } => Ok(Params::RsaAesWrap { key_len, hash, mgf, label }),
            _ => Err(self.refusal("takes CK_RSA_PKCS_OAEP_PARAMS within its parameters")),
        }
    }
}
