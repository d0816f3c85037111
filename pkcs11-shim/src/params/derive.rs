//! Parameters of mechanisms that derive keys, of those that have no file of their own.

use std::mem::size_of;

use cryptoki_sys::*;
use strongroom_model::{AgreementKdf, Blob, Handle, Hash, Hkdf, MechanismType, Params, Prf, Result, Salt};

use super::{MAX_LABEL, Parameter, bytes};
use crate::abi::Src;

/// The most data that goes into a derivation in one piece, in bytes.
pub(super) const MAX_PIECE: usize = 64 * 1024;
/// The longest public value of Diffie-Hellman in bytes.
const MAX_PUBLIC: usize = 2048;

/// # Safety
///
/// As for all of [`Parameter`].
impl Parameter {
    /// PKCS#11 3.2 section 6.62.
    pub(super) unsafe fn hkdf(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_HKDF_PARAMS = unsafe { self.structure()? };
        let (extract, expand) = (ck.bExtract != CK_FALSE, ck.bExpand != CK_FALSE);
        if !extract && !expand {
            return Err(self.refusal("extracts, expands, or does both"));
        }
        let hash = self.hash(ck.prfHashMechanism)?;
        let salt = match ck.ulSaltType {
            _ if !extract => Salt::None,
            CKF_HKDF_SALT_NULL => Salt::None,
            // SAFETY: see the type.
            CKF_HKDF_SALT_DATA => Salt::Data(unsafe { bytes(ck.pSalt, ck.ulSaltLen, MAX_PIECE)? }),
            CKF_HKDF_SALT_KEY => Salt::Key(Handle(ck.hSaltKey)),
            _ => return Err(self.refusal("takes a salt that is absent, data or a key")),
        };
        // SAFETY: see the type.
        let info = if expand { unsafe { bytes(ck.pInfo, ck.ulInfoLen, MAX_PIECE)? } } else { Blob::new() };
        Ok(Params::Hkdf(Hkdf { extract, expand, hash, salt, info }))
    }

    /// `CK_KEY_DERIVATION_STRING_DATA`.
    pub(super) unsafe fn string_data(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_KEY_DERIVATION_STRING_DATA = unsafe { self.structure()? };
        // SAFETY: see the type.
        unsafe { bytes(ck.pData, ck.ulLen, MAX_PIECE).map(Params::Data) }
    }

    /// `CK_AES_CBC_ENCRYPT_DATA_PARAMS`, `CK_DES_CBC_ENCRYPT_DATA_PARAMS`, or `CK_KEY_DERIVATION_STRING_DATA` for ECB.
    pub(super) unsafe fn encrypt_data(self, kind: u64) -> Result<Params> {
        let (iv, data, len) = match kind {
            CKM_AES_CBC_ENCRYPT_DATA => {
                // SAFETY: see the type.
                let ck: CK_AES_CBC_ENCRYPT_DATA_PARAMS = unsafe { self.structure()? };
                (Blob::from(ck.iv), ck.pData, ck.length)
            }
            CKM_DES_CBC_ENCRYPT_DATA | CKM_DES3_CBC_ENCRYPT_DATA => {
                // SAFETY: see the type.
                let ck: CK_DES_CBC_ENCRYPT_DATA_PARAMS = unsafe { self.structure()? };
                (Blob::from(ck.iv), ck.pData, ck.length)
            }
            // SAFETY: see the type.
            _ => return unsafe { self.string_data() },
        };
        // SAFETY: see the type.
        let data = unsafe { bytes(data, len, MAX_PIECE)? };
        Ok(Params::IvAndData { iv, data })
    }

    /// `CK_EXTRACT_PARAMS`.
    pub(super) unsafe fn position(self) -> Result<Params> {
        // SAFETY: see the type.
        unsafe { self.structure::<CK_EXTRACT_PARAMS>().map(Params::Position) }
    }

    /// A handle.
    pub(super) unsafe fn other_key(self) -> Result<Params> {
        // SAFETY: see the type.
        unsafe { self.structure::<CK_OBJECT_HANDLE>().map(|handle| Params::Key(Handle(handle))) }
    }

    /// The other side's public value, as bytes.
    pub(super) unsafe fn public_value(self) -> Result<Params> {
        // SAFETY: see the type.
        let public = unsafe { bytes(self.pointer, self.len, MAX_PUBLIC)? };
        if public.is_empty() {
            return Err(self.refusal("takes the other side's public value"));
        }
        Ok(Params::Data(public))
    }

    /// PKCS#11 3.2 section 6.4.
    pub(super) unsafe fn x942(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_X9_42_DH1_DERIVE_PARAMS = unsafe { self.structure()? };
        let kdf = match ck.kdf {
            CKD_NULL => None,
            CKD_SHA1_KDF_ASN1 => Some(AgreementKdf::X942Asn1),
            CKD_SHA1_KDF_CONCATENATE => Some(AgreementKdf::X963(Hash::Sha1)),
            kdf => Some(
                AgreementKdf::from_ck(kdf)
                    .ok_or_else(|| self.refusal("takes a key derivation function that is supported"))?,
            ),
        };
        // SAFETY: see the type.
        let (shared, public) = unsafe {
            (
                bytes(ck.pOtherInfo, ck.ulOtherInfoLen, MAX_LABEL)?,
                bytes(ck.pPublicData, ck.ulPublicDataLen, MAX_PUBLIC)?,
            )
        };
        if kdf.is_none() && !shared.is_empty() {
            return Err(self.refusal("takes no other info with CKD_NULL"));
        }
        if public.is_empty() {
            return Err(self.refusal("takes the other side's public value"));
        }
        Ok(Params::X942 { kdf, shared, public })
    }

    /// PKCS#11 3.2 section 6.2. The seed's length is what there is room for; the index is for other mechanisms.
    pub(super) unsafe fn parameter_seed(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_DSA_PARAMETER_GEN_PARAM = unsafe { self.structure()? };
        match u8::try_from(ck.ulSeedLen) {
            Ok(len @ 20..=64) => Ok(Params::ParameterSeed { hash: self.hash(ck.hash)?, len }),
            _ => Err(self.refusal("takes room for a seed of 20 to 64 bytes")),
        }
    }

    /// The structures of an array.
    pub(super) unsafe fn array<T: Copy>(self, start: *const T, count: u64, limit: usize) -> Result<Vec<T>> {
        if count > limit as u64 || (start.is_null() && count > 0) {
            return Err(self.refusal("takes a list that is there and not so long"));
        }
        debug_assert!(size_of::<T>() > 0, "only structures are listed");
        let at = |index: u64| {
            // SAFETY: `count` of them are there, as the type's users vouch.
            let item = unsafe { Src::new(start.wrapping_add(index as usize)) };
            item.get().ok_or_else(|| self.refusal("takes a list that is there"))
        };
        (0..count).map(at).collect()
    }

    /// The hash of a digest mechanism.
    pub(super) fn hash(self, kind: u64) -> Result<Hash> {
        Hash::from_mechanism(MechanismType(kind))
            .ok_or_else(|| self.refusal("takes a hash that is supported"))
    }

    /// The function of a MAC mechanism.
    pub(super) fn prf(self, kind: u64) -> Result<Prf> {
        if kind == CKM_AES_CMAC {
            return Ok(Prf::Cmac);
        }
        let hmac = Hash::ALL.into_iter().find(|hash| hmac_of(*hash) == kind);
        hmac.map(Prf::Hmac).ok_or_else(|| self.refusal("takes an HMAC or AES-CMAC as its PRF"))
    }
}

const fn hmac_of(hash: Hash) -> u64 {
    match hash {
        Hash::Md5 => CKM_MD5_HMAC,
        Hash::Sha1 => CKM_SHA_1_HMAC,
        Hash::Sha224 => CKM_SHA224_HMAC,
        Hash::Sha256 => CKM_SHA256_HMAC,
        Hash::Sha384 => CKM_SHA384_HMAC,
        Hash::Sha512 => CKM_SHA512_HMAC,
        Hash::Sha512_224 => CKM_SHA512_224_HMAC,
        Hash::Sha512_256 => CKM_SHA512_256_HMAC,
        Hash::Sha3_224 => CKM_SHA3_224_HMAC,
        Hash::Sha3_256 => CKM_SHA3_256_HMAC,
        Hash::Sha3_384 => CKM_SHA3_384_HMAC,
        Hash::Sha3_512 => CKM_SHA3_512_HMAC,
    }
}
