//! Diffie-Hellman in groups of numbers modulo a prime: PKCS #3 and X9.42 (PKCS#11 3.2 section 6.4).

mod group;
mod parameters;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use strongroom_model::{
    Algorithm, AttributeType, Attributes, Blob, Error, KeyType, Params, Result, ReturnCode,
};

pub(crate) use group::Group;

use crate::family::{Family, Job, Order, Parameters, no_params};
use crate::ffi::bignum::Number;
use crate::{Key, KeyPair, kdf};

/// A private key of Diffie-Hellman.
#[derive(Clone)]
pub struct DhPrivate {
    group: Arc<Group>,
    value: Arc<Number>,
}

/// A public key of Diffie-Hellman.
#[derive(Clone)]
pub struct DhPublic {
    group: Arc<Group>,
    value: Arc<Number>,
}

impl fmt::Debug for DhPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DhPrivate({:?}, {} bits)", self.group.key_type, self.bits())
    }
}

impl fmt::Debug for DhPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DhPublic({:?}, {} bits)", self.group.key_type, self.bits())
    }
}

impl DhPrivate {
    pub(crate) fn from_attributes(key_type: KeyType, attributes: &Attributes) -> Result<Self> {
        let group = Group::from_attributes(key_type, attributes, ReturnCode::ATTRIBUTE_VALUE_INVALID)?;
        let value = value_of(attributes)?;
        let limit = group.order.as_ref().unwrap_or(&group.prime);
        if value.bits() == 0 || value >= *limit {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                "a private value of Diffie-Hellman must be more than 0 and less than the order of the group",
            ));
        }
        Ok(Self { group: Arc::new(group), value: Arc::new(value) })
    }

    /// Bits of the prime.
    pub(crate) fn bits(&self) -> u32 {
        self.group.prime.bits()
    }

    /// The public key that belongs to it.
    pub(crate) fn public(&self) -> Result<DhPublic> {
        let value = self.group.base.power_modulo(&self.value, &self.group.prime)?;
        Ok(DhPublic { group: Arc::clone(&self.group), value: Arc::new(value) })
    }

    /// The attributes of its material, in their usual form.
    pub(crate) fn attributes(&self) -> Attributes {
        let attributes = self.group.attributes().with(AttributeType::VALUE, self.value.to_bytes());
        if self.group.key_type == KeyType::Dh {
            attributes.with(AttributeType::VALUE_BITS, u64::from(self.value.bits()))
        } else {
            attributes
        }
    }

    /// What both sides get to know: as long as the prime.
    fn agree(&self, public: &[u8]) -> Result<Blob> {
        let refused = || {
            Error::new(
                ReturnCode::MECHANISM_PARAM_INVALID,
                "the other side's public value isn't one of this group: it must be from 2 to p - 2, and in the subgroup",
            )
        };
        if public.len() > 2 * self.group.len() {
            return Err(refused());
        }
        let public = Number::from_bytes(public)?;
        if !self.group.contains(&public)? {
            return Err(refused());
        }
        let secret = public.power_modulo(&self.value, &self.group.prime)?;
        if secret.bits() < 2 {
            return Err(refused());
        }
        Ok(secret.to_padded(self.group.len())?)
    }
}

impl DhPublic {
    pub(crate) fn from_attributes(key_type: KeyType, attributes: &Attributes) -> Result<Self> {
        let group = Group::from_attributes(key_type, attributes, ReturnCode::ATTRIBUTE_VALUE_INVALID)?;
        let value = value_of(attributes)?;
        if !group.contains(&value)? {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                "a public value of Diffie-Hellman must be from 2 to p - 2, and in the subgroup",
            ));
        }
        Ok(Self { group: Arc::new(group), value: Arc::new(value) })
    }

    /// Bits of the prime.
    pub(crate) fn bits(&self) -> u32 {
        self.group.prime.bits()
    }

    /// The attributes of its material, in their usual form.
    pub(crate) fn attributes(&self) -> Attributes {
        self.group.attributes().with(AttributeType::VALUE, self.value.to_bytes())
    }

    /// The type of its key.
    pub(crate) fn key_type(&self) -> KeyType {
        self.group.key_type
    }
}

pub(crate) fn value_of(attributes: &Attributes) -> Result<Number> {
    match attributes.bytes(AttributeType::VALUE) {
        Some(value) if value.len() <= 2048 => Ok(Number::from_bytes(value)?),
        Some(_) => Err(Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, "CKA_VALUE is too long")),
        None => Err(Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a key of this type needs CKA_VALUE")),
    }
}

/// Diffie-Hellman.
pub(crate) struct Dh;

impl Family for Dh {
    fn derive(&self, job: &Job<'_>, len: Option<usize>) -> Result<Blob> {
        let Key::DhPrivate(key) = job.key else { return Err(job.wrong_key()) };
        let (kdf, shared, public) = match (job.spec.algorithm, job.params) {
            (Algorithm::DhDerive, Params::Data(public)) => (None, &[][..], public),
            (Algorithm::X942Derive, Params::X942 { kdf, shared, public }) => {
                (*kdf, shared.as_slice(), public)
            }
            _ => {
                let message = format!("{} takes other parameters", job.spec.name);
                return Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, message));
            }
        };
        let secret = key.agree(public)?;
        match (kdf, len) {
            (Some(_), None) => Err(Error::new(
                ReturnCode::TEMPLATE_INCOMPLETE,
                "with a KDF the new key's length must be given, by its type or by CKA_VALUE_LEN",
            )),
            (Some(kdf), Some(len)) => kdf::agreed(kdf, &secret, shared, len),
            (None, None) => Ok(secret),
            // The leading bytes are cut off.
            (None, Some(len)) => match secret.len().checked_sub(len) {
                Some(leading) if len > 0 => Ok(Blob::from(&secret[leading..])),
                _ => Err(Error::new(
                    ReturnCode::KEY_SIZE_RANGE,
                    format!("this group yields 1 to {} bytes, not {len}", secret.len()),
                )),
            },
        }
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        let key_type = order.spec.key_type.ok_or(ReturnCode::MECHANISM_INVALID)?;
        let group = Group::from_attributes(key_type, public_template, ReturnCode::DOMAIN_PARAMS_INVALID)?;
        let bits = public_template.ulong(AttributeType::VALUE_BITS).map(u32::try_from).transpose();
        let value = group.private_value(bits.map_err(|_| ReturnCode::ATTRIBUTE_VALUE_INVALID)?)?;
        let key = DhPrivate { group: Arc::new(group), value: Arc::new(value) };
        let public = key.public()?;
        Ok(KeyPair {
            public: public.attributes(),
            private: key.attributes(),
            key: Key::DhPrivate(key),
            public_key: Key::DhPublic(public),
        })
    }

    fn generate_parameters(&self, order: &Order<'_>, template: &Attributes) -> Result<Parameters> {
        parameters::generate(order, template)
    }
}
