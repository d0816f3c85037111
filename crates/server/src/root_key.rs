//! The home's keys: the root key, and the maker's root of all backups. Made at the first start, read ever after.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use strongroom_crypto::seal::SealingKey;
use strongroom_model::Blob;

use crate::home::check_private;
use crate::{Home, ServeError, files};

/// Reads the home's root key, or makes one for a home that has no clusters yet.
pub(crate) fn load_or_make(home: &Home) -> Result<SealingKey, ServeError> {
    let missing =
        "it's missing, and without it the clusters in this home can't be opened: put back a copy of the file";
    load(home.root_key(), || Ok(has_clusters(home)?.then_some(missing)))
}

/// Reads the maker's root of all backups, or makes one for a home that has no backups yet.
pub(crate) fn load_or_make_maker(home: &Home, has_backups: bool) -> Result<SealingKey, ServeError> {
    let missing =
        "it's missing, and without it the backups in this home can't be read: put back a copy of the file";
    load(home.maker_key(), || Ok(has_backups.then_some(missing)))
}

/// `needed` says why none may be made.
fn load(
    path: PathBuf,
    needed: impl FnOnce() -> Result<Option<&'static str>, ServeError>,
) -> Result<SealingKey, ServeError> {
    match fs::read(&path) {
        Ok(bytes) => {
            let bytes = Blob::from(bytes);
            check_private(&path, 0o077, 0o600)?;
            SealingKey::from_bytes(bytes)
                .map_err(|error| problem(&path, format!("{}; put back a copy of the file", error.message)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(missing) = needed()? {
                return Err(problem(&path, missing.to_owned()));
            }
            make(&path)
        }
        Err(error) => Err(ServeError::io("read", &path, error)),
    }
}

fn make(path: &Path) -> Result<SealingKey, ServeError> {
    let key = SealingKey::generate();
    files::replace(path, &key.to_bytes(), files::PRIVATE)
        .map_err(|error| ServeError::io("write", path, error))?;
    tracing::info!("made the key {}: keep a copy of it in a safe place", path.display());
    Ok(key)
}

fn has_clusters(home: &Home) -> Result<bool, ServeError> {
    let dir = home.clusters();
    let mut entries = fs::read_dir(&dir).map_err(|error| ServeError::io("read", &dir, error))?;
    Ok(entries.next().is_some())
}

fn problem(path: &Path, problem: String) -> ServeError {
    ServeError::RootKey { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().join("home"));
        home.prepare().unwrap();
        (dir, home)
    }

    #[test]
    fn the_key_is_made_once_and_only_ours() {
        let (_dir, home) = home();
        let first = load_or_make(&home).unwrap().to_bytes();
        assert_eq!(load_or_make(&home).unwrap().to_bytes(), first);
        assert_eq!(fs::metadata(home.root_key()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_is_exposed_damaged_or_missing_is_refused() {
        let (_dir, home) = home();
        load_or_make(&home).unwrap();
        fs::set_permissions(home.root_key(), fs::Permissions::from_mode(0o640)).unwrap();
        let error = load_or_make(&home).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");

        fs::set_permissions(home.root_key(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(home.root_key(), b"short").unwrap();
        let error = load_or_make(&home).unwrap_err().to_string();
        assert!(error.contains("copy"), "{error}");

        fs::remove_file(home.root_key()).unwrap();
        fs::create_dir(home.cluster("default")).unwrap();
        let error = load_or_make(&home).unwrap_err().to_string();
        assert!(error.contains("missing"), "{error}");
        assert!(!home.root_key().exists());
    }
}
