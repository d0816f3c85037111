//! `strongroom key list`.

use serde_json::{Map, Value as Json, json};
use strongroom_model::{AttributeType, Handle, ObjectClass, ObjectInfo, Role};
use strongroom_wire::{Answer, Request, Response};

use super::find;
use crate::args::Access;
use crate::attributes::{self, Filter};
use crate::output::{Failure, Output, table};
use crate::session::{Desk, Session, unexpected};
use crate::views::{self, reference};

/// Which part of a long list.
pub(super) struct Page<'a> {
    pub(super) max_items: usize,
    pub(super) starting_token: Option<&'a str>,
}

pub(super) fn run(
    desk: &Desk,
    access: &Access,
    filter: &[String],
    verbose: bool,
    page: &Page<'_>,
    human: bool,
) -> Result<Output, Failure> {
    let filter = Filter::parse(filter)?;
    let after = page.starting_token.map(parse_reference).transpose()?;
    let session = desk.login(access, Role::CryptoUser)?;
    let found = find(&session, &filter)?;
    if human {
        let rows = found.iter().map(|key| row(&session, key)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Output::Text(table(&["key-reference", "class", "type", "bits", "label", "id"], &rows)));
    }

    let rest: Vec<&ObjectInfo> =
        found.iter().filter(|key| after.is_none_or(|after| key.handle.0 > after)).collect();
    let shown = &rest[..rest.len().min(page.max_items)];
    let described = shown
        .iter()
        .map(|key| if verbose { views::key(&session, key) } else { briefly(&session, key) })
        .collect::<Result<Vec<_>, _>>()?;
    let mut data = json!({
        "matched_keys": described,
        "total_key_count": found.len(),
        "returned_key_count": shown.len(),
    });
    if let Some(last) = shown.last().filter(|_| shown.len() < rest.len()) {
        data["next_token"] = reference(last.handle).into();
    }
    Ok(Output::Data(data))
}

fn briefly(session: &Session, key: &ObjectInfo) -> Result<Json, Failure> {
    let shown = values(session, key.handle, &[AttributeType::LABEL])?;
    Ok(json!({"key-reference": reference(key.handle), "attributes": shown}))
}

fn row(session: &Session, key: &ObjectInfo) -> Result<Vec<String>, Failure> {
    let shown = values(session, key.handle, &[AttributeType::LABEL, AttributeType::ID])?;
    let text = |name: &str| shown.get(name).and_then(Json::as_str).unwrap_or_default().to_string();
    let bits = if key.class == ObjectClass::SecretKey { key.size * 8 } else { key.size };
    Ok(vec![
        reference(key.handle),
        attributes::class_name(key.class).into(),
        key.key_type.map_or("other", attributes::key_type_name).into(),
        bits.to_string(),
        text("label"),
        text("id"),
    ])
}

fn values(session: &Session, handle: Handle, types: &[AttributeType]) -> Result<Map<String, Json>, Failure> {
    let request = Request::GetAttributes { handle, types: types.to_vec() };
    let Response::Answers(answers) = session.call_about(handle, &request)? else { return Err(unexpected()) };
    let shown = types.iter().zip(&answers).filter_map(|(attribute, answer)| match answer {
        Answer::Value(value) => attributes::shown(*attribute, value),
        Answer::Sensitive | Answer::Invalid => None,
    });
    Ok(shown.map(|(name, value)| (name.to_string(), value)).collect())
}

fn parse_reference(text: &str) -> Result<u64, Failure> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).map_err(|_| {
        Failure::new(format!("{text:?} is no starting token; give next_token of the page before"))
    })
}
