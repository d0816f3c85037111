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
mod tests;
