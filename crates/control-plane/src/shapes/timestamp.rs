//! Instants.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// An instant, in milliseconds since 1970 in UTC. By itself it's kept as that number; on the wire it's in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// What the system's clock says now.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This instant and `seconds` more.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285,000 years")]
    fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

/// How members that hold an instant go over the wire: a number in JSON, tag 1 in CBOR.
pub(super) mod wire {
    use ciborium::tag::Required;
    use serde::{Serialize, Serializer};

    use super::Timestamp;

    pub(in crate::shapes) fn serialize<S: Serializer>(
        instant: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let Some(instant) = instant else { return to.serialize_none() };
        let whole = (instant.0 % 1000 == 0).then_some(instant.0 / 1000);
        match (to.is_human_readable(), whole) {
            (true, Some(whole)) => to.serialize_i64(whole),
            (true, None) => to.serialize_f64(instant.seconds()),
            (false, Some(whole)) => Required::<i64, 1>(whole).serialize(to),
            (false, None) => Required::<f64, 1>(instant.seconds()).serialize(to),
        }
    }
}
