//! AES: the block cipher, and its modes over a stream of data; DES in ECB and CBC.

pub(crate) mod ccm;
pub(crate) mod chacha;

use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_void};
use std::ptr::{self, NonNull};

use aws_lc_sys as c;
use zeroize::{Zeroize, Zeroizing};

use super::{Failed, check, failed, non_null};

/// The length of a block of AES in bytes.
pub(crate) const BLOCK: usize = 16;

/// The length of a block of DES in bytes.
pub(crate) const DES_BLOCK: usize = 8;

/// The most that one call into the engine takes: its lengths are C ints.
const CHUNK: usize = 1 << 30;

/// A mode of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Ecb,
    Cbc,
    Ctr,
    Gcm,
    Ofb,
    Cfb1,
    Cfb8,
    Cfb128,
    /// DES, with a key of 8, 16 or 24 bytes.
    DesEcb,
    DesCbc,
}

impl Mode {
    /// The length of a block if the mode takes whole ones; otherwise 1.
    pub(crate) const fn block(self) -> usize {
        match self {
            Self::Ecb | Self::Cbc => BLOCK,
            Self::DesEcb | Self::DesCbc => DES_BLOCK,
            Self::Ctr | Self::Gcm | Self::Ofb | Self::Cfb1 | Self::Cfb8 | Self::Cfb128 => 1,
        }
    }
}

/// An operation under way: AES or DES in one mode, with a key and an IV, in one direction. Padding is not
/// done here.
pub(crate) struct Cipher {
    context: NonNull<c::EVP_CIPHER_CTX>,
    mode: Mode,
    /// Bytes of an incomplete block that wait in the context.
    pending: usize,
}

// SAFETY: the context owns all that it points to and has no ties to a thread; methods that change it
// take `&mut self`.
unsafe impl Send for Cipher {}

impl Cipher {
    /// Fails if the key isn't 16, 24 or 32 bytes long (DES: 8, 16 or 24), or if the IV's length isn't that of the mode:
    /// none for ECB, 1 or more for GCM, a block for the others.
    pub(crate) fn new(mode: Mode, encrypt: bool, key: &[u8], iv: &[u8]) -> Result<Self, Failed> {
        let iv_fits = match mode {
            Mode::Ecb | Mode::DesEcb => iv.is_empty(),
            Mode::Gcm => !iv.is_empty(),
            Mode::DesCbc => iv.len() == DES_BLOCK,
            Mode::Cbc | Mode::Ctr | Mode::Ofb | Mode::Cfb1 | Mode::Cfb8 | Mode::Cfb128 => iv.len() == BLOCK,
        };
        let tripled;
        let key = if matches!(mode, Mode::DesEcb | Mode::DesCbc) {
            tripled = triple(key).ok_or(Failed)?;
            &tripled[..]
        } else {
            key
        };
        let kind = evp_cipher(mode, key.len()).filter(|_| iv_fits).ok_or(Failed)?;
        let iv_len = c_int::try_from(iv.len()).map_err(|_| Failed)?;
        let direction = c_int::from(encrypt);
        // SAFETY: no preconditions; null is checked for.
        let context = non_null(unsafe { c::EVP_CIPHER_CTX_new() })?;
        let cipher = Self { context, mode, pending: 0 };
        let context = context.as_ptr();
        let none = ptr::null_mut();
        // SAFETY: the context is live. `key` has the length that `kind` was chosen by. The IV is read when
        // it is given with the key; its length is the mode's own, or was set on the context just before.
        unsafe {
            if mode == Mode::Gcm {
                check(c::EVP_CipherInit_ex(context, kind, none, ptr::null(), ptr::null(), direction))?;
                check(c::EVP_CIPHER_CTX_ctrl(context, c::EVP_CTRL_AEAD_SET_IVLEN, iv_len, ptr::null_mut()))?;
                check(c::EVP_CipherInit_ex(
                    context,
                    ptr::null(),
                    none,
                    key.as_ptr(),
                    iv.as_ptr(),
                    direction,
                ))?;
            } else {
                check(c::EVP_CipherInit_ex(context, kind, none, key.as_ptr(), iv.as_ptr(), direction))?;
                check(c::EVP_CIPHER_CTX_set_padding(context, 0))?;
            }
        }
        Ok(cipher)
    }

    /// Bytes that were taken in but not yet given out: those of an incomplete block.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// How much [`Self::update`] will write for `len` more bytes.
    pub(crate) fn output_len(&self, len: usize) -> usize {
        let block = self.mode.block();
        (self.pending + len) / block * block
    }

    /// The length of a block if the mode takes whole ones; otherwise 1.
    pub(crate) fn block(&self) -> usize {
        self.mode.block()
    }

    /// Takes additional authenticated data (GCM only, before any other data).
    pub(crate) fn aad(&mut self, aad: &[u8]) -> Result<(), Failed> {
        assert_eq!(self.mode, Mode::Gcm, "only GCM has additional data");
        for chunk in aad.chunks(CHUNK) {
            let mut written = 0;
            let len = c_int::try_from(chunk.len()).map_err(|_| Failed)?;
            // SAFETY: the context is live; a null output marks the input as additional data, so that
            // nothing is written but the length.
            check(unsafe {
                c::EVP_CipherUpdate(
                    self.context.as_ptr(),
                    ptr::null_mut(),
                    &raw mut written,
                    chunk.as_ptr(),
                    len,
                )
            })?;
        }
        Ok(())
    }

    /// Processes data; writes [`Self::output_len`] bytes to the start of `out`, which must be that long,
    /// and returns how many that was.
    pub(crate) fn update(&mut self, data: &[u8], out: &mut [u8]) -> Result<usize, Failed> {
        assert!(out.len() >= self.output_len(data.len()), "output too short");
        let mut total = 0;
        for chunk in data.chunks(CHUNK) {
            let expected = self.output_len(chunk.len());
            let mut written = 0;
            let len = c_int::try_from(chunk.len()).map_err(|_| Failed)?;
            // SAFETY: the context is live. With padding off, the engine writes whole blocks of what it has
            // taken in (block modes) or as many bytes as it takes in (stream modes): `expected` bytes; the
            // sum over all chunks was checked against the output's length above. Input and output are
            // different slices and don't overlap.
            check(unsafe {
                c::EVP_CipherUpdate(
                    self.context.as_ptr(),
                    out[total..].as_mut_ptr(),
                    &raw mut written,
                    chunk.as_ptr(),
                    len,
                )
            })?;
            if usize::try_from(written) != Ok(expected) {
                return Err(failed());
            }
            self.pending = (self.pending + chunk.len()) % self.mode.block();
            total += expected;
        }
        Ok(total)
    }

    /// Ends a GCM encryption: writes the tag's first `tag.len()` bytes (1 to 16).
    pub(crate) fn write_tag(self, tag: &mut [u8]) -> Result<(), Failed> {
        assert!(self.mode == Mode::Gcm && (1..=16).contains(&tag.len()), "a GCM tag has 1 to 16 bytes");
        self.end()?;
        self.control(c::EVP_CTRL_AEAD_GET_TAG, tag)
    }

    /// Ends a GCM decryption: fails unless the tag (1 to 16 bytes) is right. Until then nothing that was
    /// decrypted may be believed, or shown.
    pub(crate) fn check_tag(self, tag: &[u8]) -> Result<(), Failed> {
        assert!(self.mode == Mode::Gcm && (1..=16).contains(&tag.len()), "a GCM tag has 1 to 16 bytes");
        let mut copy = [0; 16];
        copy[..tag.len()].copy_from_slice(tag);
        self.control(c::EVP_CTRL_AEAD_SET_TAG, &mut copy[..tag.len()])?;
        self.end()
    }

    fn control(&self, command: c_int, tag: &mut [u8]) -> Result<(), Failed> {
        let len = c_int::try_from(tag.len()).map_err(|_| Failed)?;
        let tag = tag.as_mut_ptr().cast::<c_void>();
        // SAFETY: the context is live; the two tag commands read or write exactly `len` bytes.
        check(unsafe { c::EVP_CIPHER_CTX_ctrl(self.context.as_ptr(), command, len, tag) })
    }

    fn end(&self) -> Result<(), Failed> {
        let mut block = [0; BLOCK];
        let mut written = 0;
        // SAFETY: the context is live; GCM writes nothing at the end, and no mode writes more than a block.
        check(unsafe { c::EVP_CipherFinal_ex(self.context.as_ptr(), block.as_mut_ptr(), &raw mut written) })
    }
}

impl Drop for Cipher {
    fn drop(&mut self) {
        // SAFETY: the context came from EVP_CIPHER_CTX_new, and nothing uses it after this. The engine
        // wipes what it frees.
        unsafe { c::EVP_CIPHER_CTX_free(self.context.as_ptr()) };
    }
}

/// A DES key of any length as one of triple length: that of a single one makes single DES of triple DES.
pub(super) fn triple(key: &[u8]) -> Option<Zeroizing<[u8; 24]>> {
    let parts = match key.len() {
        8 => [key, key, key],
        16 => [&key[..8], &key[8..], &key[..8]],
        24 => [&key[..8], &key[8..16], &key[16..]],
        _ => return None,
    };
    let mut tripled = Zeroizing::new([0; 24]);
    for (place, part) in tripled.chunks_exact_mut(8).zip(parts) {
        place.copy_from_slice(part);
    }
    Some(tripled)
}

/// The engine's description of a cipher with a key of `key_len` bytes; `None` if there is no such.
fn evp_cipher(mode: Mode, key_len: usize) -> Option<*const c::EVP_CIPHER> {
    // SAFETY: these return pointers to static data and have no preconditions.
    Some(unsafe {
        match (mode, key_len) {
            (Mode::Ecb, 16) => c::EVP_aes_128_ecb(),
            (Mode::Ecb, 24) => c::EVP_aes_192_ecb(),
            (Mode::Ecb, 32) => c::EVP_aes_256_ecb(),
            (Mode::Cbc, _) => return evp_cbc(key_len),
            (Mode::Ctr, 16) => c::EVP_aes_128_ctr(),
            (Mode::Ctr, 24) => c::EVP_aes_192_ctr(),
            (Mode::Ctr, 32) => c::EVP_aes_256_ctr(),
            (Mode::Gcm, 16) => c::EVP_aes_128_gcm(),
            (Mode::Gcm, 24) => c::EVP_aes_192_gcm(),
            (Mode::Gcm, 32) => c::EVP_aes_256_gcm(),
            (Mode::Ofb, 16) => c::EVP_aes_128_ofb(),
            (Mode::Ofb, 24) => c::EVP_aes_192_ofb(),
            (Mode::Ofb, 32) => c::EVP_aes_256_ofb(),
            (Mode::Cfb1, 16) => c::EVP_aes_128_cfb1(),
            (Mode::Cfb1, 24) => c::EVP_aes_192_cfb1(),
            (Mode::Cfb1, 32) => c::EVP_aes_256_cfb1(),
            (Mode::Cfb8, 16) => c::EVP_aes_128_cfb8(),
            (Mode::Cfb8, 24) => c::EVP_aes_192_cfb8(),
            (Mode::Cfb8, 32) => c::EVP_aes_256_cfb8(),
            (Mode::Cfb128, 16) => c::EVP_aes_128_cfb128(),
            (Mode::Cfb128, 24) => c::EVP_aes_192_cfb128(),
            (Mode::Cfb128, 32) => c::EVP_aes_256_cfb128(),
            (Mode::DesEcb, 24) => c::EVP_des_ede3(),
            (Mode::DesCbc, 24) => c::EVP_des_ede3_cbc(),
            _ => return None,
        }
    })
}

/// The engine's description of AES-CBC, by which CMAC too chooses its block cipher.
pub(super) fn evp_cbc(key_len: usize) -> Option<*const c::EVP_CIPHER> {
    // SAFETY: these return pointers to static data and have no preconditions.
    Some(unsafe {
        match key_len {
            16 => c::EVP_aes_128_cbc(),
            24 => c::EVP_aes_192_cbc(),
            32 => c::EVP_aes_256_cbc(),
            _ => return None,
        }
    })
}

/// The AES block cipher with its key expanded for one direction.
pub(crate) struct BlockCipher {
    /// In a box, so that moving the cipher leaves no copies behind.
    key: Box<c::AES_KEY>,
    encrypt: bool,
}

impl BlockCipher {
    /// Fails if the key isn't 16, 24 or 32 bytes long.
    pub(crate) fn new(encrypt: bool, key: &[u8]) -> Result<Self, Failed> {
        let bits = match key.len() {
            16 => 128,
            24 => 192,
            32 => 256,
            _ => return Err(Failed),
        };
        // SAFETY: plain integers, for which zeros are valid.
        let key_schedule = unsafe { MaybeUninit::<c::AES_KEY>::zeroed().assume_init() };
        let mut cipher = Self { key: Box::new(key_schedule), encrypt };
        let expanded = &raw mut *cipher.key;
        // SAFETY: `key` holds `bits` bits; `expanded` is a key to be filled in. These return 0 for success.
        let code = unsafe {
            if encrypt {
                c::AES_set_encrypt_key(key.as_ptr(), bits, expanded)
            } else {
                c::AES_set_decrypt_key(key.as_ptr(), bits, expanded)
            }
        };
        if code == 0 { Ok(cipher) } else { Err(failed()) }
    }

    /// Encrypts or decrypts one block in place.
    pub(crate) fn apply(&self, block: &mut [u8; BLOCK]) {
        let block = block.as_mut_ptr();
        // SAFETY: the key was expanded for this direction; input and output are one block, and may be the
        // same one.
        unsafe {
            if self.encrypt {
                c::AES_encrypt(block, block, &raw const *self.key);
            } else {
                c::AES_decrypt(block, block, &raw const *self.key);
            }
        }
    }
}

impl Drop for BlockCipher {
    fn drop(&mut self) {
        self.key.rd_key.zeroize();
    }
}
