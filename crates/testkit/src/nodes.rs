//! A cluster's nodes: what can go wrong with them, and which there are.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::cluster::{Cluster, Node};
use crate::process::{Finished, run_any};

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NodeStatus {
    /// Its number.
    pub node: u16,
    /// `running`, `stopped` or `cut`.
    pub state: String,
    /// What is wrong with it on purpose.
    pub faults: Vec<String>,
    /// The last change that it has applied.
    pub revision: u64,
    /// Open connections.
    pub connections: u64,
    /// Requests since it started.
    pub requests: u64,
    /// Its socket.
    pub socket: PathBuf,
    /// Where it's reached by TLS, if it is.
    pub address: Option<String>,
}

impl Cluster {
    /// Has a node gone at once, as by a crash: connections end in the middle of calls, session objects are gone.
    ///
    /// # Panics
    ///
    /// When that fails, as every method here.
    #[track_caller]
    pub fn stop_node(&self, node: u16) {
        self.fault("stop", node, &[]);
    }

    /// Has a stopped node back.
    #[track_caller]
    pub fn start_node(&self, node: u16) {
        self.fault("start", node, &[]);
    }

    /// Cuts a node off from its cluster. Clients still reach it.
    #[track_caller]
    pub fn cut(&self, node: u16) {
        self.fault("cut", node, &[]);
    }

    /// Connects a node again that was cut off.
    #[track_caller]
    pub fn heal(&self, node: u16) {
        self.fault("heal", node, &[]);
    }

    /// Has each answer of a node come so much later; zero ends that.
    #[track_caller]
    pub fn delay(&self, node: u16, delay: Duration) {
        self.fault("delay", node, &[&delay.as_millis().to_string()]);
    }

    /// Breaks the connection of so many of a hundred calls to a node; 0 ends that.
    #[track_caller]
    pub fn drop_calls(&self, node: u16, percent: u8) {
        self.fault("drop", node, &[&percent.to_string()]);
    }

    /// Has a node answer so many of a hundred calls by "busy"; 0 ends that.
    #[track_caller]
    pub fn throttle(&self, node: u16, percent: u8) {
        self.fault("throttle", node, &[&percent.to_string()]);
    }

    /// Has a node take requests and answer nothing.
    #[track_caller]
    pub fn hang(&self, node: u16) {
        self.fault("hang", node, &[]);
    }

    /// Ends all faults of a node.
    #[track_caller]
    pub fn clear_faults(&self, node: u16) {
        self.fault("clear", node, &[]);
    }

    /// Adds a node, which serves then; its number.
    #[track_caller]
    pub fn add_node(&mut self) -> u16 {
        let added: NodeStatus = parse(&run_any(&mut self.on_nodes(&["node", "add"])).expect_success(), "");
        self.note_nodes();
        added.node
    }

    /// Removes a node when its calls have ended.
    #[track_caller]
    pub fn remove_node(&mut self, node: u16) {
        self.try_remove_node(node).expect_success();
        self.note_nodes();
    }

    /// Tries to remove a node; what the command said.
    #[track_caller]
    pub fn try_remove_node(&self, node: u16) -> Finished {
        run_any(&mut self.on_nodes(&["node", "remove", &node.to_string()]))
    }

    /// How the nodes are, in the order of their numbers.
    #[track_caller]
    pub fn nodes(&self) -> Vec<NodeStatus> {
        parse(&run_any(&mut self.on_nodes(&["node", "list"])).expect_success(), "nodes")
    }

    /// How a node is.
    #[track_caller]
    pub fn node(&self, node: u16) -> NodeStatus {
        let nodes = self.nodes();
        let found = nodes.iter().find(|status| status.node == node);
        found.cloned().unwrap_or_else(|| panic!("the cluster has no node {node}: {nodes:?}"))
    }

    #[track_caller]
    fn fault(&self, what: &str, node: u16, more: &[&str]) {
        let node = node.to_string();
        let arguments = [&["fault", "node", what, &node], more].concat();
        run_any(&mut self.on_nodes(&arguments)).expect_success();
    }

    fn on_nodes(&self, arguments: &[&str]) -> Command {
        let mut command = self.strongroom(arguments);
        command.args(["--cluster", self.builder.name.as_deref().unwrap_or("default")]);
        command
    }

    /// Notes which nodes there are now, so that `up` isn't asked for those there were.
    #[track_caller]
    fn note_nodes(&mut self) {
        self.up.nodes = self
            .nodes()
            .into_iter()
            .map(|node| Node { socket: node.socket, address: node.address })
            .collect();
        self.builder.nodes = None;
    }
}

/// What a command printed, or a part of it.
#[track_caller]
fn parse<T: serde::de::DeserializeOwned>(finished: &Finished, part: &str) -> T {
    let printed: Result<Value, _> = serde_json::from_str(&finished.stdout());
    let mut data = printed.map(|mut printed| printed["data"].take()).unwrap_or_default();
    let wanted = if part.is_empty() { data } else { data[part].take() };
    serde_json::from_value(wanted)
        .unwrap_or_else(|error| panic!("not what was expected ({error}): {}", finished.report()))
}
