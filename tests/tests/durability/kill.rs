//! `SIGKILL` to the daemon at random moments, while clients make and delete token keys.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use strongroom_testkit::{Background, Cluster};
use strongroom_tests::alone;
use strongroom_tests::programs::{Partner, build, prepare};
use strongroom_tests::raw::Raw;

use crate::ledger::Ledger;

const ROUNDS: usize = 200;

#[test]
fn two_hundred_kills_lose_nothing_that_was_acknowledged() {
    alone(|| {
        let seed = env::var("STRONGROOM_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed: u64 = seed.unwrap_or_else(rand::random);
        eprintln!("seed {seed}; STRONGROOM_SEED={seed} repeats it, as far as time lets it");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut clients = start_clients(&cluster, &mut rng);
        let mut ledger = Ledger::default();
        let (begun, mut starting, mut most) = (Instant::now(), Duration::ZERO, 0);
        for round in 0..ROUNDS {
            clients.iter_mut().for_each(|client| client.say("go"));
            thread::sleep(Duration::from_micros(rng.random_range(0..60_000)));
            cluster.kill();
            if round % 5 == 0 {
                kill_while_it_starts(&cluster, &mut rng);
            }
            let start = Instant::now();
            cluster.start_again();
            starting += start.elapsed();
            for client in &mut clients {
                client.say("rest");
                hear_out(client, &mut ledger);
            }
            ledger.check(session);
            most = most.max(ledger.len());
        }
        let starts = starting / u32::try_from(ROUNDS).expect("few rounds");
        let Ledger { acknowledged, carried_out, not_carried_out, .. } = ledger;
        eprintln!(
            "{ROUNDS} kills in {:?}, a start {starts:?}; {acknowledged} keys and deletions acknowledged, at most {most} \
             objects at once; of the calls without an answer {carried_out} had been carried out, {not_carried_out} not",
            begun.elapsed()
        );
        assert!(acknowledged > 1000, "too few calls to show anything");
        assert!(carried_out + not_carried_out > 20, "too few kills hit a call");
    });
}

/// Two processes of two threads each: one that waits for the daemon to come back, one that gives up at once.
fn start_clients(cluster: &Cluster, rng: &mut StdRng) -> Vec<Partner> {
    let program = build("churn", cluster.folder());
    let patient = cluster.config().to_owned();
    let clients = [patient, impatient(cluster)].map(|config| {
        let mut command = prepare(cluster, &program, &rng.random_range(1..1 << 30).to_string());
        let mut client = Partner::start(command.env("STRONGROOM_CONFIG", config));
        assert_eq!(client.hear().as_deref(), Some("resting"));
        client
    });
    clients.into()
}

/// A configuration for a client that doesn't wait.
fn impatient(cluster: &Cluster) -> PathBuf {
    let path = cluster.folder().join("impatient.toml");
    let config = fs::read_to_string(cluster.config()).expect("a configuration");
    // The only cluster's table is the file's end.
    fs::write(&path, format!("{config}\nreconnect_ms = 0\n")).expect("a file");
    path
}

fn hear_out(client: &mut Partner, ledger: &mut Ledger) {
    loop {
        match client.hear().expect("a client that goes on").as_str() {
            "resting" => break,
            line => ledger.hear(line),
        }
    }
}

/// Kills a daemon while it opens its store.
fn kill_while_it_starts(cluster: &Cluster, rng: &mut StdRng) {
    let mut command = cluster.strongroom(&["serve"]);
    let daemon = Background::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    thread::sleep(Duration::from_micros(rng.random_range(0..40_000)));
    daemon.signal(Signal::KILL);
}
