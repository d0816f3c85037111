//! Where messages for people go.

use std::fmt;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is wrong, but work goes on.
    Warn,
    /// Something changed: a node is gone or back.
    Info,
    /// For finding out why.
    Debug,
    /// Every step.
    Trace,
}

/// Receives what the client has to say. It must neither panic nor call the client. Messages never
/// hold key material or passwords.
pub type LogFn = fn(Level, &str);

/// A place to log to, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log(Option<LogFn>);

impl Log {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) const fn to(function: LogFn) -> Self {
        Self(Some(function))
    }

    /// Logs; formats only if somebody listens.
    pub(crate) fn say(self, level: Level, message: fmt::Arguments<'_>) {
        if let Some(function) = self.0 {
            function(level, &message.to_string());
        }
    }
}
