//! What backups there are: for each its image ([`Images`]) and a file that tells of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use strongroom_crypto::random;

use super::bucket::Bucket;
use super::images::Images;
use crate::ServeError;
use crate::control::{BackupInfo, BackupState};
use crate::files;

/// The characters of AWS's ids (control-plane.md), without those that come in two cases.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const ID_LEN: usize = 16;

/// The backups of a home.
pub(super) struct Catalogue {
    folder: PathBuf,
    images: Images,
    entries: Mutex<BTreeMap<String, BackupInfo>>,
    last_number: AtomicU64,
}

/// A name that no other backup has.
pub(super) fn new_id() -> String {
    let letters = random::bytes::<ID_LEN>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    format!("backup-{}", letters.iter().collect::<String>())
}

impl Catalogue {
    /// Reads what there is. An entry that can't be read is left alone, and told of.
    pub(super) fn open(folder: &Path, bucket: Option<Bucket>) -> Result<Self, ServeError> {
        let unreadable = |error| ServeError::io("read", folder, error);
        let mut entries = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            match path.extension().and_then(OsStr::to_str) {
                // What was being written when the daemon was killed.
                Some("new") => {
                    files::remove(&path).map_err(|error| ServeError::io("remove", &path, error))?
                }
                Some("json") => match read_entry(&path) {
                    Ok(info) => {
                        entries.insert(info.id.clone(), info);
                    }
                    Err(problem) => tracing::warn!("{} is left alone: {problem}", path.display()),
                },
                _ => {}
            }
        }
        let images = Images::new(folder, bucket);
        let last = entries.values().map(|info| info.number).max().unwrap_or(0);
        Ok(Self {
            folder: folder.to_owned(),
            images,
            entries: Mutex::new(entries),
            last_number: AtomicU64::new(last),
        })
    }

    pub(super) fn images(&self) -> &Images {
        &self.images
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.lock().is_empty()
    }

    /// The oldest first.
    pub(super) fn list(&self) -> Vec<BackupInfo> {
        let mut all: Vec<_> = self.entries.lock().values().cloned().collect();
        all.sort_by(|a, b| (a.created, a.number, &a.id).cmp(&(b.created, b.number, &b.id)));
        all
    }

    /// A number that is higher than that of any other; no two get the same.
    pub(super) fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Adds a backup; it's there when both image and entry are.
    pub(super) fn add(&self, info: &BackupInfo, image: &[u8]) -> Result<(), String> {
        self.images.add(&info.id, image)?;
        self.put(info.clone()).inspect_err(|_| {
            let _ = self.images.remove(&info.id);
        })
    }

    pub(super) fn image(&self, id: &str) -> Result<Vec<u8>, String> {
        self.find(id)?;
        self.images.read(id)
    }

    /// One that isn't on its way out.
    pub(super) fn ready(&self, id: &str) -> Result<BackupInfo, String> {
        let info = self.find(id)?;
        match info.state {
            BackupState::Ready => Ok(info),
            BackupState::PendingDeletion => {
                Err(format!("{id} is being deleted: `strongroom backup undelete --id {id}` first"))
            }
        }
    }

    pub(super) fn delete(&self, id: &str, at: u64) -> Result<BackupInfo, String> {
        let info = self.ready(id)?;
        self.changed(BackupInfo { state: BackupState::PendingDeletion, delete_at: Some(at), ..info })
    }

    pub(super) fn undelete(&self, id: &str) -> Result<BackupInfo, String> {
        let info = self.find(id)?;
        if info.state == BackupState::Ready {
            return Err(format!("{id} isn't being deleted: there is nothing to take back"));
        }
        self.changed(BackupInfo { state: BackupState::Ready, delete_at: None, ..info })
    }

    pub(super) fn keep(&self, id: &str, never_expires: bool) -> Result<BackupInfo, String> {
        let info = self.ready(id)?;
        self.changed(BackupInfo { never_expires, ..info })
    }

    /// Removes the image, then what is known of it.
    pub(super) fn purge(&self, id: &str) -> Result<(), String> {
        self.images.remove(id)?;
        let path = self.entry_path(id);
        files::remove(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        self.entries.lock().remove(id);
        Ok(())
    }

    fn find(&self, id: &str) -> Result<BackupInfo, String> {
        let found = self.entries.lock().get(id).cloned();
        found
            .ok_or_else(|| format!("there is no backup {id}; `strongroom backup list` shows those there are"))
    }

    fn changed(&self, info: BackupInfo) -> Result<BackupInfo, String> {
        self.put(info.clone())?;
        Ok(info)
    }

    fn put(&self, info: BackupInfo) -> Result<(), String> {
        let path = self.entry_path(&info.id);
        let text = serde_json::to_vec_pretty(&info).map_err(|error| format!("{}: {error}", info.id))?;
        files::replace(&path, &text, files::PRIVATE).map_err(|error| files::unwritten(&path, &error))?;
        self.entries.lock().insert(info.id.clone(), info);
        Ok(())
    }

    fn entry_path(&self, id: &str) -> PathBuf {
        self.folder.join(id).with_extension("json")
    }
}

fn read_entry(path: &Path) -> Result<BackupInfo, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    let info: BackupInfo = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    if path.file_stem().and_then(OsStr::to_str) == Some(&info.id) {
        Ok(info)
    } else {
        Err("it tells of another backup than its name says".to_owned())
    }
}
