//! Why there is no TLS.

use std::path::PathBuf;

/// Why certificates or keys can't be used: what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A file doesn't have what it should.
    Invalid {
        /// The file.
        file: PathBuf,
        /// What is wrong with it and what to do.
        why: String,
    },
    /// A certificate or key that is no file's.
    Unusable(String),
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable { file, why } => write!(f, "{} can't be read: {why}", file.display()),
            Self::Invalid { file, why } => write!(f, "{}: {why}", file.display()),
            Self::Unusable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TlsError {}
