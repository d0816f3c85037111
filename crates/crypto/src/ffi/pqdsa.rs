//! ML-DSA (FIPS 204): keys that are parsed and ready, and signatures over mu, which is all that the engine needs of a
//! message.

use aws_lc_sys::{
    EVP_PKEY_pqdsa_new_raw_private_key, EVP_PKEY_pqdsa_new_raw_public_key, EVP_PKEY_sign, EVP_PKEY_sign_init,
    EVP_PKEY_verify, EVP_PKEY_verify_init, NID_MLDSA44, NID_MLDSA65, NID_MLDSA87,
};
use strongroom_model::Blob;

use super::pkey::Pkey;
use super::{Failed, check, failed};

/// A parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dsa {
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

/// Length of the seed (xi) in bytes.
pub(crate) const SEED: usize = 32;
/// Length of mu, which stands for the message, in bytes.
pub(crate) const MU: usize = 64;

impl Dsa {
    /// Length of the public key in bytes.
    pub(crate) const fn public_len(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }

    /// Length of the expanded private key in bytes.
    pub(crate) const fn private_len(self) -> usize {
        match self {
            Self::MlDsa44 => 2560,
            Self::MlDsa65 => 4032,
            Self::MlDsa87 => 4896,
        }
    }

    /// Length of a signature in bytes.
    pub(crate) const fn signature_len(self) -> usize {
        match self {
            Self::MlDsa44 => 2420,
            Self::MlDsa65 => 3309,
            Self::MlDsa87 => 4627,
        }
    }

    const fn nid(self) -> i32 {
        match self {
            Self::MlDsa44 => NID_MLDSA44,
            Self::MlDsa65 => NID_MLDSA65,
            Self::MlDsa87 => NID_MLDSA87,
        }
    }
}

/// A public or private key. A private one holds its public half too.
pub(crate) struct DsaKey {
    key: Pkey,
    dsa: Dsa,
}

impl DsaKey {
    /// The key that a seed gives (ML-DSA.KeyGen_internal).
    pub(crate) fn from_seed(dsa: Dsa, seed: &[u8; SEED]) -> Result<Self, Failed> {
        Self::private_from(dsa, seed)
    }

    /// From an expanded private key; fails unless its parts are in range and belong together.
    pub(crate) fn from_private(dsa: Dsa, private: &[u8]) -> Result<Self, Failed> {
        // The engine would take a seed too.
        if private.len() == dsa.private_len() { Self::private_from(dsa, private) } else { Err(failed()) }
    }

    fn private_from(dsa: Dsa, bytes: &[u8]) -> Result<Self, Failed> {
        // SAFETY: pointer and length belong together; the engine copies the bytes, checks them, and gives us the key.
        let key = Pkey::owning(unsafe {
            EVP_PKEY_pqdsa_new_raw_private_key(dsa.nid(), bytes.as_ptr(), bytes.len())
        })?;
        Ok(Self { key, dsa })
    }

    /// From a public key; every one of the right length is one.
    pub(crate) fn from_public(dsa: Dsa, public: &[u8]) -> Result<Self, Failed> {
        // SAFETY: pointer and length belong together; the engine copies the bytes, checks their number, and gives us
        // the key.
        let key = Pkey::owning(unsafe {
            EVP_PKEY_pqdsa_new_raw_public_key(dsa.nid(), public.as_ptr(), public.len())
        })?;
        Ok(Self { key, dsa })
    }

    pub(crate) const fn dsa(&self) -> Dsa {
        self.dsa
    }

    /// The public key.
    pub(crate) fn public(&self) -> Result<Vec<u8>, Failed> {
        self.key.raw_public(self.dsa.public_len())
    }

    /// The expanded private key; fails for a public key.
    pub(crate) fn private(&self) -> Result<Blob, Failed> {
        self.key.raw_private(self.dsa.private_len())
    }

    /// A hedged signature; fails for a public key.
    pub(crate) fn sign(&self, mu: &[u8; MU]) -> Result<Blob, Failed> {
        let mut signature = Blob::zeroed(self.dsa.signature_len());
        let mut len = signature.len();
        let context = self.key.context()?;
        // SAFETY: the context is live; the lengths are the buffers', and the engine writes no more.
        unsafe {
            check(EVP_PKEY_sign_init(context.as_ptr()))?;
            check(EVP_PKEY_sign(
                context.as_ptr(),
                signature.as_mut_ptr(),
                &raw mut len,
                mu.as_ptr(),
                mu.len(),
            ))?;
        }
        if len == signature.len() { Ok(signature) } else { Err(failed()) }
    }

    /// Whether it's a signature.
    pub(crate) fn verify(&self, mu: &[u8; MU], signature: &[u8]) -> bool {
        let Ok(context) = self.key.context() else { return false };
        // SAFETY: the context is live; pointers and lengths belong together.
        let verdict = unsafe {
            check(EVP_PKEY_verify_init(context.as_ptr())).and_then(|()| {
                check(EVP_PKEY_verify(
                    context.as_ptr(),
                    signature.as_ptr(),
                    signature.len(),
                    mu.as_ptr(),
                    mu.len(),
                ))
            })
        };
        verdict.is_ok()
    }
}
