//! Connecting to a node's socket, also after the process lost the right to its path.
//!
//! A daemon such as NGINX starts as root, initialises, and goes on as a user that may not pass through
//! the folders above the socket. So the folder of the socket is kept open from the first connection
//! on; `/proc/self/fd/<number>/<file>` then leads to the socket past those above. It helps with
//! paths that are too long for a socket's address, too.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{Mode, OFlags};
use strongroom_wire::Stream;

use crate::descriptor::Guarded;

/// A socket's path, and a hold on its folder.
#[derive(Debug)]
pub(crate) struct Address {
    path: PathBuf,
    folder: OnceLock<Arc<Guarded<OwnedFd>>>,
}

impl Address {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, folder: OnceLock::new() }
    }

    /// The same address in a forked child, which inherits the hold.
    pub(crate) fn in_child(&self) -> Self {
        let address = Self::new(self.path.clone());
        if let Some(folder) = self.folder.get() {
            let _ = address.folder.set(Arc::clone(folder));
        }
        address
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Connects.
    pub(crate) fn connect(&self) -> io::Result<Stream> {
        let result = Stream::connect(&self.path);
        match &result {
            Ok(_) => {
                self.hold();
                result
            }
            Err(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => self.connect_by_folder().map_err(|_| self.denied()),
                io::ErrorKind::InvalidInput => {
                    self.hold();
                    self.connect_by_folder()
                }
                _ => result,
            },
        }
    }

    /// Opens the folder, if that wasn't done yet.
    fn hold(&self) {
        let Some(parent) = self.path.parent() else { return };
        if self.folder.get().is_none() {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            if let Ok(folder) = rustix::fs::open(parent, flags, Mode::empty())
                && let Ok(folder) = Guarded::new(folder)
            {
                let _ = self.folder.set(Arc::new(folder));
            }
        }
    }

    fn connect_by_folder(&self) -> io::Result<Stream> {
        let (Some(folder), Some(file)) = (self.folder.get(), self.path.file_name()) else {
            return Err(io::ErrorKind::PermissionDenied.into());
        };
        if !folder.is_ours() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Stream::connect(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(file))
    }

    fn denied(&self) -> io::Error {
        let message = format!(
            "permission denied for user {}: it must be allowed to pass through every folder above the socket \
             (chmod o+x) and to write to the socket",
            rustix::process::geteuid().as_raw()
        );
        io::Error::new(io::ErrorKind::PermissionDenied, message)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_path_too_long_for_an_address_is_reached_by_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("x".repeat(120));
        std::fs::create_dir(&folder).unwrap();
        let short = dir.path().join("link");
        std::os::unix::fs::symlink(&folder, &short).unwrap();
        let _listener = UnixListener::bind(short.join("node.sock")).unwrap();
        Address::new(folder.join("node.sock")).connect().unwrap();
    }

    #[test]
    fn the_folder_held_open_leads_to_the_socket_and_a_child_has_it_too() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, moved) = (dir.path().join("s"), dir.path().join("moved"));
        std::fs::create_dir(&folder).unwrap();
        let _listener = UnixListener::bind(folder.join("node.sock")).unwrap();
        let address = Address::new(folder.join("node.sock"));
        address.connect_by_folder().unwrap_err();
        address.connect().unwrap();
        // Root passes through any folder, so the path is taken away instead of the right to it.
        std::fs::rename(&folder, &moved).unwrap();
        assert_eq!(address.connect().unwrap_err().kind(), io::ErrorKind::NotFound);
        address.connect_by_folder().unwrap();
        address.in_child().connect_by_folder().unwrap();
    }

    #[test]
    fn a_folder_whose_descriptor_was_taken_over_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(dir.path().join("node.sock")).unwrap();
        let address = Address::new(dir.path().join("node.sock"));
        address.hold();
        address.connect_by_folder().unwrap();

        let folder = rustix::fs::open(dir.path(), OFlags::PATH, Mode::empty()).unwrap();
        let mut folder = Guarded::new(folder).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let other = rustix::fs::open(elsewhere.path(), OFlags::PATH, Mode::empty()).unwrap();
        rustix::io::dup2(&other, &mut folder).unwrap();
        let address = Address::new(dir.path().join("node.sock"));
        address.folder.set(Arc::new(folder)).unwrap();
        let error = address.connect_by_folder().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
