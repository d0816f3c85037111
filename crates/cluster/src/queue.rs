//! The queue of changes, and whose turn it is to carry them out.
//!
//! The first caller becomes the leader: it takes all that wait, carries them out together, and tells each
//! caller. Meanwhile the next wait, and when it's done the first of them leads. So a flush is shared by all
//! who came during the one before, there's one leader at any time, and no thread is needed for it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use strongroom_model::{Error, ReturnCode};
use strongroom_node::state::{CommitError, Revision};

use crate::draft::Draft;

/// The most content in one group; a single change may have more.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// What becomes of a change.
pub(crate) type Outcome = Result<Revision, CommitError>;

/// Changes that wait.
#[derive(Default)]
pub(crate) struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<(Draft, Arc<Slot>)>,
    /// Whether there is a leader.
    led: bool,
    /// A leader panicked: replicas may differ from the store, so nothing more is taken.
    broken: bool,
}

/// Where a caller waits.
#[derive(Default)]
struct Slot {
    stage: Mutex<Stage>,
    changed: Condvar,
}

#[derive(Default)]
enum Stage {
    #[default]
    Waiting,
    Leading,
    Done(Outcome),
}

impl Queue {
    /// Gets a change carried out, by the caller or by another. `carry_out` is given changes in order, and
    /// returns what becomes of each; it never runs twice at a time.
    pub(crate) fn submit(&self, draft: Draft, carry_out: impl FnOnce(Vec<Draft>) -> Vec<Outcome>) -> Outcome {
        let slot = Arc::new(Slot::default());
        let leads = {
            let mut state = self.0.lock();
            if state.broken {
                return Err(broken());
            }
            state.waiting.push_back((draft, Arc::clone(&slot)));
            !std::mem::replace(&mut state.led, true)
        };
        if leads || slot.wait() {
            // The caller's own change is the first of the group.
            let (drafts, slots) = self.take_group();
            let leading = Leading { queue: self, slots };
            let outcomes = carry_out(drafts);
            for (slot, outcome) in leading.slots.iter().zip(outcomes) {
                slot.set(Stage::Done(outcome));
            }
        }
        slot.outcome()
    }

    fn take_group(&self) -> (Vec<Draft>, Vec<Arc<Slot>>) {
        let mut state = self.0.lock();
        let (mut count, mut size) = (0, 0);
        for (draft, _) in &state.waiting {
            size += draft.size();
            if count > 0 && size > GROUP_BYTES {
                break;
            }
            count += 1;
        }
        state.waiting.drain(..count).unzip()
    }
}

/// The time of a leader. When it ends, whatever ends it, nobody is left waiting for nobody.
struct Leading<'a> {
    queue: &'a Queue,
    slots: Vec<Arc<Slot>>,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.0.lock();
        if std::thread::panicking() {
            state.broken = true;
            let waiting: Vec<_> = state.waiting.drain(..).collect();
            for slot in self.slots.iter().chain(waiting.iter().map(|(_, slot)| slot)) {
                slot.set(Stage::Done(Err(broken())));
            }
        }
        match state.waiting.front() {
            Some((_, next)) => next.set(Stage::Leading),
            None => state.led = false,
        }
    }
}

impl Slot {
    fn set(&self, stage: Stage) {
        *self.stage.lock() = stage;
        self.changed.notify_one();
    }

    /// Waits until there's an outcome, or until it's the caller's turn to lead: true.
    fn wait(&self) -> bool {
        let mut stage = self.stage.lock();
        while matches!(*stage, Stage::Waiting) {
            self.changed.wait(&mut stage);
        }
        matches!(*stage, Stage::Leading)
    }

    fn outcome(&self) -> Outcome {
        match &*self.stage.lock() {
            Stage::Done(outcome) => outcome.clone(),
            Stage::Waiting | Stage::Leading => Err(broken()),
        }
    }
}

fn broken() -> CommitError {
    let message = "the cluster stopped taking changes after a bug, which the log tells: restart the daemon";
    CommitError::Failed(Error::new(ReturnCode::DEVICE_ERROR, message))
}
