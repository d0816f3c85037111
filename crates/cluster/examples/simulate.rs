//! Simulates clusters under many seeds, or one seed step by step.
//!
//! ```text
//! cargo run --release -p strongroom-cluster --example simulate -- --seeds 1000000 [--from N] [--threads T] [--steps S]
//! cargo run --release -p strongroom-cluster --example simulate -- --seed N --trace
//! cargo run --release -p strongroom-cluster --example simulate -- --plant ResetCount
//! ```

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use strongroom_cluster::simulator::{Failure, Planted, Settings, Tally, run};

/// How often it tells how far it is.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Failures after which there's no point in going on.
const ENOUGH: usize = 10;

const USAGE: &str = "--seeds N, --from N, --threads N, --steps N, --seed N --trace, --plant FAULT";

struct Options {
    seeds: u64,
    from: u64,
    threads: usize,
    settings: Settings,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let began = Instant::now();
    let (tally, failures) = simulate(&options, began);
    let mut out = io::stdout().lock();
    if let Some(planted) = options.settings.planted {
        let (found, seeds) = (failures.len(), options.seeds);
        let missed = tally.get(&("planted fault", "struck")).copied().unwrap_or(0);
        let told = writeln!(
            out,
            "{planted:?}: found in {found} of {seeds} seeds, struck {missed} times in the others"
        );
        return if found > 0 && told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let mut report = String::new();
    for ((kind, end), count) in &tally {
        report += &format!("{count:12}  {kind}: {end}\n");
    }
    for failure in &failures {
        report += &format!("FAILED {failure}\n");
    }
    let Options { seeds, from, .. } = options;
    let steps: u64 = tally.values().sum();
    report += &format!(
        "{seeds} seeds from {from}, {steps} steps, {} failures, {} s\n",
        failures.len(),
        began.elapsed().as_secs()
    );
    if let Some(failure) = failures.first() {
        report += &format!("see it again:  --seed {} --trace\n", failure.seed);
    }
    let told = out.write_all(report.as_bytes());
    if failures.is_empty() && told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn simulate(options: &Options, began: Instant) -> (Tally, Vec<Failure>) {
    let next = AtomicU64::new(options.from);
    let end = options.from.saturating_add(options.seeds);
    let (tally, failures) = (Mutex::new(Tally::new()), Mutex::new(Vec::new()));
    let (stop, told) = (AtomicBool::new(false), Mutex::new(began));
    std::thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                let mut own = Tally::new();
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let simulate = || {
                        run(seed, &options.settings, &mut |line| {
                            let _ = writeln!(io::stdout().lock(), "{line}");
                        })
                    };
                    match std::panic::catch_unwind(simulate) {
                        Ok(Ok(done)) => add(&mut own, done),
                        Ok(Err(failure)) => note(failure, options, &failures, &stop),
                        Err(_) => note(panicked(seed), options, &failures, &stop),
                    }
                    tell_how_far(seed - options.from, &told);
                }
                add(&mut tally.lock().unwrap(), own);
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort_by_key(|failure: &Failure| failure.seed);
    (tally.into_inner().unwrap(), failures)
}

fn add(tally: &mut Tally, more: BTreeMap<(&'static str, &'static str), u64>) {
    for (key, count) in more {
        *tally.entry(key).or_default() += count;
    }
}

fn note(failure: Failure, options: &Options, failures: &Mutex<Vec<Failure>>, stop: &AtomicBool) {
    let planted = options.settings.planted.is_some();
    if !planted {
        eprintln!("FAILED {failure}");
    }
    let mut failures = failures.lock().unwrap();
    failures.push(failure);
    stop.fetch_or(!planted && failures.len() >= ENOUGH, Ordering::Relaxed);
}

fn panicked(seed: u64) -> Failure {
    Failure { seed, step: 0, deed: "?".to_owned(), violation: "it panicked".to_owned() }
}

fn tell_how_far(done: u64, told: &Mutex<Instant>) {
    let mut told = told.lock().unwrap();
    if told.elapsed() >= TELL_EVERY {
        *told = Instant::now();
        eprintln!("{done} seeds done");
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { seeds: 1000, from: 0, threads, settings: Settings::default() };
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().ok_or_else(|| format!("{arg} takes a number"))?;
            value.parse::<u64>().map_err(|_| format!("{value} isn't a number"))
        };
        match arg.as_str() {
            "--seeds" => options.seeds = number()?,
            "--from" => options.from = number()?,
            "--seed" => (options.from, options.seeds) = (number()?, 1),
            "--threads" => options.threads = number()? as usize,
            "--steps" => options.settings.steps = number()? as usize,
            "--trace" => options.settings.trace = true,
            "--plant" => {
                let name = args.next().unwrap_or_default();
                let planted = Planted::ALL.into_iter().find(|planted| format!("{planted:?}") == name);
                options.settings.planted =
                    Some(planted.ok_or_else(|| format!("there are {:?}", Planted::ALL))?);
            }
            _ => return Err(format!("{arg} isn't known: {USAGE}")),
        }
    }
    Ok(options)
}
