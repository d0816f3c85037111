//! Running programs: with a limit in time, and with all they said in the panic when they fail.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::wait::is_ready;

/// How long [`run`] and [`run_any`] let a program run.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// How long after a program's end its output is waited for: a child of it may hold the pipe open.
const OUTPUT_GRACE: Duration = Duration::from_secs(5);

/// The most of each stream that a panic shows.
const SHOWN: usize = 8 * 1024;

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    command: String,
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Finished {
    /// How it ended.
    pub fn status(&self) -> ExitStatus {
        self.status
    }

    /// Whether it ended with exit code 0.
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// What it wrote to standard output, as text.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it wrote to standard output.
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// What it wrote to standard error, as text.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// What it wrote to both, standard output first.
    pub fn output(&self) -> String {
        self.stdout() + &self.stderr()
    }

    /// The end of the program, for a person: command, how it ended, what it said.
    pub fn report(&self) -> String {
        let mut report = format!("`{}` ended with {}", self.command, self.status);
        for (name, bytes) in [("standard output", &self.stdout), ("standard error", &self.stderr)] {
            let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(SHOWN)..]);
            let _ = write!(report, "\n--- {name}\n{}", text.trim_end());
        }
        report
    }

    /// Panics with the report unless the program succeeded.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.success(), "{}", self.report());
        self
    }

    /// Panics with the report if the program succeeded.
    #[track_caller]
    pub fn expect_failure(self) -> Self {
        assert!(!self.success(), "this should have failed: {}", self.report());
        self
    }
}

/// Runs a program to its end and panics, with all it said, unless it succeeds. Standard input is empty.
///
/// # Panics
///
/// When it can't be started, doesn't end within [`DEFAULT_TIMEOUT`], or fails.
#[track_caller]
pub fn run(command: &mut Command) -> Finished {
    run_with(command, b"", DEFAULT_TIMEOUT).expect_success()
}

/// Runs a program to its end, whatever that is. Standard input is empty.
///
/// # Panics
///
/// When it can't be started or doesn't end within [`DEFAULT_TIMEOUT`].
#[track_caller]
pub fn run_any(command: &mut Command) -> Finished {
    run_with(command, b"", DEFAULT_TIMEOUT)
}

/// Runs a program to its end, with this standard input and this limit. The program leads a process
/// group of its own, which is killed past the limit.
///
/// # Panics
///
/// When it can't be started or doesn't end within `limit`.
#[track_caller]
pub fn run_with(command: &mut Command, input: &[u8], limit: Duration) -> Finished {
    let name = describe(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("`{name}` can't be started: {error}"));
    let stdout = collect(child.stdout.take().expect("a pipe"));
    let stderr = collect(child.stderr.take().expect("a pipe"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // A program that doesn't read its input must not hold up the test.
    thread::spawn(move || stdin.write_all(&input));

    let ended = has_ended(&child, limit);
    if !ended {
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    }
    let status = child.wait().expect("the end of a child");
    let finished = Finished {
        command: name,
        status,
        stdout: stdout.recv_timeout(OUTPUT_GRACE).unwrap_or_default(),
        stderr: stderr.recv_timeout(OUTPUT_GRACE).unwrap_or_default(),
    };
    assert!(ended, "not done within {limit:?}, so it was killed: {}", finished.report());
    finished
}

/// A program that runs beside the test, such as a server, and is ended when this is dropped.
#[derive(Debug)]
pub struct Background {
    name: String,
    child: Child,
}

impl Background {
    /// Starts a program in a process group of its own. Redirect its output to files, to look at it later.
    ///
    /// # Panics
    ///
    /// When it can't be started.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let name = describe(command);
        let child = command
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("`{name}` can't be started: {error}"));
        Self { name, child }
    }

    /// Its process id, which is also its process group's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, not to its children.
    ///
    /// # Panics
    ///
    /// When it has ended.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal)
            .unwrap_or_else(|error| panic!("`{}` can't be signalled: {error}", self.name));
    }

    /// Waits until it ends.
    ///
    /// # Panics
    ///
    /// When it doesn't within `limit`.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        assert!(has_ended(&self.child, limit), "`{}` hasn't ended within {limit:?}", self.name);
        self.child.wait().expect("the end of a child")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Asked first, so that a server can end its workers; then the whole group is killed.
        if self.is_running() {
            let _ = rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM);
            has_ended(&self.child, Duration::from_secs(5));
        }
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

fn has_ended(child: &Child, limit: Duration) -> bool {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).expect("a handle on a child");
    is_ready(process.as_fd(), limit)
}

fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (done, collected) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = done.send(bytes);
    });
    collected
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_and_output_pass_through() {
        let large = vec![b'x'; 1 << 20];
        let finished = run_with(&mut Command::new("cat"), &large, DEFAULT_TIMEOUT).expect_success();
        assert_eq!(finished.stdout_bytes(), large);
    }

    #[test]
    #[should_panic(expected = "what went wrong")]
    fn a_failure_shows_what_the_program_said() {
        run(Command::new("sh").args(["-c", "echo what went wrong >&2; exit 3"]));
    }

    #[test]
    #[should_panic(expected = "so it was killed")]
    fn a_program_that_hangs_is_killed() {
        run_with(Command::new("sh").args(["-c", "sleep 600; true"]), b"", Duration::from_millis(100));
    }

    #[test]
    fn a_background_program_ends_with_its_guard() {
        let pid = {
            let mut background = Background::start(Command::new("sleep").arg("600"));
            assert!(background.is_running());
            background.pid()
        };
        assert!(crate::wait::wait_for_end(pid, Duration::from_secs(5)));
    }
}
