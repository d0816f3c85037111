//! Rates, measured in turns: this machine and its neighbours are noisy, so only ratios of one run mean something.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::{Peer, Session};

/// Operations a second of two peers.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Of the first.
    pub ours: f64,
    /// Of the second.
    pub theirs: f64,
}

impl Rates {
    /// How many times as fast the first is.
    pub fn ratio(self) -> f64 {
        self.ours / self.theirs
    }
}

/// Runs an operation on `threads` threads, each with a session of its own, on one peer and then the other,
/// `rounds` times for `slice` each; returns the medians of the rates.
pub fn compare<'a, W>(
    peers: [&'a Peer; 2],
    threads: usize,
    rounds: usize,
    slice: Duration,
    work: impl Fn(usize, &Session<'a>) -> W + Sync,
) -> Rates
where
    W: FnMut(&Session<'a>),
{
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (index, peer) in peers.into_iter().enumerate() {
            rates[index].push(rate(peer, threads, slice, |session| work(index, session)));
        }
    }
    let [ours, theirs] = rates.map(median);
    Rates { ours, theirs }
}

/// Operations a second of one peer, all threads together.
pub fn rate<'a, W: FnMut(&Session<'a>)>(
    peer: &'a Peer,
    threads: usize,
    slice: Duration,
    work: impl Fn(&Session<'a>) -> W + Sync,
) -> f64 {
    let barrier = Barrier::new(threads);
    let rates: Vec<f64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let session = peer.session();
                    let mut work = work(&session);
                    work(&session);
                    barrier.wait();
                    let start = Instant::now();
                    let mut count = 0u32;
                    while start.elapsed() < slice {
                        work(&session);
                        count += 1;
                    }
                    f64::from(count) / start.elapsed().as_secs_f64()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker")).collect()
    });
    rates.iter().sum()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
