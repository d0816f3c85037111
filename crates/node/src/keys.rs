//! Keys: generated, and made of what comes from elsewhere.

use strongroom_crypto::{self as crypto, Key};
use strongroom_model::{
    Algorithm, AttributeType as A, Attributes, Error, KeyType, Mechanism, MechanismSpec, ObjectClass, Quirk,
    Result, ReturnCode, Value,
};
use strongroom_wire::Response;

use crate::access::Caller;
use crate::derivation::set_parity;
use crate::object::{StoredObject, key_type_of};
use crate::objects::{import, mark_foreign};
use crate::rules::{self, Origin};

impl Caller<'_> {
    pub(crate) fn generate_key(&self, mechanism: &Mechanism, mut template: Attributes) -> Result<Response> {
        let spec = self.generator(mechanism, cryptoki_sys::CKF_GENERATE)?;
        if matches!(spec.algorithm, Algorithm::ParameterGen | Algorithm::SeededParameterGen) {
            return self.generate_parameters(spec, mechanism, &template);
        }
        let class = ObjectClass::SecretKey;
        expect_class(&template, class)?;
        // A generic secret may be made for one HMAC only, and a password makes keys of any type.
        let any = spec.algorithm == Algorithm::Pbkdf2;
        let key_type = match (spec.key_type, template.ulong(A::KEY_TYPE)) {
            (Some(KeyType::GenericSecret), Some(_)) => key_type_of(&template)?,
            (Some(key_type), _) => key_type,
            (None, _) => return Err(ReturnCode::MECHANISM_INVALID.into()),
        };
        let fits = spec.key_type.is_some_and(|made| key_type.serves(made)) || (any && key_type.is_secret());
        let says_so = template.ulong(A::KEY_TYPE).is_none_or(|stated| stated == key_type.to_ck());
        if !fits || !says_so {
            return Err(Error::new(
                ReturnCode::TEMPLATE_INCONSISTENT,
                format!("{} doesn't make keys of type {key_type:?}", mechanism.kind),
            ));
        }
        let settled = settled_len(spec, key_type);
        // The vendor has no such attribute of keys of one length only.
        let is_told = rules::is_told(self.regime, A::VALUE_LEN, class, Some(key_type));
        if let (None, Some(len), true) = (template.ulong(A::VALUE_LEN), settled, is_told) {
            template.set(A::VALUE_LEN, len as u64);
        }
        let subject = self.subject(class, Some(key_type));
        rules::check_template(subject, Origin::Generate, &template)?;
        let len = template.ulong(A::VALUE_LEN).map(usize::try_from).transpose().map(|len| len.or(settled));
        rules::check_wanted(self.regime, key_type, &template)?;
        template.set(A::CLASS, class.to_ck());
        template.set(A::KEY_TYPE, key_type.to_ck());
        let terms = self.before_making(class, &template)?;
        let made = crypto::generate_key(mechanism, len.map_err(|_| ReturnCode::KEY_SIZE_RANGE)?)?;
        let mut value = made.keys.into_iter().next().ok_or(ReturnCode::GENERAL_ERROR)?;
        if matches!(key_type, KeyType::Des | KeyType::Des2 | KeyType::Des3) {
            set_parity(&mut value);
        }
        let stated = Attributes::new().with(A::VALUE, value);
        let (material, key) = import(class, key_type, &stated)?;
        let material = joined(joined(identity(class, key_type), stated), material);
        let mut attributes = rules::build(subject, Origin::Generate, &template, &material)?;
        mark_local(&mut attributes, class, mechanism);
        let info = self.store(self.assemble(attributes, Some(key))?.with_terms(terms))?;
        if made.written.is_empty() {
            return Ok(Response::Object(info));
        }
        Ok(Response::Derived { keys: vec![info], written: made.written })
    }

    /// Domain parameters, which everybody may know.
    fn generate_parameters(
        &self,
        spec: &MechanismSpec,
        mechanism: &Mechanism,
        template: &Attributes,
    ) -> Result<Response> {
        let class = ObjectClass::DomainParameters;
        expect_class(template, class)?;
        let key_type = spec.key_type.ok_or(ReturnCode::MECHANISM_INVALID)?;
        let subject = self.subject(class, Some(key_type));
        rules::must_exist(subject)?;
        rules::check_template(subject, Origin::Generate, template)?;
        let terms = self.before_making(class, template)?;
        let made = crypto::generate_parameters(mechanism, template)?;
        let material = joined(identity(class, key_type), made.attributes).with(A::LOCAL, true);
        let attributes = rules::build(subject, Origin::Generate, template, &material)?;
        let info = self.store(self.assemble(attributes, None)?.with_terms(terms))?;
        if made.seed.is_empty() {
            return Ok(Response::Object(info));
        }
        Ok(Response::Derived { keys: vec![info], written: made.seed })
    }

    pub(crate) fn generate_pair(
        &self,
        mechanism: &Mechanism,
        public: Attributes,
        private: Attributes,
    ) -> Result<Response> {
        let spec = self.generator(mechanism, cryptoki_sys::CKF_GENERATE_KEY_PAIR)?;
        let key_type = spec.key_type.ok_or(ReturnCode::MECHANISM_INVALID)?;
        let halves = [(ObjectClass::PublicKey, &public), (ObjectClass::PrivateKey, &private)];
        for (class, template) in halves {
            expect_class(template, class)?;
        }
        // The templates are checked before a key is made, which may take a second.
        let built = halves.map(|(class, template)| {
            let subject = self.subject(class, Some(key_type));
            rules::build(subject, Origin::Generate, template, &Attributes::new())
        });
        let [of_public, of_private] = built;
        let (of_public, of_private) = (of_public?, of_private?);
        if self.regime.is_strict() {
            rules::check_halves(&of_public, &of_private)?;
        }
        rules::check_wanted(self.regime, key_type, &public)?;
        // They are the private key's; the public one is everybody's.
        let terms = self.before_making(ObjectClass::PrivateKey, &private)?;
        self.must_find_room(ObjectClass::PublicKey, &public)?;
        // How long a private value of Diffie-Hellman is, the private key's template says.
        let wanted = match private.ulong(A::VALUE_BITS) {
            Some(bits) => public.clone().with(A::VALUE_BITS, bits),
            None => public.clone(),
        };
        let pair = crypto::generate_pair(mechanism, &wanted)?;
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

    /// A key that came about otherwise than by generation. `history` tells, of a key that is as sensitive and extractable as
    /// it's told, whether it always was and never was.
    pub(crate) fn foreign(
        &self,
        class: ObjectClass,
        key_type: KeyType,
        origin: Origin,
        template: &Attributes,
        stated: Attributes,
        history: Option<&dyn Fn(bool, bool) -> (bool, bool)>,
    ) -> Result<StoredObject> {
        let invalid = |error: Error| match origin {
            Origin::Unwrap => Error { code: ReturnCode::WRAPPED_KEY_INVALID, ..error },
            _ => error,
        };
        let subject = self.subject(class, Some(key_type));
        rules::must_exist(subject)?;
        let (material, key) = import(class, key_type, &stated).map_err(invalid)?;
        let all = joined(stated.clone(), material.clone());
        rules::check_imported(self.regime, key_type, &all).map_err(invalid)?;
        let material = joined(joined(identity(class, key_type), stated), material);
        let mut attributes = rules::build(subject, origin, template, &material)?;
        mark_foreign(&mut attributes, class);
        if let Some(history) = history {
            let sensitive = attributes.bool(A::SENSITIVE) == Some(true);
            let extractable = attributes.bool(A::EXTRACTABLE) == Some(true);
            let (always_sensitive, never_extractable) = history(sensitive, extractable);
            attributes.set(A::ALWAYS_SENSITIVE, always_sensitive);
            attributes.set(A::NEVER_EXTRACTABLE, never_extractable);
            attributes.set(A::LOCAL, self.regime.has(Quirk::DerivedIsLocal));
        }
        self.assemble(attributes, Some(key))
    }

    /// A mechanism's row, if it generates.
    fn generator(&self, mechanism: &Mechanism, purpose: u64) -> Result<&'static MechanismSpec> {
        Ok(rules::wanted(self.regime, mechanism, purpose)?.spec)
    }
}

/// The length of a key's value that the mechanism or the type settles, in bytes.
fn settled_len(spec: &MechanismSpec, key_type: KeyType) -> Option<usize> {
    match spec.algorithm {
        Algorithm::Pkcs12Pbe if key_type.only_len().is_none() => usize::try_from(spec.min_key).ok(),
        Algorithm::TlsPreMasterGen => usize::try_from(spec.min_key).ok(),
        _ => key_type.only_len(),
    }
}

pub(crate) fn expect_class(template: &Attributes, class: ObjectClass) -> Result<()> {
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
pub(crate) fn imposed(by: &StoredObject, attribute: A, template: Attributes) -> Result<Attributes> {
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
