//! The numbers of an RSA key: from attributes and back, and the missing ones from the others.

use strongroom_model::{AttributeType, Attributes, Error, Result, ReturnCode};

use super::{MAX_BITS, MIN_BITS};
use crate::ffi::Failed;
use crate::ffi::bignum::Number;
use crate::ffi::rsa::PrivateNumbers;

/// The longest public exponent in bits: the engine's limit, against keys made to burn time.
const MAX_EXPONENT_BITS: u32 = 33;
/// Tried in this order where a private key comes without its public exponent.
const USUAL_EXPONENTS: [u64; 5] = [65_537, 3, 17, 257, 5];
/// Bases for finding the primes: each fails with a probability of at most one half.
const BASES: [u64; 40] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173,
];

/// A private key's numbers, the missing ones worked out. That they belong together is for the engine
/// to check.
pub(crate) fn complete(attributes: &Attributes) -> Result<PrivateNumbers> {
    let n = required(attributes, AttributeType::MODULUS)?;
    check_modulus(&n)?;
    let d = required(attributes, AttributeType::PRIVATE_EXPONENT)?;
    if d >= n {
        return Err(inconsistent());
    }
    let e = match optional(attributes, AttributeType::PUBLIC_EXPONENT)? {
        Some(e) => e,
        None => public_exponent(&n, &d)?,
    };
    check_public(&n, &e)?;
    let (p, q) = match (
        optional(attributes, AttributeType::PRIME_1)?,
        optional(attributes, AttributeType::PRIME_2)?,
    ) {
        (Some(p), Some(q)) => (p, q),
        (Some(p), None) => other_prime(&n, p)?,
        (None, Some(q)) => {
            let (q, p) = other_prime(&n, q)?;
            (p, q)
        }
        (None, None) => primes(&n, &e, &d).map_err(|_| inconsistent())?.ok_or_else(inconsistent)?,
    };
    // Not more than the modulus, so that working with them takes bounded time.
    if p >= n || q >= n || !p.is_odd() || !q.is_odd() || p.is_one() || q.is_one() {
        return Err(inconsistent());
    }
    let or = |attribute, missing: &dyn Fn() -> std::result::Result<Number, Failed>| -> Result<Number> {
        match optional(attributes, attribute)? {
            Some(number) if number >= n => Err(inconsistent()),
            Some(number) => Ok(number),
            None => missing().map_err(|_| inconsistent()),
        }
    };
    let dp = or(AttributeType::EXPONENT_1, &|| d.modulo(&p.minus(1)?))?;
    let dq = or(AttributeType::EXPONENT_2, &|| d.modulo(&q.minus(1)?))?;
    // The inverse by Fermat's little theorem, whose time tells nothing.
    let qinv = or(AttributeType::COEFFICIENT, &|| q.modulo(&p)?.power_modulo(&p.minus(2)?, &p))?;
    Ok(PrivateNumbers { n, e, d, p, q, dp, dq, qinv })
}

/// All numbers of a private key as attributes: big-endian, no leading zeros.
pub(crate) fn attributes(numbers: &PrivateNumbers) -> Attributes {
    Attributes::new()
        .with(AttributeType::MODULUS, numbers.n.to_bytes())
        .with(AttributeType::PUBLIC_EXPONENT, numbers.e.to_bytes())
        .with(AttributeType::PRIVATE_EXPONENT, numbers.d.to_bytes())
        .with(AttributeType::PRIME_1, numbers.p.to_bytes())
        .with(AttributeType::PRIME_2, numbers.q.to_bytes())
        .with(AttributeType::EXPONENT_1, numbers.dp.to_bytes())
        .with(AttributeType::EXPONENT_2, numbers.dq.to_bytes())
        .with(AttributeType::COEFFICIENT, numbers.qinv.to_bytes())
}

/// Checks a public key's range; RSA with an even exponent or one below 3 is none.
pub(crate) fn check_public(n: &Number, e: &Number) -> Result<()> {
    check_modulus(n)?;
    if !e.is_odd() || e.is_one() || e.bits() > MAX_EXPONENT_BITS {
        return Err(Error::new(
            ReturnCode::ATTRIBUTE_VALUE_INVALID,
            "the public exponent must be odd, at least 3 and below 2^33",
        ));
    }
    Ok(())
}

/// A number that must be there.
pub(crate) fn required(attributes: &Attributes, attribute: AttributeType) -> Result<Number> {
    optional(attributes, attribute)?
        .ok_or_else(|| Error::new(ReturnCode::TEMPLATE_INCOMPLETE, format!("an RSA key needs {attribute}")))
}

pub(crate) fn inconsistent() -> Error {
    Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, "the numbers aren't those of one RSA key")
}

/// An empty attribute counts as missing: some clients send all eight and leave those empty that they lack.
fn optional(attributes: &Attributes, attribute: AttributeType) -> Result<Option<Number>> {
    let Some(bytes) = attributes.bytes(attribute).filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    // Longer ones would have to be worked with before they're found to be nonsense.
    if bytes.len() > 2 * (MAX_BITS / 8) as usize {
        return Err(Error::new(
            ReturnCode::ATTRIBUTE_VALUE_INVALID,
            format!("{attribute} is longer than any RSA key's of up to {MAX_BITS} bits"),
        ));
    }
    Ok(Some(Number::from_bytes(bytes)?))
}

fn check_modulus(n: &Number) -> Result<()> {
    if !(MIN_BITS..=MAX_BITS).contains(&n.bits()) {
        return Err(Error::new(
            ReturnCode::KEY_SIZE_RANGE,
            format!("an RSA modulus has {MIN_BITS} to {MAX_BITS} bits, not {}", n.bits()),
        ));
    }
    if !n.is_odd() {
        return Err(Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, "an RSA modulus is odd"));
    }
    Ok(())
}

/// The usual exponent for which 2^(de) is 2.
fn public_exponent(n: &Number, d: &Number) -> Result<Number> {
    let two = Number::from_u64(2)?;
    let signed = two.power_modulo(d, n)?;
    for usual in USUAL_EXPONENTS {
        let e = Number::from_u64(usual)?;
        if signed.power_modulo(&e, n)? == two {
            return Ok(e);
        }
    }
    Err(Error::new(
        ReturnCode::TEMPLATE_INCOMPLETE,
        "an RSA private key needs CKA_PUBLIC_EXPONENT; it isn't one of the usual ones",
    ))
}

fn other_prime(n: &Number, known: Number) -> Result<(Number, Number)> {
    let other = n.over(&known).map_err(|_| inconsistent())?;
    Ok((known, other))
}

/// The primes of `n`, the larger first (NIST SP 800-56B rev. 2 appendix C.1, with fixed bases); `None`
/// if the numbers aren't those of one key.
fn primes(n: &Number, e: &Number, d: &Number) -> std::result::Result<Option<(Number, Number)>, Failed> {
    let top = n.minus(1)?;
    let mut odd = d.times(e)?.minus(1)?;
    let mut halvings = 0;
    while !odd.is_odd() && odd.bits() > 0 {
        odd = odd.halved()?;
        halvings += 1;
    }
    if halvings == 0 || odd.bits() == 0 {
        return Ok(None);
    }
    for base in BASES {
        let mut root = Number::from_u64(base)?.power_modulo(&odd, n)?;
        for _ in 0..halvings {
            if root.is_one() || root == top {
                break;
            }
            let square = root.times_modulo(&root, n)?;
            if square.is_one() {
                // A root of 1 that is neither 1 nor -1 gives the primes away.
                let one = root.minus(1)?.common_divisor(n)?;
                let other = n.over(&one)?;
                return Ok(Some(if one > other { (one, other) } else { (other, one) }));
            }
            root = square;
        }
    }
    Ok(None)
}
