//! Damaged files and old copies: refused, or complete; never an older state without a word.

mod common;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::{Model, acknowledged, be_writer, changes, copy_dir, copy_store, spawn_writer, witness};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use strongroom_store::{Revision, SledStore, Store, StoreError};

const IMAGES: u64 = 3;
const TRIALS: u64 = 6;
/// sled must not hang on what it reads.
const PATIENCE: Duration = Duration::from_secs(60);
const PAGE: u64 = 4096;

/// What a killed writer left, and what it had acknowledged.
struct Image {
    seed: u64,
    /// The state at the end.
    dir: PathBuf,
    /// The state at about half of it, with its witness.
    old: PathBuf,
    model: Model,
}

type Fault = fn(&Path, &Image, &mut StdRng);

const FAULTS: &[(&str, Fault)] = &[
    ("db: cut up to 8 KiB off", |dir, _, rng| cut(&dir.join("db"), rng.random_range(1..8192))),
    ("db: cut to a page", |dir, _, rng| {
        let len = len(&dir.join("db"));
        cut(&dir.join("db"), len - (len - 1).saturating_sub(rng.random_range(0..PAGE * 8)) / PAGE * PAGE);
    }),
    ("db: flip a bit in the last 16 KiB", |dir, _, rng| flip(&dir.join("db"), 16 * 1024, rng)),
    ("db: flip a bit anywhere", |dir, _, rng| flip(&dir.join("db"), u64::MAX, rng)),
    ("db: zero a page near the end", |dir, _, rng| {
        let pages = len(&dir.join("db")) / PAGE;
        let page = pages.saturating_sub(rng.random_range(1..9));
        overwrite(&dir.join("db"), page * PAGE, &[0; PAGE as usize]);
    }),
    ("db: zero a page anywhere", |dir, _, rng| {
        let page = rng.random_range(0..len(&dir.join("db")) / PAGE);
        overwrite(&dir.join("db"), page * PAGE, &[0; PAGE as usize]);
    }),
    ("db: a page in another's place", |dir, _, rng| {
        let bytes = fs::read(dir.join("db")).unwrap();
        let from = rng.random_range(0..bytes.len() / PAGE as usize) * PAGE as usize;
        let to = rng.random_range(0..len(&dir.join("db")) / PAGE) * PAGE;
        overwrite(&dir.join("db"), to, &bytes[from..from + PAGE as usize]);
    }),
    ("db: garbage at the end", |dir, _, rng| {
        let garbage: Vec<u8> = (0..rng.random_range(1..10_000)).map(|_| rng.random()).collect();
        overwrite(&dir.join("db"), len(&dir.join("db")), &garbage);
    }),
    ("db: empty", |dir, _, _| cut(&dir.join("db"), u64::MAX)),
    ("db: gone", |dir, _, _| fs::remove_file(dir.join("db")).unwrap()),
    ("db: an old copy", |dir, image, _| {
        fs::copy(image.old.join("db"), dir.join("db")).unwrap();
    }),
    ("snapshot: flip a bit", |dir, _, rng| flip(&snapshot(dir), u64::MAX, rng)),
    ("snapshot: cut", |dir, _, rng| cut(&snapshot(dir), rng.random_range(1..100))),
    ("snapshot: gone", |dir, _, _| fs::remove_file(snapshot(dir)).unwrap()),
    ("snapshot: unfinished", |dir, _, rng| {
        let garbage: Vec<u8> = (0..rng.random_range(0..100)).map(|_| rng.random()).collect();
        fs::write(dir.join("snap.FFFFFFFFFFFFFFFF.generating"), garbage).unwrap();
    }),
    ("conf: flip a bit", |dir, _, rng| flip(&dir.join("conf"), u64::MAX, rng)),
    ("conf: gone", |dir, _, _| fs::remove_file(dir.join("conf")).unwrap()),
    ("directory: gone", |dir, _, _| fs::remove_dir_all(dir).unwrap()),
    ("directory: an old copy", |dir, image, _| {
        fs::remove_dir_all(dir).unwrap();
        copy_dir(&image.old, dir);
    }),
    ("witness: flip a bit", |dir, _, rng| flip(&witness(dir), u64::MAX, rng)),
    ("witness: cut", |dir, _, rng| cut(&witness(dir), rng.random_range(1..PAGE * 2))),
    ("witness: zeroed", |dir, _, _| overwrite(&witness(dir), 0, &[0; PAGE as usize * 2])),
    ("witness: gone", |dir, _, _| fs::remove_file(witness(dir)).unwrap()),
    ("witness: an old copy", |dir, image, _| {
        fs::copy(witness(&image.old), witness(dir)).unwrap();
    }),
];

#[test]
fn damage_is_refused_or_without_effect() {
    be_writer();
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let home = tempfile::tempdir().unwrap();
    let images: Vec<Arc<Image>> =
        (0..IMAGES).map(|at| Arc::new(make_image(&mut rng, &home.path().join(at.to_string())))).collect();
    let mut tally: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (name, fault) in FAULTS {
        for trial in 0..TRIALS {
            let image = images[(trial % IMAGES) as usize].clone();
            let (seed, home) = (rng.random(), home.path().join("trial"));
            let (send, outcome) = mpsc::channel();
            let trial = std::thread::spawn(move || send.send(try_fault(*fault, &image, seed, &home)));
            let outcome = outcome.recv_timeout(PATIENCE);
            let verdict = outcome.unwrap_or_else(|_| panic!("{name}: the trial hung or panicked"));
            *tally.entry(name).or_default().entry(verdict).or_default() += 1;
            trial.join().unwrap().unwrap();
        }
    }
    for (name, verdicts) in &tally {
        eprintln!("{name:35} {verdicts:?}");
    }
    // What has an effect for certain is refused for certain, and what sled can do without does no harm.
    // (The newest data isn't always at the end of the file: sled uses old segments again.)
    for (name, expected) in [
        ("db: empty", ["behind"].as_slice()),
        ("db: gone", &["behind"]),
        ("db: an old copy", &["behind", "damaged"]),
        ("directory: gone", &["behind"]),
        ("directory: an old copy", &["behind"]),
        ("snapshot: flip a bit", &["complete"]),
        ("snapshot: cut", &["complete"]),
        ("snapshot: gone", &["complete"]),
        ("snapshot: unfinished", &["complete"]),
        ("witness: flip a bit", &["complete"]),
        ("witness: zeroed", &["damaged"]),
        ("witness: gone", &["damaged"]),
        ("witness: an old copy", &["damaged"]),
    ] {
        let verdicts = &tally[name];
        assert!(verdicts.keys().all(|verdict| expected.contains(verdict)), "{name}: {verdicts:?}");
    }
}

/// What comes of one fault in a copy of an image.
fn try_fault(fault: Fault, image: &Image, seed: u64, home: &Path) -> &'static str {
    let dir = home.join("store");
    copy_store(&image.dir, &dir);
    fault(&dir, image, &mut StdRng::seed_from_u64(seed));
    let verdict = open(&dir, image);
    // What was refused once isn't taken for good the next time (`open` looks at what it's given).
    if verdict == "behind" {
        assert_ne!(open(&dir, image), "complete");
    } else if verdict == "damaged" {
        open(&dir, image);
    }
    fs::remove_dir_all(home).unwrap();
    verdict
}

fn open(dir: &Path, image: &Image) -> &'static str {
    let error = match SledStore::open(dir) {
        Ok(store) => {
            let snapshot = store.load().unwrap();
            assert!(image.model.is(&snapshot), "revision {} of {}", snapshot.revision, image.model.revision);
            let mut model = image.model.clone();
            store.commit(model.revision, &changes(image.seed, model.revision)).unwrap();
            model.step(image.seed);
            drop(store);
            assert!(model.is(&SledStore::open(dir).unwrap().load().unwrap()));
            return "complete";
        }
        Err(error) => error,
    };
    let message = error.to_string();
    assert!(message.contains("store") && message.contains("backup"), "{message}");
    match error {
        StoreError::Behind { have, acknowledged, .. } => {
            assert_eq!(acknowledged, image.model.revision);
            assert!(have < acknowledged);
            "behind"
        }
        StoreError::Damaged { .. } => "damaged",
        error => panic!("{error}"),
    }
}

/// Has a writer killed twice, so that there's a snapshot of sled's too, and keeps a copy from half-way.
fn make_image(rng: &mut StdRng, home: &Path) -> Image {
    let seed = rng.random();
    let (dir, old) = (home.join("store"), home.join("old"));
    let half = rng.random_range(30..100);
    write(seed, half, &dir);
    copy_store(&dir, &old);
    let revision = write(seed, half + rng.random_range(30..100), &dir);
    let mut model = Model::default();
    assert!(model.advance(seed, revision));
    Image { seed, dir, old, model }
}

/// The last acknowledged revision of a writer that killed itself.
fn write(seed: u64, until: Revision, dir: &Path) -> Revision {
    fs::create_dir_all(dir.parent().unwrap()).unwrap();
    let mut child = spawn_writer("damage_is_refused_or_without_effect", seed, until, dir);
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    child.wait().unwrap();
    output.lines().filter_map(acknowledged).next_back().unwrap()
}

fn snapshot(dir: &Path) -> PathBuf {
    let mut entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.to_string_lossy().contains("snap.")).unwrap()
}

fn len(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

fn cut(path: &Path, bytes: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(len(path).saturating_sub(bytes)).unwrap();
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

/// Flips a bit in the last `within` bytes of a file.
fn flip(path: &Path, within: u64, rng: &mut StdRng) {
    let mut bytes = fs::read(path).unwrap();
    let len = bytes.len() as u64;
    let at = rng.random_range(len.saturating_sub(within)..len) as usize;
    bytes[at] ^= 1 << rng.random_range(0..8);
    fs::write(path, bytes).unwrap();
}
