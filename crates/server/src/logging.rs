//! Where log lines go.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use crate::{Home, ServeError};

/// The variable that says what to log; [`DEFAULT`] without it.
const VARIABLE: &str = "STRONGROOM_LOG";
const DEFAULT: &str = "info";

/// Starts logging, to `daemon.log` in the home or to standard error. A process that logs already goes on as it does.
pub(crate) fn start(home: &Home, to_file: bool, configured: Option<&str>) -> Result<(), ServeError> {
    let wanted = std::env::var(VARIABLE).ok().filter(|value| !value.is_empty());
    let (filter, bad) = match wanted.as_deref().or(configured).map(EnvFilter::try_new) {
        None => (EnvFilter::new(DEFAULT), None),
        Some(Ok(filter)) => (filter, None),
        // A typing error in it is no reason to leave keys unserved.
        Some(Err(error)) => (EnvFilter::new(DEFAULT), Some(error)),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let started = if to_file {
        let path = home.log();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| ServeError::io("open", &path, error))?;
        lines.with_writer(Mutex::new(file)).try_init()
    } else {
        lines.with_writer(std::io::stderr).try_init()
    };
    if started.is_ok() {
        log_panics();
        if let Some(error) = bad {
            tracing::warn!(
                "{VARIABLE} or the configuration's `log` isn't a filter ({error}): logging {DEFAULT}"
            );
        }
    }
    Ok(())
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
