//! Passwords: made up, read, asked for.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use strongroom_crypto::random;
use strongroom_model::Blob;
use zeroize::Zeroizing;

use crate::output::Failure;

/// Characters in a password that was made up: 119 bits.
const MADE_UP: usize = 20;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A password as given on the command line: itself, or `-`.
#[derive(Clone)]
pub(crate) struct Given(Zeroizing<String>);

impl From<&str> for Given {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_string()))
    }
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a password")
    }
}

thread_local! {
    /// The line behind a command that takes its password from standard input.
    static FED: RefCell<Option<Zeroizing<String>>> = const { RefCell::new(None) };
}

/// Has the command that comes take this line as its password, and none later; `None`: as it finds standard input.
pub(crate) fn feed(line: Option<Zeroizing<String>>) {
    FED.set(line);
}

/// The next line of standard input, a password.
pub(crate) fn next_line() -> Result<Zeroizing<String>, Failure> {
    read_line(&mut io::stdin().lock())
        .map_err(|error| Failure::new(format!("no password could be read from standard input: {error}")))
}

impl Given {
    /// The password; `-` takes the next line of standard input.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, Failure> {
        if self.0.as_str() != "-" {
            return Ok(self.0.clone());
        }
        if let Some(line) = FED.take() {
            return Ok(line);
        }
        if io::stdin().is_terminal() {
            return ask("the password");
        }
        next_line()
    }
}

/// A password of 20 letters and digits.
pub(crate) fn make_up() -> Zeroizing<String> {
    let mut password = Zeroizing::new(String::with_capacity(MADE_UP));
    while password.len() < MADE_UP {
        // Bytes past the last whole multiple of 62 are thrown away, so that all characters are as likely.
        for byte in random::blob(MADE_UP).iter().filter(|byte| **byte < 248).take(MADE_UP - password.len()) {
            password.push(ALPHABET[usize::from(*byte % 62)].into());
        }
    }
    password
}

/// Asks at the terminal, without echo.
pub(crate) fn ask(what: &str) -> Result<Zeroizing<String>, Failure> {
    let no_terminal = |_| Failure::new(format!("{what} is needed, and there is no terminal to ask at"));
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(no_terminal)?;
    let before = tcgetattr(&terminal).map_err(|error| no_terminal(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &silent).map_err(|error| no_terminal(error.into()))?;
    let asked = write!(terminal, "{what}: ").and_then(|()| read_line(&mut io::BufReader::new(&terminal)));
    // The terminal gets its echo back whatever happened.
    let restored = tcsetattr(&terminal, OptionalActions::Flush, &before);
    let _ = writeln!(terminal);
    restored.map_err(|error| no_terminal(error.into()))?;
    asked.map_err(|error| Failure::new(format!("{what} could not be read: {error}")))
}

/// A new password: as given, else asked for twice.
pub(crate) fn new(what: &str, given: Option<&Given>) -> Result<Zeroizing<String>, Failure> {
    if let Some(given) = given {
        return given.read();
    }
    let password = ask(what)?;
    let again = ask("the same again")?;
    if password == again {
        Ok(password)
    } else {
        Err(Failure::new("the two passwords differ; nothing was changed"))
    }
}

/// As bytes for a message.
pub(crate) fn blob(password: &str) -> Blob {
    Blob::from(password.as_bytes())
}

fn read_line(from: &mut impl BufRead) -> io::Result<Zeroizing<String>> {
    // Room enough that the line doesn't move, so that no copy of it stays behind.
    let mut line = Zeroizing::new(String::with_capacity(1024));
    if from.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_passwords_are_letters_and_digits_and_differ() {
        let (one, other) = (make_up(), make_up());
        assert_eq!(one.len(), MADE_UP);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(*one, *other);
    }

    #[test]
    fn a_line_is_read_without_its_end() {
        let mut input = &b"first \r\nsecond"[..];
        assert_eq!(*read_line(&mut input).unwrap(), "first ");
        assert_eq!(*read_line(&mut input).unwrap(), "second");
        assert!(read_line(&mut input).is_err());
    }
}
