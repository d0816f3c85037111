//! A cluster that is open: its nodes, and how it is.

use std::sync::Arc;

use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Profile, Variant};
use strongroom_node::Clock;
use strongroom_node::state::{Replica, Revision};
use strongroom_store::Store;

use crate::create::create;
use crate::ledger::{Ledger, LedgerParts};
use crate::load::load;
use crate::nodes::{Nodes, check_boot};
use crate::transport::{Direct, Transport};
use crate::{ClusterError, CreateOptions};

/// A cluster with its nodes, ready to serve.
///
/// Nodes keep the way to the store open, so the store closes when cluster and nodes are dropped.
pub struct Cluster {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) nodes: Nodes,
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
    /// Which HSM it plays under `cloudhsm`.
    pub variant: Variant,
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
        create(&*store, options, root, clock.now())?;
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
        Self::open_over(Arc::new(Direct), store, root, clock)
    }

    /// As [`Cluster::open`], with messages to nodes that go another way.
    pub(crate) fn open_over(
        transport: Arc<dyn Transport>,
        store: Arc<dyn Store>,
        root: &SealingKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClusterError> {
        let loaded = load(&store.load()?, root)?;
        let boot = check_boot(&loaded.meta.name, loaded.boots)?;
        let ledger = Arc::new(Ledger::new(LedgerParts {
            cluster: loaded.meta.name,
            store,
            vault: loaded.vault,
            clock: Arc::clone(&clock),
            transport,
            master: Replica::load(loaded.revision, loaded.records),
            notes: loaded.notes,
            lags: loaded.lags,
            fingerprint: loaded.fingerprint,
            next_handle: loaded.next_handle,
        }));
        let members = loaded.members;
        ledger.start(boot + 1, ledger.remains(&members.nodes)?)?;
        let nodes = Nodes::new(loaded.meta.serial, clock, loaded.masking, members.clone(), boot + 1);
        for id in &members.nodes {
            nodes.run(&ledger, *id, boot);
        }
        nodes.publish(&ledger, &members);
        Ok(Self { ledger, nodes })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.ledger.cluster()
    }

    /// How it is.
    pub fn info(&self) -> Info {
        self.ledger.read(|state| Info {
            name: self.name().to_owned(),
            label: state.policy().map_or_else(|| self.name().to_owned(), |policy| policy.label.clone()),
            serial: self.nodes.serial.clone(),
            profile: state.profile(),
            variant: state.regime().variant,
            initialized: state.is_initialized(),
            revision: state.revision(),
            objects: state.object_count(),
        })
    }
}
