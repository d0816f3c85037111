//! Connecting to a node: by TCP, or to its socket, also after the process lost the right to its path.
//!
//! A daemon such as NGINX starts as root, initialises, and goes on as a user that may not pass through
//! the folders above the socket. So the folder of the socket is kept open from the first connection
//! on; `/proc/self/fd/<number>/<file>` then leads to the socket past those above. It helps with
//! paths that are too long for a socket's address, too.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use strongroom_wire::Stream;

use crate::config::Endpoint;
use crate::descriptor::Guarded;

/// Where a node is; of a socket, a hold on its folder, too.
#[derive(Debug)]
pub(crate) struct Address {
    endpoint: Endpoint,
    folder: OnceLock<Arc<Guarded<OwnedFd>>>,
}

impl Address {
    pub(crate) const fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, folder: OnceLock::new() }
    }

    /// The same address in a forked child, which inherits the hold.
    pub(crate) fn in_child(&self) -> Self {
        let address = Self::new(self.endpoint.clone());
        if let Some(folder) = self.folder.get() {
            let _ = address.folder.set(Arc::clone(folder));
        }
        address
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Connects, within a time where that isn't done at once; tells the address with which TLS is to be spoken, if so.
    pub(crate) fn connect(&self, within: Duration) -> io::Result<(Stream, Option<IpAddr>)> {
        match &self.endpoint {
            Endpoint::Unix(path) => self.connect_to(path, within).map(|stream| (stream, None)),
            Endpoint::Tcp { host, port } => connect_by_tcp(host, *port, within),
        }
    }

    fn connect_to(&self, path: &Path, within: Duration) -> io::Result<Stream> {
        let result = Stream::connect_within(path, within);
        match &result {
            Ok(_) => {
                self.hold(path);
                result
            }
            Err(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => self.connect_by_folder(path, within).map_err(|_| denied()),
                io::ErrorKind::InvalidInput => {
                    self.hold(path);
                    self.connect_by_folder(path, within)
                }
                _ => result,
            },
        }
    }

    /// Opens the folder, if that wasn't done yet.
    fn hold(&self, path: &Path) {
        let Some(parent) = path.parent() else { return };
        if self.folder.get().is_none() {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            if let Ok(folder) = rustix::fs::open(parent, flags, Mode::empty())
                && let Ok(folder) = Guarded::new(folder)
            {
                let _ = self.folder.set(Arc::new(folder));
            }
        }
    }

    fn connect_by_folder(&self, path: &Path, within: Duration) -> io::Result<Stream> {
        let (Some(folder), Some(file)) = (self.folder.get(), path.file_name()) else {
            return Err(io::ErrorKind::PermissionDenied.into());
        };
        if !folder.is_ours() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let by_folder = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(file);
        Stream::connect_within(&by_folder, within)
    }
}

/// Each address that the host's name leads to is tried.
fn connect_by_tcp(host: &str, port: u16, within: Duration) -> io::Result<(Stream, Option<IpAddr>)> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(ip) => vec![(ip, port).into()],
        Err(_) => (host, port).to_socket_addrs()?.collect(),
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in addresses {
        match Stream::connect_tcp(address, within) {
            Ok(stream) => return Ok((stream, Some(address.ip()))),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn denied() -> io::Error {
    let message = format!(
        "permission denied for user {}: it must be allowed to pass through every folder above the socket \
         (chmod o+x) and to write to the socket",
        rustix::process::geteuid().as_raw()
    );
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    fn at(path: &Path) -> Address {
        Address::new(Endpoint::Unix(path.to_owned()))
    }

    fn by_folder(address: &Address) -> io::Result<Stream> {
        let Endpoint::Unix(path) = address.endpoint() else { panic!("it's a socket's path") };
        address.connect_by_folder(path, SOON)
    }

    #[test]
    fn a_path_too_long_for_an_address_is_reached_by_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("x".repeat(120));
        std::fs::create_dir(&folder).unwrap();
        let short = dir.path().join("link");
        std::os::unix::fs::symlink(&folder, &short).unwrap();
        let _listener = UnixListener::bind(short.join("node.sock")).unwrap();
        at(&folder.join("node.sock")).connect(SOON).unwrap();
    }

    #[test]
    fn the_folder_held_open_leads_to_the_socket_and_a_child_has_it_too() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, moved) = (dir.path().join("s"), dir.path().join("moved"));
        std::fs::create_dir(&folder).unwrap();
        let _listener = UnixListener::bind(folder.join("node.sock")).unwrap();
        let address = at(&folder.join("node.sock"));
        by_folder(&address).unwrap_err();
        address.connect(SOON).unwrap();
        // Root passes through any folder, so the path is taken away instead of the right to it.
        std::fs::rename(&folder, &moved).unwrap();
        assert_eq!(address.connect(SOON).unwrap_err().kind(), io::ErrorKind::NotFound);
        by_folder(&address).unwrap();
        by_folder(&address.in_child()).unwrap();
    }

    #[test]
    fn a_folder_whose_descriptor_was_taken_over_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(dir.path().join("node.sock")).unwrap();
        let address = at(&dir.path().join("node.sock"));
        address.hold(&dir.path().join("node.sock"));
        by_folder(&address).unwrap();

        let folder = rustix::fs::open(dir.path(), OFlags::PATH, Mode::empty()).unwrap();
        let mut folder = Guarded::new(folder).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let other = rustix::fs::open(elsewhere.path(), OFlags::PATH, Mode::empty()).unwrap();
        rustix::io::dup2(&other, &mut folder).unwrap();
        let address = at(&dir.path().join("node.sock"));
        address.folder.set(Arc::new(folder)).unwrap();
        let error = by_folder(&address).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
