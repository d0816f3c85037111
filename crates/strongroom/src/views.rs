//! What each node of a cluster has of the same thing, and where they differ (cloudhsm.md 2.4, 7.1).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};
use strongroom_model::{AttributeType, Error, Handle, NodeId, ObjectInfo, Place, ReturnCode, UserName};
use strongroom_wire::{Answer, Ownership, Request, Response, UserInfo};

use crate::attributes;
use crate::output::Failure;
use crate::session::{Session, unexpected};

/// Where nodes differ, in the vendor's word.
pub(crate) const INCONSISTENT: &str = "inconsistent";

/// Each node's answer; `None` for a node that can't be reached.
pub(crate) type Views<T> = BTreeMap<NodeId, Option<T>>;

/// Asks every node of the cluster.
pub(crate) fn ask_all<T>(
    session: &Session,
    request: &Request,
    read: impl Fn(Response) -> Option<T>,
) -> Result<Views<T>, Failure> {
    let mut views = Views::new();
    let nodes = session.nodes()?;
    for (node, answer) in nodes.iter().zip(session.ask_each(&nodes, request)) {
        let view = match answer {
            Ok(response) => Some(read(response).ok_or_else(unexpected)?),
            Err(error) if is_away(&error) => None,
            Err(error) => return Err(error.into()),
        };
        views.insert(*node, view);
    }
    Ok(views)
}

/// Whether this says that the node didn't answer, not what it answered.
pub(crate) fn is_away(error: &Error) -> bool {
    matches!(error.code, ReturnCode::DEVICE_ERROR | ReturnCode::TOKEN_NOT_PRESENT)
}

/// The users of a cluster as `user list` shows them, by name.
pub(crate) fn users(views: &Views<Vec<UserInfo>>) -> Vec<Json> {
    let names: BTreeSet<&UserName> = views.values().flatten().flatten().map(|user| &user.name).collect();
    names.into_iter().map(|name| user(name, views)).collect()
}

fn user(name: &UserName, views: &Views<Vec<UserInfo>>) -> Json {
    let seen: Vec<Option<&UserInfo>> =
        views.values().map(|view| view.as_ref()?.iter().find(|user| user.name == *name)).collect();
    let known: Vec<&UserInfo> = seen.iter().copied().flatten().collect();
    let by_signatures = |flag: fn(&UserInfo) -> bool| match agreed(known.iter().map(|user| flag(user))) {
        Some(false) => json!([]),
        Some(true) => json!([{"strategy": "token-sign", "status": "enabled"}]),
        None => json!([{"strategy": "token-sign", "status": INCONSISTENT}]),
    };
    let told = |value: Option<String>| value.unwrap_or_else(|| INCONSISTENT.into());
    json!({
        "username": name.as_str(),
        "role": told(agreed(known.iter().map(|user| user.role.to_string()))),
        "locked": told(agreed(known.iter().map(|user| user.locked.to_string()))),
        "mfa": by_signatures(|user| user.mfa),
        "quorum": by_signatures(|user| user.quorum),
        "cluster-coverage": coverage(seen.iter().all(Option::is_some)),
    })
}

/// `full` or [`INCONSISTENT`].
pub(crate) const fn coverage(full: bool) -> &'static str {
    if full { "full" } else { INCONSISTENT }
}

/// What all say; `None` if they differ.
fn agreed<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut values = values.into_iter();
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// What one node has of a key.
struct KeyView {
    ownership: Ownership,
    attributes: Vec<Answer>,
}

/// A key with `key-info` and all attributes, as the verbose `key list` shows it.
pub(crate) fn key(session: &Session, key: &ObjectInfo) -> Result<Json, Failure> {
    let types = attributes::all();
    let views = key_views(session, key.handle, &types)?;
    let known: Vec<&KeyView> = views.iter().flatten().collect();
    let everywhere = known.len() == views.len();
    let mut shown = Map::new();
    for (at, attribute) in types.iter().enumerate() {
        let answers = known.iter().map(|view| view.attributes.get(at));
        match agreed(answers) {
            Some(Some(Answer::Value(value))) => {
                if let Some((name, value)) = attributes::shown(*attribute, value) {
                    shown.insert(name.into(), value);
                }
            }
            Some(_) => {}
            None => {
                shown.insert(attributes::name(*attribute).into(), INCONSISTENT.into());
            }
        }
    }
    shown.insert("key-length-bytes".into(), attributes::key_length(key, session.profile()?).into());
    let users = |of: fn(&Ownership) -> &[UserName]| -> Vec<Json> {
        let names: BTreeSet<&UserName> = known.iter().flat_map(|view| of(&view.ownership)).collect();
        let described = names.into_iter().map(|name| {
            let all = everywhere && known.iter().all(|view| of(&view.ownership).contains(name));
            json!({"username": name.as_str(), "key-coverage": coverage(all)})
        });
        described.collect()
    };
    let value = |of: fn(&Ownership) -> u8| match agreed(known.iter().map(|view| of(&view.ownership))) {
        Some(value) => json!(value),
        None => json!(INCONSISTENT),
    };
    let covered = match key.handle.place() {
        Place::Cluster => coverage(everywhere),
        Place::Node(_) => "session",
    };
    Ok(json!({
        "key-reference": reference(key.handle),
        "key-info": {
            "key-owners": users(|ownership| ownership.owner.as_slice()),
            "shared-users": users(|ownership| &ownership.terms.share_with),
            "key-quorum-values": {
                "manage-key-quorum-value": value(|ownership| ownership.terms.manage_quorum),
                "use-key-quorum-value": value(|ownership| ownership.terms.use_quorum),
            },
            "cluster-coverage": covered,
        },
        "attributes": shown,
    }))
}

/// Whether every node of the cluster has a key, and the same.
pub(crate) fn is_everywhere(session: &Session, handle: Handle) -> Result<bool, Failure> {
    let views = key_views(session, handle, &attributes::all())?;
    let known: Option<Vec<KeyView>> = views.into_iter().collect();
    Ok(known
        .is_some_and(|known| agreed(known.iter().map(|view| (&view.ownership, &view.attributes))).is_some()))
}

/// What each node has of a key; `None` for one that doesn't have it or can't be reached. A session key is on one node.
fn key_views(
    session: &Session,
    handle: Handle,
    types: &[AttributeType],
) -> Result<Vec<Option<KeyView>>, Failure> {
    let nodes = match handle.place() {
        Place::Cluster => session.nodes()?,
        Place::Node(node) => vec![node],
    };
    let ownerships = session.ask_each(&nodes, &Request::Ownership { handle });
    let attributes = session.ask_each(&nodes, &Request::GetAttributes { handle, types: types.to_vec() });
    ownerships
        .into_iter()
        .zip(attributes)
        .map(|(ownership, attributes)| key_view(ownership, attributes))
        .collect()
}

fn key_view(
    ownership: Result<Response, Error>,
    attributes: Result<Response, Error>,
) -> Result<Option<KeyView>, Failure> {
    match (ownership, attributes) {
        (Ok(Response::Ownership(ownership)), Ok(Response::Answers(attributes))) => {
            Ok(Some(KeyView { ownership, attributes }))
        }
        (Ok(_), Ok(_)) => Err(unexpected()),
        (Err(error), _) | (_, Err(error)) if lacks(&error) => Ok(None),
        (Err(error), _) | (_, Err(error)) => Err(error.into()),
    }
}

/// Whether a node doesn't have the key, or can't be asked.
fn lacks(error: &Error) -> bool {
    is_away(error) || matches!(error.code, ReturnCode::OBJECT_HANDLE_INVALID | ReturnCode::KEY_HANDLE_INVALID)
}

/// A key's handle as cloudhsm-cli writes it.
pub(crate) fn reference(handle: Handle) -> String {
    format!("{:#018x}", handle.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_model::Role;

    fn info(name: &str, role: Role) -> UserInfo {
        UserInfo { name: name.parse().unwrap(), role, locked: false, mfa: false, quorum: true }
    }

    fn views(of: Vec<Option<Vec<UserInfo>>>) -> Views<Vec<UserInfo>> {
        (0..).map(NodeId).zip(of).collect()
    }

    #[test]
    fn nodes_that_agree_show_what_they_have() {
        let both = vec![info("admin", Role::Admin), info("bob", Role::CryptoUser)];
        let shown = users(&views(vec![Some(both.clone()), Some(both)]));
        let expected = json!({
            "username": "bob", "role": "crypto-user", "locked": "false", "mfa": [],
            "quorum": [{"strategy": "token-sign", "status": "enabled"}], "cluster-coverage": "full",
        });
        assert_eq!((shown.len(), &shown[1]), (2, &expected));
    }

    #[test]
    fn each_difference_is_told_where_it_is() {
        let differing = UserInfo { locked: true, mfa: true, quorum: false, ..info("bob", Role::Admin) };
        let shown = users(&views(vec![Some(vec![info("bob", Role::CryptoUser)]), Some(vec![differing])]));
        assert_eq!(shown.len(), 1);
        for told in [
            &shown[0]["role"],
            &shown[0]["locked"],
            &shown[0]["mfa"][0]["status"],
            &shown[0]["quorum"][0]["status"],
        ] {
            assert_eq!(told, INCONSISTENT);
        }
        assert_eq!(shown[0]["cluster-coverage"], "full");
    }

    #[test]
    fn a_node_that_lacks_a_user_or_is_away_makes_coverage_partial() {
        let bob = || Some(vec![info("bob", Role::CryptoUser)]);
        for other in [Some(Vec::new()), None] {
            let shown = users(&views(vec![bob(), other]));
            assert_eq!(
                (&shown[0]["cluster-coverage"], &shown[0]["role"]),
                (&json!(INCONSISTENT), &json!("crypto-user"))
            );
        }
    }
}
