//! Streams that are written, killed, damaged and checked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_crypto::seal::SealingKey;
use strongroom_model::{NodeId, Role};
use strongroom_node::audit::{AuditSink, Event, NODE_SESSION, Outcome, opcode};

use super::settler::Settler;
use super::sink::{FileSink, Found};
use super::*;

const HSM: &str = "0123456789abcdef-0";

struct Bench {
    _dir: tempfile::TempDir,
    dir: PathBuf,
    key: ChainKey,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("0");
        Self { _dir: folder, dir, key: ChainKey::of(&SealingKey::generate()) }
    }

    fn open(&self, reboot_counter: u64) -> (FileSink, Found) {
        FileSink::open(&self.dir, HSM, &self.key, reboot_counter, || 1_513_717_277_140_812).unwrap()
    }

    /// A stream of five records, closed.
    fn five(&self) {
        let (sink, found) = self.open(0);
        assert_eq!(found, Found::Nothing);
        (0..5).for_each(|at| sink.write(&[event(at)]).unwrap());
    }

    fn log(&self) -> PathBuf {
        self.dir.join("00000000.log")
    }

    fn head(&self) -> PathBuf {
        self.dir.join("head")
    }

    fn stream(&self) -> Stream {
        read_stream(&self.dir)
    }

    fn check(&self) -> Report {
        verify(&self.key, &self.stream(), Some(HSM), 0, &[])
    }

    #[track_caller]
    fn assert_clean(&self, records: u64) {
        let report = self.check();
        assert!(report.is_clean(), "{:?}", report.problems);
        assert_eq!((report.records, report.first), (records, Some(0)));
    }

    #[track_caller]
    fn assert_found(&self, what: &str) {
        let report = self.check();
        let found = report.problems.iter().any(|problem| problem.what.contains(what));
        assert!(found, "{what:?} isn't among {:?}", report.problems);
    }
}

fn read_stream(dir: &Path) -> Stream {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let files = names.iter().filter(|name| name.ends_with(".log"));
    let files = files.map(|name| LogFile { name: name.clone(), content: fs::read(dir.join(name)).unwrap() });
    let head = fs::read(dir.join("head")).ok();
    Stream { node: NodeId(0), files: files.collect(), later_head: head.clone(), head }
}

fn event(number: u64) -> Event {
    Event {
        opcode: opcode::GENERATE_KEY,
        session: NODE_SESSION,
        actor: Some((Role::CryptoUser, "app".parse().unwrap())),
        outcome: Outcome::SUCCESS,
        keys: Some((number, 0)),
        user: None,
        note: None,
    }
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    fs::read(path).unwrap().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn a_stream_is_written_read_and_continued() {
    let bench = Bench::new();
    bench.five();
    bench.assert_clean(5);
    let (sink, found) = bench.open(1);
    assert_eq!(found, Found::Records);
    sink.reserve().unwrap();
    sink.write(&[event(5), event(6)]).unwrap();
    bench.assert_clean(7);
    let stream = bench.stream();
    let records: Vec<_> =
        stream.lines().map(|(.., line)| stored(str::from_utf8(line).unwrap()).unwrap()).collect();
    let sequence: Vec<_> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequence, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!((records[4].reboot_counter, records[5].reboot_counter), (0, 1));
    assert_eq!(records[3].opcode, "CN_GENERATE_KEY (0x17)");
    assert_eq!(records[3].response, "0:HSM Return: SUCCESS");
    assert_eq!(records[3].log_type, "MGMT_KEY_DETAILS_LOG (1)");
    assert_eq!((records[3].secret_key_handle, records[3].public_key_handle), (Some(3), Some(0)));
    let mode = |path: PathBuf| {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
    };
    assert_eq!((mode(bench.log()), mode(bench.head()), mode(bench.dir.clone())), (0o600, 0o600, 0o700));
    assert_eq!(sink.last(), bench.check().last);
}

#[test]
fn every_changed_byte_is_found() {
    let bench = Bench::new();
    bench.five();
    for path in [bench.log(), bench.head()] {
        let content = fs::read(&path).unwrap();
        for at in 0..content.len() {
            for flip in [1, 0x20, 0x80] {
                let mut changed = content.clone();
                changed[at] ^= flip;
                fs::write(&path, changed).unwrap();
                assert!(!bench.check().is_clean(), "byte {at} of {} changed by {flip}", path.display());
            }
        }
        fs::write(&path, content).unwrap();
    }
    bench.assert_clean(5);
}

#[test]
fn every_truncation_is_found() {
    let bench = Bench::new();
    bench.five();
    for path in [bench.log(), bench.head()] {
        let content = fs::read(&path).unwrap();
        // A head without its line's end says all the same.
        let whole = if path == bench.head() { content.len() - 1 } else { content.len() };
        for len in 0..whole {
            fs::write(&path, &content[..len]).unwrap();
            assert!(!bench.check().is_clean(), "{} cut to {len} bytes", path.display());
        }
        fs::remove_file(&path).unwrap();
        assert!(!bench.check().is_clean());
        fs::write(&path, content).unwrap();
    }
    bench.assert_clean(5);
}

#[test]
fn lines_that_are_removed_swapped_repeated_or_inserted_are_found() {
    let bench = Bench::new();
    bench.five();
    let original = lines(&bench.log());
    let write = |lines: &[Vec<u8>]| fs::write(bench.log(), lines.concat()).unwrap();
    for at in 0..original.len() {
        let mut changed = original.clone();
        changed.remove(at);
        write(&changed);
        assert!(!bench.check().is_clean(), "line {at} removed");
        for other in 0..original.len() {
            let mut changed = original.clone();
            changed.insert(other, original[at].clone());
            write(&changed);
            assert!(!bench.check().is_clean(), "line {at} repeated at {other}");
            if other != at {
                let mut changed = original.clone();
                changed.swap(at, other);
                write(&changed);
                assert!(!bench.check().is_clean(), "lines {at} and {other} swapped");
            }
        }
        for stray in ["\n", "{}\n", "x\n"] {
            let mut changed = original.clone();
            changed.insert(at, stray.as_bytes().to_vec());
            write(&changed);
            let report = bench.check();
            assert_eq!((report.problems.len(), report.records), (1, 5), "{:?}", report.problems);
        }
    }
}

#[test]
fn problems_say_which_record_it_is() {
    let bench = Bench::new();
    bench.five();
    let mut changed = lines(&bench.log());
    changed.drain(1..3);
    fs::write(bench.log(), changed.concat()).unwrap();
    bench.assert_found("records 0x1 to 0x2 are missing");
    let problem = &bench.check().problems[0];
    assert_eq!((problem.file.as_str(), problem.line), ("00000000.log", 2));
    fs::write(bench.log(), &lines(&bench.log())[0]).unwrap();
    bench.assert_found("records 0x1 to 0x4 are missing");
}

#[test]
fn another_stream_is_no_substitute() {
    let bench = Bench::new();
    bench.five();
    let other = Bench { key: bench.key.clone(), ..Bench::new() };
    let (sink, _) = FileSink::open(&other.dir, "0123456789abcdef-1", &bench.key, 0, || 0).unwrap();
    (0..5).for_each(|at| sink.write(&[event(at)]).unwrap());
    let (log, head) = (fs::read(bench.log()).unwrap(), fs::read(bench.head()).unwrap());
    fs::copy(other.log(), bench.log()).unwrap();
    assert!(!bench.check().is_clean());
    fs::copy(other.head(), bench.head()).unwrap();
    bench.assert_found("another stream");
    fs::write(bench.log(), log).unwrap();
    bench.assert_found("another stream");
    fs::write(bench.head(), head).unwrap();
    bench.assert_clean(5);
    // Nor is one under another root key.
    let forged = Bench { dir: bench.dir.clone(), ..Bench::new() };
    assert!(!forged.check().is_clean());
}

#[test]
fn a_killed_daemon_leaves_a_clean_stream() {
    let bench = Bench::new();
    bench.five();
    let (log, head) = (fs::read(bench.log()).unwrap(), fs::read(bench.head()).unwrap());
    let (sink, _) = bench.open(0);
    let group: Vec<_> = (5..5 + MAX_GROUP as u64).map(event).collect();
    sink.write(&group).unwrap();
    drop(sink);
    let grown = fs::read(bench.log()).unwrap();
    // Between the records and the head; and in the middle of the records.
    for len in log.len()..=grown.len() {
        fs::write(bench.log(), &grown[..len]).unwrap();
        fs::write(bench.head(), &head).unwrap();
        let report = bench.check();
        assert!(report.is_clean(), "killed at {len}: {:?}", report.problems);
        assert_eq!(report.unfinished, grown[len - 1] != b'\n');
        if len % 97 == 0 || report.unfinished {
            let records = report.records;
            let (sink, _) = bench.open(1);
            sink.write(&[event(99)]).unwrap();
            drop(sink);
            bench.assert_clean(records + 1);
        }
    }
    // Before the very first record.
    let young = Bench::new();
    drop(young.open(0));
    assert!(young.check().is_clean(), "{:?}", young.check().problems);
    assert_eq!(young.open(0).1, Found::Empty);
    fs::remove_file(young.head()).unwrap();
    assert_eq!(young.open(0).1, Found::Nothing);
}

#[test]
fn an_old_head_is_found() {
    let bench = Bench::new();
    let (sink, _) = bench.open(0);
    sink.write(&[event(0)]).unwrap();
    let old = fs::read(bench.head()).unwrap();
    let begun = Bench::new();
    drop(begun.open(0));
    (1..=MAX_GROUP as u64).for_each(|at| sink.write(&[event(at)]).unwrap());
    fs::write(bench.head(), &old).unwrap();
    assert!(bench.check().is_clean());
    sink.write(&[event(99)]).unwrap();
    fs::write(bench.head(), &old).unwrap();
    bench.assert_found("an old one");
}

#[test]
fn what_is_known_from_elsewhere_must_be_there() {
    let bench = Bench::new();
    bench.five();
    let (log, head) = (fs::read(bench.log()).unwrap(), fs::read(bench.head()).unwrap());
    let (sink, _) = bench.open(0);
    sink.write(&[event(5)]).unwrap();
    let known = [sink.last().unwrap()];
    let check = || verify(&bench.key, &bench.stream(), Some(HSM), 0, &known);
    assert!(check().is_clean());
    // An old copy of everything is put back.
    fs::write(bench.log(), &log).unwrap();
    fs::write(bench.head(), &head).unwrap();
    assert!(bench.check().is_clean());
    assert!(check().problems[0].what.contains("known to have been written"));
    // And goes on.
    drop(sink);
    bench.open(1).0.write(&[event(66)]).unwrap();
    assert!(check().problems[0].what.contains("known to have been written"));
}

#[test]
fn damage_that_a_start_finds_is_told_for_good() {
    type Damage = fn(&Bench);
    let cases: [(&str, Damage); 4] = [
        ("cut", |bench| {
            let mut rest = lines(&bench.log());
            rest.truncate(2);
            fs::write(bench.log(), rest.concat()).unwrap();
        }),
        ("changed", |bench| {
            let mut content = fs::read(bench.log()).unwrap();
            let at = content.len() - 9;
            content[at] ^= 1;
            fs::write(bench.log(), content).unwrap();
        }),
        ("headless", |bench| fs::remove_file(bench.head()).unwrap()),
        ("gone", |bench| fs::remove_file(bench.log()).unwrap()),
    ];
    for (name, damage) in cases {
        let bench = Bench::new();
        bench.five();
        damage(&bench);
        let before = bench.check();
        assert!(!before.is_clean());
        for boot in 1..4 {
            let (sink, _) = bench.open(boot);
            sink.write(&[event(9)]).unwrap();
            drop(sink);
            let report = bench.check();
            assert!(
                report.problems.iter().any(|problem| problem.what.contains("tells of damage")),
                "{name}, start {boot}: {:?}",
                report.problems
            );
            // What is written afterwards is whole, and told of once.
            let told = report.problems.iter().filter(|problem| problem.what.contains("tells of damage"));
            assert_eq!(told.count(), 1, "{name}: {:?}", report.problems);
            assert!(report.last.unwrap().sequence >= 5 + boot, "{name}");
        }
    }
}

#[test]
fn a_stream_goes_on_over_files() {
    let bench = Bench::new();
    let (sink, _) = bench.open(0);
    let group: Vec<_> = (0..16).map(event).collect();
    let mut count = 0;
    while !bench.dir.join("00000002.log").exists() {
        sink.reserve().unwrap();
        sink.write(&group).unwrap();
        count += 16;
    }
    drop(sink);
    bench.assert_clean(count);
    assert!(fs::metadata(bench.log()).unwrap().len() < MAX_FILE + 16 * 1024);
    bench.open(1).0.write(&[event(0)]).unwrap();
    bench.assert_clean(count + 1);
    // The daemon was killed after it had begun a file.
    fs::write(bench.dir.join("00000003.log"), "").unwrap();
    bench.open(2).0.write(&[event(0)]).unwrap();
    bench.assert_clean(count + 2);
    // The oldest file was moved to an archive.
    let first = lines(&bench.dir.join("00000001.log"));
    let first = stored(str::from_utf8(first[0].trim_ascii()).unwrap()).unwrap().sequence;
    fs::remove_file(bench.log()).unwrap();
    bench.assert_found(&format!("records 0x0 to {:#x} are missing", first - 1));
    let report = verify(&bench.key, &bench.stream(), Some(HSM), first, &[]);
    assert!(report.is_clean(), "{:?}", report.problems);
    // A file in the middle is missed.
    fs::remove_file(bench.dir.join("00000002.log")).unwrap();
    assert!(!verify(&bench.key, &bench.stream(), Some(HSM), first, &[]).is_clean());
}

#[test]
fn exports_are_checked_as_streams_are() {
    let bench = Bench::new();
    bench.five();
    let (sink, _) =
        FileSink::open(&bench.dir.join("../1"), "0123456789abcdef-1", &bench.key, 0, || 0).unwrap();
    sink.write(&[event(0)]).unwrap();
    let other = read_stream(&bench.dir.join("../1"));
    let parts: Vec<Vec<u8>> = [&bench.stream(), &other]
        .into_iter()
        .flat_map(|stream| [stream.files[0].content.clone(), stream.head.clone().unwrap()])
        .collect();
    let check = |content: &[u8]| verify_export(&bench.key, content, 0, &BTreeMap::new());
    let is_clean = |content: &[u8]| check(content).iter().all(Report::is_clean);
    let whole = parts.concat();
    assert!(is_clean(&whole), "{:?}", check(&whole));
    assert_eq!(check(&whole).iter().map(|report| report.records).collect::<Vec<_>>(), [5, 1]);
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(!is_clean(&changed), "byte {at}");
    }
    for at in 0..whole.split_inclusive(|byte| *byte == b'\n').count() {
        let lines = whole.split_inclusive(|byte| *byte == b'\n').enumerate();
        let rest: Vec<u8> =
            lines.filter(|(line, _)| *line != at).flat_map(|(_, line)| line.to_vec()).collect();
        assert!(!is_clean(&rest), "line {at} removed");
    }
    for at in 0..parts.len() {
        let rest: Vec<u8> = parts
            .iter()
            .enumerate()
            .filter(|(part, _)| *part != at)
            .flat_map(|(_, part)| part.clone())
            .collect();
        assert!(!is_clean(&rest), "part {at} removed");
    }
}

#[test]
fn an_unwritable_log_refuses_and_loses_nothing() {
    let bench = Bench::new();
    let (sink, _) = bench.open(0);
    sink.write(&[event(0)]).unwrap();
    sink.break_for_test(true);
    assert!(sink.write(&[event(1)]).is_err());
    assert!(sink.reserve().is_err());
    assert!(sink.write(&[event(2)]).is_err());
    bench.assert_clean(1);
    sink.break_for_test(false);
    sink.reserve().unwrap();
    bench.assert_clean(3);
    sink.break_for_test(true);
    (0..MAX_PENDING as u64 + 7).for_each(|at| assert!(sink.write(&[event(at)]).is_err()));
    sink.break_for_test(false);
    sink.write(&[event(1)]).unwrap();
    bench.assert_found("8 events weren't kept");
}

#[test]
fn a_head_is_never_further_behind_than_a_check_takes() {
    let bench = Bench::new();
    let settler = Arc::new(Settler::default());
    let sink = bench.open(0).0.settled_by(&settler);
    let mut written = 0;
    for group in [1, 3, 16, 15, 1, 1, 40, 2, 16] {
        sink.write(&(0..group).map(event).collect::<Vec<_>>()).unwrap();
        written += group;
        // As if it were killed now.
        bench.assert_clean(written);
    }
    assert!(bench.key.open_head(&fs::read(bench.head()).unwrap()).unwrap().sequence < Some(written - 1));
    sink.settle();
    assert_eq!(bench.key.open_head(&fs::read(bench.head()).unwrap()).unwrap().sequence, Some(written - 1));
}

#[test]
fn a_settler_writes_heads_a_moment_later() {
    let bench = Arc::new(Bench::new());
    let settler = Arc::new(Settler::default());
    let sink = Arc::new(bench.open(0).0.settled_by(&settler));
    let thread = {
        let (sink, settler) = (Arc::clone(&sink), Arc::clone(&settler));
        std::thread::spawn(move || settler.run(|| sink.settle()))
    };
    for at in 0..20 {
        sink.write(&[event(at)]).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while bench.key.open_head(&fs::read(bench.head()).unwrap()).unwrap().sequence != Some(at) {
            assert!(Instant::now() < deadline, "head {at} isn't written");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    settler.end();
    thread.join().unwrap();
}
