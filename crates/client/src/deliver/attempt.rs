//! One node: its connections that are idle, or a new one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use strongroom_model::{Error, limits};
use strongroom_wire::{Hello, PROTOCOL, Reply};

use super::Errand;
use crate::client::Client;
use crate::conn::{Conn, Failure, at_once, frame};
use crate::lanes::{Lead, Outcome, Part};
use crate::line::Line;
use crate::link::Link;
use crate::log::Level;
use crate::undelivered::Named;

impl Client {
    /// Sends the request to a node, by itself or together with others; `None` if it's not the node it has to go to.
    pub(super) fn attempt(
        &self,
        link: &Arc<Link>,
        errand: &Errand<'_>,
        together: bool,
    ) -> Result<Option<Reply>, Failure> {
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
    ) -> Result<Option<Reply>, Failure> {
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

    fn connect(&self, link: &Arc<Link>) -> Result<Conn, Failure> {
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
}
