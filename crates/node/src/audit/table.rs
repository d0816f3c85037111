//! Which requests are told of, by which opcode, with what.

use strongroom_model::{
    Algorithm, Handle, Mechanism, ObjectClass, ObjectInfo, Place, Profile, Result, Role, UserName,
};
use strongroom_wire::{Approval, Request, Response};

use super::event::Event;
use super::opcode::{self, Opcode};
use super::outcome::Outcome;
use crate::state::Replica;

/// The most signatures of approvers that one request's events name; none that counts is left out, since 8 approvals are
/// the most that anything needs, and there are as many quorum tokens in one request as operations.
const MAX_SIGNATURES: usize = 64;
/// The officer that a login without a name means.
const OFFICER: &str = "admin";

/// What will be told of a request.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    opcode: Opcode,
    target: Target,
}

/// What a request is about.
#[derive(Clone, Debug)]
enum Target {
    /// Nothing that the log has a field for.
    None,
    /// Whoever is logged in.
    Self_,
    /// A user; `None` is the default one of the role.
    User(Role, Option<UserName>),
    /// An object that is there.
    Object(Handle),
    /// An object that is there, and a user.
    Shared(Handle, UserName),
    /// Objects that the response names.
    Made,
    /// A key that is wrapped, and with what.
    Wrapped { key: Handle, with: Handle, symmetric: bool },
    /// A key that the response names, and what it was wrapped with.
    Unwrapped { with: Handle, symmetric: bool },
}

impl Entry {
    /// `None` for uses of keys, questions, and what only concerns the connection: those cost nothing but this match.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let (opcode, target) = match request {
            Request::Sign { .. }
            | Request::Verify { .. }
            | Request::SignRecover(_)
            | Request::VerifyRecover(_)
            | Request::Encrypt(_)
            | Request::Decrypt(_)
            | Request::Open { .. }
            | Request::Update { .. }
            | Request::Finish { .. }
            | Request::Abandon { .. }
            | Request::Random { .. }
            | Request::Find { .. }
            | Request::Object { .. }
            | Request::GetAttributes { .. }
            | Request::ObjectSize { .. }
            | Request::Ownership { .. }
            | Request::Info
            | Request::Mechanisms
            | Request::ListUsers
            | Request::ListQuorumTokens
            | Request::QuorumSettings
            | Request::TrustAnchors
            | Request::MtlsEnforcement
            | Request::Challenge { .. }
            | Request::Renew
            | Request::CloseSession => return None,

            Request::Login(login) | Request::LoginWithKey { login, .. } => {
                (opcode::LOGIN, Target::User(login.role, login.user.clone()))
            }
            Request::Confirm { .. } => (opcode::LOGIN, Target::Self_),
            Request::Logout => (opcode::LOGOUT, Target::Self_),

            Request::InitToken { .. } => (opcode::INIT_TOKEN, Target::None),
            // It's called by its proper name once it's known whether there is such a user.
            Request::InitPin { user, .. } => {
                (opcode::CREATE_USER, Target::User(Role::CryptoUser, user.clone()))
            }
            Request::SetPin { login, .. } => {
                (opcode::CHANGE_PSWD, Target::User(login.role, login.user.clone()))
            }
            Request::Activate { .. } => {
                (opcode::CHANGE_PSWD, Target::User(Role::UnactivatedAdmin, OFFICER.parse().ok()))
            }
            Request::CreateUser(login) => {
                (creation_of(login.role), Target::User(login.role, login.user.clone()))
            }
            Request::DeleteUser { role, user } => {
                (opcode::DELETE_USER, Target::User(*role, Some(user.clone())))
            }
            Request::ChangePassword(login) => match &login.user {
                None => (opcode::CHANGE_PSWD, Target::Self_),
                name => (opcode::CHANGE_PSWD, Target::User(login.role, name.clone())),
            },
            Request::RegisterQuorumKey(_) => (opcode::REGISTER_APPROVER, Target::Self_),
            Request::ChangeMfa { role, user, .. } => {
                (opcode::CHANGE_MFA, Target::User(*role, Some(user.clone())))
            }
            Request::ReplicateUser { role, user } => {
                (opcode::REPLICATE_USER, Target::User(*role, Some(user.clone())))
            }

            Request::ExtractMasked { handle, .. } => {
                (opcode::EXTRACT_MASKED_OBJECT_USER, Target::Object(*handle))
            }
            Request::InsertMasked { .. } => (opcode::INSERT_MASKED_OBJECT_USER, Target::Made),
            Request::ExtractMaskedUser { role, user, .. } => {
                (opcode::EXTRACT_MASKED_USER, Target::User(*role, Some(user.clone())))
            }
            Request::InsertMaskedUser { role, user, .. } => {
                (creation_of(*role), Target::User(*role, Some(user.clone())))
            }

            Request::QuorumToken { .. } => (opcode::GET_TOKEN, Target::None),
            Request::DeleteQuorumTokens { .. } => (opcode::DELETE_TOKEN, Target::None),
            Request::SetQuorumValue { .. } => (opcode::SET_M_VALUE, Target::None),
            Request::SetQuorumTimeouts { .. } => (opcode::SET_TOKEN_TIMEOUT, Target::None),

            Request::RegisterTrustAnchor { .. } => (opcode::REGISTER_TRUST_ANCHOR, Target::None),
            Request::DeregisterTrustAnchor { .. } => (opcode::DEREGISTER_TRUST_ANCHOR, Target::None),
            Request::SetMtlsEnforcement { .. } => (opcode::SET_MTLS_ENFORCEMENT, Target::None),

            Request::Create { .. } => (opcode::CREATE_OBJECT, Target::Made),
            Request::Copy { .. } => (opcode::COPY_OBJECT, Target::Made),
            Request::GenerateKey { .. } => (opcode::GENERATE_KEY, Target::Made),
            Request::GeneratePair { .. } => (opcode::GENERATE_KEY_PAIR, Target::Made),
            Request::Derive { .. } | Request::Encapsulate { .. } | Request::Decapsulate { .. } => {
                (opcode::DERIVE_KEY, Target::Made)
            }
            Request::Persist { .. } => (opcode::MODIFY_OBJECT, Target::Made),
            Request::SetAttributes { handle, .. } => (opcode::MODIFY_OBJECT, Target::Object(*handle)),
            Request::Destroy { handle } => (opcode::DESTROY_OBJECT, Target::Object(*handle)),
            Request::Share { handle, user, .. } => {
                (opcode::SHARE_OBJECT, Target::Shared(*handle, user.clone()))
            }
            Request::Wrap { mechanism, wrapping, key } => {
                let target =
                    Target::Wrapped { key: *key, with: *wrapping, symmetric: is_symmetric(mechanism) };
                (opcode::WRAP_KEY, target)
            }
            Request::Unwrap { mechanism, unwrapping, .. } => {
                let target = Target::Unwrapped { with: *unwrapping, symmetric: is_symmetric(mechanism) };
                (opcode::UNWRAP_KEY, target)
            }
        };
        Some(Self { opcode, target })
    }
}

fn creation_of(role: Role) -> Opcode {
    match role {
        Role::CryptoUser => opcode::CREATE_USER,
        _ => opcode::CREATE_CO,
    }
}

/// An RSA wrapping key is public, and has a field of its own.
fn is_symmetric(mechanism: &Mechanism) -> bool {
    mechanism.kind.spec().is_none_or(|spec| {
        !matches!(spec.algorithm, Algorithm::RsaPkcs | Algorithm::RsaOaep | Algorithm::RsaX509)
    })
}

/// A request that is to be told of, as things stand before it's carried out.
pub(crate) struct Requested {
    entry: Option<Entry>,
    session: u32,
    profile: Profile,
    /// The user that it's about, and whether there is none of the name.
    user: Option<(Role, Option<UserName>)>,
    unknown_user: bool,
    approvers: Vec<(Role, UserName)>,
}

impl Requested {
    /// What is known before; `actor` is who's logged in.
    pub(crate) fn new(
        entry: Option<Entry>,
        approvals: &[Approval],
        session: u32,
        actor: Option<&(Role, UserName)>,
        state: &Replica,
    ) -> Self {
        let user = match entry.as_ref().map(|entry| &entry.target) {
            Some(Target::Self_) => actor.map(|(role, name)| (*role, Some(name.clone()))),
            Some(Target::User(role, Some(name))) => Some((*role, Some(name.clone()))),
            Some(Target::User(role, None)) => Some((*role, default_user(*role, state))),
            Some(Target::Shared(_, name)) => Some((Role::CryptoUser, Some(name.clone()))),
            _ => None,
        };
        let unknown_user = match &user {
            Some((role, Some(name))) => state.user(*role, name).is_none(),
            Some((_, None)) => true,
            None => false,
        };
        let signatures = approvals.iter().flat_map(|approval| &approval.signatures);
        let approvers = signatures.take(MAX_SIGNATURES).map(|signature| {
            let role = signature.role.unwrap_or(Role::CryptoUser);
            (role, signature.user.clone())
        });
        let mut requested = Self {
            session,
            profile: state.profile(),
            user,
            unknown_user,
            approvers: approvers.collect(),
            entry,
        };
        requested.name_properly();
        requested
    }

    /// `C_InitPIN` makes the default user or changes its password.
    fn name_properly(&mut self) {
        if let Some(entry) = &mut self.entry
            && entry.opcode == opcode::CREATE_USER
            && matches!(entry.target, Target::User(_, None))
            && !self.unknown_user
        {
            entry.opcode = opcode::CHANGE_PSWD;
        }
    }

    /// The events, now that it's known how it ended. `copies` is whether token objects go to further nodes.
    pub(crate) fn events(
        self,
        result: &Result<Response>,
        actor: Option<(Role, UserName)>,
        copies: bool,
    ) -> Vec<Event> {
        let outcome = match result {
            Ok(_) => Outcome::SUCCESS,
            Err(error) => Outcome::of(error, self.unknown_user, self.profile),
        };
        let event = |opcode| Event {
            session: self.session,
            actor: actor.clone(),
            outcome: outcome.clone(),
            ..Event::by_node(opcode)
        };
        let mut events: Vec<Event> = self
            .approvers
            .iter()
            .map(|(role, name)| event(opcode::APPROVE_TOKEN).about_user(*role, name))
            .collect();
        let Some(Entry { opcode, target }) = &self.entry else { return events };
        let made = made(result);
        let about = Event { user: self.user.clone(), ..event(*opcode) };
        let with_keys = |keys| Event { keys: Some(keys), ..about.clone() };
        match target {
            Target::None | Target::Self_ | Target::User(..) => events.push(about),
            Target::Object(handle) | Target::Shared(handle, _) => events.push(with_keys((handle.0, 0))),
            Target::Made => events.push(with_keys(handles(&made))),
            Target::Wrapped { key, with, symmetric: false } => events.push(with_keys((key.0, with.0))),
            Target::Wrapped { key, with, symmetric: true } => {
                events.push(with_keys((key.0, 0)));
                if result.is_ok() {
                    events.push(event(opcode::NIST_AES_WRAP).about_key(*with));
                }
            }
            Target::Unwrapped { with, symmetric } => {
                if *symmetric && result.is_ok() {
                    events.push(event(opcode::NIST_AES_WRAP).about_key(*with));
                }
                events.push(with_keys(handles(&made)));
            }
        }
        let new = matches!(target, Target::Made | Target::Unwrapped { .. });
        if copies && new {
            let token = made.iter().filter(|info| info.handle.place() == Place::Cluster);
            events.extend(token.map(|info| event(opcode::EXTRACT_MASKED_OBJECT_USER).about_key(info.handle)));
        }
        events
    }
}

fn default_user(role: Role, state: &Replica) -> Option<UserName> {
    match role {
        Role::CryptoUser => state.policy().and_then(|policy| policy.default_user.clone()),
        _ => OFFICER.parse().ok(),
    }
}

/// The objects that a response names.
fn made(result: &Result<Response>) -> Vec<&ObjectInfo> {
    match result {
        Ok(Response::Object(info) | Response::Encapsulated { object: info, .. }) => vec![info],
        Ok(Response::Pair { public, private }) => vec![public, private],
        _ => Vec::new(),
    }
}

/// The private or secret key, and the public key.
fn handles(made: &[&ObjectInfo]) -> (u64, u64) {
    let find = |public: bool| {
        let found = made.iter().find(|info| (info.class == ObjectClass::PublicKey) == public);
        found.map_or(0, |info| info.handle.0)
    };
    (find(false), find(true))
}
