//! What is said on a connection: for whom, the request, and what the answer tells besides.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use strongroom_model::ReturnCode;
use strongroom_wire::{Attach, Reply, Request, Response, Standing};

use super::Errand;
use crate::client::Client;
use crate::conn::{Conn, Failure, Generation, NOBODY, UNKNOWN};
use crate::lanes::Lead;
use crate::link::Link;
use crate::log::Level;
use crate::state::binds;
use crate::undelivered::Named;
use crate::wait::InFlight;

impl Client {
    /// Sends the request on a connection, which is given back if all goes well.
    pub(super) fn converse(
        &self,
        link: &Arc<Link>,
        mut conn: Conn,
        errand: &Errand<'_>,
        lead: &mut Lead<'_>,
    ) -> Result<Reply, Failure> {
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

/// Whether the node hasn't begun on the request.
const fn is_refusal(reply: &Reply) -> bool {
    matches!(reply.standing, Standing::Unfit | Standing::Busy)
}

fn is_not_logged_in(reply: &Reply) -> bool {
    reply.result.as_ref().is_err_and(|error| error.code == ReturnCode::USER_NOT_LOGGED_IN)
}
