//! Secret keys: AES and DES keys, keys for ChaCha20 and Poly1305, generic secrets, and secrets for one HMAC.

use std::fmt;

use strongroom_model::{
    AttributeType, Attributes, Blob, Error, KeyType, MechanismSpec, MechanismType, Params, Result, ReturnCode,
};

use crate::family::{Family, Order, no_params};
use crate::{aes, des, digest, random};
use strongroom_model::Hash;

/// The longest generic secret in bytes.
const MAX_SECRET: usize = 4096;

/// Generic secrets.
pub(crate) struct Secrets;

impl Family for Secrets {
    fn generate_secret(&self, order: &Order<'_>, value_len: usize) -> Result<Blob> {
        no_params(order.params)?;
        let sizes = order.spec.min_key..=order.spec.max_key;
        order.check_len(value_len, sizes.contains(&(value_len as u64)))?;
        Ok(random::blob(value_len))
    }
}

/// A secret key.
#[derive(Clone)]
pub struct SecretKey {
    /// What it is for.
    pub key_type: KeyType,
    /// The key itself.
    pub value: Blob,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({:?}, {} bytes)", self.key_type, self.value.len())
    }
}

impl SecretKey {
    pub(crate) fn from_attributes(key_type: KeyType, attributes: &Attributes) -> Result<Self> {
        let value = attributes
            .bytes(AttributeType::VALUE)
            .ok_or_else(|| Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a secret key needs CKA_VALUE"))?;
        let fits = match key_type {
            KeyType::Aes => matches!(value.len(), 16 | 24 | 32),
            KeyType::AesXts => matches!(value.len(), 32 | 64),
            KeyType::Des => value.len() == 8,
            KeyType::Des2 => value.len() == 16,
            KeyType::Des3 => value.len() == 24,
            KeyType::ChaCha20 | KeyType::Poly1305 => value.len() == 32,
            _ => (1..=MAX_SECRET).contains(&value.len()),
        };
        if !fits {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                format!("{key_type:?}: a key of {} bytes isn't possible", value.len()),
            ));
        }
        let flaw = match key_type {
            KeyType::AesXts if !aes::is_xts_key(value) => Some("its two halves are the same"),
            KeyType::Des | KeyType::Des2 | KeyType::Des3 if !des::has_odd_parity(value) => {
                Some("its bytes must have odd parity")
            }
            _ => None,
        };
        if let Some(flaw) = flaw {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                format!("{key_type:?}: the key isn't possible: {flaw}"),
            ));
        }
        if attributes.ulong(AttributeType::VALUE_LEN).is_some_and(|len| len != value.len() as u64) {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                "CKA_VALUE_LEN isn't the length of CKA_VALUE",
            ));
        }
        Ok(Self { key_type, value: Blob::from(value) })
    }

    /// Whether the key is of the type that the mechanism works with.
    pub(crate) fn serves(&self, spec: &MechanismSpec) -> bool {
        let of_type = spec.key_type.is_some_and(|wanted| self.key_type.serves(wanted));
        // A key for one HMAC serves that one only.
        of_type && !matches!(self.key_type, KeyType::Hmac(hash) if spec.hash != Some(hash))
    }

    /// AES and DES: the first bytes of the zero block, encrypted. Others: of the value's SHA-1.
    pub(crate) fn check_value(&self) -> Result<[u8; 3]> {
        let (ecb, block) = match self.key_type {
            KeyType::Aes => (MechanismType::AES_ECB, &[0; 16][..]),
            KeyType::Des => (MechanismType::DES_ECB, &[0; 8][..]),
            KeyType::Des2 | KeyType::Des3 => (MechanismType::DES3_ECB, &[0; 8][..]),
            _ => return Ok(first_three(&digest::digest(Hash::Sha1, &[&self.value]))),
        };
        let spec = ecb.spec().ok_or(ReturnCode::MECHANISM_INVALID)?;
        Ok(first_three(&aes::encrypt(&self.value, spec, &Params::None, block)?))
    }
}

pub(crate) fn first_three(bytes: &[u8]) -> [u8; 3] {
    [bytes[0], bytes[1], bytes[2]]
}
