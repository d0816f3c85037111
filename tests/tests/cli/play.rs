//! Playing transcripts.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom_testkit::{Cluster, bin_dir, run_any};

use crate::matching::Names;
use crate::script::{Meanwhile, Step, What, folder, parse};

/// How long an interactive command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays a transcript; panics where what is printed isn't what is written there.
#[track_caller]
pub(crate) fn transcript(name: &str) {
    let path = folder().join(name).with_extension("txt");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut steps = parse(&text).into_iter();
    let first = steps.next().expect("a first step");
    let What::Shell(up) = &first.what else { panic!("{name} begins with no cluster") };
    let stage = Stage::new(up);
    let mut names = Names::default();
    let mut session: Option<Session> = None;
    for step in steps {
        let place = format!("{name}.txt:{}", step.line);
        match &step.what {
            What::Shell(command) if command == "strongroom interactive" => {
                assert!(session.is_none(), "{place}: a session runs already");
                session = Some(Session::start(&stage));
            }
            What::Shell(command) => stage.shell(&place, &names.filled(command), &step, &mut names),
            What::Session(command, _) => {
                let running = session.as_mut().unwrap_or_else(|| panic!("{place}: no session runs"));
                if command == "quit" {
                    session.take().expect("a session").quit(&place);
                } else {
                    running.command(&place, &stage, &names.filled(command), &step, &mut names);
                }
            }
        }
    }
    assert!(session.is_none(), "{name} ends in the middle of a session");
}

/// A cluster, and a folder to work in.
struct Stage {
    cluster: Cluster,
    work: PathBuf,
}

impl Stage {
    /// The cluster that a line `strongroom up ...` is about.
    fn new(up: &str) -> Self {
        let mut words = up.split_whitespace();
        assert_eq!((words.next(), words.next()), (Some("strongroom"), Some("up")), "first comes a cluster");
        let mut builder = Cluster::builder();
        while let Some(option) = words.next() {
            if option == "--uninitialized" {
                builder = builder.uninitialized();
                continue;
            }
            if option == "--listen" {
                builder = builder.by_tls();
                continue;
            }
            if option == "--own-ca" {
                builder = builder.own_ca();
                continue;
            }
            let value = words.next().unwrap_or_else(|| panic!("{option} needs a value"));
            builder = match option {
                "--nodes" => builder.nodes(value.parse().expect("a number")),
                "--profile" => builder.profile(value),
                "--officer-password" => builder.officer_password(value),
                "--crypto-user" => {
                    let (user, password) = value.split_once(':').expect("NAME:PASSWORD");
                    builder.crypto_user(user, password)
                }
                _ => panic!("{option} is no option for a transcript's cluster"),
            };
        }
        let cluster = builder.start();
        let work = cluster.folder().join("w");
        fs::create_dir(&work).expect("a folder to work in");
        Self { cluster, work }
    }

    /// A program in the environment that a reader has.
    fn program(&self, program: &Path) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([bin_dir()].into_iter().chain(std::env::split_paths(&path)));
        let mut command = self.cluster.command(program);
        command
            .env_remove("STRONGROOM_CONFIG")
            .env("STRONGROOM_HOME", self.cluster.home())
            .env("STRONGROOM_MODULE", self.cluster.module())
            .env("HOME", &self.work)
            .env("PATH", path.expect("a search path"))
            .current_dir(&self.work);
        command
    }

    fn shell(&self, place: &str, command: &str, step: &Step, names: &mut Names) {
        let finished = run_any(self.program(Path::new("/bin/sh")).arg("-euc").arg(command));
        let printed = finished.stdout();
        let fails = judge(place, &step.expected, &printed, names);
        assert_eq!(finished.success(), !fails, "{place}: {}", finished.report());
    }
}

/// Compares what was printed with what was expected; whether that's a failure.
fn judge(place: &str, expected: &[String], printed: &str, names: &mut Names) -> bool {
    if expected.is_empty() {
        return false;
    }
    let wanted = expected.join("\n");
    if wanted.starts_with('{') {
        let wanted: Value = serde_json::from_str(&wanted)
            .unwrap_or_else(|error| panic!("{place}: what is expected isn't JSON: {error}"));
        let found: Value = serde_json::from_str(printed)
            .unwrap_or_else(|error| panic!("{place}: not JSON ({error}): {printed:?}"));
        names
            .json(&wanted, &found, "")
            .unwrap_or_else(|difference| panic!("{place}: {difference}\nprinted: {found:#}"));
        return found["error_code"] != 0;
    }
    let lines: Vec<&str> = printed.lines().collect();
    let same = lines.len() == expected.len()
        && expected.iter().zip(&lines).all(|(expected, line)| names.line(expected, line));
    assert!(same, "{place}: expected\n{wanted}\nbut it's\n{printed}");
    false
}

/// A running `strongroom interactive`.
struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    questions: Arc<Mutex<String>>,
    failed: bool,
}

impl Session {
    fn start(stage: &Stage) -> Self {
        let mut child = stage
            .program(&strongroom_testkit::strongroom())
            .arg("interactive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strongroom interactive");
        let (sender, output) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        thread::spawn(move || {
            // The test may be over.
            stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let questions = Arc::new(Mutex::new(String::new()));
        let (mut stderr, shared) = (child.stderr.take().expect("its errors"), Arc::clone(&questions));
        thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                shared.lock().expect("a lock").push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        let input = child.stdin.take();
        Self { child, input, output, questions, failed: false }
    }

    fn command(&mut self, place: &str, stage: &Stage, command: &str, step: &Step, names: &mut Names) {
        self.questions.lock().expect("a lock").clear();
        self.write(command);
        if let What::Session(_, meanwhile) = &step.what {
            for one in meanwhile {
                match one {
                    Meanwhile::Input(line) => self.write(&names.filled(line)),
                    Meanwhile::Shell(command) => {
                        self.wait_for_question(place);
                        let nothing =
                            Step { line: step.line, what: What::Shell(String::new()), expected: Vec::new() };
                        stage.shell(place, &names.filled(command), &nothing, names);
                    }
                }
            }
        }
        let printed = self.output.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            panic!(
                "{place}: nothing was printed ({error}); asked: {:?}",
                self.questions.lock().expect("a lock")
            )
        });
        let fails = if step.expected.is_empty() {
            let found: Value = serde_json::from_str(&printed)
                .unwrap_or_else(|error| panic!("{place}: not JSON ({error}): {printed:?}"));
            assert_eq!(found["error_code"], 0, "{place}: {found:#}");
            false
        } else {
            judge(place, &step.expected, &printed, names)
        };
        self.failed |= fails;
    }

    fn write(&mut self, line: &str) {
        let input = self.input.as_mut().expect("an open input");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("a session that reads");
    }

    /// Waits until the command asks for a line.
    fn wait_for_question(&self, place: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.questions.lock().expect("a lock").ends_with(": ") {
            assert!(Instant::now() < deadline, "{place}: no question was asked");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn quit(mut self, place: &str) {
        self.write("quit");
        drop(self.input.take());
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < deadline, "{place}: the session doesn't end");
            thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.success(), !self.failed, "{place}: the session ended with {status}");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
