//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use strongroom_cluster::MAX_IMAGE;

const MODE: u32 = 0o600;

/// Writes a file in the place of whatever is there.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path)
}

/// Writes a file where there is none.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), String> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(path);
        }
        written.and_then(|()| sync_folder(path))
    };
    write().map_err(|error: io::Error| format!("{} can't be written: {error}", path.display()))
}

/// Removes a file so that it stays gone.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => sync_folder(path),
    }
}

/// An image, of no more than the largest there can be.
pub(super) fn read_image(path: &Path) -> Result<Vec<u8>, String> {
    let read = || {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it isn't a file"));
        }
        let mut image = Vec::new();
        file.take(MAX_IMAGE as u64 + 1).read_to_end(&mut image)?;
        Ok(image)
    };
    read().map_err(|error| format!("{} can't be read: {error}", path.display()))
}

/// What is said of a file that can't be written.
pub(super) fn unwritten(path: &Path, error: &io::Error) -> String {
    format!("{} can't be written: {error}; make room or mend the disk, and try again", path.display())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
