//! A workload whose content at every revision follows from a seed.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use strongroom_store::{Revision, SledStore, Snapshot, Store, Write};

/// The changes of the commit that follows `base`: one to three, each of 2 to 6 of 400 records.
///
/// One in 40 is large enough to reach over several of sled's segments.
pub(crate) fn changes(seed: u64, base: Revision) -> Vec<Vec<Write>> {
    let mut rng = StdRng::seed_from_u64(seed ^ base.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let longest = if rng.random_ratio(1, 40) { 200_000 } else { 4096 };
    (0..rng.random_range(1..4))
        .map(|_| (0..rng.random_range(2..7)).map(|_| random_write(&mut rng, longest)).collect())
        .collect()
}

fn random_write(rng: &mut StdRng, longest: usize) -> Write {
    let key = format!("o/{}", rng.random_range(0..400)).into_bytes();
    let mut value = vec![0; rng.random_range(64..longest)];
    rng.fill(&mut value[..]);
    Write { key, value: rng.random_ratio(85, 100).then_some(value) }
}

/// What a store must hold after the workload's commits.
#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) revision: Revision,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Model {
    /// Applies the next commit.
    pub(crate) fn step(&mut self, seed: u64) {
        for change in changes(seed, self.revision) {
            for write in change {
                match write.value {
                    Some(value) => self.records.insert(write.key, value),
                    None => self.records.remove(&write.key),
                };
            }
            self.revision += 1;
        }
    }

    /// Applies commits until `revision` is reached; `false` if it's inside a commit.
    pub(crate) fn advance(&mut self, seed: u64, revision: Revision) -> bool {
        while self.revision < revision {
            self.step(seed);
        }
        self.revision == revision
    }

    pub(crate) fn is(&self, snapshot: &Snapshot) -> bool {
        self.revision == snapshot.revision
            && self.records.iter().eq(snapshot.records.iter().map(|(key, value)| (key, value)))
    }
}

const WRITER: &str = "STRONGROOM_TEST_WRITER";

/// Starts this test binary again as a writer, in the test `test`, which must begin with [`be_writer`].
///
/// The writer goes on with the workload and prints `ack` and the revision after each commit; it kills
/// itself once it has acknowledged `until`.
pub(crate) fn spawn_writer(test: &str, seed: u64, until: Revision, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(WRITER, format!("{seed} {until} {}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// In a process started by [`spawn_writer`], writes until it's killed; else does nothing.
pub(crate) fn be_writer() {
    let Ok(arguments) = std::env::var(WRITER) else { return };
    let [seed, until, dir] = *arguments.splitn(3, ' ').collect::<Vec<_>>() else { panic!("{arguments}") };
    let (seed, until): (u64, Revision) = (seed.parse().unwrap(), until.parse().unwrap());
    let store = SledStore::open(Path::new(dir)).unwrap();
    let mut revision = store.load().unwrap().revision;
    let mut out = std::io::stdout();
    while revision < until {
        revision = store.commit(revision, &changes(seed, revision)).unwrap();
        // One write, so that a line is whole or not there.
        out.write_all(format!("ack {revision}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    }
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
}

/// The revision in a line of a writer's output, if it's an acknowledgement; the harness may have
/// printed in front of it.
pub(crate) fn acknowledged(line: &str) -> Option<Revision> {
    line.rsplit_once("ack ").map(|(_, revision)| revision.parse().unwrap())
}

/// Copies a store, directory and witness.
pub(crate) fn copy_store(from: &Path, to: &Path) {
    copy_dir(from, to);
    std::fs::copy(witness(from), witness(to)).unwrap();
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The witness of the store in `dir`.
pub(crate) fn witness(dir: &Path) -> PathBuf {
    dir.with_extension("witness")
}
