//! Why the daemon doesn't start.

use std::io;
use std::path::{Path, PathBuf};

/// Why the daemon doesn't start, or had to end: what happened, to what, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The configuration file can't be used.
    #[error("the configuration {}: {problem}", file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// Others may read or write what is the daemon's alone.
    #[error("others may read or write {}, which keeps keys (its mode is {mode:o}): run  chmod {wanted:o} {}", path.display(), path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// The mode it has.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// The home belongs to another user.
    #[error("{} belongs to the user with id {owner}, not to the one who runs this: run as that user, or choose another home", path.display())]
    NotOurs {
        /// The file or directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Another daemon serves this home.
    #[error("{} is served by another daemon ({}): stop it with  strongroom down --home {}  or choose another home",
        home.display(), pid.map_or_else(|| "its process id isn't known".to_owned(), |pid| format!("process {pid}")), home.display())]
    Busy {
        /// The home.
        home: PathBuf,
        /// Who holds it, where known.
        pid: Option<u32>,
    },
    /// A socket's path doesn't fit in an address.
    #[error("the path {} has {len} bytes, but a socket's may have {max} at most: choose a shorter home with --home", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        len: usize,
        /// The most that is allowed.
        max: usize,
    },
    /// The home's root key can't be used.
    #[error("{}: {problem}", path.display())]
    RootKey {
        /// The key's file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// An authority that certifies clusters' keys can't be used.
    #[error("{}: {problem}", path.display())]
    Authority {
        /// Its certificate's or its key's file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A cluster can't be served.
    #[error("cluster {name} in {}: {problem}", path.display())]
    Cluster {
        /// Its name.
        name: String,
        /// Its directory.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// What the configuration says of backups can't be done.
    #[error("{0}")]
    Backups(String),
    /// The AWS control plane can't be served.
    #[error("the AWS control plane, whose records are in {}: {problem}", path.display())]
    Aws {
        /// The directory of its records.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
}

impl ServeError {
    pub(crate) fn io(action: &'static str, path: &Path, error: impl Into<io::Error>) -> Self {
        Self::Io { action, path: path.to_owned(), error: error.into() }
    }
}
