//! Questions whose answers may be seen.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::output::Failure;

/// Asks for a line: at the terminal, or of whoever feeds standard input. The question goes to standard error, so that standard
/// output has nothing but JSON.
pub(crate) fn ask(question: &str) -> Result<String, Failure> {
    let mut output = io::stderr();
    // Who closed it doesn't want to see the question.
    let _ = write!(output, "{question}: ").and_then(|()| output.flush());
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(0) => Err(Failure::new(format!("nobody answered {question:?}: standard input has ended"))),
        Ok(_) => Ok(line.trim().to_string()),
        Err(error) => Err(Failure::new(format!("{question:?} could not be asked: {error}"))),
    }
}

/// As [`ask`], for a file.
pub(crate) fn ask_path(question: &str) -> Result<PathBuf, Failure> {
    let answer = ask(question)?;
    if answer.is_empty() {
        return Err(Failure::new(format!(
            "{question:?} was answered with nothing; it needs the path of a file"
        )));
    }
    Ok(answer.into())
}
