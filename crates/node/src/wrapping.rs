//! Keys: wrapped and unwrapped.

use strongroom_crypto::{self as crypto, Key};
use strongroom_model::{
    Algorithm, AttributeType as A, Attributes, Blob, Error, Handle, KeyType, Mechanism, MechanismSpec,
    ObjectClass, Result, ReturnCode, Value,
};
use strongroom_wire::Response;

use crate::access::Caller;
use crate::keys::imposed;
use crate::object::{class_of, key_type_of};
use crate::rules::{self, Origin};
use crate::using::Part;

impl Caller<'_> {
    pub(crate) fn wrap(&self, mechanism: &Mechanism, wrapping: Handle, key: Handle) -> Result<Response> {
        let target = self.locate(key).map_err(|error| Part::Key.absent(error))?;
        let wrapper = self.usable(wrapping, A::WRAP, mechanism, cryptoki_sys::CKF_WRAP, Part::Wrapping)?;
        self.must_manage(&target.object)?;
        self.must_be_available(key, &target)?;
        let target = target.object;
        let class = target.class();
        let wrappable = match class {
            ObjectClass::SecretKey => true,
            // RSA alone has no room for one.
            ObjectClass::PrivateKey => {
                let hybrid = [Algorithm::RsaAesKeyWrap, Algorithm::EcdhAesKeyWrap];
                matches!(wrapper.spec.key_type, Some(KeyType::Aes | KeyType::Des3))
                    || hybrid.contains(&wrapper.spec.algorithm)
            }
            _ => false,
        };
        if !wrappable {
            return Err(Error::new(
                ReturnCode::KEY_NOT_WRAPPABLE,
                format!("{} doesn't wrap a {class:?}", mechanism.kind),
            ));
        }
        if !target.is(A::EXTRACTABLE) {
            return Err(Error::new(
                ReturnCode::KEY_UNEXTRACTABLE,
                "the key was made with CKA_EXTRACTABLE false",
            ));
        }
        if target.is(A::WRAP_WITH_TRUSTED) && !wrapper.object().is(A::TRUSTED) {
            return Err(Error::new(
                ReturnCode::KEY_NOT_WRAPPABLE,
                "the key may only be wrapped with one that an officer marked CKA_TRUSTED",
            ));
        }
        if let Some(Value::Template(wanted)) = wrapper.object().attributes.get(A::WRAP_TEMPLATE)
            && !target.matches(wanted)
        {
            return Err(Error::new(
                ReturnCode::KEY_NOT_WRAPPABLE,
                "the wrapping key's CKA_WRAP_TEMPLATE excludes the key",
            ));
        }
        if self.regime.is_strict() {
            rules::check_wrapping(&wrapper.object().strength(), &target.strength())?;
        }
        let wrapping_key = wrapper.key_to_wrap(self, Some((key, &*target)))?;
        let plain = match &*target.key(&self.node.masking)? {
            Key::Secret(secret) => secret.value.clone(),
            private => crypto::to_pkcs8(private)?,
        };
        Ok(Response::Bytes(crypto::wrap(&wrapping_key, mechanism, &plain)?))
    }

    pub(crate) fn unwrap(
        &self,
        mechanism: &Mechanism,
        unwrapping: Handle,
        wrapped: &[u8],
        template: Attributes,
    ) -> Result<Response> {
        let unwrapper =
            self.usable(unwrapping, A::UNWRAP, mechanism, cryptoki_sys::CKF_UNWRAP, Part::Unwrapping)?;
        let template = imposed(unwrapper.object(), A::UNWRAP_TEMPLATE, template)?;
        let template = if self.regime.is_strict() {
            rules::keep_trust(unwrapper.object().is(A::TRUSTED), template)?
        } else {
            template
        };
        let class = class_of(&template)?;
        let key_type = key_type_of(&template)?;
        if !matches!(class, ObjectClass::SecretKey | ObjectClass::PrivateKey) {
            return Err(Error::new(
                ReturnCode::TEMPLATE_INCONSISTENT,
                format!("a {class:?} can't be unwrapped"),
            ));
        }
        let subject = self.subject(class, Some(key_type));
        rules::must_exist(subject)?;
        rules::check_template(subject, Origin::Unwrap, &template)?;
        let terms = self.before_making(class, &template)?;
        let spec = unwrapper.spec;
        let key = unwrapper.key_to_wrap(self, None)?;
        let stated = match class {
            ObjectClass::SecretKey => {
                let plain =
                    crypto::unwrap_secret(&key, mechanism, wrapped, &lengths(spec, key_type, &template))?;
                // The wrapped bytes don't say what they are (attacks.md A27).
                if self.regime.is_strict() && crypto::from_pkcs8(&plain).is_ok() {
                    return Err(Error::new(
                        ReturnCode::WRAPPED_KEY_INVALID,
                        "the template says it's a secret key, and a private key was wrapped",
                    ));
                }
                secret_of(spec, &template, plain)?
            }
            ObjectClass::PrivateKey => {
                let plain = crypto::unwrap(&key, mechanism, wrapped)?;
                let (actual, attributes) = crypto::from_pkcs8(&plain)?;
                if actual != key_type {
                    return Err(Error::new(
                        ReturnCode::WRAPPED_KEY_INVALID,
                        format!("the template says {key_type:?}, the wrapped key is another"),
                    ));
                }
                attributes
            }
            _ => {
                return Err(Error::new(
                    ReturnCode::TEMPLATE_INCONSISTENT,
                    format!("a {class:?} can't be unwrapped"),
                ));
            }
        };
        let new = self.foreign(class, key_type, Origin::Unwrap, &template, stated, None)?;
        Ok(Response::Object(self.store(new.with_terms(terms))?))
    }
}

/// How long an unwrapped secret key may be. An answer that told a wrong length from bad padding would be an
/// oracle (attacks.md A15), so RSA must know beforehand.
fn lengths(spec: &MechanismSpec, key_type: KeyType, template: &Attributes) -> Vec<usize> {
    let stated = template.ulong(A::VALUE_LEN).and_then(|len| usize::try_from(len).ok());
    match (spec.algorithm, stated, key_type) {
        (Algorithm::RsaX509, ..) => Vec::new(),
        (_, Some(len), _) => vec![len],
        (_, None, KeyType::Aes) => vec![16, 24, 32],
        (_, None, KeyType::AesXts) => vec![32, 64],
        (_, None, KeyType::Des) => vec![8],
        (_, None, KeyType::Des2) => vec![16],
        (_, None, KeyType::Des3) => vec![24],
        (_, None, KeyType::ChaCha20 | KeyType::Poly1305) => vec![32],
        (_, None, _) => Vec::new(),
    }
}

/// The value of an unwrapped secret key. Raw RSA gives the whole modulus's length, of which the template says how much counts.
fn secret_of(spec: &MechanismSpec, template: &Attributes, plain: Blob) -> Result<Attributes> {
    let stated = template.ulong(A::VALUE_LEN).map(|len| usize::try_from(len).unwrap_or(usize::MAX));
    let value = match (spec.algorithm, stated) {
        (Algorithm::RsaX509, Some(len)) if len <= plain.len() => Blob::from(&plain[plain.len() - len..]),
        (Algorithm::RsaX509, None) => {
            return Err(Error::new(
                ReturnCode::TEMPLATE_INCOMPLETE,
                "CKA_VALUE_LEN is missing from the template",
            ));
        }
        (_, Some(len)) if len != plain.len() => {
            return Err(Error::new(
                ReturnCode::WRAPPED_KEY_LEN_RANGE,
                "the wrapped key isn't of CKA_VALUE_LEN bytes",
            ));
        }
        _ => plain,
    };
    Ok(Attributes::new().with(A::VALUE, value))
}
