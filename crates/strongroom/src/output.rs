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
        // People read this one: the sentence says it, the code comes after it for looking up.
        Self(match error.message.as_str() {
            "" => error.code.to_string(),
            message => format!("{message} ({})", error.code),
        })
    }
}

/// What a command that succeeded prints.
#[derive(Debug)]
pub(crate) enum Output {
    /// `{"error_code":0,"data":...}`.
    Data(Value),
    /// Text as it is.
    Text(String),
    /// Nothing.
    Silence,
}

/// Prints the outcome on standard output; whether it's a success.
pub(crate) fn print(outcome: Result<Output, Failure>) -> bool {
    let (text, success) = match outcome {
        Ok(Output::Data(data)) => (line(0, &data), true),
        Ok(Output::Text(text)) => (text, true),
        Ok(Output::Silence) => (String::new(), true),
        Err(Failure(sentence)) => (line(1, &sentence.into()), false),
    };
    // Whoever closed our standard output doesn't want to read this.
    let _ = io::stdout().write_all(text.as_bytes());
    success
}

/// One line of JSON, its code in front as cloudhsm-cli has it.
fn line(error_code: u8, data: &Value) -> String {
    format!("{{\"error_code\":{error_code},\"data\":{data}}}\n")
}

/// A table: a heading, then rows, in columns as wide as they need.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|word| word.to_uppercase()).collect();
    let lines = || std::iter::once(&heading).chain(rows);
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

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_model::ReturnCode;

    #[test]
    fn a_table_lines_up() {
        let rows = [vec!["app".into(), "x".into()], vec!["administrator".into(), "y".into()]];
        assert_eq!(table(&["name", "it"], &rows), "NAME           IT\napp            x\nadministrator  y\n");
    }

    #[test]
    fn a_failure_is_a_sentence_then_its_code() {
        let Failure(text) = Error::new(ReturnCode::PIN_INCORRECT, "the password is wrong").into();
        assert_eq!(text, "the password is wrong (CKR_PIN_INCORRECT)");
    }
}
