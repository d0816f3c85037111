//! Sealing of records: what is written to disk or sent to another node.
//!
//! The algorithm is XAES-256-GCM (<https://c2sp.org/XAES-256-GCM>): AES-256-GCM (NIST SP 800-38D) under
//! a key of its own for each record, derived from the sealing key and half of a 24-byte random nonce as
//! NIST SP 800-108r1 section 4.1 has it, with CMAC. AES-GCM alone with random 12-byte nonces is good for
//! 2^32 records under one key (SP 800-38D section 8.3), which a busy cluster can reach; this is good for
//! 2^80 at the same risk, so nobody has to count. It costs two AES blocks and a key expansion per record.

use std::fmt;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use strongroom_model::{Blob, Error, Hash, Result, ReturnCode};
use zeroize::Zeroizing;

use crate::{mac, random};

/// The first byte of what is sealed: which format it has.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const KEY_LEN: usize = 32;

/// A key that seals records, with its derived forms kept ready. Everything in it is wiped when dropped.
pub struct SealingKey {
    /// What keys are derived from; it encrypts nothing itself.
    root: Blob,
    sealer: Xaes,
}

impl SealingKey {
    /// How many bytes [`Self::seal`] adds.
    pub const OVERHEAD: usize = 1 + NONCE_LEN + TAG_LEN;

    /// A new random key.
    pub fn generate() -> Self {
        Self::new(random::blob(KEY_LEN))
    }

    /// The key that [`Self::to_bytes`] gave.
    ///
    /// # Errors
    ///
    /// `DEVICE_ERROR` unless it's 32 bytes.
    pub fn from_bytes(bytes: Blob) -> Result<Self> {
        if bytes.len() == KEY_LEN {
            Ok(Self::new(bytes))
        } else {
            let message =
                format!("a sealing key has {KEY_LEN} bytes, not {}; its file is damaged", bytes.len());
            Err(Error::new(ReturnCode::DEVICE_ERROR, message))
        }
    }

    /// The key's bytes, to be kept where nobody else can read them.
    pub fn to_bytes(&self) -> Blob {
        self.root.clone()
    }

    /// Another key, for another purpose: HKDF-Expand of this one (RFC 5869 section 2.3) with the label. Keys
    /// of different labels say nothing of each other, nor of this one.
    pub fn derive(&self, label: &str) -> Self {
        Self::new(expand(&self.root, "subkey", label))
    }

    /// Seals a record: version, nonce, ciphertext, tag; [`Self::OVERHEAD`] bytes longer than `plain`. It
    /// opens only with the same `aad`, which says where the record belongs and isn't part of the result.
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let mut sealed = Vec::with_capacity(Self::OVERHEAD + plain.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        let start = sealed.len();
        sealed.resize(start + plain.len(), 0);
        let body = InOutBuf::new(plain, &mut sealed[start..]).expect("both have the same length");
        let tag = self
            .sealer
            .for_nonce(&nonce)
            .encrypt_inout_detached(gcm_nonce(&nonce).into(), aad, body)
            .expect("records are far below GCM's limit of 64 GiB");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Opens a sealed record. Never panics, whatever the bytes.
    ///
    /// # Errors
    ///
    /// `DEVICE_ERROR` if it was changed, is cut short, was sealed by another key or belongs elsewhere.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Blob> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(unreadable("is of a format that isn't known here"));
        };
        let split = rest.split_first_chunk::<NONCE_LEN>();
        let Some((nonce, Some((ciphertext, tag)))) =
            split.map(|(nonce, rest)| (nonce, rest.split_last_chunk::<TAG_LEN>()))
        else {
            return Err(unreadable("is cut short"));
        };
        let mut plain = Blob::zeroed(ciphertext.len());
        let body = InOutBuf::new(ciphertext, &mut plain).expect("both have the same length");
        self.sealer
            .for_nonce(nonce)
            .decrypt_inout_detached(gcm_nonce(nonce).into(), aad, body, tag.into())
            .map_err(|_| unreadable("was changed, moved, or sealed with another key"))?;
        Ok(plain)
    }

    fn new(root: Blob) -> Self {
        let sealer = Xaes::new(&expand(&root, "seal", ""));
        Self { root, sealer }
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

/// HKDF-Expand to 32 bytes. Purpose and label can't run into each other, since no purpose holds a zero.
fn expand(root: &[u8], purpose: &str, label: &str) -> Blob {
    let mut key = Blob::zeroed(KEY_LEN);
    let parts: [&[u8]; 5] = [b"strongroom sealing v1 ", purpose.as_bytes(), &[0], label.as_bytes(), &[1]];
    mac::hmac_into(Hash::Sha256, root, &parts, &mut key);
    key
}

fn unreadable(what: &str) -> Error {
    let message = format!("a sealed record {what}; restore it from a backup");
    Error::new(ReturnCode::DEVICE_ERROR, message)
}

/// The half of the nonce that goes to GCM; the other half goes into the key.
fn gcm_nonce(nonce: &[u8; NONCE_LEN]) -> &[u8; 12] {
    nonce.last_chunk().expect("24 bytes end in 12")
}

/// XAES-256-GCM's key derivation, as far as it doesn't hang on the nonce.
struct Xaes {
    cipher: Aes256,
    /// CMAC's first subkey (NIST SP 800-38B section 6.1).
    k1: Zeroizing<[u8; 16]>,
}

impl Xaes {
    fn new(key: &[u8]) -> Self {
        let cipher = Aes256::new_from_slice(key).expect("32 bytes");
        let mut block = [0; 16];
        cipher.encrypt_block((&mut block).into());
        let l = Zeroizing::new(u128::from_be_bytes(block));
        let carry = 0u128.wrapping_sub(*l >> 127) & 0x87;
        Self { cipher, k1: Zeroizing::new(((*l << 1) ^ carry).to_be_bytes()) }
    }

    /// AES-256-GCM under the key of one nonce.
    fn for_nonce(&self, nonce: &[u8; NONCE_LEN]) -> Aes256Gcm {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        for (counter, block) in (1u8..).zip(key.chunks_exact_mut(16)) {
            block[..4].copy_from_slice(&[0, counter, b'X', 0]);
            block[4..].copy_from_slice(&nonce[..12]);
            for (byte, mask) in block.iter_mut().zip(self.k1.iter()) {
                *byte ^= mask;
            }
            self.cipher.encrypt_block(block.try_into().expect("16 bytes"));
        }
        Aes256Gcm::new((&*key).into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::digest::hex::{hex, unhex};

    /// The vectors of c2sp.org/XAES-256-GCM: the most significant bit of CMAC's L is 0, then 1.
    #[test]
    fn known_answers() {
        let cases = [
            (1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
            (3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
        ];
        let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
        for (byte, aad, expected) in cases {
            let mut text = b"XAES-256-GCM".to_vec();
            let tag = Xaes::new(&[byte; 32])
                .for_nonce(nonce)
                .encrypt_inout_detached(gcm_nonce(nonce).into(), aad.as_bytes(), text.as_mut_slice().into())
                .unwrap();
            assert_eq!(hex(&[text.as_slice(), &tag].concat()), expected);
        }
    }

    /// The format must not change by accident: this was sealed by the first version of this file.
    #[test]
    fn opens_what_was_sealed_before() {
        let key = SealingKey::from_bytes(Blob::from([7; 32])).unwrap();
        let sealed = unhex(SEALED_BEFORE);
        assert_eq!(key.open(b"aad", &sealed).unwrap().as_slice(), b"record");
        assert_eq!(hex(&key.derive("label").to_bytes()), DERIVED_BEFORE);
    }

    const SEALED_BEFORE: &str = "0180362576d102f4f52a13ae301e6b36c595e5d4fb4dbd92b85ce47211571b55\
                                 7f836141a5701c5bb96a19468ff8e1";
    const DERIVED_BEFORE: &str = "2bcf57c348cdbae54559b826f9d165e1935262c303fb9c336ff253421f224cc5";

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = SealingKey::generate();
        for len in [0, 1, 15, 16, 17, 1000, 300_000] {
            let plain = random::blob(len);
            let sealed = key.seal(b"place", &plain);
            assert_eq!(sealed.len(), len + SealingKey::OVERHEAD);
            assert_eq!(key.open(b"place", &sealed).unwrap(), plain);
            assert_eq!(key.open(b"other", &sealed).unwrap_err().code, ReturnCode::DEVICE_ERROR);
            assert!(SealingKey::generate().open(b"place", &sealed).is_err());
            assert!(key.derive("").open(b"place", &sealed).is_err());
            let copy = SealingKey::from_bytes(key.to_bytes()).unwrap();
            assert_eq!(copy.open(b"place", &sealed).unwrap(), plain);
        }
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let key = SealingKey::generate();
        let sealed = key.seal(b"", b"a record");
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(b"", &bad).unwrap_err().code, ReturnCode::DEVICE_ERROR);
        }
        for len in 0..sealed.len() {
            assert_eq!(key.open(b"", &sealed[..len]).unwrap_err().code, ReturnCode::DEVICE_ERROR);
        }
        assert!(key.open(b"", &[sealed, vec![0]].concat()).is_err());
    }

    #[test]
    fn derived_keys_hang_on_the_label() {
        let key = SealingKey::generate();
        assert_eq!(key.derive("a").to_bytes(), key.derive("a").to_bytes());
        assert_ne!(key.derive("a").to_bytes(), key.derive("b").to_bytes());
        assert_ne!(key.derive("").to_bytes(), key.to_bytes());
        let sealed = key.derive("a").seal(b"", b"x");
        assert!(key.derive("a").open(b"", &sealed).is_ok());
        assert!(key.derive("b").open(b"", &sealed).is_err());
    }

    #[test]
    fn two_seals_of_one_record_differ() {
        let key = SealingKey::generate();
        assert_ne!(key.seal(b"", b"x"), key.seal(b"", b"x"));
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        for len in [0, 31, 33] {
            let error = SealingKey::from_bytes(Blob::zeroed(len)).unwrap_err();
            assert_eq!(error.code, ReturnCode::DEVICE_ERROR);
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", SealingKey::generate()), "SealingKey");
    }

    /// Every write to the store seals; it must not be what a write waits for. The limit is far above what
    /// was measured (about 1 us) because machines that run tests are busy.
    #[test]
    fn is_fast() {
        let (key, plain) = (SealingKey::generate(), [0; 1024]);
        let least = (0..200)
            .map(|_| {
                let start = Instant::now();
                let sealed = key.seal(b"place", &plain);
                let sealing = start.elapsed();
                let start = Instant::now();
                key.open(b"place", &sealed).unwrap();
                (sealing, start.elapsed())
            })
            .reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)))
            .unwrap();
        let limit = std::time::Duration::from_micros(50);
        assert!(least.0 < limit && least.1 < limit, "{least:?}");
    }
}
