//! Running a program as a step of a chore.

use std::ffi::OsStr;
use std::fmt;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Why a chore can't go on.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Announces a step.
pub(crate) fn announce(what: &str) {
    eprintln!("\n== {what}");
}

/// Announces a program, runs it with our own outputs, and says how long it took.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<(), Failure> {
    announce(what);
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).status().map_err(|error| cannot_start(command, &error))?;
    if !status.success() {
        return Err(Failure::new(format!("\nFailed: {what} ({status}): {}", describe(command))));
    }
    eprintln!("-- {what}: {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a program and returns what it wrote to standard output; a failure carries all it said.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    Err(Failure::new(format!(
        "`{}` failed ({}):\n{}{stdout}",
        describe(command),
        output.status,
        String::from_utf8_lossy(&output.stderr),
    )))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("`{}` can't be started: {error}", command.get_program().to_string_lossy()))
}

fn describe(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}
