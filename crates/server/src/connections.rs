//! The connections that a node has: how many, and how to end them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use rustix::net::Shutdown;
use strongroom_wire::Stream;

/// A node's open connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
    fewer: Condvar,
    closed: AtomicBool,
    severed: AtomicBool,
}

#[derive(Debug, Default)]
struct Open {
    lines: HashMap<u64, Arc<Line>>,
    next: u64,
    /// Requests of connections that are no more.
    past: u64,
}

/// A connection. On cache lines of its own, since its thread writes to it at each request.
#[derive(Debug)]
#[repr(align(128))]
struct Line {
    stream: Stream,
    /// How many requests have come by it. Each has its own count, so that threads don't fight for one.
    requests: AtomicU64,
}

/// A connection's place among them, left when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    number: u64,
    line: Arc<Line>,
}

impl Connections {
    /// Takes a connection in.
    ///
    /// # Errors
    ///
    /// Gives it back if there are `limit` already, or the node is closing.
    pub(crate) fn admit(self: &Arc<Self>, stream: Stream, limit: usize) -> Result<Place, Stream> {
        let mut open = self.open.lock();
        if self.is_closed() || open.lines.len() >= limit {
            return Err(stream);
        }
        let line = Arc::new(Line { stream, requests: AtomicU64::new(0) });
        let number = open.next;
        open.next += 1;
        open.lines.insert(number, Arc::clone(&line));
        Ok(Place { connections: Arc::clone(self), number, line })
    }

    pub(crate) fn count(&self) -> usize {
        self.open.lock().lines.len()
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> u64 {
        let open = self.open.lock();
        open.past + open.lines.values().map(|line| line.requests.load(Ordering::Relaxed)).sum::<u64>()
    }

    /// Takes nothing more from clients: what they have sent is still answered, or by shared memory if its reading has begun;
    /// what they would send fails on their side, so that they know it wasn't done.
    pub(crate) fn close(&self) {
        self.shut(Shutdown::Read);
    }

    /// Ends all connections at once, also in the middle of calls: nothing more is answered.
    pub(crate) fn sever(&self) {
        self.severed.store(true, Ordering::Release);
        self.shut(Shutdown::Both);
    }

    fn shut(&self, how: Shutdown) {
        let open = self.open.lock();
        self.closed.store(true, Ordering::Release);
        for line in open.lines.values() {
            let _ = rustix::net::shutdown(&line.stream, how);
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Waits until all are gone, or for the deadline; how many are left.
    pub(crate) fn wait(&self, deadline: Instant) -> usize {
        let mut open = self.open.lock();
        while !open.lines.is_empty() && !self.fewer.wait_until(&mut open, deadline).timed_out() {}
        open.lines.len()
    }
}

impl Place {
    pub(crate) fn stream(&self) -> &Stream {
        &self.line.stream
    }

    /// Notes that a request has come.
    pub(crate) fn count_request(&self) {
        // Only this connection's thread writes it, so it needn't be locked against others.
        self.line.requests.store(self.line.requests.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Whether the node takes nothing more by it.
    pub(crate) fn is_closed(&self) -> bool {
        self.connections.is_closed()
    }

    /// Whether nothing more is answered by it, either.
    pub(crate) fn is_severed(&self) -> bool {
        self.connections.severed.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.lines.remove(&self.number);
        open.past += self.line.requests.load(Ordering::Relaxed);
        drop(open);
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
        assert!(first.is_ok() && second.is_ok());
        assert!(connections.admit(stream(), 2).is_err());
        let first = first.unwrap();
        (0..3).for_each(|_| first.count_request());
        second.as_ref().unwrap().count_request();
        assert_eq!(connections.requests(), 4);
        drop(first);
        assert_eq!((connections.count(), connections.requests()), (1, 4));
        let third = connections.admit(stream(), 2);
        assert!(third.as_ref().is_ok_and(|third| !third.is_closed()));

        connections.close();
        assert!(third.as_ref().is_ok_and(Place::is_closed));
        assert!(connections.admit(stream(), 3).is_err());
        assert_eq!(connections.wait(Instant::now() + Duration::from_millis(10)), 2);
        drop((second, third));
        assert_eq!(connections.wait(Instant::now()), 0);
    }
}
