//! An object: its attributes in the open, its key material sealed, its key parsed and ready.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::{Key, random};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Error, Handle, KeyTerms, KeyType, ObjectClass, ObjectInfo, Regime,
    Result, ReturnCode, Usage, UserName, Value, limits,
};
use strongroom_wire::{Answer, encode_secret};

use crate::rules::{self, Strength};

/// An object, on the token or in a session. It never changes: a change makes another.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredObject {
    /// Who owns it; `None` for what was made without a login.
    pub owner: Option<UserName>,
    /// Whom it's shared with, and how many must agree to its management and use.
    pub terms: KeyTerms,
    /// All attributes but key material.
    pub(crate) attributes: Attributes,
    /// Key material: attributes, sealed under the cluster's masking key and bound to the object's unique id.
    /// Empty if there is none.
    #[serde(with = "serde_bytes")]
    sealed: Vec<u8>,
    /// The key, parsed at first use and kept ready: parsing costs as much as signing.
    #[serde(skip)]
    ready: OnceLock<Arc<Key>>,
}

impl StoredObject {
    /// Takes all attributes of a new object, gives it a unique id, and seals its key material.
    ///
    /// # Errors
    ///
    /// `CKR_ATTRIBUTE_VALUE_INVALID` when it's larger than [`limits::MAX_OBJECT`].
    pub(crate) fn new(
        masking: &SealingKey,
        owner: Option<UserName>,
        mut attributes: Attributes,
        key: Option<Key>,
    ) -> Result<Self> {
        let class = class_of(&attributes)?;
        let id = random::bytes::<16>().map(|byte| format!("{byte:02x}")).concat();
        attributes.set(A::UNIQUE_ID, id.as_bytes());
        let (secret, open): (Vec<_>, Vec<_>) =
            attributes.into_iter().partition(|(attribute, _)| rules::is_secret(*attribute, class));
        let secrets: Attributes = secret.into_iter().collect();
        let sealed = if secrets.is_empty() {
            Vec::new()
        } else {
            let plain = encode_secret(&secrets).map_err(|_| ReturnCode::HOST_MEMORY)?;
            masking.seal(id.as_bytes(), &plain)
        };
        let ready = OnceLock::new();
        if let Some(key) = key {
            let _ = ready.set(Arc::new(key));
        }
        let object =
            Self { owner, terms: KeyTerms::default(), attributes: open.into_iter().collect(), sealed, ready };
        if object.size() > limits::MAX_OBJECT {
            return Err(Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                format!("the object is larger than {} bytes", limits::MAX_OBJECT),
            ));
        }
        Ok(object)
    }

    /// An object that nobody made and nobody owns.
    pub(crate) fn built_in(attributes: Attributes) -> Self {
        Self {
            owner: None,
            terms: KeyTerms::default(),
            attributes,
            sealed: Vec::new(),
            ready: OnceLock::new(),
        }
    }

    /// The same object with other open attributes.
    pub(crate) fn with_attributes(&self, attributes: Attributes) -> Self {
        Self {
            owner: self.owner.clone(),
            terms: self.terms.clone(),
            attributes,
            sealed: self.sealed.clone(),
            ready: self.ready.clone(),
        }
    }

    /// The same object under other terms. Names are kept in order.
    pub(crate) fn with_terms(self, mut terms: KeyTerms) -> Self {
        terms.share_with.sort_unstable();
        Self { terms, ..self }
    }

    /// Whether a crypto user owns it or has it shared. How long it takes hardly depends on how many have (attacks.md A28).
    pub(crate) fn is_of(&self, user: &UserName) -> bool {
        self.owner.as_ref() == Some(user) || self.terms.share_with.binary_search(user).is_ok()
    }

    /// All attributes, key material included.
    pub(crate) fn unseal(&self, masking: &SealingKey) -> Result<Attributes> {
        let mut all = self.attributes.clone();
        for (attribute, value) in self.secrets(masking)? {
            all.set(attribute, value);
        }
        Ok(all)
    }

    /// The key, ready for use.
    pub(crate) fn key(&self, masking: &SealingKey) -> Result<Arc<Key>> {
        if let Some(key) = self.ready.get() {
            return Ok(Arc::clone(key));
        }
        let key_type = self.key_type().ok_or(ReturnCode::KEY_HANDLE_INVALID)?;
        let key = Arc::new(Key::from_attributes(self.class(), key_type, &self.unseal(masking)?)?);
        Ok(Arc::clone(self.ready.get_or_init(|| key)))
    }

    /// One attribute as a caller may see it; `reveals` is whether key material may be seen if the object itself allows it.
    pub(crate) fn answer(
        &self,
        masking: &SealingKey,
        regime: Regime,
        attribute: A,
        reveals: bool,
    ) -> Result<Answer> {
        let class = self.class();
        if !rules::is_told(regime, attribute, class, self.key_type()) {
            return Ok(Answer::Invalid);
        }
        if !rules::is_secret(attribute, class) {
            return Ok(self.attributes.get(attribute).cloned().map_or(Answer::Invalid, Answer::Value));
        }
        if !reveals || !self.is(A::EXTRACTABLE) || self.is(A::SENSITIVE) {
            return Ok(Answer::Sensitive);
        }
        Ok(self.secrets(masking)?.remove(attribute).map_or(Answer::Invalid, Answer::Value))
    }

    /// Whether the object has all attributes of a search template. Key material never matches.
    pub(crate) fn matches(&self, template: &Attributes) -> bool {
        template.iter().all(|(attribute, value)| self.attributes.get(attribute) == Some(value))
    }

    pub(crate) fn class(&self) -> ObjectClass {
        class_of(&self.attributes).unwrap_or(ObjectClass::Data)
    }

    pub(crate) fn key_type(&self) -> Option<KeyType> {
        self.attributes.ulong(A::KEY_TYPE).and_then(KeyType::from_ck)
    }

    /// Whether a boolean attribute is true.
    pub(crate) fn is(&self, attribute: A) -> bool {
        self.attributes.bool(attribute) == Some(true)
    }

    /// What clients keep of the object.
    pub(crate) fn info(&self, handle: Handle) -> ObjectInfo {
        let mut usage = Usage::default();
        for attribute in Usage::ATTRIBUTES {
            if self.is(attribute) {
                usage.allow(attribute);
            }
        }
        ObjectInfo {
            handle,
            class: self.class(),
            key_type: self.key_type(),
            size: self.key_size(),
            usage,
            token: self.is(A::TOKEN),
            private: self.is(A::PRIVATE),
            always_authenticate: self.is(A::ALWAYS_AUTHENTICATE),
            allowed_mechanisms: match self.attributes.get(A::ALLOWED_MECHANISMS) {
                Some(Value::Mechanisms(kinds)) => kinds.clone(),
                _ => Vec::new(),
            },
            subprime_bits: match self.key_type() {
                Some(KeyType::Dsa) => {
                    u16::try_from(bits(self.attributes.bytes(A::SUBPRIME))).unwrap_or(u16::MAX)
                }
                _ => 0,
            },
        }
    }

    /// What its strength as a key follows from.
    pub(crate) fn strength(&self) -> Strength<'_> {
        Strength {
            class: self.class(),
            key: self.key_type().unwrap_or(KeyType::GenericSecret),
            size: self.key_size(),
            attributes: &self.attributes,
        }
    }

    /// About how many bytes the object takes.
    pub(crate) fn size(&self) -> usize {
        fn of(attributes: &Attributes) -> usize {
            attributes
                .iter()
                .map(|(_, value)| {
                    8 + match value {
                        Value::Bool(_) => 1,
                        Value::Ulong(_) => 8,
                        Value::Bytes(bytes) => bytes.len(),
                        Value::Mechanisms(kinds) => 8 * kinds.len(),
                        Value::Template(nested) => of(nested),
                    }
                })
                .sum()
        }
        let names: usize = self.terms.share_with.iter().map(|name| 1 + name.as_str().len()).sum();
        of(&self.attributes) + self.sealed.len() + names
    }

    fn secrets(&self, masking: &SealingKey) -> Result<Attributes> {
        if self.sealed.is_empty() {
            return Ok(Attributes::new());
        }
        let id = self.attributes.bytes(A::UNIQUE_ID).unwrap_or_default();
        let plain: Blob = masking.open(id, &self.sealed)?;
        postcard::from_bytes(&plain)
            .map_err(|_| Error::new(ReturnCode::DEVICE_ERROR, "an object's key material can't be decoded"))
    }

    /// As [`ObjectInfo::size`], from the attributes alone: the key needn't be parsed for it.
    fn key_size(&self) -> u32 {
        let size = match self.key_type() {
            None => 0,
            Some(KeyType::Rsa) => bits(self.attributes.bytes(A::MODULUS)),
            Some(KeyType::Dsa | KeyType::Dh | KeyType::X942Dh) => bits(self.attributes.bytes(A::PRIME)),
            Some(key @ (KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery)) => {
                return strongroom_crypto::curve_bits(key, &self.attributes);
            }
            Some(KeyType::MlKem | KeyType::MlDsa | KeyType::SlhDsa) => {
                return u32::try_from(self.attributes.ulong(A::PARAMETER_SET).unwrap_or(0)).unwrap_or(0);
            }
            Some(_) => return u32::try_from(self.attributes.ulong(A::VALUE_LEN).unwrap_or(0)).unwrap_or(0),
        };
        u32::try_from(size).unwrap_or(u32::MAX)
    }
}

/// How many bits a number has that has no leading zeros.
fn bits(number: Option<&[u8]>) -> usize {
    match number {
        Some([first, rest @ ..]) => rest.len() * 8 + (8 - first.leading_zeros() as usize),
        _ => 0,
    }
}

/// The class that a template or an object states.
///
/// # Errors
///
/// `CKR_TEMPLATE_INCOMPLETE`, or `CKR_ATTRIBUTE_VALUE_INVALID` for a class that isn't known.
pub(crate) fn class_of(attributes: &Attributes) -> Result<ObjectClass> {
    let class = attributes.ulong(A::CLASS).ok_or_else(|| {
        Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "CKA_CLASS is missing from the template")
    })?;
    ObjectClass::from_ck(class).ok_or_else(|| {
        Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, format!("there are no objects of class {class:#x}"))
    })
}

/// The key type that a template states.
///
/// # Errors
///
/// As [`class_of`].
pub(crate) fn key_type_of(attributes: &Attributes) -> Result<KeyType> {
    let kind = attributes.ulong(A::KEY_TYPE).ok_or_else(|| {
        Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "CKA_KEY_TYPE is missing from the template")
    })?;
    KeyType::from_ck(kind).ok_or_else(|| {
        Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, format!("there are no keys of type {kind:#x}"))
    })
}
