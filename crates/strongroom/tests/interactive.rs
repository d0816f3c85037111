//! `strongroom interactive`, with commands piped in and at a terminal.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom_testkit::{Cluster, Finished, bin_dir, run, run_with};

const LIMIT: Duration = Duration::from_secs(60);

/// What a session prints for these lines.
fn session(cluster: &Cluster, lines: &str) -> Finished {
    run_with(&mut cluster.strongroom(&["interactive"]), lines.as_bytes(), LIMIT)
}

fn parsed(finished: &Finished) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    finished.stdout().lines().map(line).collect()
}

#[test]
fn a_session_prints_what_single_commands_print() {
    let cluster = Cluster::builder().crypto_user("alice", "alices-secret").start();
    let commands = [
        "key generate-symmetric aes --label first --key-length-bytes 32",
        "key list --verbose",
        "key list --human",
        "key list --filter attr.label=nothing",
        "key list --filter nonsense",
        "key set-attribute --filter attr.label=first --name label --value second",
        "key delete --filter attr.label=missing",
        "user list",
        "cluster hsm-info",
        "quorum token-sign list-quorum-values",
        "quorum token-sign list",
        "user delete --username alice --role crypto-user",
        "key share --filter attr.label=second --username nobody",
    ];
    // Each way has a key of its own, which is what differs.
    let same = |text: &str, cluster: &Cluster| -> String {
        let own = run(&mut cluster.strongroom(&["key", "list", "--verbose"])).stdout();
        let own: Value = serde_json::from_str(&own).expect("JSON");
        let key = &own["data"]["matched_keys"][0];
        let text = text.replace(key["key-reference"].as_str().unwrap_or("none"), "KEY");
        text.replace(key["attributes"]["check-value"].as_str().unwrap_or("none"), "KCV")
    };
    let mut single = String::new();
    for command in commands {
        let mut program = cluster.strongroom(&command.split(' ').collect::<Vec<_>>());
        program.env("STRONGROOM_ROLE", "crypto-user").env("STRONGROOM_PIN", "alice:alices-secret");
        single += &run_with(&mut program, b"", LIMIT).stdout();
    }
    let single = same(&single, &cluster);
    run(&mut cluster.strongroom(&["key", "delete", "--filter", "attr.label=second"]));

    let login = "login --username alice --role crypto-user --password -\nalices-secret\n";
    let together = session(&cluster, &format!("{login}{}\nquit\n", commands.join("\n")));
    let together = same(&together.stdout(), &cluster);
    let (first, rest) = together.split_once('\n').expect("a line for the login");
    assert!(first.contains("\"alice\""), "{first}");
    // What to read about a wrong command line is where one is.
    let told = |text: &str| -> Vec<String> {
        let help = |line: &str| match line.split_once("see `strongroom ") {
            Some((before, command)) => format!("{before}see `help {}", command.replace(" --help`", "`")),
            None => line.to_string(),
        };
        text.lines().map(help).collect()
    };
    assert_eq!(told(rest), told(&single));
}

#[test]
fn the_exit_code_tells_of_failures_and_comments_are_nothing() {
    let cluster = Cluster::start();
    let fine = session(&cluster, "# a comment\n\n   \nuser list\nquit\nnot reached\n").expect_success();
    assert_eq!(parsed(&fine).len(), 1);
    // Without `quit` the end of the input ends it, and what follows a failure is carried out.
    let failed = session(&cluster, "nonsense\nuser list").expect_failure();
    let printed = parsed(&failed);
    assert_eq!((&printed[0]["error_code"], &printed[1]["error_code"]), (&1.into(), &0.into()));
    let refused = session(&cluster, "up\ndown\nserve\ninteractive\n").expect_failure();
    assert!(parsed(&refused).iter().all(|line| line["error_code"] == 1));
    assert!(session(&cluster, "help\n").expect_success().stdout().contains("quorum"));
    assert!(session(&cluster, "user create --help\n").expect_success().stdout().contains("--username"));
}

#[test]
fn a_password_is_never_taken_for_a_command() {
    let mut cluster = Cluster::start();
    let lines = "login --username king --role emperor --password -\nleaked-secret\n\
                 login --username nobody --role admin --password=-\nleaked-secret\nuser list\n";
    let finished = session(&cluster, lines);
    assert_eq!(parsed(&finished).len(), 3);
    assert!(!finished.output().contains("leaked-secret"), "{}", finished.report());
    cluster.stop();
    let finished = session(&cluster, "login --username admin --role admin --password -\nleaked-secret\n");
    assert!(!finished.output().contains("leaked-secret"), "{}", finished.report());
}

#[test]
fn one_session_may_be_in_several_clusters() {
    let cluster = Cluster::builder().crypto_user("alice", "alices-secret").start();
    run(&mut cluster.strongroom(&["up", "--cluster", "second", "--crypto-user", "bob:bobs-secret"]));
    let finished = session(
        &cluster,
        "login --username alice --role crypto-user --password alices-secret\n\
         login --username bob --role crypto-user --password bobs-secret --cluster-id second\n\
         key generate-symmetric aes --label a --key-length-bytes 32\n\
         key list --cluster second\nkey list --cluster-id default\nlogout --cluster second\nkey list\n\
         key list --cluster second\nuser list --cluster third\n",
    );
    let printed = parsed(&finished);
    let counts: Vec<&Value> = printed.iter().map(|line| &line["data"]["total_key_count"]).collect();
    assert_eq!((counts[3], counts[4], counts[6]), (&0.into(), &1.into(), &1.into()), "{}", finished.report());
    assert!(printed[7]["data"].as_str().expect("a sentence").contains("nobody is logged in"));
    assert!(printed[8]["data"].as_str().expect("a sentence").contains("no cluster third"));
}

/// A session at a terminal.
struct Terminal {
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    fn start(cluster: &Cluster) -> Self {
        // `script` gives it a terminal of its own.
        let program = format!(
            "{} interactive --home {}",
            bin_dir().join("strongroom").display(),
            cluster.home().display()
        );
        let mut command: Command = cluster.command("script");
        command
            .args(["-qefc", &program, "/dev/null"])
            .env_remove("STRONGROOM_CONFIG")
            .env_remove("XDG_STATE_HOME")
            .env("HOME", cluster.folder())
            .env("TERM", "xterm");
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child =
            spawned.expect("this test needs the program `script`: install the Debian package bsdutils");
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut output, shared) = (child.stdout.take().expect("its output"), Arc::clone(&shown));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                shared.lock().expect("a lock").push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Self { child, shown }
    }

    /// Waits until this is shown, and forgets what was shown until then.
    fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            let mut shown = self.shown.lock().expect("a lock");
            if let Some(at) = shown.find(text) {
                let before = shown.drain(..at + text.len()).collect();
                return before;
            }
            assert!(Instant::now() < deadline, "{text:?} isn't shown, but {:?}", *shown);
            drop(shown);
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn type_in(&mut self, keys: &str) {
        let input = self.child.stdin.as_mut().expect("an open input");
        input.write_all(keys.as_bytes()).and_then(|()| input.flush()).expect("a terminal that reads");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn at_a_terminal_lines_are_completed_and_passwords_are_kept_nowhere() {
    let cluster = Cluster::builder().crypto_user("alice", "alices-secret").start();
    let mut terminal = Terminal::start(&cluster);
    terminal.wait_for("strongroom> ");
    terminal.type_in("clu\ths\t\r");
    assert!(terminal.wait_for("fips-state").contains("\"error_code\": 0"));
    terminal.wait_for("strongroom> ");
    // Nobody but `up` knows alice's password, so that she logs in unasked; another user is asked.
    terminal
        .type_in("user create --username bob --role crypto-user --password bobs-secret --login-role admin\r");
    terminal.wait_for("\"bob\"");
    terminal.wait_for("strongroom> ");
    terminal.type_in("login --username bob --role crypto-user\r");
    terminal.wait_for("Enter password: ");
    terminal.type_in("bobs-secret\r");
    let shown = terminal.wait_for("\"username\": \"bob\"");
    assert!(!shown.contains("bobs-secret"), "the password was shown: {shown}");
    terminal.wait_for("strongroom> ");
    // The line before the last is the first one, since the other had a password.
    terminal.type_in("\u{1b}[A\u{1b}[A\r");
    terminal.wait_for("fips-state");
    terminal.wait_for("strongroom> ");
    terminal.type_in("quit\r");
    let deadline = Instant::now() + LIMIT;
    while terminal.child.try_wait().expect("a child").is_none() {
        assert!(Instant::now() < deadline, "`quit` doesn't end it");
        thread::sleep(Duration::from_millis(10));
    }
    let history =
        fs::read_to_string(cluster.folder().join(".local/state/strongroom/history")).expect("a history");
    assert!(history.contains("cluster hsm-info"), "{history}");
    assert!(history.contains("login --username bob"), "{history}");
    assert!(!history.contains("secret"), "{history}");
}
