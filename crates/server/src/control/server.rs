//! The daemon's side.

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::net::{Shutdown, sockopt};
use strongroom_wire::{Frames, Stream, decode};

use super::client::{send, version};
use super::message::{Call, ControlRequest, ControlResponse, MAX_MESSAGE, Refusal, VERSION};
use crate::home::check_socket_path;
use crate::listener::bind;
use crate::{Home, ServeError};

/// How long a command may take to send its request or to read the answer; and how long commands under way may take when the
/// daemon ends.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many commands are under way at most; others wait.
const MAX_COMMANDS: usize = 32;

/// Does what is asked.
pub(crate) trait Handler: Send + Sync {
    fn handle(&self, request: ControlRequest) -> Result<ControlResponse, Refusal>;
}

/// The control socket of a daemon, answered until this is dropped. Each command has a thread, since one that removes a node
/// may take half a minute.
pub(crate) struct Control {
    listener: Arc<UnixListener>,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
    under_way: Arc<UnderWay>,
}

/// Commands that aren't answered yet.
#[derive(Default)]
struct UnderWay {
    count: Mutex<usize>,
    fewer: Condvar,
}

/// One of them, until this is dropped.
struct Command(Arc<UnderWay>);

impl Control {
    /// Starts to listen. The caller holds the home's lock, so that a socket that's there is a dead daemon's.
    pub(crate) fn start(home: &Home, handler: Arc<dyn Handler>) -> Result<Self, ServeError> {
        let path = home.control();
        check_socket_path(&path)?;
        let listener = Arc::new(bind(&path, 0o600)?);
        let under_way = Arc::default();
        let (accepting, commands) = (Arc::clone(&listener), Arc::clone(&under_way));
        let thread = Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&accepting, &handler, &commands))
            .map_err(|error| ServeError::io("start a thread for", &path, error))?;
        Ok(Self { listener, path, thread: Some(thread), under_way })
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
        self.under_way.wait(0, Some(PATIENCE));
    }
}

impl UnderWay {
    /// Waits until there are so many at most, or for the time that there is.
    fn wait(&self, most: usize, patience: Option<Duration>) {
        let mut count = self.count.lock();
        match patience {
            Some(patience) => drop(self.fewer.wait_while_for(&mut count, |count| *count > most, patience)),
            None => self.fewer.wait_while(&mut count, |count| *count > most),
        }
    }
}

impl Command {
    fn begin(under_way: &Arc<UnderWay>) -> Self {
        *under_way.count.lock() += 1;
        Self(Arc::clone(under_way))
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.fewer.notify_all();
    }
}

fn accept(listener: &UnixListener, handler: &Arc<dyn Handler>, under_way: &Arc<UnderWay>) {
    loop {
        under_way.wait(MAX_COMMANDS - 1, None);
        match listener.accept() {
            Ok((socket, _)) => {
                let (handler, command) = (Arc::clone(handler), Command::begin(under_way));
                let started = Builder::new().name("command".to_owned()).spawn(move || {
                    if let Err(error) = answer(socket, &*handler) {
                        tracing::info!("a control connection ended early: {error}");
                    }
                    drop(command);
                });
                if let Err(error) = started {
                    tracing::warn!("the system gives no thread for a command: {error}");
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
