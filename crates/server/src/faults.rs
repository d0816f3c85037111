//! What is wrong with a node on purpose.
//!
//! Tests of software that must survive real HSMs need nodes that are slow, busy, silent, or lose connections. All
//! of a node's faults are in one word, so that a request to a node without any costs one load.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use strongroom_crypto::random;

/// The longest delay of an answer, in milliseconds.
pub(crate) const MAX_DELAY_MS: u32 = 60_000;
/// How often a thread that a fault holds looks whether its connection was closed meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// A node's faults. They end with the daemon. On cache lines of their own, since every request looks at them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Faults {
    /// [`Kind`]s packed by [`Ill::pack`]; 0 for a node that's well.
    word: AtomicU64,
    changing: Mutex<()>,
    changed: Condvar,
}

/// The faults of a node that has some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ill {
    /// How much later each answer comes, in milliseconds.
    pub(crate) delay_ms: u32,
    /// How many of a hundred calls have their connection broken.
    pub(crate) drop_percent: u8,
    /// How many of a hundred calls are answered by "busy".
    pub(crate) throttle_percent: u8,
    /// Whether nothing is answered at all.
    pub(crate) hangs: bool,
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It's carried out and answered, if later.
    Served,
    /// It isn't carried out: the node is too busy.
    Busy,
    /// The connection breaks before it's carried out.
    LostBefore,
    /// The connection breaks when it was carried out, before the answer.
    LostAfter,
}

impl Faults {
    /// The faults, if there are any. One load.
    pub(crate) fn now(&self) -> Option<Ill> {
        match self.word.load(Ordering::Relaxed) {
            0 => None,
            word => Some(Ill::unpack(word)),
        }
    }

    /// Changes them; who is held by one looks again.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Ill)) {
        let _changing = self.changing.lock();
        let mut ill = self.now().unwrap_or_default();
        change(&mut ill);
        self.word.store(ill.pack(), Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Holds a thread while the node hangs, unless its connection ends.
    pub(crate) fn hang(&self, has_ended: impl Fn() -> bool) {
        let mut guard = self.changing.lock();
        while self.now().is_some_and(|ill| ill.hangs) && !has_ended() {
            self.changed.wait_for(&mut guard, LOOK);
        }
    }

    /// Holds a thread for as long as an answer is delayed, unless the fault or its connection ends before.
    pub(crate) fn delay(&self, has_ended: impl Fn() -> bool) {
        let begun = Instant::now();
        let mut guard = self.changing.lock();
        while let Some(ill) = self.now().filter(|ill| ill.delay_ms > 0)
            && !has_ended()
        {
            let left = Duration::from_millis(ill.delay_ms.into()).saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            self.changed.wait_for(&mut guard, left.min(LOOK));
        }
    }
}

impl Ill {
    /// Draws what becomes of a call.
    pub(crate) fn fate(self) -> Fate {
        if self.drop_percent == 0 && self.throttle_percent == 0 {
            return Fate::Served;
        }
        self.fate_by(random::bytes())
    }

    fn fate_by(self, [throttle, lost, after]: [u8; 3]) -> Fate {
        // Of 256 equally likely bytes, as many as make up the percentage.
        let hits = |byte: u8, percent: u8| u32::from(byte) * 100 < u32::from(percent) * 256;
        if hits(throttle, self.throttle_percent) {
            Fate::Busy
        } else if !hits(lost, self.drop_percent) {
            Fate::Served
        } else if after % 2 == 0 {
            Fate::LostBefore
        } else {
            Fate::LostAfter
        }
    }

    fn pack(self) -> u64 {
        let [a, b, c, d] = self.delay_ms.to_le_bytes();
        u64::from_le_bytes([a, b, c, d, self.drop_percent, self.throttle_percent, self.hangs.into(), 0])
    }

    fn unpack(word: u64) -> Self {
        let [a, b, c, d, drop_percent, throttle_percent, hangs, _] = word.to_le_bytes();
        Self { delay_ms: u32::from_le_bytes([a, b, c, d]), drop_percent, throttle_percent, hangs: hangs != 0 }
    }

    /// Each of them in words, for status and log.
    pub(crate) fn describe(self) -> Vec<String> {
        let say = |on: bool, text: fmt::Arguments<'_>| on.then(|| text.to_string());
        let Self { delay_ms, drop_percent, throttle_percent, hangs } = self;
        [
            say(delay_ms > 0, format_args!("delays answers by {delay_ms} ms")),
            say(drop_percent > 0, format_args!("breaks the connections of {drop_percent} % of calls")),
            say(throttle_percent > 0, format_args!("answers {throttle_percent} % of calls by busy")),
            say(hangs, format_args!("answers nothing")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn faults_come_and_go_and_none_is_nothing() {
        let faults = Faults::default();
        assert_eq!(faults.now(), None);
        faults.change(|ill| ill.delay_ms = MAX_DELAY_MS);
        faults.change(|ill| ill.throttle_percent = 100);
        faults.change(|ill| ill.hangs = true);
        let all = Ill { delay_ms: MAX_DELAY_MS, drop_percent: 0, throttle_percent: 100, hangs: true };
        assert_eq!(faults.now(), Some(all));
        assert_eq!(
            all.describe(),
            ["delays answers by 60000 ms", "answers 100 % of calls by busy", "answers nothing"]
        );
        faults.change(|ill| *ill = Ill::default());
        assert_eq!(faults.now(), None);
    }

    #[test]
    fn percentages_are_what_they_say() {
        let ill = |drop_percent, throttle_percent| Ill { drop_percent, throttle_percent, ..Ill::default() };
        let count = |ill: Ill, fate: Fate| {
            (0..=255u8).filter(|byte| ill.fate_by([*byte, *byte, *byte]) == fate).count()
        };
        assert_eq!(count(ill(100, 0), Fate::LostBefore) + count(ill(100, 0), Fate::LostAfter), 256);
        assert_eq!(count(ill(0, 100), Fate::Busy), 256);
        assert_eq!(count(ill(0, 50), Fate::Busy), 128);
        assert_eq!(count(ill(0, 1), Fate::Busy), 3);
        assert_eq!(count(ill(25, 0), Fate::Served), 192);
        assert_eq!(Ill::default().fate(), Fate::Served);
    }

    #[test]
    fn who_is_held_goes_on_when_the_fault_ends_or_the_connection() {
        let faults = Arc::new(Faults::default());
        faults.change(|ill| {
            ill.hangs = true;
            ill.delay_ms = MAX_DELAY_MS;
        });
        let held = {
            let faults = Arc::clone(&faults);
            std::thread::spawn(move || {
                faults.hang(|| false);
                faults.delay(|| false);
            })
        };
        faults.hang(|| true);
        faults.delay(|| true);
        assert!(!held.is_finished());
        faults.change(|ill| *ill = Ill::default());
        held.join().unwrap();

        faults.change(|ill| ill.delay_ms = 30);
        let begun = Instant::now();
        faults.delay(|| false);
        assert!(begun.elapsed() >= Duration::from_millis(30));
    }
}
