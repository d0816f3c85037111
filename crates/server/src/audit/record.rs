//! One record of a stream.

use serde::{Deserialize, Serialize};
use strongroom_crypto::digest;
use strongroom_model::{Hash as Function, Role, UserName};
use strongroom_node::audit::{Event, user_type};

use super::chain::{self, Hash};

/// An event as it's written, with the vendor's fields in the vendor's order (cloudhsm.md 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The stream: the cluster's serial number, a dash, the node's number.
    pub hsm: String,
    /// When, in microseconds since 1970.
    pub time_usecs: u64,
    /// The version of the fields.
    pub version: String,
    /// Its place in the stream, from 0.
    pub sequence: u64,
    /// How often the node had started before.
    pub reboot_counter: u64,
    /// `CN_MGMT_CMD (0x0)`.
    pub command_type: String,
    /// Such as `CN_LOGIN (0xd)`.
    pub opcode: String,
    /// Who was logged in: 1 is the first officer, 2 the appliance user; for others it's made from role and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<u32>,
    /// Role and name of who was logged in, `crypto-user:app`. Not one of the vendor's fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_user: Option<String>,
    /// Which client, on this node, since it started.
    pub session_handle: u32,
    /// Such as `0:HSM Return: SUCCESS`.
    pub response: String,
    /// Which of the following fields there are.
    pub log_type: String,
    /// The user that it's about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// That user's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_type: Option<String>,
    /// The private or secret key that it's about; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_handle: Option<u64>,
    /// The public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key_handle: Option<u64>,
    /// What the log says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The hash of the record before, in hex.
    pub previous: String,
}

/// The vendor's number of the fields' version.
const VERSION: &str = "1.0";

/// Where a record stands.
pub(super) struct Place<'a> {
    pub(super) hsm: &'a str,
    pub(super) time_usecs: u64,
    pub(super) sequence: u64,
    pub(super) reboot_counter: u64,
    pub(super) previous: &'a Hash,
}

impl Record {
    pub(super) fn new(event: &Event, place: &Place<'_>) -> Self {
        let command = event.opcode.command.label();
        let log = event.opcode.log.label();
        let user = event.user.as_ref();
        Self {
            hsm: place.hsm.to_owned(),
            time_usecs: place.time_usecs,
            version: VERSION.to_owned(),
            sequence: place.sequence,
            reboot_counter: place.reboot_counter,
            command_type: format!("{} ({:#x})", command.0, command.1),
            opcode: format!("{} ({:#x})", event.opcode.name, event.opcode.number),
            user_id: event.actor.as_ref().map(|(role, name)| user_id(*role, name)),
            session_user: event.actor.as_ref().map(|(role, name)| format!("{role}:{name}")),
            session_handle: event.session,
            response: format!("{}:{}", event.outcome.code, event.outcome.text),
            log_type: format!("{} ({})", log.0, log.1),
            user_name: user.map(|(_, name)| name.as_ref().map_or_else(String::new, UserName::to_string)),
            user_type: user.map(|(role, _)| {
                let (name, number) = user_type(*role);
                format!("{name} ({number})")
            }),
            secret_key_handle: event.keys.map(|keys| keys.0),
            public_key_handle: event.keys.map(|keys| keys.1),
            note: event.note.clone(),
            previous: chain::hex(place.previous),
        }
    }

    /// The opcode's name, without its number.
    pub fn opcode_name(&self) -> &str {
        self.opcode.split(' ').next().unwrap_or_default()
    }
}

/// The record of a line, unchecked: for those who look, not for those who prove. `None` if it isn't one.
pub fn stored(line: &str) -> Option<Record> {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
    fields.remove("mac")?;
    serde_json::from_value(fields.into()).ok()
}

/// The vendor numbers users as they're made; nodes here keep no numbers, so that they needn't agree on them.
fn user_id(role: Role, name: &UserName) -> u32 {
    match (role, name.as_str()) {
        (Role::Admin | Role::UnactivatedAdmin, "admin") => 1,
        (Role::Appliance, _) => 2,
        _ => {
            let digest = digest::digest(
                Function::Sha256,
                &[role.to_string().as_bytes(), b"/", name.as_str().as_bytes()],
            );
            3 + (u32::from_be_bytes([0, digest[0], digest[1], digest[2]]))
        }
    }
}
