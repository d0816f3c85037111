//! A stream that is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use strongroom_model::{Error, Result, ReturnCode};
use strongroom_node::audit::{AuditSink, Event, log_damaged};

use super::chain::{ChainKey, Hash, Head, START, hash, hex};
use super::files::{self, HEAD};
use super::record::{Place, Record};
use super::settler::Settler;
use super::verify::{Anchor, Checker};
use super::{MAX_FILE, MAX_FILES, MAX_GROUP, MAX_PENDING};
use crate::ServeError;
use crate::home::make_directory;

/// Disk space that is kept free for records of requests that have begun.
const MARGIN: u64 = 256 * 1024;

/// A node's stream on disk. A record is in the file, by one write(2), before its request is answered, so it survives
/// the daemon's death, if not that of the machine: nothing is flushed to the disk itself.
pub(crate) struct FileSink {
    dir: PathBuf,
    hsm: String,
    key: ChainKey,
    reboot_counter: AtomicU64,
    /// Microseconds since 1970.
    clock: fn() -> u64,
    /// Who writes the head a moment later; without one it's written with each group of records.
    settler: Option<Arc<Settler>>,
    state: Mutex<State>,
}

struct State {
    file: File,
    number: u32,
    /// Where the last whole record ends.
    len: u64,
    /// Up to where the file has been promised space.
    reserved: u64,
    /// Whether something is behind `len` that doesn't belong there.
    torn: bool,
    /// The next record's number.
    next: u64,
    /// The last record's hash.
    previous: Hash,
    head: File,
    /// How many records the head is behind the last one.
    behind: usize,
    /// What couldn't be written yet, and when it happened.
    pending: Vec<(u64, Event)>,
    /// How many events found no place there.
    lost: u64,
}

/// What a stream was found to be when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There was nothing at all.
    Nothing,
    /// It has no records yet.
    Empty,
    /// It has records.
    Records,
}

impl FileSink {
    /// Opens or begins a stream. What is damaged is left as it is: the stream goes on in a new file, whose first record
    /// says so.
    pub(crate) fn open(
        dir: &Path,
        hsm: &str,
        key: &ChainKey,
        reboot_counter: u64,
        clock: fn() -> u64,
    ) -> std::result::Result<(Self, Found), ServeError> {
        make_directory(dir, 0o700)?;
        let numbers = files::numbers(dir)?;
        let head_line = files::read_head(dir)?;
        let io = |action, path: &Path, error: io::Error| ServeError::io(action, path, error);
        let head_path = dir.join(HEAD);
        let open_head = || open(&head_path, false).map_err(|error| io("open", &head_path, error));

        let end = End::find(dir, hsm, key, &numbers, head_line.as_deref())?;
        let is_new = head_line.is_none() && !end.has_records && numbers.len() <= 1;
        let found = match (is_new, end.next) {
            (true, _) => Found::Nothing,
            (false, 0) => Found::Empty,
            _ => Found::Records,
        };
        let damage = end.damage.filter(|_| !is_new);
        let last = numbers.last().copied();
        let number = match (last, &damage) {
            (None, _) => 0,
            (Some(last), None) => last,
            (Some(last), Some(_)) => last.saturating_add(1),
        };
        let path = files::path(dir, number);
        let file = open(&path, true).map_err(|error| io("open", &path, error))?;
        let len = if damage.is_some() || last.is_none() { 0 } else { end.len };
        // What a killed daemon hadn't finished was never acknowledged.
        file.set_len(len).map_err(|error| io("shorten", &path, error))?;
        let state = State {
            file,
            number,
            len,
            reserved: 0,
            torn: false,
            next: end.next,
            previous: end.previous,
            head: open_head()?,
            behind: 0,
            pending: Vec::new(),
            lost: 0,
        };
        let sink = Self {
            dir: dir.to_owned(),
            hsm: hsm.to_owned(),
            key: key.clone(),
            reboot_counter: AtomicU64::new(reboot_counter),
            clock,
            settler: None,
            state: Mutex::new(state),
        };
        if damage.is_none() {
            sink.write_head(&mut sink.state.lock()).map_err(|error| io("write", &head_path, error))?;
        }
        if let Some(what) = damage {
            tracing::error!(
                "the audit log {} isn't as it was written: {what}; see  strongroom audit verify",
                dir.display()
            );
            let told = sink.write(&[log_damaged(what)]);
            told.map_err(|error| io("write", &path, io::Error::other(error.message)))?;
        }
        Ok((sink, found))
    }

    /// Notes that the node has started again.
    pub(crate) fn restarted(&self, reboot_counter: u64) {
        self.reboot_counter.store(reboot_counter, Ordering::Relaxed);
    }

    /// The stream's name.
    pub(crate) fn hsm(&self) -> &str {
        &self.hsm
    }

    /// The last record that was written.
    pub(crate) fn last(&self) -> Option<Anchor> {
        let state = self.state.lock();
        let sequence = state.next.checked_sub(1)?;
        Some(Anchor { sequence, hash: hex(&state.previous) })
    }

    /// Exchanges the file for one that can't be written, and back.
    #[cfg(test)]
    pub(super) fn break_for_test(&self, broken: bool) {
        let mut state = self.state.lock();
        let path = files::path(&self.dir, state.number);
        state.file = if broken { File::open(&path) } else { open(&path, true) }.unwrap();
    }

    /// Writes what waits, in groups.
    fn flush(&self, state: &mut State) -> io::Result<()> {
        while !state.pending.is_empty() {
            if state.len >= MAX_FILE {
                self.turn(state)?;
            }
            let count = state.pending.len().min(MAX_GROUP);
            // A head that is further behind isn't the daemon's.
            if state.behind + count > MAX_GROUP {
                self.write_head(state)?;
            }
            let (mut lines, mut next, mut previous) = (Vec::new(), state.next, state.previous);
            for (time_usecs, event) in &state.pending[..count] {
                let place = Place {
                    hsm: &self.hsm,
                    time_usecs: *time_usecs,
                    sequence: next,
                    reboot_counter: self.reboot_counter.load(Ordering::Relaxed),
                    previous: &previous,
                };
                let line = self.key.seal(&Record::new(event, &place));
                previous = hash(&line);
                next += 1;
                lines.extend_from_slice(&line);
                lines.push(b'\n');
            }
            state.append(&lines)?;
            (state.next, state.previous) = (next, previous);
            state.pending.drain(..count);
            state.behind += count;
            if self.settler.is_none() {
                self.write_head(state)?;
            }
        }
        match &self.settler {
            Some(settler) if state.behind > 0 => settler.wake(),
            _ => {}
        }
        Ok(())
    }

    /// Has the head written by a settler, a moment after the records.
    pub(crate) fn settled_by(self, settler: &Arc<Settler>) -> Self {
        Self { settler: Some(Arc::clone(settler)), ..self }
    }

    /// Writes the head if it's behind, and what couldn't be written before.
    pub(crate) fn settle(&self) {
        let mut state = self.state.lock();
        let settled = self
            .flush(&mut state)
            .and_then(|()| if state.behind > 0 { self.write_head(&mut state) } else { Ok(()) });
        if let Err(error) = settled {
            tracing::error!("the audit log {} can't be written: {error}", self.dir.display());
        }
    }

    fn write_head(&self, state: &mut State) -> io::Result<()> {
        let head = Head { hsm: self.hsm.clone(), sequence: state.next.checked_sub(1), hash: state.previous };
        state.head.write_all_at(&self.key.seal_head(&head), 0)?;
        state.behind = 0;
        Ok(())
    }

    /// Goes on to the next file.
    fn turn(&self, state: &mut State) -> io::Result<()> {
        let number = state.number + 1;
        if number >= MAX_FILES {
            let what = format!("it has {MAX_FILES} files, which is the most: move the cluster to a new home");
            return Err(io::Error::new(io::ErrorKind::StorageFull, what));
        }
        let file = open(&files::path(&self.dir, number), true)?;
        // The old one gives back what it was promised and didn't need.
        state.file.set_len(state.len)?;
        state.file = file;
        (state.number, state.len, state.reserved) = (number, 0, 0);
        Ok(())
    }

    fn refusal(&self, error: &io::Error) -> Error {
        let dir = self.dir.display();
        if is_full(error) {
            let message = format!(
                "there's no room for the audit log {dir}, so nothing is done that it must tell of: free some disk space; \
                 uses of keys go on meanwhile"
            );
            return Error::new(ReturnCode::DEVICE_MEMORY, message);
        }
        let message = format!(
            "the audit log {dir} can't be written ({error}), so nothing is done that it must tell of: look at the disk"
        );
        Error::new(ReturnCode::DEVICE_ERROR, message)
    }
}

impl AuditSink for FileSink {
    fn reserve(&self) -> Result<()> {
        let mut state = self.state.lock();
        let mut make_ready = || {
            self.flush(&mut state)?;
            if state.len >= MAX_FILE {
                self.turn(&mut state)?;
            }
            state.reserve()
        };
        make_ready().map_err(|error| self.refusal(&error))
    }

    fn write(&self, events: &[Event]) -> Result<()> {
        let now = (self.clock)();
        let mut state = self.state.lock();
        let room = MAX_PENDING.saturating_sub(state.pending.len()).min(events.len());
        state.pending.extend(events[..room].iter().map(|event| (now, event.clone())));
        state.lost += (events.len() - room) as u64;
        let written = self.flush(&mut state).and_then(|()| {
            let lost = std::mem::take(&mut state.lost);
            if lost > 0 {
                let note =
                    format!("{lost} events weren't kept, since the log couldn't be written for too long");
                state.pending.push((now, log_damaged(note)));
            }
            self.flush(&mut state)
        });
        written.map_err(|error| {
            let Error { code, message } = self.refusal(&error);
            Error::new(code, format!("this was done, but isn't in the audit log yet: {message}"))
        })
    }
}

impl State {
    /// Appends whole lines by one write.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.len)?;
            self.torn = false;
        }
        let written = self.file.write(lines);
        if matches!(written, Ok(len) if len == lines.len()) {
            self.len += lines.len() as u64;
            return Ok(());
        }
        self.torn = self.file.set_len(self.len).is_err();
        Err(written.err().unwrap_or_else(|| io::ErrorKind::StorageFull.into()))
    }

    /// Has the file system promise space for the next records.
    fn reserve(&mut self) -> io::Result<()> {
        if self.len + MARGIN <= self.reserved {
            return Ok(());
        }
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, self.len, 2 * MARGIN) {
            Ok(()) => self.reserved = self.len + 2 * MARGIN,
            // File systems that can't promise: what's full is then found too late to refuse, but not to tell.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.reserved = u64::MAX,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Where a stream ends, and whether that's where it ended.
struct End {
    next: u64,
    previous: Hash,
    /// Where the last whole record ends in the last file.
    len: u64,
    has_records: bool,
    damage: Option<String>,
}

impl End {
    fn find(
        dir: &Path,
        hsm: &str,
        key: &ChainKey,
        numbers: &[u32],
        head_line: Option<&[u8]>,
    ) -> std::result::Result<Self, ServeError> {
        let head = head_line.map(|line| key.open_head(line));
        let mut checker = Checker::of_end(key, hsm, head.clone());
        let (mut len, mut has_records) = (0, false);
        // The last file is empty when the daemon was killed after it had begun it.
        for (at, number) in numbers.iter().enumerate().skip(numbers.len().saturating_sub(2)) {
            let path = files::path(dir, *number);
            let content = files::contents(&path).map_err(|error| ServeError::io("read", &path, error))?;
            let is_last = at + 1 == numbers.len();
            let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            if is_last && whole > 0 {
                // What was wrong before this file has been told.
                checker = Checker::of_end(key, hsm, head.clone());
            }
            checker.file(&path.to_string_lossy(), &content, is_last);
            len = whole as u64;
            has_records |= whole > 0;
        }
        let last = checker.last();
        let report = checker.finish();
        let damage = report.problems.first().map(|problem| format!("{}: {}", problem.file, problem.what));
        let of_head = head.flatten().and_then(|head| head.sequence.map(|sequence| (sequence, head.hash)));
        // No number comes twice, whichever of the two is right.
        let end = last.max(of_head);
        Ok(Self {
            next: end.map_or(0, |(sequence, _)| sequence + 1),
            previous: end.map_or(START, |(_, hash)| hash),
            len,
            has_records,
            damage,
        })
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn open(path: &Path, append: bool) -> io::Result<File> {
    let file =
        OpenOptions::new().write(true).append(append).create(true).truncate(false).mode(0o600).open(path)?;
    let mut permissions = file.metadata()?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    fs::set_permissions(path, permissions)?;
    Ok(file)
}
