//! Backups: a cluster's state as an encrypted image, and clusters made from one.
//!
//! `docs/backups.md` has the format. The hierarchy of keys is that of cloudhsm.md section 10: each image has an
//! ephemeral key of its own, wrapped by a key that two roots yield together.

mod content;
mod image;

use std::sync::Arc;

use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::x509::{PemKind, to_pem};
use strongroom_model::Variant;
use strongroom_node::Clock;
use strongroom_store::Store;

pub use content::Summary;
pub use image::{BackupRoots, Header, MAX_IMAGE};

use crate::create::check_shape;
use crate::members::check_numbers;
use crate::{Cluster, ClusterError};
use content::Content;

/// An image that was read whole: every byte is what was written.
pub struct Backup {
    header: Header,
    content: Content,
}

/// A cluster to be made from a backup.
pub struct RestoreOptions {
    /// Its name, as in [`CreateOptions`](crate::CreateOptions). The token keeps the label that it had.
    pub name: String,
    /// How many nodes, 1 to [`MAX_NODES`](strongroom_model::limits::MAX_NODES).
    pub nodes: u16,
    /// The number of the first node. Another than 0 is for a cluster that comes back under a name that it had: no node gets
    /// the number of an earlier one, whose audit log there may be.
    pub first_node: u16,
    /// Which HSM it plays, if not the one that it did.
    pub variant: Option<Variant>,
}

impl Cluster {
    /// An image of the cluster's state as of one revision: users, keys, certificates and policy, with their owners, sharing,
    /// quorum and second factors. Logins, quorum tokens and session objects aren't part of it.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Backup`] if the state is larger than [`MAX_IMAGE`].
    pub fn back_up(&self, roots: &BackupRoots, id: &str, now: u64) -> Result<Vec<u8>, ClusterError> {
        let content = Content::of(self)?;
        image::write(roots, &content, id, now)
    }

    /// Makes a cluster from a backup in an empty store, and opens it. It lives its own life from then on: it has
    /// another serial number, and nobody is logged in.
    ///
    /// # Errors
    ///
    /// As [`Cluster::create`].
    pub fn restore(
        store: Arc<dyn Store>,
        backup: &Backup,
        options: &RestoreOptions,
        root: &SealingKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClusterError> {
        options.check()?;
        content::restore(&*store, &backup.content, options, root)?;
        Self::open(store, root, clock)
    }
}

impl Backup {
    /// Reads an image.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Backup`]: it was changed or cut short, or is another installation's, or of another format.
    pub fn read(roots: &BackupRoots, image: &[u8]) -> Result<Self, ClusterError> {
        let (header, plain) = image::open(roots, image)?;
        Ok(Self { header, content: Content::decode(&plain)? })
    }

    /// What an image says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The certificate of the cluster that it's of, as PEM; `None` if that had none.
    pub fn certificate(&self) -> Option<String> {
        self.content.identity()?.cluster.as_ref().map(|der| to_pem(PemKind::Certificate, der))
    }

    /// How much there is in it.
    pub fn summary(&self) -> Summary {
        self.content.summary()
    }
}

impl RestoreOptions {
    /// Checks all that can be known before anything is made.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Options`] with a sentence.
    pub fn check(&self) -> Result<(), ClusterError> {
        check_shape(&self.name, self.nodes)?;
        check_numbers(&self.name, self.first_node, self.nodes)
    }
}
