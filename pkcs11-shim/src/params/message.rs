//! Parameters of one message, or of one wrapped key: `CK_GCM_MESSAGE_PARAMS` and its like. In some of what they point to,
//! the module puts something: the nonce that it made, and the tag.

use cryptoki_sys::{
    CK_CCM_MESSAGE_PARAMS, CK_GCM_MESSAGE_PARAMS, CK_GENERATOR_FUNCTION,
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, CKG_GENERATE, CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR,
    CKG_GENERATE_RANDOM, CKG_NO_GENERATE,
};
use strongroom_model::{Blob, Error, MechanismType, Params, Result, ReturnCode};

use super::MAX_IV;
use crate::abi::{Block, Room};

/// A cipher with a tag, which takes parameters for each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aead {
    /// AES-GCM: PKCS#11 3.2 section 6.13.3.
    Gcm,
    /// AES-CCM: section 6.13.5.
    Ccm,
    /// ChaCha20-Poly1305: section 6.61.
    ChaCha20Poly1305,
}

/// Where a message's nonce comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generator {
    /// From the caller.
    Given,
    /// Random.
    Random,
    /// A counter.
    Counter,
    /// A counter, XORed with what the caller gives.
    CounterXor,
}

/// The parameters of one message.
#[derive(Clone, Copy)]
pub(crate) struct MessageParams {
    aead: Aead,
    nonce: Room,
    /// How many bits of the nonce, from the first, the caller sets in any case.
    pub(crate) fixed_bits: u64,
    /// Where the other bits come from.
    pub(crate) generator: Generator,
    tag: Room,
    /// How long the message is said to be, where that matters.
    announced_len: u64,
}

impl Aead {
    /// The cipher of a mechanism, if it's one of these.
    pub(crate) fn of(kind: MechanismType) -> Option<Self> {
        match kind {
            MechanismType::AES_GCM => Some(Self::Gcm),
            MechanismType::AES_CCM => Some(Self::Ccm),
            MechanismType::CHACHA20_POLY1305 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }
}

impl MessageParams {
    /// Reads the structure that belongs to the cipher.
    ///
    /// # Errors
    ///
    /// `CKR_MECHANISM_PARAM_INVALID`.
    pub(crate) fn read(aead: Aead, block: Block) -> Result<Self> {
        match aead {
            Aead::Gcm => Self::gcm(block),
            Aead::Ccm => Self::ccm(block),
            Aead::ChaCha20Poly1305 => Self::chacha20_poly1305(block),
        }
    }

    fn gcm(block: Block) -> Result<Self> {
        // SAFETY: integers and pointers.
        let ck: CK_GCM_MESSAGE_PARAMS = unsafe { structure(block)? };
        if !(8..=128).contains(&ck.ulTagBits) || !ck.ulTagBits.is_multiple_of(8) {
            return Err(refusal("takes a tag of 8 to 128 bits, in steps of 8"));
        }
        if !(1..=MAX_IV as u64).contains(&ck.ulIvLen) {
            return Err(refusal("takes an initialisation vector of 1 to 1,024 bytes"));
        }
        let generator = Generator::of(ck.ivGenerator)?;
        // SAFETY: who made the block vouched for what is in it.
        let (nonce, tag) = unsafe { (Room::new(ck.pIv, ck.ulIvLen), Room::new(ck.pTag, ck.ulTagBits / 8)) };
        let fixed_bits = ck.ulIvFixedBits;
        Self { aead: Aead::Gcm, nonce, fixed_bits, generator, tag, announced_len: 0 }.checked()
    }

    fn ccm(block: Block) -> Result<Self> {
        // SAFETY: integers and pointers.
        let ck: CK_CCM_MESSAGE_PARAMS = unsafe { structure(block)? };
        if !(4..=16).contains(&ck.ulMACLen) || !ck.ulMACLen.is_multiple_of(2) {
            return Err(refusal("takes a MAC of 4 to 16 bytes, in steps of 2"));
        }
        if !(7..=13).contains(&ck.ulNonceLen) {
            return Err(refusal("takes a nonce of 7 to 13 bytes"));
        }
        let generator = Generator::of(ck.nonceGenerator)?;
        // SAFETY: who made the block vouched for what is in it.
        let (nonce, tag) = unsafe { (Room::new(ck.pNonce, ck.ulNonceLen), Room::new(ck.pMAC, ck.ulMACLen)) };
        let (fixed_bits, announced_len) = (ck.ulNonceFixedBits, ck.ulDataLen);
        Self { aead: Aead::Ccm, nonce, fixed_bits, generator, tag, announced_len }.checked()
    }

    /// The nonce's length is given in bits; one that can only be in bytes is taken as such.
    fn chacha20_poly1305(block: Block) -> Result<Self> {
        // SAFETY: integers and pointers.
        let ck: CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS = unsafe { structure(block)? };
        let nonce_len = match ck.ulNonceLen {
            12 | 96 => 12,
            24 | 192 => 24,
            _ => return Err(refusal("takes a nonce of 96 bits, or of 192 for XChaCha20")),
        };
        // SAFETY: who made the block vouched for what is in it.
        let (nonce, tag) = unsafe { (Room::new(ck.pNonce, nonce_len), Room::new(ck.pTag, 16)) };
        let (aead, generator) = (Aead::ChaCha20Poly1305, Generator::Given);
        Self { aead, nonce, fixed_bits: 0, generator, tag, announced_len: 0 }.checked()
    }

    /// Refuses pointers to nothing, and more fixed bits than there are.
    fn checked(self) -> Result<Self> {
        if self.nonce.len().is_err() || self.tag.len().is_err() {
            return Err(refusal("takes pointers to nonce and tag, not NULL"));
        }
        if self.fixed_bits > self.nonce_len() as u64 * 8 {
            return Err(refusal("was told to keep more bits of the nonce than it has"));
        }
        Ok(self)
    }

    /// Length of the nonce in bytes.
    pub(crate) fn nonce_len(&self) -> usize {
        self.nonce.len().unwrap_or(0)
    }

    /// Length of the message that comes in parts, where it must be known beforehand.
    pub(crate) fn announced_len(&self) -> u64 {
        self.announced_len
    }

    /// Length of the tag in bytes.
    pub(crate) fn tag_len(&self) -> usize {
        self.tag.len().unwrap_or(0)
    }

    /// The caller's nonce.
    pub(crate) fn nonce(&self) -> Result<Blob> {
        // SAFETY: who made the block vouched for it.
        unsafe { self.nonce.content() }
    }

    /// The caller's tag.
    pub(crate) fn tag(&self) -> Result<Blob> {
        // SAFETY: as above.
        unsafe { self.tag.content() }
    }

    /// Gives the nonce out, if it isn't the caller's.
    pub(crate) fn put_nonce(&self, nonce: &[u8]) -> Result<()> {
        match self.generator {
            // It may be in memory that can't be written.
            Generator::Given => Ok(()),
            _ => self.nonce.put(0, nonce),
        }
    }

    /// Gives the tag out.
    pub(crate) fn put_tag(&self, tag: &[u8]) -> Result<()> {
        self.tag.put(0, tag)
    }

    /// The parameters that a node takes, of a message of `len` bytes, tag excluded.
    pub(crate) fn for_node(&self, nonce: Blob, associated: &[u8], len: u64) -> Params {
        let aad = Blob::from(associated);
        // Tags have at most 16 bytes.
        let tag_len = self.tag_len() as u8;
        match self.aead {
            Aead::Gcm => Params::Gcm { iv: nonce, aad, tag_bits: tag_len * 8 },
            Aead::Ccm => Params::Ccm { data_len: len, nonce, aad, mac_len: tag_len },
            Aead::ChaCha20Poly1305 => Params::ChaCha20Poly1305 { nonce, aad },
        }
    }
}

impl Generator {
    fn of(function: CK_GENERATOR_FUNCTION) -> Result<Self> {
        match function {
            CKG_NO_GENERATE => Ok(Self::Given),
            CKG_GENERATE | CKG_GENERATE_RANDOM => Ok(Self::Random),
            CKG_GENERATE_COUNTER => Ok(Self::Counter),
            CKG_GENERATE_COUNTER_XOR => Ok(Self::CounterXor),
            _ => Err(refusal("takes a generator function that the standard has")),
        }
    }
}

/// # Safety
///
/// Any bytes are a `T`.
unsafe fn structure<T: Copy>(block: Block) -> Result<T> {
    // SAFETY: as the caller vouches.
    unsafe { block.structure() }
        .ok_or_else(|| refusal("takes a structure of another length for each message"))
}

/// The refusal of parameters.
pub(crate) fn refusal(why: &str) -> Error {
    Error::new(ReturnCode::MECHANISM_PARAM_INVALID, format!("the mechanism {why}"))
}
