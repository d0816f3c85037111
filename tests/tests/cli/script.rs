//! Reading transcripts.

use std::env;
use std::path::PathBuf;

/// A command and what it should print.
#[derive(Debug)]
pub(crate) struct Step {
    /// The line where it stands, for messages.
    pub(crate) line: usize,
    pub(crate) what: What,
    pub(crate) expected: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// For the shell.
    Shell(String),
    /// For the interactive session, with what happens until it prints something.
    Session(String, Vec<Meanwhile>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    /// The command reads this line.
    Input(String),
    /// Somebody does this while the command asks.
    Shell(String),
}

/// Where transcripts are.
pub(crate) fn folder() -> PathBuf {
    // As cargo says now: the workspace may have moved since this was built.
    let tests =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    tests.join("transcripts")
}

/// The steps of a transcript.
pub(crate) fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // Whether lines without a mark belong to the last step.
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let new = |what| Step { line: number, what, expected: Vec::new() };
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(new(What::Shell(command.into())));
            open = true;
        } else if let Some(command) = line.strip_prefix("strongroom> ") {
            steps.push(new(What::Session(command.into(), Vec::new())));
            open = true;
        } else if line.trim().is_empty() || line.starts_with('#') {
            open = false;
        } else {
            let step = steps.last_mut().filter(|_| open);
            go_on(step.unwrap_or_else(|| panic!("line {number} belongs to no command: {line}")), line);
        }
    }
    assert!(steps.len() > 1, "a transcript has a cluster and at least one command");
    steps
}

fn go_on(step: &mut Step, line: &str) {
    match &mut step.what {
        What::Shell(command) if line.starts_with("> ") && step.expected.is_empty() => {
            command.push('\n');
            command.push_str(&line[2..]);
        }
        What::Session(_, meanwhile) if line.starts_with(':') => {
            meanwhile.push(Meanwhile::Input(line[1..].trim_start().into()));
        }
        What::Session(_, meanwhile) if line.starts_with("! ") => {
            meanwhile.push(Meanwhile::Shell(line[2..].into()));
        }
        _ => step.expected.push(line.into()),
    }
}

#[test]
fn steps_are_read() {
    let text = "# A cluster\n$ strongroom up\n$ cat <<END\n> text\n> END\ntext\n\n$ strongroom interactive\n\
                strongroom> login\n: secret\n! sign\n{\"a\":\n 1}\n";
    let steps = parse(text);
    assert_eq!(steps[1].what, What::Shell("cat <<END\ntext\nEND".into()));
    assert_eq!(steps[1].expected, ["text"]);
    let meanwhile = vec![Meanwhile::Input("secret".into()), Meanwhile::Shell("sign".into())];
    assert_eq!(steps[3].what, What::Session("login".into(), meanwhile));
    assert_eq!(steps[3].expected, ["{\"a\":", " 1}"]);
}
