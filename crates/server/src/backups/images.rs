//! Where images are: a folder of the home, and the bucket that they move to if there is one.
//!
//! An image is written to the folder first, which is quick and needs nobody, so that a backup never fails for a
//! service that doesn't answer; it leaves the folder when the bucket has it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use strongroom_cluster::MAX_IMAGE;

use super::bucket::Bucket;
use crate::files;

/// The images of a home. What it says when it fails is a sentence.
pub(super) struct Images {
    folder: PathBuf,
    bucket: Option<Bucket>,
}

impl Images {
    pub(super) fn new(folder: &Path, bucket: Option<Bucket>) -> Self {
        Self { folder: folder.to_owned(), bucket }
    }

    pub(super) fn add(&self, id: &str, image: &[u8]) -> Result<(), String> {
        let path = self.path(id);
        files::replace(&path, image, files::PRIVATE).map_err(|error| files::unwritten(&path, &error))
    }

    pub(super) fn read(&self, id: &str) -> Result<Vec<u8>, String> {
        let path = self.path(id);
        match &self.bucket {
            Some(bucket) if !path.exists() => bucket.get(id),
            None if !path.exists() => Err(format!(
                "{} isn't there; if it was moved to a bucket, name that in [backups.bucket] of the configuration",
                path.display()
            )),
            _ => read_image(&path),
        }
    }

    /// Removes an image from wherever it is.
    pub(super) fn remove(&self, id: &str) -> Result<(), String> {
        let path = self.path(id);
        // Also while it's in the folder: it may have been copied just before the daemon was killed.
        if let Some(bucket) = &self.bucket {
            bucket.remove(id)?;
        }
        files::remove(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Moves an image to the bucket if it's still in the folder; whether it was.
    pub(super) fn move_out(&self, id: &str) -> Result<bool, String> {
        let path = self.path(id);
        let Some(bucket) = self.bucket.as_ref().filter(|_| path.exists()) else { return Ok(false) };
        bucket.put(id, &read_image(&path)?)?;
        fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(true)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(id).with_extension("image")
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
