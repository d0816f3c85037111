//! `strongroom key ...`.

use serde_json::{Map, Value as Json, json};
use strongroom_model::{AttributeType, Handle, ObjectInfo, Role, limits};
use strongroom_wire::{Answer, Request, Response};

use crate::args::{Access, KeyCommand};
use crate::attributes::{self, Filter};
use crate::output::{Failure, Output, table};
use crate::session::{Session, unexpected};

/// Lists and deletes keys. Output as cloudhsm-cli's.
pub(crate) fn run(command: &KeyCommand) -> Result<Output, Failure> {
    match command {
        KeyCommand::List { access, filter, verbose, max_items, starting_token, human } => {
            let page = Page { max_items: *max_items as usize, starting_token: starting_token.as_deref() };
            list(access, filter, *verbose, &page, *human)
        }
        KeyCommand::Delete { access, filter } => delete(access, filter),
    }
}

struct Page<'a> {
    max_items: usize,
    starting_token: Option<&'a str>,
}

fn list(
    access: &Access,
    filter: &[String],
    verbose: bool,
    page: &Page<'_>,
    human: bool,
) -> Result<Output, Failure> {
    let filter = Filter::parse(filter)?;
    let after = page.starting_token.map(parse_reference).transpose()?;
    let session = Session::login(access, Role::CryptoUser)?;
    let found = find(&session, &filter)?;
    if human {
        let rows = found.iter().map(|key| row(&session, key)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Output::Text(table(&["key-reference", "class", "type", "bits", "label", "id"], &rows)));
    }

    let rest: Vec<&ObjectInfo> =
        found.iter().filter(|key| after.is_none_or(|after| key.handle.0 > after)).collect();
    let shown = &rest[..rest.len().min(page.max_items)];
    let described =
        shown.iter().map(|key| describe(&session, key, verbose)).collect::<Result<Vec<_>, _>>()?;
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

fn delete(access: &Access, filter: &[String]) -> Result<Output, Failure> {
    let filter = Filter::parse(filter)?;
    let session = Session::login(access, Role::CryptoUser)?;
    let key = match find(&session, &filter)?.as_slice() {
        [] => {
            return Err(Failure::new(
                "no key matches the filter, so none was deleted; `strongroom key list` shows them",
            ));
        }
        [key] => key.handle,
        several => {
            let references: Vec<String> = several.iter().take(5).map(|key| reference(key.handle)).collect();
            return Err(Failure::new(format!(
                "{} keys match the filter, so none was deleted; say which with attr.class=... or key-reference=...: {}{}",
                several.len(),
                references.join(", "),
                if several.len() > references.len() { ", ..." } else { "" }
            )));
        }
    };
    match session.call(&Request::Destroy { handle: key })? {
        Response::Done => Ok(Output::Data(json!({"message": "Key deleted successfully"}))),
        _ => Err(unexpected()),
    }
}

/// All keys that match, in order of their references.
fn find(session: &Session, filter: &Filter) -> Result<Vec<ObjectInfo>, Failure> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let limit = u32::try_from(limits::MAX_FOUND).unwrap_or(u32::MAX);
        let request = Request::Find { template: filter.template.clone(), after, limit };
        let Response::Found(found) = session.call(&request)? else { return Err(unexpected()) };
        after = found.objects.last().map(|object| object.handle);
        let wanted = |object: &ObjectInfo| {
            object.class.is_key() && filter.reference.is_none_or(|reference| object.handle.0 == reference)
        };
        keys.extend(found.objects.into_iter().filter(wanted));
        if !found.more || after.is_none() {
            return Ok(keys);
        }
    }
}

fn describe(session: &Session, key: &ObjectInfo, verbose: bool) -> Result<Json, Failure> {
    let types = if verbose { attributes::all() } else { vec![AttributeType::LABEL] };
    let mut shown: Map<String, Json> = values(session, key.handle, &types)?;
    if !verbose {
        return Ok(json!({"key-reference": reference(key.handle), "attributes": shown}));
    }
    shown.insert("key-length-bytes".into(), attributes::key_length(key).into());
    Ok(json!({
        "key-reference": reference(key.handle),
        "key-info": {
            "shared-users": [],
            "key-quorum-values": {"manage-key-quorum-value": 0, "use-key-quorum-value": 0},
            "cluster-coverage": "full",
        },
        "attributes": shown,
    }))
}

fn row(session: &Session, key: &ObjectInfo) -> Result<Vec<String>, Failure> {
    let shown = values(session, key.handle, &[AttributeType::LABEL, AttributeType::ID])?;
    let text = |name: &str| shown.get(name).and_then(Json::as_str).unwrap_or_default().to_string();
    let bits = if key.class == strongroom_model::ObjectClass::SecretKey { key.size * 8 } else { key.size };
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
    let Response::Answers(answers) = session.call(&request)? else { return Err(unexpected()) };
    let shown = types.iter().zip(&answers).filter_map(|(attribute, answer)| match answer {
        Answer::Value(value) => attributes::shown(*attribute, value),
        Answer::Sensitive | Answer::Invalid => None,
    });
    Ok(shown.map(|(name, value)| (name.to_string(), value)).collect())
}

fn reference(handle: Handle) -> String {
    format!("{:#018x}", handle.0)
}

fn parse_reference(text: &str) -> Result<u64, Failure> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).map_err(|_| {
        Failure::new(format!("{text:?} is no starting token; give next_token of the page before"))
    })
}
