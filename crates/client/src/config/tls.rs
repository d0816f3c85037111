//! What a cluster's configuration says of TLS, and where paths lead.

use std::fmt;
use std::path::{Path, PathBuf};

use strongroom_tls::{ClientTls, Pair, TlsError, certificates};

/// How the nodes that are reached by TCP are known, and how the client shows who it is. Files were read when the
/// configuration was: a process may lose the right to them later.
#[derive(Clone)]
pub struct Tls {
    files: TlsFiles,
    ready: ClientTls,
}

/// The files that say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the customer's CA, which has signed the cluster's; more of them may be in it.
    pub ca: PathBuf,
    /// The client's own certificate and its key, shown to nodes that ask.
    pub own: Option<(PathBuf, PathBuf)>,
    /// Whether nodes may speak TLS 1.2.
    pub tls12: bool,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which names the file and what to do.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let anchors = certificates(&files.ca)?;
        let own = match &files.own {
            Some((certificate, key)) => Some(Pair::read(certificate, key)?),
            None => None,
        };
        let ready = ClientTls::new(&anchors, own, files.tls12).map_err(|error| match error {
            TlsError::Unusable(why) => TlsError::Invalid { file: files.ca.clone(), why },
            error => error,
        })?;
        Ok(Self { files, ready })
    }

    /// The files that were read.
    pub const fn files(&self) -> &TlsFiles {
        &self.files
    }

    pub(crate) const fn ready(&self) -> &ClientTls {
        &self.ready
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl Eq for Tls {}

/// A path that a configuration names: a relative one counts from the folder of the configuration, since the working directory
/// of a daemon's worker isn't that of whoever wrote it.
pub(super) fn place(folder: Option<&Path>, path: &Path) -> Result<PathBuf, String> {
    match folder {
        _ if path.is_absolute() => Ok(path.to_owned()),
        Some(folder) if !path.as_os_str().is_empty() => Ok(folder.join(path)),
        _ => Err(format!("the path {path:?} must begin with /")),
    }
}
