//! Changes as nodes commit them, alone and together; and a token that's initialised, which changes nearly everything.

use std::sync::Arc;

use strongroom_model::{Blob, Profile, ReturnCode, Role};
use strongroom_node::Node;
use strongroom_node::state::{Change, CommitError, Expect, Key, Port, Record, Revision};
use strongroom_wire::Request;

use super::deed::Deed;
use super::effects::Effect;
use super::judge::Wish;
use super::users::{PASSWORDS, named};
use super::view::View;
use super::world::World;
use crate::draft::Draft;
use crate::port::NodePort;

impl World {
    /// Changes that come together, of which some stand in one another's way.
    pub(super) fn change_users_together(&mut self) -> Result<Deed, String> {
        let mut deed = Deed::new("together", "changes that share a flush");
        let (mut drafts, mut effects) = (Vec::new(), Vec::new());
        let Some(cluster) = self.cluster.take() else { return Ok(deed) };
        for _ in 0..2 + self.dice.below(3) {
            let name = self.some_name(Role::CryptoUser);
            let key = Key::User(Role::CryptoUser, name.clone());
            let at = self.dice.below(PASSWORDS.len());
            let record = self.user(Role::CryptoUser, &name, at);
            let (expect, effect) = match cluster.ledger.read(|state| state.version(&key)) {
                Some(version) => (Expect::Version(version), Effect::UserChanged(Role::CryptoUser, name)),
                None => (Expect::Absent, Effect::UserMade(Role::CryptoUser, name)),
            };
            let change = Change::of(key, expect, Some(record));
            drafts.push(Draft::of(change).map_err(|error| error.to_string())?);
            effects.push(effect);
        }
        let outcomes = cluster.ledger.carry_out(drafts);
        self.cluster = Some(cluster);
        let mut failed = false;
        for (at, (outcome, effect)) in outcomes.iter().zip(&effects).enumerate() {
            let again = effects[..at].contains(effect);
            match outcome {
                Ok(_) if again => return Err(format!("two changes built on the same record: {effect:?}")),
                Err(CommitError::Conflict) if !again => {
                    return Err(format!("{effect:?} conflicts with nothing"));
                }
                Err(CommitError::Failed(_)) => failed = true,
                Ok(_) => {}
                Err(CommitError::Conflict) => continue,
            }
            deed = deed.must([effect.clone()]);
        }
        Ok(deed.ended(if failed { "failed" } else { "ok" }, self.outcome(!failed)))
    }

    /// Has a node commit a change.
    pub(super) fn commit_at(&mut self, node: &Arc<Node>, change: Change, deed: Deed) -> Result<Deed, String> {
        let cluster = self.cluster.as_ref().ok_or("there is no cluster")?;
        let link = cluster.ledger.link(node.id()).ok_or("a node that runs has no link")?;
        let (reachable, healthy) = (link.is_open(), self.is_healthy(node.id()));
        let port = NodePort::new(Arc::clone(&cluster.ledger), link);
        let outcome: Result<Revision, CommitError> = port.commit(change);
        let word = match &outcome {
            Ok(_) => "ok".to_owned(),
            Err(CommitError::Conflict) => "conflict".to_owned(),
            Err(CommitError::Failed(error)) => error.code.to_string(),
        };
        if outcome.is_ok() && !reachable {
            return Err("a node that is cut off had a change committed".to_owned());
        }
        if let (Err(CommitError::Failed(error)), true) = (&outcome, healthy)
            && error.code != ReturnCode::FUNCTION_FAILED
            && self.is_healthy(node.id())
        {
            return Err(format!("{deed}: a change failed although all is well: {error}"));
        }
        Ok(deed.ended(word, self.outcome(outcome.is_ok())))
    }

    /// `C_InitToken` on a token that is in use: all users and token objects go but for the officer, who gets another password.
    pub(super) fn init_token(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let officer = named("admin");
        let view = View::of(node);
        let known =
            view.user(Role::Admin, &officer).and_then(|user| self.hashes.get(&user.password).copied());
        let Some(at) = known.filter(|_| self.profile == Profile::Standard) else {
            return Ok(Deed::new("no login", self.doing.clone()));
        };
        let right = self.dice.chance(700);
        let at = if right { at } else { (at + 1) % PASSWORDS.len() };
        let password = Blob::from(PASSWORDS[at].0.as_bytes());
        let answer =
            self.ask(client, node, None, Request::InitToken { password, label: "again".to_owned() })?;
        let wish = Wish::LogIn { node: node.id(), role: Role::Admin, user: &officer, right };
        self.judge(&answer, &wish, false)?;
        let deed = Deed::new("init token", format!("{}, {right}", self.doing));
        let deed = deed.ended(answer.word(), self.outcome(answer.is_ok()));
        let deed = deed.anyway([
            Effect::Counted(None, Role::Admin, officer.clone()),
            Effect::Reset(None, Role::Admin, officer.clone()),
        ]);
        // The store's, since the news of it may not have come to the node.
        let key = Key::User(Role::Admin, officer.clone());
        let stored = self.cluster.as_ref().and_then(|cluster| cluster.ledger.read(|state| state.get(&key)));
        if let Some((_, Record::User(user))) = stored {
            self.hashes.entry(user.password.clone()).or_insert(at);
        }
        let last = answer.late.as_ref().unwrap_or(&answer.view);
        let others = last.users.keys().filter(|(role, name)| (*role, name) != (Role::Admin, &officer));
        let users = others.map(|(role, name)| Effect::UserGone(*role, name.clone()));
        let objects = last.objects.keys().map(|handle| Effect::ObjectGone(*handle));
        let kept = [Effect::UserChanged(Role::Admin, officer.clone()), Effect::PolicyChanged];
        Ok(deed.must(kept).must(users).must(objects))
    }
}
