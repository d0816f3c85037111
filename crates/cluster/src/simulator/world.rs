//! A simulated cluster with everything around it, and what must hold.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, Handle, NodeId, Profile};
use strongroom_node::state::{Key, Record, Replica};
use strongroom_node::{Clock, Node};
use strongroom_store::Store;
use strongroom_wire::Availability;

use super::check::Moment;
use super::client::{Answer, Client};
use super::deed::Deed;
use super::dice::Dice;
use super::disk::SimDisk;
use super::effects::{Graves, Outcome};
use super::judge::Wish;
use super::net::SimNet;
use super::quorum::Token;
use super::records::Library;
use super::sessions::SessionKey;
use super::{Planted, Tally};
use crate::load::load;
use crate::transport::Transport;
use crate::{Cluster, CreateOptions, Issue};

/// When simulations begin, in seconds since 1970.
const BEGINNING: u64 = 1_800_000_000;

/// Everything there is.
pub(super) struct World {
    pub(super) dice: Dice,
    clock: Arc<SimClock>,
    pub(super) disk: Arc<SimDisk>,
    pub(super) net: Arc<SimNet>,
    root: SealingKey,
    /// `None` while the daemon is dead.
    pub(super) cluster: Option<Cluster>,
    pub(super) library: Library,
    pub(super) profile: Profile,
    pub(super) clients: Vec<Client>,
    pub(super) graves: Graves,
    /// Handles that were given out.
    pub(super) handles: HashSet<Handle>,
    pub(super) session_keys: Vec<SessionKey>,
    /// Which password a hash is of.
    pub(super) hashes: HashMap<String, usize>,
    /// Numbers of nodes that there have been.
    pub(super) numbers: BTreeSet<NodeId>,
    /// The members that there must be.
    pub(super) expected: BTreeSet<NodeId>,
    /// A member was added or removed and it's unknown whether it was.
    pub(super) members_unknown: bool,
    pub(super) next_login: u64,
    /// The session that the step is in, if it's a client's.
    pub(super) session: u64,
    /// Whether the store was broken before this step.
    pub(super) was_broken: bool,
    /// An object that is no more.
    pub(super) last_deleted: Option<(Key, Record)>,
    /// Quorum tokens that clients were given, and those that were used.
    pub(super) tokens: Vec<Token>,
    pub(super) used: HashSet<[u8; 32]>,
    /// A quorum token that is no more.
    pub(super) last_token: Option<(Key, Record)>,
    /// What is being done, for the message if it goes wrong.
    pub(super) doing: String,
    pub(super) before: Moment,
    pub(super) planted: Option<Planted>,
    pub(super) struck: u64,
    pub(super) tally: Tally,
}

/// A clock that the simulation sets.
struct SimClock(AtomicU64);

impl Clock for SimClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl World {
    pub(super) fn new(seed: u64, planted: Option<Planted>) -> Result<Self, String> {
        let mut dice = Dice::new(seed);
        let profile = dice.weighted(&[(5, Profile::Standard), (4, Profile::CloudHsm), (1, Profile::Strict)]);
        let nodes = dice.weighted(&[(1, 1), (3, 2), (4, 3), (1, 5)]);
        let (disk, net) = (Arc::new(SimDisk::new(planted)), Arc::new(SimNet::new(dice.next(), planted)));
        let clock = Arc::new(SimClock(AtomicU64::new(BEGINNING)));
        let root = SealingKey::from_bytes(Blob::from([7; 32])).map_err(|error| error.to_string())?;
        let options = CreateOptions {
            name: "sim".to_owned(),
            nodes,
            first_node: 0,
            profile,
            variant: Default::default(),
            officer_password: None,
            crypto_users: Vec::new(),
            uninitialized: true,
            certificates: Issue::Nothing,
        };
        crate::create::create(&*disk, &options, &root, BEGINNING).map_err(|error| error.to_string())?;
        let vault = load(&disk.load().map_err(|error| error.to_string())?, &root)
            .map_err(|error| error.to_string())?
            .vault;
        let clients = (1..=3).map(|number| {
            let choices = [Availability::OneNode, Availability::ByProfile, Availability::TwoNodes];
            Client::new(number, choices[dice.weighted(&[(6, 0), (2, 1), (1, 2)])])
        });
        let mut world = Self {
            clients: clients.collect(),
            clock,
            disk,
            net,
            root,
            cluster: None,
            library: Library::new(vault),
            profile,
            graves: Graves::default(),
            handles: HashSet::new(),
            session_keys: Vec::new(),
            hashes: HashMap::new(),
            numbers: BTreeSet::new(),
            expected: (0..nodes).map(NodeId).collect(),
            members_unknown: false,
            next_login: 0,
            session: 1,
            was_broken: false,
            last_deleted: None,
            last_token: None,
            tokens: Vec::new(),
            used: HashSet::new(),
            doing: String::new(),
            before: Moment::default(),
            planted,
            struck: 0,
            tally: Tally::new(),
            dice,
        };
        world.open()?;
        world.first_users()?;
        world.before = world.moment()?;
        Ok(world)
    }

    /// Opens what the store has, as a daemon that starts.
    pub(super) fn open(&mut self) -> Result<(), String> {
        let (net, disk, clock) = (Arc::clone(&self.net), Arc::clone(&self.disk), Arc::clone(&self.clock));
        let (net, disk): (Arc<dyn Transport>, Arc<dyn Store>) = (net, disk);
        let cluster = Cluster::open_over(net, disk, &self.root, clock).map_err(|error| error.to_string())?;
        let most = self.dice.weighted(&[(1, 0), (1, 4), (1, 65_536)]);
        cluster.ledger.book.lock().history.shorten(most);
        self.numbers.extend(cluster.members());
        self.cluster = Some(cluster);
        Ok(())
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Nodes that run.
    pub(super) fn running(&self) -> Vec<Arc<Node>> {
        self.cluster.as_ref().map(Cluster::nodes).unwrap_or_default()
    }

    pub(super) fn members(&self) -> Vec<NodeId> {
        self.cluster.as_ref().map(Cluster::members).unwrap_or_default()
    }

    pub(super) fn is_connected(&self, node: NodeId) -> bool {
        let status = self.cluster.as_ref().and_then(|cluster| cluster.node_status(node).ok());
        status.is_some_and(|status| status.connected)
    }

    /// How many nodes have everything.
    pub(super) fn reachable(&self) -> usize {
        self.cluster.as_ref().map_or(0, |cluster| cluster.ledger.reachable())
    }

    /// Whether a node can do all there is to do. One that lags behind in users or policy refuses what rests on them.
    pub(super) fn is_healthy(&self, node: NodeId) -> bool {
        let lags = self.cluster.as_ref().map_or(0, |cluster| cluster.ledger.lag_count(node));
        lags == 0 && self.is_connected(node) && self.disk.takes_commits()
    }

    /// What becomes of what is asked for now.
    pub(super) fn outcome(&self, ok: bool) -> Outcome {
        match ok {
            true => Outcome::Done,
            false if self.disk.is_broken() && !self.was_broken => Outcome::Unknown,
            false => Outcome::Refused,
        }
    }

    /// Holds an answer against the table; it must have been granted if the caller is sure of everything else.
    pub(super) fn judge(&self, answer: &Answer, wish: &Wish<'_>, sure: bool) -> Result<(), String> {
        let allowed = answer.allows(wish);
        let who =
            answer.who.as_ref().map_or("nobody".to_owned(), |login| format!("{} {}", login.role, login.user));
        match (answer.is_ok(), allowed) {
            (true, false) => Err(format!("{wish:?} by {who} was granted, which the table forbids")),
            (false, true) if sure => Err(format!("{wish:?} by {who} was refused: {}", answer.word())),
            _ => Ok(()),
        }
    }

    /// A token object's record.
    pub(super) fn record(&self, handle: Handle) -> Option<(Key, Record)> {
        let key = Key::Object(handle);
        let record = self.cluster.as_ref()?.ledger.read(|state| state.get(&key))?.1;
        Some((key, record))
    }

    /// How often the planted fault struck.
    pub(super) fn struck(&self) -> u64 {
        self.struck + (self.net.struck() + self.disk.struck()) as u64
    }

    /// How the nodes are, in a line.
    pub(super) fn describe(&self) -> String {
        let Some(cluster) = &self.cluster else { return "the daemon is dead".to_owned() };
        let node = |id: NodeId| {
            let status = cluster.node_status(id).ok()?;
            let state = match (status.running, status.connected) {
                (false, _) => "-",
                (true, false) => "?",
                (true, true) => "",
            };
            let lags = if status.lags > 0 { format!(" lags {}", status.lags) } else { String::new() };
            Some(format!("{}{state}:{}{lags}", id.0, status.revision))
        };
        let nodes: Vec<_> = cluster.members().into_iter().filter_map(node).collect();
        format!("[{} | {}]", cluster.ledger.read(Replica::revision), nodes.join(" "))
    }

    /// The last step: whatever was going on, the daemon starts anew and all is well.
    pub(super) fn end(&mut self) -> Result<Deed, String> {
        self.disk.set_full(false);
        self.crash()
    }

    /// Kills the daemon and starts it again.
    pub(super) fn crash(&mut self) -> Result<Deed, String> {
        self.clients.iter_mut().for_each(|client| client.connections.clear());
        self.session_keys.clear();
        self.cluster = None;
        self.net.clear();
        self.disk.restart();
        let deed = Deed::new("restart", "the daemon was killed and started");
        match self.open() {
            Ok(()) => {
                if std::mem::take(&mut self.members_unknown) {
                    self.expected = self.members().into_iter().collect();
                }
                Ok(deed)
            }
            Err(error) if self.disk.takes_commits() => Err(format!("the daemon doesn't start: {error}")),
            Err(error) => Ok(deed.ended(error, Outcome::Refused)),
        }
    }
}
