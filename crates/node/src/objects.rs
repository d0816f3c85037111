//! Objects: made, found, read, changed, copied, destroyed.

use std::sync::Arc;

use strongroom_crypto::Key;
use strongroom_model::{
    AttributeType as A, Attributes, Error, Handle, Hash, KeyType, ObjectClass, Result, ReturnCode, Role,
    Service, limits,
};
use strongroom_wire::{Found, Response};

use crate::access::Caller;
use crate::object::{StoredObject, class_of, key_type_of};
use crate::rules::{self, Origin};
use crate::state::{Change, Expect, Key as RecordKey, Record};

impl Caller<'_> {
    pub(crate) fn create(&self, template: Attributes) -> Result<Response> {
        let class = class_of(&template)?;
        let typed = class.is_key() || class == ObjectClass::DomainParameters;
        let key_type = typed.then(|| key_type_of(&template)).transpose()?;
        let subject = self.subject(class, key_type);
        rules::must_exist(subject)?;
        let terms = self.before_making(class, &template)?;
        // What is wrong with the template itself is told before what is wrong with the key that it describes.
        rules::check_template(subject, Origin::Create, &template)?;
        let (material, key) = match key_type {
            Some(key_type) if class == ObjectClass::DomainParameters => {
                rules::check_imported(self.regime, key_type, &template)?;
                (Attributes::new().with(A::LOCAL, false), None)
            }
            Some(key_type) => {
                let (material, key) = import(class, key_type, &template).map_err(as_value)?;
                rules::check_imported(self.regime, key_type, &overlay(&template, &material))?;
                (material, Some(key))
            }
            None if class == ObjectClass::Certificate => (certificate_material(&template), None),
            None => (Attributes::new(), None),
        };
        let mut attributes = rules::build(subject, Origin::Create, &template, &material)?;
        if class.is_key() {
            mark_foreign(&mut attributes, class);
        }
        let object = self.assemble(attributes, key)?.with_terms(terms);
        Ok(Response::Object(self.store(object)?))
    }

    pub(crate) fn copy(&self, handle: Handle, template: &Attributes) -> Result<Response> {
        let located = self.locate(handle)?;
        self.must_manage(&located.object)?;
        self.must_be_available(handle, &located)?;
        let object = located.object;
        if object.is_guarded() {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                "a key that is guarded by a quorum can't be copied",
            ));
        }
        let subject = self.subject(object.class(), object.key_type());
        let mut attributes = rules::copy(subject, &object.attributes, template)?;
        self.before_making(object.class(), &attributes)?;
        if attributes.bool(A::SENSITIVE) == Some(true) && object.attributes.bool(A::SENSITIVE) == Some(false)
        {
            attributes.set(A::ALWAYS_SENSITIVE, false);
        }
        let secrets = object.unseal(&self.node.masking)?;
        for (attribute, value) in secrets.iter() {
            if rules::is_secret(attribute, object.class()) {
                attributes.set(attribute, value.clone());
            }
        }
        let copy = StoredObject::new(&self.node.masking, self.crypto_user().cloned(), attributes, None)?;
        Ok(Response::Object(self.store(copy)?))
    }

    pub(crate) fn destroy(&self, handle: Handle) -> Result<Response> {
        let allowed = |object: &StoredObject| {
            self.must_manage(object)?;
            if object.is(A::DESTROYABLE) {
                Ok(())
            } else {
                Err(Error::new(
                    ReturnCode::ACTION_PROHIBITED,
                    "the object was made with CKA_DESTROYABLE false",
                ))
            }
        };
        let located = self.locate(handle)?;
        if located.version.is_none() {
            allowed(&located.object)?;
            // Who is about to make a token object of it must not bring back what was destroyed.
            let _persisting = self.family.persisting.lock();
            return if self.family.remove(handle) {
                Ok(Response::Done)
            } else {
                Err(ReturnCode::OBJECT_HANDLE_INVALID.into())
            };
        }
        self.commit(|replica| {
            let record = replica.object(handle).filter(|record| self.sees(&record.value));
            let record = record.ok_or(ReturnCode::OBJECT_HANDLE_INVALID)?;
            allowed(&record.value)?;
            Ok((Change::of(RecordKey::Object(handle), Expect::Version(record.version), None), ()))
        })?;
        Ok(Response::Done)
    }

    pub(crate) fn set_attributes(&self, handle: Handle, template: &Attributes) -> Result<Response> {
        // An officer's marks aren't the owner's management.
        let officer = self.role() == Some(Role::Admin);
        let changed = |object: &StoredObject| -> Result<Arc<StoredObject>> {
            if !officer {
                self.must_manage(object)?;
            }
            let subject = self.subject(object.class(), object.key_type());
            let attributes = rules::change(subject, &object.attributes, template)?;
            Ok(Arc::new(object.with_attributes(attributes)))
        };
        let located = self.locate(handle)?;
        if located.version.is_none() {
            let new = changed(&located.object)?;
            if template.contains(A::ID) {
                self.must_have_own_ids(&[(handle, &*new)])?;
            }
            let info = new.info(handle);
            // As in `destroy`: a token object would be made of it as it was before.
            let _persisting = self.family.persisting.lock();
            return if self.family.replace(handle, &located.object, new) {
                Ok(Response::Object(info))
            } else {
                Err(Error::new(
                    ReturnCode::FUNCTION_FAILED,
                    "another thread changed the object at the same time",
                ))
            };
        }
        let info = self.commit(|replica| {
            let located = self.locate(handle)?;
            let new = changed(&located.object)?;
            self.must_be_available(handle, &located)?;
            let needed = if officer { 0 } else { located.object.terms.manage_quorum };
            let approved = self.approval(replica, Service::KeyManagement, Some(handle), needed)?;
            let info = new.info(handle);
            let expect = located.version.map_or(Expect::Absent, Expect::Version);
            let demands = match template.contains(A::ID) {
                true => self.own_id(replica, handle, &new)?,
                false => Vec::new(),
            };
            let mut change = Change::of(RecordKey::Object(handle), expect, Some(Record::Object(new)));
            change.demands = demands;
            Ok((change.approved(approved), info))
        })?;
        Ok(Response::Object(info))
    }

    pub(crate) fn get_attributes(&self, handle: Handle, types: &[A]) -> Result<Response> {
        if types.len() > limits::MAX_TEMPLATE {
            return Err(Error::new(
                ReturnCode::ARGUMENTS_BAD,
                format!("more than {} attributes asked for at once", limits::MAX_TEMPLATE),
            ));
        }
        let object = self.locate(handle)?.object;
        // Who may only use a key may not have it (cloudhsm.md 4.1), nor may its owner where others must agree to that.
        let reveals = self.manages(&object) && !object.is_guarded();
        let answers =
            types.iter().map(|attribute| object.answer(&self.node.masking, self.regime, *attribute, reveals));
        Ok(Response::Answers(answers.collect::<Result<_>>()?))
    }

    pub(crate) fn object_info(&self, handle: Handle) -> Result<Response> {
        Ok(Response::Object(self.locate(handle)?.object.info(handle)))
    }

    pub(crate) fn object_size(&self, handle: Handle) -> Result<Response> {
        Ok(Response::Size(self.locate(handle)?.object.size() as u64))
    }

    /// Token objects first, then this node's session objects: that is the order of handles.
    pub(crate) fn find(&self, template: &Attributes, after: Option<Handle>, limit: u32) -> Result<Response> {
        let limit = (limit as usize).clamp(1, limits::MAX_FOUND);
        let class = template.ulong(A::CLASS).and_then(ObjectClass::from_ck);
        if class.is_some_and(ObjectClass::is_built_in) {
            return Ok(Response::Found(self.find_built_in(template, after, limit)));
        }
        let mut objects = Vec::new();
        let only_session =
            after.is_some_and(|after| after.0 >= Handle::MAX_TOKEN) || template.bool(A::TOKEN) == Some(false);
        if !only_session {
            self.must_be_current()?;
            let replica = self.node.replica.read();
            for handle in replica.candidates(template, after) {
                let Some(record) = replica.object(handle) else { continue };
                if record.value.matches(template) && self.finds(&record.value) {
                    objects.push(record.value.info(handle));
                    if objects.len() > limit {
                        break;
                    }
                }
            }
        }
        if objects.len() <= limit {
            self.family.search(template, after, |handle, object| {
                if object.matches(template) && self.finds(object) {
                    objects.push(object.info(handle));
                }
                objects.len() <= limit
            });
        }
        let more = objects.len() > limit;
        objects.truncate(limit);
        Ok(Response::Found(Found { objects, more }))
    }
}

impl Caller<'_> {
    /// Objects that the token has of itself.
    fn find_built_in(&self, template: &Attributes, after: Option<Handle>, limit: usize) -> Found {
        let mut objects: Vec<_> = self
            .built_in()
            .into_iter()
            .filter(|(handle, object)| after.is_none_or(|after| *handle > after) && object.matches(template))
            .map(|(handle, object)| object.info(handle))
            .collect();
        let more = objects.len() > limit;
        objects.truncate(limit);
        Found { objects, more }
    }
}

/// The key that a template is made of, and the attributes that follow from it.
pub(crate) fn import(
    class: ObjectClass,
    key_type: KeyType,
    template: &Attributes,
) -> Result<(Attributes, Key)> {
    let mut material = strongroom_crypto::complete_import(class, key_type, template)?;
    let key = Key::from_attributes(class, key_type, &overlay(template, &material))?;
    if class == ObjectClass::SecretKey {
        material.set(A::VALUE_LEN, u64::from(key.size()));
    }
    complete(&mut material, &key)?;
    Ok((material, key))
}

/// What is wrong with the size of a key that comes in is wrong with an attribute (PKCS#11 3.2 section 5.7.1).
fn as_value(error: Error) -> Error {
    match error.code {
        ReturnCode::KEY_SIZE_RANGE => Error { code: ReturnCode::ATTRIBUTE_VALUE_INVALID, ..error },
        _ => error,
    }
}

/// What follows from a certificate: three bytes of its SHA-1 (PKCS#11 3.2 section 4.6.2).
fn certificate_material(template: &Attributes) -> Attributes {
    match template.bytes(A::VALUE) {
        Some(value) if !value.is_empty() => {
            let hash = strongroom_crypto::digest::digest(Hash::Sha1, &[value]);
            Attributes::new().with(A::CHECK_VALUE, &hash[..3])
        }
        _ => Attributes::new(),
    }
}

fn overlay(below: &Attributes, above: &Attributes) -> Attributes {
    below.iter().chain(above.iter()).map(|(attribute, value)| (attribute, value.clone())).collect()
}

/// Adds what is computed from a key.
pub(crate) fn complete(attributes: &mut Attributes, key: &Key) -> Result<()> {
    if !attributes.contains(A::CHECK_VALUE) {
        attributes.set(A::CHECK_VALUE, key.check_value()?.as_slice());
    }
    if !matches!(key, Key::Secret(_)) && !attributes.contains(A::PUBLIC_KEY_INFO) {
        attributes.set(A::PUBLIC_KEY_INFO, key.public_key_info()?);
    }
    Ok(())
}

/// The history of a key that wasn't made here (PKCS#11 3.2 section 4.9): nothing good can be said of it.
pub(crate) fn mark_foreign(attributes: &mut Attributes, class: ObjectClass) {
    attributes.set(A::LOCAL, false);
    attributes.set(A::KEY_GEN_MECHANISM, cryptoki_sys::CK_UNAVAILABLE_INFORMATION);
    if class != ObjectClass::PublicKey {
        attributes.set(A::ALWAYS_SENSITIVE, false);
        attributes.set(A::NEVER_EXTRACTABLE, false);
    }
}
