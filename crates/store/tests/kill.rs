//! `SIGKILL` at random moments costs nothing that was acknowledged.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use common::{Model, acknowledged, be_writer, changes, spawn_writer};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use strongroom_store::{Revision, SledStore, Store, StoreError};

const ROUNDS: u32 = 120;

/// All rounds go on with one database.
#[test]
fn killed_at_any_moment_it_keeps_what_was_acknowledged() {
    be_writer();
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let mut model = Model::default();
    let (mut before_first, mut unacknowledged) = (0, 0);
    for round in 0..ROUNDS {
        let acknowledged = write_and_kill(&mut rng, seed, &dir);
        before_first += u32::from(acknowledged.is_none());
        let acknowledged = acknowledged.unwrap_or(model.revision);

        let store = SledStore::open(&dir).unwrap_or_else(|error| panic!("round {round}: {error}"));
        let snapshot = store.load().unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert!(snapshot.revision >= acknowledged, "round {round}: {} < {acknowledged}", snapshot.revision);
        unacknowledged += u32::from(snapshot.revision > acknowledged);
        assert!(model.advance(seed, snapshot.revision), "round {round}: half a commit");
        assert!(model.is(&snapshot), "round {round}: wrong content at revision {}", snapshot.revision);
    }
    eprintln!(
        "{ROUNDS} rounds, revision {}; {before_first} ended before the first commit, \
         {unacknowledged} found a commit that wasn't acknowledged",
        model.revision
    );
    assert!(model.revision > u64::from(ROUNDS), "the writer hardly wrote");
}

/// Runs a writer, kills it, and returns the last revision that it acknowledged, if any.
fn write_and_kill(rng: &mut StdRng, seed: u64, dir: &Path) -> Option<Revision> {
    let test = "killed_at_any_moment_it_keeps_what_was_acknowledged";
    let mut child = spawn_writer(test, seed, Revision::MAX, dir);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = None;
    if rng.random_ratio(1, 4) {
        // In the middle of opening.
        std::thread::sleep(Duration::from_micros(rng.random_range(0..30_000)));
    } else {
        let mut commits = rng.random_range(0..60);
        while commits > 0 {
            let line = lines.next().expect("the writer ended by itself").unwrap();
            if let Some(revision) = acknowledged(&line) {
                last = Some(revision);
                commits -= 1;
            }
        }
        std::thread::sleep(Duration::from_micros(rng.random_range(0..4000)));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lines.filter_map(|line| acknowledged(&line.unwrap())).last().or(last)
}

#[test]
fn a_second_opener_is_told_that_the_store_is_in_use() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let store = SledStore::open(&dir).unwrap();
    let second = SledStore::open(&dir).map(drop).unwrap_err();
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    store.commit(0, &changes(1, 0)).unwrap();
    drop(store);
    SledStore::open(&dir).unwrap();
}
