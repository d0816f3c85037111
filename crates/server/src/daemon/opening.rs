//! The clusters that a home has when the daemon starts.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use strongroom_cluster::{Cluster, ClusterError};
use strongroom_crypto::seal::SealingKey;
use strongroom_store::{SledStore, Store};

use super::SystemClock;
use crate::{Home, ServeError};

/// Opens a cluster; `None` for what is left of one that was never made to the end.
pub(super) fn open(home: &Home, name: &str, root: &SealingKey) -> Result<Option<Cluster>, ServeError> {
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

pub(super) fn open_store(path: &Path) -> Result<Arc<dyn Store>, strongroom_store::StoreError> {
    Ok(Arc::new(SledStore::open(path)?))
}

/// The clusters that a home has, by their directories.
pub(super) fn cluster_names(home: &Home) -> Result<Vec<String>, ServeError> {
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
