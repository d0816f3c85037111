//! Keys: made, used, shared, changed, copied, kept, destroyed.

use std::sync::Arc;

use strongroom_model::{
    AttributeType as A, Attributes, Blob, Handle, KeyTerms, Mechanism, MechanismType, NodeId, Place, Profile,
    Role,
};
use strongroom_node::Node;
use strongroom_wire::{Extras, Operation, Request, Response};

use super::client::{Answer, Login};
use super::deed::Deed;
use super::effects::Effect;
use super::judge::Wish;
use super::sessions::SessionKey;
use super::view::View;
use super::world::World;

impl World {
    pub(super) fn make_key(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let token = self.dice.chance(650);
        let terms = if token && self.dice.chance(300) { self.terms() } else { KeyTerms::default() };
        self.make_key_under(client, node, token, terms)
    }

    pub(super) fn make_key_under(
        &mut self,
        client: usize,
        node: &Arc<Node>,
        token: bool,
        terms: KeyTerms,
    ) -> Result<Deed, String> {
        let template = Attributes::new()
            .with(A::TOKEN, token)
            .with(A::VALUE_LEN, 16)
            .with(A::SIGN, true)
            .with(A::LABEL, b"sim".as_slice());
        let mechanism = Mechanism::plain(MechanismType::GENERIC_SECRET_KEY_GEN);
        let extras = Extras { terms: terms.clone(), ..Extras::default() };
        let request = Request::GenerateKey { mechanism, template };
        let answer = self.ask(client, node, Some(extras), request)?;
        let available = !token || self.is_available(client, &answer);
        let sure =
            (answer.healthy || !token && self.is_connected(node.id())) && available && terms.is_empty();
        self.judge(&answer, &Wish::Make, sure)?;
        let (kind, word) = (if token { "token key" } else { "session key" }, answer.word());
        let deed =
            Deed::new(kind, format!("{} makes one", self.doing)).ended(word, self.outcome(answer.is_ok()));
        let (who, here) = (answer.who.clone(), node.id());
        let handle = match answer.response() {
            Some(Response::Object(info)) => Some(info.handle),
            Some(other) => return Err(format!("a key was asked for, and {other:?} came")),
            None => None,
        };
        let Some(handle) = handle else {
            return Ok(if token { deed.must([Effect::ObjectMade(None)]) } else { deed });
        };
        if (handle.place() == Place::Cluster) != token {
            return Err(format!("{handle} isn't the handle of a {kind}"));
        }
        self.made(client, here, handle, who, deed)
    }

    /// An object was made, on the token or in the session.
    fn made(
        &mut self,
        client: usize,
        here: NodeId,
        handle: Handle,
        who: Option<Login>,
        deed: Deed,
    ) -> Result<Deed, String> {
        if !self.handles.insert(handle) {
            return Err(format!("handle {handle} was given out twice"));
        }
        if handle.place() == Place::Cluster {
            return Ok(deed.must([Effect::ObjectMade(Some(handle))]));
        }
        if handle.place() != Place::Node(here) {
            return Err(format!("handle {handle} leads to another node"));
        }
        let instance = self.clients[client].instance();
        let owner = who.map(|login| login.user).ok_or("nobody made a key")?;
        // A node that's cut off may have yet to hear of an earlier logout, which ends what it has of the client.
        let doomed = !self.is_connected(here);
        let session = self.session;
        self.session_keys.push(SessionKey { handle, node: here, instance, session, owner, doomed });
        Ok(deed)
    }

    pub(super) fn use_key(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let Some(handle) = self.some_key(client, node) else { return Ok(self.nothing_there()) };
        let mechanism = Mechanism::plain(MechanismType::SHA256_HMAC);
        let operation = Operation { key: handle, mechanism, data: Blob::from(*b"data") };
        let answer = self.ask(client, node, None, Request::Sign { operation, digested: false })?;
        self.judge_key(client, &answer, handle, &Wish::Use(handle, 0), true)?;
        Ok(self.concluded("signature", &answer, handle))
    }

    pub(super) fn relabel(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let Some(handle) = self.some_key(client, node) else { return Ok(self.nothing_there()) };
        let label = self.dice.next().to_string();
        let template = Attributes::new().with(A::LABEL, label.as_bytes());
        let answer = self.ask(client, node, None, Request::SetAttributes { handle, template })?;
        let sure = self.profile != Profile::CloudHsm;
        self.judge_key(client, &answer, handle, &Wish::Manage(handle, 0), sure)?;
        let deed = self.concluded("label", &answer, handle);
        Ok(if handle.place() == Place::Cluster { deed.must([Effect::ObjectChanged(handle)]) } else { deed })
    }

    pub(super) fn share(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let Some(handle) = self.some_key(client, node) else { return Ok(self.nothing_there()) };
        let (user, shared) = (self.some_name(Role::CryptoUser), self.dice.chance(600));
        let request = Request::Share { handle, user: user.clone(), shared };
        let answer = self.ask(client, node, None, request)?;
        let wish = if shared { Wish::ShareWith(handle, &user, 0) } else { Wish::Manage(handle, 0) };
        let shares = |view: &View| {
            view.objects.get(&handle).is_some_and(|(_, object)| object.terms.share_with.contains(&user))
        };
        let sure = shares(&answer.view) != shared && self.is_available(client, &answer);
        let sure = sure && handle.place() == Place::Cluster && !guarded(&answer.view, handle);
        if handle.place() == Place::Cluster {
            self.judge(&answer, &wish, answer.healthy && sure)?;
        } else if answer.is_ok() {
            return Err("a session key was shared".to_owned());
        }
        let kind = if shared { "share" } else { "unshare" };
        Ok(self.concluded(kind, &answer, handle).must([Effect::ObjectChanged(handle)]))
    }

    pub(super) fn destroy(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let Some(handle) = self.some_key(client, node) else { return Ok(self.nothing_there()) };
        let old = self.record(handle);
        let answer = self.ask(client, node, None, Request::Destroy { handle })?;
        self.judge_key(client, &answer, handle, &Wish::Manage(handle, usize::MAX), true)?;
        let deed = self.concluded("destruction", &answer, handle);
        if handle.place() != Place::Cluster {
            if answer.is_ok() {
                self.session_keys.retain(|key| key.handle != handle);
            }
            return Ok(deed);
        }
        if answer.is_ok() {
            self.last_deleted = old;
        }
        Ok(deed.must([Effect::ObjectGone(handle)]))
    }

    pub(super) fn persist(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let keys: Vec<_> = self.session_keys.iter().map(|key| key.handle).collect();
        let Some(handle) = self.dice.pick(&keys).copied() else { return Ok(self.nothing_there()) };
        let answer = self.ask(client, node, None, Request::Persist { handle })?;
        self.judge_key(client, &answer, handle, &Wish::Manage(handle, 0), false)?;
        let deed = self.concluded("persist", &answer, handle);
        let Some(Response::Object(info)) = answer.response() else {
            return Ok(deed.must([Effect::ObjectMade(None)]));
        };
        self.session_keys.retain(|key| key.handle != handle);
        if info.handle.place() != Place::Cluster {
            return Err("a key that was persisted is a session key".to_owned());
        }
        self.made(client, node.id(), info.handle, None, deed)
    }

    pub(super) fn copy(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let Some(handle) = self.some_key(client, node) else { return Ok(self.nothing_there()) };
        let answer = self.ask(client, node, None, Request::Copy { handle, template: Attributes::new() })?;
        self.judge_key(client, &answer, handle, &Wish::Manage(handle, usize::MAX), true)?;
        let deed = self.concluded("copy", &answer, handle);
        if answer.is_ok() && answer.views().all(|view| guarded(view, handle)) {
            return Err("a key that is guarded by a quorum was copied".to_owned());
        }
        let who = answer.who.clone();
        match answer.response() {
            Some(Response::Object(info)) => self.made(client, node.id(), info.handle, who, deed),
            Some(other) => Err(format!("a copy was asked for, and {other:?} came")),
            None => Ok(deed.must([Effect::ObjectMade(None)])),
        }
    }

    /// Judges what was done with a key, a token key or a session key.
    fn judge_key(
        &self,
        client: usize,
        answer: &Answer,
        handle: Handle,
        wish: &Wish<'_>,
        sure: bool,
    ) -> Result<(), String> {
        if handle.place() == Place::Cluster {
            let certain =
                answer.healthy && !guarded(&answer.view, handle) && self.is_available(client, answer);
            return self.judge(answer, wish, sure && certain);
        }
        match self.may_touch(client, answer, handle) {
            Some(false) if answer.is_ok() => {
                Err(format!("session key {handle} was there for who may not have it, or is dead"))
            }
            Some(true) if !answer.is_ok() && sure && answer.healthy => {
                Err(format!("session key {handle} is refused to its owner: {}", answer.word()))
            }
            _ => Ok(()),
        }
    }

    /// Whether the caller has a session key here; `None` if that isn't certain.
    pub(super) fn may_touch(&self, client: usize, answer: &Answer, handle: Handle) -> Option<bool> {
        let instance = self.clients[client].instance();
        let key = self.session_keys.iter().find(|key| key.handle == handle);
        let key = key.filter(|key| key.node == answer.node.id() && key.instance == instance);
        let owned = key.filter(|key| {
            let owns = |login: &&Login| login.role == Role::CryptoUser && login.user == key.owner;
            answer.who.as_ref().filter(owns).is_some()
        });
        match owned {
            None => Some(false),
            Some(key) if key.doomed => None,
            Some(_) => Some(true),
        }
    }

    /// Terms for a new key: shared, and now and then guarded by a quorum.
    fn terms(&mut self) -> KeyTerms {
        let share_with = vec![self.some_name(Role::CryptoUser)];
        let quorum = if self.dice.chance(500) { 2 } else { 0 };
        KeyTerms { share_with, manage_quorum: quorum, use_quorum: quorum }
    }

    /// A key to be meddled with: mostly one that the node has, now and then one that is dead or elsewhere.
    pub(super) fn some_key(&mut self, client: usize, node: &Node) -> Option<Handle> {
        let view = View::of(node);
        let mine = self.clients[client].login.as_ref();
        let mut from: Vec<Handle> = match self.dice.below(20) {
            0..9 => view.objects.keys().copied().filter(|key| view.allows(mine, &Wish::See(*key))).collect(),
            9..13 => view.objects.keys().copied().collect(),
            13..18 => self.session_keys.iter().map(|key| key.handle).collect(),
            _ => self.handles.iter().copied().collect(),
        };
        if from.is_empty() {
            from = view.objects.keys().chain(&self.handles).copied().collect();
        }
        from.sort_unstable();
        self.dice.pick(&from).copied()
    }

    pub(super) fn nothing_there(&self) -> Deed {
        Deed::new("no key", self.doing.clone())
    }

    pub(super) fn concluded(&self, kind: &'static str, answer: &Answer, handle: Handle) -> Deed {
        let what = format!("{} for {handle}", self.doing);
        Deed::new(kind, what).ended(answer.word(), self.outcome(answer.is_ok()))
    }

    /// Whether enough nodes have token keys for what the client asks.
    pub(super) fn is_available(&self, client: usize, answer: &Answer) -> bool {
        let two = self.clients[client].hello.availability.needs_two_nodes(answer.view.profile());
        !two || answer.reachable >= 2
    }
}

/// Whether a key takes approvals.
pub(super) fn guarded(view: &View, handle: Handle) -> bool {
    view.objects
        .get(&handle)
        .is_some_and(|(_, object)| object.terms.use_quorum > 1 || object.terms.manage_quorum > 1)
}
