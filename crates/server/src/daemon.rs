//! The daemon: a home's clusters, served.

mod certificates;
mod clusters;
mod ending;
mod keeping;
mod managed;
mod members;
mod opening;

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use strongroom_cluster::{Cluster, ClusterError, CreateOptions, Issue};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::NodeId;
use strongroom_node::Clock;
use strongroom_store::Store;

use crate::audit::{AuditHead, Logs};
use crate::authorities::Authorities;
use crate::backups::{BackupPolicy, Backups};
use crate::control::{ClusterStatus, CreateCluster, Fault, Refusal, Status};
use crate::home::check_socket_path;
use crate::listener::Common;
use crate::network::{Addresses, Network};
use crate::root_key::load_or_make;
use crate::served::Served;
use crate::{Home, ServeError};
use clusters::Clusters;
use opening::{cluster_names, open, open_store};

/// How long calls in flight may take when the daemon ends.
const GRACE: Duration = Duration::from_secs(2);

/// A home that is served, until this is stopped or dropped.
pub struct Daemon {
    home: Home,
    root: SealingKey,
    authorities: Authorities,
    common: Arc<Common>,
    logs: Arc<Logs>,
    addresses: Arc<Addresses>,
    clusters: Clusters,
    backups: Backups,
    /// No backup is made by itself before that, since the last one failed.
    next_try: Mutex<u64>,
    // Released last: fields are dropped in order.
    _lock: File,
}

impl Daemon {
    /// Takes a home, opens its clusters and serves them.
    ///
    /// # Errors
    ///
    /// See [`ServeError`]. If one cluster can't be served, none is.
    pub fn start(home: &Home) -> Result<Self, ServeError> {
        Self::start_with(home, BackupPolicy::default(), Network::default())
    }

    /// As [`Daemon::start`]; backups are made and kept by this policy whenever [`Daemon::keep_backups`] is called, and nodes
    /// have TCP addresses as `network` says.
    ///
    /// # Errors
    ///
    /// As [`Daemon::start`].
    pub fn start_with(home: &Home, policy: BackupPolicy, network: Network) -> Result<Self, ServeError> {
        home.prepare()?;
        let lock = home.take()?;
        let root = load_or_make(home)?;
        let backups = Backups::open(home, &root, policy)?;
        ending::finish(home)?;
        let mut clusters = Vec::new();
        for name in cluster_names(home)? {
            clusters.extend(open(home, &name, &root)?);
        }
        home.remove_sockets();
        let addresses = Arc::new(Addresses::open(home, network)?);
        let common = Arc::default();
        let logs = Arc::new(Logs::new(home, &root)?);
        let serve = |cluster: Cluster| {
            let name = cluster.name().to_owned();
            Ok((name, Served::start(home, cluster, &common, &logs, &addresses)?))
        };
        let clusters = clusters.into_iter().map(serve).collect::<Result<_, ServeError>>()?;
        Ok(Self {
            home: home.clone(),
            authorities: Authorities::new(home, &root),
            root,
            common,
            logs,
            addresses,
            clusters: Clusters::new(clusters),
            backups,
            next_try: Mutex::new(0),
            _lock: lock,
        })
    }

    /// Makes a cluster and serves it.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; there is no cluster then, or the one that was there before.
    pub fn create_cluster(&self, wanted: CreateCluster) -> Result<ClusterStatus, Refusal> {
        let failed = |error: &dyn std::fmt::Display| Refusal::Failed(error.to_string());
        let CreateCluster {
            name,
            nodes,
            profile,
            variant,
            officer_password,
            crypto_users,
            uninitialized,
            own_ca,
        } = wanted;
        if own_ca && !uninitialized {
            return Err(Refusal::Failed(
                "a cluster that waits for its customer's certificate has no users yet: leave out their passwords"
                    .to_owned(),
            ));
        }
        let certificates = if own_ca {
            self.authorities.hardware().map(Issue::Awaiting)
        } else {
            self.authorities.customer().map(Issue::SelfIssued)
        };
        let certificates = certificates.map_err(|error| failed(&error))?;
        let options = CreateOptions {
            name,
            nodes,
            first_node: 0,
            profile,
            variant,
            officer_password,
            crypto_users,
            uninitialized,
            certificates,
        };
        self.create(options)
    }

    /// Makes a cluster without others before it, and serves it.
    fn create(&self, options: CreateOptions) -> Result<ClusterStatus, Refusal> {
        options.check().map_err(|error| Refusal::Failed(error.to_string()))?;
        self.make(&options.name, options.first_node + options.nodes - 1, |store| {
            Cluster::create(store, &options, &self.root, Arc::new(SystemClock))
        })
    }

    /// Makes a cluster in a store of its own, and serves it.
    fn make(
        &self,
        name: &str,
        last_node: u16,
        make: impl FnOnce(Arc<dyn Store>) -> Result<Cluster, ClusterError>,
    ) -> Result<ClusterStatus, Refusal> {
        let failed = |error: &dyn std::fmt::Display| Refusal::Failed(error.to_string());
        let place = self.clusters.reserve(name)?;
        check_socket_path(&self.home.socket(name, NodeId(last_node))).map_err(|error| failed(&error))?;
        let store = open_store(&self.home.cluster(name)).map_err(|error| failed(&error))?;
        let cluster = make(store).map_err(|error| match error {
            ClusterError::Exists => Refusal::Exists,
            error => failed(&error),
        })?;
        let served = Served::start(&self.home, cluster, &self.common, &self.logs, &self.addresses)
            .map_err(|error| failed(&error))?;
        let status = served.status();
        tracing::info!("made cluster {name}: {} nodes, profile {}", status.nodes.len(), status.profile);
        place.fill(served);
        Ok(status)
    }

    /// Makes something go wrong with a node, or right again; how the cluster is then.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has changed then.
    pub fn fault(&self, cluster: &str, node: NodeId, fault: Fault) -> Result<ClusterStatus, Refusal> {
        self.with(cluster, |served| {
            served.fault(node, fault)?;
            Ok(served.status())
        })
    }

    /// Does something with a cluster.
    fn with<T>(&self, cluster: &str, act: impl FnOnce(&Served) -> Result<T, String>) -> Result<T, Refusal> {
        act(&*self.clusters.get(cluster)?).map_err(Refusal::Failed)
    }

    /// Where the audit logs end that it writes.
    pub fn audit_heads(&self) -> Vec<AuditHead> {
        self.logs.heads()
    }

    /// How it is.
    pub fn status(&self) -> Status {
        Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            home: self.home.path().to_owned(),
            clusters: self.clusters.all().iter().map(|served| served.status()).collect(),
            aws: None,
        }
    }

    /// Takes no more calls, lets those in flight end for up to 2 seconds, and closes the stores.
    pub fn stop(&self) {
        let clusters = self.clusters.close();
        clusters.iter().for_each(|served| served.stop());
        let deadline = Instant::now() + GRACE;
        let left: usize = clusters.iter().map(|served| served.wait(deadline)).sum();
        if left > 0 {
            tracing::warn!("{left} connections were still busy after {} s and were cut off", GRACE.as_secs());
        }
        self.logs.settle();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The system's time.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}
