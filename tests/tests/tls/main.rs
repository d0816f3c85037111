//! Applications that reach their nodes by TLS: what works as by sockets, and whom nodes and clients refuse (cloudhsm.md 14,
//! items 9, 15 to 18).

#![allow(clippy::macro_metavars_in_unsafe, reason = "`call!` is for calls that only tests make")]

mod configure;
mod hostile;
mod mutual;
mod refusals;
mod scan;
mod service;
#[path = "../failover/signers.rs"]
mod signers;

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use strongroom_testkit::{Cluster, Finished, run, run_any};
use strongroom_tests::openssl::plain;

/// How long anything may take that isn't refused.
const PATIENCE: Duration = Duration::from_secs(20);

/// The address of a node.
fn address(cluster: &Cluster, node: usize) -> SocketAddr {
    cluster.addresses()[node].parse().expect("an address")
}

/// A connection to a node by which nothing has been said.
fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a node that listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time limit");
    stream
}

/// What the users of a cluster are, as a client with a configuration sees them. Nobody has to log in for that.
fn users(cluster: &Cluster, config: &Path) -> Finished {
    let mut command = cluster.strongroom(&["user", "list"]);
    let mut command = without_home(&mut command);
    run_any(command.env("STRONGROOM_CONFIG", config))
}

/// The same command without `--home`, which would lead to the sockets.
fn without_home(command: &mut Command) -> Command {
    let mut other = Command::new(command.get_program());
    let arguments: Vec<_> = command.get_args().take_while(|argument| *argument != "--home").collect();
    other.args(arguments);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other
}

/// A cluster with one node that is reached by TLS, and that a client reaches so.
fn single() -> Cluster {
    Cluster::builder().nodes(1).by_tls().start()
}

/// Certificates made by `openssl` in a folder.
struct Ca {
    folder: PathBuf,
}

impl Ca {
    /// A CA that signs itself.
    fn new(folder: &Path) -> Self {
        let folder = folder.join("ca");
        std::fs::create_dir(&folder).expect("a folder");
        let ca = Self { folder };
        ca.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=customer",
        );
        ca
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs `openssl` there; arguments are split at blanks.
    #[track_caller]
    fn openssl(&self, arguments: &str) -> Finished {
        let arguments: Vec<_> = arguments.split(' ').collect();
        run(plain(&arguments).current_dir(&self.folder))
    }

    /// Makes `NAME.key` and `NAME.crt`, signed by the CA, of version 1, as the vendor's guide has it.
    fn issue(&self, name: &str, more: &str) {
        self.openssl(&format!(
            "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out {name}.crt {more}"
        ));
    }
}
