//! `strongroom quorum ...`.

use std::path::Path;

use serde_json::{Value, json};
use strongroom_model::{Role, Service};
use strongroom_wire::{ChallengeKind, Extras, QuorumSettings, QuorumTokenInfo, Request, Response};

use super::key::find_one;
use super::second_factor::challenges;
use crate::args::{Access, Place, Purpose, QuorumCommand, Scope, TokenSignCommand};
use crate::attributes::Filter;
use crate::output::{Failure, Output, table};
use crate::session::{Desk, Session, unexpected};
use crate::tokens::{Form, read_approvals, write_challenges, write_token};
use crate::views::{self, INCONSISTENT, Views, coverage};

/// Manages quorum tokens and how many approvals are needed. Output as cloudhsm-cli's.
pub(crate) fn run(desk: &Desk, QuorumCommand::TokenSign(command): &QuorumCommand) -> Result<Output, Failure> {
    match command {
        TokenSignCommand::Generate { access, service, token, filter } => {
            generate(desk, access, *service, token, filter)
        }
        TokenSignCommand::List { access, human } => list(desk, access, *human),
        TokenSignCommand::Delete { access, scope } => {
            let session = desk.login(access, Role::Admin)?;
            let all = *scope == Scope::All;
            session.done(&Extras::default(), &Request::DeleteQuorumTokens { all })?;
            Ok(Output::Data("Deletion of quorum token(s) successful".into()))
        }
        TokenSignCommand::ListQuorumValues { place, human } => list_values(desk, place, *human),
        TokenSignCommand::ListTimeouts { place, human } => list_timeouts(desk, place, *human),
        TokenSignCommand::SetQuorumValue { access, service, value, approval } => {
            let approvals = read_approvals([&approval.approval])?;
            let session = desk.login(access, Role::Admin)?;
            let extras = Extras { approvals, ..Extras::default() };
            session.done(&extras, &Request::SetQuorumValue { service: *service, value: *value })?;
            Ok(Output::Data("Set quorum value successful".into()))
        }
        TokenSignCommand::SetTimeout { access, generated, approved } => {
            let session = desk.login(access, Role::Admin)?;
            let request = Request::SetQuorumTimeouts { generated: *generated, approved: *approved };
            session.done(&Extras::default(), &request)?;
            Ok(Output::Data("Set token timeout successful".into()))
        }
    }
}

fn generate(
    desk: &Desk,
    access: &Access,
    purpose: Purpose,
    token: &Path,
    filter: &[String],
) -> Result<Output, Failure> {
    if token.exists() {
        return Err(Failure::new(format!(
            "{} is there already and was left as it is: remove it, or choose another name",
            token.display()
        )));
    }
    if !desk.is_interactive() {
        return Err(Failure::new(format!(
            "a token is only good for the login and the process that asked for it, and those of this command end with the \
             command. In  strongroom interactive  say  login ..., then  quorum token-sign generate ... --token {}",
            token.display()
        )));
    }
    match purpose {
        Purpose::Registration => {
            let session = desk.login(access, Role::Admin)?;
            let who = session.must_be_somebody()?;
            let drawn = challenges(&session, ChallengeKind::Registration, who.role, &who.user)?;
            write_challenges(token, &drawn, Form::Registration)?;
        }
        Purpose::Service(service) => {
            let usual = if service.is_for_a_key() { Role::CryptoUser } else { Role::Admin };
            let session = desk.login(access, usual)?;
            ask_for_token(&session, service, token, filter)?;
        }
    }
    Ok(Output::Data(json!({"path": token})))
}

fn ask_for_token(
    session: &Session,
    service: Service,
    token: &Path,
    filter: &[String],
) -> Result<(), Failure> {
    let key = match (service.is_for_a_key(), filter.is_empty()) {
        (true, false) => Some(find_one(session, &Filter::parse(filter)?, "so there is no token")?.handle),
        (false, true) => None,
        (true, true) => {
            return Err(Failure::new(format!("a token for {service} is for one key: name it with --filter")));
        }
        (false, false) => {
            return Err(Failure::new(format!("a token for {service} isn't for a key: leave --filter out")));
        }
    };
    let Response::Bytes(data) = session.call(&Request::QuorumToken { service, key })? else {
        return Err(unexpected());
    };
    write_token(token, &data, key.map(|key| (service, key)))
}

fn list(desk: &Desk, access: &Access, human: bool) -> Result<Output, Failure> {
    let session = desk.login(access, Role::Admin)?;
    let answers = views::ask_all(&session, &Request::ListQuorumTokens, |response| match response {
        Response::QuorumTokens(tokens) => Some(tokens),
        _ => None,
    })?;
    let tokens = merged(&answers);
    if human {
        let rows: Vec<Vec<String>> = tokens
            .iter()
            .map(|(token, coverage)| {
                vec![
                    token.user.to_string(),
                    token.service.to_string(),
                    token.key.map(views::reference).unwrap_or_default(),
                    token.required.to_string(),
                    token.approvals.to_string(),
                    token.seconds_left.to_string(),
                    (*coverage).to_string(),
                ]
            })
            .collect();
        let heading =
            ["username", "service", "key-reference", "required", "approvals", "seconds", "coverage"];
        return Ok(Output::Text(table(&heading, &rows)));
    }
    let described: Vec<Value> = tokens.iter().map(|(token, coverage)| described(token, coverage)).collect();
    Ok(Output::Data(json!({"tokens": described})))
}

/// The tokens of all nodes. A token has no name: those of a user for the same thing are told apart by their age, and nodes whose
/// clocks differ by a second show the same one.
fn merged(answers: &Views<Vec<QuorumTokenInfo>>) -> Vec<(QuorumTokenInfo, &'static str)> {
    let Some(longest) = answers.values().flatten().max_by_key(|tokens| tokens.len()) else {
        return Vec::new();
    };
    let same = |one: &QuorumTokenInfo, other: &QuorumTokenInfo| {
        (&one.user, one.role, one.service, one.key) == (&other.user, other.role, other.service, other.key)
            && one.seconds_left.abs_diff(other.seconds_left) <= 2
    };
    let everywhere = |token: &QuorumTokenInfo| {
        answers
            .values()
            .all(|view| view.as_ref().is_some_and(|tokens| tokens.iter().any(|other| same(token, other))))
    };
    longest.iter().map(|token| (token.clone(), coverage(everywhere(token)))).collect()
}

fn described(token: &QuorumTokenInfo, coverage: &str) -> Value {
    let mut described = json!({
        "username": token.user.as_str(),
        "service": token.service.to_string(),
        "approvals-required": {"value": token.required},
        "number-of-approvals": {"value": token.approvals},
        "token-timeout-seconds": {"value": token.seconds_left},
        "cluster-coverage": coverage,
    });
    if let Some(key) = token.key {
        described["key-reference"] = views::reference(key).into();
    }
    described
}

/// The settings of all nodes; where they differ, a value is `None`.
fn settings(desk: &Desk, place: &Place) -> Result<Vec<QuorumSettings>, Failure> {
    let session = desk.anonymous(place)?;
    let answers = views::ask_all(&session, &Request::QuorumSettings, |response| match response {
        Response::QuorumSettings(settings) => Some(settings),
        _ => None,
    })?;
    let settings: Vec<QuorumSettings> = answers.into_values().flatten().collect();
    if settings.is_empty() {
        return Err(Failure::new(format!("no node of the cluster {} can be reached", session.cluster())));
    }
    Ok(settings)
}

/// A number that all nodes should have.
fn agreed(settings: &[QuorumSettings], of: fn(&QuorumSettings) -> u32) -> Value {
    let first = of(&settings[0]);
    if settings.iter().all(|one| of(one) == first) { json!(first) } else { json!(INCONSISTENT) }
}

fn list_values(desk: &Desk, place: &Place, human: bool) -> Result<Output, Failure> {
    let settings = settings(desk, place)?;
    let mut values = json!({
        "user": agreed(&settings, |settings| settings.user.into()),
        "quorum": agreed(&settings, |settings| settings.quorum.into()),
    });
    let cluster = agreed(&settings, |settings| settings.cluster.into());
    // The vendor's list has two services where nothing was said of the third.
    if cluster != 1 {
        values["cluster"] = cluster;
    }
    Ok(shown(values, human, "service", "approvals"))
}

fn list_timeouts(desk: &Desk, place: &Place, human: bool) -> Result<Output, Failure> {
    let settings = settings(desk, place)?;
    let values = json!({
        "generated": agreed(&settings, |settings| settings.generated),
        "approved": agreed(&settings, |settings| settings.approved),
    });
    Ok(shown(values, human, "timeout", "seconds"))
}

fn shown(values: Value, human: bool, name: &str, value: &str) -> Output {
    if !human {
        return Output::Data(values);
    }
    let rows: Vec<Vec<String>> = values
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            vec![name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_string)]
        })
        .collect();
    Output::Text(table(&[name, value], &rows))
}
