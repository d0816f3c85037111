//! Which TCP addresses nodes have: given out once, and kept in the home.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::PathBuf;

use parking_lot::Mutex;
use serde::Deserialize;
use strongroom_crypto::random;
use strongroom_model::{NodeId, limits};

use crate::{Home, ServeError, files};

/// The port of CloudHSM's nodes (cloudhsm.md 8.1).
pub const PORT: u16 = 2223;
/// On how many ports, from the configured one on, nodes share addresses that don't suffice for one each.
const SHARED_PORTS: u16 = 1024;
/// How many networks of the loopback range are tried for a cluster, and how many hosts of each.
const NETWORKS: usize = 64;
/// The last numbers that nodes have in a loopback network.
const HOSTS: std::ops::RangeInclusive<u8> = 10..=250;

/// How nodes are reached by TCP: `[network]` in the daemon's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Whether the nodes of every cluster have addresses. Those that the control plane makes have them anyway.
    pub enabled: bool,
    /// Addresses of this machine's interfaces for nodes; none: each node gets one of its own in `127.0.0.0/8`.
    pub addresses: Vec<Ipv4Addr>,
    /// The port; 0: a free one, which the node keeps. Where addresses are fewer than nodes, those after it are used as well.
    pub port: u16,
    /// Whether clients may use TLS 1.2, too, for those that have no 1.3.
    pub tls12: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self { enabled: false, addresses: Vec::new(), port: PORT, tls12: false }
    }
}

impl Network {
    /// What is wrong with it, in words.
    pub(crate) fn problem(&self) -> Option<String> {
        let wrong = self.addresses.iter().find(|address| address.is_multicast() || address.is_broadcast())?;
        Some(format!("network.addresses: {wrong} isn't an address of an interface"))
    }
}

/// The addresses that nodes have.
#[derive(Debug)]
pub(crate) struct Addresses {
    network: Network,
    file: PathBuf,
    /// By cluster and number.
    given: Mutex<Given>,
}

type Given = BTreeMap<String, BTreeMap<u16, SocketAddrV4>>;

impl Addresses {
    /// Reads which addresses have been given out in a home.
    ///
    /// # Errors
    ///
    /// [`ServeError::Config`] for a file that is damaged, [`ServeError::Io`].
    pub(crate) fn open(home: &Home, network: Network) -> Result<Self, ServeError> {
        let file = home.addresses();
        let given = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| ServeError::Config {
                file: file.clone(),
                problem: format!(
                    "it doesn't say which node has which address ({error}): repair it, or remove it to have nodes get \
                     new addresses"
                ),
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Given::new(),
            Err(error) => return Err(ServeError::io("read", &file, error)),
        };
        Ok(Self { network, file, given: Mutex::new(given) })
    }

    /// How nodes are reached.
    pub(crate) const fn network(&self) -> &Network {
        &self.network
    }

    /// The address of a node, if it has one.
    pub(crate) fn of(&self, cluster: &str, node: NodeId) -> Option<SocketAddrV4> {
        self.given.lock().get(cluster)?.get(&node.0).copied()
    }

    /// Gives a node an address, one that is wanted or any. It keeps one that it has.
    ///
    /// # Errors
    ///
    /// A sentence: the address is another node's or isn't free on this machine, there is no free one, or it can't be noted.
    pub(crate) fn allot(
        &self,
        cluster: &str,
        node: NodeId,
        wanted: Option<Ipv4Addr>,
    ) -> Result<SocketAddrV4, String> {
        let mut given = self.given.lock();
        let has = given.get(cluster).and_then(|nodes| nodes.get(&node.0)).copied();
        if let Some(has) = has.filter(|has| wanted.is_none_or(|wanted| wanted == *has.ip())) {
            return Ok(has);
        }
        let address = match wanted {
            Some(wanted) => self.at(&given, wanted)?,
            None if self.network.addresses.is_empty() => self.on_loopback(&given, cluster)?,
            None => self.on_interfaces(&given)?,
        };
        given.entry(cluster.to_owned()).or_default().insert(node.0, address);
        self.note(&given)?;
        Ok(address)
    }

    /// Takes a node's address back.
    pub(crate) fn free(&self, cluster: &str, node: NodeId) {
        let mut given = self.given.lock();
        if given.get_mut(cluster).is_some_and(|nodes| nodes.remove(&node.0).is_some()) {
            given.retain(|_, nodes| !nodes.is_empty());
            if let Err(problem) = self.note(&given) {
                tracing::warn!("{problem}");
            }
        }
    }

    fn note(&self, given: &Given) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("{} can't be written, so no address was given out: {error}", self.file.display())
        };
        let text = serde_json::to_vec_pretty(given).map_err(|error| failed(&error))?;
        files::replace(&self.file, &text, files::PRIVATE).map_err(|error| failed(&error))
    }

    fn at(&self, given: &Given, wanted: Ipv4Addr) -> Result<SocketAddrV4, String> {
        let address = SocketAddrV4::new(wanted, self.network.port);
        if let Some((cluster, node)) = holder(given, address) {
            return Err(format!(
                "the address {wanted} is that of node {node} of cluster {cluster}: choose another"
            ));
        }
        free_port(address).map_err(|error| {
            format!(
                "no node can listen at {address} ({error}): choose an address of this machine, say one in 127.0.0.0/8, whose \
                 port {} is free",
                self.network.port
            )
        })
    }

    /// An address beside those that the cluster has, or else in a network of its own. Other daemons choose by chance, too,
    /// so that they don't meet.
    fn on_loopback(&self, given: &Given, cluster: &str) -> Result<SocketAddrV4, String> {
        let own =
            given.get(cluster).and_then(|nodes| nodes.values().next()).map(|address| address.ip().octets());
        let own = own.filter(|[first, ..]| *first == 127).map(|[_, a, b, _]| [a, b]);
        let drawn = (0..NETWORKS).map(|_| {
            let [a, b] = random::bytes();
            [64 + a % 180, b]
        });
        for [a, b] in own.into_iter().chain(drawn) {
            for host in HOSTS {
                let address = SocketAddrV4::new(Ipv4Addr::new(127, a, b, host), self.network.port);
                if holder(given, address).is_none()
                    && let Ok(address) = free_port(address)
                {
                    return Ok(address);
                }
            }
        }
        Err(format!("no address in 127.0.0.0/8 has port {} free", self.network.port))
    }

    fn on_interfaces(&self, given: &Given) -> Result<SocketAddrV4, String> {
        let mut last = None;
        for more in 0..SHARED_PORTS {
            let port = match self.network.port {
                0 => 0,
                port => port.saturating_add(more),
            };
            for ip in &self.network.addresses {
                let address = SocketAddrV4::new(*ip, port);
                if holder(given, address).is_some() {
                    continue;
                }
                match free_port(address) {
                    Ok(address) => return Ok(address),
                    Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                    Err(error) => last = Some(format!(" ({ip}: {error})")),
                }
            }
        }
        Err(format!(
            "none of the addresses in the configuration's network.addresses has a free port from {} on{}",
            self.network.port,
            last.unwrap_or_default()
        ))
    }
}

/// Whose address it is.
fn holder(given: &Given, address: SocketAddrV4) -> Option<(&str, u16)> {
    let nodes = given.iter().flat_map(|(name, nodes)| nodes.iter().map(move |(node, at)| (name, *node, *at)));
    let mut same = nodes.filter(|(_, _, at)| *at == address && address.port() != 0);
    same.next().map(|(name, node, _)| (name.as_str(), node))
}

/// The address if nobody listens there; with port 0, one that's free.
fn free_port(address: SocketAddrV4) -> std::io::Result<SocketAddrV4> {
    let port = TcpListener::bind(address)?.local_addr()?.port();
    Ok(SocketAddrV4::new(*address.ip(), port))
}

// The file has no secrets, but a cluster has no more nodes than this says.
const _: () = assert!(limits::MAX_NODES < *HOSTS.end() as usize - *HOSTS.start() as usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn open(home: &Home, network: Network) -> Addresses {
        Addresses::open(home, network).unwrap()
    }

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().join("home"));
        home.prepare().unwrap();
        (dir, home)
    }

    #[test]
    fn each_node_has_an_address_of_its_own_and_keeps_it() {
        let (_dir, home) = home();
        let network = Network { port: 0, ..Network::default() };
        let addresses = open(&home, network.clone());
        let first = addresses.allot("a", NodeId(0), None).unwrap();
        let second = addresses.allot("a", NodeId(1), None).unwrap();
        let [net, a, b, _] = first.ip().octets();
        assert_eq!(net, 127);
        assert_eq!(second.ip().octets()[..3], [127, a, b], "nodes of a cluster are neighbours");
        assert_ne!(first, second);
        assert_eq!(addresses.allot("a", NodeId(0), None).unwrap(), first);

        let again = open(&home, network);
        assert_eq!(again.of("a", NodeId(1)), Some(second));
        again.free("a", NodeId(1));
        assert_eq!(again.of("a", NodeId(1)), None);
    }

    #[test]
    fn a_wanted_address_is_had_unless_it_is_anothers_or_not_here() {
        let (_dir, home) = home();
        let probe = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = probe.local_addr().unwrap().port();
        let addresses = open(&home, Network { port, ..Network::default() });
        let wanted = Ipv4Addr::new(127, 3, 2, 1);
        assert_eq!(addresses.allot("a", NodeId(0), Some(wanted)).unwrap(), SocketAddrV4::new(wanted, port));
        let taken = addresses.allot("b", NodeId(4), Some(wanted)).unwrap_err();
        assert!(taken.contains("node 0 of cluster a"), "{taken}");
        for away in [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::LOCALHOST] {
            let error = addresses.allot("b", NodeId(4), Some(away)).unwrap_err();
            assert!(error.contains("choose an address of this machine"), "{error}");
        }
    }

    #[test]
    fn nodes_share_interfaces_by_ports() {
        let (_dir, home) = home();
        let base = TcpListener::bind("127.9.9.9:0").unwrap().local_addr().unwrap().port();
        let addresses = open(
            &home,
            Network { addresses: vec![Ipv4Addr::new(127, 9, 9, 9)], port: base, ..Network::default() },
        );
        let ports: Vec<_> =
            (0..3).map(|node| addresses.allot("a", NodeId(node), None).unwrap().port()).collect();
        assert!(ports[0] < ports[1] && ports[1] < ports[2], "{ports:?}");
        assert!(ports[0] >= base, "{ports:?}");
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let (_dir, home) = home();
        std::fs::write(home.addresses(), "{\"a\": 3").unwrap();
        let error = Addresses::open(&home, Network::default()).unwrap_err().to_string();
        assert!(error.contains("addresses.json") && error.contains("remove it"), "{error}");
    }
}
