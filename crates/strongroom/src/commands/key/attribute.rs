//! `strongroom key set-attribute`.

use serde_json::json;
use strongroom_model::{AttributeType, Attributes, Role, Value};
use strongroom_wire::{Extras, Request, Response};

use super::find_one;
use crate::args::{ApprovalOption, OneKey};
use crate::attributes::{self, Filter};
use crate::output::{Failure, Output};
use crate::session::{Desk, unexpected};
use crate::tokens::read_approvals;

/// Changes an attribute: by the key's owner, or, for `trusted`, by an officer.
pub(super) fn set(
    desk: &Desk,
    OneKey { access, filter }: &OneKey,
    name: &str,
    value: &str,
    approval: &ApprovalOption,
) -> Result<Output, Failure> {
    let (attribute, value) = attributes::parse(name, value)?;
    let filter = Filter::parse(filter)?;
    let approvals = read_approvals([&approval.approval])?;
    let usual = if attribute == AttributeType::TRUSTED { Role::Admin } else { Role::CryptoUser };
    let session = desk.login(access, usual)?;
    let key = find_one(&session, &filter, "so none was changed")?;
    let handle = key.handle;
    let request = if attribute == AttributeType::TOKEN && value == Value::Bool(true) && !key.token {
        Request::Persist { handle }
    } else {
        let mut template = Attributes::new();
        template.set(attribute, value);
        Request::SetAttributes { handle, template }
    };
    match session.call_with(Some(handle), &Extras { approvals, ..Extras::default() }, &request)? {
        Response::Object(_) => Ok(Output::Data(json!({"message": "Attribute set successfully"}))),
        _ => Err(unexpected()),
    }
}
