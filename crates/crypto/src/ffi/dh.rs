//! Numbers for Diffie-Hellman: primes that everybody knows, new ones, random exponents.

use std::ptr;

use aws_lc_sys as c;

use super::bignum::Number;
use super::{Failed, check, failed};

/// The prime of a group of RFC 3526 with that many bits, if there is one.
pub(crate) fn rfc3526(bits: u32) -> Option<Number> {
    let get = match bits {
        1536 => c::BN_get_rfc3526_prime_1536,
        2048 => c::BN_get_rfc3526_prime_2048,
        3072 => c::BN_get_rfc3526_prime_3072,
        4096 => c::BN_get_rfc3526_prime_4096,
        6144 => c::BN_get_rfc3526_prime_6144,
        8192 => c::BN_get_rfc3526_prime_8192,
        _ => return None,
    };
    let number = Number::from_u64(0).ok()?;
    // SAFETY: a live number of ours, which is filled and given back.
    let filled = unsafe { get(number.as_ptr()) };
    (!filled.is_null()).then_some(number)
}

/// A secret random number from `least` to below `limit`.
pub(crate) fn random_below(least: u64, limit: &Number) -> Result<Number, Failed> {
    let number = Number::from_u64(0)?;
    // SAFETY: both are live.
    check(unsafe { c::BN_rand_range_ex(number.as_ptr(), least, limit.as_ptr()) })?;
    Ok(number)
}

/// A new prime; with `multiple`, one that leaves 1 when divided by it.
pub(crate) fn prime(bits: u32, multiple: Option<&Number>) -> Result<Number, Failed> {
    let (number, one) = (Number::from_u64(0)?, Number::from_u64(1)?);
    let bits = i32::try_from(bits).map_err(|_| failed())?;
    let (add, rest) = match multiple {
        Some(multiple) => (multiple.as_ptr().cast_const(), one.as_ptr().cast_const()),
        None => (ptr::null(), ptr::null()),
    };
    // SAFETY: all are live or null, which the engine takes for none; there is no callback.
    check(unsafe { c::BN_generate_prime_ex(number.as_ptr(), bits, 0, add, rest, ptr::null_mut()) })?;
    Ok(number)
}

/// Whether a number is prime, by that many rounds of Miller and Rabin's test, each with a random witness: a composite
/// number that somebody chose passes one with a chance of a quarter at most.
pub(crate) fn is_prime(number: &Number, rounds: u32) -> Result<bool, Failed> {
    let rounds = i32::try_from(rounds).map_err(|_| failed())?;
    let mut answer = 0;
    // SAFETY: the number is live, the answer is ours; a null context has the engine make one, there is no callback.
    check(unsafe {
        c::BN_primality_test(&raw mut answer, number.as_ptr(), rounds, ptr::null_mut(), 1, ptr::null_mut())
    })?;
    Ok(answer == 1)
}
