//! What ends a cluster when its test can't.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::binaries::strongroom;

/// Ends the daemon and removes the folder when this process dies without doing so, by `SIGKILL` too: a shell
/// that waits for the end of a pipe whose other end only we have.
#[derive(Debug)]
pub(super) struct Guard(Child);

impl Guard {
    pub(super) fn start(folder: &Path) -> Self {
        let shell = Command::new("/bin/sh")
            .args(["-c", r#"read _; "$1" down --home "$2/h"; rm -rf "$2""#, "guard"])
            .arg(strongroom())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What interrupts the test at the terminal mustn't end its guard.
            .process_group(0)
            .spawn();
        Self(shell.expect("a shell"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It has nothing left to do: the cluster was dropped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
