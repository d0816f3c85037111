//! `strongroom audit show`.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use strongroom_model::NodeId;
use strongroom_server::audit::{Record, Tail, stored};

use super::{Place, form};
use crate::args::AuditFormat;
use crate::output::{self, Failure, Output};

/// How often new records are looked for.
const LOOK: Duration = Duration::from_millis(200);

/// Prints records as they're read.
pub(super) fn lines(place: &Place, from: u64, format: AuditFormat, follow: bool) -> Result<Output, Failure> {
    let mut tails = tails(place)?;
    let mut shown = None;
    loop {
        let mut is_quiet = true;
        for (node, tail) in &mut tails {
            loop {
                let lines = next(tail)?;
                if lines.is_empty() {
                    break;
                }
                is_quiet = false;
                let text = render(*node, &lines, from, format, &mut shown);
                // Whoever closed our standard output doesn't want to read more.
                if io::stdout().write_all(text.as_bytes()).is_err() {
                    return Ok(Output::Silence);
                }
            }
        }
        match (follow, is_quiet) {
            (false, _) => return Ok(Output::Silence),
            (true, true) => thread::sleep(LOOK),
            (true, false) => {}
        }
    }
}

/// A line for each record.
pub(super) fn table(place: &Place, from: u64) -> Result<Output, Failure> {
    let mut rows = Vec::new();
    for (node, mut tail) in tails(place)? {
        loop {
            let lines = next(&mut tail)?;
            if lines.is_empty() {
                break;
            }
            let records = lines.iter().filter_map(|line| stored(&String::from_utf8_lossy(line)));
            rows.extend(records.filter(|record| record.sequence >= from).map(|record| row(node, &record)));
        }
    }
    let heading = ["time", "node", "seq", "opcode", "by", "about", "response"];
    Ok(Output::Text(output::table(&heading, &rows)))
}

fn tails(place: &Place) -> Result<Vec<(NodeId, Tail)>, Failure> {
    let nodes = place.nodes()?.into_iter();
    Ok(nodes.map(|node| (node, Tail::new(&place.home, &place.cluster, node))).collect())
}

fn next(tail: &mut Tail) -> Result<Vec<Vec<u8>>, Failure> {
    tail.next_lines().map_err(|error| Failure::new(error.to_string()))
}

/// `shown` is the stream that was last said to be shown.
fn render(
    node: NodeId,
    lines: &[Vec<u8>],
    from: u64,
    format: AuditFormat,
    shown: &mut Option<NodeId>,
) -> String {
    let mut text = String::new();
    for line in lines {
        let line = String::from_utf8_lossy(line);
        let record = stored(&line);
        if record.as_ref().is_some_and(|record| record.sequence < from) {
            continue;
        }
        if format == AuditFormat::Json {
            text.push_str(&line);
            text.push('\n');
            continue;
        }
        if shown.replace(node) != Some(node) {
            let hsm = record.as_ref().map_or("", |record| record.hsm.as_str());
            text.push_str(&format!("--- node {}, HSM {hsm}\n\n", node.0));
        }
        match record {
            Some(record) => text.push_str(&form::text(&record)),
            None => text.push_str("--- a line that isn't a record; see  strongroom audit verify\n\n"),
        }
    }
    text
}

fn row(node: NodeId, record: &Record) -> Vec<String> {
    let user = record.user_name.clone();
    let keys = [record.secret_key_handle, record.public_key_handle].into_iter().flatten();
    let keys = keys.filter(|handle| *handle != 0).map(|handle| format!("{handle:#x}"));
    let about: Vec<String> = user.into_iter().chain(keys).chain(record.note.clone()).collect();
    vec![
        form::time(record.time_usecs),
        node.0.to_string(),
        format!("{:#x}", record.sequence),
        record.opcode_name().to_owned(),
        record.session_user.clone().unwrap_or_else(|| "-".to_owned()),
        if about.is_empty() { "-".to_owned() } else { about.join(" ") },
        record.response.clone(),
    ]
}
