//! Starting and ending the daemon.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::Value;
use strongroom_server::Home;
use strongroom_server::control::{ControlError, ControlRequest, ControlResponse, Status, call};

use crate::output::Failure;

/// How long the daemon may take until it serves.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long the daemon may take to end.
const END_LIMIT: Duration = Duration::from_secs(30);
/// Lines of the log that are shown when the daemon died without a sentence.
const SHOWN_LINES: usize = 5;

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self::new(error.to_string())
    }
}

/// The state of the daemon that serves a home; `None` if none does.
pub(crate) fn status(home: &Home) -> Result<Option<Status>, Failure> {
    match call(home.path(), ControlRequest::Status) {
        Ok(ControlResponse::Status(status)) => Ok(Some(status)),
        Ok(_) => Err(unexpected()),
        Err(ControlError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The daemon gave an answer to another question.
pub(crate) fn unexpected() -> Failure {
    Failure::new("the daemon's answer makes no sense; restart it with  strongroom down  and  strongroom up")
}

/// Starts the daemon in the background, with the AWS API if that's wanted, and waits until it serves.
pub(crate) fn start(home: &Home, aws: Option<SocketAddr>) -> Result<Status, Failure> {
    home.prepare().map_err(|error| Failure::new(error.to_string()))?;
    let path = home.log();
    let failed = |error| Failure::new(format!("the log {} can't be opened: {error}", path.display()));
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
    // Opened again: the daemon's writing moves the place in a file that is shared with it.
    let mut new_lines = File::open(&path).map_err(failed)?;
    new_lines.seek(SeekFrom::End(0)).map_err(failed)?;
    let mut child = spawn(home, aws, &log)?;

    let deadline = Instant::now() + START_LIMIT;
    let mut pause = Duration::from_millis(2);
    loop {
        // Looked at before asking: who died after that has given no answer.
        let died = child.try_wait().ok().flatten();
        if let Some(status) = status(home)? {
            return Ok(status);
        }
        if let Some(died) = died {
            return Err(why_it_died(home, new_lines, &died.to_string()));
        }
        if Instant::now() > deadline {
            // It isn't ours to leave half-started: nobody would know of it.
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure::new(format!(
                "the daemon doesn't serve after {} seconds and was stopped; {} may say why",
                START_LIMIT.as_secs(),
                path.display()
            )));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Ends the daemon and waits until it's gone; whether there was one.
pub(crate) fn end(home: &Home) -> Result<bool, Failure> {
    let Some(status) = status(home)? else { return Ok(false) };
    // A handle on the process, since its number might be another's by the time we look again.
    let pid = i32::try_from(status.pid).ok().and_then(Pid::from_raw).ok_or_else(unexpected)?;
    let process = pidfd_open(pid, PidfdFlags::empty());
    match call(home.path(), ControlRequest::Shutdown) {
        Ok(_) => {}
        // Somebody else was faster.
        Err(ControlError::NotRunning { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let Ok(process) = process else { return Ok(true) };
    let limit = Timespec { tv_sec: END_LIMIT.as_secs().cast_signed(), tv_nsec: 0 };
    let ended =
        rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(&process.as_fd(), PollFlags::IN)], Some(&limit)));
    if ended.is_ok_and(|ready| ready > 0) {
        return Ok(true);
    }
    Err(Failure::new(format!(
        "the daemon, process {0}, was told to end but is still there after {1} seconds; kill -9 {0}  costs nothing that was \
         acknowledged",
        status.pid,
        END_LIMIT.as_secs()
    )))
}

fn spawn(home: &Home, aws: Option<SocketAddr>, log: &File) -> Result<Child, Failure> {
    let outputs = log.try_clone().and_then(|out| Ok((out, log.try_clone()?)));
    let program = env::current_exe();
    let spawned = outputs.and_then(|(out, err)| {
        Command::new(program?)
            .args(["serve", "--background", "--home"])
            .arg(home.path())
            .args(aws.map(|address| format!("--aws={address}")))
            .env_remove("STRONGROOM_HOME")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
    });
    spawned.map_err(|error| Failure::new(format!("the daemon can't be started: {error}")))
}

/// What the daemon itself said in its log, else the end of the log.
fn why_it_died(home: &Home, mut log: File, how: &str) -> Failure {
    let mut text = Vec::new();
    // Without its log all we have to tell is how it ended.
    let _ = log.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    let sentence = text.lines().rev().find_map(|line| {
        let printed: Value = serde_json::from_str(line).ok()?;
        printed.get("data")?.as_str().map(str::to_string)
    });
    if let Some(sentence) = sentence {
        return Failure::new(sentence);
    }
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
    Failure::new(format!("the daemon ended at once ({how}). The end of {}:\n{end}", home.log().display()))
}
