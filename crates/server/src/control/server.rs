//! The daemon's side.

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{Shutdown, sockopt};
use strongroom_wire::{Frames, Stream, decode};

use super::client::{send, version};
use super::message::{Call, ControlRequest, ControlResponse, MAX_MESSAGE, Refusal, VERSION};
use crate::home::check_socket_path;
use crate::listener::bind;
use crate::{Home, ServeError};

/// How long a command may take to send its request or to read the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does what is asked.
pub(crate) trait Handler: Send + Sync {
    fn handle(&self, request: ControlRequest) -> Result<ControlResponse, Refusal>;
}

/// The control socket of a daemon, answered one request at a time until this is dropped.
pub(crate) struct Control {
    listener: Arc<UnixListener>,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Starts to listen. The caller holds the home's lock, so that a socket that's there is a dead daemon's.
    pub(crate) fn start(home: &Home, handler: Arc<dyn Handler>) -> Result<Self, ServeError> {
        let path = home.control();
        check_socket_path(&path)?;
        let listener = Arc::new(bind(&path, 0o600)?);
        let accepting = Arc::clone(&listener);
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&accepting, &*handler))
            .map_err(|error| ServeError::io("start a thread for", &path, error))?;
        Ok(Self { listener, path, thread: Some(thread) })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Removed first, so that who finds no socket knows that nobody answers.
        let _ = fs::remove_file(&self.path);
        let _ = rustix::net::shutdown(&*self.listener, Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &UnixListener, handler: &dyn Handler) {
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                if let Err(error) = answer(socket, handler) {
                    tracing::info!("a control connection ended early: {error}");
                }
            }
            // The listener was shut down.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
            Err(error) => {
                tracing::warn!("no control connection was accepted: {error}");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn answer(socket: UnixStream, handler: &dyn Handler) -> io::Result<()> {
    let peer = sockopt::socket_peercred(&socket)?;
    if !peer.uid.is_root() && peer.uid != rustix::process::geteuid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the peer is another user"));
    }
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut stream = Stream::new(socket);
    let mut frames = Frames::new();
    let Some(body) = frames.next(&mut stream, MAX_MESSAGE)? else { return Ok(()) };
    let result = if version(body) == Some(VERSION) {
        let call: Call<ControlRequest> = decode(body)?;
        let handled = catch_unwind(AssertUnwindSafe(|| handler.handle(call.body)));
        handled.unwrap_or_else(|_| Err(Refusal::Failed("it failed by a bug, which the log tells".to_owned())))
    } else {
        Err(Refusal::Failed("the command is of another version than the daemon".to_owned()))
    };
    frames.wipe();
    send(&mut stream, &Call { version: VERSION, body: result })
}
