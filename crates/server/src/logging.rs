//! Where log lines go.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;

use crate::{Home, ServeError};

/// The variable that says what to log; [`DEFAULT`] without it.
const VARIABLE: &str = "STRONGROOM_LOG";
const DEFAULT: &str = "info";

/// The file that is logged to. It can be moved away while the daemon runs, and [`LogFile::reopen`] makes another.
#[derive(Clone, Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

/// Starts logging, to `daemon.log` in the home, which it returns then, or to standard error. A process that logs already
/// goes on as it does.
pub(crate) fn start(
    home: &Home,
    to_file: bool,
    configured: Option<&str>,
) -> Result<Option<LogFile>, ServeError> {
    let wanted = std::env::var(VARIABLE).ok().filter(|value| !value.is_empty());
    let (filter, bad) = match wanted.as_deref().or(configured).map(EnvFilter::try_new) {
        None => (EnvFilter::new(DEFAULT), None),
        Some(Ok(filter)) => (filter, None),
        // A typing error in it is no reason to leave keys unserved.
        Some(Err(error)) => (EnvFilter::new(DEFAULT), Some(error)),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let file = to_file.then(|| LogFile::open(home.log())).transpose()?;
    let started = match file.clone() {
        Some(file) => lines.with_writer(move || file.clone()).try_init(),
        None => lines.with_writer(io::stderr).try_init(),
    };
    if started.is_ok() {
        log_panics();
        if let Some(error) = bad {
            tracing::warn!(
                "{VARIABLE} or the configuration's `log` isn't a filter ({error}): logging {DEFAULT}"
            );
        }
    }
    Ok(file)
}

impl LogFile {
    fn open(path: PathBuf) -> Result<Self, ServeError> {
        let file = append_to(&path).map_err(|error| ServeError::io("open", &path, error))?;
        Ok(Self { path, file: Arc::new(Mutex::new(file)) })
    }

    /// Goes on in the file that has the log's name now, or in a new one.
    pub(crate) fn reopen(&self) {
        match append_to(&self.path) {
            Ok(file) => *self.file.lock() = file,
            // What there is goes on where it went before.
            Err(error) => tracing::error!("{} can't be opened again: {error}", self.path.display()),
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.lock().write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // A line isn't torn by another's.
        self.file.lock().write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// A panic is a bug: it's told with its place, whatever catches it.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let payload = info.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        tracing::error!("panic at {place}: {message}; this is a bug in strongroom, please report it");
    }));
}
