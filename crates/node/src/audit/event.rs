//! Events, and where they go.

use strongroom_model::{Handle, Result, Role, UserName};

use super::opcode::{self, Opcode};
use super::outcome::Outcome;
use crate::state::Replica;

/// The session handle of what a node does by itself, such as taking over what another node committed. Clients' are above.
pub const NODE_SESSION: u32 = 0x0100_4001;

/// The name of the appliance user.
const APPLIANCE: &str = "app_user";
/// The first officer's name.
const OFFICER: &str = "admin";

/// Something that is told of. It never has key material or passwords in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What was done.
    pub opcode: Opcode,
    /// By whom on this node: [`NODE_SESSION`], or a number that the node gave to a client instance.
    pub session: u32,
    /// Who was logged in.
    pub actor: Option<(Role, UserName)>,
    /// How it ended.
    pub outcome: Outcome,
    /// The private or secret key, and the public key, that it was about; 0 for none.
    pub keys: Option<(u64, u64)>,
    /// The user that it was about; the name as far as it's known.
    pub user: Option<(Role, Option<UserName>)>,
    /// A sentence, for what the log tells of itself.
    pub note: Option<String>,
}

/// Where a node's events go.
pub trait AuditSink: Send + Sync {
    /// Makes sure that the events of one more request will find room. Asked before a request is carried out that has
    /// to be told of; it isn't carried out when this fails.
    ///
    /// # Errors
    ///
    /// `CKR_DEVICE_MEMORY` when they won't, `CKR_DEVICE_ERROR` when the log can't be written.
    fn reserve(&self) -> Result<()>;

    /// Keeps events, in order, so that they survive the process. Called before a request is answered.
    ///
    /// # Errors
    ///
    /// `CKR_DEVICE_ERROR` if that failed; the sink tries again with the next events, and loses none.
    fn write(&self, events: &[Event]) -> Result<()>;
}

/// How a node's log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It's the first node of a new cluster.
    First,
    /// It's a later node, which took over the cluster's state.
    Later,
}

impl Event {
    /// A successful deed of the node itself.
    pub(crate) fn by_node(opcode: Opcode) -> Self {
        Self {
            opcode,
            session: NODE_SESSION,
            actor: None,
            outcome: Outcome::SUCCESS,
            keys: None,
            user: None,
            note: None,
        }
    }

    pub(crate) fn about_user(self, role: Role, name: &UserName) -> Self {
        Self { user: Some((role, Some(name.clone()))), ..self }
    }

    pub(crate) fn about_key(self, handle: Handle) -> Self {
        Self { keys: Some((handle.0, 0)), ..self }
    }
}

/// The events that a log begins with (cloudhsm.md 9, patterns).
pub fn beginning(how: Beginning, state: &Replica) -> Vec<Event> {
    if how == Beginning::Later {
        return vec![Event::by_node(opcode::RESTORE_BEGIN), Event::by_node(opcode::RESTORE_END)];
    }
    let mut events = vec![Event::by_node(opcode::INIT_TOKEN), Event::by_node(opcode::GEN_PSWD_ENC_KEY)];
    if let Ok(name) = UserName::try_from(APPLIANCE.to_owned()) {
        events.push(Event::by_node(opcode::CREATE_APPLIANCE_USER).about_user(Role::Appliance, &name));
    }
    events.push(Event::by_node(opcode::INIT_DONE));
    // A cluster that is made with its users is activated by making it.
    for (role, name, _) in state.users() {
        let made = match role {
            Role::Admin if name.as_str() == OFFICER => {
                Event::by_node(opcode::CHANGE_PSWD).about_user(Role::UnactivatedAdmin, name)
            }
            Role::Admin => Event::by_node(opcode::CREATE_CO).about_user(role, name),
            _ => Event::by_node(opcode::CREATE_USER).about_user(role, name),
        };
        events.push(made);
    }
    events
}

/// The event that a log ends with, when its node is removed from the cluster.
pub fn end() -> Event {
    Event::by_node(opcode::END_MARKER_OPCODE)
}

/// The event that says that the log isn't as the node left it.
pub fn log_damaged(note: String) -> Event {
    Event { note: Some(note), ..Event::by_node(opcode::LOG_DAMAGED) }
}

/// The vendor's name and number of a user's type (cloudhsm.md 2.1).
pub const fn user_type(role: Role) -> (&'static str, u8) {
    match role {
        Role::CryptoUser => ("CN_CRYPTO_USER", 1),
        Role::Admin => ("CN_CRYPTO_OFFICER", 2),
        Role::Appliance => ("CN_APPLIANCE_USER", 5),
        Role::UnactivatedAdmin => ("CN_CRYPTO_PRE_OFFICER", 6),
    }
}
