//! Which HSM a cluster plays: changed while it runs, as when hardware is replaced by newer (cloudhsm.md 1.5).

use std::sync::Arc;

use strongroom_model::Variant;
use strongroom_node::state::{Change, Expect, Key, Policy, Record};

use crate::draft::Draft;
use crate::{Cluster, ClusterError};

impl Cluster {
    /// Has the cluster play another HSM. Keys and users stay what they are, though the other might not have let them be made.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] if it has no policy yet; those of the store. Nothing has changed then.
    pub fn set_variant(&self, variant: Variant) -> Result<(), ClusterError> {
        let Some((version, Record::Policy(policy))) = self.ledger.read(|state| state.get(&Key::Policy))
        else {
            return Err(ClusterError::Refused(format!("cluster {} has no policy yet", self.name())));
        };
        if policy.variant == variant {
            return Ok(());
        }
        let policy = Record::Policy(Arc::new(Policy { variant, ..(*policy).clone() }));
        // Should another change of the policy come between, this one is refused and may be tried again.
        let change = Change::of(Key::Policy, Expect::Version(version), Some(policy));
        Ok(self.ledger.write(Draft::of(change)?)?)
    }
}
