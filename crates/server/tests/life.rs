//! A daemon's life: start, control, end, and what it refuses.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Client, TestHome, cluster, create};
use rustix::process::Signal;
use strongroom_model::{AttributeType as A, Attributes, Mechanism, MechanismType, NodeId, Params};
use strongroom_server::control::{ControlError, ControlRequest, ControlResponse, call};
use strongroom_server::{Daemon, Home};
use strongroom_wire::{Numbered, Reply, Request, Response};

#[test]
fn a_daemon_is_controlled_by_its_socket() {
    let home = TestHome::new();
    let error = call(home.path(), ControlRequest::Status).unwrap_err();
    assert!(matches!(error, ControlError::NotRunning { .. }), "{error}");
    assert!(error.to_string().contains("strongroom up"), "{error}");

    let mut daemon = home.spawn();
    create(&home.home, "default");
    create(&home.home, "second");
    let twice = call(home.path(), ControlRequest::CreateCluster(cluster("default"))).unwrap_err();
    assert!(matches!(twice, ControlError::Exists), "{twice}");
    let nonsense = call(home.path(), ControlRequest::CreateCluster(cluster("a/b"))).unwrap_err();
    assert!(matches!(nonsense, ControlError::Refused(_)), "{nonsense}");

    let Ok(ControlResponse::Status(status)) = call(home.path(), ControlRequest::Status) else { panic!() };
    assert_eq!(status.pid, daemon.id());
    assert_eq!(
        status.clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>(),
        ["default", "second"]
    );
    let socket = &status.clusters[1].nodes[1].socket;
    assert_eq!(*socket, home.home.socket("second", NodeId(1)));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(socket.clone()), 0o666);
    assert_eq!(mode(home.home.control()), 0o600);
    assert_eq!(mode(home.home.log()), 0o600);
    assert_eq!(mode(home.home.cluster("default")), 0o700);

    let ending = call(home.path(), ControlRequest::Shutdown).unwrap();
    assert!(matches!(ending, ControlResponse::Ending { pid } if pid == daemon.id()));
    assert_eq!(daemon.wait(), Some(0));
}

#[test]
fn sigterm_lets_calls_in_flight_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = TestHome::new();
        let mut daemon = home.spawn();
        create(&home.home, "default");
        let mut idle = Client::connect(&home.socket(0), 1);
        let mut busy = Client::login(&home.socket(1), 2);
        let public = Attributes::new().with(A::MODULUS_BITS, 2048);
        busy.send(Request::GeneratePair {
            mechanism: Mechanism { kind: MechanismType::RSA_PKCS_KEY_PAIR_GEN, params: Params::None },
            public,
            private: Attributes::new(),
        });
        daemon.signal(signal);
        let reply: Numbered<Reply> = busy.receive().unwrap().expect("the call was cut off");
        let reply = reply.message;
        assert!(matches!(reply.result, Ok(Response::Pair { .. })), "{:?}", reply.result);
        assert!(busy.is_dropped() && idle.is_dropped());
        assert_eq!(daemon.wait(), Some(0));
        let left = fs::read_dir(home.home.sockets()).unwrap().count();
        assert_eq!((left, home.home.control().exists()), (0, false));
    }
}

#[test]
fn a_log_that_was_moved_away_is_begun_anew() {
    let home = TestHome::new();
    let mut daemon = home.spawn();
    let (log, moved) = (home.home.log(), home.path().join("daemon.log.1"));
    common::wait_until("it says so in the log", || home.log().contains("serving"));
    fs::rename(&log, &moved).unwrap();
    daemon.signal(Signal::HUP);
    common::wait_until("the log is there again", || home.log().contains("opened the log anew"));
    assert!(fs::read_to_string(&moved).unwrap().contains("serving"));
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    create(&home.home, "default");
    assert!(home.log().contains("made cluster default"));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(), Some(0));
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let home = TestHome::new();
    let mut daemon = home.spawn();
    create(&home.home, "default");
    let mut client = Client::login(&home.socket(0), 1);
    for n in 0..20 {
        client.create_data(&format!("object {n}"), true).unwrap();
    }
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.wait(), None);

    // The sockets of the dead daemon are in the way, but not for long.
    assert!(home.socket(0).exists());
    let _daemon = home.spawn();
    let mut client = Client::login(&home.socket(1), 1);
    for n in 0..20 {
        assert_eq!(client.find(&format!("object {n}")), 1, "object {n}");
    }
}

#[test]
fn a_home_has_one_daemon() {
    let home = TestHome::new();
    let first = home.spawn();
    let second = home.command().stderr(std::process::Stdio::piped()).output().unwrap();
    assert!(!second.status.success());
    let sentence = String::from_utf8(second.stderr).unwrap();
    assert!(sentence.contains(&format!("process {}", first.id())), "{sentence}");
    assert!(sentence.contains("strongroom down"), "{sentence}");
    assert!(call(home.path(), ControlRequest::Status).is_ok());
}

#[test]
fn a_home_that_others_may_read_is_refused() {
    let home = TestHome::new();
    drop(Daemon::start(&home.home).unwrap());
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let sentence = refusal(&home.home);
    assert!(sentence.contains(&format!("chmod 711 {}", home.path().display())), "{sentence}");
}

#[test]
fn a_path_that_no_socket_can_have_is_refused() {
    let home = TestHome::new();
    let long = Home::new(home.path().join("x".repeat(80)));
    let daemon = Daemon::start(&long).unwrap();
    let refused = daemon.create_cluster(cluster("default")).unwrap_err();
    let sentence = format!("{refused:?}");
    assert!(sentence.contains("shorter home"), "{sentence}");
    assert!(!long.cluster("default").exists());
}

#[test]
fn a_damaged_store_is_refused_by_name() {
    let home = TestHome::new();
    drop(home.start());
    let data = home.home.cluster("default").join("db");
    let mut bytes = fs::read(&data).unwrap();
    bytes.iter_mut().step_by(256).for_each(|byte| *byte ^= 0x40);
    fs::write(&data, bytes).unwrap();
    let sentence = refusal(&home.home);
    assert!(sentence.contains(&home.home.cluster("default").display().to_string()), "{sentence}");
    assert!(sentence.contains("backup"), "{sentence}");
    assert!(!home.socket(0).exists());
}

#[test]
fn a_home_with_a_strange_root_key_is_refused() {
    let home = TestHome::new();
    drop(home.start());
    fs::write(home.home.root_key(), [7; 32]).unwrap();
    let sentence = refusal(&home.home);
    assert!(sentence.contains("cluster default") && sentence.contains("root.key"), "{sentence}");
}

#[test]
fn a_cluster_that_was_moved_or_lost_is_noticed() {
    let home = TestHome::new();
    drop(home.start());
    let clusters = home.home.clusters();
    let rename = |from: &str, to: &str| fs::rename(clusters.join(from), clusters.join(to)).unwrap();
    rename("default", "other");
    let sentence = refusal(&home.home);
    assert!(sentence.contains("default.witness"), "{sentence}");
    rename("default.witness", "other.witness");
    let sentence = refusal(&home.home);
    assert!(sentence.contains("made as default"), "{sentence}");
    rename("other", "default");
    rename("other.witness", "default.witness");
    assert_eq!(Daemon::start(&home.home).unwrap().status().clusters.len(), 1);
}

fn refusal(home: &Home) -> String {
    let mut sentence = String::new();
    // A process that another test starts holds this one's locks, too, until it runs its program.
    common::wait_until("nobody else has the home", || {
        sentence = Daemon::start(home).err().expect("it was served").to_string();
        !sentence.contains("in use by another process") && !sentence.contains("is served by another daemon")
    });
    sentence
}
