//! Tags.

use serde::{Deserialize, Serialize};

use super::{Position, ResourceId, TagKey, TagValue};

/// A key and its value. Whether a request has a key twice, or one that starts with `aws:`, isn't checked by the front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The key.
    pub key: TagKey,
    /// Its value.
    pub value: TagValue,
}

/// Whose tags to tell.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsInput {
    /// Whose.
    pub resource_id: ResourceId,
    /// Where the page before ended: the last key.
    pub next_token: Option<Position>,
    /// The most in this page, 1 to 100.
    pub max_results: Option<u32>,
}

/// A page of tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsOutput {
    /// The tags, by key.
    pub tag_list: Vec<Tag>,
    /// Where this page ended, if there are more.
    #[serde(skip)]
    pub next_token: Option<Position>,
}

/// What to tag, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagResourceInput {
    /// What.
    pub resource_id: ResourceId,
    /// 1 to 50 tags.
    pub tag_list: Vec<Tag>,
}

/// Nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TagResourceOutput {}

/// Whose tags to take away.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagResourceInput {
    /// Whose.
    pub resource_id: ResourceId,
    /// 1 to 50 keys.
    pub tag_key_list: Vec<TagKey>,
}

/// Nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UntagResourceOutput {}
