//! A node's log as a test reads it.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use strongroom_testkit::{Cluster, run, run_any};

/// A record, by the fields that tests look at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Record {
    pub(crate) sequence: u64,
    pub(crate) reboot_counter: u64,
    pub(crate) opcode: String,
    pub(crate) response: String,
    pub(crate) log_type: String,
    pub(crate) session_handle: u32,
    pub(crate) user_name: Option<String>,
    pub(crate) user_type: Option<String>,
    pub(crate) secret_key_handle: Option<u64>,
    pub(crate) public_key_handle: Option<u64>,
}

impl Record {
    /// The opcode's name.
    pub(crate) fn name(&self) -> &str {
        self.opcode.split(' ').next().expect("a name")
    }

    /// The number in the response.
    pub(crate) fn code(&self) -> u64 {
        self.response.split(':').next().and_then(|code| code.parse().ok()).expect("a code")
    }

    /// The handles of both kinds of key.
    pub(crate) fn keys(&self) -> [u64; 2] {
        [self.secret_key_handle.unwrap_or(0), self.public_key_handle.unwrap_or(0)]
    }
}

/// What `strongroom audit show` prints of a node; numbers go up by one.
#[track_caller]
pub(crate) fn records(cluster: &Cluster, node: usize) -> Vec<Record> {
    let node = node.to_string();
    let shown = run(&mut cluster.strongroom(&["audit", "show", "--node", &node, "--format", "json"]));
    let records: Vec<Record> = shown
        .stdout()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record.sequence, at as u64, "node {node} has a gap");
    }
    records
}

/// Names and responses of a node's records from one on.
#[track_caller]
pub(crate) fn names(cluster: &Cluster, node: usize, from: usize) -> Vec<(String, u64)> {
    let records = records(cluster, node);
    records[from..].iter().map(|record| (record.name().to_owned(), record.code())).collect()
}

/// How many records a node has.
#[track_caller]
pub(crate) fn count(cluster: &Cluster, node: usize) -> usize {
    records(cluster, node).len()
}

/// What `strongroom audit verify` prints when all is well.
#[track_caller]
pub(crate) fn verify(cluster: &Cluster) -> Value {
    let verified = run(&mut cluster.strongroom(&["audit", "verify"])).stdout();
    serde_json::from_str(&verified).expect("JSON")
}

/// What it says when something is wrong.
#[track_caller]
pub(crate) fn complaint(cluster: &Cluster, options: &[&str]) -> String {
    let said = run_any(cluster.strongroom(&["audit", "verify"]).args(options)).expect_failure().stdout();
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["error_code"], 1);
    said["data"].as_str().expect("a sentence").to_owned()
}

/// The folder of a node's log.
pub(crate) fn folder(cluster: &Cluster, node: usize) -> PathBuf {
    cluster.home().join("audit/default").join(node.to_string())
}

/// All bytes of all logs.
pub(crate) fn bytes(cluster: &Cluster) -> Vec<u8> {
    let files = (0..2).flat_map(|node| fs::read_dir(folder(cluster, node)).expect("a folder").flatten());
    files.flat_map(|file| fs::read(file.path()).expect("a file")).collect()
}
