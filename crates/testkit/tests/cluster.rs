//! The testkit's contract: a cluster comes, answers, survives and goes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use strongroom_testkit::{Cluster, run, run_any, wait_until};

fn status(cluster: &Cluster) -> serde_json::Value {
    let finished = run(&mut cluster.strongroom(&["status"]));
    serde_json::from_str(&finished.stdout()).expect("JSON")
}

#[test]
fn a_cluster_is_as_it_was_built_and_goes_when_dropped() {
    let cluster = Cluster::builder()
        .name("mine")
        .nodes(3)
        .profile("strict")
        .officer_password("officer-secret")
        .crypto_user("web", "web-secret")
        .crypto_user("java", "java-secret")
        .start();
    let home = cluster.home();
    let shown = status(&cluster);
    assert_eq!(shown["data"]["pid"], cluster.daemon_pid());
    assert_eq!(shown["data"]["clusters"][0]["name"], "mine");
    assert_eq!(shown["data"]["clusters"][0]["profile"], "strict");
    assert_eq!(cluster.sockets().len(), 3);
    assert_eq!((cluster.token_label(), cluster.slot()), ("mine", 0));
    assert_eq!((cluster.pin(), cluster.pin_of("java")), ("web:web-secret", "java:java-secret"));
    assert_eq!(cluster.officer_pin(), "admin:officer-secret");
    assert!(cluster.module().is_file() && cluster.config().is_file());

    let pid = cluster.daemon_pid();
    drop(cluster);
    assert!(!home.exists());
    assert!(!is_alive(pid));
}

#[test]
fn a_daemon_is_killed_stopped_and_started_again() {
    let mut cluster = Cluster::start();
    let (pin, officer) = (cluster.pin().to_string(), cluster.officer_pin());
    let first = cluster.daemon_pid();
    cluster.kill();
    assert!(!is_alive(first));
    cluster.start_again();
    assert_ne!(cluster.daemon_pid(), first);
    assert_eq!((cluster.pin(), cluster.officer_pin()), (pin.as_str(), officer));
    cluster.stop();
    assert_eq!(status(&cluster)["data"]["running"], false);
    cluster.restart();
    assert_eq!(status(&cluster)["data"]["running"], true);
}

#[test]
fn a_panicking_test_leaves_no_daemon() {
    let (send, receive) = std::sync::mpsc::channel();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let cluster = Cluster::uninitialized();
        send.send((cluster.daemon_pid(), cluster.home())).expect("a receiver");
        panic!("as a failing test does");
    }));
    assert!(outcome.is_err());
    let (pid, home) = receive.recv().expect("the daemon's process id");
    assert!(!is_alive(pid) && !home.exists());
}

#[test]
fn a_killed_test_leaves_no_daemon() {
    let this = std::env::current_exe().expect("the path of this test");
    let hold = this.parent().and_then(Path::parent).expect("target/PROFILE").join("examples/hold");
    let mut test = Command::new(hold)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example `hold`, which cargo builds");
    let mut said = String::new();
    BufReader::new(test.stdout.take().expect("a pipe")).read_line(&mut said).expect("a line");
    let (pid, home) = said.trim().split_once(' ').expect("a process id and a folder");
    let (pid, home) = (pid.parse().expect("a number"), Path::new(home));
    assert!(is_alive(pid) && home.exists());
    test.kill().expect("a process of our own");
    test.wait().expect("its end");
    wait_until("the daemon is gone", Duration::from_secs(20), || !is_alive(pid) && !home.exists());
}

#[test]
fn an_uninitialized_cluster_has_no_users_yet() {
    let cluster = Cluster::uninitialized();
    assert_eq!(status(&cluster)["data"]["clusters"][0]["initialized"], false);
    let users = run_any(&mut cluster.strongroom(&["user", "list"]));
    assert!(users.stdout().contains("unactivated-admin"), "{}", users.report());
    assert!(!users.stdout().contains("crypto-user"), "{}", users.report());
}

/// Whether a process runs; one that ended and wasn't collected doesn't.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| {
        !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
    })
}
