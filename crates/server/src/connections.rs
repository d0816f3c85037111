//! The connections that a node has: how many, and how to end them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use rustix::net::Shutdown;
use strongroom_wire::Stream;

/// A node's open connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    streams: HashMap<u64, Arc<Stream>>,
    next: u64,
    closed: bool,
}

/// A connection's place among them, left when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    number: u64,
    stream: Arc<Stream>,
}

impl Connections {
    /// Takes a connection in; `None` if there are `limit` already, or the node is closing.
    pub(crate) fn admit(self: &Arc<Self>, stream: Stream, limit: usize) -> Option<Place> {
        let mut open = self.open.lock();
        if open.closed || open.streams.len() >= limit {
            return None;
        }
        let stream = Arc::new(stream);
        let number = open.next;
        open.next += 1;
        open.streams.insert(number, Arc::clone(&stream));
        Some(Place { connections: Arc::clone(self), number, stream })
    }

    pub(crate) fn count(&self) -> usize {
        self.open.lock().streams.len()
    }

    /// Takes nothing more from clients: what they have sent is still answered, what they would send fails on
    /// their side, so that they know it wasn't done.
    pub(crate) fn close(&self) {
        let mut open = self.open.lock();
        open.closed = true;
        for stream in open.streams.values() {
            let _ = rustix::net::shutdown(stream, Shutdown::Read);
        }
    }

    /// Waits until all are gone, or for the deadline; how many are left.
    pub(crate) fn wait(&self, deadline: Instant) -> usize {
        let mut open = self.open.lock();
        while !open.streams.is_empty() && !self.fewer.wait_until(&mut open, deadline).timed_out() {}
        open.streams.len()
    }
}

impl Place {
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open.lock().streams.remove(&self.number);
        self.connections.fewer.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn there_are_no_more_than_the_limit() {
        let connections = Arc::new(Connections::default());
        let stream = || Stream::new(UnixStream::pair().unwrap().0);
        let first = connections.admit(stream(), 2);
        let second = connections.admit(stream(), 2);
        assert!(first.is_some() && second.is_some());
        assert!(connections.admit(stream(), 2).is_none());
        drop(first);
        assert_eq!(connections.count(), 1);
        let third = connections.admit(stream(), 2);
        assert!(third.is_some());

        connections.close();
        assert!(connections.admit(stream(), 3).is_none());
        assert_eq!(connections.wait(Instant::now() + Duration::from_millis(10)), 2);
        drop((second, third));
        assert_eq!(connections.wait(Instant::now()), 0);
    }
}
