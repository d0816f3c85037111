//! Secret keys that come about by key encapsulation (PKCS#11 3.2 section 5.18.8 and 5.18.9).

use strongroom_crypto::{self as crypto, Encapsulated};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Handle, KeyTerms, KeyType, Mechanism, ObjectClass, ObjectInfo,
    Result,
};
use strongroom_wire::Response;

use crate::access::Caller;
use crate::keys::{expect_class, imposed};
use crate::object::{StoredObject, key_type_of};
use crate::rules::Origin;
use crate::using::Part;

impl Caller<'_> {
    pub(crate) fn encapsulate(
        &self,
        mechanism: &Mechanism,
        public: Handle,
        template: Attributes,
    ) -> Result<Response> {
        let usable =
            self.usable(public, A::ENCAPSULATE, mechanism, cryptoki_sys::CKF_ENCAPSULATE, Part::Key)?;
        let base = usable.object_shared();
        let (key_type, template) = self.template_of(&base, A::ENCAPSULATE_TEMPLATE, template)?;
        let key = usable.key(self)?;
        let Encapsulated { ciphertext, secret } = crypto::encapsulate(&key, mechanism)?;
        let object = self.keep_secret(key_type, &template, secret, KeyTerms::default())?;
        Ok(Response::Encapsulated { object, ciphertext })
    }

    pub(crate) fn decapsulate(
        &self,
        mechanism: &Mechanism,
        private: Handle,
        ciphertext: &[u8],
        template: Attributes,
    ) -> Result<Response> {
        let usable =
            self.usable(private, A::DECAPSULATE, mechanism, cryptoki_sys::CKF_DECAPSULATE, Part::Unwrapping)?;
        let base = usable.object_shared();
        let (key_type, template) = self.template_of(&base, A::DECAPSULATE_TEMPLATE, template)?;
        // Whoever must agree to the use of the private key must agree to that of what comes out of it.
        let terms = self.inherited_terms(&base, template.bool(A::TOKEN) == Some(true))?;
        let key = usable.key(self)?;
        let secret = crypto::decapsulate(&key, mechanism, ciphertext)?;
        Ok(Response::Object(self.keep_secret(key_type, &template, secret, terms)?))
    }

    /// What the new key shall be: the caller's template with what `base` imposes, complete as to class and type.
    fn template_of(
        &self,
        base: &StoredObject,
        imposing: A,
        template: Attributes,
    ) -> Result<(KeyType, Attributes)> {
        let mut template = imposed(base, imposing, template)?;
        let class = ObjectClass::SecretKey;
        expect_class(&template, class)?;
        template.set(A::CLASS, class.to_ck());
        if !template.contains(A::KEY_TYPE) {
            template.set(A::KEY_TYPE, KeyType::GenericSecret.to_ck());
        }
        let key_type = key_type_of(&template)?;
        self.before_making(class, &template)?;
        Ok((key_type, template))
    }

    /// Both ends have had the secret outside of a key, so that nothing good can be said of its history.
    fn keep_secret(
        &self,
        key_type: KeyType,
        template: &Attributes,
        secret: Blob,
        terms: KeyTerms,
    ) -> Result<ObjectInfo> {
        let stated = Attributes::new().with(A::VALUE, secret);
        let new = self.foreign(ObjectClass::SecretKey, key_type, Origin::Derive, template, stated, None)?;
        self.store(new.with_terms(terms))
    }
}
