//! Full disks: refused, nothing half-written, and on again when there's space.

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use common::{Model, acknowledged, changes};
use strongroom_store::{SledStore, Store, StoreError};

const MOUNT_HERE: &str = "STRONGROOM_TEST_MOUNT_HERE";
const LIMITED: &str = "STRONGROOM_TEST_LIMITED";
const SEED: u64 = 7;
const MIB: usize = 1024 * 1024;

/// In a mount namespace of its own, so that nothing stays mounted whatever happens.
#[test]
fn a_full_disk_refuses_commits_until_there_is_space() {
    if let Ok(dir) = std::env::var(MOUNT_HERE) {
        run("mount", &["-t", "tmpfs", "-o", "size=64m", "none", &dir]);
        fill_and_free(Path::new(&dir));
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let namespace: &[&str] = if rustix::process::geteuid().is_root() {
        &["--mount"]
    } else {
        &["--user", "--map-root-user", "--mount"]
    };
    let status = Command::new("unshare")
        .args(namespace)
        .arg(std::env::current_exe().unwrap())
        .args(["a_full_disk_refuses_commits_until_there_is_space", "--exact", "--nocapture"])
        .env(MOUNT_HERE, home.path())
        .status();
    let status = status.expect("this test needs unshare(1) of util-linux");
    assert!(status.success(), "the test failed, or neither root nor user namespaces allow it to mount");
}

fn fill_and_free(mount: &Path) {
    let dir = mount.join("store");
    let filler = mount.join("filler");
    let mut store = SledStore::open(&dir).unwrap();
    let mut model = Model::default();
    let mut refusals = 0;
    for round in 0..6 {
        for _ in 0..20 {
            assert_eq!(
                store.commit(model.revision, &changes(SEED, model.revision)).unwrap(),
                {
                    model.step(SEED);
                    model.revision
                },
                "round {round}"
            );
        }
        // To the last byte, or so that commits soon run into the reserve.
        fill(&filler, if round % 2 == 0 { 0 } else { 9 * MIB });
        while let Ok(revision) = store.commit(model.revision, &changes(SEED, model.revision)) {
            model.step(SEED);
            assert_eq!(revision, model.revision);
        }
        for _ in 0..5 {
            let error = store.commit(model.revision, &changes(SEED, model.revision)).unwrap_err();
            let StoreError::Full { needed, free, .. } = &error else { panic!("{error}") };
            assert!(needed > free, "{error}");
            refusals += 1;
        }
        // sled's cleaner comes by in the background, and must not need what isn't there.
        std::thread::sleep(Duration::from_millis(600));
        match store.load() {
            Ok(snapshot) => assert!(model.is(&snapshot), "round {round}"),
            Err(error) => assert!(matches!(error, StoreError::Full { .. }), "round {round}: {error}"),
        }
        if round == 3 {
            // What a start finds that comes too late: the space is free again.
            drop(store);
            fs::remove_file(&filler).unwrap();
            store = SledStore::open(&dir).unwrap();
            assert!(model.is(&store.load().unwrap()));
        } else {
            fs::remove_file(&filler).unwrap();
            assert!(model.is(&store.load().unwrap()), "round {round}");
        }
    }
    assert_eq!(refusals, 30);
    drop(store);
    assert!(model.is(&SledStore::open(&dir).unwrap().load().unwrap()));
}

/// Fills the disk with one file until only `left` bytes are free.
fn fill(path: &Path, left: usize) {
    let mut file = fs::File::create(path).unwrap();
    let block = vec![1; 64 * 1024];
    while file.write_all(&block).is_ok() {}
    let len = file.metadata().unwrap().len();
    file.set_len(len.saturating_sub(left as u64)).unwrap();
}

/// The disk is full although there was space when the commit began: here, a limit on the size of files.
#[test]
fn a_write_that_fails_half_way_poisons_the_store_and_loses_nothing() {
    if let Ok(dir) = std::env::var(LIMITED) {
        commit_until_refused(Path::new(&dir));
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["a_write_that_fails_half_way_poisons_the_store_and_loses_nothing", "--exact", "--nocapture"])
        .env(LIMITED, &dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (send, output) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        send.send(text)
    });
    let output = output.recv_timeout(Duration::from_secs(60));
    if output.is_err() {
        child.kill().unwrap();
    }
    assert!(child.wait().unwrap().success());
    let output = output.unwrap();
    assert!(output.contains("then Err(Poisoned)"), "{output}");

    let acknowledged = output.lines().filter_map(acknowledged).next_back().unwrap();
    let snapshot = SledStore::open(&dir).unwrap().load().unwrap();
    assert!(snapshot.revision >= acknowledged);
    let mut model = Model::default();
    assert!(model.advance(SEED, snapshot.revision) && model.is(&snapshot));
}

fn commit_until_refused(dir: &Path) {
    let store = SledStore::open(dir).unwrap();
    let mut out = std::io::stdout();
    let mut revision = 0;
    let error = loop {
        match store.commit(revision, &changes(SEED, revision)) {
            Ok(next) => revision = next,
            Err(error) => break error,
        }
        writeln!(out, "ack {revision}").unwrap();
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    writeln!(out, "then {:?}", store.commit(revision, &changes(SEED, revision))).unwrap();
}

fn run(command: &str, arguments: &[&str]) {
    let status = Command::new(command).args(arguments).status().unwrap();
    assert!(status.success(), "{command}: {status}");
}
