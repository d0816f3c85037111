//! What the estate needs of the clusters behind it.
//!
//! The estate decides what happens and when; a data plane only carries it out. Every call either does all of it or
//! nothing. After a crash the estate asks again for what it had begun, so what is done already is found by
//! [`DataPlane::nodes`] and isn't done twice.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use strongroom_model::NodeId;

use crate::shapes::{ClusterMode, HsmType};

/// The clusters behind the API, by the ids that the API gives them, and the images of their backups.
pub trait DataPlane: Send + Sync {
    /// The nodes of a cluster, in the order of their numbers; `None` if there's no such cluster, as while it has no HSM.
    fn nodes(&self, cluster: &str) -> Option<Vec<PlacedNode>>;

    /// Makes a cluster with one node: profile `cloudhsm`, without users, its certificates still to be signed.
    ///
    /// # Errors
    ///
    /// [`Fault`]; there is no such cluster then.
    fn create(&self, cluster: &str, kind: Kind, address: Option<Ipv4Addr>) -> Result<PlacedNode, Fault>;

    /// Makes a cluster with one node from an image, as another kind if need be.
    ///
    /// # Errors
    ///
    /// [`Fault`]; there is no such cluster then.
    fn restore(
        &self,
        cluster: &str,
        kind: Kind,
        image: &str,
        address: Option<Ipv4Addr>,
    ) -> Result<PlacedNode, Fault>;

    /// Adds a node to a cluster that has one.
    ///
    /// # Errors
    ///
    /// [`Fault`]; nothing has changed then.
    fn add_node(&self, cluster: &str, address: Option<Ipv4Addr>) -> Result<PlacedNode, Fault>;

    /// Removes a node that isn't the last.
    ///
    /// # Errors
    ///
    /// [`Fault`]; nothing has changed then.
    fn remove_node(&self, cluster: &str, node: NodeId) -> Result<(), Fault>;

    /// Ends a cluster with all its nodes. If it's to be kept, it's backed up when it takes no more calls, so that nothing is
    /// lost that it has acknowledged.
    ///
    /// # Errors
    ///
    /// [`Fault`]; it serves as before then.
    fn close(&self, cluster: &str, keep: bool, now: u64) -> Result<(), Fault>;

    /// The certificates of a cluster that has nodes.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it has none.
    fn certificates(&self, cluster: &str) -> Result<Papers, Fault>;

    /// Gives a cluster the certificate that the customer signed, and whom it trusts. Both are PEM.
    ///
    /// # Errors
    ///
    /// [`Fault::Refused`] says what is wrong with them; nothing has changed then.
    fn initialize(&self, cluster: &str, signed: &str, anchor: &str) -> Result<(), Fault>;

    /// Whether a cluster has its first officer.
    fn is_activated(&self, cluster: &str) -> bool;

    /// Makes a cluster one of another kind.
    ///
    /// # Errors
    ///
    /// [`Fault`]; nothing has changed then.
    fn change_kind(&self, cluster: &str, kind: Kind) -> Result<(), Fault>;

    /// Backs a cluster up. Of [`Occasion::Activated`] there is one only: a second call gives that.
    ///
    /// # Errors
    ///
    /// [`Fault`]; there is no image then.
    fn back_up(&self, cluster: &str, occasion: Occasion, now: u64) -> Result<Image, Fault>;

    /// All images in the order in which they were made; a copy has the place of its source, or a later one.
    fn images(&self) -> Vec<Image>;

    /// The certificate of the cluster in an image, as PEM; `None` if it was backed up without one.
    ///
    /// # Errors
    ///
    /// [`Fault`] if there's no such image, or it can't be read.
    fn certificate_in(&self, image: &str) -> Result<Option<String>, Fault>;

    /// Makes another image of the same content, at a place of its own.
    ///
    /// # Errors
    ///
    /// [`Fault`]; there is no copy then.
    fn copy_image(&self, image: &str, origin: &Origin, now: u64) -> Result<Image, Fault>;

    /// Lets an image go at an instant in the future, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Fault`]; nothing has changed then.
    fn delete_image(&self, image: &str, at: u64) -> Result<Image, Fault>;

    /// Takes a deletion back.
    ///
    /// # Errors
    ///
    /// [`Fault`]; nothing has changed then.
    fn undelete_image(&self, image: &str) -> Result<Image, Fault>;

    /// Whether the retention policy passes an image by.
    ///
    /// # Errors
    ///
    /// [`Fault`]; nothing has changed then.
    fn keep_image(&self, image: &str, forever: bool) -> Result<Image, Fault>;

    /// Leaves it to the estate when the images of these clusters go that they make by themselves: nobody else does away
    /// with one that wasn't deleted.
    fn govern(&self, clusters: &[String]);
}

/// Which HSMs a cluster has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// Their type.
    pub hsm: HsmType,
    /// The cluster's mode.
    pub mode: ClusterMode,
}

/// A node, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedNode {
    /// Its number, which no other node of its cluster has or had.
    pub node: NodeId,
    /// Its address, where clients reach it on port 2223.
    pub address: Ipv4Addr,
    /// Whether it runs and has what the cluster has.
    pub is_well: bool,
}

/// A cluster's certificates, as PEM; what doesn't apply isn't there (cloudhsm.md 1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Papers {
    /// The request for the cluster's certificate, until it's initialised.
    pub csr: Option<String>,
    /// The cluster's key, certified by the hardware's.
    pub hsm: Option<String>,
    /// The hardware's key, certified by the service.
    pub service_hardware: Option<String>,
    /// The hardware's key, certified by its maker.
    pub maker_hardware: Option<String>,
    /// The cluster's key, certified by the customer.
    pub cluster: Option<String>,
}

/// Why a backup is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The cluster has got its first officer.
    Activated,
    /// An HSM is about to be added, or the cluster to be changed.
    Adding,
    /// An HSM is about to be removed.
    Removing,
}

/// An image, and what is known of it. The catalogue of images is the only place where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its id, as the API's `BackupId`.
    pub id: String,
    /// The cluster that was backed up.
    pub cluster: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// What the cluster was then; `None` for those of other profiles.
    pub kind: Option<Kind>,
    /// Whether there is an officer in it.
    pub is_activated: bool,
    /// Whether the retention policy passes it by.
    pub never_expires: bool,
    /// When it goes, if it's being deleted.
    pub delete_at: Option<u64>,
    /// Where it came from, if it's a copy that the API made.
    pub origin: Option<Origin>,
}

/// Where a copy came from, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The account that has the copy.
    pub account: String,
    /// The region that the copy is in.
    pub region: String,
    /// The region it was copied from.
    pub source_region: String,
    /// The image it was copied from.
    pub source_image: String,
    /// The cluster that was backed up.
    pub source_cluster: String,
    /// When it was copied.
    pub copied: u64,
    /// The cluster that is to be made from it. Such a copy isn't a backup to anybody: it's there so that the cluster can
    /// be made when its source is gone.
    pub seed_of: Option<String>,
}

/// Why something wasn't done: what happened, to what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It can't be done as things are: the caller has to change something.
    Refused(String),
    /// It should have worked.
    Failed(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(sentence) | Self::Failed(sentence) => f.write_str(sentence),
        }
    }
}
