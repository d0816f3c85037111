//! Mechanism parameters: from the application's C structures to [`Mechanism`].
//!
//! Which structure belongs to a mechanism follows from its [`Algorithm`] in the mechanism table.
//! Everything is copied here, since applications free their parameters right after an `Init`.

pub(crate) mod message;
#[cfg(test)]
mod tests;

use std::mem::size_of;

use cryptoki_sys::{
    CK_AES_CTR_PARAMS, CK_ECDH1_DERIVE_PARAMS, CK_GCM_PARAMS, CK_MECHANISM, CK_RSA_PKCS_OAEP_PARAMS,
    CK_RSA_PKCS_PSS_PARAMS, CKD_NULL, CKZ_DATA_SPECIFIED,
};
use strongroom_model::{
    Algorithm, Blob, Error, Hash, Mechanism, MechanismSpec, MechanismType, Params, Result, ReturnCode,
};

use crate::abi::{In, Src};

/// The longest initialisation vector of AES-GCM in bytes.
const MAX_IV: usize = 1024;
/// The most additional authenticated data in bytes.
pub(crate) const MAX_AAD: usize = 4 * 1024 * 1024;
/// The longest OAEP label, and the most data shared for a key derivation, in bytes.
const MAX_LABEL: usize = 64 * 1024;
/// The longest public point in bytes: P-521's, in a DER OCTET STRING, is 136.
const MAX_POINT: usize = 1024;
/// The longest salt of a PSS signature in bytes; a modulus of 8192 bits has fewer.
const MAX_SALT: u64 = 1024;

const BLOCK: usize = 16;

/// A mechanism whose row in the mechanism table has been looked up.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    /// The mechanism.
    pub(crate) mechanism: Mechanism,
    /// Its row.
    pub(crate) spec: &'static MechanismSpec,
}

/// Reads a mechanism and its parameters.
///
/// # Errors
///
/// `CKR_MECHANISM_INVALID` for a mechanism that isn't in the table, `CKR_MECHANISM_PARAM_INVALID`
/// for parameters that aren't this mechanism's.
///
/// # Safety
///
/// Unless NULL, `pParameter` leads to `ulParameterLen` readable bytes, and if they are the structure
/// that the mechanism takes, the pointers therein, unless NULL, to as many bytes as the lengths
/// beside them say. Nothing needs to be aligned.
pub(crate) unsafe fn parse(ck: CK_MECHANISM) -> Result<Parsed> {
    let kind = MechanismType(ck.mechanism);
    let spec = kind.spec().ok_or(ReturnCode::MECHANISM_INVALID)?;
    let parameter = Parameter { pointer: ck.pParameter.cast(), len: ck.ulParameterLen };
    // SAFETY: readable as the caller promises.
    let params = unsafe {
        match spec.algorithm {
            Algorithm::AesCbc | Algorithm::AesCbcPad => Params::Iv(parameter.iv(BLOCK)?),
            Algorithm::AesKw => parameter.optional_iv(8)?,
            Algorithm::AesKwp => parameter.optional_iv(4)?,
            Algorithm::AesCtr => parameter.ctr()?,
            Algorithm::AesGcm => parameter.gcm()?,
            Algorithm::RsaPss => parameter.pss(spec.hash)?,
            Algorithm::RsaOaep => parameter.oaep()?,
            Algorithm::Ecdh => parameter.ecdh()?,
            _ => parameter.none()?,
        }
    };
    Ok(Parsed { mechanism: Mechanism { kind, params }, spec })
}

/// `pParameter` and `ulParameterLen`.
///
/// # Safety
///
/// For all `unsafe` methods: unless NULL, `pointer` leads to `len` readable bytes, and pointers
/// therein to as many as the lengths beside them say.
#[derive(Clone, Copy)]
struct Parameter {
    pointer: *const u8,
    len: u64,
}

/// `CK_GCM_PARAMS` as of PKCS#11 2.30, without `ulIvBits`; SunPKCS11 tries it first.
#[repr(C)]
#[derive(Clone, Copy)]
struct GcmParamsWithoutIvBits {
    iv: *const u8,
    iv_len: u64,
    aad: *const u8,
    aad_len: u64,
    tag_bits: u64,
}

impl Parameter {
    /// No parameters. A pointer to nothing is fine: some clients leave one behind.
    fn none(self) -> Result<Params> {
        if self.len == 0 { Ok(Params::None) } else { Err(self.refusal("takes no parameters")) }
    }

    unsafe fn iv(self, len: usize) -> Result<Blob> {
        if self.len != len as u64 {
            return Err(self.refusal("takes an initialisation vector of another length"));
        }
        // SAFETY: see the type.
        unsafe { bytes(self.pointer, self.len, len) }
    }

    unsafe fn optional_iv(self, len: usize) -> Result<Params> {
        if self.len == 0 {
            return Ok(Params::None);
        }
        // SAFETY: see the type.
        unsafe { self.iv(len).map(Params::Iv) }
    }

    /// PKCS#11 3.2 section 6.11.
    unsafe fn ctr(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_AES_CTR_PARAMS = unsafe { self.structure()? };
        match u8::try_from(ck.ulCounterBits) {
            Ok(bits @ 1..=128) => Ok(Params::Ctr { bits, block: ck.cb }),
            _ => Err(self.refusal("takes 1 to 128 bits of counter")),
        }
    }

    /// PKCS#11 3.2 section 6.13. `ulIvBits` says nothing that `ulIvLen` doesn't, and clients leave it 0.
    unsafe fn gcm(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck = unsafe {
            if self.len == size_of::<GcmParamsWithoutIvBits>() as u64 {
                self.structure::<GcmParamsWithoutIvBits>()?
            } else {
                let ck: CK_GCM_PARAMS = self.structure()?;
                GcmParamsWithoutIvBits {
                    iv: ck.pIv,
                    iv_len: ck.ulIvLen,
                    aad: ck.pAAD,
                    aad_len: ck.ulAADLen,
                    tag_bits: ck.ulTagBits,
                }
            }
        };
        // SAFETY: see the type.
        let (iv, aad) = unsafe { (bytes(ck.iv, ck.iv_len, MAX_IV)?, bytes(ck.aad, ck.aad_len, MAX_AAD)?) };
        let tag_bits = match u8::try_from(ck.tag_bits) {
            Ok(bits @ 8..=128) if bits % 8 == 0 => bits,
            _ => return Err(self.refusal("takes a tag of 8 to 128 bits, in steps of 8")),
        };
        if iv.is_empty() {
            return Err(self.refusal("takes an initialisation vector of 1 to 1,024 bytes"));
        }
        Ok(Params::Gcm { iv, aad, tag_bits })
    }

    /// PKCS#11 3.2 section 6.1. A mechanism that hashes must be given the hash it has.
    unsafe fn pss(self, of_mechanism: Option<Hash>) -> Result<Params> {
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
    unsafe fn oaep(self) -> Result<Params> {
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

    /// PKCS#11 3.2 section 6.3.
    unsafe fn ecdh(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_ECDH1_DERIVE_PARAMS = unsafe { self.structure()? };
        let kdf = Hash::from_kdf(ck.kdf);
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

    unsafe fn structure<T: Copy>(self) -> Result<T> {
        if self.len != size_of::<T>() as u64 {
            return Err(self.refusal("takes a structure of another length"));
        }
        // SAFETY: `len` bytes are readable, which is the size of `T`; only integers and pointers are asked for.
        let structure = unsafe { Src::new(self.pointer.cast::<T>()) };
        structure.get().ok_or_else(|| self.refusal("takes a structure, not NULL"))
    }

    fn refusal(self, why: &str) -> Error {
        Error::new(
            ReturnCode::MECHANISM_PARAM_INVALID,
            format!("the mechanism {why} (ulParameterLen is {})", self.len),
        )
    }
}

/// Copies `len` bytes; NULL with a length of 0 is an empty blob. NULL with a length and more than
/// `limit` bytes are refused; a length that is plausible but a lie can't be seen.
///
/// # Safety
///
/// Unless NULL, `pointer` leads to `len` readable bytes.
unsafe fn bytes(pointer: *const u8, len: u64, limit: usize) -> Result<Blob> {
    // SAFETY: readable as the caller promises; copied before this function returns.
    let bytes = unsafe { In::new(pointer, len) };
    match bytes.at_most(limit) {
        Ok(bytes) => Ok(Blob::from(bytes)),
        Err(error) => Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, error.message)),
    }
}
