//! Waiting for an answer awake.
//!
//! A core that goes to sleep for the few microseconds that a signature takes costs 70 to 90 us to
//! wake on a virtual machine, which is several times the signature (performance.md). So a lone
//! caller polls its socket for a moment before it sleeps. That pays only while
//!
//! - no other call of this client is in flight: with two, the cores stay awake by themselves, and
//!   polling takes them from the node;
//! - there is a second core, or the poller runs where the node should, and nobody wants the first: between polls
//!   it's offered to others, and when they take it, the caller sleeps, and when they do so again soon, the next callers, too.
//!   (Two clients that call a node of next to no work got half as many answers without that. Resting after each such gap cost a
//!   lone caller a third of its calls: a virtual machine pauses for a moment at one poll in a thousand.)
//! - the answer comes in that moment. Whether it will is learned for each kind of request: after
//!   a wait in vain the next one isn't tried, then the next two, four, up to [`MAX_SKIPPED`]; the first
//!   success forgives everything. So RSA, which takes longer than the moment, isn't waited for, and
//!   a machine that becomes busy stops being bothered.
//!
//! Measured by `benches/echo.rs` on two cores, with a node that works 15 us: a lone caller gets 19,000 to 22,000 answers
//! a second asleep and 28,000 to 29,000 awake; two threads or eight of one client the same within 3 %; two or eight
//! clients of one caller each 2 to 10 % fewer, and eight on three nodes a sixth fewer, since they don't know
//! of each other. Resting longer after a core was taken cost the lone caller its gain and brought the others nothing.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use strongroom_wire::{Manner, Request};

use crate::line::Line;

/// Kinds of request told apart; others share a place.
const KINDS: usize = 64;
/// How many requests of a kind go by at most before waiting awake is tried again.
const MAX_SKIPPED: u32 = 256;
/// A gap between two polls that means that others wanted the core. Then it isn't spare: who offers it may get it
/// back only after a scheduler's turn, and who sleeps is woken at once.
const TAKEN: Duration = Duration::from_micros(3);
/// A gap that's a turn of another program's.
const TURN: Duration = Duration::from_micros(100);
/// For how many requests of a kind a shorter gap isn't the first. A lone one is the machine's: on a virtual one a poll in a
/// thousand takes that long.
const WATCHED: u32 = 16;
/// How many requests of a kind go by after that. Successes in between must not forgive it: of eight clients on two
/// cores most wait with success, at the cost of the others.
const RESTED: u32 = 64;
/// How many calls in flight for each core are a crowd's.
const CROWD: usize = 2;

/// What a client has learned about waiting.
#[derive(Debug)]
pub(crate) struct Wait {
    budget: Duration,
    /// How long a node may be silent.
    limit: Option<Duration>,
    /// [`TAKEN`].
    taken: Duration,
    /// [`TURN`].
    turn: Duration,
    in_flight: Busy<AtomicUsize>,
    /// The number of cores; 0 until asked for.
    cores: AtomicUsize,
    kinds: [Kind; KINDS],
}

/// How waiting for one kind of request has been going. Threads may overwrite each other's
/// findings; nothing but speed depends on them.
#[derive(Debug)]
struct Kind {
    /// Requests yet to go by.
    skip: AtomicU32,
    /// How many go by after the next wait in vain.
    penalty: AtomicU32,
    /// Requests in which a gap would be the second.
    watched: AtomicU32,
}

/// What every call writes: on cache lines of its own, so that it doesn't take its neighbours from other cores.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Busy<T>(pub(crate) T);

/// A call in flight.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    wait: &'a Wait,
    /// How many there were when it began.
    others: usize,
}

impl Wait {
    /// Waits awake for at most `micros` microseconds, 0 is never; and for as long as `limit` says altogether, if the node
    /// is silent.
    pub(crate) fn new(micros: u64, limit: Option<Duration>) -> Self {
        Self {
            budget: Duration::from_micros(micros),
            limit,
            taken: TAKEN,
            turn: TURN,
            in_flight: Busy(AtomicUsize::new(0)),
            cores: AtomicUsize::new(0),
            kinds: [const { Kind::new() }; KINDS],
        }
    }

    /// Notes that a call begins; it ends when the result is dropped.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        let others = self.in_flight.0.fetch_add(1, Ordering::Relaxed);
        InFlight { wait: self, others }
    }

    /// How many cores there are. Another could do the node's work meanwhile if there are two.
    fn cores(&self) -> usize {
        let mut cores = self.cores.load(Ordering::Relaxed);
        if cores == 0 {
            cores = std::thread::available_parallelism().map_or(1, usize::from);
            self.cores.store(cores, Ordering::Relaxed);
        }
        cores
    }
}

impl InFlight<'_> {
    /// The line to read a request's answer from.
    pub(crate) fn answer<'a>(&'a self, line: &'a mut Line, request: &Request) -> Answer<'a> {
        let wait = self.wait;
        let kind = &wait.kinds[kind_of(request)];
        let awake = self.others == 0 && !wait.budget.is_zero() && kind.is_due() && wait.cores() > 1;
        let limit = wait.limit.map(|limit| limit.saturating_mul(patience(request)));
        Answer { line, wait, limit, awake: awake.then_some(kind) }
    }

    /// How caller and node sleep, if they share memory.
    pub(crate) fn manner(&self) -> Manner {
        match self.others {
            0 => Manner::Anywhere,
            others if others < self.wait.cores() => Manner::NearWaker,
            _ => Manner::Anywhere,
        }
    }

    /// Whether there are more calls than cores to carry them out, so many more that it pays to send some together.
    pub(crate) fn is_crowded(&self) -> bool {
        self.others >= self.wait.cores() * CROWD
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.wait.in_flight.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Kind {
    const fn new() -> Self {
        Self { skip: AtomicU32::new(0), penalty: AtomicU32::new(1), watched: AtomicU32::new(0) }
    }

    fn is_due(&self) -> bool {
        if counts_down(&self.skip) {
            return false;
        }
        counts_down(&self.watched);
        true
    }

    fn in_time(&self) {
        if self.penalty.load(Ordering::Relaxed) != 1 {
            self.penalty.store(1, Ordering::Relaxed);
        }
    }

    /// Notes that the core was taken, for a whole turn or not.
    fn taken(&self, turn: bool) {
        let again = self.watched.swap(WATCHED, Ordering::Relaxed) > 0;
        if turn || again {
            self.skip.store(RESTED, Ordering::Relaxed);
        }
    }

    fn in_vain(&self) {
        let penalty = self.penalty.load(Ordering::Relaxed);
        self.skip.store(penalty, Ordering::Relaxed);
        self.penalty.store((penalty * 2).min(MAX_SKIPPED), Ordering::Relaxed);
    }
}

/// Reads an answer; waits for its first bytes awake if that pays.
pub(crate) struct Answer<'a> {
    line: &'a mut Line,
    wait: &'a Wait,
    limit: Option<Duration>,
    awake: Option<&'a Kind>,
}

impl Read for Answer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(kind) = self.awake.take() {
            let begun = Instant::now();
            let mut polled = Duration::ZERO;
            loop {
                if let Some(read) = self.line.try_read(buffer)? {
                    kind.in_time();
                    return Ok(read);
                }
                if self.wait.in_flight.0.load(Ordering::Relaxed) > 1 {
                    break;
                }
                std::thread::yield_now();
                let now = begun.elapsed();
                if now - polled > self.wait.taken {
                    kind.taken(now - polled > self.wait.turn);
                    break;
                }
                if now > self.wait.budget {
                    kind.in_vain();
                    break;
                }
                polled = now;
            }
        }
        self.line.read_within(self.limit, buffer)
    }
}

/// Takes one from a count, unless it's at its end; whether it wasn't. Threads may overwrite each other's.
pub(crate) fn counts_down(count: &AtomicU32) -> bool {
    let left = count.load(Ordering::Relaxed);
    if left > 0 {
        count.store(left - 1, Ordering::Relaxed);
    }
    left > 0
}

/// How many times as long as for other requests a node may be silent. Primes, pairs and domain parameters are found by
/// luck, and derivations may be slow on purpose: nobody knows how long they take.
const fn patience(request: &Request) -> u32 {
    match request {
        Request::GenerateKey { .. } | Request::GeneratePair { .. } | Request::Derive { .. } => 10,
        _ => 1,
    }
}

/// A number for requests that take about the same time, below [`KINDS`].
fn kind_of(request: &Request) -> usize {
    let (family, mechanism) = match request {
        Request::Sign { operation, .. } => (1, operation.mechanism.kind.0),
        Request::Verify { operation, .. } => (2, operation.mechanism.kind.0),
        Request::Encrypt(operation) => (3, operation.mechanism.kind.0),
        Request::Decrypt(operation) => (4, operation.mechanism.kind.0),
        Request::Open { operation, .. } => (5, operation.mechanism.kind.0),
        Request::GenerateKey { mechanism, .. } => (6, mechanism.kind.0),
        Request::GeneratePair { mechanism, .. } => (7, mechanism.kind.0),
        Request::Wrap { mechanism, .. } | Request::Unwrap { mechanism, .. } => (8, mechanism.kind.0),
        Request::Derive { mechanism, .. } => (9, mechanism.kind.0),
        Request::Encapsulate { mechanism, .. } | Request::Decapsulate { mechanism, .. } => {
            (12, mechanism.kind.0)
        }
        Request::Login(_) | Request::SetPin { .. } | Request::ChangePassword(_) => (10, 0),
        Request::Create { .. } | Request::Copy { .. } | Request::Destroy { .. } => (11, 0),
        _ => (0, 0),
    };
    // Fibonacci hashing: neighbouring mechanisms shall not share a place.
    let hash = (mechanism ^ family << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - KINDS.ilog2())) as usize
}

#[cfg(test)]
mod tests;
