//! Messages that are lost, late, doubled and overtaken, as a seed decides.

use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_node::state::{Key, Revision, Update};

use super::Planted;
use super::dice::Dice;
use crate::link::Link;
use crate::transport::Transport;

/// The most that is under way; what is too much is lost.
const MOST: usize = 64;

/// How bad the way is, each of a thousand messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    pub(super) lost: usize,
    pub(super) late: usize,
    pub(super) doubled: usize,
}

/// The way between ledger and nodes.
pub(super) struct SimNet(Mutex<Inner>);

struct Inner {
    dice: Dice,
    weather: Weather,
    under_way: Vec<Packet>,
    planted: Option<Planted>,
    /// How often the planted fault struck.
    struck: usize,
}

enum Packet {
    Update(Arc<Link>, Arc<Update>),
    Answer(Arc<Link>, Revision),
}

impl SimNet {
    pub(super) fn new(seed: u64, planted: Option<Planted>) -> Self {
        let (dice, weather) = (Dice::new(seed), Weather::default());
        Self(Mutex::new(Inner { dice, weather, under_way: Vec::new(), planted, struck: 0 }))
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        self.0.lock().weather = weather;
    }

    pub(super) fn struck(&self) -> usize {
        self.0.lock().struck
    }

    /// Loses all that is under way, as when the daemon dies.
    pub(super) fn clear(&self) {
        self.0.lock().under_way.clear();
    }

    /// Lets some of what is under way arrive, in any order.
    pub(super) fn tick(&self) {
        let count = {
            let mut inner = self.0.lock();
            let most = inner.under_way.len() + 1;
            inner.dice.below(most)
        };
        for _ in 0..count {
            let mut inner = self.0.lock();
            if inner.under_way.is_empty() {
                return;
            }
            let most = inner.under_way.len();
            let at = inner.dice.below(most);
            let packet = inner.under_way.swap_remove(at);
            drop(inner);
            self.arrive(packet);
        }
    }

    fn travel(&self, packet: Packet) {
        let arrives = {
            let mut inner = self.0.lock();
            let Weather { lost, late, doubled } = inner.weather;
            if inner.dice.chance(lost) {
                return;
            }
            if inner.dice.chance(doubled) {
                let double = packet.double();
                inner.keep(double);
            }
            if inner.dice.chance(late) {
                inner.keep(packet);
                None
            } else {
                Some(packet)
            }
        };
        if let Some(packet) = arrives {
            self.arrive(packet);
        }
    }

    fn arrive(&self, packet: Packet) {
        match packet {
            Packet::Update(link, update) => {
                let update = self.0.lock().spoil(update);
                if let Some(revision) = link.deliver(&update) {
                    self.travel(Packet::Answer(link, revision));
                }
            }
            Packet::Answer(link, revision) => link.answered(revision),
        }
    }
}

impl Transport for SimNet {
    fn send(&self, link: &Arc<Link>, update: &Arc<Update>) {
        self.travel(Packet::Update(Arc::clone(link), Arc::clone(update)));
    }

    fn wait(&self) -> bool {
        self.tick();
        self.0.lock().dice.chance(850)
    }
}

impl Inner {
    fn keep(&mut self, packet: Packet) {
        if self.under_way.len() < MOST {
            self.under_way.push(packet);
        }
    }

    /// What a fault in the ledger would make of a message.
    fn spoil(&mut self, update: Arc<Update>) -> Arc<Update> {
        let catches_up = update.base.is_none_or(|base| base + 1 < update.to);
        let doomed = |key: &Key| match self.planted {
            Some(Planted::SkipOnHeal) => catches_up,
            Some(Planted::ForgetDeletion) => matches!(key, Key::Object(_)),
            Some(Planted::ForgetLogout) => matches!(key, Key::Revocation(_)),
            _ => false,
        };
        let deletes = self.planted == Some(Planted::ForgetDeletion);
        let found =
            update.writes.iter().position(|write| doomed(&write.key) && (!deletes || write.record.is_none()));
        let Some(at) = found else { return update };
        self.struck += 1;
        let mut spoiled = (*update).clone();
        spoiled.writes.remove(at);
        Arc::new(spoiled)
    }
}

impl Packet {
    fn double(&self) -> Self {
        match self {
            Self::Update(link, update) => Self::Update(Arc::clone(link), Arc::clone(update)),
            Self::Answer(link, revision) => Self::Answer(Arc::clone(link), *revision),
        }
    }
}
