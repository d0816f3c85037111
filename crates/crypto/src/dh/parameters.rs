//! Domain parameters: of Diffie-Hellman and DSA.

use strongroom_model::{AttributeType, Attributes, Error, KeyType, Result, ReturnCode};

use super::group::ffdhe;
use crate::family::Order;
use crate::ffi::bignum::Number;
use crate::ffi::dh as ffi;

/// The largest prime that is made, in bits: a larger one takes many seconds.
const MAX_NEW_PRIME: u64 = 3072;

/// The parameters for `PRIME_BITS` and, for X9.42 and DSA, `SUBPRIME_BITS`.
///
/// For Diffie-Hellman they are those of RFC 7919, of which everybody knows that they are good; for X9.42 only where no
/// subprime of another size is asked for. Otherwise they are new: a subprime, and a prime that it divides less one.
pub(super) fn generate(order: &Order<'_>, template: &Attributes) -> Result<Attributes> {
    crate::family::no_params(order.params)?;
    let bits = template.ulong(AttributeType::PRIME_BITS).ok_or_else(|| {
        Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "CKA_PRIME_BITS is missing from the template")
    })?;
    let subprime_bits = template.ulong(AttributeType::SUBPRIME_BITS);
    let unsupported = |what: String| Err(Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, what));
    let known = u32::try_from(bits).ok().and_then(ffdhe);
    let safe = matches!(order.spec.key_type, Some(KeyType::Dh | KeyType::X942Dh))
        && subprime_bits.is_none_or(|wanted| wanted + 1 == bits);
    if safe {
        let Some(prime) = known else {
            return unsupported(format!(
                "there is no group of RFC 7919 with {bits} bits: 2048, 3072, 4096, 6144, 8192"
            ));
        };
        let attributes = Attributes::new()
            .with(AttributeType::PRIME, prime.to_bytes())
            .with(AttributeType::BASE, &[2][..])
            .with(AttributeType::PRIME_BITS, bits);
        if order.spec.key_type == Some(KeyType::Dh) {
            return Ok(attributes);
        }
        return Ok(attributes
            .with(AttributeType::SUBPRIME, prime.minus(1)?.halved()?.to_bytes())
            .with(AttributeType::SUBPRIME_BITS, bits - 1));
    }
    // FIPS 186-4 section 4.2.
    let wanted = subprime_bits.unwrap_or(if bits <= 1024 { 160 } else { 256 });
    if order.spec.key_type == Some(KeyType::Dh)
        || !(1024..=MAX_NEW_PRIME).contains(&bits)
        || !bits.is_multiple_of(256)
        || !matches!(wanted, 160 | 224 | 256)
    {
        return unsupported(format!(
            "new parameters have primes of 1,024 to {MAX_NEW_PRIME} bits in steps of 256 and subprimes of 160, 224 or 256, \
             not {bits} and {wanted}"
        ));
    }
    let subprime = ffi::prime(wanted as u32, None)?;
    let prime = ffi::prime(bits as u32, Some(&subprime.plus(&subprime)?))?;
    let base = generator(&prime, &subprime)?;
    Ok(Attributes::new()
        .with(AttributeType::PRIME, prime.to_bytes())
        .with(AttributeType::SUBPRIME, subprime.to_bytes())
        .with(AttributeType::BASE, base.to_bytes())
        .with(AttributeType::PRIME_BITS, bits)
        .with(AttributeType::SUBPRIME_BITS, wanted))
}

/// FIPS 186-4 appendix A.2.1.
fn generator(prime: &Number, subprime: &Number) -> Result<Number> {
    let exponent = prime.minus(1)?.over(subprime)?;
    for candidate in 2..100 {
        let base = Number::from_u64(candidate)?.power_modulo(&exponent, prime)?;
        if base.bits() > 1 {
            return Ok(base);
        }
    }
    Err(Error::new(ReturnCode::FUNCTION_FAILED, "no number below 100 generates the group; try again"))
}
