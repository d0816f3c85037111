//! Tests that need a process of their own: they load the module, change the environment, count descriptors or
//! may crash.

use std::any::type_name_of_val;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use strongroom_testkit::{run_any, run_with, strongroom};

/// Set in the process that a test got for itself.
const ALONE: &str = "STRONGROOM_TEST_ALONE";
/// How long a test may take there.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs the rest of a test in a process of its own, with a folder of its own for temporary files. To be called
/// by the test function itself, with a closure that captures nothing.
///
/// What a crash leaves running is ended.
///
/// # Panics
///
/// When the test does there, or when that process crashes.
pub fn alone<F: FnOnce()>(test: F) {
    // The closure's type is called `file::path::of::test::{{closure}}`.
    let name = type_name_of_val(&test);
    let within = |command: Command| command;
    run_alone(name, within, test);
}

/// As [`alone`], in a mount namespace of its own, as root or as somebody who looks like it.
///
/// # Panics
///
/// As [`alone`], and when the system grants no namespace.
pub fn alone_with_own_mounts<F: FnOnce()>(test: F) {
    let name = type_name_of_val(&test);
    let within = |command: Command| {
        let mut unshare = unshare("--mount");
        unshare.arg(command.get_program()).args(command.get_args());
        unshare
    };
    run_alone(name, within, test);
}

/// As [`alone`], in a network namespace of its own, where nobody else has any port of the loopback addresses, and there
/// is nothing else.
///
/// # Panics
///
/// As [`alone_with_own_mounts`].
pub fn alone_with_own_network<F: FnOnce()>(test: F) {
    let name = type_name_of_val(&test);
    let within = |command: Command| {
        let mut unshare = unshare("--net");
        unshare.args(["sh", "-c", r#""$0" link set lo up && exec "$@""#]);
        unshare.arg(crate::program("ip", "iproute2")).arg(command.get_program()).args(command.get_args());
        unshare
    };
    run_alone(name, within, test);
}

/// `unshare` with a namespace, as root or as somebody who looks like it.
fn unshare(namespace: &str) -> Command {
    let mut unshare = Command::new(crate::program("unshare", "util-linux"));
    unshare.arg(namespace);
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    unshare
}

fn run_alone(name: &str, within: impl Fn(Command) -> Command, test: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        test();
        return;
    }
    let name = name.trim_end_matches("::{{closure}}").split_once("::").expect("a test's path").1;
    // A short path, since sockets will be below it.
    let folder = tempfile::Builder::new().prefix("a").tempdir().expect("a temporary folder");
    let mut command = Command::new(env::current_exe().expect("the path of the running program"));
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    let mut command = within(command);
    command.env(ALONE, "1").env("TMPDIR", folder.path());
    let _daemons = EndDaemons(folder.path());
    let ended = run_with(&mut command, b"", LIMIT).expect_success();
    assert!(ended.stdout().contains("1 passed"), "the test {name} wasn't found: {}", ended.report());
    eprint!("{}", ended.stderr());
}

/// Ends the daemons of clusters that weren't dropped.
struct EndDaemons<'a>(&'a Path);

impl Drop for EndDaemons<'_> {
    fn drop(&mut self) {
        let Ok(folders) = fs::read_dir(self.0) else { return };
        let homes = folders.flatten().map(|entry| entry.path().join("h"));
        for home in homes.filter(|home| home.join("lock").is_file()) {
            run_any(Command::new(strongroom()).args(["down", "--home"]).arg(home));
        }
    }
}
