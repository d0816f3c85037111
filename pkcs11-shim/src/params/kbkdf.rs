//! Parameters of the key derivations of NIST SP 800-108, as PKCS#11 and as CloudHSM has them.

use cryptoki_sys::*;
use strongroom_model::{Attributes, Blob, Handle, Kbkdf, KbkdfField, NumberFormat, Params, Result, limits};

use super::derive::MAX_PIECE;
use super::{Parameter, bytes};
use crate::template::Template;

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
