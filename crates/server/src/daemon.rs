//! The daemon: a home's clusters, served.

mod ending;
mod managed;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use strongroom_cluster::{Cluster, ClusterError, CreateOptions, Issue, RestoreOptions};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::NodeId;
use strongroom_node::Clock;
use strongroom_store::{SledStore, Store};

use crate::audit::{AuditHead, Logs};
use crate::authorities::Authorities;
use crate::backups::{BackupPolicy, Backups};
use crate::control::{
    BackupCommand, BackupReason, BackupSource, ClusterCertificates, ClusterStatus, ControlResponse,
    CreateCluster, Fault, Refusal, Status,
};
use crate::home::check_socket_path;
use crate::listener::Common;
use crate::network::{Addresses, Network};
use crate::root_key::load_or_make;
use crate::served::Served;
use crate::{Home, ServeError};

/// How long calls in flight may take when the daemon ends.
const GRACE: Duration = Duration::from_secs(2);
/// How long backups are left alone after something couldn't be done, in seconds.
const RETRY_BACKUPS: u64 = 60;

/// A home that is served, until this is stopped or dropped.
pub struct Daemon {
    home: Home,
    root: SealingKey,
    authorities: Authorities,
    common: Arc<Common>,
    logs: Arc<Logs>,
    addresses: Arc<Addresses>,
    clusters: Mutex<BTreeMap<String, Served>>,
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
            clusters: Mutex::new(clusters),
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
        let mut clusters = self.clusters.lock();
        if clusters.contains_key(name) {
            return Err(Refusal::Exists);
        }
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
        clusters.insert(name.to_owned(), served);
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

    /// Adds a node to a cluster that runs; its number, and how the cluster is then.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has changed then.
    pub fn add_node(&self, cluster: &str) -> Result<(NodeId, ClusterStatus), Refusal> {
        self.add_node_at(cluster, None)
    }

    /// As [`Daemon::add_node`], at an address that is wanted.
    ///
    /// # Errors
    ///
    /// [`Refusal`], also if the address isn't free on this machine; nothing has changed then.
    pub fn add_node_at(
        &self,
        cluster: &str,
        address: Option<Ipv4Addr>,
    ) -> Result<(NodeId, ClusterStatus), Refusal> {
        self.with(cluster, |served| {
            served.back_up(&self.backups, BackupReason::NodeAdded)?;
            let node = served.add_node(address)?;
            Ok((node, served.status()))
        })
    }

    /// Where a node is reached by TCP; `None` if it isn't.
    pub fn address_of(&self, cluster: &str, node: NodeId) -> Option<SocketAddrV4> {
        self.addresses.of(cluster, node)
    }

    /// Gives a node a TCP address, also before there is such a node or such a cluster: it listens there as soon as its
    /// cluster has certificates. A node that has an address keeps it, unless another is wanted.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: the address is another node's or isn't free on this machine. Nothing has changed then.
    pub fn reserve_address(
        &self,
        cluster: &str,
        node: NodeId,
        wanted: Option<Ipv4Addr>,
    ) -> Result<SocketAddrV4, Refusal> {
        let mut clusters = self.clusters.lock();
        let address = self.addresses.allot(cluster, node, wanted).map_err(Refusal::Failed)?;
        match clusters.get_mut(cluster) {
            Some(served) => served.listen_where_told().map_err(Refusal::Failed).map(|()| address),
            None => Ok(address),
        }
    }

    /// Has all nodes of a cluster listen for TLS, too, at addresses that they have or get; how the cluster is then.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn listen(&self, cluster: &str) -> Result<ClusterStatus, Refusal> {
        self.with(cluster, |served| {
            served.listen()?;
            Ok(served.status())
        })
    }

    /// Takes the address back that a node had which is no more, or that was reserved in vain.
    pub fn free_address(&self, cluster: &str, node: NodeId) {
        self.addresses.free(cluster, node);
    }

    /// Removes a node from a cluster that runs, when its calls in flight have ended; how the cluster is then.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: there is no such node, or it's the last. Nothing has changed then.
    pub fn remove_node(&self, cluster: &str, node: NodeId) -> Result<ClusterStatus, Refusal> {
        self.with(cluster, |served| {
            served.may_remove(node)?;
            served.back_up(&self.backups, BackupReason::NodeRemoved)?;
            served.remove_node(node)?;
            Ok(served.status())
        })
    }

    /// A cluster's certificates, and the roots that vouch for its hardware while it waits for its customer's.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: there is no such cluster, or it has no key of its own.
    pub fn certificates(&self, cluster: &str) -> Result<ClusterCertificates, Refusal> {
        let none = || format!("cluster {cluster} has no key of its own: it was made by an earlier version");
        let known = self.with(cluster, |served| served.certificates().ok_or_else(none))?;
        let roots = if known.csr.is_some() {
            Some(self.authorities.hardware().map_err(|error| Refusal::Failed(error.to_string()))?)
        } else {
            None
        };
        Ok(ClusterCertificates {
            csr: known.csr,
            hsm: known.hsm,
            aws_hardware: known.aws_hardware,
            manufacturer_hardware: known.manufacturer_hardware,
            aws_root: roots.as_ref().map(|roots| roots.aws.certificate().to_pem()),
            manufacturer_root: roots.as_ref().map(|roots| roots.manufacturer.certificate().to_pem()),
            cluster: known.cluster,
            trust_anchor: known.trust_anchor,
        })
    }

    /// Gives a cluster the certificate of its key that its customer has signed; its certificates then.
    ///
    /// # Errors
    ///
    /// [`Refusal`] with what is to be mended; nothing has changed then.
    pub fn initialize_cluster(
        &self,
        cluster: &str,
        signed_cert: &str,
        trust_anchor: &str,
    ) -> Result<ClusterCertificates, Refusal> {
        self.with(cluster, |served| served.initialize(signed_cert, trust_anchor))?;
        tracing::info!("cluster {cluster} was initialized by its customer's certificate");
        self.certificates(cluster)
    }

    /// Does what is asked about backups.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has changed then.
    pub fn backup(&self, command: BackupCommand) -> Result<ControlResponse, Refusal> {
        let (backups, now) = (&self.backups, SystemClock.now());
        let info = match command {
            BackupCommand::Create { cluster } => {
                let make = |served: &mut Served| served.back_up(backups, BackupReason::Requested);
                return self.with(&cluster, make).map(ControlResponse::Backup);
            }
            BackupCommand::List { cluster } => {
                return Ok(ControlResponse::Backups(backups.list(cluster.as_deref())));
            }
            BackupCommand::Verify { source } => {
                return backups.verify(&source).map(ControlResponse::Verified).map_err(Refusal::Failed);
            }
            BackupCommand::Restore { source, name, nodes } => {
                return self
                    .restore(&source, RestoreOptions { name, nodes, first_node: 0, variant: None })
                    .map(ControlResponse::Created);
            }
            BackupCommand::Copy { id, to } => backups.copy(&id, to.as_deref(), now),
            BackupCommand::Delete { id } => backups.delete(&id, now),
            BackupCommand::Undelete { id } => backups.undelete(&id),
            BackupCommand::Keep { id, forever } => backups.keep(&id, forever),
        };
        info.map(ControlResponse::Backup).map_err(Refusal::Failed)
    }

    /// Makes the backups that are due, moves images to the bucket if there is one, and does away with those that have had
    /// their time. What fails is tried again after a minute.
    pub fn keep_backups(&self) {
        let now = SystemClock.now();
        if now < *self.next_try.lock() {
            return;
        }
        if let Err(problem) = self.try_to_keep_backups(now) {
            *self.next_try.lock() = now + RETRY_BACKUPS;
            tracing::warn!("backups: {problem} (tried again in {RETRY_BACKUPS} s)");
        }
    }

    /// All that can be done is, whatever fails; the first failure is returned.
    fn try_to_keep_backups(&self, now: u64) -> Result<(), String> {
        let mut outcome = Ok(());
        for served in self.clusters.lock().values() {
            outcome = outcome.and(served.back_up_if_due(&self.backups, now));
        }
        // The service of a bucket may take its time: no cluster waits for it.
        outcome.and(self.backups.move_out()).and(self.backups.sweep(now))
    }

    /// Makes a cluster of a backup and serves it.
    fn restore(&self, source: &BackupSource, options: RestoreOptions) -> Result<ClusterStatus, Refusal> {
        let failed = |error: &dyn std::fmt::Display| Refusal::Failed(error.to_string());
        options.check().map_err(|error| failed(&error))?;
        // All of the image is read before anything is made.
        let backup = self.backups.read(source).map_err(Refusal::Failed)?;
        self.make(&options.name, options.first_node + options.nodes - 1, |store| {
            Cluster::restore(store, &backup, &options, &self.root, Arc::new(SystemClock))
        })
    }

    fn with<T>(
        &self,
        cluster: &str,
        act: impl FnOnce(&mut Served) -> Result<T, String>,
    ) -> Result<T, Refusal> {
        let mut clusters = self.clusters.lock();
        match clusters.get_mut(cluster) {
            Some(served) => act(served).map_err(Refusal::Failed),
            None => {
                let names: Vec<_> = clusters.keys().map(String::as_str).collect();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                Err(Refusal::Failed(format!("there is no cluster {cluster} here; there is {names}")))
            }
        }
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
            clusters: self.clusters.lock().values().map(Served::status).collect(),
            aws: None,
        }
    }

    /// Takes no more calls, lets those in flight end for up to 2 seconds, and closes the stores.
    pub fn stop(&self) {
        let mut clusters = std::mem::take(&mut *self.clusters.lock());
        clusters.values_mut().for_each(Served::stop);
        let deadline = Instant::now() + GRACE;
        let left: usize = clusters.values_mut().map(|served| served.wait(deadline)).sum();
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

/// Opens a cluster; `None` for what is left of one that was never made to the end.
fn open(home: &Home, name: &str, root: &SealingKey) -> Result<Option<Cluster>, ServeError> {
    let path = home.cluster(name);
    let problem =
        |problem: String| ServeError::Cluster { name: name.to_owned(), path: path.clone(), problem };
    let started = Instant::now();
    let store = open_store(&path).map_err(|error| problem(error.to_string()))?;
    match Cluster::open(store, root, Arc::new(SystemClock)) {
        Ok(cluster) if cluster.name() == name => {
            let info = cluster.info();
            tracing::info!(
                "opened cluster {name}: {} nodes, {} token objects, revision {}, in {} ms",
                cluster.nodes().len(),
                info.objects,
                info.revision,
                started.elapsed().as_millis()
            );
            Ok(Some(cluster))
        }
        Ok(cluster) => {
            let real = cluster.name();
            Err(problem(format!("it was made as {real}: name the directory and its witness so again")))
        }
        Err(ClusterError::Empty) => {
            tracing::warn!(
                "cluster {name} wasn't made to the end, so it isn't served: make it again with  strongroom up"
            );
            Ok(None)
        }
        Err(error) => Err(problem(error.to_string())),
    }
}

fn open_store(path: &Path) -> Result<Arc<dyn Store>, strongroom_store::StoreError> {
    Ok(Arc::new(SledStore::open(path)?))
}

/// The clusters that a home has, by their directories.
fn cluster_names(home: &Home) -> Result<Vec<String>, ServeError> {
    let dir = home.clusters();
    let unreadable = |error| ServeError::io("read", &dir, error);
    let mut names = Vec::new();
    let mut witnesses = Vec::new();
    for entry in fs::read_dir(&dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            names.push(name);
        } else if let Some(name) = name.strip_suffix(".witness") {
            witnesses.push(name.to_owned());
        }
    }
    if let Some(name) = witnesses.into_iter().find(|name| !names.contains(name)) {
        let problem = format!(
            "the directory is missing, but its witness is there: put the directory back, or, if the cluster is to be gone, remove {name}.witness"
        );
        return Err(ServeError::Cluster { path: home.cluster(&name), name, problem });
    }
    names.sort();
    Ok(names)
}

/// The system's time.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}
