//! Parameters of mechanisms that make keys from passwords.

use cryptoki_sys::*;
use strongroom_model::{Hash, Params, PasswordBased, Result, limits};

use super::derive::MAX_PIECE;
use super::{Parameter, bytes};

/// The longest password in bytes; beyond it the field is a pointer to the length, as PKCS#11 before 2.40 had it.
const MAX_PASSWORD: u64 = 65_535;

/// # Safety
///
/// As for all of [`Parameter`].
impl Parameter {
    /// PKCS#11 3.2 section 6.37. In `CK_PKCS5_PBKD2_PARAMS` of earlier versions the password's length is behind a pointer; it
    /// can't be told from this one by its size, and to follow what may be a wrong length could end the caller's process.
    pub(super) unsafe fn pbkdf2(self) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_PKCS5_PBKD2_PARAMS2 = unsafe { self.structure()? };
        let hash = match ck.prf {
            CKP_PKCS5_PBKD2_HMAC_SHA1 => Hash::Sha1,
            CKP_PKCS5_PBKD2_HMAC_SHA224 => Hash::Sha224,
            CKP_PKCS5_PBKD2_HMAC_SHA256 => Hash::Sha256,
            CKP_PKCS5_PBKD2_HMAC_SHA384 => Hash::Sha384,
            CKP_PKCS5_PBKD2_HMAC_SHA512 => Hash::Sha512,
            CKP_PKCS5_PBKD2_HMAC_SHA512_224 => Hash::Sha512_224,
            CKP_PKCS5_PBKD2_HMAC_SHA512_256 => Hash::Sha512_256,
            _ => return Err(self.refusal("takes HMAC with SHA-1 or SHA-2 as its PRF")),
        };
        if ck.saltSource != CKZ_SALT_SPECIFIED {
            return Err(self.refusal("takes a salt of source CKZ_SALT_SPECIFIED"));
        }
        // SAFETY: see the type.
        unsafe {
            self.password(
                hash,
                (ck.pPassword, ck.ulPasswordLen),
                (ck.pSaltSourceData.cast(), ck.ulSaltSourceDataLen),
                ck.iterations,
            )
        }
    }

    /// PKCS#11 3.2 section 6.38. Who gets the initialisation vector is for [`super::Places`] to see.
    pub(super) unsafe fn pbe(self, hash: Hash) -> Result<Params> {
        // SAFETY: see the type.
        let ck: CK_PBE_PARAMS = unsafe { self.structure()? };
        // SAFETY: see the type.
        unsafe {
            self.password(hash, (ck.pPassword, ck.ulPasswordLen), (ck.pSalt, ck.ulSaltLen), ck.ulIteration)
        }
    }

    unsafe fn password(
        self,
        hash: Hash,
        password: (*const u8, u64),
        salt: (*const u8, u64),
        iterations: u64,
    ) -> Result<Params> {
        // SAFETY: see the type.
        let (password, salt) = unsafe {
            (bytes(password.0, password.1, MAX_PASSWORD as usize)?, bytes(salt.0, salt.1, MAX_PIECE)?)
        };
        match u32::try_from(iterations) {
            Ok(iterations @ 1..=limits::MAX_PBE_ITERATIONS) => {
                Ok(Params::PasswordBased(PasswordBased { hash, password, salt, iterations }))
            }
            _ => Err(self.refusal("takes 1 to 4,000,000 iterations")),
        }
    }
}
