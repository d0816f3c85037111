//! Keys derived from keys: one or several, from one or several.

use std::sync::Arc;

use strongroom_crypto::{self as crypto, Wanted};
use strongroom_model::{
    Algorithm, AttributeType as A, Attributes, Blob, Error, Handle, Ike, KeyTerms, KeyType, Mechanism,
    MechanismType, ObjectClass, Params, Prf, Result, ReturnCode, Tls, Value,
};
use strongroom_wire::Response;

use crate::access::Caller;
use crate::keys::{expect_class, imposed};
use crate::object::{StoredObject, key_type_of};
use crate::rules::{self, Heritage, Origin};
use crate::using::{Part, Usable};

/// An object that is to come out of a derivation.
struct Plan {
    class: ObjectClass,
    /// `None` for a data object.
    key_type: Option<KeyType>,
    template: Attributes,
    /// In bytes; `None` for all there is.
    len: Option<usize>,
}

/// What a template says of a cipher's key that a MAC key doesn't take from it.
const OF_CIPHERS: [A; 12] = [
    A::KEY_TYPE,
    A::VALUE_LEN,
    A::CHECK_VALUE,
    A::ALLOWED_MECHANISMS,
    A::ENCRYPT,
    A::DECRYPT,
    A::SIGN,
    A::VERIFY,
    A::WRAP,
    A::UNWRAP,
    A::DERIVE,
    A::TRUSTED,
];

/// What a public key has of its private one, if nobody says otherwise.
const HALVES: [(A, A); 9] = [
    (A::ENCRYPT, A::DECRYPT),
    (A::VERIFY, A::SIGN),
    (A::VERIFY_RECOVER, A::SIGN_RECOVER),
    (A::WRAP, A::UNWRAP),
    (A::DERIVE, A::DERIVE),
    (A::ID, A::ID),
    (A::START_DATE, A::START_DATE),
    (A::END_DATE, A::END_DATE),
    (A::ALLOWED_MECHANISMS, A::ALLOWED_MECHANISMS),
];

/// What a master secret of TLS 1.2 may be used for (PKCS#11 3.2 section 6.40).
const OF_MASTER_SECRETS: [MechanismType; 6] = [
    MechanismType::TLS12_KEY_AND_MAC_DERIVE,
    MechanismType::TLS12_KEY_SAFE_DERIVE,
    MechanismType::TLS_KDF,
    MechanismType::TLS_MAC,
    MechanismType::TLS12_KDF,
    MechanismType::TLS12_MAC,
];

impl Caller<'_> {
    /// `C_DeriveKey`. Other keys that the parameters name must be usable like the base key.
    pub(crate) fn derive(
        &self,
        mechanism: &Mechanism,
        base: Handle,
        template: Attributes,
    ) -> Result<Response> {
        let usable = |handle| self.usable(handle, A::DERIVE, mechanism, cryptoki_sys::CKF_DERIVE, Part::Key);
        let first = usable(base)?;
        let algorithm = first.spec.algorithm;
        if algorithm == Algorithm::PublicFromPrivate {
            return self.public_half(first, template);
        }
        let mut used = vec![first];
        for handle in mechanism.params.keys() {
            used.push(usable(handle)?);
        }
        let bases: Vec<_> = used.iter().map(Usable::object_shared).collect();
        let plans = plans(algorithm, &mechanism.params, template)?;
        let plans = plans
            .into_iter()
            .map(|plan| self.prepared(algorithm, &mechanism.params, &bases, plan))
            .collect::<Result<Vec<_>>>()?;
        let terms = self.heirs_terms(&bases, &plans)?;

        let keys = Usable::keys(used, self)?;
        let lens: Vec<_> = plans.iter().filter_map(|plan| plan.len).collect();
        let further = match algorithm {
            Algorithm::KbkdfCounter | Algorithm::KbkdfFeedback | Algorithm::KbkdfDoublePipeline => {
                lens.get(1..).unwrap_or_default()
            }
            _ => &[],
        };
        let (key, others) = keys.split_first().ok_or(ReturnCode::GENERAL_ERROR)?;
        let len = plans.first().and_then(|plan| plan.len);
        let derived = crypto::derive_all(key, mechanism, &Wanted { len, others, further })?;
        if derived.keys.len() != plans.len() {
            return Err(ReturnCode::GENERAL_ERROR.into());
        }
        let heritage = Heritage::of(algorithm);
        let made = plans.into_iter().zip(derived.keys);
        let objects = made
            .map(|(plan, value)| Ok(self.heir(plan, value, heritage, &bases)?.with_terms(terms.clone())))
            .collect::<Result<Vec<_>>>()?;
        let usual = objects.len() == 1 && derived.written.is_empty();
        let mut infos = self.store_all(objects)?;
        match infos.pop() {
            Some(info) if usual => Ok(Response::Object(info)),
            last => {
                infos.extend(last);
                Ok(Response::Derived { keys: infos, written: derived.written })
            }
        }
    }

    /// The public key of a private one (PKCS#11 3.2 section 6.43), which takes over what that one says of itself.
    fn public_half(&self, private: Usable, template: Attributes) -> Result<Response> {
        let class = ObjectClass::PublicKey;
        let of = private.object_shared();
        if of.class() != ObjectClass::PrivateKey {
            return Err(Error::new(
                ReturnCode::KEY_TYPE_INCONSISTENT,
                "only a private key has a public half",
            ));
        }
        let given = imposed(&of, A::DERIVE_TEMPLATE, template)?;
        expect_class(&given, class)?;
        let info = private.key(self)?.public_key_info()?;
        let (key_type, mut material) = crypto::from_public_key_info(&info)?;
        rules::check_template(self.subject(class, Some(key_type)), Origin::Derive, &given)?;
        let mut template = given;
        for (public, private) in HALVES {
            if let (None, Some(value)) = (template.get(public), of.attributes.get(private)) {
                template.set(public, value.clone());
            }
        }
        if let Some(subject) = of.attributes.get(A::SUBJECT) {
            material.set(A::SUBJECT, subject.clone());
        }
        self.before_making(class, &template)?;
        let new = self.foreign(class, key_type, Origin::Derive, &template, material, None)?;
        Ok(Response::Object(self.store(new)?))
    }

    /// A plan with all that its template doesn't say, checked.
    fn prepared(
        &self,
        algorithm: Algorithm,
        params: &Params,
        bases: &[Arc<StoredObject>],
        mut plan: Plan,
    ) -> Result<Plan> {
        let base = bases.first().ok_or(ReturnCode::KEY_HANDLE_INVALID)?;
        plan.template = imposed(base, A::DERIVE_TEMPLATE, plan.template)?;
        expect_class(&plan.template, plan.class)?;
        let given = plan.template.clone();
        let template = &mut plan.template;
        template.set(A::CLASS, plan.class.to_ck());
        let len = template.ulong(A::VALUE_LEN);
        if plan.class == ObjectClass::Data {
            template.remove(A::VALUE_LEN);
        } else {
            if !template.contains(A::KEY_TYPE) {
                template.set(A::KEY_TYPE, usual_key_type(algorithm, params)?.to_ck());
            }
            let key_type = key_type_of(template)?;
            if !key_type.is_secret() {
                return Err(Error::new(
                    ReturnCode::TEMPLATE_INCONSISTENT,
                    format!("a derived key isn't one of type {key_type:?}"),
                ));
            }
            plan.key_type = Some(key_type);
            let only = key_type.only_len();
            if len.is_none() && only.is_none() && needs_len(algorithm) && given.contains(A::KEY_TYPE) {
                no_len(key_type)?;
            }
            plan.len = plan.len.or(only);
        }
        let stated = len.map(usize::try_from).transpose().map_err(|_| ReturnCode::KEY_SIZE_RANGE)?;
        if let (Some(stated), Some(settled)) = (stated, plan.len)
            && stated != settled
        {
            return Err(Error::new(
                ReturnCode::KEY_SIZE_RANGE,
                format!("this key has {settled} bytes, not {stated}"),
            ));
        }
        plan.len = plan.len.or(stated);
        let subject = self.subject(plan.class, plan.key_type);
        rules::must_exist(subject)?;
        let given = if plan.class == ObjectClass::Data { without_len(given) } else { given };
        rules::check_template(subject, Origin::Derive, &given)?;
        let attributes: Vec<_> = bases.iter().map(|base| &base.attributes).collect();
        if plan.class.is_key() {
            Heritage::of(algorithm).bequeath(&attributes, &mut plan.template)?;
        }
        self.before_making(plan.class, &plan.template)?;
        Ok(plan)
    }

    /// The terms of what is derived: those of the guarded one among the keys.
    fn heirs_terms(&self, bases: &[Arc<StoredObject>], plans: &[Plan]) -> Result<KeyTerms> {
        let mut guarded = bases.iter().filter(|base| base.is_guarded());
        let Some(first) = guarded.next() else { return Ok(KeyTerms::default()) };
        if guarded.any(|other| other.terms != first.terms || other.owner != first.owner) {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                "these keys are guarded by different quorums: nothing can be guarded by both",
            ));
        }
        let on_token = plans.iter().all(|plan| plan.template.bool(A::TOKEN) == Some(true));
        self.inherited_terms(first, on_token)
    }

    fn heir(
        &self,
        plan: Plan,
        mut value: Blob,
        heritage: Heritage,
        bases: &[Arc<StoredObject>],
    ) -> Result<StoredObject> {
        let Some(key_type) = plan.key_type else {
            let material =
                Attributes::new().with(A::CLASS, plan.class.to_ck()).with(A::VALUE, Value::Bytes(value));
            let subject = self.subject(plan.class, None);
            let attributes = rules::build(subject, Origin::Derive, &plan.template, &material)?;
            return self.assemble(attributes, None);
        };
        if matches!(key_type, KeyType::Des | KeyType::Des2 | KeyType::Des3) {
            set_parity(&mut value);
        }
        let bases: Vec<_> = bases.iter().map(|base| &base.attributes).collect();
        let stated = Attributes::new().with(A::VALUE, Value::Bytes(value));
        let history = |sensitive, extractable| heritage.history(&bases, sensitive, extractable);
        self.foreign(plan.class, key_type, Origin::Derive, &plan.template, stated, Some(&history))
    }
}

/// What comes out of a derivation, in the mechanism's order.
fn plans(algorithm: Algorithm, params: &Params, template: Attributes) -> Result<Vec<Plan>> {
    let key = |template| Plan { class: ObjectClass::SecretKey, key_type: None, template, len: None };
    Ok(match (algorithm, params) {
        (_, Params::Kbkdf(params)) => {
            std::iter::once(template).chain(params.further.iter().cloned()).map(key).collect()
        }
        (Algorithm::HkdfData, _) => vec![Plan { class: ObjectClass::Data, ..key(template) }],
        (Algorithm::TlsPrf, _) => Vec::new(),
        (_, Params::Tls(Tls::Connection { sizes, .. })) => {
            let mut mac = template.clone();
            OF_CIPHERS.into_iter().for_each(|attribute| _ = mac.remove(attribute));
            let derives = !matches!(algorithm, Algorithm::Tls12KeyAndMac | Algorithm::Tls12KeySafe);
            let mac = mac.with(A::SIGN, true).with(A::VERIFY, true).with(A::DERIVE, derives);
            let mut cipher = template;
            for usage in [A::ENCRYPT, A::DECRYPT, A::DERIVE] {
                if !cipher.contains(usage) {
                    cipher.set(usage, true);
                }
            }
            let sized =
                |template: &Attributes, len: u32| Plan { len: Some(len as usize), ..key(template.clone()) };
            let all = [(&mac, sizes.mac), (&mac, sizes.mac), (&cipher, sizes.key), (&cipher, sizes.key)];
            all.into_iter().filter(|(_, len)| *len > 0).map(|(template, len)| sized(template, len)).collect()
        }
        (
            Algorithm::Tls12Master
            | Algorithm::Tls12MasterDh
            | Algorithm::Tls12ExtendedMaster
            | Algorithm::Tls12ExtendedMasterDh,
            _,
        ) if !template.contains(A::ALLOWED_MECHANISMS) => {
            let allowed = OF_MASTER_SECRETS.iter().map(|kind| kind.0).collect();
            vec![key(template.with(A::ALLOWED_MECHANISMS, Value::Mechanisms(allowed)))]
        }
        _ => vec![key(template)],
    })
}

/// The type of a key of which the template doesn't say it.
fn usual_key_type(algorithm: Algorithm, params: &Params) -> Result<KeyType> {
    match (algorithm, params) {
        (Algorithm::Ike1Prf, _) => {
            Err(Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "CKA_KEY_TYPE is missing from the template"))
        }
        (Algorithm::IkePrf, Params::Ike(Ike::Prf { prf: Prf::Cmac, .. })) => Ok(KeyType::Aes),
        _ => Ok(KeyType::GenericSecret),
    }
}

/// Whether a type of keys of several lengths must come with a length (PKCS#11 3.2 sections 6.21 and 6.43).
fn needs_len(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::ConcatenateKey
            | Algorithm::ConcatenateData
            | Algorithm::ConcatenateToData
            | Algorithm::XorData
            | Algorithm::HashDerive
            | Algorithm::Shake128Derive
            | Algorithm::Shake256Derive
    )
}

/// A generic secret is as long as what there is.
fn no_len(key_type: KeyType) -> Result<()> {
    if key_type == KeyType::GenericSecret {
        return Ok(());
    }
    Err(Error::new(
        ReturnCode::TEMPLATE_INCOMPLETE,
        format!("CKA_VALUE_LEN is missing: keys of type {key_type:?} have several lengths"),
    ))
}

fn without_len(mut template: Attributes) -> Attributes {
    template.remove(A::VALUE_LEN);
    template
}

/// Odd parity in the low bit of each byte, as keys of DES have it.
pub(crate) fn set_parity(key: &mut [u8]) {
    for byte in key {
        *byte = (*byte & 0xfe) | u8::from((*byte & 0xfe).count_ones().is_multiple_of(2));
    }
}
