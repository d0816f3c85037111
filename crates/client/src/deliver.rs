//! Getting a request to a node and its answer back.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use strongroom_model::{Error, NodeId, Result, ReturnCode, limits};
use strongroom_wire::{Attach, Extras, Hello, PROTOCOL, Reply, Request, Response, Standing};

use crate::choice::{self, Route};
use crate::client::Client;
use crate::config::Retry;
use crate::conn::{Conn, Failure, Generation, NOBODY, UNKNOWN, at_once, frame};
use crate::lanes::{Lead, Outcome, Part};
use crate::line::Line;
use crate::link::Link;
use crate::log::Level;
use crate::state::{binds, makes_session_object};
use crate::undelivered::{Named, describe, lost};
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

    /// Sends the request to a node, by itself or together with others; `None` if it's not the node it has to go to.
    fn attempt(
        &self,
        link: &Arc<Link>,
        errand: &Errand<'_>,
        together: bool,
    ) -> std::result::Result<Option<Reply>, Failure> {
        let part = match together {
            true => link.lanes.join(errand.only, || frame(errand.session, errand.request)),
            false => Part::Over(Outcome::Alone),
        };
        let mut lead = match part {
            Part::Lead(lead) => lead,
            Part::Over(Outcome::Alone) => Lead::alone(),
            Part::Over(Outcome::Answered(reply)) => return Ok(Some(reply)),
            Part::Over(Outcome::Failed(failure)) => return Err(failure),
        };
        let result = self.send(link, errand, &mut lead);
        if let Err(failure) = &result {
            lead.fail(failure);
        }
        result
    }

    /// Sends the request, and what others have to send, on a connection that's idle or a new one.
    fn send(
        &self,
        link: &Arc<Link>,
        errand: &Errand<'_>,
        lead: &mut Lead<'_>,
    ) -> std::result::Result<Option<Reply>, Failure> {
        let mut over = false;
        while let Some(conn) = link.take() {
            // With shared memory it takes a moment to notice that a node has gone: for one connection, not for all that are idle.
            if over && conn.is_cut() {
                continue;
            }
            if !conn.is_ours() || errand.only.is_some_and(|only| only != conn.node) {
                continue;
            }
            match self.converse(link, conn, errand, lead) {
                Err(failure) if failure.is_silence() => return Err(self.silent(link, failure)),
                // The node may have been restarted since; what else is idle is tried, then a new connection.
                Err(Failure::Unsent(_)) => over = true,
                Err(Failure::Unfit(error)) => return Err(self.rest(link, error)),
                result => return result.map(Some),
            }
        }
        link.is_tried(|| self.now_ms());
        let conn = match self.connect(link) {
            Ok(conn) => conn,
            Err(failure) if failure.is_silence() => return Err(self.silent(link, failure)),
            Err(Failure::Unfit(error)) => return Err(self.rest(link, error)),
            Err(failure) => {
                if let (true, Failure::Unsent(error)) = (link.failed(self.now_ms()), &failure) {
                    // Time doesn't mend who isn't trusted.
                    let level = match error.kind() {
                        io::ErrorKind::PermissionDenied => Level::Warn,
                        _ => Level::Info,
                    };
                    self.log.say(level, format_args!("{} can't be reached: {error}", Named(link)));
                }
                return Err(failure);
            }
        };
        if errand.only.is_some_and(|only| only != conn.node) {
            link.give(conn);
            return Ok(None);
        }
        match self.converse(link, conn, errand, lead) {
            Err(Failure::Unfit(error)) => Err(self.rest(link, error)),
            Err(failure) if failure.is_silence() => Err(self.silent(link, failure)),
            Err(failure @ (Failure::Unsent(_) | Failure::Lost(_))) => {
                link.failed(self.now_ms());
                Err(failure)
            }
            result => result.map(Some),
        }
    }

    /// Leaves a node alone for a while that can be reached, but is cut off from its cluster.
    fn rest(&self, link: &Link, error: Error) -> Failure {
        if link.failed(self.now_ms()) {
            self.log.say(Level::Info, format_args!("{} is of no use now: {error}", Named(link)));
        }
        Failure::Unfit(error)
    }

    /// Leaves a node alone for a while that answers nothing.
    fn silent(&self, link: &Link, failure: Failure) -> Failure {
        if link.falls_silent(self.now_ms()) {
            self.log.say(Level::Info, format_args!("{} doesn't answer in time", Named(link)));
        }
        failure
    }

    /// Connects to a node, and sees that it's one by its certificate if it's reached by TCP.
    fn dial(&self, link: &Link, within: Duration) -> io::Result<Line> {
        match (link.address.connect(within)?, &self.config.tls) {
            ((stream, None), _) => Line::plain(stream),
            ((stream, Some(node)), Some(tls)) => Line::secured(stream, tls.ready(), node, within),
            ((_, Some(_)), None) => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the configuration names no ca_file, so that nodes that are reached by TCP can't be trusted",
            )),
        }
    }

    fn connect(&self, link: &Arc<Link>) -> std::result::Result<Conn, Failure> {
        let (Some(instance), Some(family)) = (self.instance, self.family) else {
            let error = io::Error::other("the system gives no random bytes (getrandom)");
            return Err(Failure::Unsent(error));
        };
        let hello = Hello {
            protocol: PROTOCOL,
            instance,
            family,
            availability: self.config.availability,
            mailbox: self.config.shared_memory,
        };
        let limit = self.config.call_timeout();
        let line = self.dial(link, at_once(limit)).map_err(Failure::Unsent)?;
        let (conn, welcome) = Conn::open(line, &hello, limit)?;
        if let Some(id) = self.config.cluster_id.as_ref().filter(|id| **id != welcome.cluster.name) {
            let message = format!(
                "it's a node of cluster {:?}, not of {id:?} as cluster_id says",
                welcome.cluster.name
            );
            return Err(Failure::Unsent(io::Error::new(io::ErrorKind::PermissionDenied, message)));
        }
        if welcome.cluster.members.len() > limits::MAX_NODES {
            let message = "the node names more nodes than there may be";
            return Err(Failure::Unsent(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        let known = self.cluster();
        let news = link.node() != Some(welcome.node) || known.is_none_or(|known| *known != welcome.cluster);
        link.is_node(welcome.node);
        link.disown();
        if news {
            self.learn(welcome.cluster);
        }
        self.established.store(true, Ordering::Release);
        Ok(conn)
    }

    /// Sends the request on a connection, which is given back if all goes well.
    fn converse(
        &self,
        link: &Arc<Link>,
        mut conn: Conn,
        errand: &Errand<'_>,
        lead: &mut Lead<'_>,
    ) -> std::result::Result<Reply, Failure> {
        let Errand { session, extras, request, in_flight, .. } = errand;
        let mut attached_anew = false;
        let reply = loop {
            let (generation, attach) = self.attach(&conn);
            let result = conn.exchange(attach.as_ref(), *session, *extras, request, in_flight, lead);
            if matches!(result, Err(Failure::Lost(_))) && request.may_bind() {
                self.state.write(|state| state.note(*session, conn.node));
            }
            let reply = match result {
                Err(failure) if failure.is_silence() => {
                    link.hold(conn);
                    return Err(failure);
                }
                result => result?,
            };
            let detached = self.review(lead, &reply, generation, attach.is_some());
            if is_refusal(&reply) {
                link.give(conn);
                let refusal = reply.result.err().unwrap_or_else(|| ReturnCode::DEVICE_ERROR.into());
                let why = if reply.standing == Standing::Busy { Failure::Busy } else { Failure::Unfit };
                return Err(why(refusal));
            }
            if link.works() {
                self.log.say(Level::Info, format_args!("{} is back", Named(link)));
            }
            if reply.standing == Standing::Stale {
                self.log.say(
                    Level::Debug,
                    format_args!("{} is cut off from its cluster and may be out of date", Named(link)),
                );
            }
            if detached {
                conn.speaks_for = NOBODY;
                self.log.say(Level::Warn, format_args!("the cluster no longer accepts the login"));
                self.forget_login(generation);
            } else {
                conn.speaks_for = generation;
            }
            self.note_revision(reply.revision);
            // The node may have stopped believing a connection that was believed before, say because the
            // password was changed. The ticket, presented again, shows whether the login still is one.
            let disbelieved = attach.is_none() && generation != NOBODY && is_not_logged_in(&reply);
            if !disbelieved || attached_anew {
                break reply;
            }
            attached_anew = true;
            conn.speaks_for = UNKNOWN;
        };
        if matches!(request, Request::Login(_) | Request::Logout) {
            conn.speaks_for = UNKNOWN;
        }
        if request.may_bind() && reply.result.as_ref().is_ok_and(binds) {
            self.state.write(|state| state.note(*session, conn.node));
        }
        let current = reply.epoch <= self.epoch.load(Ordering::Acquire) || matches!(request, Request::Info);
        if current || self.refresh(&mut conn, reply.epoch, in_flight) {
            link.give(conn);
        }
        Ok(reply)
    }

    /// Looks at the answers that came behind ours. Calls that weren't carried out, or not for whom the client speaks,
    /// are sent back to be made by themselves. Whether the node no longer accepts the login.
    fn review(&self, lead: &mut Lead<'_>, ours: &Reply, generation: Generation, attached: bool) -> bool {
        let unheard = attached && is_refusal(ours);
        let mut detached = ours.detached;
        lead.review(|reply| {
            self.note_revision(reply.revision);
            detached |= reply.detached;
            let disbelieved = !attached && generation != NOBODY && is_not_logged_in(reply);
            !unheard && !detached && !disbelieved && !is_refusal(reply)
        });
        detached
    }

    /// Nearly always it's known: writing all the same would take it from all who read it.
    fn note_revision(&self, revision: u64) {
        if revision > self.revision.load(Ordering::Relaxed) {
            self.revision.fetch_max(revision, Ordering::AcqRel);
        }
    }

    /// How to make a connection speak for whom the client does.
    fn attach(&self, conn: &Conn) -> (Generation, Option<Attach>) {
        let generation = self.generation.load(Ordering::Acquire);
        if conn.speaks_for == generation {
            return (generation, None);
        }
        match &self.state.read().login {
            Some(login) => (login.generation, Some(Attach::Ticket(login.ticket.clone()))),
            None => (NOBODY, Some(Attach::Nobody)),
        }
    }

    /// Asks for the members, since they have changed. Whether the connection is still good.
    fn refresh(&self, conn: &mut Conn, epoch: u64, in_flight: &InFlight<'_>) -> bool {
        // One thread asks; if it fails, whoever sees a later epoch does.
        if self.epoch.fetch_max(epoch, Ordering::AcqRel) >= epoch {
            return true;
        }
        match conn.exchange(None, 0, None, &Request::Info, in_flight, &mut Lead::alone()) {
            Ok(Reply { result: Ok(Response::Cluster(info)), .. }) => {
                self.learn(info);
                self.epoch.fetch_max(epoch, Ordering::AcqRel);
                true
            }
            Ok(_) => true,
            Err(_) => false,
        }
    }
}

/// Whether nobody listens at a socket: there's none, or one whose listener was closed.
fn is_absence(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::NOENT | Errno::CONNREFUSED))
}

/// Whether the node hasn't begun on the request.
const fn is_refusal(reply: &Reply) -> bool {
    matches!(reply.standing, Standing::Unfit | Standing::Busy)
}

fn is_not_logged_in(reply: &Reply) -> bool {
    reply.result.as_ref().is_err_and(|error| error.code == ReturnCode::USER_NOT_LOGGED_IN)
}

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
pub(crate) mod common;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::common::{FakeNode, client, generate, obedient, random, until};
    use super::*;

    #[test]
    fn a_descriptor_that_the_host_took_over_is_neither_used_nor_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0");
        let node = FakeNode::start(&path, 0, obedient);
        let client = client(&[&path]);
        client.call(Route::Any, 0, &random()).unwrap();
        let link = Arc::clone(&client.state.read().links[0]);
        let mut conn = link.take().unwrap();
        conn.estrange();
        link.give(conn);
        client.call(Route::Any, 0, &random()).unwrap();
        let on: Vec<_> = node.seen().iter().map(|seen| seen.conn).collect();
        assert_eq!(on, [0, 1]);
        drop((link, client));
        until(|| node.open() == 1);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(node.open(), 1, "the stranger's descriptor was closed");
    }

    #[test]
    fn idle_connections_are_few_after_a_burst() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0");
        let node = FakeNode::start(&path, 0, |seen| {
            std::thread::sleep(Duration::from_millis(100));
            obedient(seen)
        });
        let client = client(&[&path]);
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| client.call(Route::Any, 0, &generate()).unwrap());
            }
        });
        assert!(node.connections() > 64);
        until(|| node.open() == 64);
    }

    #[test]
    fn the_host_hears_of_a_node_that_goes_and_comes() {
        static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0");
        let node = FakeNode::start(&path, 0, obedient);
        let log = |_, message: &str| HEARD.lock().unwrap().push(message.to_owned());
        let client = client(&[&path]).log_to(log);
        client.call(Route::Any, 0, &random()).unwrap();
        drop(node);
        client.probe().unwrap_err();
        client.probe().unwrap_err();
        let _node = FakeNode::start(&path, 0, obedient);
        client.call(Route::Any, 0, &random()).unwrap();
        let heard = HEARD.lock().unwrap();
        assert!(heard[0].contains("node 0 at") && heard[0].contains("can't be reached"), "{heard:?}");
        assert!(heard[1].ends_with("is back"), "{heard:?}");
        assert_eq!(heard.len(), 2);
    }
}
