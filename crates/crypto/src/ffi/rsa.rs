//! RSA keys that are parsed and ready, and the operations on them.

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use aws_lc_sys::{
    EVP_PKEY, EVP_PKEY_CTX, EVP_PKEY_CTX_free, EVP_PKEY_CTX_new, EVP_PKEY_CTX_set_rsa_mgf1_md,
    EVP_PKEY_CTX_set_rsa_oaep_md, EVP_PKEY_CTX_set_rsa_padding, EVP_PKEY_CTX_set0_rsa_oaep_label,
    EVP_PKEY_decrypt, EVP_PKEY_decrypt_init, EVP_PKEY_encrypt, EVP_PKEY_encrypt_init, EVP_PKEY_free,
    EVP_PKEY_new, EVP_PKEY_set1_RSA, OPENSSL_free, OPENSSL_memdup, RSA, RSA_NO_PADDING,
    RSA_PKCS1_OAEP_PADDING, RSA_PKCS1_PADDING, RSA_encrypt, RSA_free, RSA_generate_key_ex, RSA_get0_d,
    RSA_get0_dmp1, RSA_get0_dmq1, RSA_get0_e, RSA_get0_iqmp, RSA_get0_n, RSA_get0_p, RSA_get0_q, RSA_new,
    RSA_new_private_key, RSA_new_public_key, RSA_sign_pss_mgf1, RSA_sign_raw, RSA_size, RSA_verify_pss_mgf1,
    RSA_verify_raw,
};
use strongroom_model::{Blob, Hash};

use super::bignum::Number;
use super::{Failed, check, md, non_null};

/// Key, length out, output and its room, input and its length, padding.
type Transform = unsafe extern "C" fn(*mut RSA, *mut usize, *mut u8, usize, *const u8, usize, c_int) -> c_int;

/// The numbers of a private key, as PKCS #1 names them.
pub(crate) struct PrivateNumbers {
    pub(crate) n: Number,
    pub(crate) e: Number,
    pub(crate) d: Number,
    pub(crate) p: Number,
    pub(crate) q: Number,
    pub(crate) dp: Number,
    pub(crate) dq: Number,
    pub(crate) qinv: Number,
}

/// How an OAEP block is made.
#[derive(Clone, Copy)]
pub(crate) struct Oaep<'a> {
    pub(crate) hash: Hash,
    pub(crate) mgf: Hash,
    pub(crate) label: &'a [u8],
}

/// A key, with its Montgomery forms and blinding kept by the engine.
pub(crate) struct RsaKey {
    rsa: NonNull<RSA>,
    /// The same key once more (counted by reference), as OAEP wants it.
    pkey: NonNull<EVP_PKEY>,
    size: usize,
}

// SAFETY: the engine locks what changes in a key that is in use (blinding, Montgomery forms); all else is read only
// after construction, and nothing is tied to a thread.
unsafe impl Send for RsaKey {}
// SAFETY: as above.
unsafe impl Sync for RsaKey {}

impl Drop for RsaKey {
    fn drop(&mut self) {
        // SAFETY: both references are ours, and not used afterwards.
        unsafe {
            EVP_PKEY_free(self.pkey.as_ptr());
            RSA_free(self.rsa.as_ptr());
        }
    }
}

impl RsaKey {
    /// Fails if the numbers don't belong together or are out of the engine's range (e odd, 3 to 33 bits).
    pub(crate) fn from_private(numbers: &PrivateNumbers) -> Result<Self, Failed> {
        let PrivateNumbers { n, e, d, p, q, dp, dq, qinv } = numbers;
        // SAFETY: all are live; the engine copies them.
        Self::own(unsafe {
            RSA_new_private_key(
                n.as_ptr(),
                e.as_ptr(),
                d.as_ptr(),
                p.as_ptr(),
                q.as_ptr(),
                dp.as_ptr(),
                dq.as_ptr(),
                qinv.as_ptr(),
            )
        })
    }

    /// Fails if the numbers are out of the engine's range (n odd, e odd, 3 to 33 bits).
    pub(crate) fn from_public(n: &Number, e: &Number) -> Result<Self, Failed> {
        // SAFETY: both are live; the engine copies them.
        Self::own(unsafe { RSA_new_public_key(n.as_ptr(), e.as_ptr()) })
    }

    /// A new key; `bits` must be a multiple of 128 (the engine would round it down), `e` odd and below 2^32.
    pub(crate) fn generate(bits: u32, e: &Number) -> Result<Self, Failed> {
        let bits = i32::try_from(bits).map_err(|_| Failed)?;
        // SAFETY: no preconditions.
        let key = Self::own(unsafe { RSA_new() })?;
        // SAFETY: the key is ours alone; no callback.
        check(unsafe { RSA_generate_key_ex(key.rsa.as_ptr(), bits, e.as_ptr(), ptr::null_mut()) })?;
        // The size is known only now.
        key.sized()
    }

    /// Length of the modulus in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// A private key's numbers.
    pub(crate) fn private_numbers(&self) -> Result<PrivateNumbers, Failed> {
        let rsa = self.rsa.as_ptr();
        // SAFETY: the key is live, and so are its numbers while they're copied; one that it lacks is null.
        unsafe {
            Ok(PrivateNumbers {
                n: Number::copied(RSA_get0_n(rsa))?,
                e: Number::copied(RSA_get0_e(rsa))?,
                d: Number::copied(RSA_get0_d(rsa))?,
                p: Number::copied(RSA_get0_p(rsa))?,
                q: Number::copied(RSA_get0_q(rsa))?,
                dp: Number::copied(RSA_get0_dmp1(rsa))?,
                dq: Number::copied(RSA_get0_dmq1(rsa))?,
                qinv: Number::copied(RSA_get0_iqmp(rsa))?,
            })
        }
    }

    /// The bare private operation, blinded and checked against faults. `input` must be as long as the
    /// modulus and less than it; 0, 1 and n-1 are refused by the engine.
    pub(crate) fn private(&self, input: &[u8]) -> Result<Blob, Failed> {
        self.transform(RSA_sign_raw, input, RSA_NO_PADDING)
    }

    /// A signature over any bytes that leave room for PKCS #1 v1.5 padding, block type 1.
    pub(crate) fn sign_pkcs1(&self, input: &[u8]) -> Result<Blob, Failed> {
        self.transform(RSA_sign_raw, input, RSA_PKCS1_PADDING)
    }

    /// The bare public operation. `input` must be as long as the modulus and less than it.
    pub(crate) fn public(&self, input: &[u8]) -> Result<Blob, Failed> {
        self.transform(RSA_verify_raw, input, RSA_NO_PADDING)
    }

    /// Encryption with PKCS #1 v1.5 padding, block type 2.
    pub(crate) fn encrypt_pkcs1(&self, input: &[u8]) -> Result<Blob, Failed> {
        self.transform(RSA_encrypt, input, RSA_PKCS1_PADDING)
    }

    /// RSASSA-PSS over a digest made with `hash`; the salt must fit.
    pub(crate) fn sign_pss(&self, digest: &[u8], hash: Hash, mgf: Hash, salt: u32) -> Result<Blob, Failed> {
        // A negative length would mean something else to the engine.
        let salt = i32::try_from(salt).map_err(|_| Failed)?;
        let mut output = Blob::zeroed(self.size);
        let mut len = 0;
        // SAFETY: the key is live; lengths belong to their buffers; hash descriptions are static.
        check(unsafe {
            RSA_sign_pss_mgf1(
                self.rsa.as_ptr(),
                &mut len,
                output.as_mut_ptr(),
                output.len(),
                digest.as_ptr(),
                digest.len(),
                md(hash),
                md(mgf),
                salt,
            )
        })?;
        self.whole(output, len)
    }

    /// Whether `signature` is an RSASSA-PSS signature with exactly this length of salt.
    pub(crate) fn verify_pss(
        &self,
        digest: &[u8],
        hash: Hash,
        mgf: Hash,
        salt: u32,
        signature: &[u8],
    ) -> bool {
        let Ok(salt) = i32::try_from(salt) else { return false };
        // SAFETY: the key is live; lengths belong to their buffers; hash descriptions are static.
        check(unsafe {
            RSA_verify_pss_mgf1(
                self.rsa.as_ptr(),
                digest.as_ptr(),
                digest.len(),
                md(hash),
                md(mgf),
                salt,
                signature.as_ptr(),
                signature.len(),
            )
        })
        .is_ok()
    }

    pub(crate) fn encrypt_oaep(&self, input: &[u8], oaep: Oaep<'_>) -> Result<Blob, Failed> {
        let context = Context::new(self)?;
        // SAFETY: a live context.
        check(unsafe { EVP_PKEY_encrypt_init(context.0.as_ptr()) })?;
        context.set_oaep(oaep)?;
        let mut output = Blob::zeroed(self.size);
        let mut len = output.len();
        // SAFETY: lengths belong to their buffers.
        check(unsafe {
            EVP_PKEY_encrypt(context.0.as_ptr(), output.as_mut_ptr(), &mut len, input.as_ptr(), input.len())
        })?;
        self.whole(output, len)
    }

    /// Every failure looks alike, also in time as far as the engine can.
    pub(crate) fn decrypt_oaep(&self, input: &[u8], oaep: Oaep<'_>) -> Result<Blob, Failed> {
        let context = Context::new(self)?;
        // SAFETY: a live context.
        check(unsafe { EVP_PKEY_decrypt_init(context.0.as_ptr()) })?;
        context.set_oaep(oaep)?;
        let mut output = Blob::zeroed(self.size);
        let mut len = output.len();
        // SAFETY: lengths belong to their buffers.
        check(unsafe {
            EVP_PKEY_decrypt(context.0.as_ptr(), output.as_mut_ptr(), &mut len, input.as_ptr(), input.len())
        })?;
        output.truncate(len);
        Ok(output)
    }

    /// One of the engine's operations that give as many bytes as the modulus has.
    fn transform(&self, operation: Transform, input: &[u8], padding: c_int) -> Result<Blob, Failed> {
        let mut output = Blob::zeroed(self.size);
        let mut len = 0;
        // SAFETY: the key is live; lengths belong to their buffers; nothing else is asked of a caller by any
        // `Transform` of the engine.
        check(unsafe {
            operation(
                self.rsa.as_ptr(),
                &mut len,
                output.as_mut_ptr(),
                output.len(),
                input.as_ptr(),
                input.len(),
                padding,
            )
        })?;
        self.whole(output, len)
    }

    fn whole(&self, output: Blob, len: usize) -> Result<Blob, Failed> {
        if len == self.size { Ok(output) } else { Err(Failed) }
    }

    fn own(rsa: *mut RSA) -> Result<Self, Failed> {
        let rsa = non_null(rsa)?;
        // SAFETY: no preconditions.
        let pkey = match non_null(unsafe { EVP_PKEY_new() }) {
            Ok(pkey) => pkey,
            Err(failed) => {
                // SAFETY: the key was ours.
                unsafe { RSA_free(rsa.as_ptr()) };
                return Err(failed);
            }
        };
        // From here on dropping the key frees both.
        let key = Self { rsa, pkey, size: 0 };
        // SAFETY: both are live; the reference is counted.
        check(unsafe { EVP_PKEY_set1_RSA(key.pkey.as_ptr(), key.rsa.as_ptr()) })?;
        key.sized()
    }

    fn sized(mut self) -> Result<Self, Failed> {
        // SAFETY: the key is live; one that is still to be generated has no modulus, whose size mustn't be asked.
        self.size = unsafe {
            if RSA_get0_n(self.rsa.as_ptr()).is_null() { 0 } else { RSA_size(self.rsa.as_ptr()) as usize }
        };
        Ok(self)
    }
}

/// One use of a key with OAEP.
struct Context(NonNull<EVP_PKEY_CTX>);

impl Context {
    fn new(key: &RsaKey) -> Result<Self, Failed> {
        // SAFETY: the key is live, and counted by the context.
        non_null(unsafe { EVP_PKEY_CTX_new(key.pkey.as_ptr(), ptr::null_mut()) }).map(Self)
    }

    fn set_oaep(&self, oaep: Oaep<'_>) -> Result<(), Failed> {
        let context = self.0.as_ptr();
        // SAFETY: a live context that was initialised for encryption or decryption; hash descriptions are static.
        unsafe {
            check(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING))?;
            check(EVP_PKEY_CTX_set_rsa_oaep_md(context, md(oaep.hash)))?;
            check(EVP_PKEY_CTX_set_rsa_mgf1_md(context, md(oaep.mgf)))?;
        }
        if oaep.label.is_empty() {
            return Ok(());
        }
        // SAFETY: pointer and length belong together.
        let label = non_null(unsafe { OPENSSL_memdup(oaep.label.as_ptr().cast(), oaep.label.len()) })?;
        // SAFETY: the label came from the engine's allocator; on success it belongs to the context.
        let set = check(unsafe {
            EVP_PKEY_CTX_set0_rsa_oaep_label(context, label.as_ptr().cast(), oaep.label.len())
        });
        if set.is_err() {
            // SAFETY: it's still ours.
            unsafe { OPENSSL_free(label.as_ptr()) };
        }
        set
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}
