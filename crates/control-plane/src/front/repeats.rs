//! Calls that are made again.
//!
//! Clients call again when the connection breaks or the answer is late, and `CreateCluster` has no token that would tell a
//! second call from a second cluster. But every attempt at one call carries the same invocation id: its answer is kept for
//! some minutes, and a second attempt waits for the first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::dispatch::Operation;
use super::{Answer, Call, Refusal};
use crate::Caller;

/// How long answers are kept. Clients give a call up after a minute or so.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// The most that are kept; then the oldest goes.
const MOST: usize = 1024;
/// The longest invocation id that is heeded; clients send a UUID.
const LONGEST_ID: usize = 128;

/// Answers by the attempt that got them.
#[derive(Default)]
pub(super) struct Repeats(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    slots: HashMap<Key, Arc<Mutex<Option<Answer>>>>,
    order: VecDeque<(Instant, Key)>,
}

/// What makes two calls attempts at one: caller, operation, invocation id, and the request to the byte.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// The key of a call that has an invocation id.
    pub(super) fn of(call: &Call<'_>, caller: &Caller, operation: Operation) -> Option<Self> {
        let id =
            call.headers.get("amz-sdk-invocation-id")?.to_str().ok().filter(|id| id.len() <= LONGEST_ID)?;
        let place = format!("{}\n{}\n{}\n{id}\n", caller.account, caller.region, operation.name());
        Some(Self(Sha256::new().chain_update(place).chain_update(call.body).finalize().into()))
    }
}

impl Repeats {
    /// Does it, unless it was done under the same key: then the answer is the one of that time. Refusals aren't kept.
    pub(super) fn once(
        &self,
        key: Option<Key>,
        perform: impl FnOnce() -> Result<Answer, Refusal>,
    ) -> Result<Answer, Refusal> {
        let Some(key) = key else { return perform() };
        let slot = self.0.lock().slot(key, Instant::now());
        let mut answer = slot.lock();
        if let Some(answer) = &*answer {
            return Ok(answer.clone());
        }
        let new = perform()?;
        *answer = Some(new.clone());
        Ok(new)
    }
}

impl Kept {
    fn slot(&mut self, key: Key, now: Instant) -> Arc<Mutex<Option<Answer>>> {
        while let Some((since, oldest)) = self.order.front() {
            if self.order.len() < MOST && now.duration_since(*since) < KEPT {
                break;
            }
            self.slots.remove(oldest);
            self.order.pop_front();
        }
        if let Some(slot) = self.slots.get(&key) {
            return Arc::clone(slot);
        }
        self.order.push_back((now, key.clone()));
        Arc::clone(self.slots.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        Key(Sha256::digest(number.to_be_bytes()).into())
    }

    #[test]
    fn answers_are_kept_for_some_minutes_and_some_number() {
        let mut kept = Kept::default();
        let start = Instant::now();
        let first = kept.slot(key(0), start);
        assert!(Arc::ptr_eq(&first, &kept.slot(key(0), start + KEPT / 2)));
        assert!(!Arc::ptr_eq(&first, &kept.slot(key(0), start + KEPT)));
        for number in 0..3 * MOST {
            kept.slot(key(number), start + KEPT);
        }
        assert_eq!((kept.slots.len(), kept.order.len()), (MOST, MOST));
    }
}
