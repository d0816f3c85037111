//! DSA (FIPS 186-4; PKCS#11 3.2 section 6.2), for those who migrate what signs with it.

use std::fmt;
use std::sync::Arc;

use strongroom_model::{Algorithm, AttributeType, Attributes, Blob, Error, KeyType, Result, ReturnCode};

use crate::dh::{Group, value_of};
use crate::ec::to_sign;
use crate::family::{Family, Job, Order, no_params};
use crate::ffi::bignum::Number;
use crate::ffi::dsa as ffi;
use crate::stream::StreamKind;
use crate::{Input, Key, KeyPair};

/// A private key of DSA.
#[derive(Clone)]
pub struct DsaPrivate {
    public: DsaPublic,
    value: Arc<Number>,
}

/// A public key of DSA.
#[derive(Clone)]
pub struct DsaPublic {
    group: Arc<Group>,
    value: Arc<Number>,
    /// With the private value in a private key.
    engine: Arc<ffi::Key>,
}

impl fmt::Debug for DsaPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DsaPrivate({} bits)", self.bits())
    }
}

impl fmt::Debug for DsaPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DsaPublic({} bits)", self.bits())
    }
}

impl DsaPrivate {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let group = group(attributes, ReturnCode::ATTRIBUTE_VALUE_INVALID)?;
        let value = value_of(attributes)?;
        if value.bits() == 0 || group.order.as_ref().is_none_or(|order| value >= *order) {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                "a private value of DSA must be more than 0 and less than the subprime",
            ));
        }
        Self::new(group, value)
    }

    fn new(group: Group, value: Number) -> Result<Self> {
        let public = group.base.power_modulo(&value, &group.prime)?;
        Ok(Self { public: DsaPublic::new(group, public, Some(&value))?, value: Arc::new(value) })
    }

    /// Bits of the prime.
    pub(crate) fn bits(&self) -> u32 {
        self.public.bits()
    }

    /// The value of the public key that belongs to it.
    pub(crate) fn public_value(&self) -> Blob {
        self.public.value()
    }

    /// The attributes of its material, in their usual form.
    pub(crate) fn attributes(&self) -> Attributes {
        self.public.group.attributes().with(AttributeType::VALUE, self.value.to_bytes())
    }
}

impl DsaPublic {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let group = group(attributes, ReturnCode::ATTRIBUTE_VALUE_INVALID)?;
        let value = value_of(attributes)?;
        if !group.contains(&value)? {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                "a public value of DSA must be from 2 to p - 2, and in the subgroup",
            ));
        }
        Self::new(group, value, None)
    }

    fn new(group: Group, value: Number, private: Option<&Number>) -> Result<Self> {
        let order = group.order.as_ref().ok_or(ReturnCode::DOMAIN_PARAMS_INVALID)?;
        let numbers = ffi::Group { prime: &group.prime, order, base: &group.base };
        let engine = Arc::new(ffi::Key::new(numbers, &value, private)?);
        Ok(Self { group: Arc::new(group), value: Arc::new(value), engine })
    }

    /// Bits of the prime.
    pub(crate) fn bits(&self) -> u32 {
        self.group.prime.bits()
    }

    /// Its value.
    pub(crate) fn value(&self) -> Blob {
        self.value.to_bytes()
    }

    /// The attributes of its material, in their usual form.
    pub(crate) fn attributes(&self) -> Attributes {
        self.group.attributes().with(AttributeType::VALUE, self.value())
    }
}

fn group(attributes: &Attributes, refusal: ReturnCode) -> Result<Group> {
    Group::from_attributes(KeyType::Dsa, attributes, refusal)
}

/// DSA.
pub(crate) struct Dsa;

impl Family for Dsa {
    /// Over a digest of any length, of which the leading bits count up to the length of the subprime.
    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        let Key::DsaPrivate(key) = job.key else { return Err(job.wrong_key()) };
        Ok(key.public.engine.sign(&to_sign(job.spec, job.params, input)?)?)
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        let Key::DsaPublic(key) = job.key else { return Err(job.wrong_key()) };
        let digest = to_sign(job.spec, job.params, input)?;
        let half = key.engine.half();
        if signature.len() != 2 * half {
            return Err(Error::new(
                ReturnCode::SIGNATURE_LEN_RANGE,
                format!("the key's signatures have {} bytes, not {}", 2 * half, signature.len()),
            ));
        }
        let (r, s) = signature.split_at(half);
        if key.engine.verify(&digest, Number::from_bytes(r)?, Number::from_bytes(s)?) {
            Ok(())
        } else {
            Err(ReturnCode::SIGNATURE_INVALID.into())
        }
    }

    fn check(&self, kind: StreamKind, job: &Job<'_>) -> Result<()> {
        match (kind, job.key, job.spec.algorithm) {
            (StreamKind::Sign, Key::DsaPrivate(_), Algorithm::Dsa)
            | (StreamKind::Verify, Key::DsaPublic(_), Algorithm::Dsa) => no_params(job.params),
            _ => Err(job.wrong_key()),
        }
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        let group = group(public_template, ReturnCode::DOMAIN_PARAMS_INVALID)?;
        let value = group.private_value(None)?;
        let key = DsaPrivate::new(group, value)?;
        // Without the private value.
        let public_key = DsaPublic::from_attributes(&key.public.attributes())?;
        Ok(KeyPair {
            public: public_key.attributes(),
            private: key.attributes(),
            key: Key::DsaPrivate(key),
            public_key: Key::DsaPublic(public_key),
        })
    }
}
