//! Mechanisms with parameters that live as long as they do.

use std::ptr;

use cryptoki_sys::*;

/// A field of a structure of parameters. In all structures used here each takes eight bytes.
#[derive(Clone, Copy, Debug)]
pub enum Word<'a> {
    /// A number, a handle or flags.
    Number(u64),
    /// A pointer to bytes; NULL if there are none.
    Pointer(&'a [u8]),
}

/// A mechanism and what its parameters point to.
#[derive(Debug)]
pub struct Mechanism {
    kind: CK_MECHANISM_TYPE,
    parameter: Vec<u64>,
    parameter_len: usize,
    /// What the parameter has pointers to.
    _lent: Vec<Vec<u8>>,
}

impl Mechanism {
    /// Without parameters.
    pub fn plain(kind: CK_MECHANISM_TYPE) -> Self {
        Self { kind, parameter: Vec::new(), parameter_len: 0, _lent: Vec::new() }
    }

    /// With bytes, such as an IV.
    pub fn with_bytes(kind: CK_MECHANISM_TYPE, bytes: &[u8]) -> Self {
        let mut parameter = vec![0; bytes.len().div_ceil(8)];
        // SAFETY: there is room for the bytes.
        unsafe { ptr::copy(bytes.as_ptr(), parameter.as_mut_ptr().cast(), bytes.len()) };
        Self { kind, parameter, parameter_len: bytes.len(), _lent: Vec::new() }
    }

    /// With a structure of these fields.
    pub fn structured(kind: CK_MECHANISM_TYPE, words: &[Word<'_>]) -> Self {
        let mut lent = Vec::new();
        let mut parameter = Vec::new();
        for word in words {
            parameter.push(match word {
                Word::Number(number) => *number,
                Word::Pointer([]) => 0,
                Word::Pointer(bytes) => {
                    lent.push(bytes.to_vec());
                    lent.last().map_or(0, |bytes| bytes.as_ptr() as u64)
                }
            });
        }
        let parameter_len = parameter.len() * 8;
        Self { kind, parameter, parameter_len, _lent: lent }
    }

    /// ECDH with `CK_ECDH1_DERIVE_PARAMS`: a KDF (`CKD_...`), no shared data, and the other side's point.
    pub fn ecdh(kdf: u64, point: &[u8]) -> Self {
        let fields = [
            Word::Number(kdf),
            Word::Number(0),
            Word::Pointer(&[]),
            Word::Number(point.len() as u64),
            Word::Pointer(point),
        ];
        Self::structured(CKM_ECDH1_DERIVE, &fields)
    }

    /// AES-GCM with `CK_GCM_PARAMS` as the standard has them now: 48 bytes.
    pub fn gcm(iv: &[u8], aad: &[u8], tag_bits: u64) -> Self {
        Self::gcm_with(48, iv, aad, tag_bits)
    }

    /// AES-GCM with `CK_GCM_PARAMS` of `len` bytes. In those of 40 bytes, which older headers have, there is no
    /// `ulIvBits`.
    pub fn gcm_with(len: usize, iv: &[u8], aad: &[u8], tag_bits: u64) -> Self {
        let lent = vec![iv.to_vec(), aad.to_vec()];
        let (iv_at, aad_at) = (lent[0].as_ptr() as u64, lent[1].as_ptr() as u64);
        let (iv_len, aad_len) = (iv.len() as u64, aad.len() as u64);
        let parameter = if len == 40 {
            vec![iv_at, iv_len, aad_at, aad_len, tag_bits]
        } else {
            vec![iv_at, iv_len, iv_len * 8, aad_at, aad_len, tag_bits]
        };
        Self { kind: CKM_AES_GCM, parameter, parameter_len: len, _lent: lent }
    }

    /// AES-GMAC, which takes the structure of AES-GCM (PKCS#11 3.2 section 6.13).
    pub fn gmac(iv: &[u8], tag_bits: u64) -> Self {
        Self { kind: CKM_AES_GMAC, ..Self::gcm(iv, &[], tag_bits) }
    }

    /// AES-CTR.
    pub fn ctr(counter_bits: u64, block: [u8; 16]) -> Self {
        let mut parameter = vec![counter_bits];
        parameter.extend(block.chunks(8).map(|half| u64::from_ne_bytes(half.try_into().expect("8 bytes"))));
        Self { kind: CKM_AES_CTR, parameter, parameter_len: 24, _lent: Vec::new() }
    }

    /// RSA-PSS with a hash, its MGF1 and a salt of its length.
    pub fn pss(kind: CK_MECHANISM_TYPE, hash: CK_MECHANISM_TYPE, mgf: u64, salt: u64) -> Self {
        Self { kind, parameter: vec![hash, mgf, salt], parameter_len: 24, _lent: Vec::new() }
    }

    /// RSA-OAEP with SHA-256 and no label.
    pub fn oaep() -> Self {
        let parameter = vec![CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, 0, 0];
        Self { kind: CKM_RSA_PKCS_OAEP, parameter, parameter_len: 40, _lent: Vec::new() }
    }

    /// The structure for a call. Good as long as this is.
    pub fn raw(&self) -> CK_MECHANISM {
        let parameter = if self.parameter_len == 0 { ptr::null() } else { self.parameter.as_ptr() };
        CK_MECHANISM {
            mechanism: self.kind,
            pParameter: parameter.cast_mut().cast(),
            ulParameterLen: self.parameter_len as u64,
        }
    }
}

/// AES-GCM's parameters for a message or a key: who draws the vector of 96 bits (`CKG_...`), where it's put, and the whole tag.
pub fn gcm_message(nonce: &mut [u8; 12], tag: &mut [u8; 16], generator: u64) -> CK_GCM_MESSAGE_PARAMS {
    CK_GCM_MESSAGE_PARAMS {
        pIv: nonce.as_mut_ptr(),
        ulIvLen: 12,
        ulIvFixedBits: 0,
        ivGenerator: generator,
        pTag: tag.as_mut_ptr(),
        ulTagBits: 128,
    }
}

/// AES-GCM with parameters that must live as long as what's returned is used.
pub fn gcm(params: &mut CK_GCM_MESSAGE_PARAMS) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism: CKM_AES_GCM,
        pParameter: ptr::from_mut(params).cast(),
        ulParameterLen: size_of::<CK_GCM_MESSAGE_PARAMS>() as u64,
    }
}
