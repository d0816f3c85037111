//! What the tests of the command share.

use std::process::Command;

use serde_json::Value;
use strongroom_testkit::{Finished, run, run_any};

/// The one line of JSON that a command prints.
#[track_caller]
pub(crate) fn parse(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout())
        .unwrap_or_else(|error| panic!("not JSON ({error}): {}", finished.report()))
}

/// What a command that succeeds prints as its data.
#[track_caller]
pub(crate) fn data(command: &mut Command) -> Value {
    let finished = run(command);
    let mut printed = parse(&finished);
    assert_eq!(printed["error_code"], 0, "{}", finished.report());
    printed["data"].take()
}

/// The sentence of a command that fails.
#[track_caller]
pub(crate) fn refusal(command: &mut Command) -> String {
    let finished = run_any(command).expect_failure();
    let printed = parse(&finished);
    assert_eq!(
        (&printed["error_code"], finished.status().code()),
        (&1.into(), Some(1)),
        "{}",
        finished.report()
    );
    printed["data"].as_str().unwrap_or_else(|| panic!("no sentence: {}", finished.report())).to_string()
}
