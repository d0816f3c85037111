//! Domain parameters: of Diffie-Hellman and DSA.

use strongroom_model::{
    Algorithm, AttributeType, Attributes, Blob, Error, Hash, KeyType, Params, Result, ReturnCode,
};

use super::group::{ffdhe, power_of_two};
use crate::digest::digest;
use crate::family::{Order, Parameters, no_params};
use crate::ffi::bignum::Number;
use crate::ffi::dh as ffi;

/// The largest prime that is made, in bits: a larger one takes many seconds.
const MAX_NEW_PRIME: u64 = 3072;

/// The parameters for `PRIME_BITS` and, for X9.42 and DSA, `SUBPRIME_BITS`.
///
/// For Diffie-Hellman they are those of RFC 7919, of which everybody knows that they are good; for X9.42 only where no
/// subprime of another size is asked for. Otherwise they are new: a subprime, and a prime that it divides less one.
pub(super) fn generate(order: &Order<'_>, template: &Attributes) -> Result<Parameters> {
    let seed = Seed::of(order)?;
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
            return Ok(unseeded(attributes));
        }
        let attributes = attributes.with(AttributeType::SUBPRIME, prime.minus(1)?.halved()?.to_bytes());
        return Ok(unseeded(attributes.with(AttributeType::SUBPRIME_BITS, bits - 1)));
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
    let Primes { prime, subprime, seed } = match seed {
        Some(seed) => seed.primes(bits as u32, wanted as u32)?,
        None => {
            let subprime = ffi::prime(wanted as u32, None)?;
            let prime = ffi::prime(bits as u32, Some(&subprime.plus(&subprime)?))?;
            Primes { prime, subprime, seed: Blob::new() }
        }
    };
    let base = generator(&prime, &subprime)?;
    let attributes = Attributes::new()
        .with(AttributeType::PRIME, prime.to_bytes())
        .with(AttributeType::SUBPRIME, subprime.to_bytes())
        .with(AttributeType::BASE, base.to_bytes())
        .with(AttributeType::PRIME_BITS, bits)
        .with(AttributeType::SUBPRIME_BITS, wanted);
    Ok(Parameters { attributes, seed })
}

fn unseeded(attributes: Attributes) -> Parameters {
    Parameters { attributes, seed: Blob::new() }
}

/// A prime, another one that divides it less one, and what both were made from.
struct Primes {
    prime: Number,
    subprime: Number,
    seed: Blob,
}

/// How primes come from a seed.
struct Seed {
    hash: Hash,
    /// In bytes.
    len: usize,
}

impl Seed {
    /// Rounds of Miller and Rabin's test: more than FIPS 186-4 table C.1 asks for.
    const ROUNDS: u32 = 64;

    /// What the parameters of a mechanism ask for; `None` for one that has none.
    fn of(order: &Order<'_>) -> Result<Option<Self>> {
        match (order.spec.algorithm, order.params) {
            (Algorithm::SeededParameterGen, Params::ParameterSeed { hash, len }) => {
                Ok(Some(Self { hash: *hash, len: usize::from(*len) }))
            }
            (Algorithm::SeededParameterGen, _) => Err(Error::new(
                ReturnCode::MECHANISM_PARAM_INVALID,
                "these parameters are made from a seed by a hash: CK_DSA_PARAMETER_GEN_PARAM",
            )),
            _ => no_params(order.params).map(|()| None),
        }
    }

    /// FIPS 186-4 appendix A.1.1.2.
    fn primes(&self, bits: u32, subprime_bits: u32) -> Result<Primes> {
        let least = subprime_bits as usize / 8;
        if self.hash.len() < least || self.len < least {
            return Err(Error::new(
                ReturnCode::MECHANISM_PARAM_INVALID,
                format!("a subprime of {subprime_bits} bits takes a hash and a seed as long at least"),
            ));
        }
        loop {
            let seed = crate::random::blob(self.len);
            let mut subprime = digest(self.hash, &[&seed]);
            subprime.drain(..subprime.len() - least);
            subprime[0] |= 0x80;
            subprime[least - 1] |= 1;
            let subprime = Number::from_bytes(&subprime)?;
            if !ffi::is_prime(&subprime, Self::ROUNDS)? {
                continue;
            }
            if let Some(prime) = self.prime(&seed, &subprime, bits)? {
                return Ok(Primes { prime, subprime, seed });
            }
        }
    }

    /// Steps 10 and 11.
    fn prime(&self, seed: &[u8], subprime: &Number, bits: u32) -> Result<Option<Number>> {
        let (twice, smallest) = (subprime.plus(subprime)?, power_of_two(bits - 1)?);
        let (len, one) = (bits as usize / 8, Number::from_u64(1)?);
        let blocks = len.div_ceil(self.hash.len());
        let mut counted = seed.to_vec();
        for _ in 0..4 * bits {
            let mut candidate = Vec::with_capacity(blocks * self.hash.len());
            for _ in 0..blocks {
                increment(&mut counted);
                // The first is the lowest.
                candidate.splice(..0, digest(self.hash, &[&counted]));
            }
            candidate.drain(..candidate.len() - len);
            candidate[0] |= 0x80;
            let candidate = Number::from_bytes(&candidate)?;
            let rest = candidate.modulo(&twice)?;
            let candidate = candidate.plus(&one)?.less(&rest)?;
            if candidate >= smallest && ffi::is_prime(&candidate, Self::ROUNDS)? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}

/// Adds 1, modulo what the bytes can hold.
fn increment(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
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
