//! What a commit comes to: checked against the limits, later writes of a key over earlier ones.

use std::collections::BTreeMap;

use crate::{MAX_COMMIT, MAX_KEY, MAX_VALUE, Revision, StoreError, Write};

/// The last write of every key in a commit.
pub(crate) type Plan<'a> = BTreeMap<&'a [u8], Option<&'a [u8]>>;

/// Checks a commit and says what it comes to.
pub(crate) fn plan<'a>(
    base: Revision,
    revision: Revision,
    changes: &'a [Vec<Write>],
) -> Result<Plan<'a>, StoreError> {
    if base != revision {
        return Err(StoreError::Conflict { base, revision });
    }
    let mut total = 0;
    let mut plan = Plan::new();
    for write in changes.iter().flatten() {
        let len = write.value.as_ref().map_or(0, Vec::len);
        total += write.key.len() + len;
        within("key", write.key.len(), MAX_KEY)?;
        within("value", len, MAX_VALUE)?;
        within("commit", total, MAX_COMMIT)?;
        if write.key.is_empty() {
            return Err(StoreError::TooLarge { what: "key", size: 0, limit: MAX_KEY });
        }
        plan.insert(&write.key, write.value.as_deref());
    }
    Ok(plan)
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size <= limit { Ok(()) } else { Err(StoreError::TooLarge { what, size, limit }) }
}
