//! No core is dumped, and nobody without privileges looks into the daemon.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use strongroom_testkit::{Cluster, run, run_any, strongroom, wait_until};

/// Somebody without privileges.
const NOBODY: &str = "65534";

#[test]
fn an_aborted_daemon_leaves_no_core() {
    let mut cluster = Cluster::start();
    cluster.stop();
    // Allowed by whoever starts it; the daemon itself sees to it.
    let mut up = Command::new("sh");
    up.args(["-c", "ulimit -c unlimited; exec \"$0\" up --home \"$1\""])
        .arg(strongroom())
        .arg(cluster.home());
    run(&mut up);
    cluster.start_again();
    let pid = cluster.daemon_pid();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("the daemon's limits");
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(cores.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{cores}");

    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process id");
    rustix::process::kill_process(pid, Signal::ABORT).expect("a signal");
    wait_until("the daemon has aborted", std::time::Duration::from_secs(10), || {
        rustix::process::test_kill_process(pid).is_err() || is_zombie(pid.as_raw_nonzero().get())
    });
    let is_core = |name: &str| name.starts_with("core");
    for folder in [Path::new("/"), cluster.folder(), &cluster.home()] {
        let names = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.file_name());
        let cores: Vec<_> = names.filter(|name| is_core(&name.to_string_lossy())).collect();
        assert!(cores.is_empty(), "{}: {cores:?}", folder.display());
    }
}

fn is_zombie(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| status.contains("State:\tZ"))
}

#[test]
fn the_daemons_own_user_cannot_look_into_it() {
    let folder = tempfile::Builder::new().prefix("sr").tempdir().expect("a temporary folder");
    // Where the program was built, others may not pass.
    let program = folder.path().join("strongroom");
    fs::copy(strongroom(), &program).expect("a copy of the program");
    fs::copy(
        strongroom().with_file_name("libstrongroom_pkcs11.so"),
        folder.path().join("libstrongroom_pkcs11.so"),
    )
    .expect("a copy of the module");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
    let home = folder.path().join("h");
    let unprivileged = |program: &Path| {
        if !rustix::process::geteuid().is_root() {
            return Command::new(program);
        }
        let mut command = Command::new(strongroom_tests::program("setpriv", "util-linux"));
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(program);
        command
    };
    let up = run(unprivileged(&program).args(["up", "--home"]).arg(&home));
    let up: serde_json::Value = serde_json::from_str(&up.stdout()).expect("JSON");
    let pid = up["data"]["pid"].as_u64().expect("a process id");
    let look = |what: &str| {
        let file = format!("/proc/{pid}/{what}");
        run_any(unprivileged(Path::new("/usr/bin/head")).args(["-c", "1"]).arg(file))
    };
    let looks = ["environ", "mem", "maps"].map(|what| (what, look(what)));
    run(unprivileged(&program).args(["down", "--home"]).arg(&home));
    for (what, looked) in looks {
        assert!(
            !looked.success() && looked.stderr().contains("ermission denied"),
            "{what}: {}",
            looked.report()
        );
    }
}
