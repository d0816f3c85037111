//! The estate: the clusters, HSMs and backups of all accounts and regions, as AWS sees them, with real clusters behind.
//!
//! [`Estate`] answers the API's operations. It keeps its own records in a store, one commit for each change; what is to be
//! done about nodes and images is asked of a [`DataPlane`]. States that pass by themselves end at an instant that is kept
//! with them, so that they end after a restart as well. Nothing runs in the background: [`Estate::settle`] brings
//! everything up to date, and every operation begins with it.

mod backups;
mod books;
mod clock;
mod clusters;
mod config;
mod copies;
mod data_plane;
mod hsms;
mod names;
mod network;
mod pages;
mod policies;
mod policy;
mod records;
mod settle;
mod tags;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod views;
mod work;

use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_store::{Store, StoreError};

use crate::shapes::*;
use crate::{ApiError, Caller, Operations};
use books::Books;
use work::Tries;

pub use clock::{Clock, SystemClock};
pub use config::{EstateConfig, LimitError};
pub use data_plane::{DataPlane, Fault, Image, Kind, Occasion, Origin, Papers, PlacedNode};

/// Clusters, HSMs and backups of all accounts and regions.
pub struct Estate {
    desk: Desk,
    state: Mutex<State>,
}

/// What stays as it is while calls come and go.
struct Desk {
    config: EstateConfig,
    plane: Arc<dyn DataPlane>,
    clock: Arc<dyn Clock>,
}

/// What one call at a time may look at and change.
struct State {
    books: Books,
    tries: Tries,
    /// When it was last looked for backups that have had their time.
    swept: Option<Timestamp>,
}

/// Why an estate can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum EstateError {
    /// The store refused or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record isn't one that this program writes.
    #[error("the record {0} can't be read: use the version of strongroom that wrote it, or a later one")]
    Record(String),
}

impl Estate {
    /// Opens the estate that a store has, or begins one in an empty store, and goes on with what was begun.
    ///
    /// # Errors
    ///
    /// [`EstateError`].
    pub fn open(
        store: Arc<dyn Store>,
        plane: Arc<dyn DataPlane>,
        clock: Arc<dyn Clock>,
        config: EstateConfig,
    ) -> Result<Self, EstateError> {
        let books = Books::open(store)?;
        let governed: Vec<_> = books.clusters.keys().cloned().collect();
        plane.govern(&governed);
        let mut state = State { books, tries: Tries::default(), swept: None };
        let desk = Desk { config, plane, clock };
        desk.settle(&mut state, desk.clock.now());
        Ok(Self { desk, state: Mutex::new(state) })
    }

    /// Ends the states that have had their time, goes on with what couldn't be done at once, notices what happened in the
    /// clusters, and lets backups go that have had their time. It's to be called every second or so.
    pub fn settle(&self) {
        self.desk.settle(&mut self.state.lock(), self.desk.clock.now());
    }

    /// Does something with everything up to date.
    fn with<T>(
        &self,
        caller: &Caller,
        act: impl FnOnce(&mut State, Timestamp) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.desk.config.check_region(&caller.region)?;
        let mut state = self.state.lock();
        let now = self.desk.clock.now();
        self.desk.settle(&mut state, now);
        act(&mut state, now)
    }
}

impl Desk {
    /// When a state ends that begins now.
    fn end_of(&self, begin: Timestamp) -> Timestamp {
        begin.plus_seconds(i64::from(self.config.transition_delay_seconds))
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(sentence) => Self::invalid(sentence),
            Fault::Failed(sentence) => {
                tracing::error!("a call of the AWS API failed: {sentence}");
                Self::internal(sentence)
            }
        }
    }
}

/// Each operation with everything up to date.
macro_rules! operations {
    ($($name:ident: $input:ident -> $output:ident,)+) => {
        impl Operations for Estate {
            $(fn $name(&self, caller: &Caller, input: $input) -> Result<$output, ApiError> {
                self.with(caller, |state, now| self.desk.$name(state, now, caller, input))
            })+
        }
    };
}

operations! {
    create_cluster: CreateClusterInput -> CreateClusterOutput,
    describe_clusters: DescribeClustersInput -> DescribeClustersOutput,
    initialize_cluster: InitializeClusterInput -> InitializeClusterOutput,
    modify_cluster: ModifyClusterInput -> ModifyClusterOutput,
    delete_cluster: DeleteClusterInput -> DeleteClusterOutput,
    create_hsm: CreateHsmInput -> CreateHsmOutput,
    delete_hsm: DeleteHsmInput -> DeleteHsmOutput,
    describe_backups: DescribeBackupsInput -> DescribeBackupsOutput,
    modify_backup_attributes: ModifyBackupAttributesInput -> ModifyBackupAttributesOutput,
    copy_backup_to_region: CopyBackupToRegionInput -> CopyBackupToRegionOutput,
    delete_backup: DeleteBackupInput -> DeleteBackupOutput,
    restore_backup: RestoreBackupInput -> RestoreBackupOutput,
    list_tags: ListTagsInput -> ListTagsOutput,
    tag_resource: TagResourceInput -> TagResourceOutput,
    untag_resource: UntagResourceInput -> UntagResourceOutput,
    put_resource_policy: PutResourcePolicyInput -> PutResourcePolicyOutput,
    get_resource_policy: GetResourcePolicyInput -> GetResourcePolicyOutput,
    delete_resource_policy: DeleteResourcePolicyInput -> DeleteResourcePolicyOutput,
}
