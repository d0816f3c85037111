//! Reading and writing files whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use strongroom_model::Blob;

use crate::output::Failure;

/// Replaces a file in one step, durably, with these permissions whatever the umask: a reader sees the
/// old content or the new, also after a crash.
pub(crate) fn replace(path: &Path, mode: u32, content: &[u8]) -> Result<(), Failure> {
    write_beside(path, mode, content)
        .map_err(|error| Failure::new(format!("{} can't be written: {error}", path.display())))
}

/// The content of a file; `None` if there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(format!("{} can't be read: {error}", path.display()))),
    }
}

/// The content of a file that somebody names.
pub(crate) fn read_data(path: &Path) -> Result<Blob, Failure> {
    read(path)?.map(Blob::from).ok_or_else(|| Failure::new(format!("there is no file {}", path.display())))
}

fn write_beside(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let beside = folder.join(name);
    let outcome =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).and_then(
            |mut file| {
                file.set_permissions(fs::Permissions::from_mode(mode))?;
                file.write_all(content)?;
                file.sync_all()?;
                fs::rename(&beside, path)?;
                File::open(folder)?.sync_all()
            },
        );
    if outcome.is_err() {
        let _ = fs::remove_file(&beside);
    }
    outcome
}
