//! The memory that hashing fills: as many areas as there are cores, used again and again.
//!
//! Left to the allocator, each thread that ever checked a password would keep 19 MiB; and a flood of guesses
//! would take memory without bound. So who comes when all areas are taken waits for one, which costs no
//! time: there is no core left to hash on anyway.

use std::sync::{Condvar, Mutex, PoisonError};

use argon2::Block;

static AREAS: Areas =
    Areas { state: Mutex::new(State { free: Vec::new(), made: 0 }), returned: Condvar::new() };

struct Areas {
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    free: Vec<Vec<Block>>,
    /// How many there are, those in use included.
    made: usize,
}

/// Runs `work` with at least `blocks` blocks.
pub(super) fn lend<T>(blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
    let mut area = Area(AREAS.take());
    if area.0.len() < blocks {
        area.0.resize(blocks, Block::new());
    }
    work(&mut area.0)
}

/// An area in use; given back whatever ends its use.
struct Area(Vec<Block>);

impl Drop for Area {
    fn drop(&mut self) {
        AREAS.give_back(std::mem::take(&mut self.0));
    }
}

impl Areas {
    fn take(&self) -> Vec<Block> {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(area) = state.free.pop() {
                return area;
            }
            if state.made < most {
                state.made += 1;
                return Vec::new();
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, area: Vec<Block>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).free.push(area);
        self.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_threads_than_areas_all_get_their_turn() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..cores * 4 {
                scope.spawn(|| lend(8, |blocks| assert!(blocks.len() >= 8)));
            }
        });
        let state = AREAS.state.lock().unwrap();
        assert!(state.made <= cores);
    }
}
