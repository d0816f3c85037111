//! DES with keys of single, double and triple length (FIPS 46-3), for those who migrate what still needs it.

use strongroom_model::{Blob, Result};

use crate::family::{Family, Job, Order, no_params};
use crate::stream::{Running, StreamKind};
use crate::{aes, random};

/// DES in ECB and CBC.
pub(crate) struct Des;

impl Family for Des {
    fn encrypt(&self, job: &Job<'_>, data: &[u8]) -> Result<Blob> {
        aes::encrypt(&job.secret()?.value, job.spec, job.params, data)
    }

    fn decrypt(&self, job: &Job<'_>, data: &[u8]) -> Result<Blob> {
        aes::decrypt(&job.secret()?.value, job.spec, job.params, data)
    }

    fn wrap(&self, job: &Job<'_>, plain: &[u8]) -> Result<Blob> {
        aes::wrap(&job.secret()?.value, job.spec, job.params, plain)
    }

    fn unwrap(&self, job: &Job<'_>, wrapped: &[u8], _lengths: &[usize]) -> Result<Blob> {
        aes::unwrap(&job.secret()?.value, job.spec, job.params, wrapped)
    }

    fn generate_secret(&self, order: &Order<'_>, value_len: usize) -> Result<Blob> {
        no_params(order.params)?;
        let sizes = order.spec.min_key..=order.spec.max_key;
        order.check_len(value_len, sizes.contains(&(value_len as u64)))?;
        let mut value = new_key(value_len);
        // Parts that are the same would make a shorter key of it.
        while value.len() > BLOCK && value[..BLOCK] == value[BLOCK..2 * BLOCK]
            || value.len() > 2 * BLOCK && value[BLOCK..2 * BLOCK] == value[2 * BLOCK..]
        {
            value = new_key(value_len);
        }
        Ok(value)
    }

    fn open(&self, kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        let encrypt = kind == StreamKind::Encrypt;
        Ok(Box::new(aes::AesStream::open(encrypt, &job.secret()?.value, job.spec, job.params)?))
    }
}

/// Length of a part of a key in bytes.
const BLOCK: usize = 8;

fn new_key(len: usize) -> Blob {
    let mut value = random::blob(len);
    set_odd_parity(&mut value);
    value
}

/// Sets the lowest bit of each byte so that an odd number of its bits is set, as a DES key must have it.
fn set_odd_parity(key: &mut [u8]) {
    for byte in key {
        *byte = (*byte & !1) | u8::from((*byte >> 1).count_ones().is_multiple_of(2));
    }
}

/// Whether each byte has odd parity.
pub(crate) fn has_odd_parity(key: &[u8]) -> bool {
    key.iter().fold(1, |all, byte| all & byte.count_ones()) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_is_odd_in_every_byte() {
        let mut key: Vec<u8> = (0..=255).collect();
        assert!(!has_odd_parity(&key));
        set_odd_parity(&mut key);
        assert!(has_odd_parity(&key));
        assert!(key.iter().zip(0..=255_u8).all(|(set, was)| set >> 1 == was >> 1));
        for at in 0..256 {
            let mut other = key.clone();
            other[at] ^= 1;
            assert!(!has_odd_parity(&other));
        }
    }
}
