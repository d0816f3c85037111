//! Log lines that a stranger can cause, a few at a time.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How many lines pass in each [`PERIOD`].
const LINES: u32 = 5;
const PERIOD: Duration = Duration::from_secs(10);

/// Lets some log lines pass and counts the rest.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    lines: u32,
    held_back: u64,
}

impl Throttle {
    /// Whether a line may be logged now; if so, how many were held back since the last.
    pub(crate) fn pass(&self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        if state.since.is_none_or(|since| now.saturating_duration_since(since) >= PERIOD) {
            state.since = Some(now);
            state.lines = 0;
        }
        if state.lines == LINES {
            state.held_back += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_a_few_lines_and_a_count() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let passed = (0..1000).filter(|_| throttle.pass_at(start).is_some()).count();
        assert_eq!(passed, LINES as usize);
        assert_eq!(throttle.pass_at(start + PERIOD), Some(1000 - u64::from(LINES)));
        assert_eq!(throttle.pass_at(start + PERIOD), Some(0));
    }
}
