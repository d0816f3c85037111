//! Hashes of passwords: argon2id (RFC 9106).

mod memory;

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use strongroom_model::{Error, Result, ReturnCode};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::random;

/// Memory in KiB, passes and lanes, as OWASP's Password Storage Cheat Sheet has them: about 12 ms and
/// 19 MiB per hash.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// The most memory, in KiB, and passes that [`verify`] spends on a hash that came with costs of its own.
const MAX_COST: (u32, u32) = (256 * 1024, 16);

/// Length of a salt in bytes (RFC 9106 section 3.1 recommends 16).
const SALT: usize = 16;

/// A hash of no known password, with the costs of [`COST`].
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3Ryb25ncm9vbS1kdW1teQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes a password under a fresh salt, into a PHC string that holds all that [`verify`] needs.
///
/// # Errors
///
/// `DEVICE_MEMORY` if there isn't enough memory.
pub fn hash(password: &[u8]) -> Result<String> {
    let failed = || Error::new(ReturnCode::DEVICE_MEMORY, "no memory to hash a password; 19 MiB are needed");
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|_| failed())?;
    let salt = random::bytes::<SALT>();
    let output = compute(&params, password, &salt, Params::DEFAULT_OUTPUT_LEN).ok_or_else(failed)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|_| failed())?,
        salt: Some(Salt::new(&salt).map_err(|_| failed())?),
        hash: Some(Output::new(&output).map_err(|_| failed())?),
    };
    Ok(hash.to_string())
}

/// Whether it's the password that was hashed. Takes as long for a wrong one as for the right one.
///
/// Strings that aren't such a hash, or one whose costs are beyond reason, match no password.
pub fn verify(password: &[u8], phc: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(phc) else {
        return false;
    };
    let Ok(params) = Params::try_from(&parsed) else {
        return false;
    };
    let (memory, passes) = MAX_COST;
    if params.m_cost() > memory || params.t_cost() > passes {
        return false;
    }
    let ours =
        parsed.algorithm == Algorithm::Argon2id.ident() && parsed.version == Some(Version::V0x13.into());
    let (Some(salt), Some(expected), true) = (parsed.salt, parsed.hash, ours) else {
        return false;
    };
    compute(&params, password, &salt, expected.len())
        .is_some_and(|output| bool::from(output.as_slice().ct_eq(expected.as_bytes())))
}

/// Costs what [`verify`] costs and matches nothing: for users that don't exist, so that the time of an
/// answer doesn't tell which users do.
pub fn verify_dummy(password: &[u8]) {
    let matched = std::hint::black_box(verify(password, DUMMY));
    debug_assert!(!matched, "nobody knows a password of the dummy");
}

fn compute(params: &Params, password: &[u8], salt: &[u8], len: usize) -> Option<Zeroizing<Vec<u8>>> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut output = Zeroizing::new(vec![0; len]);
    memory::lend(params.block_count(), |blocks| {
        argon2.hash_password_into_with_memory(password, salt, &mut output, blocks)
    })
    .ok()?;
    Some(output)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_right_password_and_no_other() {
        let phc = hash(b"correct horse").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify(b"correct horse", &phc));
        assert!(!verify(b"correct horsf", &phc));
        assert!(!verify(b"", &phc));
        assert!(!verify(b"correct horse\0", &phc));
    }

    #[test]
    fn hashes_are_salted() {
        assert_ne!(hash(b"same").unwrap(), hash(b"same").unwrap());
    }

    /// The one-lane relative of RFC 9106's vectors from the reference implementation's own tests.
    #[test]
    fn a_hash_of_the_reference_implementation() {
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify(b"password", phc));
        assert!(!verify(b"passwore", phc));
    }

    #[test]
    fn what_is_no_hash_matches_nothing() {
        let good = hash(b"x").unwrap();
        let mut strings = vec![
            String::new(),
            "$".into(),
            "x".into(),
            "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$AAAA".into(),
            "$argon2id$v=19$m=65536,t=4294967295,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA".into(),
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E".into(),
        ];
        strings.extend((0..good.len()).map(|len| good[..len].to_string()).filter(|cut| {
            // Cut in the hash itself it's still a well-formed, shorter hash; that matches nothing too, but
            // takes a while to say so.
            cut.matches('$').count() < 5
        }));
        for string in strings {
            assert!(!verify(b"x", &string), "{string:?}");
        }
    }

    /// By its parameters rather than by the clock, which is of no use on a busy machine; that the work is
    /// done at all the clock does tell, since nothing fills 19 MiB twice in a millisecond.
    #[test]
    fn the_dummy_costs_the_same() {
        let real = hash(b"x").unwrap();
        let (real, dummy) = (PasswordHash::new(&real).unwrap(), PasswordHash::new(DUMMY).unwrap());
        assert_eq!(dummy.algorithm, real.algorithm);
        assert_eq!(dummy.version, real.version);
        assert_eq!(dummy.params, real.params);
        assert_eq!(dummy.salt.unwrap().len(), real.salt.unwrap().len());
        assert_eq!(dummy.hash.unwrap().len(), real.hash.unwrap().len());
        let start = Instant::now();
        verify_dummy(b"y");
        assert!(start.elapsed() > Duration::from_millis(1), "the dummy isn't even computed");
    }
}
