//! Where lines come from: a person at a terminal, or a file or program at standard input.

use std::io::{self, IsTerminal};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};
use zeroize::Zeroizing;

use super::complete::Assistant;
use super::grammar::Grammar;
use super::history;
use super::words::split;
use crate::output::Failure;

const PROMPT: &str = "strongroom> ";

/// One line after the other.
pub(crate) enum Lines {
    /// With editing, history and completion.
    Typed(Box<Editor<Assistant, FileHistory>>),
    /// As they come.
    Read,
}

impl Lines {
    pub(crate) fn new(grammar: &Grammar) -> Result<Self, Failure> {
        if !io::stdin().is_terminal() {
            return Ok(Self::Read);
        }
        let failed = |error: ReadlineError| Failure::new(format!("the terminal can't be used: {error}"));
        let config = Config::builder().max_history_size(history::KEPT).map_err(failed)?.build();
        let mut editor = Editor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(Assistant::new(grammar.clone())));
        if let Some(file) = history::file() {
            // A history that can't be read is no reason not to work.
            let _ = editor.load_history(&file);
        }
        Ok(Self::Typed(Box::new(editor)))
    }

    /// Whether a person types them.
    pub(crate) const fn are_typed(&self) -> bool {
        matches!(self, Self::Typed(_))
    }

    /// The next line; `None` at the end. One that has a password isn't remembered.
    pub(crate) fn next(&mut self) -> Result<Option<Zeroizing<String>>, Failure> {
        let Self::Typed(editor) = self else { return read() };
        loop {
            match editor.readline(PROMPT).map(Zeroizing::new) {
                Ok(line) => {
                    if split(&line).is_ok_and(|words| history::may_keep(&words)) {
                        remember(editor, &line);
                    }
                    return Ok(Some(line));
                }
                // The line is thrown away, as in a shell.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(Failure::new(format!("the terminal can't be read: {error}"))),
            }
        }
    }
}

fn remember(editor: &mut Editor<Assistant, FileHistory>, line: &str) {
    let added = editor.add_history_entry(line).unwrap_or(false);
    if let Some(file) = history::file().filter(|_| added) {
        // As above; and a crash later loses nothing.
        let _ = editor.append_history(&file);
    }
}

fn read() -> Result<Option<Zeroizing<String>>, Failure> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    match io::stdin().read_line(&mut line) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(line)),
        Err(error) => Err(Failure::new(format!("standard input can't be read: {error}"))),
    }
}
