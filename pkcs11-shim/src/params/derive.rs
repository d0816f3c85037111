//! Parameters of mechanisms that derive keys, and those that make keys from passwords.

use std::mem::size_of;

use cryptoki_sys::*;
use strongroom_model::{
    AgreementKdf, Attributes, Blob, Handle, Hash, Hkdf, Ike, Kbkdf, KbkdfField, MechanismType, NumberFormat,
    Params, PasswordBased, Prf, Result, Salt, limits,
};

use super::{MAX_LABEL, Parameter, bytes};
use crate::abi::Src;
use crate::template::Template;

/// The most data that goes into a derivation in one piece, in bytes.
const MAX_PIECE: usize = 64 * 1024;
/// The longest password in bytes; beyond it the field is a pointer to the length, as PKCS#11 before 2.40 had it.
const MAX_PASSWORD: u64 = 65_535;
/// The longest public value of Diffie-Hellman in bytes.
const MAX_PUBLIC: usize = 2048;

/// `CK_SP800_108_KDF_PARAMS` as CloudHSM has it: no further keys (cloudhsm.md 5.4).
#[repr(C)]
#[derive(Clone, Copy)]
struct VendorKdfParams {
    prf: CK_ULONG,
    count: CK_ULONG,
    fields: *const CK_PRF_DATA_PARAM,
}

/// `CK_SP800_108_DKM_LENGTH_FORMAT` as CloudHSM has it: big-endian.
#[repr(C)]
#[derive(Clone, Copy)]
struct VendorLengthFormat {
    method: CK_ULONG,
    bits: CK_ULONG,
}

/// CloudHSM's types of data (cloudhsm.md 5.4). The first three go where they stand; of the others the derivation puts
/// together counter, label, zero, context and length, in whatever order they come.
mod vendor {
    pub(super) const ITERATION_VARIABLE: u64 = 1;
    pub(super) const DKM_LENGTH: u64 = 2;
    pub(super) const BYTE_ARRAY: u64 = 3;
    pub(super) const COUNTER_FORMAT: u64 = 4;
    pub(super) const PRF_LABEL: u64 = 5;
    pub(super) const PRF_CONTEXT: u64 = 6;
    pub(super) const DKM_FORMAT: u64 = 7;
    pub(super) const SP800_108_BYTE_ARRAY: u64 = 8;
}

/// # Safety
///
/// As for all of [`Parameter`].
impl Parameter {
    /// PKCS#11 3.2 section 6.42; `counter_mode` decides what an iteration variable is.
    pub(super) unsafe fn kbkdf(self, counter_mode: bool) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_SP800_108_KDF_PARAMS = unsafe { self.structure()? };
        // SAFETY: see the type.
        unsafe {
            self.kbkdf_of(
                counter_mode,
                ck.prfType,
                (ck.pDataParams, ck.ulNumberOfDataParams),
                Blob::new(),
                (ck.pAdditionalDerivedKeys, ck.ulAdditionalDerivedKeys),
            )
        }
    }

    /// PKCS#11 3.2 section 6.42.
    pub(super) unsafe fn kbkdf_feedback(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_SP800_108_FEEDBACK_KDF_PARAMS = unsafe { self.structure()? };
        // SAFETY: see the type.
        unsafe {
            self.kbkdf_of(
                false,
                ck.prfType,
                (ck.pDataParams, ck.ulNumberOfDataParams),
                bytes(ck.pIV, ck.ulIVLen, MAX_PIECE)?,
                (ck.pAdditionalDerivedKeys, ck.ulAdditionalDerivedKeys),
            )
        }
    }

    unsafe fn kbkdf_of(
        self,
        counter_mode: bool,
        prf: u64,
        (fields, count): (*const CK_PRF_DATA_PARAM, u64),
        iv: Blob,
        (further, further_count): (*const CK_DERIVED_KEY, u64),
    ) -> Result<Params> {
        // SAFETY: see the type.
        let (fields, further) = unsafe {
            (
                self.array(fields, count, limits::MAX_PRF_FIELDS)?,
                self.array(further, further_count, limits::MAX_FURTHER_KEYS)?,
            )
        };
        // SAFETY: see the type.
        let fields = fields.into_iter().map(|field| unsafe { self.field(counter_mode, field) });
        let fields = fields.collect::<Result<_>>()?;
        // SAFETY: see the type.
        let template =
            |key: CK_DERIVED_KEY| unsafe { Template::new(key.pTemplate, key.ulAttributeCount).attributes() };
        let further = further.into_iter().map(template).collect::<Result<Vec<Attributes>>>()?;
        Ok(Params::Kbkdf(Kbkdf { prf: self.prf(prf)?, fields, iv, further }))
    }

    unsafe fn field(self, counter_mode: bool, field: CK_PRF_DATA_PARAM) -> Result<KbkdfField> {
        let value = Self { pointer: field.pValue.cast(), len: field.ulValueLen };
        let counter = || {
            // SAFETY: see the type.
            let ck: CK_SP800_108_COUNTER_FORMAT = unsafe { value.structure()? };
            self.format(ck.bLittleEndian, ck.ulWidthInBits).map(KbkdfField::Counter)
        };
        Ok(match field.type_ {
            CK_SP800_108_ITERATION_VARIABLE if counter_mode => counter()?,
            CK_SP800_108_ITERATION_VARIABLE if field.ulValueLen == 0 => KbkdfField::Iteration,
            CK_SP800_108_COUNTER if !counter_mode => counter()?,
            CK_SP800_108_DKM_LENGTH => {
                // SAFETY: see the type.
                let ck: CK_SP800_108_DKM_LENGTH_FORMAT = unsafe { value.structure()? };
                KbkdfField::Length {
                    of_segments: self.of_segments(ck.dkmLengthMethod)?,
                    format: self.format(ck.bLittleEndian, ck.ulWidthInBits)?,
                }
            }
            CK_SP800_108_BYTE_ARRAY => {
                // SAFETY: see the type.
                KbkdfField::Bytes(unsafe { bytes(value.pointer, value.len, MAX_PIECE)? })
            }
            CK_SP800_108_KEY_HANDLE => {
                // SAFETY: see the type.
                KbkdfField::Key(Handle(unsafe { value.structure::<CK_OBJECT_HANDLE>()? }))
            }
            _ => return Err(self.refusal("takes data of the types of its mode")),
        })
    }

    /// cloudhsm.md 5.4.
    pub(super) unsafe fn vendor_kbkdf(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: VendorKdfParams = unsafe { self.structure()? };
        // SAFETY: see the type.
        let given = unsafe { self.array(ck.fields, ck.count, limits::MAX_PRF_FIELDS)? };
        let assembled = given.iter().any(|field| {
            matches!(
                field.type_,
                vendor::COUNTER_FORMAT | vendor::PRF_LABEL | vendor::PRF_CONTEXT | vendor::DKM_FORMAT
            )
        });
        let mut fields = Vec::with_capacity(given.len() + 1);
        for field in given {
            let value = Self { pointer: field.pValue.cast(), len: field.ulValueLen };
            let (place, field) = match field.type_ {
                vendor::ITERATION_VARIABLE | vendor::COUNTER_FORMAT => {
                    // SAFETY: see the type.
                    let bits = unsafe { value.structure::<CK_ULONG>()? };
                    if !matches!(bits, 16 | 32) {
                        return Err(self.refusal("takes a counter of 16 or 32 bits"));
                    }
                    (0, KbkdfField::Counter(self.format(CK_FALSE, bits)?))
                }
                vendor::DKM_LENGTH | vendor::DKM_FORMAT => {
                    // SAFETY: see the type.
                    let ck: VendorLengthFormat = unsafe { value.structure()? };
                    if !matches!(ck.bits, 8 | 16 | 32 | 64) || self.of_segments(ck.method)? {
                        return Err(self.refusal("takes the sum of keys as length, of 8, 16, 32 or 64 bits"));
                    }
                    (4, KbkdfField::Length { of_segments: false, format: self.format(CK_FALSE, ck.bits)? })
                }
                vendor::BYTE_ARRAY | vendor::SP800_108_BYTE_ARRAY if assembled => {
                    return Err(self.refusal("takes labels and contexts, or arrays of bytes, but not both"));
                }
                kind @ (vendor::BYTE_ARRAY
                | vendor::SP800_108_BYTE_ARRAY
                | vendor::PRF_LABEL
                | vendor::PRF_CONTEXT) => {
                    // SAFETY: see the type.
                    let data = unsafe { bytes(value.pointer, value.len, MAX_PIECE)? };
                    (if kind == vendor::PRF_CONTEXT { 3 } else { 1 }, KbkdfField::Bytes(data))
                }
                _ => return Err(self.refusal("takes data of the vendor's types")),
            };
            fields.push((place, field));
        }
        if assembled {
            fields.push((2, KbkdfField::Bytes(Blob::from([0]))));
            fields.sort_by_key(|(place, _)| *place);
        }
        let fields = fields.into_iter().map(|(_, field)| field).collect();
        Ok(Params::Kbkdf(Kbkdf { prf: self.prf(ck.prf)?, fields, iv: Blob::new(), further: Vec::new() }))
    }

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

    /// PKCS#11 3.2 section 6.37. In `CK_PKCS5_PBKD2_PARAMS` of earlier versions the password's length is behind a pointer; it
    /// can't be told from this one by its size, and to follow what may be a wrong length could end the caller's process.
    pub(super) unsafe fn pbkdf2(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_PKCS5_PBKD2_PARAMS2 = unsafe { self.structure()? };
        let hash = match ck.prf {
            CKP_PKCS5_PBKD2_HMAC_SHA1 => Hash::Sha1,
            CKP_PKCS5_PBKD2_HMAC_SHA224 => Hash::Sha224,
            CKP_PKCS5_PBKD2_HMAC_SHA256 => Hash::Sha256,
            CKP_PKCS5_PBKD2_HMAC_SHA384 => Hash::Sha384,
            CKP_PKCS5_PBKD2_HMAC_SHA512 => Hash::Sha512,
            CKP_PKCS5_PBKD2_HMAC_SHA512_224 => Hash::Sha512_224,
            CKP_PKCS5_PBKD2_HMAC_SHA512_256 => Hash::Sha512_256,
            _ => return Err(self.refusal("takes HMAC with SHA-1 or SHA-2 as its PRF")),
        };
        if ck.saltSource != CKZ_SALT_SPECIFIED {
            return Err(self.refusal("takes a salt of source CKZ_SALT_SPECIFIED"));
        }
        // SAFETY: see the type.
        unsafe {
            self.password(
                hash,
                (ck.pPassword, ck.ulPasswordLen),
                (ck.pSaltSourceData.cast(), ck.ulSaltSourceDataLen),
                ck.iterations,
            )
        }
    }

    /// PKCS#11 3.2 section 6.38. Who gets the initialisation vector is for [`super::Places`] to see.
    pub(super) unsafe fn pbe(self, hash: Hash) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_PBE_PARAMS = unsafe { self.structure()? };
        // SAFETY: see the type.
        unsafe {
            self.password(hash, (ck.pPassword, ck.ulPasswordLen), (ck.pSalt, ck.ulSaltLen), ck.ulIteration)
        }
    }

    unsafe fn password(
        self,
        hash: Hash,
        password: (*const u8, u64),
        salt: (*const u8, u64),
        iterations: u64,
    ) -> Result<Params> {
        // SAFETY: see the type.
        let (password, salt) = unsafe {
            (bytes(password.0, password.1, MAX_PASSWORD as usize)?, bytes(salt.0, salt.1, MAX_PIECE)?)
        };
        match u32::try_from(iterations) {
            Ok(iterations @ 1..=limits::MAX_PBE_ITERATIONS) => {
                Ok(Params::PasswordBased(PasswordBased { hash, password, salt, iterations }))
            }
            _ => Err(self.refusal("takes 1 to 4,000,000 iterations")),
        }
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

    fn prf(self, kind: u64) -> Result<Prf> {
        if kind == CKM_AES_CMAC {
            return Ok(Prf::Cmac);
        }
        let hmac = Hash::ALL.into_iter().find(|hash| hmac_of(*hash) == kind);
        hmac.map(Prf::Hmac).ok_or_else(|| self.refusal("takes an HMAC or AES-CMAC as its PRF"))
    }

    fn format(self, little_endian: CK_BBOOL, bits: u64) -> Result<NumberFormat> {
        match u8::try_from(bits) {
            Ok(bits @ 8..=64) if bits.is_multiple_of(8) => {
                Ok(NumberFormat { little_endian: little_endian != CK_FALSE, bits })
            }
            _ => Err(self.refusal("takes numbers of 8 to 64 bits, in steps of 8")),
        }
    }

    fn of_segments(self, method: u64) -> Result<bool> {
        match method {
            CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS => Ok(false),
            CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS => Ok(true),
            _ => Err(self.refusal("takes the sum of keys or of segments as length")),
        }
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

fn joined(first: &[u8], second: &[u8]) -> Blob {
    let mut all = Blob::from(first);
    all.extend(second);
    all
}
