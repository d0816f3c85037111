//! Users: they log in and out, are made, changed and deleted.
//!
//! Hashing a password as nodes do takes 12 ms, which is too long here. So users are mostly made and changed by the
//! changes that a node would commit, with hashes of the lowest cost; everything else is asked for as clients do.

use std::sync::Arc;

use strongroom_model::{Blob, Profile, ReturnCode, Role, Service, UserName};
use strongroom_node::Node;
use strongroom_node::state::{Change, Expect, Key, Policy, Record, User};
use strongroom_wire::{Login as Credentials, Request, Response};

use super::client::{Answer, Login};
use super::deed::Deed;
use super::effects::{Effect, Outcome};
use super::judge::Wish;
use super::quorum::public_key;
use super::view::View;
use super::world::World;

/// Passwords and their hashes: argon2id at 8 KiB, one pass.
pub(super) const PASSWORDS: [(&str, &str); 3] = [
    ("password-0", "$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$JajvQPBZctn2yGvfmRZryw"),
    ("password-1", "$argon2id$v=19$m=8,t=1,p=1$YmJiYmJiYmI$5bO0AcywhN8ZtDvqETS7RA"),
    ("password-2", "$argon2id$v=19$m=8,t=1,p=1$Y2NjY2NjY2M$XfzYD4K+F5aR4FUaxh0Kjg"),
];
pub(super) const OFFICERS: [&str; 2] = ["admin", "officer"];
pub(super) const CRYPTO_USERS: [&str; 4] = ["app", "ben", "cleo", "dora"];

impl World {
    /// An officer and two crypto users.
    pub(super) fn first_users(&mut self) -> Result<(), String> {
        let mut change = Change::default();
        for (role, name) in [(Role::Admin, "admin"), (Role::CryptoUser, "app"), (Role::CryptoUser, "ben")] {
            change = change.and(
                Key::User(role, named(name)),
                Expect::Absent,
                Some(self.user(role, &named(name), 0)),
            );
        }
        let cluster = self.cluster.as_ref().ok_or("there is no cluster")?;
        cluster.ledger.commit(change).map(drop).map_err(|error| format!("{error:?}"))
    }

    pub(super) fn log_in(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        // The first client is an officer's, the others are applications.
        let officer = self.dice.chance(if client == 0 { 800 } else { 60 });
        let role = if officer { Role::Admin } else { Role::CryptoUser };
        let view = View::of(node);
        let there = view.users.keys().filter(|(found, _)| *found == role);
        let there: Vec<_> = there.map(|(_, name)| name.clone()).collect();
        let user = match self.dice.pick(&there) {
            Some(user) if self.dice.chance(970) => user.clone(),
            _ => self.some_name(role),
        };
        let known = view.user(role, &user).and_then(|user| self.hashes.get(&user.password).copied());
        // Whom a node doesn't know costs 12 ms, so that it shows by nothing. Nor is it known what password a user has
        // whose change was written although the disk said that it failed.
        if known.is_none() && (view.user(role, &user).is_some() || !self.dice.chance(5)) {
            return Ok(Deed::new("no login", format!("{}: {role} {user} isn't there", self.doing)));
        }
        let right = self.dice.chance(750);
        let at = if right { known.unwrap_or(0) } else { known.map_or(0, |at| (at + 1) % PASSWORDS.len()) };
        let password = Blob::from(PASSWORDS[at].0.as_bytes());
        // Counted when the node was cut off: its state doesn't show them yet.
        let uncommitted = node.uncommitted_failures(role, &user);
        let request = Request::Login(Credentials { role, user: Some(user.clone()), password });
        let answer = self.ask(client, node, None, request)?;
        let wish = Wish::LogIn { node: node.id(), role, user: &user, right };
        let counts = answer.view.count(node.id(), role, &user) > 0;
        self.judge(
            &answer,
            &wish,
            answer.healthy && uncommitted == 0 && !answer.view.user(role, &user).is_some_and(|user| user.mfa),
        )?;
        let place = (self.profile == Profile::CloudHsm).then_some(node.id());
        let what = format!(
            "{} as {role} {user} by the {} password",
            self.doing,
            if right { "right" } else { "wrong" }
        );
        let deed = Deed::new(if right { "login" } else { "wrong password" }, what);
        let (word, ok, healthy) = (answer.word(), answer.is_ok(), answer.healthy);
        let locked = answer.reply.result.as_ref().is_err_and(|error| error.code == ReturnCode::PIN_LOCKED);
        let counted = Effect::Counted(place, role, user.clone());
        let deed = deed.ended(word, self.outcome(true));
        let view = View::of(node);
        let Some(Response::Ticket(ticket)) = answer.response() else {
            // What couldn't be counted at once is counted in memory, and later.
            return Ok(match known {
                Some(_) if !right && !locked && healthy => deed.must([counted]),
                _ => deed.may([counted]),
            });
        };
        let epoch = view.user(role, &user).map(|user| user.epoch).ok_or("who logged in isn't there")?;
        self.next_login += 1;
        let login = Login {
            number: self.next_login,
            role,
            user: user.clone(),
            epoch,
            revision: view.revision,
            ticket,
        };
        let speaker = &mut self.clients[client];
        if let Some(conn) = speaker.connections.get_mut(&node.id()) {
            conn.speaks_for = Some(login.clone());
        }
        speaker.login = Some(login);
        let reset = Effect::Reset(place, role, user);
        Ok(if ok && counts && healthy { deed.must([reset]) } else { deed.may([reset]) })
    }

    pub(super) fn log_out(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let answer = self.ask(client, node, None, Request::Logout)?;
        self.judge(&answer, &Wish::BeSomebody, answer.healthy)?;
        let instance = self.clients[client].instance();
        let deed = Deed::new("logout", self.doing.clone()).ended(answer.word(), self.outcome(answer.is_ok()));
        if answer.who.is_some() {
            self.end_session_keys(instance, node.id(), answer.is_ok());
        }
        if answer.is_ok() {
            let speaker = &mut self.clients[client];
            speaker.login = None;
            if let Some(conn) = speaker.connections.get_mut(&node.id()) {
                conn.speaks_for = None;
            }
        }
        Ok(deed.must([Effect::LoggedOut(instance)]))
    }

    pub(super) fn make_user(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let role = if self.dice.chance(300) { Role::Admin } else { Role::CryptoUser };
        let name = self.some_name(role);
        let at = self.dice.below(PASSWORDS.len());
        let effects = [Effect::UserMade(role, name.clone())];
        let deed = Deed::new("new user", format!("{}: {role} {name}", self.doing));
        if self.dice.chance(10) {
            let password = Blob::from(PASSWORDS[at].0.as_bytes());
            let request = Request::CreateUser(Credentials { role, user: Some(name.clone()), password });
            let answer = self.ask(client, node, None, request)?;
            self.judge(&answer, &Wish::Officer(Some(Service::User), 0), false)?;
            if let Some(user) = View::of(node).user(role, &name) {
                self.hashes.entry(user.password.clone()).or_insert(at);
            }
            let deed = deed.ended(answer.word(), self.outcome(answer.is_ok()));
            return Ok(deed.must(effects).may([Effect::PolicyChanged]));
        }
        let mut change =
            Change::of(Key::User(role, name.clone()), Expect::Absent, Some(self.user(role, &name, at)));
        let mut deed = deed.must(effects);
        if let Some((version, policy)) = node.read(|state| state.get(&Key::Policy))
            && let Record::Policy(policy) = policy
            && policy.default_user.is_none()
            && role == Role::CryptoUser
        {
            let policy = Policy { default_user: Some(name), ..(*policy).clone() };
            change =
                change.and(Key::Policy, Expect::Version(version), Some(Record::Policy(Arc::new(policy))));
            deed = deed.must([Effect::PolicyChanged]);
        }
        self.commit_at(node, change, deed)
    }

    pub(super) fn change_password(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let role = if self.dice.chance(300) { Role::Admin } else { Role::CryptoUser };
        let name = self.some_name(role);
        if self.dice.chance(15) {
            return self.ask_for_password(client, node, role, name);
        }
        let view = View::of(node);
        let deed = Deed::new("new password", format!("{}: {role} {name}", self.doing));
        let Some((version, old)) = view.users.get(&(role, name.clone())) else {
            return Ok(deed.ended("isn't there", Outcome::Refused));
        };
        let at = self.dice.below(PASSWORDS.len());
        let fresh = User { epoch: self.dice.next(), password: self.hash(at), failures: 0, ..(**old).clone() };
        let key = Key::User(role, name.clone());
        let mut change = Change::of(key, Expect::Version(*version), Some(Record::User(Arc::new(fresh))));
        for (counter, version) in view.counts(role, &name) {
            change = change.and(Key::Failures(counter, role, name.clone()), Expect::Version(version), None);
        }
        self.commit_at(node, change, deed.must([Effect::UserChanged(role, name)]))
    }

    fn ask_for_password(
        &mut self,
        client: usize,
        node: &Arc<Node>,
        role: Role,
        name: UserName,
    ) -> Result<Deed, String> {
        let at = self.dice.below(PASSWORDS.len());
        let password = Blob::from(PASSWORDS[at].0.as_bytes());
        let request = Request::ChangePassword(Credentials { role, user: Some(name.clone()), password });
        let answer = self.ask(client, node, None, request)?;
        let own = answer.who.as_ref().is_some_and(|login| (login.role, &login.user) == (role, &name));
        if !own {
            self.judge(&answer, &Wish::Officer(Some(Service::User), 0), false)?;
        }
        if let Some(user) = View::of(node).user(role, &name) {
            self.hashes.entry(user.password.clone()).or_insert(at);
        }
        let deed = Deed::new("asked password", format!("{}: {role} {name}", self.doing));
        let deed = deed.ended(answer.word(), self.outcome(answer.is_ok()));
        Ok(deed.must([Effect::UserChanged(role, name)]))
    }

    pub(super) fn delete_user(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let role = if self.dice.chance(200) { Role::Admin } else { Role::CryptoUser };
        let user = self.some_name(role);
        let request = Request::DeleteUser { role, user: user.clone() };
        let answer = self.ask(client, node, None, request)?;
        self.judge(&answer, &Wish::Officer(Some(Service::User), 0), false)?;
        let ended = self.outcome(answer.is_ok());
        Ok(self.deletion(&answer, role, &user)?.ended(answer.word(), ended))
    }

    /// What deleting a user may do.
    pub(super) fn deletion(&self, answer: &Answer, role: Role, user: &UserName) -> Result<Deed, String> {
        let objects =
            || answer.views().flat_map(|view| &view.objects).map(|(handle, (_, object))| (handle, object));
        let last = answer.late.as_ref().unwrap_or(&answer.view);
        if answer.is_ok() {
            let owns = last.objects.values().any(|(_, object)| object.owner.as_ref() == Some(user));
            if role == Role::CryptoUser && owns {
                return Err(format!("{user} owned keys and was deleted"));
            }
            let officers = last.users.keys().filter(|(role, _)| *role == Role::Admin).count();
            if role == Role::Admin && officers < 2 {
                return Err("the last officer was deleted".to_owned());
            }
        }
        let shared = objects().filter(|(_, object)| object.terms.share_with.contains(user));
        let shared = shared.map(|(handle, _)| Effect::ObjectChanged(*handle));
        let deed = Deed::new("delete user", format!("{}: {role} {user}", self.doing));
        Ok(deed.must([Effect::UserGone(role, user.clone())]).may([Effect::PolicyChanged]).may(shared))
    }

    pub(super) fn list_users(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let answer = self.ask(client, node, None, Request::ListUsers)?;
        let deed = Deed::new("list users", self.doing.clone());
        let Ok(Response::Users(users)) = &answer.reply.result else {
            let refused = self.outcome(false);
            return Ok(deed.ended(answer.word(), refused));
        };
        for (role, name) in answer.view.users.keys() {
            if !users.iter().any(|user| (user.role, &user.name) == (*role, name)) {
                return Err(format!("{role} {name} isn't listed"));
            }
        }
        Ok(deed.ended(format!("{} users", users.len()), self.outcome(true)))
    }

    /// A user's record, never the same twice.
    pub(super) fn user(&mut self, role: Role, name: &UserName, password: usize) -> Record {
        let (password, epoch) = (self.hash(password), self.dice.next());
        let public_key = Some(public_key(role, name));
        Record::User(Arc::new(User { password, epoch, failures: 0, public_key, mfa: false }))
    }

    fn hash(&mut self, password: usize) -> String {
        let hash = PASSWORDS[password].1.to_owned();
        self.hashes.insert(hash.clone(), password);
        hash
    }

    pub(super) fn some_name(&mut self, role: Role) -> UserName {
        let names: &[&str] = if role == Role::Admin { &OFFICERS } else { &CRYPTO_USERS };
        named(names[self.dice.below(names.len())])
    }
}

/// A name that is one.
pub(super) fn named(name: &str) -> UserName {
    name.parse().unwrap_or_else(|_| unreachable!("{name} is a user's name"))
}
