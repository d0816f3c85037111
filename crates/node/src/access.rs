//! Who may see and manage what: asked on every request.

use std::sync::Arc;

use strongroom_model::{
    AttributeType as A, Error, Handle, ObjectClass, Place, Profile, Regime, Result, ReturnCode, Role,
    UserName,
};
use strongroom_wire::{Extras, Hello};

use crate::builtin;
use crate::family::{Family, SessionId};
use crate::node::Node;
use crate::object::StoredObject;
use crate::quorum::Verdicts;
use crate::rules::Subject;
use crate::standing::Footing;
use crate::state::{Change, CommitError, Replica, Revision};
use crate::ticket::Principal;

/// Who makes a request, and where.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) node: &'a Node,
    pub(crate) family: &'a Family,
    pub(crate) hello: &'a Hello,
    pub(crate) session: SessionId,
    pub(crate) principal: Option<&'a Principal>,
    /// Approvals, and terms of a key that is to be made.
    pub(crate) extras: &'a Extras,
    /// What is known of the approvals' signatures.
    pub(crate) verdicts: &'a Verdicts,
    /// What the cluster allows.
    pub(crate) profile: Profile,
    /// The same in full.
    pub(crate) regime: Regime,
    /// Whether the node can answer for the cluster's state.
    pub(crate) footing: &'a Footing,
}

/// An object that the caller may see, and where it was found.
pub(crate) struct Located {
    pub(crate) object: Arc<StoredObject>,
    /// The revision that wrote it, if it's a token object.
    pub(crate) version: Option<Revision>,
}

/// How often a change is tried again when others got in between.
const ATTEMPTS: usize = 64;

impl Caller<'_> {
    pub(crate) fn role(&self) -> Option<Role> {
        self.principal.map(|principal| principal.role)
    }

    /// The crypto user that is logged in.
    pub(crate) fn crypto_user(&self) -> Option<&UserName> {
        self.principal.filter(|principal| principal.role == Role::CryptoUser).map(|principal| &principal.user)
    }

    /// The object, if it's there and the caller may see it; both kinds of absence take the same way and look the same
    /// (attacks.md A28).
    pub(crate) fn locate(&self, handle: Handle) -> Result<Located> {
        let located = match handle.place() {
            Place::Cluster if handle.0 >= Handle::FIRST_BUILT_IN => {
                let found = self.built_in().into_iter().find(|(number, _)| *number == handle);
                found.map(|(_, object)| Located { object: Arc::new(object), version: None })
            }
            Place::Cluster => {
                self.must_be_current()?;
                // Asked while a change is decided on, too: a writer that waits meanwhile must not come in between.
                let replica = self.node.replica.read_recursive();
                replica.object(handle).filter(|record| self.sees(&record.value)).map(|record| Located {
                    object: Arc::clone(&record.value),
                    version: Some(record.version),
                })
            }
            Place::Node(_) => {
                let object = self.family.get(handle).filter(|object| self.sees(object));
                object.map(|object| Located { object, version: None })
            }
        };
        located.ok_or_else(|| ReturnCode::OBJECT_HANDLE_INVALID.into())
    }

    /// What the token says of itself.
    pub(crate) fn built_in(&self) -> Vec<(Handle, StoredObject)> {
        let all = builtin::objects(self.regime, self.node.clock.now());
        all.into_iter().map(|(handle, attributes)| (handle, StoredObject::built_in(attributes))).collect()
    }

    /// Whether the caller may know that the object is there. Who sees a key may use it, but for officers.
    pub(crate) fn sees(&self, object: &StoredObject) -> bool {
        // There everything is private, public keys too: nothing is seen without a login (cloudhsm.md 4.7).
        let cloudhsm = self.profile == Profile::CloudHsm;
        if !cloudhsm && !object.is(A::PRIVATE) {
            return true;
        }
        match self.principal {
            Some(principal) if principal.role == Role::CryptoUser => {
                object.is_of(&principal.user)
                    // Public keys are for every crypto user (cloudhsm.md 4.1).
                    || cloudhsm && (object.owner.is_none() || object.class() == ObjectClass::PublicKey)
            }
            // An officer must find a key to mark it as trusted, and can do nothing else with it.
            Some(principal) if principal.role == Role::Admin => object.class() != ObjectClass::Data,
            _ => false,
        }
    }

    /// Whether a search by the caller finds the object. Under `cloudhsm` a crypto user finds what is its own or shared with
    /// it, though it may use any public key whose handle it has (cloudhsm.md 14, items 47 and 48).
    pub(crate) fn finds(&self, object: &StoredObject) -> bool {
        self.sees(object)
            && match self.crypto_user() {
                Some(user) if self.profile == Profile::CloudHsm => {
                    object.owner.is_none() || object.is_of(user)
                }
                _ => true,
            }
    }

    /// Whether the caller owns the object, or nobody does.
    pub(crate) fn manages(&self, object: &StoredObject) -> bool {
        object.owner.as_ref().is_none_or(|owner| self.crypto_user() == Some(owner))
    }

    /// Refuses all but the object's owner.
    pub(crate) fn must_manage(&self, object: &StoredObject) -> Result<()> {
        if self.manages(object) {
            Ok(())
        } else {
            Err(Error::new(ReturnCode::ACTION_PROHIBITED, "only the object's owner may do this"))
        }
    }

    /// The rules' subject for an object of a class and type.
    pub(crate) fn subject(&self, class: ObjectClass, key: Option<strongroom_model::KeyType>) -> Subject {
        Subject { class, key, regime: self.regime, role: self.role() }
    }

    /// Decides on a change by the present state and commits it; decides again when the state changed in between.
    ///
    /// A node that is cut off can't: the client asks another one then, under every profile.
    pub(crate) fn commit<T>(&self, decide: impl FnMut(&Replica) -> Result<(Change, T)>) -> Result<T> {
        self.decide_and_commit(decide).map_err(|error| match error {
            Uncommitted::Refused(error) => error,
            Uncommitted::Failed(error) => self.for_another_node(error),
        })
    }

    /// As [`Self::commit`], for what this node answers without when it can't.
    pub(crate) fn commit_if_possible<T>(
        &self,
        decide: impl FnMut(&Replica) -> Result<(Change, T)>,
    ) -> Result<T> {
        self.decide_and_commit(decide)
            .map_err(|(Uncommitted::Refused(error) | Uncommitted::Failed(error))| error)
    }

    fn decide_and_commit<T>(
        &self,
        mut decide: impl FnMut(&Replica) -> Result<(Change, T)>,
    ) -> std::result::Result<T, Uncommitted> {
        for _ in 0..ATTEMPTS {
            let decided = decide(&self.node.replica.read());
            if self.verdicts.reach() {
                continue;
            }
            let (change, outcome) = decided.map_err(Uncommitted::Refused)?;
            let _own = self.node.journal.committing(&change);
            match self.node.port.commit(change) {
                Ok(_) => return Ok(outcome),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Failed(error)) => return Err(Uncommitted::Failed(error)),
            }
        }
        let message = "others keep changing the same record: try again later";
        Err(Uncommitted::Refused(Error::new(ReturnCode::FUNCTION_FAILED, message)))
    }
}

/// Why nothing was committed.
enum Uncommitted {
    /// The decision was against it.
    Refused(Error),
    /// The cluster couldn't.
    Failed(Error),
}
