//! Pages.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Where a page ended: the place of its last item in the order of the list, so that pages stay whole while items change.
/// The front makes the `NextToken` of it that callers see, and refuses one that belongs to another call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position {
    /// When the last item was made. Zero in lists that have no times.
    pub created: Timestamp,
    /// The last item's id or key: unique in the list.
    pub id: String,
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once(' ')
            .and_then(|(millis, id)| {
                Some(Self { created: Timestamp::from_millis(millis.parse().ok()?), id: id.to_owned() })
            })
            .ok_or_else(|| "is no place in a list".to_owned())
    }
}

impl TryFrom<String> for Position {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        format!("{} {}", position.created.millis(), position.id)
    }
}
