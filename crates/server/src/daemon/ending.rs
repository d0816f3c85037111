//! Ending a cluster for good. What is left of one by a crash is removed at the next start, before anything is opened.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Home, ServeError};

/// Behind a cluster's name: it's being removed.
const MARK: &str = "removing";

/// Says that a cluster is to be gone: from then on nobody opens it.
pub(super) fn mark(home: &Home, name: &str) -> io::Result<()> {
    File::create(mark_of(home, name))?.sync_all()?;
    sync(&home.clusters())
}

/// Takes that back.
pub(super) fn unmark(home: &Home, name: &str) -> io::Result<()> {
    fs::remove_file(mark_of(home, name))?;
    sync(&home.clusters())
}

/// Removes what a cluster has left on the disk, and then its mark. Its audit logs stay.
pub(super) fn remove(home: &Home, name: &str) -> io::Result<()> {
    let dir = home.cluster(name);
    gone(fs::remove_file(dir.with_file_name(format!("{name}.witness"))))?;
    gone(fs::remove_dir_all(&dir))?;
    sync(&home.clusters())?;
    unmark(home, name)
}

/// Removes what was still to be removed when the daemon ended.
pub(super) fn finish(home: &Home) -> Result<(), ServeError> {
    let dir = home.clusters();
    let unreadable = |error| ServeError::io("read", &dir, error);
    for entry in fs::read_dir(&dir).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(MARK)?.strip_suffix('.'));
        if let Some(name) = name {
            remove(home, name).map_err(|error| ServeError::io("remove", &home.cluster(name), error))?;
            tracing::info!("removed what was left of cluster {name}");
        }
    }
    Ok(())
}

fn mark_of(home: &Home, name: &str) -> PathBuf {
    home.clusters().join(format!("{name}.{MARK}"))
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_gone_after_a_start_and_what_is_not_stays() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().join("home"));
        home.prepare().unwrap();
        for name in ["going", "half-gone", "staying"] {
            fs::create_dir(home.cluster(name)).unwrap();
            fs::write(home.cluster(name).join("db"), "content").unwrap();
            fs::write(home.clusters().join(format!("{name}.witness")), "witness").unwrap();
        }
        mark(&home, "going").unwrap();
        mark(&home, "half-gone").unwrap();
        fs::remove_dir_all(home.cluster("half-gone")).unwrap();
        mark(&home, "staying").unwrap();
        unmark(&home, "staying").unwrap();
        finish(&home).unwrap();
        let mut left: Vec<_> = fs::read_dir(home.clusters())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["staying", "staying.witness"]);
    }
}
