//! The daemon's home directory: where everything is, and who may read it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use strongroom_model::NodeId;

use crate::ServeError;

/// The longest path of a Unix socket on Linux: `sun_path` holds 108 bytes with the zero at the end (unix(7)).
const MAX_SOCKET_PATH: usize = 107;
/// Others may pass through the home to the sockets, but not look into it.
const HOME_MODE: u32 = 0o711;

/// A home directory, by its absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

/// The home when none is named: `$STRONGROOM_HOME`, else `/var/lib/strongroom` for root, else
/// `strongroom` under `$XDG_DATA_HOME` or `~/.local/share`.
pub fn default_home() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(home) = variable("STRONGROOM_HOME") {
        return home;
    }
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/strongroom");
    }
    let data = variable("XDG_DATA_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("/var/lib"));
    data.join("strongroom")
}

impl Home {
    /// The home at a path, which need not exist; a relative one counts from the current directory.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The key that all clusters' masking keys are sealed under.
    pub fn root_key(&self) -> PathBuf {
        self.0.join("root.key")
    }

    /// The file that the daemon holds a lock on while it runs; it has the daemon's process id.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The socket that the `strongroom` command speaks to the daemon by.
    pub fn control(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// The passwords that `strongroom up` made.
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets.json")
    }

    /// The clients' configuration that `strongroom up` writes.
    pub fn client_config(&self) -> PathBuf {
        self.0.join("client.toml")
    }

    /// Which TCP addresses the nodes have.
    pub fn addresses(&self) -> PathBuf {
        self.0.join("addresses.json")
    }

    /// The daemon's configuration, if there is one and none is named.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// Where a daemon in the background logs to.
    pub fn log(&self) -> PathBuf {
        self.0.join("daemon.log")
    }

    /// The clusters' directories, by their names.
    pub fn clusters(&self) -> PathBuf {
        self.0.join("clusters")
    }

    /// A cluster's store.
    pub fn cluster(&self, name: &str) -> PathBuf {
        self.clusters().join(name)
    }

    /// The clusters' backups.
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// What the AWS control plane knows of clusters and backups.
    pub fn aws(&self) -> PathBuf {
        self.0.join("aws")
    }

    /// One of the two roots of all backups; the other comes from the root key.
    pub fn maker_key(&self) -> PathBuf {
        self.0.join("maker.key")
    }

    /// The authorities that certify clusters' keys.
    pub fn authorities(&self) -> PathBuf {
        self.0.join("authorities")
    }

    /// The certificate that clients of this home's own clusters trust, once there is such a cluster.
    pub fn customer_ca(&self) -> PathBuf {
        self.authorities().join("customerCA.crt")
    }

    /// The clusters' audit logs.
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// A cluster's audit logs.
    pub fn audit_of(&self, cluster: &str) -> PathBuf {
        self.audit().join(cluster)
    }

    /// A node's audit log.
    pub fn audit_of_node(&self, cluster: &str, node: NodeId) -> PathBuf {
        self.audit_of(cluster).join(node.0.to_string())
    }

    /// The directory of the nodes' sockets.
    pub fn sockets(&self) -> PathBuf {
        self.0.join("s")
    }

    /// A node's socket.
    pub fn socket(&self, cluster: &str, node: NodeId) -> PathBuf {
        self.sockets().join(format!("{cluster}-{}.sock", node.0))
    }

    /// Removes the sockets that a daemon left that was killed: nobody answers there, and a node may be a member no
    /// more. The caller holds the home.
    pub(crate) fn remove_sockets(&self) {
        let Ok(entries) = fs::read_dir(self.sockets()) else { return };
        let sockets = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()));
        for socket in sockets {
            // One that's in the way is complained about when it's to be made.
            let _ = fs::remove_file(socket.path());
        }
    }

    /// Makes the home and its directories where they're missing, with their modes.
    ///
    /// # Errors
    ///
    /// [`ServeError::Exposed`] if others may read or write the home; [`ServeError::NotOurs`] if it's
    /// another user's; [`ServeError::Io`].
    pub fn prepare(&self) -> Result<(), ServeError> {
        if let Some(parent) = self.0.parent() {
            fs::create_dir_all(parent).map_err(|error| ServeError::io("make", parent, error))?;
        }
        make_directory(&self.0, HOME_MODE)?;
        // Passing through is fine, looking and changing isn't.
        check_private(&self.0, 0o066, HOME_MODE)?;
        for (path, mode) in [
            (self.clusters(), 0o700),
            (self.backups(), 0o700),
            (self.authorities(), 0o711),
            (self.sockets(), 0o711),
        ] {
            make_directory(&path, mode)?;
            check_private(&path, !mode & 0o777, mode)?;
        }
        Ok(())
    }

    /// Takes the home for this process, until the file is closed.
    ///
    /// # Errors
    ///
    /// [`ServeError::Busy`] if another daemon has it.
    pub(crate) fn take(&self) -> Result<File, ServeError> {
        let path = self.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| ServeError::io("open", &path, error))?;
        if let Err(error) = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(ServeError::io("lock", &path, error));
            }
            let mut pid = String::new();
            // The holder may just be writing it; the message does without, then.
            let _ = file.read_to_string(&mut pid);
            return Err(ServeError::Busy { home: self.0.clone(), pid: pid.trim().parse().ok() });
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(|error| ServeError::io("write", &path, error))?;
        Ok(file)
    }
}

/// Refuses a socket's path that is too long for the system.
pub(crate) fn check_socket_path(path: &Path) -> Result<(), ServeError> {
    let len = path.as_os_str().len();
    if len > MAX_SOCKET_PATH {
        return Err(ServeError::PathTooLong { path: path.to_owned(), len, max: MAX_SOCKET_PATH });
    }
    Ok(())
}

/// Refuses a file or directory that has one of the mode bits `forbidden`, or isn't ours.
pub(crate) fn check_private(path: &Path, forbidden: u32, wanted: u32) -> Result<(), ServeError> {
    let metadata = fs::metadata(path).map_err(|error| ServeError::io("look at", path, error))?;
    let mode = metadata.mode() & 0o7777;
    if mode & forbidden != 0 {
        return Err(ServeError::Exposed { path: path.to_owned(), mode, wanted });
    }
    let owner = metadata.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Err(ServeError::NotOurs { path: path.to_owned(), owner });
    }
    Ok(())
}

/// Makes a directory unless it's there; one that's there keeps its mode, which its owner may have chosen.
pub(crate) fn make_directory(path: &Path, mode: u32) -> Result<(), ServeError> {
    match DirBuilder::new().mode(mode).create(path) {
        // The mode given above is cut by the umask.
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(|error| ServeError::io("set the mode of", path, error)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(ServeError::io("make", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_made_for_others_to_pass_and_not_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().join("deep/home"));
        home.prepare().unwrap();
        home.prepare().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(home.path()), 0o711);
        assert_eq!(mode(&home.clusters()), 0o700);
        assert_eq!(mode(&home.sockets()), 0o711);
    }

    #[test]
    fn a_home_that_others_can_read_is_refused() {
        for mode in [0o755, 0o733, 0o744, 0o750] {
            let dir = tempfile::tempdir().unwrap();
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = Home::new(dir.path()).prepare().unwrap_err().to_string();
            let cure = format!("chmod 711 {}", dir.path().display());
            assert!(error.contains(&cure), "{error}");
        }
    }

    #[test]
    fn a_home_has_one_holder() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        let held = home.take().unwrap();
        let error = home.take().unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        home.take().unwrap();
    }

    #[test]
    fn a_long_path_is_refused_before_the_system_cuts_it() {
        assert!(check_socket_path(Path::new(&"a".repeat(107))).is_ok());
        let error = check_socket_path(Path::new(&"a".repeat(108))).unwrap_err().to_string();
        assert!(error.contains("shorter home"), "{error}");
    }
}
