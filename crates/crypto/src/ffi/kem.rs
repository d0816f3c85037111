//! ML-KEM (FIPS 203): keys that are parsed and ready, and the operations on them.

use std::ptr;

use aws_lc_sys::{
    EVP_PKEY_CTX_kem_set_params, EVP_PKEY_CTX_new_id, EVP_PKEY_KEM, EVP_PKEY_decapsulate,
    EVP_PKEY_encapsulate, EVP_PKEY_kem_check_key, EVP_PKEY_kem_new_raw_key, EVP_PKEY_kem_new_raw_public_key,
    EVP_PKEY_keygen_deterministic, EVP_PKEY_keygen_init, EVP_PKEY_public_check, NID_MLKEM512, NID_MLKEM768,
    NID_MLKEM1024,
};
use strongroom_model::Blob;

use super::pkey::{Context, Pkey};
use super::{Failed, check, failed, non_null};

/// A parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kem {
    MlKem512,
    MlKem768,
    MlKem1024,
}

/// Length of the seed (d and z, one after the other) in bytes.
pub(crate) const SEED: usize = 64;
/// Length of the shared secret in bytes.
const SECRET: usize = 32;
/// Bytes that a vector's element takes in an encoded key.
const ELEMENT: usize = 384;
/// Bytes that follow the vector in an encapsulation key: the seed of the matrix.
const MATRIX_SEED: usize = 32;

impl Kem {
    /// Elements of a vector (k in FIPS 203).
    const fn rank(self) -> usize {
        match self {
            Self::MlKem512 => 2,
            Self::MlKem768 => 3,
            Self::MlKem1024 => 4,
        }
    }

    /// Length of the encapsulation key in bytes.
    pub(crate) const fn public_len(self) -> usize {
        ELEMENT * self.rank() + MATRIX_SEED
    }

    /// Length of the decapsulation key in bytes: vector, encapsulation key, its hash, and z.
    pub(crate) const fn private_len(self) -> usize {
        ELEMENT * self.rank() + self.public_len() + 64
    }

    /// Length of a ciphertext in bytes.
    pub(crate) const fn ciphertext_len(self) -> usize {
        match self {
            Self::MlKem512 => 768,
            Self::MlKem768 => 1088,
            Self::MlKem1024 => 1568,
        }
    }

    const fn nid(self) -> i32 {
        match self {
            Self::MlKem512 => NID_MLKEM512,
            Self::MlKem768 => NID_MLKEM768,
            Self::MlKem1024 => NID_MLKEM1024,
        }
    }
}

/// A public or private key. A private one holds its public half too.
pub(crate) struct KemKey {
    key: Pkey,
    kem: Kem,
}

impl KemKey {
    /// The key that a seed gives (ML-KEM.KeyGen_internal).
    pub(crate) fn from_seed(kem: Kem, seed: &[u8; SEED]) -> Result<Self, Failed> {
        // SAFETY: no preconditions; the engine has no implementation of its own to be given.
        let context =
            Context::owning(non_null(unsafe { EVP_PKEY_CTX_new_id(EVP_PKEY_KEM, ptr::null_mut()) })?);
        let (mut key, mut len) = (ptr::null_mut(), seed.len());
        // SAFETY: the context is live; the length is the seed's, and the key that comes out is ours.
        let key = unsafe {
            check(EVP_PKEY_keygen_init(context.as_ptr()))?;
            check(EVP_PKEY_CTX_kem_set_params(context.as_ptr(), kem.nid()))?;
            check(EVP_PKEY_keygen_deterministic(
                context.as_ptr(),
                &raw mut key,
                seed.as_ptr(),
                &raw mut len,
            ))?;
            Pkey::owning(key)?
        };
        Ok(Self { key, kem })
    }

    /// From a decapsulation key; fails unless it passes the checks of FIPS 203 section 7.3 and works.
    pub(crate) fn from_private(kem: Kem, private: &[u8]) -> Result<Self, Failed> {
        if private.len() != kem.private_len() {
            return Err(failed());
        }
        let public = &private[ELEMENT * kem.rank()..][..kem.public_len()];
        // SAFETY: pointers and lengths belong together; the engine copies both and gives us the key.
        let key = unsafe {
            let (public, private) = ((public.as_ptr(), public.len()), (private.as_ptr(), private.len()));
            Pkey::owning(EVP_PKEY_kem_new_raw_key(kem.nid(), public.0, public.1, private.0, private.1))?
        };
        // SAFETY: the key is live and has both halves.
        check(unsafe { EVP_PKEY_kem_check_key(key.as_ptr()) })?;
        Ok(Self { key, kem })
    }

    /// From an encapsulation key; fails unless it passes the checks of FIPS 203 section 7.2.
    pub(crate) fn from_public(kem: Kem, public: &[u8]) -> Result<Self, Failed> {
        // SAFETY: pointer and length belong together; the engine copies the bytes, checks their number, and gives us
        // the key.
        let key = Pkey::owning(unsafe {
            EVP_PKEY_kem_new_raw_public_key(kem.nid(), public.as_ptr(), public.len())
        })?;
        // SAFETY: the context is live and has the key.
        check(unsafe { EVP_PKEY_public_check(key.context()?.as_ptr()) })?;
        Ok(Self { key, kem })
    }

    pub(crate) const fn kem(&self) -> Kem {
        self.kem
    }

    /// The encapsulation key.
    pub(crate) fn public(&self) -> Result<Vec<u8>, Failed> {
        self.key.raw_public(self.kem.public_len())
    }

    /// The decapsulation key; fails for a public key.
    pub(crate) fn private(&self) -> Result<Blob, Failed> {
        self.key.raw_private(self.kem.private_len())
    }

    /// A ciphertext, and the secret that it tells.
    pub(crate) fn encapsulate(&self) -> Result<(Blob, Blob), Failed> {
        let (mut ciphertext, mut secret) = (Blob::zeroed(self.kem.ciphertext_len()), Blob::zeroed(SECRET));
        let (mut ciphertext_len, mut secret_len) = (ciphertext.len(), secret.len());
        let context = self.key.context()?;
        // SAFETY: the context is live; the lengths are the buffers', and the engine writes no more.
        check(unsafe {
            EVP_PKEY_encapsulate(
                context.as_ptr(),
                ciphertext.as_mut_ptr(),
                &raw mut ciphertext_len,
                secret.as_mut_ptr(),
                &raw mut secret_len,
            )
        })?;
        if (ciphertext_len, secret_len) == (ciphertext.len(), secret.len()) {
            Ok((ciphertext, secret))
        } else {
            Err(failed())
        }
    }

    /// The secret that a ciphertext tells; another, always the same, for a ciphertext that was made up. Fails for one of
    /// another length, and for a public key.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Result<Blob, Failed> {
        let mut secret = Blob::zeroed(SECRET);
        let mut len = secret.len();
        let context = self.key.context()?;
        // SAFETY: the context is live; the lengths are the buffers', and the engine writes no more.
        check(unsafe {
            EVP_PKEY_decapsulate(
                context.as_ptr(),
                secret.as_mut_ptr(),
                &raw mut len,
                ciphertext.as_ptr(),
                ciphertext.len(),
            )
        })?;
        if len == secret.len() { Ok(secret) } else { Err(failed()) }
    }
}
