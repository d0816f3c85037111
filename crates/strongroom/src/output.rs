//! What the commands print: JSON in cloudhsm-cli's shape, or tables for people.

use std::fmt;
use std::io::{self, Write};

use serde_json::Value;
use strongroom_model::Error;

/// Why a command failed, in a sentence.
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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // People read this one: the sentence says it, the code comes after it for looking up. Scripts written for
        // cloudhsm-cli read its sentences, which stand alone.
        Self(match error.message.as_str() {
            "" => error.code.to_string(),
            message if VENDORS.iter().any(|sentence| message.starts_with(sentence)) => message.to_string(),
            message => format!("{message} ({})", error.code),
        })
    }
}

/// How cloudhsm-cli's own sentences begin (cloudhsm.md 3.2, 3.6, 4.3, 4.8).
const VENDORS: [&str; 10] = [
    "Quorum approval is required for this operation",
    "Quorum Failed",
    "Invalid username-signature pair for quorum authorization",
    "Too few quorum approvals",
    "The manage key and use key quorum values must be set to a value greater than 1",
    "Invalid quorum value provided.",
    "InvalidQuorumSignature",
    "No token signatures provided",
    "cannot perform the operation as the key must be available on at least 2 HSMs",
    "Attribute extractable cannot be set to the value true by the user for this operation",
];

/// What a command that succeeded prints.
#[derive(Debug)]
pub(crate) enum Output {
    /// `{"error_code":0,"data":...}`.
    Data(Value),
    /// Text as it is.
    Text(String),
    /// Nothing.
    Silence,
    /// Nothing more, after many commands.
    Ended {
        /// Whether all of them succeeded.
        success: bool,
    },
}

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// On one line.
    Line,
    /// On many lines, for people.
    Broad,
}

/// Prints the outcome on standard output; whether it's a success.
pub(crate) fn print(outcome: Result<Output, Failure>, style: Style) -> bool {
    let (text, success) = match outcome {
        Ok(Output::Data(data)) => (json(0, &data, style), true),
        Ok(Output::Text(text)) => (text, true),
        Ok(Output::Silence) => (String::new(), true),
        Ok(Output::Ended { success }) => (String::new(), success),
        Err(Failure(sentence)) => (json(1, &sentence.into(), style), false),
    };
    // Whoever closed our standard output doesn't want to read this.
    let _ = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
    success
}

/// JSON with its code in front, as cloudhsm-cli has it.
fn json(error_code: u8, data: &Value, style: Style) -> String {
    match style {
        Style::Line => format!("{{\"error_code\":{error_code},\"data\":{data}}}\n"),
        Style::Broad => {
            let data = format!("{data:#}").replace('\n', "\n  ");
            format!("{{\n  \"error_code\": {error_code},\n  \"data\": {data}\n}}\n")
        }
    }
}

/// What clap says of a wrong command line, as one sentence.
pub(crate) fn misunderstood(text: &str, help: &str) -> Failure {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let text = text.split("\n\nFor more information").next().unwrap_or(text);
    // What the environment says counts as typed, and would be shown as if it had to be.
    let text = text.replace(" --home <DIR>", "");
    let paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    Failure::new(format!("{}; see `{help}`", paragraphs.collect::<Vec<_>>().join(". ")))
}

/// The widest cell of a table, in characters. Labels of keys may have thousands.
const WIDEST: usize = 200;

/// A table: a heading, then rows, in columns as wide as they need. What would steer a terminal is shown, not done.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|word| word.to_uppercase()).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
    let lines = || std::iter::once(&heading).chain(&rows);
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| lines().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in lines() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A cell without control characters, cut where it's too wide.
fn shown(cell: &str) -> String {
    let plain = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    let mut text: String = cell.chars().take(WIDEST).map(plain).collect();
    if cell.chars().nth(WIDEST).is_some() {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_model::ReturnCode;

    #[test]
    fn a_table_lines_up() {
        let rows = [vec!["app".into(), "x".into()], vec!["administrator".into(), "y".into()]];
        assert_eq!(table(&["name", "it"], &rows), "NAME           IT\napp            x\nadministrator  y\n");
    }

    /// Whoever names a key chooses what officers see of it in theirs.
    #[test]
    fn a_table_steers_no_terminal_and_has_an_end() {
        let rows = [vec!["a\u{1b}[2J\nb\u{9b}".into()], vec!["x".repeat(100_000)]];
        let text = table(&["label"], &rows);
        assert_eq!(text.lines().count(), 3);
        assert_eq!(text.lines().nth(1), Some("a\\u{1b}[2J\\nb\\u{9b}"));
        assert_eq!(text.lines().nth(2).map(str::len), Some(WIDEST + 3));
    }

    #[test]
    fn both_styles_are_the_same_json() {
        let data = serde_json::json!({"users": [{"username": "admin"}], "text": "two\nlines"});
        let [line, broad] = [Style::Line, Style::Broad]
            .map(|style| serde_json::from_str::<Value>(&json(0, &data, style)).unwrap());
        assert_eq!(line, broad);
        assert_eq!(line["data"], data);
    }

    #[test]
    fn the_vendors_sentences_stand_alone() {
        let sentence = "Quorum approval is required for this operation";
        let Failure(text) = Error::new(ReturnCode::ACTION_PROHIBITED, sentence).into();
        assert_eq!(text, sentence);
    }

    #[test]
    fn a_failure_is_a_sentence_then_its_code() {
        let Failure(text) = Error::new(ReturnCode::PIN_INCORRECT, "the password is wrong").into();
        assert_eq!(text, "the password is wrong (CKR_PIN_INCORRECT)");
    }
}
