//! Conversations with `strongroom interactive`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use strongroom_testkit::{Cluster, wait_until};

pub use crate::approver::{Approver, edit};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command answers, or the sentence it fails with.
pub type Answer = Result<Value, String>;

/// A process of `strongroom interactive`, which is killed when this is dropped. Files that commands name are in the folder
/// that it was started with.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
}

impl Conversation {
    /// Starts one in which nobody is logged in.
    ///
    /// # Panics
    ///
    /// When the process can't be started.
    #[track_caller]
    pub fn start(cluster: &Cluster, folder: &Path) -> Self {
        Self::play(cluster.strongroom(&["interactive"]), folder)
    }

    /// As [`Self::start`], with another cluster of the home.
    ///
    /// # Panics
    ///
    /// As [`Self::start`].
    #[track_caller]
    pub fn with(home: &Cluster, cluster: &str, folder: &Path) -> Self {
        Self::play(home.strongroom(&["interactive", "--cluster", cluster]), folder)
    }

    #[track_caller]
    fn play(mut command: Command, folder: &Path) -> Self {
        let mut child = command
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("strongroom interactive");
        let input = child.stdin.take().expect("its input");
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, output) = channel();
        thread::spawn(move || {
            // The test may be over.
            stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        Self { child, input, output }
    }

    /// Starts one in which a user is logged in.
    ///
    /// # Panics
    ///
    /// When it can't be started or the login fails.
    #[track_caller]
    pub fn of(cluster: &Cluster, folder: &Path, role: &str, name: &str, password: &str) -> Self {
        let mut conversation = Self::start(cluster, folder);
        conversation.must(&format!("login --username {name} --role {role} --password {password}"));
        conversation
    }

    /// Carries out a command.
    ///
    /// # Errors
    ///
    /// The sentence that it fails with.
    ///
    /// # Panics
    ///
    /// When nothing is answered for a minute.
    #[track_caller]
    pub fn say(&mut self, command: &str) -> Answer {
        writeln!(self.input, "{command}").and_then(|()| self.input.flush()).expect("a process that reads");
        self.answer(command)
    }

    /// Carries out a command that writes a file, and asks what is to be done with it: does that, and answers.
    ///
    /// # Errors
    ///
    /// The sentence that it fails with.
    ///
    /// # Panics
    ///
    /// As [`Self::say`], and when there is no such file within a minute.
    #[track_caller]
    pub fn say_asked(
        &mut self,
        command: &str,
        file: &Path,
        meanwhile: impl FnOnce(),
        answers: &[&str],
    ) -> Answer {
        writeln!(self.input, "{command}").and_then(|()| self.input.flush()).expect("a process that reads");
        let is_whole =
            || fs::read(file).is_ok_and(|content| serde_json::from_slice::<Value>(&content).is_ok());
        wait_until(&format!("{command} writes {}", file.display()), PATIENCE, is_whole);
        meanwhile();
        for answer in answers {
            writeln!(self.input, "{answer}").and_then(|()| self.input.flush()).expect("a process that reads");
        }
        self.answer(command)
    }

    #[track_caller]
    fn answer(&self, command: &str) -> Answer {
        let line = self
            .output
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|error| panic!("no answer to {command}: {error}"));
        let mut answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{command}: not JSON ({error}): {line}"));
        match answer["error_code"] == 0 {
            true => Ok(answer["data"].take()),
            false => Err(answer["data"].as_str().expect("a sentence").into()),
        }
    }

    /// Carries out many commands without waiting for the answers in between.
    ///
    /// # Panics
    ///
    /// As [`Self::say`].
    #[track_caller]
    pub fn say_all(&mut self, commands: &[String]) -> Vec<Answer> {
        let lines: String = commands.iter().flat_map(|command| [command, "\n"]).collect();
        self.input
            .write_all(lines.as_bytes())
            .and_then(|()| self.input.flush())
            .expect("a process that reads");
        commands.iter().map(|command| self.answer(command)).collect()
    }

    /// Carries out a command that must succeed.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[track_caller]
    pub fn must(&mut self, command: &str) -> Value {
        self.say(command).unwrap_or_else(|refusal| panic!("{command}: {refusal}"))
    }

    /// Carries out a command that must fail, and gives its sentence.
    ///
    /// # Panics
    ///
    /// When it succeeds.
    #[track_caller]
    pub fn fails(&mut self, command: &str) -> String {
        match self.say(command) {
            Ok(data) => panic!("{command} succeeded: {data}"),
            Err(sentence) => sentence,
        }
    }

    /// Ends the process as `kill -9` does.
    ///
    /// # Panics
    ///
    /// When it can't be waited for.
    pub fn kill(mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("the end of the process");
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
