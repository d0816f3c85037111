//! Groups of Diffie-Hellman and DSA: a prime, a base, and where it's known the order of what the base generates.

use std::sync::OnceLock;

use strongroom_model::{AttributeType, Attributes, Error, KeyType, Result, ReturnCode};

use crate::ffi::Failed;
use crate::ffi::bignum::Number;
use crate::ffi::dh as ffi;

/// Smallest and largest primes, in bits.
const PRIME_BITS: std::ops::RangeInclusive<u32> = 1024..=8192;
/// The same for DSA (FIPS 186-4 section 4.2).
const DSA_PRIME_BITS: std::ops::RangeInclusive<u32> = 1024..=3072;
/// The smallest order of X9.42, in bits.
const MIN_ORDER: u32 = 160;
/// The orders of DSA, in bits.
const DSA_ORDERS: [u32; 3] = [160, 224, 256];
/// Rounds of Miller and Rabin's test for a subprime, whose making nobody has seen.
const ROUNDS: u32 = 40;
/// The same for a prime, where a round takes milliseconds.
const PRIME_ROUNDS: u32 = 8;

/// A group.
pub(crate) struct Group {
    pub(crate) key_type: KeyType,
    pub(crate) prime: Number,
    pub(crate) base: Number,
    /// The order of the base. Of groups of PKCS #3 it's known where the prime is.
    pub(crate) order: Option<Number>,
}

/// Sizes of the primes of RFC 7919, what they are made with (appendix A), and bits of private values that are as strong
/// (section 5.2), rounded up.
const FFDHE: [(u32, u64, u32); 5] = [
    (2048, 560_316, 256),
    (3072, 2_625_351, 288),
    (4096, 5_736_041, 352),
    (6144, 15_705_020, 384),
    (8192, 10_965_728, 416),
];

impl Group {
    /// From `PRIME`, `BASE` and, for X9.42 and DSA, `SUBPRIME`. `refusal` is what a group that isn't one is answered with.
    pub(crate) fn from_attributes(
        key_type: KeyType,
        attributes: &Attributes,
        refusal: ReturnCode,
    ) -> Result<Self> {
        let number = |attribute: AttributeType| match attributes.bytes(attribute) {
            Some(bytes) if bytes.len() <= 2048 => Ok(Number::from_bytes(bytes)?),
            Some(_) => Err(Error::new(refusal, format!("{attribute} is too long"))),
            None => Err(Error::new(
                ReturnCode::TEMPLATE_INCOMPLETE,
                format!("a key of this type needs {attribute}"),
            )),
        };
        let (prime, base) = (number(AttributeType::PRIME)?, number(AttributeType::BASE)?);
        let sizes = if key_type == KeyType::Dsa { DSA_PRIME_BITS } else { PRIME_BITS };
        if !sizes.contains(&prime.bits()) {
            return Err(Error::new(
                ReturnCode::KEY_SIZE_RANGE,
                format!(
                    "a prime of {} bits: {} to {} are supported",
                    prime.bits(),
                    sizes.start(),
                    sizes.end()
                ),
            ));
        }
        let refused = |why: &str| Error::new(refusal, format!("this group {why}"));
        if !prime.is_odd() || base.bits() < 2 || base >= prime.minus(1)? {
            return Err(refused("has no odd prime, or a base that isn't from 2 to 2 below it"));
        }
        let order = if key_type != KeyType::Dh {
            let order = number(AttributeType::SUBPRIME)?;
            let divides = order.bits() >= MIN_ORDER
                && order < prime
                && prime.minus(1)?.modulo(&order)?.bits() == 0
                && base.power_modulo(&order, &prime)?.is_one();
            if !divides {
                return Err(refused(
                    "has a subprime that isn't the order of its base, or has less than 160 bits",
                ));
            }
            if key_type == KeyType::Dsa {
                if !DSA_ORDERS.contains(&order.bits()) {
                    return Err(refused(
                        "has a subprime that isn't one of 160, 224 or 256 bits, as DSA needs it",
                    ));
                }
                // A signature divides by the nonce in a way that only a prime order bears.
                if !ffi::is_prime(&order, ROUNDS)? || !ffi::is_prime(&prime, PRIME_ROUNDS)? {
                    return Err(refused("has a prime or a subprime that is none"));
                }
            }
            Some(order)
        } else if is_known(&prime) {
            let half = prime.minus(1)?.halved()?;
            base.power_modulo(&half, &prime)?.is_one().then_some(half)
        } else {
            None
        };
        Ok(Self { key_type, prime, base, order })
    }

    /// Length of the prime in bytes.
    pub(crate) fn len(&self) -> usize {
        (self.prime.bits() as usize).div_ceil(8)
    }

    /// The attributes of the group.
    pub(crate) fn attributes(&self) -> Attributes {
        let attributes = Attributes::new()
            .with(AttributeType::PRIME, self.prime.to_bytes())
            .with(AttributeType::BASE, self.base.to_bytes());
        match &self.order {
            Some(order) if self.key_type != KeyType::Dh => {
                attributes.with(AttributeType::SUBPRIME, order.to_bytes())
            }
            _ => attributes,
        }
    }

    /// Whether a number can be a public value: not 0, 1 or p - 1, and in the group that the base generates where that's
    /// known (NIST SP 800-56A section 5.6.2.3.1).
    pub(crate) fn contains(&self, value: &Number) -> Result<bool> {
        if value.bits() < 2 || *value >= self.prime.minus(1)? {
            return Ok(false);
        }
        Ok(match &self.order {
            Some(order) => value.power_modulo(order, &self.prime)?.is_one(),
            None => true,
        })
    }

    /// A private value; `bits` are those that it may have at most.
    pub(crate) fn private_value(&self, bits: Option<u32>) -> Result<Number> {
        let most = match (&self.order, self.key_type) {
            (Some(order), KeyType::X942Dh | KeyType::Dsa) => return Ok(ffi::random_below(1, order)?),
            // NIST SP 800-56A section 5.6.1.1.1: twice the strength is enough in a group with a known order.
            (Some(_), _) => {
                FFDHE.iter().find(|(size, ..)| self.prime.bits() <= *size).map_or(416, |(_, _, most)| *most)
            }
            (None, _) => self.prime.bits() - 1,
        };
        let bits = bits.unwrap_or(most);
        if !(160..self.prime.bits()).contains(&bits) {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                format!(
                    "CKA_VALUE_BITS is {bits}; a private value has 160 bits at least, and fewer than the prime"
                ),
            ));
        }
        Ok(ffi::random_below(2, &power_of_two(bits)?)?)
    }
}

/// A prime of RFC 7919 (ffdhe2048 to ffdhe8192), if there is one of that size.
pub(super) fn ffdhe(bits: u32) -> Option<&'static Number> {
    static PRIMES: OnceLock<Vec<Option<Number>>> = OnceLock::new();
    let primes =
        PRIMES.get_or_init(|| FFDHE.iter().map(|(bits, offset, _)| computed(*bits, *offset).ok()).collect());
    let at = FFDHE.iter().position(|(size, ..)| *size == bits)?;
    primes[at].as_ref()
}

/// RFC 7919 appendix A: 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1.
fn computed(bits: u32, offset: u64) -> std::result::Result<Number, Failed> {
    const GUARD: u32 = 64;
    let mut term = power_of_two(bits - 130 + GUARD)?;
    let mut e = power_of_two(bits - 130 + GUARD)?;
    let mut count = 1;
    while term.bits() > 0 {
        term = term.over(&Number::from_u64(count)?)?;
        e = e.plus(&term)?;
        count += 1;
    }
    let e = e.over(&power_of_two(GUARD)?)?;
    let middle = e.plus(&Number::from_u64(offset)?)?.times(&power_of_two(64)?)?;
    // 2^b - 2^(b-64) is 2^(b-64) (2^64 - 1).
    let top = power_of_two(bits - 64)?.times(&Number::from_u64(u64::MAX)?)?;
    top.plus(&middle)?.minus(1)
}

pub(super) fn power_of_two(exponent: u32) -> std::result::Result<Number, Failed> {
    let mut bytes = vec![0; exponent as usize / 8 + 1];
    bytes[0] = 1 << (exponent % 8);
    Number::from_bytes(&bytes)
}

/// Whether it's a safe prime that everybody knows: of RFC 7919 or RFC 3526.
fn is_known(prime: &Number) -> bool {
    ffdhe(prime.bits()).is_some_and(|known| known == prime)
        || ffi::rfc3526(prime.bits()).is_some_and(|known| known == *prime)
}
