//! `strongroom key ...`.

mod attribute;
mod file;
mod generate;
mod import;
mod list;
mod template;
mod unwrap;
mod wrap;

use serde_json::json;
use strongroom_model::{Handle, ObjectInfo, Role, limits};
use strongroom_wire::{Extras, Request, Response};

use crate::args::{Between, KeyCommand, OneKey, Share};
use crate::attributes::Filter;
use crate::output::{Failure, Output};
use crate::session::{Desk, Session, unexpected};
use crate::tokens::read_approvals;
use crate::views::{self, reference};

/// Manages keys. Output as cloudhsm-cli's.
pub(crate) fn run(desk: &Desk, command: &KeyCommand) -> Result<Output, Failure> {
    match command {
        KeyCommand::List { access, filter, verbose, max_items, starting_token, human } => {
            let page =
                list::Page { max_items: *max_items as usize, starting_token: starting_token.as_deref() };
            list::run(desk, access, filter, *verbose, &page, *human)
        }
        KeyCommand::Delete(key) => delete(desk, key),
        KeyCommand::GenerateAsymmetricPair(command) => generate::pair(desk, command),
        KeyCommand::GenerateSymmetric(command) => generate::symmetric(desk, command),
        KeyCommand::GenerateFile { key, encoding, path } => file::run(desk, key, *encoding, path),
        KeyCommand::Import(command) => import::run(desk, command),
        KeyCommand::SetAttribute { key, name, value, approval } => {
            attribute::set(desk, key, name, value, approval)
        }
        KeyCommand::Share(arguments) => share(desk, arguments, true),
        KeyCommand::Unshare(arguments) => share(desk, arguments, false),
        KeyCommand::Wrap(command) => wrap::run(desk, command),
        KeyCommand::Unwrap(command) => unwrap::run(desk, command),
        KeyCommand::Replicate { key, between } => replicate(desk, key, between),
    }
}

/// All keys that match, in order of their references. Session keys are only seen by the process that made them.
pub(crate) fn find(session: &Session, filter: &Filter) -> Result<Vec<ObjectInfo>, Failure> {
    // From one node come the token keys and its own session keys; the others have more of these.
    let mut keys = find_by(filter, |request| session.call(request))?;
    for node in session.nodes_of_session() {
        keys.extend(find_by(filter, |request| Ok(session.ask(node, request)?))?);
    }
    keys.sort_by_key(|key| key.handle);
    keys.dedup_by_key(|key| key.handle);
    Ok(keys)
}

fn find_by(
    filter: &Filter,
    ask: impl Fn(&Request) -> Result<Response, Failure>,
) -> Result<Vec<ObjectInfo>, Failure> {
    let mut keys = Vec::new();
    // A search for one reference begins right before it.
    let mut after = filter.reference.map(|reference| Handle(reference.saturating_sub(1)));
    loop {
        let limit = match filter.reference {
            Some(_) => 1,
            None => u32::try_from(limits::MAX_FOUND).unwrap_or(u32::MAX),
        };
        let Response::Found(found) = ask(&Request::Find { template: filter.template.clone(), after, limit })?
        else {
            return Err(unexpected());
        };
        after = found.objects.last().map(|object| object.handle);
        let wanted = |object: &ObjectInfo| {
            object.class.is_key() && filter.reference.is_none_or(|reference| object.handle.0 == reference)
        };
        keys.extend(found.objects.into_iter().filter(wanted));
        if !found.more || after.is_none() || filter.reference.is_some() {
            return Ok(keys);
        }
    }
}

/// The one key that matches; `consequence` says what wasn't done otherwise.
pub(crate) fn find_one(session: &Session, filter: &Filter, consequence: &str) -> Result<ObjectInfo, Failure> {
    let mut keys = find(session, filter)?;
    match keys.len() {
        0 => Err(Failure::new(format!(
            "no key matches the filter, {consequence}; `strongroom key list` shows them"
        ))),
        1 => Ok(keys.remove(0)),
        several => {
            let references: Vec<String> = keys.iter().take(5).map(|key| reference(key.handle)).collect();
            Err(Failure::new(format!(
                "{several} keys match the filter, {consequence}; say which with attr.class=... or key-reference=...: {}{}",
                references.join(", "),
                if several > references.len() { ", ..." } else { "" }
            )))
        }
    }
}

/// A new key, described in full.
fn made(session: &Session, response: Response) -> Result<Output, Failure> {
    let Response::Object(key) = response else { return Err(unexpected()) };
    Ok(Output::Data(json!({"key": views::key(session, &key)?})))
}

fn delete(desk: &Desk, OneKey { access, filter }: &OneKey) -> Result<Output, Failure> {
    let filter = Filter::parse(filter)?;
    let session = desk.login(access, Role::CryptoUser)?;
    let key = find_one(&session, &filter, "so none was deleted")?;
    match session.call_about(key.handle, &Request::Destroy { handle: key.handle })? {
        Response::Done => Ok(Output::Data(json!({"message": "Key deleted successfully"}))),
        _ => Err(unexpected()),
    }
}

fn share(desk: &Desk, arguments: &Share, shared: bool) -> Result<Output, Failure> {
    let Share { key: OneKey { access, filter }, username, role, approval } = arguments;
    if *role != Role::CryptoUser {
        return Err(Failure::new(format!("keys are shared with crypto users, and {role} isn't that role")));
    }
    let filter = Filter::parse(filter)?;
    let approvals = read_approvals([&approval.approval])?;
    let session = desk.login(access, Role::CryptoUser)?;
    let consequence = if shared { "so none was shared" } else { "so none was unshared" };
    let handle = find_one(&session, &filter, consequence)?.handle;
    let request = Request::Share { handle, user: username.clone(), shared };
    match session.call_with(Some(handle), &Extras { approvals, ..Extras::default() }, &request)? {
        Response::Done => {
            let message = if shared { "Key shared successfully" } else { "Key unshared successfully" };
            Ok(Output::Data(json!({"message": message})))
        }
        _ => Err(unexpected()),
    }
}

fn replicate(desk: &Desk, OneKey { access, filter }: &OneKey, between: &Between) -> Result<Output, Failure> {
    let filter = Filter::parse(filter)?;
    let two = desk.two(access, between)?;
    let session = desk.login(two.as_ref().map_or(access, |[source, _]| source), Role::CryptoUser)?;
    let key = find_one(&session, &filter, "so there is nothing to replicate")?;
    if !key.token {
        return Err(Failure::new(
            "a session key is on one node only; make it a token key with  key set-attribute --name token --value true",
        ));
    }
    if !views::is_everywhere(&session, key.handle)? {
        return Err(Failure::new("The selected key is not synchronized throughout the cluster"));
    }
    if let Some([source, destination]) = two {
        let to = desk.login_beyond(&source, &destination, Role::CryptoUser)?;
        let (_, serial) = to.token()?;
        let request = Request::ExtractMasked { handle: key.handle, to: serial };
        let Response::Bytes(masked) = session.call_about(key.handle, &request)? else {
            return Err(unexpected());
        };
        let Response::Object(_) = to.call(&Request::InsertMasked { masked })? else {
            return Err(unexpected());
        };
    }
    Ok(Output::Data(json!({"message": "Successfully replicated key"})))
}
