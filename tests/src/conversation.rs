//! Conversations with `strongroom interactive`, and what approvers do outside of it with OpenSSL.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use strongroom_testkit::{Cluster, run};

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
        let mut child = cluster
            .strongroom(&["interactive"])
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

/// Somebody's RSA key of 2048 bits, made by OpenSSL, outside of the cluster.
#[derive(Clone, Debug)]
pub struct Approver {
    /// Whose it is.
    pub name: String,
    private: PathBuf,
    public: PathBuf,
}

impl Approver {
    /// Makes a key, in files of a folder.
    ///
    /// # Panics
    ///
    /// When OpenSSL can't.
    #[track_caller]
    pub fn new(folder: &Path, name: &str) -> Self {
        let private = folder.join(format!("{name}.pem"));
        let public = folder.join(format!("{name}.pub"));
        run(openssl().args(["genrsa", "-out"]).arg(&private).arg("2048"));
        run(openssl().args(["rsa", "-pubout", "-in"]).arg(&private).arg("-out").arg(&public));
        Self { name: name.into(), private, public }
    }

    /// The signature of a token, in base64.
    ///
    /// # Panics
    ///
    /// When OpenSSL fails.
    #[track_caller]
    pub fn sign(&self, token: &str) -> String {
        let file = self.private.with_extension("token");
        fs::write(&file, Base64::decode_vec(token).expect("base64")).expect("a file");
        let mut command = openssl();
        command.args(["pkeyutl", "-sign", "-pkeyopt", "digest:sha256", "-inkey"]).arg(&self.private);
        Base64::encode_string(run(command.arg("-in").arg(&file)).stdout_bytes())
    }

    /// Adds an approval to a token's file.
    ///
    /// # Panics
    ///
    /// When the file is none.
    #[track_caller]
    pub fn approve(&self, file: &Path) {
        edit(file, |token| {
            let signature = self.sign(token["token"].as_str().expect("a token"));
            let approval = json!({"username": self.name, "signature": signature});
            token["signatures"].as_array_mut().expect("signatures").push(approval);
        });
    }

    /// Registers the key for whoever is logged in.
    ///
    /// # Panics
    ///
    /// When that's refused.
    #[track_caller]
    pub fn register(&self, conversation: &mut Conversation) {
        let file = self.private.with_extension("json");
        let _ = fs::remove_file(&file);
        conversation
            .must(&format!("quorum token-sign generate --service registration --token {}", file.display()));
        edit(&file, |registration| {
            for token in registration["tokens"].as_array_mut().expect("tokens") {
                token["signed"] = self.sign(token["unsigned"].as_str().expect("a token")).into();
            }
        });
        let public = self.public.display();
        conversation.must(&format!(
            "user change-quorum token-sign register --public-key {public} --signed-token {}",
            file.display()
        ));
    }
}

/// Changes a file of JSON.
///
/// # Panics
///
/// When it can't be read or isn't JSON.
#[track_caller]
pub fn edit(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
    change(&mut value);
    fs::write(file, value.to_string()).expect("a file");
}

fn openssl() -> Command {
    Command::new(crate::program("openssl", "openssl"))
}
