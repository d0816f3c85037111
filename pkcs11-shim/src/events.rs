//! `C_WaitForSlotEvent`: a cluster that goes down, comes up, or is another one than before, is an event for its slot.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cryptoki_sys::CK_SLOT_ID;
use strongroom_model::{Error, Result, ReturnCode};

use crate::abi::Dest;
use crate::module::Module;
use crate::slot::Slot;
use crate::state;
use crate::sync::lock;

/// How often a call that waits asks the clusters how they are.
const INTERVAL: Duration = Duration::from_millis(250);
/// How often it looks whether the module has been finalised.
const LOOK: Duration = Duration::from_millis(20);

/// What a slot was like when its application heard of it last.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Option<Presence>>);

/// Which cluster is there: its serial number; `None` if it's down.
type Presence = Option<Arc<str>>;

/// PKCS#11 3.2 section 5.5. Before `C_Finalize` or an event it doesn't return if it `blocks`; the module has no threads of
/// its own, so the caller's does the looking.
pub(crate) fn wait(module: &Module, blocks: bool, place: Dest<CK_SLOT_ID>, reserved: bool) -> Result<()> {
    if reserved {
        return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "pReserved must be NULL"));
    }
    place.check()?;
    loop {
        if let Some(slot) = module.slots().iter().find(|slot| slot.heard.is_news(slot)) {
            return place.put(slot.id() as CK_SLOT_ID);
        }
        // The vendor's module doesn't have the function. Slots that never had a cluster may still become anything.
        let lacking = |slot: &Arc<Slot>| slot.must_go_beyond_cloudhsm("C_WaitForSlotEvent").err();
        if let Some(error) = all_err(module.slots(), lacking) {
            return Err(error);
        }
        if !blocks {
            return Err(ReturnCode::NO_EVENT.into());
        }
        let asked = Instant::now();
        while asked.elapsed() < INTERVAL {
            if !state::module().is_ok_and(|current| std::ptr::eq::<Module>(&**current, module)) {
                return Err(ReturnCode::CRYPTOKI_NOT_INITIALIZED.into());
            }
            thread::sleep(LOOK);
        }
    }
}

/// An error, if there is one for each slot.
fn all_err(slots: &[Arc<Slot>], error: impl Fn(&Arc<Slot>) -> Option<Error>) -> Option<Error> {
    slots.iter().map(error).reduce(Option::and).flatten()
}

impl Heard {
    /// Notes how the slot is, if nothing is noted yet: what was so from the beginning is no event.
    pub(crate) fn note(&self, present: Presence) {
        lock(&self.0).get_or_insert(present);
    }

    /// Whether the slot is otherwise than its application heard; it has then heard.
    fn is_news(&self, slot: &Slot) -> bool {
        let present = slot.presence();
        let mut heard = lock(&self.0);
        match heard.replace(present.clone()) {
            Some(before) => before != present,
            None => false,
        }
    }

    /// What a child makes of its parent's.
    pub(crate) fn in_child(&self) -> Self {
        Self(Mutex::new(self.0.try_lock().ok().and_then(|heard| heard.clone())))
    }
}
