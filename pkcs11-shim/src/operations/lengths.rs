//! How long results are: enough to answer size queries and to see that a buffer is too small
//! without asking a node.

use strongroom_model::{
    Algorithm, Mechanism, MechanismSpec, MechanismType, ObjectInfo, Params, Result, ReturnCode, Tls,
};

const BLOCK: usize = 16;
const DES_BLOCK: usize = 8;
/// The initialisation vector that the vendor's GCM makes, in bytes.
const MADE_IV: usize = 12;
/// The tag of Poly1305 in bytes.
const POLY1305: usize = 16;
/// The most that AES-XTS takes, in bytes (NIST SP 800-38E).
const DATA_UNIT: usize = BLOCK << 20;
/// Bytes that key wrapping adds, and that it works in (RFC 3394).
const SEMIBLOCK: usize = 8;
/// Bytes that PKCS#1 v1.5 needs beside the message (RFC 8017 section 7.2).
const PKCS1_OVERHEAD: usize = 11;
/// The longest result that fits the arithmetic here.
const MAX_LEN: usize = usize::MAX / 4;

/// Which way a cipher runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Encrypt,
    Decrypt,
}

/// A result's length as far as it's known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// The longest it can be.
    pub(super) max: usize,
    /// Whether it's always that long; otherwise it's known when the result is there.
    pub(super) exact: bool,
}

/// What a cipher does to lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    /// RSA; `overhead` is what the padding takes, 0 for raw RSA.
    Rsa { modulus: usize, overhead: usize },
    /// Whole blocks of so many bytes in, whole blocks out: ECB and CBC.
    Blocks(usize),
    /// CBC with PKCS#7 padding, with blocks of so many bytes.
    Padded(usize),
    /// CTR, OFB, CFB, ChaCha20.
    Bytes,
    /// CTS and XTS: a block or more; what is held back until more comes is `held` bytes at least.
    Stealing { held: usize },
    /// GCM.
    Tagged { tag: usize },
    /// CCM and ChaCha20-Poly1305: nothing comes out before the end, either way.
    Sealed { tag: usize },
    /// The vendor's GCM, whose initialisation vector comes before the ciphertext. In one go only.
    Prefixed { tag: usize },
    /// RFC 3394.
    KeyWrap,
    /// RFC 3394 of what was padded by PKCS#7.
    KeyWrapPkcs7,
    /// RFC 5649.
    KeyWrapPad,
}

/// The length of a MAC in bytes; `None` for what isn't one. For one of a length that is asked for, without parameters that
/// ask, it's the longest that there is.
pub(crate) fn mac_len(spec: &MechanismSpec, params: &Params) -> Option<usize> {
    if let Params::MacLen(len) = params {
        return usize::try_from(*len).ok();
    }
    match (spec.algorithm, spec.hash, params) {
        (Algorithm::Hmac | Algorithm::HmacGeneral, Some(hash), _) => Some(hash.len()),
        (Algorithm::AesGmac, _, Params::Gcm { tag_bits, .. }) => Some(usize::from(*tag_bits) / 8),
        (Algorithm::AesCmac | Algorithm::AesCmacGeneral | Algorithm::AesMacGeneral, ..) => Some(BLOCK),
        (Algorithm::AesXcbcMac | Algorithm::AesGmac | Algorithm::Poly1305, ..) => Some(BLOCK),
        (Algorithm::AesXcbcMac96, ..) => Some(12),
        (Algorithm::DesCmac | Algorithm::DesCmacGeneral | Algorithm::DesMacGeneral, ..) => Some(DES_BLOCK),
        (Algorithm::AesMac, ..) => Some(BLOCK / 2),
        (Algorithm::Ssl3Mac, Some(hash), _) => Some(hash.len()),
        (Algorithm::TlsMac, _, Params::Tls(Tls::Finished { len, .. })) => usize::try_from(*len).ok(),
        (Algorithm::DesMac, ..) => Some(DES_BLOCK / 2),
        _ => None,
    }
}

/// The length of a signature.
///
/// # Errors
///
/// `CKR_MECHANISM_INVALID` for an algorithm that makes none.
pub(super) fn signature(algorithm: Algorithm, hash: Option<usize>, key: &ObjectInfo) -> Result<usize> {
    let bytes = (key.size as usize).div_ceil(8);
    match (algorithm, hash) {
        (Algorithm::RsaPkcs | Algorithm::RsaPss | Algorithm::RsaX509 | Algorithm::RsaX931, _) => Ok(bytes),
        (Algorithm::Ecdsa, _) => Ok(2 * bytes),
        (Algorithm::Dsa, _) => Ok(2 * usize::from(key.subprime_bits).div_ceil(8)),
        // FIPS 204 table 2; the size is the number of the parameter set.
        (Algorithm::MlDsa | Algorithm::HashMlDsa | Algorithm::MlDsaOfDigest | Algorithm::MlDsaMu, _) => {
            of_set(&[2420, 3309, 4627], key)
        }
        (Algorithm::Hss | Algorithm::Xmss | Algorithm::XmssMt, _) => Ok(ANY),
        // FIPS 205 table 2.
        (Algorithm::SlhDsa | Algorithm::HashSlhDsa | Algorithm::SlhDsaOfDigest, _) => {
            of_set(&[7856, 7856, 17088, 17088, 16224, 16224, 35664, 35664, 29792, 29792, 49856, 49856], key)
        }
        // The curve's bits and one more, twice (RFC 8032).
        (Algorithm::Eddsa, _) => Ok(2 * (key.size as usize / 8 + 1)),
        _ => Err(ReturnCode::MECHANISM_INVALID.into()),
    }
}

/// Stands for the length of signatures that say themselves how long they are.
pub(super) const ANY: usize = 0;
/// The longest of them in bytes: more than any of HSS, XMSS and XMSS^MT (PKCS#11 3.2 sections 6.65 and 6.66).
pub(super) const MAX_SIGNATURE: usize = 128 * 1024;

/// The length for a key's parameter set; sets are numbered from 1.
fn of_set(lengths: &[usize], key: &ObjectInfo) -> Result<usize> {
    let set = (key.size as usize).checked_sub(1).and_then(|at| lengths.get(at));
    set.copied().ok_or_else(|| ReturnCode::KEY_TYPE_INCONSISTENT.into())
}

impl Size {
    const fn exactly(max: usize) -> Self {
        Self { max, exact: true }
    }

    const fn at_most(max: usize) -> Self {
        Self { max, exact: false }
    }
}

impl Direction {
    /// The refusal of input whose length can't be right.
    pub(super) fn length_refusal(self) -> ReturnCode {
        match self {
            Self::Encrypt => ReturnCode::DATA_LEN_RANGE,
            Self::Decrypt => ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
        }
    }
}

impl Cipher {
    /// The cipher of a mechanism with a key.
    ///
    /// # Errors
    ///
    /// `CKR_MECHANISM_INVALID` for a mechanism that doesn't encrypt.
    pub(super) fn of(mechanism: &Mechanism, algorithm: Algorithm, key: &ObjectInfo) -> Result<Self> {
        let modulus = (key.size as usize).div_ceil(8);
        match (algorithm, &mechanism.params) {
            (Algorithm::RsaPkcs, _) => Ok(Self::Rsa { modulus, overhead: PKCS1_OVERHEAD }),
            (Algorithm::RsaX509, _) => Ok(Self::Rsa { modulus, overhead: 0 }),
            (Algorithm::RsaOaep, Params::Oaep { hash, .. }) => {
                Ok(Self::Rsa { modulus, overhead: 2 * hash.len() + 2 })
            }
            (Algorithm::AesEcb | Algorithm::AesCbc, _) => Ok(Self::Blocks(BLOCK)),
            (Algorithm::AesCbcPad, _) => Ok(Self::Padded(BLOCK)),
            (Algorithm::DesEcb | Algorithm::DesCbc, _) => Ok(Self::Blocks(DES_BLOCK)),
            (Algorithm::DesCbcPad, _) => Ok(Self::Padded(DES_BLOCK)),
            (Algorithm::AesCtr | Algorithm::AesOfb | Algorithm::ChaCha20, _) => Ok(Self::Bytes),
            (Algorithm::AesCfb1 | Algorithm::AesCfb8 | Algorithm::AesCfb64 | Algorithm::AesCfb128, _) => {
                Ok(Self::Bytes)
            }
            (Algorithm::DesOfb64 | Algorithm::DesOfb8 | Algorithm::DesCfb64 | Algorithm::DesCfb8, _) => {
                Ok(Self::Bytes)
            }
            (Algorithm::AesCts, _) => Ok(Self::Stealing { held: BLOCK + 1 }),
            (Algorithm::AesXts, _) => Ok(Self::Stealing { held: BLOCK }),
            (Algorithm::AesCcm, Params::Ccm { mac_len, .. }) => {
                Ok(Self::Sealed { tag: usize::from(*mac_len) })
            }
            (Algorithm::ChaCha20Poly1305, _) => Ok(Self::Sealed { tag: POLY1305 }),
            (Algorithm::AesGcm, Params::Gcm { tag_bits, .. })
                if mechanism.kind == MechanismType::CLOUDHSM_AES_GCM =>
            {
                Ok(Self::Prefixed { tag: usize::from(*tag_bits) / 8 })
            }
            (Algorithm::AesGcm, Params::Gcm { tag_bits, .. }) => {
                Ok(Self::Tagged { tag: usize::from(*tag_bits) / 8 })
            }
            (Algorithm::AesKw, _) => Ok(Self::KeyWrap),
            (Algorithm::AesKwPkcs7, _) => Ok(Self::KeyWrapPkcs7),
            (Algorithm::AesKwp, _) => Ok(Self::KeyWrapPad),
            _ => Err(ReturnCode::MECHANISM_INVALID.into()),
        }
    }

    /// Whether nothing comes out before the last part is in.
    pub(super) fn holds_back(self, direction: Direction) -> bool {
        match self {
            Self::Rsa { .. } | Self::KeyWrap | Self::KeyWrapPkcs7 | Self::KeyWrapPad => true,
            Self::Sealed { .. } | Self::Prefixed { .. } => true,
            Self::Tagged { .. } => direction == Direction::Decrypt,
            Self::Blocks(_) | Self::Padded(_) | Self::Bytes | Self::Stealing { .. } => false,
        }
    }

    /// Whether a node takes the data in parts.
    pub(super) fn streams(self) -> bool {
        let whole = matches!(self, Self::Rsa { .. } | Self::KeyWrap | Self::KeyWrapPkcs7 | Self::KeyWrapPad);
        !whole && !self.is_single_part()
    }

    /// Whether parts are refused, even small ones (cloudhsm.md 5.5).
    pub(super) fn is_single_part(self) -> bool {
        matches!(self, Self::Prefixed { .. })
    }

    /// The length of the result for data of `len` bytes in one go.
    ///
    /// # Errors
    ///
    /// `CKR_DATA_LEN_RANGE` or `CKR_ENCRYPTED_DATA_LEN_RANGE` where the cipher can't take that many.
    pub(super) fn whole(self, direction: Direction, len: usize) -> Result<Size> {
        let refusal = direction.length_refusal();
        if len > MAX_LEN {
            return Err(refusal.into());
        }
        let size = match (self, direction) {
            (Self::Rsa { modulus, overhead }, Direction::Encrypt) => {
                (len + overhead <= modulus).then_some(Size::exactly(modulus))
            }
            (Self::Rsa { modulus, overhead: 0 }, Direction::Decrypt) => {
                (len == modulus).then_some(Size::exactly(modulus))
            }
            (Self::Rsa { modulus, overhead }, Direction::Decrypt) => {
                (len == modulus).then_some(Size::at_most(modulus.saturating_sub(overhead)))
            }
            (Self::Blocks(block), _) => len.is_multiple_of(block).then_some(Size::exactly(len)),
            (Self::Padded(block), Direction::Encrypt) => Some(Size::exactly((len / block + 1) * block)),
            (Self::Padded(block), Direction::Decrypt) => {
                (len > 0 && len.is_multiple_of(block)).then_some(Size::at_most(len))
            }
            (Self::Stealing { held: BLOCK }, _) => {
                (BLOCK..=DATA_UNIT).contains(&len).then_some(Size::exactly(len))
            }
            (Self::Stealing { .. }, _) => (len >= BLOCK).then_some(Size::exactly(len)),
            (Self::Bytes, _) => Some(Size::exactly(len)),
            (Self::Tagged { tag } | Self::Sealed { tag }, Direction::Encrypt) => {
                Some(Size::exactly(len + tag))
            }
            (Self::Tagged { tag } | Self::Sealed { tag }, Direction::Decrypt) => {
                len.checked_sub(tag).map(Size::exactly)
            }
            (Self::Prefixed { tag }, Direction::Encrypt) => Some(Size::exactly(MADE_IV + len + tag)),
            (Self::Prefixed { tag }, Direction::Decrypt) => len.checked_sub(MADE_IV + tag).map(Size::exactly),
            (Self::KeyWrapPkcs7, Direction::Encrypt) => {
                (len >= SEMIBLOCK).then_some(Size::exactly((len / SEMIBLOCK + 2) * SEMIBLOCK))
            }
            (Self::KeyWrapPkcs7, Direction::Decrypt) => (len >= 3 * SEMIBLOCK
                && len.is_multiple_of(SEMIBLOCK))
            .then_some(Size::at_most(len.saturating_sub(SEMIBLOCK))),
            (Self::KeyWrap, Direction::Encrypt) => (len >= 2 * SEMIBLOCK && len.is_multiple_of(SEMIBLOCK))
                .then_some(Size::exactly(len + SEMIBLOCK)),
            (Self::KeyWrap, Direction::Decrypt) => (len >= 3 * SEMIBLOCK && len.is_multiple_of(SEMIBLOCK))
                .then_some(Size::exactly(len.saturating_sub(SEMIBLOCK))),
            (Self::KeyWrapPad, Direction::Encrypt) => {
                (len > 0).then_some(Size::exactly(len.next_multiple_of(SEMIBLOCK) + SEMIBLOCK))
            }
            (Self::KeyWrapPad, Direction::Decrypt) => (len >= 2 * SEMIBLOCK && len.is_multiple_of(SEMIBLOCK))
                .then_some(Size::at_most(len.saturating_sub(SEMIBLOCK))),
        };
        size.ok_or_else(|| refusal.into())
    }

    /// What a stream gives out for the next `len` bytes when `before` bytes went in already.
    pub(super) fn part(self, direction: Direction, before: u64, len: usize) -> usize {
        let out = |total: u64| {
            match (self, direction) {
                // The last whole block is held back: it may turn out to be padding.
                (Self::Padded(block), Direction::Decrypt) => {
                    (total / block as u64).saturating_sub(1) * block as u64
                }
                (Self::Padded(block), Direction::Encrypt) | (Self::Blocks(block), _) => {
                    total / block as u64 * block as u64
                }
                (Self::Stealing { held }, _) => {
                    total.saturating_sub(held as u64) / BLOCK as u64 * BLOCK as u64
                }
                (Self::Bytes, _) | (Self::Tagged { .. }, Direction::Encrypt) => total,
                _ => 0,
            }
        };
        let more = out(before.saturating_add(len as u64)) - out(before);
        usize::try_from(more).unwrap_or(usize::MAX)
    }

    /// What a stream gives out at its end, after `total` bytes went in.
    ///
    /// # Errors
    ///
    /// As [`Self::whole`].
    pub(super) fn last(self, direction: Direction, total: u64) -> Result<Size> {
        let refusal = direction.length_refusal();
        let total = usize::try_from(total).map_err(|_| refusal)?;
        let whole = self.whole(direction, total)?;
        let given = self.part(direction, 0, total);
        Ok(Size { max: whole.max.saturating_sub(given), exact: whole.exact })
    }
}

#[cfg(test)]
mod tests {
    use strongroom_model::{Handle, KeyType, MECHANISMS, ObjectClass, Usage};

    use super::*;

    const ENCRYPT: Direction = Direction::Encrypt;
    const DECRYPT: Direction = Direction::Decrypt;
    const STREAMED: [Cipher; 9] = [
        Cipher::Blocks(BLOCK),
        Cipher::Padded(BLOCK),
        Cipher::Blocks(DES_BLOCK),
        Cipher::Padded(DES_BLOCK),
        Cipher::Bytes,
        Cipher::Stealing { held: BLOCK },
        Cipher::Stealing { held: BLOCK + 1 },
        Cipher::Tagged { tag: 16 },
        Cipher::Sealed { tag: 12 },
    ];

    fn key(key_type: KeyType, size: u32) -> ObjectInfo {
        ObjectInfo {
            handle: Handle(1),
            class: ObjectClass::PrivateKey,
            key_type: Some(key_type),
            size,
            usage: Usage::default(),
            token: true,
            private: true,
            always_authenticate: false,
            allowed_mechanisms: Vec::new(),
            subprime_bits: 0,
        }
    }

    fn exact(size: Result<Size>) -> usize {
        let size = size.unwrap();
        assert!(size.exact);
        size.max
    }

    #[test]
    fn signatures_are_as_long_as_the_key_says() {
        let rsa = |bits| signature(Algorithm::RsaPss, None, &key(KeyType::Rsa, bits)).unwrap();
        assert_eq!([rsa(1024), rsa(2048), rsa(2049)], [128, 256, 257]);
        let ec = |bits| signature(Algorithm::Ecdsa, None, &key(KeyType::Ec, bits)).unwrap();
        assert_eq!([ec(224), ec(256), ec(384), ec(521)], [56, 64, 96, 132]);
        let eddsa = |bits| signature(Algorithm::Eddsa, None, &key(KeyType::EcEdwards, bits)).unwrap();
        assert_eq!([eddsa(255), eddsa(448)], [64, 114]);
        let mac = |kind: MechanismType, params| mac_len(kind.spec().unwrap(), &params).unwrap();
        assert_eq!(mac(MechanismType::AES_CMAC, Params::None), 16);
        assert_eq!(mac(MechanismType::SHA384_HMAC, Params::None), 48);
        assert_eq!(mac(MechanismType::SHA384_HMAC_GENERAL, Params::MacLen(7)), 7);
        assert!(signature(Algorithm::AesCbc, None, &key(KeyType::Aes, 32)).is_err());
    }

    #[test]
    fn every_mechanism_that_encrypts_has_a_cipher_and_every_one_that_signs_a_length() {
        for row in MECHANISMS {
            let params = match row.algorithm {
                Algorithm::AesCcm => {
                    Params::Ccm { data_len: 0, nonce: [1; 13].into(), aad: [].into(), mac_len: 8 }
                }
                Algorithm::AesGcm => Params::Gcm { iv: [1].into(), aad: [].into(), tag_bits: 96 },
                Algorithm::TlsMac => Params::Tls(Tls::Finished { hash: None, len: 12, server: false }),
                Algorithm::RsaOaep => Params::Oaep {
                    hash: strongroom_model::Hash::Sha256,
                    mgf: strongroom_model::Hash::Sha1,
                    label: [].into(),
                },
                _ => Params::None,
            };
            let mechanism = Mechanism { kind: row.kind, params };
            // The size of these is the number of their parameter set.
            let key = match row.key_type {
                Some(kind @ (KeyType::MlDsa | KeyType::SlhDsa)) => key(kind, 1),
                _ => key(KeyType::Rsa, 2048),
            };
            if row.purposes.contains(cryptoki_sys::CKF_ENCRYPT) {
                assert!(Cipher::of(&mechanism, row.algorithm, &key).is_ok(), "{}", row.name);
            }
            if row.purposes.contains(cryptoki_sys::CKF_SIGN) {
                let hash = row.hash.map(strongroom_model::Hash::len);
                let mac = mac_len(row, &mechanism.params);
                assert!(mac.is_some() || signature(row.algorithm, hash, &key).is_ok(), "{}", row.name);
            }
        }
    }

    #[test]
    fn rsa_leaves_room_for_its_padding() {
        let pkcs1 = Cipher::Rsa { modulus: 256, overhead: 11 };
        assert_eq!(exact(pkcs1.whole(ENCRYPT, 245)), 256);
        assert_eq!(pkcs1.whole(ENCRYPT, 246).unwrap_err().code, ReturnCode::DATA_LEN_RANGE);
        assert_eq!(pkcs1.whole(DECRYPT, 256).unwrap(), Size::at_most(245));
        assert_eq!(pkcs1.whole(DECRYPT, 255).unwrap_err().code, ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
        let raw = Cipher::Rsa { modulus: 256, overhead: 0 };
        assert_eq!(exact(raw.whole(DECRYPT, 256)), 256);
        // A key too small for its padding takes nothing, and says so without arithmetic going wrong.
        assert!(Cipher::Rsa { modulus: 128, overhead: 130 }.whole(ENCRYPT, 0).is_err());
        assert_eq!(Cipher::Rsa { modulus: 128, overhead: 130 }.whole(DECRYPT, 128).unwrap().max, 0);
    }

    #[test]
    fn lengths_of_secret_key_ciphers() {
        assert_eq!(exact(Cipher::Padded(BLOCK).whole(ENCRYPT, 0)), 16);
        assert_eq!(exact(Cipher::Padded(BLOCK).whole(ENCRYPT, 16)), 32);
        assert_eq!(Cipher::Padded(BLOCK).whole(DECRYPT, 32).unwrap(), Size::at_most(32));
        assert!(Cipher::Padded(BLOCK).whole(DECRYPT, 0).is_err());
        assert!(Cipher::Blocks(BLOCK).whole(ENCRYPT, 17).is_err());
        assert_eq!(exact(Cipher::Tagged { tag: 12 }.whole(DECRYPT, 12)), 0);
        assert!(Cipher::Tagged { tag: 16 }.whole(DECRYPT, 15).is_err());
        assert_eq!(exact(Cipher::KeyWrap.whole(ENCRYPT, 16)), 24);
        assert!(Cipher::KeyWrap.whole(ENCRYPT, 8).is_err());
        assert_eq!(exact(Cipher::KeyWrapPad.whole(ENCRYPT, 1)), 16);
        assert_eq!(exact(Cipher::KeyWrapPad.whole(ENCRYPT, 17)), 32);
        assert_eq!(Cipher::KeyWrapPad.whole(DECRYPT, 16).unwrap(), Size::at_most(8));
    }

    #[test]
    fn absurd_lengths_are_refused() {
        for cipher in [Cipher::Padded(BLOCK), Cipher::Bytes, Cipher::KeyWrapPad, Cipher::Tagged { tag: 16 }] {
            assert!(cipher.whole(ENCRYPT, usize::MAX).is_err());
        }
        assert!(Cipher::Bytes.last(ENCRYPT, u64::MAX).is_err());
    }

    #[test]
    fn parts_and_the_last_one_add_up_to_the_whole() {
        for cipher in STREAMED {
            for direction in [ENCRYPT, DECRYPT] {
                for step in [1, 3, 15, 16, 17, 40] {
                    let (mut given, mut total) = (0, 0_u64);
                    for _ in 0..20 {
                        given += cipher.part(direction, total, step);
                        total += step as u64;
                        let Ok(whole) = cipher.whole(direction, total as usize) else { continue };
                        assert_eq!(given + cipher.last(direction, total).unwrap().max, whole.max);
                    }
                }
            }
        }
    }

    #[test]
    fn decryption_with_padding_holds_back_a_block() {
        assert_eq!(Cipher::Padded(BLOCK).part(DECRYPT, 0, 16), 0);
        assert_eq!(Cipher::Padded(BLOCK).part(DECRYPT, 16, 15), 0);
        assert_eq!(Cipher::Padded(BLOCK).part(DECRYPT, 16, 16), 16);
        assert_eq!(Cipher::Padded(BLOCK).part(DECRYPT, 0, 32), 16);
        assert_eq!(Cipher::Padded(BLOCK).last(DECRYPT, 32).unwrap(), Size::at_most(16));
        assert_eq!(Cipher::Tagged { tag: 16 }.part(DECRYPT, 0, 100), 0);
        assert_eq!(exact(Cipher::Tagged { tag: 16 }.last(DECRYPT, 100)), 84);
    }
}
