//! `strongroom up`, `down`, `status` and `serve`, as a person or a script uses them.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use common::{data, refusal};
use strongroom_testkit::{Cluster, run_any, run_with};

const LIMIT: Duration = Duration::from_secs(60);

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o7777
}

#[test]
fn up_twice_changes_nothing_and_prints_the_same() {
    let cluster = Cluster::start();
    let secrets = fs::read(cluster.home().join("secrets.json")).unwrap();
    let first = data(&mut cluster.strongroom(&["up"]));
    let second = data(&mut cluster.strongroom(&["up"]));
    assert_eq!(first, second);
    assert_eq!(first["pid"], cluster.daemon_pid());
    assert_eq!(first["crypto_users"][0]["pin"], cluster.pin());
    assert_eq!(first["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(fs::read(cluster.home().join("secrets.json")).unwrap(), secrets);
}

#[test]
fn the_home_shows_others_only_the_way_to_the_sockets() {
    let cluster = Cluster::start();
    let home = cluster.home();
    for (path, wanted) in [
        (home.clone(), 0o711),
        (home.join("clusters"), 0o700),
        (home.join("s"), 0o711),
        (home.join("secrets.json"), 0o600),
        (home.join("root.key"), 0o600),
        (home.join("control.sock"), 0o600),
        (home.join("daemon.log"), 0o600),
        (home.join("client.toml"), 0o644),
        (cluster.sockets()[0].to_path_buf(), 0o666),
    ] {
        assert_eq!(mode(&path), wanted, "{} has mode {:o}", path.display(), mode(&path));
    }
}

#[test]
fn up_refuses_what_the_cluster_that_is_there_does_not_fulfil() {
    let cluster = Cluster::builder().crypto_user("app", "first-secret").start();
    for (arguments, expected) in [
        (vec!["--nodes", "3"], "it has 2 nodes, not 3"),
        (vec!["--profile", "strict"], "its profile is standard, not strict"),
        (vec!["--crypto-user", "web"], "web isn't a user that was made with it"),
        (vec!["--crypto-user", "app:other-secret"], "the password of app is another"),
        (vec!["--officer-password", "other-secret"], "the officer's password is another"),
    ] {
        let sentence = refusal(cluster.strongroom(&["up"]).args(&arguments));
        assert!(sentence.contains(expected), "{arguments:?}: {sentence}");
    }
    let same = ["--nodes", "2", "--profile", "standard", "--crypto-user", "app:first-secret"];
    assert_eq!(data(cluster.strongroom(&["up"]).args(same))["pid"], cluster.daemon_pid());
}

#[test]
fn another_cluster_is_another_slot_and_slots_stay() {
    let cluster = Cluster::start();
    // It comes before `default` in every sorted list.
    let second = data(cluster.strongroom(&["up"]).args(["--cluster", "alpha", "--nodes", "1"]));
    assert_eq!((&second["slot"], &second["token_label"]), (&1.into(), &"alpha".into()));
    assert_eq!(second["pid"], cluster.daemon_pid());
    assert_eq!(data(&mut cluster.strongroom(&["up"]))["slot"], 0);
    fs::remove_file(cluster.config()).unwrap();
    let anew = data(&mut cluster.strongroom(&["up"]));
    assert!(cluster.config().is_file() && anew["slot"].is_u64());
}

#[test]
fn two_at_once_agree() {
    let folder = tempfile::Builder::new().prefix("sr").tempdir().unwrap();
    let home = folder.path().join("h");
    let up = || {
        let home = home.clone();
        thread::spawn(move || {
            data(
                std::process::Command::new(strongroom_testkit::strongroom())
                    .arg("up")
                    .arg("--home")
                    .arg(home),
            )
        })
    };
    let both = [up(), up()].map(|thread| thread.join().expect("an `up` that succeeds"));
    data(std::process::Command::new(strongroom_testkit::strongroom()).arg("down").arg("--home").arg(&home));
    assert_eq!(both[0], both[1]);
}

#[test]
fn what_cannot_be_made_leaves_no_daemon() {
    let folder = tempfile::Builder::new().prefix("sr").tempdir().unwrap();
    let command = |subcommand: &str| {
        let mut command = std::process::Command::new(strongroom_testkit::strongroom());
        command.arg(subcommand).arg("--home").arg(folder.path().join("h"));
        command
    };
    let sentence = refusal(command("up").args(["--cluster", "bad/name"]));
    assert!(sentence.contains("name"), "{sentence}");
    assert_eq!(data(&mut command("status"))["running"], false);
    refusal(command("up").args(["--crypto-user", "app:x"]));
    assert_eq!(data(&mut command("status"))["running"], false);
    data(&mut command("up"));
    data(&mut command("down"));
}

#[test]
fn passwords_come_from_standard_input() {
    let folder = tempfile::Builder::new().prefix("sr").tempdir().unwrap();
    let home = folder.path().join("h");
    let mut up = std::process::Command::new(strongroom_testkit::strongroom());
    up.arg("up").arg("--home").arg(&home).args([
        "--officer-password",
        "-",
        "--crypto-user",
        "web:-",
        "--crypto-user",
        "java",
    ]);
    let finished = run_with(&mut up, b"officer-secret\nweb-secret\n", LIMIT).expect_success();
    data(std::process::Command::new(strongroom_testkit::strongroom()).arg("down").arg("--home").arg(&home));
    let printed = common::parse(&finished);
    assert_eq!(printed["data"]["crypto_users"][0]["pin"], "web:web-secret");
    assert_eq!(printed["data"]["crypto_users"][1]["pin"].as_str().unwrap().len(), "java:".len() + 20);
    let secrets = fs::read_to_string(home.join("secrets.json")).unwrap();
    assert!(secrets.contains("officer-secret"));
}

#[test]
fn a_home_that_others_may_read_is_refused() {
    let mut cluster = Cluster::start();
    cluster.stop();
    fs::set_permissions(cluster.home(), Permissions::from_mode(0o755)).unwrap();
    let sentence = refusal(&mut cluster.strongroom(&["up"]));
    let cure = format!("chmod 711 {}", cluster.home().display());
    assert!(sentence.contains(&cure), "{sentence}");
    fs::set_permissions(cluster.home(), Permissions::from_mode(0o711)).unwrap();
    cluster.start_again();
}

#[test]
fn a_second_daemon_is_refused() {
    let cluster = Cluster::start();
    let sentence = refusal(&mut cluster.strongroom(&["serve"]));
    assert!(sentence.contains("is served by another daemon"), "{sentence}");
    assert!(sentence.contains(&cluster.daemon_pid().to_string()), "{sentence}");
}

#[test]
fn what_keeps_the_daemon_from_starting_is_said() {
    let mut cluster = Cluster::start();
    cluster.stop();
    let root_key = cluster.home().join("root.key");
    let good = fs::read(&root_key).unwrap();
    fs::write(&root_key, b"not a key").unwrap();
    let sentence = refusal(&mut cluster.strongroom(&["up"]));
    assert!(sentence.contains("root.key"), "{sentence}");
    fs::write(&root_key, good).unwrap();
    cluster.start_again();
}

#[test]
fn down_and_status_without_a_daemon_are_no_failures() {
    let mut cluster = Cluster::start();
    cluster.stop();
    assert_eq!(data(&mut cluster.strongroom(&["down"]))["was_running"], false);
    assert_eq!(data(&mut cluster.strongroom(&["status"]))["running"], false);
    let table = run_any(&mut cluster.strongroom(&["status", "--human"])).expect_success().stdout();
    assert!(table.contains("strongroom up --home"), "{table}");
}

#[test]
fn status_tells_of_every_node() {
    let cluster = Cluster::builder().nodes(3).start();
    let shown = data(&mut cluster.strongroom(&["status"]));
    assert_eq!(shown["running"], true);
    let nodes = shown["clusters"][0]["nodes"].as_array().unwrap();
    let sockets: Vec<_> = nodes.iter().map(|node| Path::new(node["socket"].as_str().unwrap())).collect();
    assert_eq!(sockets, cluster.sockets());
    let table = run_any(&mut cluster.strongroom(&["status", "--human"])).expect_success().stdout();
    assert_eq!(table.lines().filter(|line| line.contains(".sock ")).count(), 3, "{table}");
}

#[test]
fn a_daemon_survives_the_end_of_whoever_started_it() {
    let cluster = Cluster::start();
    let stat = fs::read_to_string(format!("/proc/{}/stat", cluster.daemon_pid())).unwrap();
    // After the name in brackets: state, parent, process group, session (proc(5)).
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(fields[3], cluster.daemon_pid().to_string(), "the daemon leads its own session");
    assert_eq!(fs::read_link(format!("/proc/{}/cwd", cluster.daemon_pid())).unwrap(), Path::new("/"));
}
