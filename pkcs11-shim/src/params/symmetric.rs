//! Parameters of ciphers and MACs with secret keys.

use std::mem::size_of;

use cryptoki_sys::{
    CK_AES_CTR_PARAMS, CK_CCM_PARAMS, CK_CHACHA20_PARAMS, CK_GCM_PARAMS, CK_MECHANISM,
    CK_SALSA20_CHACHA20_POLY1305_PARAMS,
};
use strongroom_model::{Algorithm, Blob, MechanismSpec, MechanismType, Params, Result};

use super::{MAX_AAD, MAX_IV, Parameter, bytes};
use crate::abi::Room;
use crate::operations::mac_len;

/// The block of AES in bytes.
const BLOCK: usize = 16;
/// The block of DES in bytes.
const DES_BLOCK: usize = 8;

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

/// Where the initialisation vector of AES-GCM is.
///
/// # Errors
///
/// `CKR_MECHANISM_PARAM_INVALID`.
///
/// # Safety
///
/// As for [`super::parse`]; and `pIv` can be written to.
pub(crate) unsafe fn iv_room(ck: CK_MECHANISM) -> Result<Room> {
    let parameter = Parameter { pointer: ck.pParameter.cast(), len: ck.ulParameterLen };
    // SAFETY: as the caller vouches.
    unsafe {
        let gcm = parameter.gcm_structure()?;
        Ok(Room::new(gcm.iv.cast_mut(), gcm.iv_len))
    }
}

/// See [`Parameter`] for what callers promise.
impl Parameter {
    /// Those of a mechanism that is one of these.
    pub(super) unsafe fn symmetric(self, spec: &MechanismSpec) -> Result<Option<Params>> {
        // SAFETY: see the type.
        let params = unsafe {
            match spec.algorithm {
                Algorithm::AesCbc
                | Algorithm::AesCbcPad
                | Algorithm::AesCts
                | Algorithm::AesXts
                | Algorithm::AesOfb
                | Algorithm::AesCfb1
                | Algorithm::AesCfb8
                | Algorithm::AesCfb64
                | Algorithm::AesCfb128 => Params::Iv(self.iv(BLOCK)?),
                Algorithm::DesCbc
                | Algorithm::DesCbcPad
                | Algorithm::DesOfb64
                | Algorithm::DesOfb8
                | Algorithm::DesCfb64
                | Algorithm::DesCfb8 => Params::Iv(self.iv(DES_BLOCK)?),
                Algorithm::AesKwp if spec.kind == MechanismType::CLOUDHSM_AES_KEY_WRAP_ZERO_PAD => {
                    self.none()?
                }
                Algorithm::AesKw | Algorithm::AesKwPkcs7 => self.optional_iv(8)?,
                Algorithm::AesKwp => self.optional_iv(4)?,
                Algorithm::AesCtr => self.ctr()?,
                Algorithm::AesGcm if spec.kind == MechanismType::CLOUDHSM_AES_GCM => self.vendor_gcm()?,
                Algorithm::AesGcm => self.gcm(8)?,
                Algorithm::AesGmac => self.gcm(32)?,
                Algorithm::AesCcm => self.ccm()?,
                Algorithm::ChaCha20 => self.chacha20()?,
                Algorithm::ChaCha20Poly1305 => self.chacha20_poly1305()?,
                Algorithm::HmacGeneral
                | Algorithm::AesCmacGeneral
                | Algorithm::AesMacGeneral
                | Algorithm::DesCmacGeneral
                | Algorithm::DesMacGeneral
                | Algorithm::Ssl3Mac => self.mac_len(spec)?,
                _ => return Ok(None),
            }
        };
        Ok(Some(params))
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

    /// `CK_MAC_GENERAL_PARAMS`, a number: PKCS#11 3.2 section 6.9. A MAC of no length would fit everything.
    unsafe fn mac_len(self, spec: &MechanismSpec) -> Result<Params> {
        // SAFETY: see the type.
        let len: u64 = unsafe { self.structure()? };
        match u32::try_from(len) {
            Ok(len) if len > 0 && mac_len(spec, &Params::None).is_some_and(|full| len as usize <= full) => {
                Ok(Params::MacLen(len))
            }
            _ => Err(self.refusal("takes a length of 1 byte up to that of the whole MAC")),
        }
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
    unsafe fn gcm(self, least_bits: u8) -> Result<Params> {
        // SAFETY: see the type.
        let ck = unsafe { self.gcm_structure()? };
        // SAFETY: see the type.
        let (iv, aad) = unsafe { (bytes(ck.iv, ck.iv_len, MAX_IV)?, bytes(ck.aad, ck.aad_len, MAX_AAD)?) };
        if iv.is_empty() {
            return Err(self.refusal("takes an initialisation vector of 1 to 1,024 bytes"));
        }
        Ok(Params::Gcm { iv, aad, tag_bits: self.tag_bits(ck.tag_bits, least_bits)? })
    }

    /// The vendor's GCM, which makes its initialisation vector itself: `pIv` is NULL (cloudhsm.md 5.5).
    unsafe fn vendor_gcm(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck = unsafe { self.gcm_structure()? };
        if !ck.iv.is_null() {
            return Err(self.refusal("makes the initialisation vector itself: pIv must be NULL"));
        }
        // SAFETY: see the type.
        let aad = unsafe { bytes(ck.aad, ck.aad_len, MAX_AAD)? };
        Ok(Params::Gcm { iv: Blob::new(), aad, tag_bits: self.tag_bits(ck.tag_bits, 8)? })
    }

    unsafe fn gcm_structure(self) -> Result<GcmParamsWithoutIvBits> {
        // SAFETY: see the type.
        unsafe {
            if self.len == size_of::<GcmParamsWithoutIvBits>() as u64 {
                return self.structure();
            }
            let ck: CK_GCM_PARAMS = self.structure()?;
            Ok(GcmParamsWithoutIvBits {
                iv: ck.pIv,
                iv_len: ck.ulIvLen,
                aad: ck.pAAD,
                aad_len: ck.ulAADLen,
                tag_bits: ck.ulTagBits,
            })
        }
    }

    fn tag_bits(self, bits: u64, least: u8) -> Result<u8> {
        u8::try_from(bits)
            .ok()
            .filter(|bits| (least..=128).contains(bits) && bits.is_multiple_of(8))
            .ok_or_else(|| self.refusal("takes a tag of up to 128 bits, in steps of 8"))
    }

    /// PKCS#11 3.2 section 6.13.
    unsafe fn ccm(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_CCM_PARAMS = unsafe { self.structure()? };
        // SAFETY: see the type.
        let (nonce, aad) =
            unsafe { (bytes(ck.pNonce, ck.ulNonceLen, 13)?, bytes(ck.pAAD, ck.ulAADLen, MAX_AAD)?) };
        if nonce.len() < 7 {
            return Err(self.refusal("takes a nonce of 7 to 13 bytes"));
        }
        let mac_len = u8::try_from(ck.ulMACLen).ok().filter(|len| (4..=16).contains(len) && len % 2 == 0);
        let mac_len = mac_len.ok_or_else(|| self.refusal("takes a MAC of 4 to 16 bytes, in steps of 2"))?;
        Ok(Params::Ccm { data_len: ck.ulDataLen, nonce, aad, mac_len })
    }

    /// PKCS#11 3.2 section 6.58. The counter's bytes are in the order in which ChaCha20 has them: the lowest first.
    unsafe fn chacha20(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_CHACHA20_PARAMS = unsafe { self.structure()? };
        let nonce_len = match (ck.blockCounterBits, ck.ulNonceBits) {
            (64, 64) => 8,
            (32, 96) => 12,
            (64, 192) => 24,
            _ => {
                return Err(
                    self.refusal("takes a counter of 32 bits with a nonce of 96, or of 64 with 64 or 192")
                );
            }
        };
        let counter_len = if nonce_len == 12 { 4 } else { 8 };
        // SAFETY: see the type.
        let (counter, nonce) = unsafe {
            (
                bytes(ck.pBlockCounter, counter_len as u64, counter_len)?,
                bytes(ck.pNonce, nonce_len as u64, nonce_len)?,
            )
        };
        let counter = counter.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(Params::ChaCha20 { counter, nonce })
    }

    /// PKCS#11 3.2 section 6.61. The nonce's length is given in bits; one that can only be in bytes is taken as such.
    unsafe fn chacha20_poly1305(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_SALSA20_CHACHA20_POLY1305_PARAMS = unsafe { self.structure()? };
        let nonce_len = match ck.ulNonceLen {
            12 | 96 => 12,
            24 | 192 => 24,
            _ => return Err(self.refusal("takes a nonce of 96 bits, or of 192 for XChaCha20")),
        };
        // SAFETY: see the type.
        let (nonce, aad) = unsafe {
            (bytes(ck.pNonce, nonce_len as u64, nonce_len)?, bytes(ck.pAAD, ck.ulAADLen, MAX_AAD)?)
        };
        Ok(Params::ChaCha20Poly1305 { nonce, aad })
    }
}
