//! `strongroom node ...` and `strongroom fault ...`.

use clap::{Args, Subcommand};

use super::HomeOption;

pub(super) const NODE_HELP: &str = "\
Examples:
  strongroom node list --human
  strongroom node add                       a further node, with all users and token keys; it serves at once
  strongroom node remove 1                  its calls end first; session keys and multi-part operations on it are gone
  strongroom node add --cluster payments

Programs that run follow by themselves: nodes tell them who is a member. client.toml is rewritten for those that
start later. Membership stays as it is when the daemon restarts.";

pub(super) const FAULT_HELP: &str = "\
Examples:
  strongroom fault node stop 1              node 1 is gone at once, as by a crash
  strongroom fault node start 1             and back, without its session keys
  strongroom fault node cut 0               node 0 lives, but hears nothing from its cluster
  strongroom fault node heal 0
  strongroom fault node delay 1 200         each answer of node 1 comes 200 ms later
  strongroom fault node drop 1 5            5 % of the calls to node 1 lose their connection
  strongroom fault node throttle 1 50       node 1 answers half of its calls by CKR_FUNCTION_FAILED, code 187
  strongroom fault node hang 1              node 1 takes calls and answers none; clients wait for call_timeout_ms
  strongroom fault node clear 1             nothing is wrong with node 1 any more
  strongroom status --human                 shows what is wrong

For tests of software that must survive real HSMs. Faults are warnings in the daemon's log and end with the
daemon; nothing that was acknowledged is lost by any of them.";

/// Which cluster.
#[derive(Debug, Args)]
pub(crate) struct Which {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// The cluster [default: the first in client.toml]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// Print a table instead of JSON
    #[arg(long)]
    pub(crate) human: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List a cluster's nodes, and how they are
    List(Which),
    /// Add a node to a cluster that runs
    Add(Which),
    /// Remove a node from a cluster that runs; not the last one, nor the only one that serves
    ///
    /// Calls that it has are carried out and answered first. What it alone had is gone: session keys, multi-part
    /// operations. Its number isn't given to another node.
    Remove(OfNode),
}

#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Make something go wrong with a node, or right again
    #[command(subcommand, after_help = FAULT_HELP)]
    Node(NodeFault),
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeFault {
    /// Have a node gone at once, as by a crash
    ///
    /// Its connections end in the middle of calls; its session keys and multi-part operations are gone.
    Stop(OfNode),
    /// Have a stopped node back
    Start(OfNode),
    /// Cut a node off from its cluster; it lives, and clients reach it
    ///
    /// It misses changes and can make none. Under `standard` and `strict` it sends clients to other nodes.
    Cut(OfNode),
    /// Connect a node again that was cut off; it catches up
    Heal(OfNode),
    /// Have each answer of a node come later
    Delay {
        #[command(flatten)]
        node: OfNode,
        /// How much later, in milliseconds, up to 60000; 0 ends it
        #[arg(value_name = "MS", value_parser = clap::value_parser!(u32).range(0..=60_000))]
        ms: u32,
    },
    /// Break the connection of some calls, before they're carried out or after
    Drop {
        #[command(flatten)]
        node: OfNode,
        /// How many of a hundred; 0 ends it
        #[arg(value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
        percent: u8,
    },
    /// Have a node answer some calls by "busy": CKR_FUNCTION_FAILED, code 187
    Throttle {
        #[command(flatten)]
        node: OfNode,
        /// How many of a hundred; 0 ends it
        #[arg(value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
        percent: u8,
    },
    /// Have a node take requests and answer nothing, until `clear`
    Hang(OfNode),
    /// End all faults of a node
    Clear(OfNode),
}

/// A node of a cluster.
#[derive(Debug, Args)]
pub(crate) struct OfNode {
    /// The node's number
    #[arg(value_name = "NODE")]
    pub(crate) node: u16,
    #[command(flatten)]
    pub(crate) which: Which,
}
