//! A cluster that is open: its nodes, and how it is.

use std::sync::Arc;

use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Handle, NodeId, Profile};
use strongroom_node::state::{Replica, Revision};
use strongroom_node::{Clock, Node, NodeParts};
use strongroom_store::Store;
use strongroom_wire::Member;

use crate::create::create;
use crate::ledger::{Ledger, LedgerParts};
use crate::load::load;
use crate::{ClusterError, CreateOptions};

/// A cluster with its nodes, ready to serve.
///
/// Nodes keep the way to the store open, so the store closes when cluster and nodes are dropped.
pub struct Cluster {
    name: String,
    serial: String,
    pub(crate) ledger: Arc<Ledger>,
    nodes: Vec<Arc<Node>>,
}

/// How a cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// The token's label.
    pub label: String,
    /// The token's serial number: 16 hex digits, made when the cluster was.
    pub serial: String,
    /// What it allows.
    pub profile: Profile,
    /// Whether the token is initialised, that is, whether there is an officer.
    pub initialized: bool,
    /// The number of the last committed change.
    pub revision: Revision,
    /// How many token objects there are.
    pub objects: usize,
}

impl Cluster {
    /// Makes a cluster in an empty store, by one commit, and opens it.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Exists`] if the store isn't empty; [`ClusterError::Options`]; those of the store.
    /// Nothing is left behind, except that after an error of the disk it's unknown what is on it.
    pub fn create(
        store: Arc<dyn Store>,
        options: &CreateOptions,
        root: &SealingKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClusterError> {
        create(&*store, options, root)?;
        Self::open(store, root, clock)
    }

    /// Opens the cluster that a store has, checks all of it, and notes the start.
    ///
    /// # Errors
    ///
    /// [`ClusterError`]: nothing that is damaged, or that someone else made, is served.
    pub fn open(
        store: Arc<dyn Store>,
        root: &SealingKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClusterError> {
        let loaded = load(&store.load()?, root)?;
        let (name, serial) = (loaded.meta.name, loaded.meta.serial);
        let boot = loaded.boots;
        // A number that counts starts is the start's number too, from 0.
        if boot >= Handle::MAX_BOOTS {
            return Err(ClusterError::WornOut { cluster: name, starts: boot });
        }
        let members =
            loaded.meta.nodes.iter().map(|node| Member { node: *node, socket: String::new() }).collect();
        let ledger = Arc::new(Ledger::new(LedgerParts {
            cluster: name.clone(),
            store,
            vault: loaded.vault,
            clock: Arc::clone(&clock),
            master: Replica::load(loaded.revision, loaded.records.iter().cloned()),
            notes: loaded.notes,
            fingerprint: loaded.fingerprint,
            next_handle: loaded.next_handle,
            members,
            epoch: loaded.meta.epoch,
        }));
        ledger.start(boot + 1)?;

        let revision = ledger.read(Replica::revision);
        let masking = Arc::new(loaded.masking);
        let node = |id: &NodeId| {
            Node::new(NodeParts {
                id: *id,
                boot,
                cluster: name.clone(),
                serial: serial.clone(),
                port: Arc::<Ledger>::clone(&ledger),
                clock: Arc::clone(&clock),
                masking: Arc::clone(&masking),
                replica: Replica::load(revision, loaded.records.iter().cloned()),
            })
        };
        let nodes: Vec<_> = loaded.meta.nodes.iter().map(node).collect();
        ledger.attach(&nodes);
        Ok(Self { name, serial, ledger, nodes })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its nodes, in the order of their numbers.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Says where each node listens, so that clients can be told.
    pub fn set_sockets(&self, socket: impl Fn(NodeId) -> String) {
        self.ledger.set_sockets(socket);
    }

    /// How it is.
    pub fn info(&self) -> Info {
        self.ledger.read(|state| Info {
            name: self.name.clone(),
            label: state.policy().map_or_else(|| self.name.clone(), |policy| policy.label.clone()),
            serial: self.serial.clone(),
            profile: state.policy().map_or_else(Profile::default, |policy| policy.profile),
            initialized: state.is_initialized(),
            revision: state.revision(),
            objects: state.object_count(),
        })
    }
}
