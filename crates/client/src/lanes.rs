//! Calls that go to a node together, when there are more callers than cores to serve them.
//!
//! A signature takes a node 11 us, and nearly as long again go by in the system: two sends, two wake-ups, two
//! changes of threads. With many callers on few cores most of that can be shared. Callers on the same core form a
//! *lane*. Who comes to a lane that nobody leads, leads it: takes along what others in it have written down
//! meanwhile, sends all in one write, reads the answers, which come in order and mostly in one read, hands them out, and
//! leaves the lane to the first who waits. So each leads for its own call only, and a lane costs a node one thread.
//!
//! - Only quick calls share, so that none waits long for others' work; and only so many at a time.
//! - A lane belongs to a core, since a thread that's woken on the core where its waker runs costs 3 us, and one on another
//!   core 6 to 13. With lanes that any core may join, sharing gained little (docs/performance.md).
//! - Who is about to lead lets others on its core run first: they have just been woken by the last answers and
//!   are about to make their next calls. Where there were none the last time, nobody is let.
//! - If it's somebody else who takes the core then, and not once, calls go by themselves for a while: a system shares a core between
//!   threads that want it, and those who wait for one leader want it less than those who wait for themselves. (Beside a
//!   program without end on each core, 16 callers made a third of their calls if they went together.)
//! - Nothing here survives a fork: a child's links have lanes of their own.

mod bell;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::thread::sched_getcpu;
use strongroom_model::{NodeId, wipe};
use strongroom_wire::{Reply, renumber};

use crate::conn::Failure;
use crate::wait::counts_down;
use bell::{Bell, Called};

/// How many lanes there are; cores whose numbers are that far apart share one.
const LANES: usize = 64;
/// How many calls go together at most.
const MAX_CALLS: usize = 16;
/// How many bytes of others' calls one leader takes along at most; the first may be longer.
const MAX_BYTES: usize = 32 * 1024;
/// How often a leader offers its core before it goes. Those who were woken with it stand anywhere in the core's queue: after
/// one offer 3 of 8 callers go together, after two nearly all.
const OFFERS: usize = 2;
/// Others who wanted the core for longer than this are no callers about to join.
const TAKEN: Duration = if cfg!(test) { Duration::MAX } else { Duration::from_micros(500) };
/// Among how many leaders a second one must meet that, so that the others aren't just a pause of the machine's.
const WATCHED: u32 = 256;
/// How many calls go by themselves then.
const RESTED: u32 = 4096;

/// The lanes to one node.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: [Lane; LANES],
    /// [`TAKEN`].
    taken: Duration,
    /// Calls that shall go by themselves.
    rest: AtomicU32,
    /// Leaders of whom one that meets others would be the second.
    watched: AtomicU32,
}

/// On cache lines of its own, since it's one core's.
#[derive(Debug)]
#[repr(align(128))]
struct Lane {
    queue: Mutex<Queue>,
    bell: Bell,
}

#[derive(Debug)]
struct Queue {
    led: bool,
    /// Whether the last leader had company.
    joined: bool,
    waiting: VecDeque<Arc<Follower>>,
}

/// A call that waits for a leader to take it along.
struct Follower {
    frame: Vec<u8>,
    only: Option<NodeId>,
    news: Mutex<Option<News>>,
    called: Called,
}

#[derive(Debug)]
enum News {
    Lead,
    Over(Outcome),
}

/// What became of a call that somebody else took along.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answered(Reply),
    /// It has to be made by itself.
    Alone,
    Failed(Failure),
}

/// What a caller does in a lane.
#[derive(Debug)]
pub(crate) enum Part<'a> {
    Lead(Lead<'a>),
    Over(Outcome),
}

/// The leader of a lane and those whose calls it takes along. When it's dropped, also by a panic, the lane is another's,
/// and a follower of whose call nothing is known goes alone.
#[derive(Debug)]
pub(crate) struct Lead<'a> {
    /// `None`: a call by itself.
    lane: Option<&'a Lane>,
    followers: VecDeque<Arc<Follower>>,
    /// What to tell them when the lane is left.
    outcomes: Vec<(Arc<Follower>, Outcome)>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            lanes: [const { Lane::new() }; LANES],
            rest: AtomicU32::new(0),
            watched: AtomicU32::new(0),
            taken: TAKEN,
        }
    }
}

impl Lanes {
    /// Joins this core's lane: to lead it, or with a frame until that's answered or it's our turn to lead. `only` is the
    /// node that must get it.
    pub(crate) fn join(&self, only: Option<NodeId>, frame: impl FnOnce() -> io::Result<Vec<u8>>) -> Part<'_> {
        self.join_at(sched_getcpu(), only, frame)
    }

    fn join_at(
        &self,
        core: usize,
        only: Option<NodeId>,
        frame: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> Part<'_> {
        if counts_down(&self.rest) {
            return Part::Over(Outcome::Alone);
        }
        let lane = &self.lanes[core % LANES];
        if !lock(&lane.queue).take_lead() {
            let Ok(frame) = frame() else { return Part::Over(Outcome::Alone) };
            let follower = Arc::new(Follower::new(frame, only, lane.bell.place()));
            if lane.enter(&follower)
                && let News::Over(outcome) = follower.wait(&lane.bell)
            {
                return Part::Over(outcome);
            }
        }
        let mut lead = Lead::of(Some(lane));
        let joined = std::mem::take(&mut lock(&lane.queue).joined);
        if joined {
            self.let_others_join();
        }
        lead.gather();
        Part::Lead(lead)
    }

    /// Offers the core to those who are about to join, and notes if it was somebody else who took it.
    fn let_others_join(&self) {
        let offered = Instant::now();
        (0..OFFERS).for_each(|_| std::thread::yield_now());
        if offered.elapsed() <= self.taken {
            counts_down(&self.watched);
        } else if self.watched.swap(WATCHED, Ordering::Relaxed) > 0 {
            self.rest.store(RESTED, Ordering::Relaxed);
        }
    }
}

impl<'a> Lead<'a> {
    const fn of(lane: Option<&'a Lane>) -> Self {
        Self { lane, followers: VecDeque::new(), outcomes: Vec::new() }
    }

    /// Who takes nobody along.
    pub(crate) const fn alone() -> Self {
        Lead::of(None)
    }

    /// Whether nobody is to be taken along any more.
    pub(crate) fn is_alone(&self) -> bool {
        self.followers.is_empty()
    }

    /// Appends the frames of those who are taken along to a node, numbered on from `number`, the leader's; others are told
    /// to go alone. Returns the last number.
    pub(crate) fn write(&mut self, node: NodeId, mut number: u32, out: &mut Vec<u8>) -> u32 {
        let fits = |follower: &Arc<Follower>| follower.only.is_none_or(|only| only == node);
        if !self.followers.iter().all(fits) {
            let (fit, unfit): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(&mut self.followers).into_iter().partition(fits);
            self.followers = fit;
            self.outcomes.extend(unfit.into_iter().map(|follower| (follower, Outcome::Alone)));
        }
        for follower in &self.followers {
            let start = out.len();
            out.extend_from_slice(&follower.frame);
            number = number.wrapping_add(1);
            renumber(&mut out[start..], number);
        }
        number
    }

    /// Notes what became of the next follower's call.
    pub(crate) fn next(&mut self, outcome: Outcome) {
        if let Some(follower) = self.followers.pop_front() {
            self.outcomes.push((follower, outcome));
        }
    }

    /// Sends those back to go alone whose answers won't do.
    pub(crate) fn review(&mut self, mut will_do: impl FnMut(&Reply) -> bool) {
        for (_, outcome) in &mut self.outcomes {
            if matches!(outcome, Outcome::Answered(reply) if !will_do(reply)) {
                *outcome = Outcome::Alone;
            }
        }
    }

    /// Notes that the calls of those who are left have failed as the leader's has.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        while !self.is_alone() {
            self.next(Outcome::Failed(failure.of_another()));
        }
    }

    /// Takes along who waits.
    fn gather(&mut self) {
        let Some(lane) = self.lane else { return };
        let mut lane = lock(&lane.queue);
        let many = lane.waiting.len().min(MAX_CALLS - 1);
        self.followers.reserve(many);
        self.outcomes.reserve(many);
        let mut bytes = 0;
        while let Some(first) = lane.waiting.front() {
            bytes += first.frame.len();
            if self.followers.len() + 1 >= MAX_CALLS || (bytes > MAX_BYTES && !self.followers.is_empty()) {
                break;
            }
            self.followers.extend(lane.waiting.pop_front());
            lane.joined = true;
        }
    }
}

impl Drop for Lead<'_> {
    /// Wakes the next leader with those who have their answers: they'll come to it with their next calls.
    fn drop(&mut self) {
        while !self.is_alone() {
            self.next(Outcome::Alone);
        }
        let Some(lane) = self.lane else { return };
        let mut called = Called::default();
        for (follower, outcome) in self.outcomes.drain(..) {
            called = called.and(follower.tell(News::Over(outcome)));
        }
        if let Some(next) = lane.leave() {
            called = called.and(next.tell(News::Lead));
        }
        lane.bell.ring(called);
    }
}

impl Lane {
    const fn new() -> Self {
        Self {
            queue: Mutex::new(Queue { led: false, joined: true, waiting: VecDeque::new() }),
            bell: Bell::new(),
        }
    }

    /// Waits in the lane, unless nobody leads it any more: then that's for the follower to do.
    fn enter(&self, follower: &Arc<Follower>) -> bool {
        let mut queue = lock(&self.queue);
        if queue.take_lead() {
            return false;
        }
        queue.waiting.push_back(Arc::clone(follower));
        true
    }

    /// Gives the lead up; to the first who waits, if anybody does.
    fn leave(&self) -> Option<Arc<Follower>> {
        let mut queue = lock(&self.queue);
        let next = queue.waiting.pop_front();
        queue.led = next.is_some();
        queue.joined |= queue.led;
        next
    }
}

impl Queue {
    /// Whether nobody led the lane; it's led then.
    const fn take_lead(&mut self) -> bool {
        !std::mem::replace(&mut self.led, true)
    }
}

impl Follower {
    const fn new(frame: Vec<u8>, only: Option<NodeId>, called: Called) -> Self {
        Self { frame, only, news: Mutex::new(None), called }
    }

    fn wait(&self, bell: &Bell) -> News {
        loop {
            // What's told after this look at the bell rings it, so that waiting ends at once.
            let count = bell.count();
            let news = lock(&self.news).take();
            match news {
                Some(news) => return news,
                None => bell.wait(count, self.called),
            }
        }
    }

    /// Leaves news; whom to ring for then.
    fn tell(&self, news: News) -> Called {
        *lock(&self.news) = Some(news);
        self.called
    }
}

/// Shows nothing of the call.
impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("only", &self.only).finish_non_exhaustive()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        wipe(&mut self.frame);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
