//! Keeping new objects: in the cluster or for a session, within the limits (cloudhsm.md 4.6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypto::Key;
use strongroom_model::{
    AttributeType as A, Attributes, Error, Handle, KeyTerms, Limits, ObjectClass, ObjectInfo, Place, Profile,
    Result, ReturnCode, Role, UserName, limits,
};
use strongroom_wire::Response;

use crate::access::Caller;
use crate::object::StoredObject;
use crate::objects::complete;
use crate::rules;
use crate::sharing::must_be_sharee;
use crate::state::{Change, Counted, Demand, Expect, Key as RecordKey, Record, Replica};

impl Caller<'_> {
    /// What can be said before the work: whether the caller may make such an object, under the terms that came along, and
    /// whether there's room for it.
    pub(crate) fn before_making(&self, class: ObjectClass, template: &Attributes) -> Result<KeyTerms> {
        let on_token = template.bool(A::TOKEN) == Some(true);
        if on_token {
            self.must_be_current()?;
        }
        if self.profile == Profile::CloudHsm && self.crypto_user().is_none() {
            return Err(Error::new(
                ReturnCode::USER_NOT_LOGGED_IN,
                "only a crypto user makes objects: log in as one",
            ));
        }
        let terms = self.new_terms(class, on_token)?;
        if on_token && class.is_key() {
            self.must_become_available()?;
        }
        self.must_find_room(class, template)?;
        Ok(terms)
    }

    /// Refuses a key beyond the limits before the work; it's asked again when the key is kept.
    pub(crate) fn must_find_room(&self, class: ObjectClass, template: &Attributes) -> Result<()> {
        if !class.is_key() {
            return Ok(());
        }
        let session = template.bool(A::TOKEN) != Some(true);
        let _counted = session.then(|| self.node.session_keys.add(class));
        let new = if session { Vec::new() } else { vec![class] };
        self.check_room(&self.node.replica.read(), &new)
    }

    /// A new object of the caller's, from all its attributes, with what is computed from a key.
    pub(crate) fn assemble(&self, mut attributes: Attributes, key: Option<Key>) -> Result<StoredObject> {
        if let Some(key) = &key {
            complete(&mut attributes, key)?;
        }
        StoredObject::new(&self.node.masking, self.crypto_user().cloned(), attributes, key)
    }

    pub(crate) fn token_handle(&self) -> Result<Handle> {
        self.node.port.fresh_handle().map_err(|error| self.for_another_node(error))
    }

    /// Keeps a new object: a token object in the cluster, a session object here.
    pub(crate) fn store(&self, object: StoredObject) -> Result<ObjectInfo> {
        let mut infos = self.store_all([object])?;
        infos.pop().ok_or_else(|| ReturnCode::GENERAL_ERROR.into())
    }

    /// Keeps new objects, all or none.
    pub(crate) fn store_all(
        &self,
        objects: impl IntoIterator<Item = StoredObject>,
    ) -> Result<Vec<ObjectInfo>> {
        let mut infos = Vec::new();
        let mut token = BTreeMap::new();
        let mut session = Vec::new();
        for object in objects {
            let on_token = object.is(A::TOKEN);
            let handle = if on_token { self.token_handle()? } else { self.node.session_handle()? };
            infos.push(object.info(handle));
            if on_token {
                token.insert(handle, Arc::new(object));
            } else {
                let counted = object.class().is_key().then(|| self.node.session_keys.add(object.class()));
                session.push((handle, Arc::new(object), counted));
            }
        }
        let keys: Vec<_> =
            token.values().map(|object| object.class()).filter(|class| class.is_key()).collect();
        self.check_room(&self.node.replica.read(), &keys)?;
        let new = token.iter().chain(session.iter().map(|(handle, object, _)| (handle, object)));
        self.must_have_own_ids(&new.map(|(handle, object)| (*handle, &**object)).collect::<Vec<_>>())?;
        // Session objects first, since they can be taken back.
        let mut kept = Vec::with_capacity(session.len());
        let done = session.into_iter().try_for_each(|(handle, object, counted)| {
            self.family.insert(handle, self.session, object, counted)?;
            kept.push(handle);
            Ok(())
        });
        let done =
            done.and_then(|()| if token.is_empty() { Ok(()) } else { self.commit_new(&token, &keys, &[]) });
        if let Err(error) = done {
            kept.into_iter().for_each(|handle| _ = self.family.remove(handle));
            return Err(error);
        }
        Ok(infos)
    }

    /// Makes a token object of a session object (cloudhsm.md 4.3; 14, item 51): one commit, under a new handle. The session
    /// object is gone then.
    pub(crate) fn persist(&self, handle: Handle) -> Result<Response> {
        let located = self.locate(handle)?;
        self.must_manage(&located.object)?;
        if handle.place() == Place::Cluster {
            return Ok(Response::Object(located.object.info(handle)));
        }
        // Of two who want the same one makes it.
        let _persisting = self.family.persisting.lock();
        let object = self.locate(handle)?.object;
        let class = object.class();
        let attributes = rules::persist(self.subject(class, object.key_type()), &object.attributes)?;
        if class.is_key() {
            self.must_become_available()?;
        }
        let token = self.token_handle()?;
        let kept = Arc::new(object.with_attributes(attributes));
        let info = kept.info(token);
        // It's counted already.
        self.commit_new(&BTreeMap::from([(token, kept)]), &[], &[])?;
        self.family.remove(handle);
        Ok(Response::Object(info))
    }

    /// Commits new token objects, with these keys among them that weren't there before. What else is demanded must have
    /// been looked at already.
    pub(crate) fn commit_new(
        &self,
        objects: &BTreeMap<Handle, Arc<StoredObject>>,
        keys: &[ObjectClass],
        demands: &[Demand],
    ) -> Result<()> {
        self.commit(|replica| {
            self.must_still_be_there(replica)?;
            if replica.object_count() + objects.len() > limits::MAX_TOKEN_OBJECTS {
                return Err(full("the cluster has", limits::MAX_TOKEN_OBJECTS, "token objects"));
            }
            self.check_room(replica, keys)?;
            let certificates =
                objects.values().filter(|object| object.class() == ObjectClass::Certificate).count();
            let stored = replica.count_of(ObjectClass::Certificate) + certificates;
            let bounded = self.profile == Profile::CloudHsm && certificates > 0;
            if bounded && stored > limits::MAX_STORED_CERTIFICATES {
                return Err(Error::new(
                    ReturnCode::FUNCTION_FAILED,
                    format!(
                        "the cluster has {} certificates, the most that there may be under the profile cloudhsm: destroy some",
                        limits::MAX_STORED_CERTIFICATES
                    ),
                ));
            }
            for object in objects.values() {
                if let Some(owner) = &object.owner {
                    must_be_owner(replica, owner)?;
                    object
                        .terms
                        .share_with
                        .iter()
                        .try_for_each(|user| must_be_sharee(replica, owner, user))?;
                }
            }
            let mut change = objects.iter().fold(Change::default(), |change, (handle, object)| {
                let record = Record::Object(Arc::clone(object));
                change.and(RecordKey::Object(*handle), Expect::Absent, Some(record))
            });
            let users =
                objects.values().flat_map(|object| object.owner.iter().chain(&object.terms.share_with));
            let users: BTreeSet<_> = users.collect();
            change.checks.extend(users.into_iter().filter_map(|user| self.presence(replica, user)));
            change.demands = self.room(objects.values().map(|object| object.class()), keys);
            if bounded {
                let most = limits::MAX_STORED_CERTIFICATES;
                change.demands.push(Demand::AtMost(Counted::Certificates, most));
            }
            for (handle, object) in objects {
                change.demands.extend(self.own_id(replica, *handle, object)?);
            }
            change.demands.extend_from_slice(demands);
            Ok((change, ()))
        })
    }

    /// Refuses for a crypto user that was deleted, or whose login has become void, since the request came.
    fn must_still_be_there(&self, replica: &Replica) -> Result<()> {
        match self.principal {
            Some(principal) if !principal.is_valid(replica) => Err(ReturnCode::USER_NOT_LOGGED_IN.into()),
            _ => Ok(()),
        }
    }

    /// What limits ask of the cluster once objects are in it, whatever else comes at the same time.
    fn room(&self, objects: impl Iterator<Item = ObjectClass>, new: &[ObjectClass]) -> Vec<Demand> {
        let limits = Limits::under(self.regime);
        let (session, session_asymmetric) = self.node.session_keys.count();
        let is_asymmetric =
            |class: &ObjectClass| matches!(class, ObjectClass::PublicKey | ObjectClass::PrivateKey);
        let keys: Vec<_> = objects.filter(|class| class.is_key()).collect();
        let asymmetric = keys.iter().filter(|class| is_asymmetric(class)).count();
        let new_asymmetric = new.iter().filter(|class| is_asymmetric(class)).count();
        // A session key that becomes a token key is counted among those of sessions until it has.
        let others = session.saturating_sub(keys.len() - new.len());
        let others_asymmetric = session_asymmetric.saturating_sub(asymmetric - new_asymmetric);
        vec![
            Demand::AtMost(Counted::Objects, limits::MAX_TOKEN_OBJECTS),
            Demand::AtMost(Counted::Keys, limits.keys.saturating_sub(others)),
            Demand::AtMost(Counted::AsymmetricKeys, limits.asymmetric_keys.saturating_sub(others_asymmetric)),
        ]
    }

    /// Whether the profile has room for these new token keys beside the cluster's and this node's session keys, which
    /// share it (cloudhsm.md 4.6). Each half of a pair is a key.
    fn check_room(&self, replica: &Replica, new: &[ObjectClass]) -> Result<()> {
        let limits = Limits::under(self.regime);
        let (session, session_asymmetric) = self.node.session_keys.count();
        let [public, private, secret] =
            [ObjectClass::PublicKey, ObjectClass::PrivateKey, ObjectClass::SecretKey]
                .map(|class| replica.count_of(class));
        let new_asymmetric = new.iter().filter(|class| **class != ObjectClass::SecretKey).count();
        if session + public + private + secret + new.len() > limits.keys {
            return Err(full("the cluster and this node's sessions have", limits.keys, "keys"));
        }
        if session_asymmetric + public + private + new_asymmetric > limits.asymmetric_keys {
            let what = "public and private keys";
            return Err(full("the cluster and this node's sessions have", limits.asymmetric_keys, what));
        }
        Ok(())
    }
}

/// Refuses an object whose owner isn't there. It's only so of one that comes from another cluster.
fn must_be_owner(replica: &Replica, owner: &UserName) -> Result<()> {
    match replica.user(Role::CryptoUser, owner) {
        Some(_) => Ok(()),
        None => Err(Error::new(
            ReturnCode::ARGUMENTS_BAD,
            format!("there is no crypto user {owner} here, who owns the object: replicate the user first"),
        )),
    }
}

fn full(who: &str, limit: usize, what: &str) -> Error {
    Error::new(
        ReturnCode::DEVICE_MEMORY,
        format!("{who} {limit} {what}, the most there may be: destroy some"),
    )
}
