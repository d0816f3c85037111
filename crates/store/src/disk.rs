//! What the store needs of the file system beyond sled.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{Advice, fadvise, statvfs};

use crate::StoreError;

/// Bytes that stay free on the disk, so that sled can always finish what it has begun: it writes whole
/// segments of 512 KiB and moves live pages out of old ones in the background.
pub(crate) const RESERVE: u64 = 8 * 1024 * 1024;
/// Files that stay free on the disk, where it counts them.
const RESERVE_FILES: u64 = 16;
/// How many times its own size a commit may take on the disk: its pages are rewritten along with it.
const AMPLIFICATION: u64 = 4;

/// Makes the directory and what is missing above it, for the owner only, durably.
pub(crate) fn create_dir(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_dir(parent)?;
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StoreError::io("create", dir, error));
        }
        _ => {}
    }
    sync_dir(parent)
}

/// Flushes a directory: that its entries exist survives a power cut.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(|error| StoreError::io("flush", dir, error))
}

/// Takes the store's lock; it's held until the file is closed.
pub(crate) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| StoreError::io("open", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path, error)),
    }
}

/// Removes snapshots that sled didn't finish: it would take one for its newest snapshot and never open
/// again (sled issue 1527).
pub(crate) fn remove_unfinished_snapshots(dir: &Path) -> Result<(), StoreError> {
    remove_snapshots(dir, |name| name.ends_with(".generating"))
}

/// Removes all of sled's snapshots, which only make opening faster.
pub(crate) fn remove_all_snapshots(dir: &Path) -> Result<(), StoreError> {
    remove_snapshots(dir, |_| true)
}

fn remove_snapshots(dir: &Path, chosen: impl Fn(&str) -> bool) -> Result<(), StoreError> {
    let entries = std::fs::read_dir(dir).map_err(|error| StoreError::io("list", dir, error))?;
    for entry in entries {
        let path = entry.map_err(|error| StoreError::io("list", dir, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") && chosen(&name) {
            std::fs::remove_file(&path).map_err(|error| StoreError::io("remove", &path, error))?;
        }
    }
    Ok(())
}

/// A file's length; 0 if there's none.
pub(crate) fn len(path: &Path) -> Result<u64, StoreError> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(StoreError::io("look at", path, error)),
    }
}

/// Flushes a file and drops it from the page cache, so that what is read next is what the disk has.
/// Without this, a start after a failed flush would read pages that never got there.
pub(crate) fn settle(path: &Path) -> Result<(), StoreError> {
    let file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("open", path, error)),
    };
    file.sync_all()
        .and_then(|()| Ok(fadvise(&file, 0, None, Advice::DontNeed)?))
        .map_err(|error| StoreError::io("flush", path, error))
}

/// Refuses a commit of `size` bytes for which the disk has no space.
pub(crate) fn check_space(dir: &Path, size: usize) -> Result<(), StoreError> {
    let needed = RESERVE + AMPLIFICATION * size as u64;
    let free = free_space(dir)?;
    if free >= needed { Ok(()) } else { Err(StoreError::Full { dir: dir.to_owned(), needed, free }) }
}

/// The error for a disk that refused a write for lack of space.
pub(crate) fn full(dir: &Path) -> StoreError {
    let free = free_space(dir).unwrap_or(0);
    StoreError::Full { dir: dir.to_owned(), needed: RESERVE.max(free), free }
}

/// Bytes free for this user; 0 if no file could be made.
fn free_space(dir: &Path) -> Result<u64, StoreError> {
    let stat =
        statvfs(dir).map_err(|error| StoreError::io("ask for the free space of", dir, error.into()))?;
    // File systems without a fixed number of files say 0 of 0.
    let files = stat.f_files == 0 || stat.f_favail >= RESERVE_FILES;
    Ok(if files { stat.f_bavail.saturating_mul(stat.f_frsize) } else { 0 })
}

/// Whether an error says that the disk, or the quota on it, is used up.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
