//! Masked objects: a key or a user on its way to a clone of its cluster (cloudhsm.md 4.5; 14, item 66).
//!
//! Clusters are clones if one was made from a backup of the other, or both from backups of a third: then they have the same
//! masking key. What is masked is sealed under a key that comes of it, says which cluster it's for, and is good for some
//! minutes, so that it's no way to bring back later what has been destroyed or made stricter.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strongroom_crypto::random;
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Error, Handle, Profile, Result, ReturnCode, Role, Service,
    UserName, limits,
};
use strongroom_wire::{Response, encode_secret};

use crate::access::{Caller, Located};
use crate::object::StoredObject;
use crate::state::{Demand, Expect, Key, Record, Replica, User};

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Masked<T> {
    /// The serial number of the cluster that it's for.
    to: String,
    /// When it was masked, in seconds since 1970.
    made: u64,
    content: T,
}

/// A user, and the most wrong passwords that one node counted where nodes count for themselves.
#[derive(Serialize, Deserialize)]
struct MaskedUser {
    role: Role,
    name: UserName,
    user: User,
    failures: u32,
}

const OBJECT: &[u8] = b"masked object 1";
const USER: &[u8] = b"masked user 1";

impl Caller<'_> {
    pub(crate) fn extract_masked(&self, handle: Handle, to: String) -> Result<Response> {
        let Located { object, version } = self.locate(handle)?;
        if version.is_none() || !object.class().is_key() {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                "only token keys go to another cluster: make a token key of a session key first",
            ));
        }
        self.must_move(object.owner.as_ref())?;
        Ok(Response::Bytes(self.mask(OBJECT, to, &*object)?))
    }

    /// Keeps what came, as it is but for the handle.
    pub(crate) fn insert_masked(&self, masked: &[u8]) -> Result<Response> {
        let object: StoredObject = self.unmask(OBJECT, masked)?;
        self.must_move(object.owner.as_ref())?;
        let class = object.class();
        self.must_become_available()?;
        let like = match object.attributes.bytes(A::UNIQUE_ID) {
            Some(id) => Attributes::new().with(A::UNIQUE_ID, id),
            None => return Err(stranger()),
        };
        let there = {
            let replica = self.node.replica.read();
            replica.objects().find(|(_, found)| found.value.matches(&like)).map(|(handle, _)| handle)
        };
        if let Some(there) = there {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                format!("the key is in the cluster already, as {:#018x}: nothing was changed", there.0),
            ));
        }
        let handle = self.token_handle()?;
        let info = object.info(handle);
        let objects = BTreeMap::from([(handle, Arc::new(object))]);
        self.commit_new(&objects, &[class], &[Demand::Unlike(handle, like)])?;
        Ok(Response::Object(info))
    }

    pub(crate) fn extract_masked_user(&self, role: Role, name: &UserName, to: String) -> Result<Response> {
        self.must_know_the_rules()?;
        self.node.port.must_be_up_to_date(&[Key::User(role, name.clone())])?;
        let content = {
            let replica = self.node.replica.read();
            let user = replica
                .user(role, name)
                .ok_or_else(|| Error::new(ReturnCode::ARGUMENTS_BAD, format!("there is no {role} {name}")))?;
            let failures = counted(&replica, role, name);
            MaskedUser { role, name: name.clone(), user: (*user.value).clone(), failures }
        };
        Ok(Response::Bytes(self.mask(USER, to, content)?))
    }

    /// Makes the user that came, with its password, key and second factor, and what was counted against it.
    pub(crate) fn insert_masked_user(&self, role: Role, name: &UserName, masked: &[u8]) -> Result<Response> {
        let content: MaskedUser = self.unmask(USER, masked)?;
        if (content.role, &content.name) != (role, name) {
            return Err(stranger());
        }
        self.must_know_the_rules()?;
        // Tickets are of one cluster, whose clones share the keys.
        let epoch = u64::from_le_bytes(random::bytes());
        let user = Arc::new(User { epoch, ..content.user });
        let alone = self.node.profile() == Profile::CloudHsm && content.failures > 0;
        let members = if alone { self.node.port.members().0 } else { Vec::new() };
        self.commit(|replica| {
            let approval = self.officers_approval(replica, Service::User)?;
            let mut change = self.new_user(replica, role, name, &user)?;
            for member in &members {
                let key = Key::Failures(member.node, role, name.clone());
                change = change.and(key, Expect::Absent, Some(Record::Failures(content.failures)));
            }
            Ok((change.approved(approval), ()))
        })?;
        Ok(Response::Done)
    }

    /// Refuses a crypto user who isn't the owner.
    fn must_move(&self, owner: Option<&UserName>) -> Result<()> {
        match (self.crypto_user(), owner) {
            (Some(user), Some(owner)) if user != owner => Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                format!("{owner} owns the key: only its owner or an officer takes it to another cluster"),
            )),
            _ => Ok(()),
        }
    }

    fn mask(&self, kind: &[u8], to: String, content: impl Serialize) -> Result<Blob> {
        if to.len() > limits::MAX_SERIAL {
            return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "that is no serial number of a cluster"));
        }
        let masked = Masked { to, made: self.node.clock.now(), content };
        let plain = encode_secret(&masked).map_err(|_| ReturnCode::HOST_MEMORY)?;
        Ok(Blob::from(self.node.masking.derive("masked objects").seal(kind, &plain)))
    }

    fn unmask<T: DeserializeOwned>(&self, kind: &[u8], sealed: &[u8]) -> Result<T> {
        let plain = self.node.masking.derive("masked objects").open(kind, sealed).map_err(|_| stranger())?;
        let Ok((Masked { to, made, content }, [])) = postcard::take_from_bytes::<Masked<T>>(&plain) else {
            return Err(stranger());
        };
        if to != self.node.serial() {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                "it was masked for another cluster: replicate it to this one",
            ));
        }
        if self.node.clock.now().abs_diff(made) > limits::MASKED_SECONDS {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                format!(
                    "it was masked more than {} seconds ago, or the clusters' clocks differ: replicate it again",
                    limits::MASKED_SECONDS
                ),
            ));
        }
        Ok(content)
    }
}

/// The most wrong passwords that a node counted for itself.
fn counted(replica: &Replica, role: Role, name: &UserName) -> u32 {
    let nodes = replica.failures_of(role, name).map(|(node, _)| node);
    nodes.filter_map(|node| replica.failures_on(node, role, name)).map(|count| count.value).max().unwrap_or(0)
}

fn stranger() -> Error {
    Error::new(
        ReturnCode::ACTION_PROHIBITED,
        "what came was masked by a cluster of which this one isn't a clone, or was changed on its way: a clone is made with  \
         strongroom backup restore",
    )
}
