//! Ed25519 and X25519 (RFC 8032, RFC 7748), in constant time as far as secrets go.

use aws_lc_sys::{
    ED25519_keypair_from_seed, ED25519_sign, ED25519_verify, ED25519ctx_sign, ED25519ctx_verify,
    ED25519ph_sign_digest, ED25519ph_verify_digest, X25519, X25519_public_from_private,
};
use strongroom_model::Blob;
use zeroize::Zeroizing;

use super::{Failed, check};

/// Length of a private or public key, and of a shared secret, in bytes.
pub(crate) const LEN: usize = 32;
/// Length of a signature in bytes.
pub(crate) const SIGNATURE: usize = 64;
/// Length of the digest that Ed25519ph signs: SHA-512's.
pub(crate) const PREHASH: usize = 64;

/// Which of Ed25519's three schemes; the context has at most 255 bytes.
#[derive(Clone, Copy)]
pub(crate) enum Scheme<'a> {
    /// Ed25519.
    Pure,
    /// Ed25519ctx; the engine refuses an empty context.
    Context(&'a [u8]),
    /// Ed25519ph; what is signed is the digest.
    Prehash(&'a [u8]),
}

/// A private key: the seed and the public key, as the engine keeps them.
pub(crate) struct Ed25519(Zeroizing<[u8; 2 * LEN]>);

impl Ed25519 {
    pub(crate) fn from_seed(seed: &[u8; LEN]) -> Self {
        let mut key = Self(Zeroizing::new([0; 2 * LEN]));
        let mut public = [0; LEN];
        // SAFETY: the engine writes 32 and 64 bytes and reads 32, which is what the arrays have.
        unsafe { ED25519_keypair_from_seed(public.as_mut_ptr(), key.0.as_mut_ptr(), seed.as_ptr()) };
        key
    }

    pub(crate) fn seed(&self) -> &[u8] {
        &self.0[..LEN]
    }

    pub(crate) fn public(&self) -> [u8; LEN] {
        let mut public = [0; LEN];
        public.copy_from_slice(&self.0[LEN..]);
        public
    }

    /// A signature; fails for a context or digest of a wrong length.
    pub(crate) fn sign(&self, scheme: Scheme<'_>, message: &[u8]) -> Result<[u8; SIGNATURE], Failed> {
        let mut signature = [0; SIGNATURE];
        let (out, key) = (signature.as_mut_ptr(), self.0.as_ptr());
        // SAFETY: the key has 64 bytes, the signature room for 64; pointers and lengths belong together, and a digest
        // has the 64 bytes that the engine reads.
        let done = unsafe {
            match scheme {
                Scheme::Pure => ED25519_sign(out, message.as_ptr(), message.len(), key),
                Scheme::Context(context) => ED25519ctx_sign(
                    out,
                    message.as_ptr(),
                    message.len(),
                    key,
                    context.as_ptr(),
                    context.len(),
                ),
                Scheme::Prehash(context) => {
                    let digest = prehash(message)?;
                    ED25519ph_sign_digest(out, digest.as_ptr(), key, context.as_ptr(), context.len())
                }
            }
        };
        check(done).map(|()| signature)
    }
}

/// Whether it's a signature by the owner of a public key.
pub(crate) fn verifies(
    public: &[u8; LEN],
    scheme: Scheme<'_>,
    message: &[u8],
    signature: &[u8; SIGNATURE],
) -> bool {
    let Ok(digest) =
        (if matches!(scheme, Scheme::Prehash(_)) { prehash(message) } else { Ok(&[0; PREHASH]) })
    else {
        return false;
    };
    let (signature, public) = (signature.as_ptr(), public.as_ptr());
    // SAFETY: key and signature have the 32 and 64 bytes that the engine reads; pointers and lengths belong together,
    // and the digest has 64 bytes.
    let good = unsafe {
        match scheme {
            Scheme::Pure => ED25519_verify(message.as_ptr(), message.len(), signature, public),
            Scheme::Context(context) => ED25519ctx_verify(
                message.as_ptr(),
                message.len(),
                signature,
                public,
                context.as_ptr(),
                context.len(),
            ),
            Scheme::Prehash(context) => {
                ED25519ph_verify_digest(digest.as_ptr(), signature, public, context.as_ptr(), context.len())
            }
        }
    };
    check(good).is_ok()
}

fn prehash(message: &[u8]) -> Result<&[u8; PREHASH], Failed> {
    message.try_into().map_err(|_| Failed)
}

/// The public key of an X25519 private key, whose bits the engine sets as RFC 7748 wants them.
pub(crate) fn x25519_public(private: &[u8; LEN]) -> [u8; LEN] {
    let mut public = [0; LEN];
    // SAFETY: both arrays have 32 bytes.
    unsafe { X25519_public_from_private(public.as_mut_ptr(), private.as_ptr()) };
    public
}

/// The shared secret; fails if it's all zeros, as for every public key of small order.
pub(crate) fn x25519(private: &[u8; LEN], public: &[u8; LEN]) -> Result<Blob, Failed> {
    let mut secret = Blob::zeroed(LEN);
    // SAFETY: all three have 32 bytes.
    check(unsafe { X25519(secret.as_mut_ptr(), private.as_ptr(), public.as_ptr()) })?;
    Ok(secret)
}
