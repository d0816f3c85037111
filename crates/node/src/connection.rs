//! A client's connection: for whom it speaks, and where each request goes.

use std::sync::Arc;

use strongroom_model::{MechanismType, Quirk, Regime, Result, ReturnCode};
use strongroom_wire::{Attach, Envelope, Extras, Hello, MechanismEntry, Reply, Request, Response};

use crate::access::Caller;
use crate::audit::{Entry, Requested};
use crate::family::{Family, SessionId};
use crate::node::Node;
use crate::quorum::Verdicts;
use crate::rules::{Allowed, all_allowed};
use crate::standing::{Footing, rests_on_state};
use crate::ticket::Principal;
use crate::users::{Seat, permissions};

/// A client that was taken in. It's let go when this is dropped.
pub struct Connection {
    node: Arc<Node>,
    family: Arc<Family>,
    hello: Hello,
    principal: Option<Principal>,
    seat: Seat,
    /// During a request.
    footing: Footing,
    /// During a request, too.
    verdicts: Verdicts,
}

impl Connection {
    pub(crate) fn new(node: Arc<Node>, family: Arc<Family>, hello: Hello) -> Self {
        let seat = node.desk.present.enter();
        Self {
            node,
            family,
            hello,
            principal: None,
            seat,
            footing: Footing::default(),
            verdicts: Verdicts::default(),
        }
    }

    /// Whether it speaks for a user, as far as its last request showed.
    pub fn speaks_for_user(&self) -> bool {
        self.principal.is_some()
    }

    /// Carries out a request.
    pub fn handle(&mut self, envelope: Envelope) -> Reply {
        let Envelope { attach, session, extras, request } = envelope;
        let extras = extras.map(|extras| *extras).unwrap_or_default();
        let attached = matches!(attach, Some(Attach::Ticket(_)));
        let detached = match attach {
            None => false,
            Some(Attach::Nobody) => {
                self.speak_for(None);
                false
            }
            Some(Attach::Ticket(ticket)) => {
                let now = self.node.clock.now();
                self.speak_for(Principal::of(&ticket, &self.node.tickets, &self.hello, now).ok());
                self.principal.is_none()
            }
        };
        let connected = self.node.is_connected();
        let (revision, valid) = {
            let replica = self.node.replica.read();
            self.footing = Footing::new(connected, replica.regime());
            (replica.revision(), self.principal.as_ref().is_none_or(|principal| principal.is_valid(&replica)))
        };
        let detached = detached || !valid;
        if !valid {
            self.speak_for(None);
        }
        if attached && let Some(principal) = &self.principal {
            self.node.journal.attached(self.hello.instance, principal);
        }
        // What is read belongs to the revision before; what the request itself changes counts, too.
        let only_reads = request.is_repeatable();
        // Uses of keys aren't told of, and end here with one look at what kind of request it is.
        let entry = Entry::of(&request);
        let result = if entry.is_none() && extras.approvals.is_empty() {
            self.dispatch(session, &extras, request)
        } else {
            self.recorded(entry, session, &extras, request)
        };
        if result.is_err() && !extras.approvals.is_empty() {
            self.caller(session, &extras).keep_approvals();
        }
        if !extras.approvals.is_empty() {
            self.verdicts = Verdicts::default();
        }
        let revision = if only_reads { revision } else { self.node.revision() };
        Reply { revision, epoch: self.node.port.epoch(), detached, standing: self.footing.standing(), result }
    }

    fn speak_for(&mut self, principal: Option<Principal>) {
        self.node.desk.present.set(&self.seat, principal.as_ref());
        self.principal = principal;
    }

    /// Answers a login.
    fn issue(&mut self, principal: Principal) -> Result<Response> {
        let ticket = principal.ticket(&self.node.tickets)?;
        self.speak_for(Some(principal));
        Ok(Response::Ticket(ticket))
    }

    /// Carries out a request and has the audit log tell of it before it's answered.
    fn recorded(
        &mut self,
        entry: Option<Entry>,
        session: u64,
        extras: &Extras,
        request: Request,
    ) -> Result<Response> {
        if !self.node.journal.is_on() {
            return self.dispatch(session, extras, request);
        }
        // A use of a key isn't refused since it can't be told of who approved it.
        if entry.is_some() {
            self.node.journal.reserve()?;
        }
        let instance = self.hello.instance;
        let before = self.principal.as_ref().map(Principal::who);
        let approvals = if before.is_some() { extras.approvals.as_slice() } else { &[] };
        let requested = Requested::new(
            entry,
            approvals,
            self.node.journal.session(instance),
            before.as_ref(),
            &self.node.replica.read(),
        );
        let result = self.dispatch(session, extras, request);
        let after = self.principal.as_ref().map(Principal::who);
        if let (Ok(Response::Ticket(_)), Some(principal)) = (&result, &self.principal) {
            self.node.journal.logged_in(instance, principal);
        }
        let copies = self.node.port.reachable() > 1;
        let is_nobodys = before.is_none() && after.is_none();
        let events = requested.events(&result, after.or(before), copies);
        let written = if is_nobodys && result.is_err() {
            self.node.journal.write_failure(self.node.clock.now(), &events)
        } else {
            self.node.journal.write(&events)
        };
        result.and_then(|response| written.map(|()| response))
    }

    fn caller<'a>(&'a self, session: u64, extras: &'a Extras) -> Caller<'a> {
        Caller {
            node: &self.node,
            family: &self.family,
            hello: &self.hello,
            session: SessionId { instance: self.hello.instance, session },
            principal: self.principal.as_ref(),
            extras,
            verdicts: &self.verdicts,
            profile: self.footing.regime.profile,
            regime: self.footing.regime,
            footing: &self.footing,
        }
    }

    fn dispatch(&mut self, session: u64, extras: &Extras, request: Request) -> Result<Response> {
        let caller = self.caller(session, extras);
        if rests_on_state(&request) {
            caller.must_be_current()?;
        }
        permissions::check(&request, caller.principal, caller.profile)?;
        caller.must_take_terms(&request)?;
        match request {
            Request::Login(login) => {
                let principal = caller.login(&login)?;
                self.issue(principal)
            }
            Request::LoginWithKey { login, signed } => {
                let principal = caller.login_with_key(&login, &signed)?;
                self.issue(principal)
            }
            Request::Logout => {
                caller.logout()?;
                self.speak_for(None);
                Ok(Response::Done)
            }
            Request::Renew => {
                let principal = caller.renew()?;
                self.issue(principal)
            }
            Request::Confirm { key, password } => caller.confirm(key, &password),
            Request::Info => Ok(Response::Cluster(self.node.info())),
            Request::Mechanisms => Ok(Response::Mechanisms(mechanisms(caller.regime))),
            Request::Random { len } => caller.random(len),
            Request::InitToken { password, label } => caller.init_token(&password, label),
            Request::InitPin { user, password } => caller.init_pin(user, &password),
            Request::SetPin { login, new } => caller.set_pin(&login, &new),
            Request::CreateUser(login) => caller.create_user(&login),
            Request::DeleteUser { role, user } => caller.delete_user(role, &user),
            Request::ChangePassword(login) => caller.change_password(&login),
            Request::ListUsers => Ok(caller.list_users()),
            Request::Find { template, after, limit } => caller.find(&template, after, limit),
            Request::Object { handle } => caller.object_info(handle),
            Request::GetAttributes { handle, types } => caller.get_attributes(handle, &types),
            Request::SetAttributes { handle, template } => caller.set_attributes(handle, &template),
            Request::ObjectSize { handle } => caller.object_size(handle),
            Request::Create { template } => caller.create(template),
            Request::Copy { handle, template } => caller.copy(handle, &template),
            Request::Destroy { handle } => caller.destroy(handle),
            Request::GenerateKey { mechanism, template } => caller.generate_key(&mechanism, template),
            Request::GeneratePair { mechanism, public, private } => {
                caller.generate_pair(&mechanism, public, private)
            }
            Request::Wrap { mechanism, wrapping, key } => caller.wrap(&mechanism, wrapping, key),
            Request::Unwrap { mechanism, unwrapping, wrapped, template } => {
                caller.unwrap(&mechanism, unwrapping, &wrapped, template)
            }
            Request::Derive { mechanism, base, template } => caller.derive(&mechanism, base, template),
            Request::Encapsulate { mechanism, public, template } => {
                caller.encapsulate(&mechanism, public, template)
            }
            Request::Decapsulate { mechanism, private, ciphertext, template } => {
                caller.decapsulate(&mechanism, private, &ciphertext, template)
            }
            Request::Sign { operation, digested } => caller.sign(&operation, digested),
            Request::Verify { operation, digested, signature } => {
                caller.verify(&operation, digested, &signature)
            }
            Request::SignRecover(operation) => caller.sign_recover(&operation),
            Request::VerifyRecover(operation) => caller.verify_recover(&operation),
            Request::Encrypt(operation) => caller.encrypt(&operation),
            Request::Decrypt(operation) => caller.decrypt(&operation),
            Request::Open { kind, operation } => caller.open(kind, &operation),
            Request::Update { stream, data } => caller.update(stream, &data),
            Request::Finish { stream, signature } => caller.finish(stream, &signature),
            Request::Abandon { stream } => caller.abandon(stream),
            Request::CloseSession => {
                self.family.close_session(caller.session);
                Ok(Response::Done)
            }
            Request::Share { handle, user, shared } => caller.share(handle, &user, shared),
            Request::Ownership { handle } => caller.ownership(handle),
            Request::Persist { handle } => caller.persist(handle),
            Request::Activate { password } => caller.activate(&password),
            Request::Challenge { kind, role, user } => caller.challenge(kind, role, &user),
            Request::RegisterQuorumKey(own) => caller.register_quorum_key(&own),
            Request::ChangeMfa { role, user, key } => caller.change_mfa(role, &user, key.as_ref()),
            Request::QuorumToken { service, key } => caller.quorum_token(service, key),
            Request::ListQuorumTokens => caller.list_quorum_tokens(),
            Request::DeleteQuorumTokens { all } => caller.delete_quorum_tokens(all),
            Request::QuorumSettings => Ok(caller.quorum_settings()),
            Request::SetQuorumValue { service, value } => caller.set_quorum_value(service, value),
            Request::SetQuorumTimeouts { generated, approved } => {
                caller.set_quorum_timeouts(generated, approved)
            }
            Request::TrustAnchors => Ok(caller.trust_anchors()),
            Request::RegisterTrustAnchor { certificate } => caller.register_trust_anchor(&certificate),
            Request::DeregisterTrustAnchor { reference } => caller.deregister_trust_anchor(reference),
            Request::MtlsEnforcement => Ok(caller.mtls_enforcement()),
            Request::SetMtlsEnforcement { level } => caller.set_mtls_enforcement(level),
            Request::ReplicateUser { role, user } => {
                let replicated = self.node.port.replicate_user(role, &user);
                replicated.map_err(|error| caller.for_another_node(error))?;
                Ok(Response::Done)
            }
            Request::ExtractMasked { handle, to } => caller.extract_masked(handle, to),
            Request::InsertMasked { masked } => caller.insert_masked(&masked),
            Request::ExtractMaskedUser { role, user, to } => caller.extract_masked_user(role, &user, to),
            Request::InsertMaskedUser { role, user, masked } => {
                caller.insert_masked_user(role, &user, &masked)
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.speak_for(None);
        self.node.disconnect(&self.family, &self.hello);
    }
}

fn mechanisms(regime: Regime) -> Vec<MechanismEntry> {
    all_allowed(regime)
        .map(|allowed| MechanismEntry {
            kind: allowed.spec.kind.0,
            min_key: allowed.min_key,
            max_key: allowed.max_key,
            flags: allowed.purposes.0 | cryptoki_sys::CKF_HW | of_messages(regime, &allowed),
        })
        .collect()
}

/// What a mechanism does to messages: what it does to data, if the functions are there; to encrypt, it needs a tag.
fn of_messages(regime: Regime, allowed: &Allowed) -> u64 {
    use cryptoki_sys::{
        CKF_DECRYPT, CKF_ENCRYPT, CKF_MESSAGE_DECRYPT, CKF_MESSAGE_ENCRYPT, CKF_MESSAGE_SIGN,
        CKF_MESSAGE_VERIFY, CKF_MULTI_MESSAGE, CKF_SIGN, CKF_VERIFY,
    };
    if regime.has(Quirk::MissingFunctions) {
        return 0;
    }
    let tagged = [MechanismType::AES_GCM, MechanismType::AES_CCM, MechanismType::CHACHA20_POLY1305];
    let tagged = tagged.contains(&allowed.spec.kind);
    let flags = [
        (CKF_SIGN, CKF_MESSAGE_SIGN, true),
        (CKF_VERIFY, CKF_MESSAGE_VERIFY, true),
        (CKF_ENCRYPT, CKF_MESSAGE_ENCRYPT, tagged),
        (CKF_DECRYPT, CKF_MESSAGE_DECRYPT, tagged),
    ];
    let there = flags.into_iter().filter(|(purpose, _, fits)| *fits && allowed.purposes.contains(*purpose));
    let flags = there.fold(0, |all, (_, flag, _)| all | flag);
    if flags == 0 { 0 } else { flags | CKF_MULTI_MESSAGE }
}

impl Caller<'_> {
    fn random(&self, len: u32) -> Result<Response> {
        if len as usize > strongroom_model::limits::MAX_RANDOM {
            return Err(ReturnCode::DATA_LEN_RANGE.into());
        }
        Ok(Response::Bytes(strongroom_crypto::random::blob(len as usize)))
    }
}
