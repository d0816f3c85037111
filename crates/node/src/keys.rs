//! Keys: generated, wrapped, unwrapped, derived.

use strongroom_crypto::{self as crypto, Key};
use strongroom_model::{
    Algorithm, AttributeType as A, Attributes, Blob, Error, Handle, KeyTerms, KeyType, Mechanism,
    MechanismSpec, ObjectClass, Params, Result, ReturnCode, Value,
};
use strongroom_wire::Response;

use crate::access::Caller;
use crate::object::{StoredObject, class_of, key_type_of};
use crate::objects::{import, mark_foreign};
use crate::rules::{self, Origin};
use crate::using::Part;

impl Caller<'_> {
    pub(crate) fn generate_key(&self, mechanism: &Mechanism, mut template: Attributes) -> Result<Response> {
        let spec = generator(mechanism, cryptoki_sys::CKF_GENERATE)?;
        let class = ObjectClass::SecretKey;
        expect_class(&template, class)?;
        // A generic secret may be made for one HMAC only.
        let key_type = match (spec.key_type, template.ulong(A::KEY_TYPE)) {
            (Some(KeyType::GenericSecret), Some(_)) => key_type_of(&template)?,
            (Some(key_type), _) => key_type,
            (None, _) => return Err(ReturnCode::MECHANISM_INVALID.into()),
        };
        if spec.key_type.is_none_or(|made| !key_type.serves(made)) {
            return Err(Error::new(
                ReturnCode::TEMPLATE_INCONSISTENT,
                format!("{} doesn't make keys of type {key_type:?}", mechanism.kind),
            ));
        }
        let len = template.ulong(A::VALUE_LEN).ok_or_else(|| {
            Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "CKA_VALUE_LEN is missing from the template")
        })?;
        let value = crypto::generate_secret(
            mechanism,
            usize::try_from(len).map_err(|_| ReturnCode::KEY_SIZE_RANGE)?,
        )?;
        template.set(A::CLASS, class.to_ck());
        template.set(A::KEY_TYPE, key_type.to_ck());
        let terms = self.before_making(class, &template)?;
        let stated = Attributes::new().with(A::VALUE, value);
        let (material, key) = import(class, key_type, &stated)?;
        let material = joined(joined(identity(class, key_type), stated), material);
        let mut attributes =
            rules::build(self.subject(class, Some(key_type)), Origin::Generate, &template, &material)?;
        mark_local(&mut attributes, class, mechanism);
        Ok(Response::Object(self.store(self.assemble(attributes, Some(key))?.with_terms(terms))?))
    }

    pub(crate) fn generate_pair(
        &self,
        mechanism: &Mechanism,
        public: Attributes,
        private: Attributes,
    ) -> Result<Response> {
        let spec = generator(mechanism, cryptoki_sys::CKF_GENERATE_KEY_PAIR)?;
        let key_type = spec.key_type.ok_or(ReturnCode::MECHANISM_INVALID)?;
        let halves = [(ObjectClass::PublicKey, &public), (ObjectClass::PrivateKey, &private)];
        for (class, template) in halves {
            expect_class(template, class)?;
        }
        // The templates are checked before a key is made, which may take a second.
        for (class, template) in halves {
            rules::build(
                self.subject(class, Some(key_type)),
                Origin::Generate,
                template,
                &Attributes::new(),
            )?;
        }
        // They are the private key's; the public one is everybody's.
        let terms = self.before_making(ObjectClass::PrivateKey, &private)?;
        self.must_find_room(ObjectClass::PublicKey, &public)?;
        let pair = crypto::generate_pair(mechanism, &public)?;
        let build = |class, template: &Attributes, material: Attributes, key: Key| {
            let material = joined(identity(class, key_type), material);
            let subject = self.subject(class, Some(key_type));
            let mut attributes = rules::build(subject, Origin::Generate, template, &material)?;
            mark_local(&mut attributes, class, mechanism);
            self.assemble(attributes, Some(key))
        };
        let public = build(ObjectClass::PublicKey, &public, pair.public, pair.public_key)?;
        let private = build(ObjectClass::PrivateKey, &private, pair.private, pair.key)?.with_terms(terms);
        let mut infos = self.store_all([public, private])?.into_iter();
        match (infos.next(), infos.next()) {
            (Some(public), Some(private)) => Ok(Response::Pair { public, private }),
            _ => Err(ReturnCode::GENERAL_ERROR.into()),
        }
    }

    pub(crate) fn wrap(&self, mechanism: &Mechanism, wrapping: Handle, key: Handle) -> Result<Response> {
        let target = self.locate(key).map_err(|error| Part::Key.absent(error))?;
        let wrapper = self.usable(wrapping, A::WRAP, mechanism, cryptoki_sys::CKF_WRAP, Part::Wrapping)?;
        self.must_manage(&target.object)?;
        self.must_be_available(key, &target)?;
        let target = target.object;
        let class = target.class();
        let wrappable = match class {
            ObjectClass::SecretKey => true,
            ObjectClass::PrivateKey => wrapper.spec.key_type == Some(KeyType::Aes),
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
        let class = class_of(&template)?;
        let key_type = key_type_of(&template)?;
        let terms = self.before_making(class, &template)?;
        let spec = unwrapper.spec;
        let key = unwrapper.key_to_wrap(self, None)?;
        let stated = match class {
            ObjectClass::SecretKey => {
                let plain =
                    crypto::unwrap_secret(&key, mechanism, wrapped, &lengths(spec, key_type, &template))?;
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
        self.keep_foreign(class, key_type, Origin::Unwrap, &template, stated, None, terms)
    }

    pub(crate) fn derive(
        &self,
        mechanism: &Mechanism,
        base: Handle,
        template: Attributes,
    ) -> Result<Response> {
        let usable = self.usable(base, A::DERIVE, mechanism, cryptoki_sys::CKF_DERIVE, Part::Key)?;
        let base = usable.object_shared();
        if !matches!(mechanism.params, Params::Ecdh { .. }) {
            return Err(ReturnCode::MECHANISM_PARAM_INVALID.into());
        }
        let mut template = imposed(&base, A::DERIVE_TEMPLATE, template)?;
        let class = ObjectClass::SecretKey;
        expect_class(&template, class)?;
        template.set(A::CLASS, class.to_ck());
        if !template.contains(A::KEY_TYPE) {
            template.set(A::KEY_TYPE, KeyType::GenericSecret.to_ck());
        }
        let key_type = key_type_of(&template)?;
        let len = template.ulong(A::VALUE_LEN).map(usize::try_from).transpose();
        self.before_making(class, &template)?;
        let terms = self.inherited_terms(&base, template.bool(A::TOKEN) == Some(true))?;
        let key = usable.key(self)?;
        let value = crypto::derive(&key, mechanism, len.map_err(|_| ReturnCode::KEY_SIZE_RANGE)?)?;
        let stated = Attributes::new().with(A::VALUE, value);
        self.keep_foreign(class, key_type, Origin::Derive, &template, stated, Some(&base), terms)
    }

    #[allow(clippy::too_many_arguments, reason = "all that makes up a key")]
    /// Keeps a key that came about otherwise than by generation, with the history it inherits from `base`.
    fn keep_foreign(
        &self,
        class: ObjectClass,
        key_type: KeyType,
        origin: Origin,
        template: &Attributes,
        stated: Attributes,
        base: Option<&StoredObject>,
        terms: KeyTerms,
    ) -> Result<Response> {
        let invalid = |error: Error| match origin {
            Origin::Unwrap => Error { code: ReturnCode::WRAPPED_KEY_INVALID, ..error },
            _ => error,
        };
        let (material, key) = import(class, key_type, &stated).map_err(invalid)?;
        let material = joined(joined(identity(class, key_type), stated), material);
        let mut attributes = rules::build(self.subject(class, Some(key_type)), origin, template, &material)?;
        mark_foreign(&mut attributes, class);
        if let Some(base) = base {
            let inherited = |history, now: bool| base.is(history) && now;
            let sensitive = attributes.bool(A::SENSITIVE) == Some(true);
            let extractable = attributes.bool(A::EXTRACTABLE) == Some(true);
            attributes.set(A::ALWAYS_SENSITIVE, inherited(A::ALWAYS_SENSITIVE, sensitive));
            attributes.set(A::NEVER_EXTRACTABLE, inherited(A::NEVER_EXTRACTABLE, !extractable));
        }
        Ok(Response::Object(self.store(self.assemble(attributes, Some(key))?.with_terms(terms))?))
    }
}

/// A mechanism's row, if it generates.
fn generator(mechanism: &Mechanism, purpose: u64) -> Result<&'static MechanismSpec> {
    mechanism.kind.spec().filter(|spec| spec.purposes.contains(purpose)).ok_or_else(|| {
        Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't make such keys", mechanism.kind))
    })
}

fn expect_class(template: &Attributes, class: ObjectClass) -> Result<()> {
    match template.ulong(A::CLASS) {
        Some(stated) if stated != class.to_ck() => {
            Err(Error::new(ReturnCode::TEMPLATE_INCONSISTENT, format!("CKA_CLASS isn't that of a {class:?}")))
        }
        _ => Ok(()),
    }
}

fn identity(class: ObjectClass, key_type: KeyType) -> Attributes {
    Attributes::new().with(A::CLASS, class.to_ck()).with(A::KEY_TYPE, key_type.to_ck())
}

fn joined(mut below: Attributes, above: Attributes) -> Attributes {
    for (attribute, value) in above {
        below.set(attribute, value);
    }
    below
}

/// The history of a key that was made here.
fn mark_local(attributes: &mut Attributes, class: ObjectClass, mechanism: &Mechanism) {
    attributes.set(A::LOCAL, true);
    attributes.set(A::KEY_GEN_MECHANISM, mechanism.kind.0);
    if class != ObjectClass::PublicKey {
        attributes.set(A::ALWAYS_SENSITIVE, attributes.bool(A::SENSITIVE) == Some(true));
        attributes.set(A::NEVER_EXTRACTABLE, attributes.bool(A::EXTRACTABLE) == Some(false));
    }
}

/// A caller's template joined with what a key imposes on its products.
fn imposed(by: &StoredObject, attribute: A, template: Attributes) -> Result<Attributes> {
    let Some(Value::Template(imposed)) = by.attributes.get(attribute) else { return Ok(template) };
    for (wanted, value) in imposed.iter() {
        if template.get(wanted).is_some_and(|given| given != value) {
            return Err(Error::new(
                ReturnCode::TEMPLATE_INCONSISTENT,
                format!("{wanted} contradicts the key's {attribute}"),
            ));
        }
    }
    Ok(joined(template, imposed.clone()))
}

/// How long an unwrapped secret key may be. An answer that told a wrong length from bad padding would be an
/// oracle (attacks.md A15), so RSA must know beforehand.
fn lengths(spec: &MechanismSpec, key_type: KeyType, template: &Attributes) -> Vec<usize> {
    let stated = template.ulong(A::VALUE_LEN).and_then(|len| usize::try_from(len).ok());
    match (spec.algorithm, stated, key_type) {
        (Algorithm::RsaX509, ..) => Vec::new(),
        (_, Some(len), _) => vec![len],
        (_, None, KeyType::Aes) => vec![16, 24, 32],
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
