//! The module's log: off unless `STRONGROOM_LOG` names a level, to standard error or to the file that
//! `STRONGROOM_LOG_FILE` names. Never a secret: what's logged are function names, return codes and
//! the sentences of errors.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Once, OnceLock};
use std::time::SystemTime;

use strongroom_client::Logging;
use strongroom_model::{Error, ReturnCode};

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Level {
    /// What shouldn't happen.
    Error = 1,
    /// What failed for a reason that somebody can do something about.
    Warn,
    /// What happens once in a while.
    Info,
    /// What fails in the ordinary course of things.
    Debug,
    /// Every call.
    Trace,
}

impl Level {
    const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    fn parse(text: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|level| text.eq_ignore_ascii_case(level.name()))
    }
}

static LEVEL: AtomicU8 = AtomicU8::new(0);
/// Settled once: the file's name as it was at the first `C_Initialize`, from the root, since the
/// process may change its folder and its environment (clients.md, trap 4).
static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();

/// What the configuration says, settled once.
static CONFIGURED: OnceLock<Logging> = OnceLock::new();

/// Reads the environment, and sends the message of a panic to the log instead of standard error.
pub(crate) fn set_up() {
    FILE.get_or_init(|| {
        let name = std::env::var_os("STRONGROOM_LOG_FILE").filter(|name| !name.is_empty())?;
        std::path::absolute(name).ok()
    });
    let level = std::env::var_os("STRONGROOM_LOG").and_then(|text| Level::parse(&text));
    LEVEL.store(level.map_or(0, |level| level as u8), Ordering::Relaxed);
    static HOOK: Once = Once::new();
    // The standard library in this module is its own: a host that is written in Rust keeps its hook.
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|panic| match panic.location() {
            Some(place) => write(Level::Error, format_args!("panic at {}:{}", place.file(), place.line())),
            None => write(Level::Error, format_args!("panic")),
        }));
    });
}

/// Takes what the configuration says of the log, where the environment says nothing.
pub(crate) fn configured(logging: &Logging) {
    if std::env::var_os("STRONGROOM_LOG").is_some_and(|level| !level.is_empty()) {
        return;
    }
    let Some(level) = logging.log_level.as_deref().and_then(|level| Level::parse(level.as_ref())) else {
        return;
    };
    CONFIGURED.get_or_init(|| logging.clone());
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Whether lines of this level are written.
pub(crate) fn enabled(level: Level) -> bool {
    LEVEL.load(Ordering::Relaxed) >= level as u8
}

/// Writes a line.
pub(crate) fn write(level: Level, message: fmt::Arguments<'_>) {
    if !enabled(level) {
        return;
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let line = format!(
        "{}.{:03} strongroom[{}] {}: {message}\n",
        now.as_secs(),
        now.subsec_millis(),
        std::process::id(),
        level.name()
    );
    let configured = || CONFIGURED.get().and_then(|logging| logging.file_at(now.as_secs()));
    // A log that can't be written must not become the application's problem.
    let _ = match FILE.get().cloned().flatten().or_else(configured) {
        // Opened for each line: a descriptor that is kept may come to mean something else when the
        // application closes all descriptors that it doesn't know (clients.md, trap 17).
        Some(path) => std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes())),
        // Not through the standard library: its lock may be held by a thread that a fork left behind.
        // SAFETY: writes bytes that are there; descriptor 2 is standard error by convention.
        _ => match unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) } {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        },
    };
}

/// Takes what the client has to say.
pub(crate) fn of_client(level: strongroom_client::Level, message: &str) {
    let level = match level {
        strongroom_client::Level::Error => Level::Error,
        strongroom_client::Level::Warn => Level::Warn,
        strongroom_client::Level::Info => Level::Info,
        strongroom_client::Level::Debug => Level::Debug,
        strongroom_client::Level::Trace => Level::Trace,
    };
    write(level, format_args!("{message}"));
}

/// Writes what a function failed with.
pub(crate) fn failure(function: &str, error: &Error) {
    let level = match error.code {
        ReturnCode::GENERAL_ERROR | ReturnCode::HOST_MEMORY => Level::Error,
        // How clients find their way; nothing is wrong.
        ReturnCode::BUFFER_TOO_SMALL
        | ReturnCode::CRYPTOKI_ALREADY_INITIALIZED
        | ReturnCode::USER_ALREADY_LOGGED_IN
        | ReturnCode::ATTRIBUTE_TYPE_INVALID
        | ReturnCode::ATTRIBUTE_SENSITIVE
        | ReturnCode::FUNCTION_NOT_SUPPORTED
        | ReturnCode::SIGNATURE_INVALID => Level::Debug,
        _ if error.message.is_empty() => Level::Info,
        _ => Level::Warn,
    };
    write(level, format_args!("{function}: {error}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names() {
        for level in Level::ALL {
            assert_eq!(Level::parse(OsStr::new(&level.name().to_uppercase())), Some(level));
        }
        assert_eq!(Level::parse(OsStr::new("loud")), None);
        assert!(Level::Error < Level::Trace);
    }
}
