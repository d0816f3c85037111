//! Getting a request to a node and its answer back. Here: which nodes are tried, how often, and when to give up;
//! `attempt.rs`: one node, by its connections; `converse.rs`: what is said on a connection.

mod attempt;
mod converse;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use strongroom_model::{NodeId, Result};
use strongroom_wire::{Extras, Request, Response};

use crate::choice::{self, Route};
use crate::client::Client;
use crate::config::Retry;
use crate::conn::Failure;
use crate::link::Link;
use crate::state::makes_session_object;
use crate::undelivered::{describe, lost};
use crate::wait::InFlight;

/// The first pause between attempts to reach any node; it grows by half each time.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_millis(200);

/// A request on its way.
struct Errand<'a> {
    only: Option<NodeId>,
    session: u64,
    extras: Option<&'a Extras>,
    request: &'a Request,
    in_flight: InFlight<'a>,
}

impl Client {
    /// Has a node carry out a request. `patience` is how long to wait for nodes that were there before to
    /// come back; `None` asks each node once, and calls a cluster without nodes `CKR_TOKEN_NOT_PRESENT`.
    pub(crate) fn deliver(
        &self,
        route: Route,
        session: u64,
        request: &Request,
        patience: Option<Duration>,
    ) -> Result<Response> {
        self.deliver_noting_node(route, session, None, request, patience).map(|(_, response)| response)
    }

    /// As [`Self::deliver`]; tells which node answered, too.
    pub(crate) fn deliver_noting_node(
        &self,
        route: Route,
        session: u64,
        extras: Option<&Extras>,
        request: &Request,
        patience: Option<Duration>,
    ) -> Result<(Option<NodeId>, Response)> {
        let errand = Errand { only: route.only(), session, extras, request, in_flight: self.wait.begin() };
        let turn = match self.family {
            // Session objects are used together, and can be only if they are on the same node.
            Some(family) if makes_session_object(request) => choice::turn_of(family),
            // Only one node will do.
            _ if errand.only.is_some() => 0,
            _ => self.turn.0.fetch_add(1, Ordering::Relaxed),
        };
        // An approval is used up by the first try.
        let repeatable = request.is_repeatable() && extras.is_none();
        let mut repeats = u32::from(self.config.retry == Retry::Standard && repeatable);
        let mut together = errand.in_flight.is_crowded() && extras.is_none() && request.is_quick();
        // Nothing below here allocates, reads the clock or sleeps unless something fails.
        let mut tried: Vec<Arc<Link>> = Vec::new();
        let mut trouble = String::new();
        let mut waiting: Option<(Instant, Duration)> = None;
        let mut unfit = None;
        let mut absent = true;
        loop {
            let Some(link) = self.next(&errand, turn, &tried) else {
                if let Some(node) = errand.only.filter(|_| absent && !trouble.is_empty()) {
                    return Err(self.dead(node, request, &trouble));
                }
                let present = patience.is_some() && self.established.load(Ordering::Acquire);
                let pause = self.pause(&mut waiting, patience.filter(|_| present && !trouble.is_empty()));
                let Some(pause) = pause else {
                    return Err(
                        unfit.unwrap_or_else(|| self.unreachable(errand.only, request, present, &trouble))
                    );
                };
                std::thread::sleep(pause);
                tried.clear();
                trouble.clear();
                absent = true;
                continue;
            };
            // Once something has failed, each goes its own way.
            match self.attempt(&link, &errand, std::mem::take(&mut together)) {
                Ok(Some(reply)) => return reply.result.map(|response| (link.node(), response)),
                Ok(None) => {}
                Err(Failure::Unsent(error)) => {
                    absent &= is_absence(&error);
                    describe(&mut trouble, &link, &error);
                }
                Err(Failure::Unfit(error)) => {
                    absent = false;
                    describe(&mut trouble, &link, &error);
                    unfit = Some(error);
                }
                Err(Failure::Busy(error)) if self.config.retry == Retry::Standard => {
                    absent = false;
                    describe(&mut trouble, &link, &error);
                    unfit = Some(error);
                }
                Err(Failure::Busy(error)) => return Err(error),
                Err(Failure::Lost(error)) if repeats > 0 => {
                    repeats -= 1;
                    absent = false;
                    describe(&mut trouble, &link, &error);
                }
                Err(Failure::Lost(error)) => return Err(lost(&link, &error)),
                Err(Failure::Hopeless(error)) => return Err(error),
            }
            tried.push(link);
        }
    }

    fn next(&self, errand: &Errand<'_>, turn: usize, tried: &[Arc<Link>]) -> Option<Arc<Link>> {
        let state = self.state.read();
        choice::next(&state.links, errand.only, turn, tried, || self.now_ms())
    }

    /// How long to sleep before all nodes are tried again; `None` if patience is at its end.
    fn pause(
        &self,
        waiting: &mut Option<(Instant, Duration)>,
        patience: Option<Duration>,
    ) -> Option<Duration> {
        let (since, pause) = waiting.get_or_insert_with(|| (Instant::now(), PAUSE));
        let left = patience?.checked_sub(since.elapsed()).filter(|left| !left.is_zero())?;
        let now = (*pause).min(left);
        *pause = (*pause * 3 / 2).min(MAX_PAUSE);
        Some(now)
    }
}

/// Whether nobody listens at a socket: there's none, or one whose listener was closed.
fn is_absence(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::NOENT | Errno::CONNREFUSED))
}

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
pub(crate) mod common;

#[cfg(test)]
mod tests;
