//! Keys that have the same `CKA_ID`, which CloudHSM's older tools refuse (cloudhsm.md 4.2; 14, item 64).

use strongroom_model::{
    AttributeType as A, Attributes, Error, Handle, ObjectClass, Quirk, Result, ReturnCode,
};

use crate::access::Caller;
use crate::object::StoredObject;
use crate::state::{Demand, Replica};

impl Caller<'_> {
    /// Refuses keys of which one has the id of another, among the new ones or on the token or among this program's
    /// session keys.
    ///
    /// # Errors
    ///
    /// `CKR_ATTRIBUTE_VALUE_INVALID`.
    pub(crate) fn must_have_own_ids(&self, new: &[(Handle, &StoredObject)]) -> Result<()> {
        for (at, (handle, object)) in new.iter().enumerate() {
            for twin in self.twins(object) {
                let mut taken = new[..at].iter().any(|(_, other)| other.matches(&twin));
                self.family.search(&twin, None, |other, found| {
                    taken |= other != *handle && found.matches(&twin);
                    !taken
                });
                if taken {
                    return Err(refusal());
                }
            }
            self.own_id(&self.node.replica.read(), *handle, object)?;
        }
        Ok(())
    }

    /// Refuses a key that has the id of another token key; else what must still be so when it's committed.
    ///
    /// # Errors
    ///
    /// `CKR_ATTRIBUTE_VALUE_INVALID`.
    pub(crate) fn own_id(
        &self,
        replica: &Replica,
        handle: Handle,
        object: &StoredObject,
    ) -> Result<Vec<Demand>> {
        let twins = self.twins(object);
        let is_taken = |twin: &Attributes| {
            let others = replica.candidates(twin, None).filter(|other| *other != handle);
            others.filter_map(|other| replica.object(other)).any(|other| other.value.matches(twin))
        };
        if twins.iter().any(is_taken) {
            return Err(refusal());
        }
        Ok(twins.into_iter().map(|twin| Demand::Unlike(handle, twin)).collect())
    }

    /// What no other object may have beside this one. The halves of a pair have the same id.
    fn twins(&self, object: &StoredObject) -> Vec<Attributes> {
        use ObjectClass::{PrivateKey, PublicKey, SecretKey};
        let id = object.attributes.bytes(A::ID).unwrap_or_default();
        if !self.regime.has(Quirk::UniqueIds) || id.is_empty() {
            return Vec::new();
        }
        let classes: &[ObjectClass] = match object.class() {
            PublicKey => &[PublicKey, SecretKey],
            PrivateKey => &[PrivateKey, SecretKey],
            SecretKey => &[PublicKey, PrivateKey, SecretKey],
            _ => &[],
        };
        let with = |class: &ObjectClass| Attributes::new().with(A::CLASS, class.to_ck()).with(A::ID, id);
        classes.iter().map(with).collect()
    }
}

fn refusal() -> Error {
    Error::new(
        ReturnCode::ATTRIBUTE_VALUE_INVALID,
        "another key has this CKA_ID, and keys that aren't halves of a pair have different ones here: choose another, or none",
    )
}
