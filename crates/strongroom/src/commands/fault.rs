//! `strongroom fault ...`.

use strongroom_model::NodeId;
use strongroom_server::control::{ControlRequest, ControlResponse, Fault, call};

use super::node::{place, show};
use crate::args::{FaultCommand, NodeFault, OfNode};
use crate::daemon;
use crate::output::{Failure, Output};

/// Makes something go wrong with a node, or right again; shows how the cluster's nodes are then.
pub(crate) fn run(command: &FaultCommand) -> Result<Output, Failure> {
    let FaultCommand::Node(fault) = command;
    let (of, fault) = translate(fault);
    let (home, cluster) = place(&of.which)?;
    match call(home.path(), ControlRequest::Fault { cluster, node: NodeId(of.node), fault })? {
        ControlResponse::Cluster(cluster) => Ok(show(&cluster, of.which.human)),
        _ => Err(daemon::unexpected()),
    }
}

fn translate(fault: &NodeFault) -> (&OfNode, Fault) {
    match fault {
        NodeFault::Stop(of) => (of, Fault::Stop),
        NodeFault::Start(of) => (of, Fault::Start),
        NodeFault::Cut(of) => (of, Fault::Cut),
        NodeFault::Heal(of) => (of, Fault::Heal),
        NodeFault::Delay { node, ms } => (node, Fault::Delay { ms: *ms }),
        NodeFault::Drop { node, percent } => (node, Fault::Drop { percent: *percent }),
        NodeFault::Throttle { node, percent } => (node, Fault::Throttle { percent: *percent }),
        NodeFault::Hang(of) => (of, Fault::Hang),
        NodeFault::Clear(of) => (of, Fault::Clear),
    }
}
