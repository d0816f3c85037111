//! What somebody does to the files of a log is found, and named. The same for every byte of a log, and every place to cut
//! it at, is shown beside the code that checks it (crates/server/src/audit/tests.rs).

use std::fs;
use std::path::Path;

use strongroom_testkit::{Cluster, run, run_any};

use crate::stream::{complaint, count, folder, verify};

/// A cluster that has something to tell, at rest.
fn at_rest() -> Cluster {
    let mut cluster = Cluster::start();
    for name in ["bob", "eve"] {
        let mut command = cluster.strongroom(&["user", "create"]);
        run(command.args(["--username", name, "--role", "crypto-user", "--password", "a-pass-word"]));
    }
    cluster.stop();
    cluster
}

fn lines(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).expect("a log");
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[test]
fn changed_records_are_found_with_the_daemon_and_without() {
    let mut cluster = at_rest();
    verify(&cluster);
    let log = folder(&cluster, 0).join("00000000.log");
    let original = fs::read(&log).expect("a log");
    // Each line's every field would do; a byte of each line, at another place each.
    let mut start = 0;
    for (number, line) in original.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let mut changed = original.clone();
        changed[start + number * 37 % line.len()] ^= 1;
        fs::write(&log, changed).expect("a log");
        let said = complaint(&cluster, &[]);
        assert!(said.contains(&format!("00000000.log line {}: ", number + 1)), "{said}");
        start += line.len();
    }
    // A name, as somebody would who wants it to be another's deed.
    let text = String::from_utf8(original.clone()).expect("text");
    fs::write(&log, text.replacen("\"bob\"", "\"eve\"", 1)).expect("a log");
    assert!(complaint(&cluster, &[]).contains("isn't as it was written"));
    fs::write(&log, &original).expect("a log");
    cluster.start_again();
    verify(&cluster);
    fs::write(&log, text.replacen("\"bob\"", "\"eve\"", 1)).expect("a log");
    assert!(complaint(&cluster, &[]).contains("isn't as it was written"));
}

#[test]
fn removed_swapped_and_repeated_records_are_found() {
    let cluster = at_rest();
    let log = folder(&cluster, 0).join("00000000.log");
    let original = lines(&log);
    let last = original.len() - 1;
    let try_with = |changed: Vec<String>| {
        fs::write(&log, changed.concat()).expect("a log");
        complaint(&cluster, &[])
    };
    for at in 0..=last {
        let mut changed = original.clone();
        changed.remove(at);
        assert!(try_with(changed).contains(&format!("record {at:#x} is missing")), "line {at} removed");
    }
    let mut swapped = original.clone();
    swapped.swap(2, 3);
    assert!(try_with(swapped).contains("out of its place"));
    let mut repeated = original.clone();
    repeated.push(original[last].clone());
    assert!(try_with(repeated).contains("again"));
    assert!(try_with(original[..3].to_vec()).contains(&format!("records 0x3 to {last:#x} are missing")));
    assert!(try_with(Vec::new()).contains(&format!("records 0x0 to {last:#x} are missing")));
    fs::write(&log, original.concat()).expect("a log");
    verify(&cluster);
    // Both ends cut alike: the head can't be made to fit.
    let head = folder(&cluster, 0).join("head");
    let end = fs::read_to_string(&head).expect("a head");
    fs::write(&log, original[..last].concat()).expect("a log");
    fs::write(&head, end.replace(&format!("{last:018x}"), &format!("{:018x}", last - 1))).expect("a head");
    assert!(complaint(&cluster, &[]).contains("missing"));
    let forged = end.replace(&format!("0x{last:016x}"), &format!("0x{:016x}", last - 1));
    assert_ne!(forged, end);
    fs::write(&head, forged).expect("a head");
    assert!(complaint(&cluster, &[]).contains("head line 1: this isn't as it was written"));
    fs::remove_file(&head).expect("a head");
    assert!(complaint(&cluster, &[]).contains("it's missing"));
}

#[test]
fn a_start_doesn_t_cover_up_what_was_done_before() {
    let mut cluster = at_rest();
    let log = folder(&cluster, 0).join("00000000.log");
    let original = lines(&log);
    fs::write(&log, original[..4].concat()).expect("a log");
    fs::remove_file(folder(&cluster, 0).join("head")).expect("a head");
    for _ in 0..2 {
        cluster.start_again();
        assert!(complaint(&cluster, &[]).contains("tells of damage before it"));
        cluster.stop();
    }
    fs::remove_dir_all(folder(&cluster, 1)).expect("a folder");
    cluster.start_again();
    cluster.restart();
    let said = complaint(&cluster, &["--node", "1"]);
    assert!(said.contains("there was no log when the node started"), "{said}");
}

#[test]
fn an_old_copy_is_found_by_the_daemon_and_by_an_export() {
    let mut cluster = at_rest();
    let old: Vec<_> = ["00000000.log", "head"]
        .map(|name| folder(&cluster, 0).join(name))
        .map(|path| (path.clone(), fs::read(path).expect("a file")))
        .into();
    cluster.start_again();
    let mut command = cluster.strongroom(&["user", "delete"]);
    run(command.args(["--username", "bob", "--role", "crypto-user"]));
    let export = cluster.folder().join("audit.jsonl");
    let exported = run(&mut cluster.strongroom(&["audit", "export"])).stdout();
    fs::write(&export, &exported).expect("an export");
    let file = export.to_str().expect("a path");
    run(cluster.strongroom(&["audit", "verify"]).args(["--file", file]));
    run(cluster.strongroom(&["audit", "verify"]).args(["--since", file]));
    for (path, content) in old {
        fs::write(path, content).expect("a file");
    }
    assert!(complaint(&cluster, &[]).contains("is known to have been written and isn't there"));
    cluster.kill();
    // By itself an old copy of everything looks well. That's what exports are for.
    verify(&cluster);
    assert!(
        complaint(&cluster, &["--since", file]).contains("is known to have been written and isn't there")
    );
}

#[test]
fn exports_are_checked_by_themselves() {
    let cluster = at_rest();
    let file = cluster.folder().join("audit.jsonl");
    let exported = run(&mut cluster.strongroom(&["audit", "export"])).stdout();
    let path = file.to_str().expect("a path");
    let lines: Vec<&str> = exported.split_inclusive('\n').collect();
    assert_eq!(lines.len(), count(&cluster, 0) + count(&cluster, 1) + 2);
    for at in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(at);
        fs::write(&file, rest.concat()).expect("an export");
        complaint(&cluster, &["--file", path]);
    }
    fs::write(&file, exported.replacen("bob", "eve", 1)).expect("an export");
    assert!(complaint(&cluster, &["--file", path]).contains("isn't as it was written"));
    fs::write(&file, "").expect("an export");
    assert!(complaint(&cluster, &["--file", path]).contains("nothing to check"));
    // A folder with a file for each node, which the same check takes.
    let folder = cluster.folder().join("exports");
    run(cluster.strongroom(&["audit", "export"]).arg("--to").arg(&folder));
    for node in 0..2 {
        let file = folder.join(format!("default-{node}.jsonl"));
        run(cluster.strongroom(&["audit", "verify"]).arg("--file").arg(file));
    }
    // Another home's key isn't the key.
    let other = Cluster::start();
    fs::write(&file, exported).expect("an export");
    complaint(&other, &["--file", path]);
    let said =
        run_any(cluster.strongroom(&["audit", "show"]).args(["--cluster", "../clusters"])).expect_failure();
    assert!(said.stdout().contains("isn't a cluster's name"));
}
