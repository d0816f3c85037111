//! Committed changes on their way to the nodes, and nodes that come and go.
//!
//! A node that runs and isn't cut off is *connected* while it has every committed change. One that doesn't answer isn't
//! waited for any longer: it's left out, until it has caught up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use strongroom_model::{Error, NodeId, ReturnCode, Role, UserName};
use strongroom_node::state::{Key, Record, Replica, Revision, Update, Written};

use crate::ClusterError;
use crate::draft::Draft;
use crate::lags::Lags;
use crate::ledger::{Book, Ledger};
use crate::link::Link;

impl Ledger {
    /// How many nodes have every committed change.
    pub(crate) fn reachable(&self) -> usize {
        self.reachable.load(Ordering::Acquire)
    }

    /// Lets a node take part that starts from the present state; `start` makes it of that.
    pub(crate) fn attach<T>(
        &self,
        node: NodeId,
        cut: bool,
        start: impl FnOnce(&Arc<Link>, Replica) -> T,
    ) -> T {
        // Others go on while it's made; what they committed meanwhile comes after.
        let replica = self.replica(node);
        let link = Link::new(node, replica.revision(), cut);
        let started = start(&link, replica);
        let book = self.book.lock();
        self.roster.write().links.push(Arc::clone(&link));
        self.catch_up(&book, &link);
        started
    }

    /// Has nothing more to do with a node that is stopped or removed.
    pub(crate) fn detach(&self, node: NodeId) {
        let _book = self.book.lock();
        self.roster.write().links.retain(|link| {
            if link.id() == node {
                link.close();
            }
            link.id() != node
        });
        self.count();
    }

    /// Cuts a node that runs off from the cluster, so that it hears of nothing.
    pub(crate) fn cut(&self, node: NodeId) {
        let _book = self.book.lock();
        if let Some(link) = self.link(node) {
            link.set_cut(true);
        }
        self.count();
    }

    /// Ends a cut: the node catches up before it counts again. Whether it has.
    pub(crate) fn heal(&self, node: NodeId) -> bool {
        let book = self.book.lock();
        let Some(link) = self.link(node) else { return true };
        link.set_cut(false);
        self.catch_up(&book, &link)
    }

    /// Tries once more to reach a node that didn't answer. Whether it's connected then.
    pub(crate) fn reach(&self, link: &Arc<Link>) -> bool {
        if !link.is_open() {
            return false;
        }
        let book = self.book.lock();
        self.catch_up(&book, link)
    }

    /// The way to a node, if it runs.
    pub(crate) fn link(&self, node: NodeId) -> Option<Arc<Link>> {
        self.roster.read().links.iter().find(|link| link.id() == node).cloned()
    }

    /// Nodes that can't be reached.
    pub(crate) fn away(&self) -> Vec<NodeId> {
        let roster = self.roster.read();
        let connected = |node| roster.links.iter().any(|link| link.id() == node && link.is_connected());
        roster.members.iter().map(|member| member.node).filter(|node| !connected(*node)).collect()
    }

    /// Sends what was committed to all nodes, and waits for them as long as it's worth it. `news` is what it comes to for
    /// nodes that had everything before; `None` if that isn't the same for all.
    pub(crate) fn spread(&self, book: &Book, to: Revision, news: Option<&Arc<Update>>) {
        let links: Vec<_> = self.roster.read().links.iter().filter(|link| link.is_open()).cloned().collect();
        for link in &links {
            match news.filter(|_| link.is_connected()) {
                Some(update) => self.transport.send(link, update),
                None => self.transport.send(link, &Arc::new(self.missing(book, link))),
            }
        }
        let behind = |link: &&Arc<Link>| link.is_connected() && link.acked() < to;
        while links.iter().any(|link| behind(&link)) && self.transport.wait() {
            for link in links.iter().filter(behind) {
                self.transport.send(link, &Arc::new(self.missing(book, link)));
            }
        }
        links.iter().for_each(|link| link.set_lost(link.acked() < to));
        self.count();
    }

    /// Sends one node what it misses. Whether it has everything then.
    fn catch_up(&self, book: &Book, link: &Arc<Link>) -> bool {
        let to = self.read(Replica::revision);
        while link.is_open() && link.acked() < to {
            self.transport.send(link, &Arc::new(self.missing(book, link)));
            if link.acked() < to && !self.transport.wait() {
                break;
            }
        }
        link.set_lost(link.acked() < to);
        self.count();
        link.is_connected()
    }

    /// What a node misses, by what it last said that it has.
    fn missing(&self, book: &Book, link: &Link) -> Update {
        let (master, lags) = (self.master.read(), self.lags.read());
        let (node, from, to) = (link.id(), link.acked(), master.revision());
        match book.history.since(from) {
            Some(keys) => {
                let present = |key: &Key| match lags.get(node, key) {
                    Some(lag) => older(key.clone(), lag.clone(), to),
                    None => written(key.clone(), &master),
                };
                Update { base: Some(from), to, writes: keys.into_iter().map(present).collect() }
            }
            None => {
                let writes = present(&master, &lags, node);
                let writes =
                    writes.map(|(key, version, record)| Written { key, version, record: Some(record) });
                Update { base: None, to, writes: writes.collect() }
            }
        }
    }

    /// The state as a node has it that has everything but what it can't catch up with by itself.
    fn replica(&self, node: NodeId) -> Replica {
        let (revision, records): (_, Vec<_>) = {
            let (master, lags) = (self.master.read(), self.lags.read());
            (master.revision(), present(&master, &lags, node).collect())
        };
        Replica::load(revision, records)
    }

    /// Which of these records a node has in an older version than the cluster.
    pub(crate) fn lagging(&self, node: NodeId, keys: &[Key]) -> Option<Key> {
        let lags = self.lags.read();
        keys.iter().find(|key| lags.get(node, key).is_some()).cloned()
    }

    /// How many records a node has in an older version than the cluster.
    pub(crate) fn lag_count(&self, node: NodeId) -> usize {
        self.lags.read().of(node).count()
    }

    /// Brings a user's record, and the policy, to the nodes that missed changes of them.
    pub(crate) fn replicate_user(&self, role: Role, user: &UserName) -> Result<(), Error> {
        if let Some(node) = self.away().first() {
            let message = format!(
                "node {} of cluster {} can't be reached: nothing was changed; bring it back, or remove it, and try again",
                node.0,
                self.cluster()
            );
            return Err(Error::new(ReturnCode::DEVICE_ERROR, message));
        }
        let key = Key::User(role, user.clone());
        let lags: Vec<_> = {
            let lags = self.lags.read();
            let wanted = |(_, lagging): &(NodeId, &Key)| {
                **lagging == key || matches!(lagging, Key::Policy | Key::ClientTrust)
            };
            lags.iter().filter(wanted).map(|(node, key)| (node, key.clone())).collect()
        };
        let known = lags.iter().any(|(_, lagging)| *lagging == key);
        if !known && self.read(|state| state.version(&key)).is_none() {
            return Err(Error::new(ReturnCode::ARGUMENTS_BAD, format!("there is no {role} {user}")));
        }
        if lags.is_empty() {
            return Ok(());
        }
        self.write(Draft::default().and_end(lags))
    }

    /// Says how many nodes have everything.
    fn count(&self) {
        let connected = self.roster.read().links.iter().filter(|link| link.is_connected()).count();
        self.reachable.store(connected, Ordering::Release);
    }
}

/// The records as a node has them that has everything but what it can't catch up with by itself.
fn present(master: &Replica, lags: &Lags, node: NodeId) -> impl Iterator<Item = (Key, Revision, Record)> {
    let older = lags.of(node).filter_map(|(key, lag)| {
        let (version, record) = lag.clone()?;
        Some((key.clone(), version, record))
    });
    master.records().filter(move |(key, ..)| lags.get(node, key).is_none()).chain(older)
}

/// A record as it is.
fn written(key: Key, state: &Replica) -> Written {
    let found = state.get(&key);
    older(key, found, state.revision())
}

fn older(key: Key, found: Option<(Revision, Record)>, now: Revision) -> Written {
    match found {
        Some((version, record)) => Written { key, version, record: Some(record) },
        None => Written { key, version: now, record: None },
    }
}

/// Refuses for a node that isn't there.
pub(crate) fn no_such_node(cluster: &str, node: NodeId) -> ClusterError {
    ClusterError::Refused(format!("cluster {cluster} has no node {}", node.0))
}
