//! What goes wrong with nodes on purpose.

use strongroom_model::NodeId;

use super::{Seat, Served};
use crate::control::Fault;
use crate::faults::{Ill, MAX_DELAY_MS};

impl Served {
    /// Makes something go wrong with a node, or right again.
    pub(crate) fn fault(&self, id: NodeId, fault: Fault) -> Result<(), String> {
        let _turn = self.turn()?;
        let name = self.name_of(id);
        if !self.has(id) {
            return Err(self.no_such(id));
        }
        match fault {
            Fault::Stop => self.stop_node(id)?,
            Fault::Start => self.start_node(id)?,
            Fault::Cut => self.cut(id, true)?,
            Fault::Heal => self.cut(id, false)?,
            Fault::Delay { ms } if ms > MAX_DELAY_MS => {
                return Err(format!("an answer can be delayed by up to {MAX_DELAY_MS} ms, not {ms}"));
            }
            Fault::Drop { percent } | Fault::Throttle { percent } if percent > 100 => {
                return Err(format!("{percent} % is more than all calls"));
            }
            Fault::Delay { ms } => self.change(id, |ill| ill.delay_ms = ms),
            Fault::Drop { percent } => self.change(id, |ill| ill.drop_percent = percent),
            Fault::Throttle { percent } => self.change(id, |ill| ill.throttle_percent = percent),
            Fault::Hang => self.change(id, |ill| ill.hangs = true),
            Fault::Clear => {
                self.change(id, |ill| *ill = Ill::default());
                self.start_node(id)?;
                self.cut(id, false)?;
            }
        }
        let what = self.seats.lock().get(&id).map(Seat::what_is_wrong).unwrap_or_default();
        if what.is_empty() {
            tracing::info!("{name} has no faults any more");
        } else {
            tracing::warn!("{name} has been given faults: it {}", what.join(", "));
        }
        Ok(())
    }

    fn stop_node(&self, id: NodeId) -> Result<(), String> {
        let running = self.seats.lock().get_mut(&id).and_then(|seat| seat.running.take());
        if let Some(running) = running {
            running.node.crash();
            running.listener.crash();
            self.cluster.stop_node(id).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn start_node(&self, id: NodeId) -> Result<(), String> {
        if self.seats.lock().get(&id).is_some_and(|seat| seat.running.is_some()) {
            return Ok(());
        }
        let node = self.cluster.start_node(id).map_err(|error| error.to_string())?;
        let kept = self.logs.attach(self.cluster.name(), &node, false);
        kept.and_then(|()| self.seat(node)).map_err(|error| error.to_string())
    }

    fn cut(&self, id: NodeId, cut: bool) -> Result<(), String> {
        match self.seats.lock().get_mut(&id).filter(|seat| seat.is_cut != cut) {
            Some(seat) => seat.is_cut = cut,
            None => return Ok(()),
        }
        let done = if cut { self.cluster.cut(id) } else { self.cluster.heal(id) };
        done.map_err(|error| error.to_string())
    }

    fn change(&self, id: NodeId, change: impl FnOnce(&mut Ill)) {
        if let Some(seat) = self.seats.lock().get(&id) {
            seat.faults.change(change);
        }
    }
}

impl Seat {
    /// What is wrong with the node on purpose; each goes with "it".
    pub(super) fn what_is_wrong(&self) -> Vec<String> {
        let stopped = self.running.is_none().then(|| "is stopped".to_owned());
        let cut = self.is_cut.then(|| "is cut off from its cluster".to_owned());
        let ill = self.faults.now().map(Ill::describe).unwrap_or_default();
        stopped.into_iter().chain(cut).chain(ill).collect()
    }
}
