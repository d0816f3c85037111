//! The command's side.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use serde::Deserialize;
use strongroom_wire::{Frames, Stream, decode, encode};
use zeroize::Zeroize;

use super::message::{Call, ControlRequest, ControlResponse, MAX_MESSAGE, Refusal, VERSION};
use crate::Home;

/// How long a daemon may take to answer. Making a cluster hashes each user's password on purpose slowly.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why there's no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// No daemon serves this home.
    #[error("no daemon runs in {}: start one with  strongroom up --home {}", home.display(), home.display())]
    NotRunning {
        /// The home.
        home: PathBuf,
    },
    /// There is a cluster of this name already; it's as it was.
    #[error("there is a cluster of this name already")]
    Exists,
    /// The daemon refused: its sentence.
    #[error("{0}")]
    Refused(String),
    /// The daemon is of another version.
    #[error("the daemon in {} is of another version than this command: restart it with  strongroom down  and  strongroom up", home.display())]
    Version {
        /// The home.
        home: PathBuf,
    },
    /// The connection failed.
    #[error("cannot talk to the daemon by {}: {error}", socket.display())]
    Io {
        /// The control socket.
        socket: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
}

/// Asks the daemon that serves a home.
///
/// # Errors
///
/// [`ControlError::NotRunning`] if none does, else see [`ControlError`].
pub fn call(home: &Path, request: ControlRequest) -> Result<ControlResponse, ControlError> {
    let home = Home::new(home);
    let socket = home.control();
    let failed = |error| ControlError::Io { socket: socket.clone(), error };
    let mut stream = match Stream::connect(&socket) {
        Ok(stream) => stream,
        Err(error) if is_absent(&error) => {
            return Err(ControlError::NotRunning { home: home.path().to_owned() });
        }
        Err(error) => return Err(failed(error)),
    };
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;

    send(&mut stream, &Call { version: VERSION, body: request }).map_err(failed)?;
    let mut frames = Frames::new();
    let body = frames.next(&mut stream, MAX_MESSAGE).map_err(failed)?;
    let body = body.ok_or_else(|| failed(io::ErrorKind::UnexpectedEof.into()))?;
    let other_version = || ControlError::Version { home: home.path().to_owned() };
    if version(body) != Some(VERSION) {
        return Err(other_version());
    }
    let answer: Call<Result<ControlResponse, Refusal>> = decode(body).map_err(|_| other_version())?;
    answer.body.map_err(|refusal| match refusal {
        Refusal::Exists => ControlError::Exists,
        Refusal::Failed(sentence) => ControlError::Refused(sentence),
    })
}

/// Sends one message and wipes what carried it.
pub(super) fn send(stream: &mut Stream, message: &impl serde::Serialize) -> io::Result<()> {
    let mut frame = Vec::new();
    encode(message, &mut frame)?;
    let sent = io::Write::write_all(stream, &frame);
    frame.zeroize();
    sent
}

/// The version that a message was written in, whatever follows it.
pub(super) fn version(body: &[u8]) -> Option<u16> {
    #[derive(Deserialize)]
    struct Version(u16);

    // A version has one to three bytes in postcard's encoding.
    (1..=3).find_map(|len| decode::<Version>(body.get(..len)?).ok()).map(|Version(version)| version)
}

fn is_absent(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::NOENT | Errno::CONNREFUSED | Errno::NOTDIR))
}
