//! AES-CCM (NIST SP 800-38C, RFC 3610), in one go.

use std::os::raw::{c_int, c_void};
use std::ptr::{self, NonNull};

use aws_lc_sys as c;

use crate::ffi::{Failed, check, failed, non_null};

/// A key, a nonce of 7 to 13 bytes, additional data.
#[derive(Clone, Copy)]
pub(crate) struct Ccm<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) nonce: &'a [u8],
    pub(crate) aad: &'a [u8],
}

impl Ccm<'_> {
    /// Encrypts `data` into `out`, which is as long, and writes the MAC: 4 to 16 bytes, in steps of 2.
    pub(crate) fn seal(self, data: &[u8], out: &mut [u8], mac: &mut [u8]) -> Result<(), Failed> {
        let context = Context::new(self, true, mac.len(), None)?;
        context.begin(self.aad, data.len())?;
        context.run(data, out)?;
        context.control(c::EVP_CTRL_AEAD_GET_TAG, mac.len(), mac.as_mut_ptr().cast())
    }

    /// Decrypts `data` into `out`, which is as long. Fails unless the MAC is right; `out` is then of no use, and wiped.
    pub(crate) fn open(self, data: &[u8], mac: &[u8], out: &mut [u8]) -> Result<(), Failed> {
        let context = Context::new(self, false, mac.len(), Some(mac))?;
        context.begin(self.aad, data.len())?;
        context.run(data, out)
    }
}

struct Context(NonNull<c::EVP_CIPHER_CTX>);

impl Context {
    fn new(ccm: Ccm<'_>, encrypt: bool, mac_len: usize, mac: Option<&[u8]>) -> Result<Self, Failed> {
        if !(7..=13).contains(&ccm.nonce.len()) {
            return Err(Failed);
        }
        // SAFETY: these return pointers to static data and have no preconditions.
        let kind = unsafe {
            match ccm.key.len() {
                16 => c::EVP_aes_128_ccm(),
                24 => c::EVP_aes_192_ccm(),
                32 => c::EVP_aes_256_ccm(),
                _ => return Err(Failed),
            }
        };
        // SAFETY: no preconditions; null is checked for.
        let context = Self(non_null(unsafe { c::EVP_CIPHER_CTX_new() })?);
        let (pointer, direction, none) = (context.0.as_ptr(), c_int::from(encrypt), ptr::null_mut());
        // SAFETY: the context is live.
        check(unsafe { c::EVP_CipherInit_ex(pointer, kind, none, ptr::null(), ptr::null(), direction) })?;
        context.control(c::EVP_CTRL_AEAD_SET_IVLEN, ccm.nonce.len(), ptr::null_mut())?;
        let mut tag = [0; 16];
        let tag_at = match mac {
            Some(mac) if mac.len() <= tag.len() => {
                tag[..mac.len()].copy_from_slice(mac);
                tag.as_mut_ptr().cast()
            }
            Some(_) => return Err(Failed),
            None => ptr::null_mut(),
        };
        context.control(c::EVP_CTRL_AEAD_SET_TAG, mac_len, tag_at)?;
        // SAFETY: the context is live; the key has the length that `kind` was chosen by, and the nonce the one that was
        // set just before.
        check(unsafe {
            let (key, nonce) = (ccm.key.as_ptr(), ccm.nonce.as_ptr());
            c::EVP_CipherInit_ex(pointer, ptr::null(), none, key, nonce, direction)
        })?;
        Ok(context)
    }

    /// Says how much data there will be, and takes the additional data.
    fn begin(&self, aad: &[u8], len: usize) -> Result<(), Failed> {
        // SAFETY: with neither input nor output the length is only noted.
        unsafe { self.update(ptr::null_mut(), ptr::null(), len)? };
        if !aad.is_empty() {
            // SAFETY: without output the input is additional data, of which `aad.len()` bytes are read.
            unsafe { self.update(ptr::null_mut(), aad.as_ptr(), aad.len())? };
        }
        Ok(())
    }

    fn run(&self, data: &[u8], out: &mut [u8]) -> Result<(), Failed> {
        assert_eq!(data.len(), out.len(), "the output is as long as the data");
        // SAFETY: reads and writes `data.len()` bytes, which both slices have.
        unsafe { self.update(out.as_mut_ptr(), data.as_ptr(), data.len()) }
    }

    /// # Safety
    ///
    /// `input` and `out` are null or have `len` bytes to read and to write.
    unsafe fn update(&self, out: *mut u8, input: *const u8, len: usize) -> Result<(), Failed> {
        let mut written = 0;
        let len = c_int::try_from(len).map_err(|_| Failed)?;
        // SAFETY: the context is live, and for the rest as the caller promises.
        check(unsafe { c::EVP_CipherUpdate(self.0.as_ptr(), out, &raw mut written, input, len) })?;
        if written == len { Ok(()) } else { Err(failed()) }
    }

    fn control(&self, command: c_int, len: usize, at: *mut c_void) -> Result<(), Failed> {
        let len = c_int::try_from(len).map_err(|_| Failed)?;
        // SAFETY: the context is live; `at` is null or has `len` bytes, as the commands used here need.
        check(unsafe { c::EVP_CIPHER_CTX_ctrl(self.0.as_ptr(), command, len, at) })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context came from EVP_CIPHER_CTX_new, and nothing uses it after this. The engine
        // wipes what it frees.
        unsafe { c::EVP_CIPHER_CTX_free(self.0.as_ptr()) };
    }
}
