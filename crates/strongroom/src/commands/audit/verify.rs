//! `strongroom audit verify`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use strongroom_server::Home;
use strongroom_server::audit::{self, Anchor, AuditHead, ChainKey, Report};
use strongroom_server::control::{ControlError, ControlRequest, ControlResponse, call};

use super::Place;
use crate::daemon;
use crate::output::{Failure, Output};

/// The most problems that are told; there may be as many as bytes.
const MAX_TOLD: usize = 20;

/// Checks the home's logs, by what the daemon knows too if it runs; and that they have all that an export had.
pub(super) fn logs(place: &Place, from: u64, since: Option<&Path>) -> Result<Output, Failure> {
    let key = key(&place.home)?;
    let earlier = match since {
        Some(file) => ends(&key, file, from)?,
        None => BTreeMap::new(),
    };
    // Asked first: what is written meanwhile is behind what the daemon says.
    let heads = heads(place)?;
    let streams = place.streams()?;
    let mut reports = Vec::new();
    for stream in &streams {
        let head = heads.iter().flatten().find(|head| head.node == stream.node);
        let mut anchors: Vec<Anchor> = head.and_then(anchor).into_iter().collect();
        let end_of_name = format!("-{}", stream.node.0);
        let exported = earlier.iter().find(|(hsm, _)| match head {
            Some(head) => **hsm == head.hsm,
            None => hsm.ends_with(&end_of_name),
        });
        anchors.extend(exported.map(|(_, anchor)| anchor.clone()));
        reports.push(audit::verify(&key, stream, head.map(|head| head.hsm.as_str()), from, &anchors));
    }
    let is_there = |head: &AuditHead| streams.iter().any(|stream| stream.node == head.node);
    if let Some(head) = heads.iter().flatten().find(|head| !is_there(head)) {
        return Err(Failure::new(format!(
            "the log of node {} isn't there, but the daemon writes it: put back {}",
            head.node.0,
            place.home.audit_of_node(&place.cluster, head.node).display()
        )));
    }
    tell(&format!("cluster {}", place.cluster), &reports, json!(heads.is_some()))
}

/// Checks an export by itself.
pub(super) fn export(home: &Home, file: &Path, from: u64) -> Result<Output, Failure> {
    let reports = audit::verify_export(&key(home)?, &read(file)?, from, &BTreeMap::new());
    tell(&file.display().to_string(), &reports, json!(false))
}

fn key(home: &Home) -> Result<ChainKey, Failure> {
    audit::key(home).map_err(|error| {
        Failure::new(format!("{error}: the home's root key is needed to tell whether the log is genuine"))
    })
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::new(format!("{} can't be read: {error}", file.display())))
}

/// Where the streams of an export end, if all of it is genuine.
fn ends(key: &ChainKey, file: &Path, from: u64) -> Result<BTreeMap<String, Anchor>, Failure> {
    let reports = audit::verify_export(key, &read(file)?, from, &BTreeMap::new());
    tell(&file.display().to_string(), &reports, Value::Null)?;
    Ok(reports.into_iter().filter_map(|report| Some((report.hsm, report.last?))).collect())
}

/// Where the daemon says that the cluster's logs end, which their heads then say, too; `None` if none runs.
pub(super) fn heads(place: &Place) -> Result<Option<Vec<AuditHead>>, Failure> {
    match call(place.home.path(), ControlRequest::AuditHeads) {
        Ok(ControlResponse::AuditHeads(mut heads)) => {
            heads.retain(|head| {
                head.cluster == place.cluster && place.node.is_none_or(|node| head.node == node)
            });
            Ok(Some(heads))
        }
        Ok(_) => Err(daemon::unexpected()),
        Err(ControlError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn anchor(head: &AuditHead) -> Option<Anchor> {
    let (sequence, hash) = head.last.clone()?;
    Some(Anchor { sequence, hash })
}

fn tell(what: &str, reports: &[Report], by_daemon: Value) -> Result<Output, Failure> {
    let problems: Vec<String> = reports
        .iter()
        .flat_map(|report| report.problems.iter().map(move |problem| (report, problem)))
        .map(|(report, problem)| {
            let stream = if report.hsm.is_empty() { String::new() } else { format!("HSM {}, ", report.hsm) };
            let line = if problem.line == 0 { String::new() } else { format!(" line {}", problem.line) };
            format!("{stream}{}{line}: {}", problem.file, problem.what)
        })
        .collect();
    if problems.is_empty() && !reports.is_empty() {
        let streams: Vec<Value> = reports.iter().map(described).collect();
        return Ok(Output::Data(
            json!({"clean": true, "checked_with_daemon": by_daemon, "streams": streams}),
        ));
    }
    if reports.is_empty() {
        return Err(Failure::new(format!("there is nothing to check in {what}")));
    }
    let more: u64 = reports.iter().map(|report| report.more).sum();
    let count = problems.len() as u64 + more;
    let told = problems.iter().take(MAX_TOLD).cloned().collect::<Vec<_>>().join("; ");
    let rest = count.saturating_sub(MAX_TOLD as u64);
    let rest = if rest == 0 { String::new() } else { format!("; and {rest} more") };
    Err(Failure::new(format!("the audit log of {what} isn't as it was written: {told}{rest}")))
}

fn described(report: &Report) -> Value {
    json!({
        "hsm": report.hsm,
        "records": report.records,
        "first": report.first,
        "last": report.last.as_ref().map(|last| last.sequence),
        "hash": report.last.as_ref().map(|last| last.hash.as_str()),
        "unfinished": report.unfinished,
    })
}
