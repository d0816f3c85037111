//! The simulator in the tests: many seeds, and faults that it must find.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const SEEDS: u64 = 10_000;
/// Within so many seeds a planted fault must be found.
const PLANTED_SEEDS: u64 = 500;

/// Runs seeds on all cores until one fails, or all are done.
fn run_all(seeds: u64, settings: &Settings) -> (Tally, Option<Failure>) {
    let (next, found) = (AtomicU64::new(0), Mutex::new(None));
    let total = Mutex::new(Tally::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while found.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    match run(seed, settings, &mut |_| {}) {
                        Ok(tally) => {
                            let mut total = total.lock().unwrap();
                            tally
                                .into_iter()
                                .for_each(|(key, count)| *total.entry(key).or_default() += count);
                        }
                        Err(failure) => *found.lock().unwrap() = Some(failure),
                    }
                }
            });
        }
    });
    (total.into_inner().unwrap(), found.into_inner().unwrap())
}

#[test]
fn nothing_breaks_under_ten_thousand_seeds() {
    let (tally, failure) = run_all(SEEDS, &Settings::default());
    if let Some(failure) = failure {
        panic!(
            "{failure}\nsee it again:  cargo run --release -p strongroom-cluster --example simulate -- --seed {} --trace",
            failure.seed
        );
    }
    // It would be no wonder if nothing were done.
    let kinds = [
        "token key",
        "session key",
        "signature",
        "label",
        "share",
        "destruction",
        "persist",
        "copy",
        "look",
        "close session",
        "asked password",
        "find",
        "login",
        "logout",
        "new user",
        "new password",
        "delete user",
        "list users",
        "together",
        "token",
        "approved use",
        "approved label",
        "quorum value",
        "init token",
        "replicate",
        "cut",
        "heal",
        "stop",
        "start",
        "add",
        "remove",
        "restart",
    ];
    for kind in kinds {
        let done = tally.get(&(kind, "done")).copied().unwrap_or(0);
        assert!(done >= 50, "{kind}: done {done} times in {SEEDS} seeds");
    }
}

#[test]
fn planted_faults_are_found() {
    for planted in Planted::ALL {
        let (tally, failure) =
            run_all(PLANTED_SEEDS, &Settings { planted: Some(planted), ..Settings::default() });
        let struck = tally.get(&("planted fault", "struck")).copied().unwrap_or(0);
        assert!(failure.is_some(), "{planted:?} isn't found, though it struck {struck} times");
    }
}

#[test]
fn a_seed_leads_to_the_same_steps_again() {
    let trace = |seed| {
        let mut lines = Vec::new();
        let settings = Settings { trace: true, ..Settings::default() };
        run(seed, &settings, &mut |line| lines.push(line.to_owned())).unwrap();
        lines
    };
    for seed in 0..200 {
        let first = trace(seed);
        assert!(first.len() > 60);
        assert_eq!(first, trace(seed), "seed {seed}");
    }
    assert_ne!(trace(1), trace(2));
}
