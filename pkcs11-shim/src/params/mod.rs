//! Mechanism parameters: from the application's C structures to [`Mechanism`].
//!
//! Which structure belongs to a mechanism follows from its [`Algorithm`] in the mechanism table.
//! Everything is copied here, since applications free their parameters right after an `Init`.

mod derive;
mod ec;
mod ike;
mod kbkdf;
pub(crate) mod message;
mod password;
mod places;
mod pq;
mod rsa;
mod symmetric;
#[cfg(test)]
mod tests;
mod tls;

use std::mem::size_of;

use cryptoki_sys::CK_MECHANISM;
use strongroom_model::{
    Algorithm, Blob, Error, Hash, Mechanism, MechanismSpec, MechanismType, Params, Result, ReturnCode,
};

use crate::abi::{In, Src};

pub(crate) use places::Places;
pub(crate) use symmetric::iv_room;

/// The longest initialisation vector of AES-GCM in bytes.
const MAX_IV: usize = 1024;
/// The most additional authenticated data in bytes.
pub(crate) const MAX_AAD: usize = 4 * 1024 * 1024;
/// The longest OAEP label, and the most data shared for a key derivation, in bytes.
const MAX_LABEL: usize = 64 * 1024;

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
            Algorithm::RsaPss => parameter.pss(spec.hash)?,
            Algorithm::RsaOaep => parameter.oaep()?,
            Algorithm::RsaAesKeyWrap => parameter.rsa_aes_wrap()?,
            Algorithm::Ecdh => parameter.ecdh()?,
            Algorithm::EcdhAesKeyWrap => parameter.ecdh_aes_wrap()?,
            Algorithm::MlDsa
            | Algorithm::HashMlDsa
            | Algorithm::MlDsaMu
            | Algorithm::SlhDsa
            | Algorithm::HashSlhDsa => parameter.context()?,
            Algorithm::MlDsaOfDigest | Algorithm::SlhDsaOfDigest => parameter.hash_context()?,
            Algorithm::Eddsa => parameter.eddsa()?,
            Algorithm::KbkdfCounter if kind == MechanismType::CLOUDHSM_SP800_108_COUNTER_KDF => {
                parameter.vendor_kbkdf()?
            }
            Algorithm::KbkdfCounter => parameter.kbkdf(true)?,
            Algorithm::KbkdfDoublePipeline => parameter.kbkdf(false)?,
            Algorithm::KbkdfFeedback => parameter.kbkdf_feedback()?,
            Algorithm::DhDerive => parameter.public_value()?,
            Algorithm::X942Derive => parameter.x942()?,
            Algorithm::SeededParameterGen => parameter.parameter_seed()?,
            Algorithm::HkdfDerive | Algorithm::HkdfData => parameter.hkdf()?,
            Algorithm::Pbkdf2 => parameter.pbkdf2()?,
            Algorithm::Pkcs12Pbe => parameter.pbe(spec.hash.unwrap_or(Hash::Sha1))?,
            Algorithm::ConcatenateKey => parameter.other_key()?,
            Algorithm::ConcatenateData | Algorithm::ConcatenateToData | Algorithm::XorData => {
                parameter.string_data()?
            }
            Algorithm::ExtractBits => parameter.position()?,
            Algorithm::EncryptData => parameter.encrypt_data(kind.0)?,
            Algorithm::Ike2PrfPlus | Algorithm::IkePrf | Algorithm::Ike1Prf | Algorithm::Ike1Extended => {
                parameter.ike(kind.0)?
            }
            Algorithm::TlsPreMasterGen
            | Algorithm::Ssl3Master
            | Algorithm::Ssl3MasterDh
            | Algorithm::Ssl3KeyAndMac
            | Algorithm::TlsMaster
            | Algorithm::TlsMasterDh
            | Algorithm::TlsKeyAndMac
            | Algorithm::TlsPrf
            | Algorithm::Tls12Master
            | Algorithm::Tls12MasterDh
            | Algorithm::Tls12ExtendedMaster
            | Algorithm::Tls12ExtendedMasterDh
            | Algorithm::Tls12KeyAndMac
            | Algorithm::Tls12KeySafe
            | Algorithm::TlsMac
            | Algorithm::TlsKdf => parameter.tls(spec)?,
            _ => match parameter.symmetric(spec)? {
                Some(params) => params,
                None => parameter.none()?,
            },
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

impl Parameter {
    /// No parameters. A pointer to nothing is fine: some clients leave one behind.
    fn none(self) -> Result<Params> {
        if self.len == 0 { Ok(Params::None) } else { Err(self.refusal("takes no parameters")) }
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
