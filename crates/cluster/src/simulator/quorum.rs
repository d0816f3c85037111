//! Quorum tokens: asked for, approved, used, and used again.

use std::sync::{Arc, OnceLock};

use strongroom_crypto::{Input, Key as CryptoKey};
use strongroom_model::{
    AttributeType, Attributes, Blob, Handle, Hash, KeyTerms, Mechanism, MechanismType, Role, Service,
    UserName,
};
use strongroom_node::Node;
use strongroom_node::state::{Key, Record};
use strongroom_wire::{Approval, Extras, Operation, Request, Response, Signature};

use super::client::{Answer, Login};
use super::deed::Deed;
use super::effects::Effect;
use super::judge::Wish;
use super::users::{CRYPTO_USERS, OFFICERS, named};
use super::view::View;
use super::world::World;

/// A token that a client was given, used or not.
#[derive(Clone, Debug)]
pub(super) struct Token {
    id: [u8; 32],
    data: Blob,
    client: usize,
    service: Service,
    key: Option<Handle>,
}

/// What goes along with a request, and what it's worth.
struct Approved {
    extras: Extras,
    id: [u8; 32],
    /// Who signed, as which role.
    signers: Vec<UserName>,
    role: Role,
    /// Whether it's for what is asked for, and well signed.
    fits: bool,
}

struct Pair {
    key: CryptoKey,
    spki: Blob,
}

/// RSA keys take long to make: three, for the whole process.
fn pairs() -> &'static [Pair] {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let pair = |_| {
            let mechanism = Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN);
            let public = Attributes::new().with(AttributeType::MODULUS_BITS, 2048);
            let pair = strongroom_crypto::generate_pair(&mechanism, &public).ok()?;
            Some(Pair { spki: Blob::from(pair.public_key.public_key_info().ok()?), key: pair.key })
        };
        (0..3).filter_map(pair).collect()
    })
}

/// Which of the keys a user has; two users have the same.
fn pair_of(role: Role, name: &UserName) -> &'static Pair {
    let names: &[&str] = if role == Role::Admin { &OFFICERS } else { &CRYPTO_USERS };
    let at = names.iter().position(|known| *known == name.as_str()).unwrap_or(0);
    &pairs()[at % pairs().len()]
}

/// The key that a user has registered.
pub(super) fn public_key(role: Role, name: &UserName) -> Blob {
    pair_of(role, name).spki.clone()
}

impl World {
    pub(super) fn quorum(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        match self.clients[client].login.as_ref().map(|login| (login.role, login.user.clone())) {
            Some((Role::Admin, _)) => self.officers(client, node),
            Some((_, user)) => self.sharers(client, node, &user),
            None => Ok(Deed::new("no login", self.doing.clone())),
        }
    }

    fn sharers(&mut self, client: usize, node: &Arc<Node>, user: &UserName) -> Result<Deed, String> {
        let view = View::of(node);
        let mine = |object: &strongroom_node::StoredObject| {
            let terms = &object.terms;
            terms.use_quorum > 1 && (object.owner.as_ref() == Some(user) || terms.share_with.contains(user))
        };
        let keys: Vec<_> =
            view.objects.iter().filter(|(_, (_, object))| mine(object)).map(|(key, _)| *key).collect();
        let Some(key) = self.dice.pick(&keys).copied() else {
            let others = CRYPTO_USERS.map(named).into_iter().filter(|other| other != user);
            let there: Vec<_> = others.filter(|other| view.user(Role::CryptoUser, other).is_some()).collect();
            let share_with: Vec<_> = self.dice.pick(&there).cloned().into_iter().collect();
            let terms = KeyTerms { share_with, manage_quorum: 2, use_quorum: 2 };
            return self.make_key_under(client, node, true, terms);
        };
        let service = if self.dice.chance(650) { Service::KeyUsage } else { Service::KeyManagement };
        let Some(token) = self.some_token(client, service, Some(key)) else {
            return self.ask_for_token(client, node, service, Some(key));
        };
        let approved = self.approve(node, &token, (service, Some(key)))?;
        if service == Service::KeyUsage {
            let mechanism = Mechanism::plain(MechanismType::SHA256_HMAC);
            let operation = Operation { key, mechanism, data: Blob::from(*b"data") };
            let request = Request::Sign { operation, digested: false };
            let answer = self.ask(client, node, Some(approved.extras.clone()), request)?;
            let deed = Deed::new("approved use", format!("{} of {key}", self.doing));
            let wish = Wish::Use(key, self.count(client, &answer, &approved));
            return self.used(deed, &answer, &wish, &approved, client);
        }
        let label = self.dice.next().to_string();
        let template = Attributes::new().with(AttributeType::LABEL, label.as_bytes());
        let request = Request::SetAttributes { handle: key, template };
        let answer = self.ask(client, node, Some(approved.extras.clone()), request)?;
        let deed = Deed::new("approved label", format!("{} of {key}", self.doing));
        let deed = deed.must([Effect::ObjectChanged(key)]);
        let wish = Wish::Manage(key, self.count(client, &answer, &approved));
        self.used(deed, &answer, &wish, &approved, client)
    }

    fn officers(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        if self.dice.chance(60) {
            let answer = self.ask(client, node, None, Request::DeleteQuorumTokens { all: true })?;
            self.judge(&answer, &Wish::Officer(None, 0), answer.healthy)?;
            let ended = self.outcome(answer.is_ok());
            return Ok(Deed::new("delete tokens", self.doing.clone()).ended(answer.word(), ended));
        }
        let service = if self.dice.chance(600) { Service::User } else { Service::Quorum };
        let approved = match self.some_token(client, service, None) {
            Some(token) => Some(self.approve(node, &token, (service, None))?),
            None if self.dice.chance(500) => return self.ask_for_token(client, node, service, None),
            None => None,
        };
        let extras = approved.as_ref().map(|approved| approved.extras.clone());
        let (deed, answer) = if service == Service::User {
            let user = self.some_name(Role::CryptoUser);
            let request = Request::DeleteUser { role: Role::CryptoUser, user: user.clone() };
            let answer = self.ask(client, node, extras, request)?;
            (self.deletion(&answer, Role::CryptoUser, &user)?, answer)
        } else {
            let (of, value) = (
                *self.dice.pick(&[Service::User, Service::Quorum]).unwrap_or(&service),
                1 + self.dice.below(2) as u8,
            );
            let request = Request::SetQuorumValue { service: of, value };
            let answer = self.ask(client, node, extras, request)?;
            let deed = Deed::new("quorum value", format!("{}: {of} {value}", self.doing));
            (deed.must([Effect::PolicyChanged]), answer)
        };
        let count = approved.as_ref().map_or(0, |approved| self.count(client, &answer, approved));
        let wish = Wish::Officer(Some(service), count);
        match approved {
            Some(approved) => self.used(deed, &answer, &wish, &approved, client),
            None => {
                self.judge(&answer, &wish, false)?;
                let ended = self.outcome(answer.is_ok());
                Ok(deed.ended(answer.word(), ended))
            }
        }
    }

    /// A token may have been used, and is gone then.
    fn used(
        &mut self,
        deed: Deed,
        answer: &Answer,
        wish: &Wish<'_>,
        approved: &Approved,
        client: usize,
    ) -> Result<Deed, String> {
        let sure = matches!(wish, Wish::Use(..)) && answer.healthy && self.is_available(client, answer);
        self.judge(answer, wish, sure)?;
        let outcome = self.outcome(answer.is_ok());
        let count = self.count(client, answer, approved);
        let deed = deed.ended(format!("{} by {count} approvals", answer.word()), outcome);
        if !answer.is_ok() || !answer.views().any(|view| view.asks_for_approval(wish)) {
            return Ok(deed.anyway([Effect::TokenChanged(approved.id)]));
        }
        if !self.used.insert(approved.id) {
            return Err("a quorum token was used twice".to_owned());
        }
        let token = answer
            .views()
            .find_map(|view| view.tokens.get(&approved.id))
            .map(|token| Record::Token(Arc::clone(token)));
        self.last_token = token.map(|token| (Key::Token(approved.id), token));
        Ok(deed.must([Effect::TokenGone(approved.id)]))
    }

    fn ask_for_token(
        &mut self,
        client: usize,
        node: &Arc<Node>,
        service: Service,
        key: Option<Handle>,
    ) -> Result<Deed, String> {
        let answer = self.ask(client, node, None, Request::QuorumToken { service, key })?;
        let wish = if service.is_for_a_key() { Wish::Make } else { Wish::Officer(None, 0) };
        self.judge(&answer, &wish, false)?;
        let deed = Deed::new("token", format!("{} for {service}", self.doing)).must([Effect::TokenMade]);
        let deed = deed.ended(answer.word(), self.outcome(answer.is_ok()));
        if let Some(Response::Bytes(data)) = answer.response() {
            let mut id = [0; 32];
            id.copy_from_slice(&strongroom_crypto::digest::digest(Hash::Sha256, &[&data]));
            self.tokens.push(Token { id, data, client, service, key });
        }
        Ok(deed)
    }

    /// A token that the client has, mostly for what it wants it for, and now and then one that is used up.
    fn some_token(&mut self, client: usize, service: Service, key: Option<Handle>) -> Option<Token> {
        let any = self.dice.chance(100);
        let fits = |token: &&Token| token.service == service && token.key == key && token.client == client;
        let tokens: Vec<_> = self.tokens.iter().filter(|token| any || fits(token)).cloned().collect();
        // The newest is likely to be good.
        if self.dice.chance(700) { tokens.last().cloned() } else { self.dice.pick(&tokens).cloned() }
    }

    /// Has a token signed, by two or only one, and now and then wrongly.
    fn approve(
        &mut self,
        node: &Arc<Node>,
        token: &Token,
        wanted: (Service, Option<Handle>),
    ) -> Result<Approved, String> {
        let role = if token.service.is_for_a_key() { Role::CryptoUser } else { Role::Admin };
        let view = View::of(node);
        let object = token.key.and_then(|key| view.objects.get(&key)).map(|(_, object)| Arc::clone(object));
        let mut signers: Vec<UserName> = match &object {
            Some(object) => object.owner.iter().chain(&object.terms.share_with).cloned().collect(),
            None => OFFICERS.map(named).into(),
        };
        if self.dice.chance(150) {
            signers.truncate(1);
        }
        let forged = self.dice.chance(80);
        let mut signatures = Vec::new();
        for user in &signers {
            let mechanism = Mechanism::plain(MechanismType::SHA256_RSA_PKCS);
            let signed = if forged { [0; 32] } else { token.id };
            let signature =
                strongroom_crypto::sign(&pair_of(role, user).key, &mechanism, Input::Digest(&signed));
            let signature = signature.map_err(|error| error.to_string())?;
            signatures.push(Signature { user: user.clone(), role: None, signature });
        }
        let fits = !forged && (token.service, token.key) == wanted;
        let approvals = vec![Approval { data: token.data.clone(), signatures }];
        Ok(Approved { extras: Extras { approvals, ..Extras::default() }, id: token.id, signers, role, fits })
    }

    /// How many approvals it comes to, by what the node knew and whom it had to take the caller for.
    fn count(&self, client: usize, answer: &Answer, approved: &Approved) -> usize {
        answer
            .views()
            .map(|view| self.count_by(client, view, answer.who.as_ref(), approved))
            .max()
            .unwrap_or(0)
    }

    fn count_by(&self, client: usize, view: &View, who: Option<&Login>, approved: &Approved) -> usize {
        let Some(token) = view.tokens.get(&approved.id).filter(|_| approved.fits) else { return 0 };
        let quorum = view.policy.as_ref().map_or_else(Default::default, |policy| policy.quorum);
        let until = match token.approved {
            None => token.created + u64::from(quorum.generated),
            Some(approved) => approved + u64::from(quorum.approved),
        };
        let own = who.is_some_and(|login| (login.role, &login.user) == (token.role, &token.user));
        let here = token.instance == self.clients[client].instance();
        if own && here && self.now() < until { view.approvals(approved.role, &approved.signers) } else { 0 }
    }
}
