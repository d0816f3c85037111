//! Tags of clusters and backups.

use super::books::Entry;
use super::records::{Tags, tag_list};
use super::{Desk, State, pages};
use crate::shapes::*;
use crate::{ApiError, Caller};

/// Tags that a resource may have.
const MAX_TAGS: usize = 50;
/// The most tags in a page (control-plane.md 2.1).
const PAGE: u32 = 100;

/// Tags as they're given, by key.
pub(super) fn checked(list: Vec<Tag>) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for Tag { key, value } in list {
        if key.as_str().to_ascii_lowercase().starts_with("aws:") {
            return Err(ApiError::tag(format!("the tag {key} begins with aws:, which is kept for AWS")));
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(ApiError::tag(format!("the tag {key} is given twice: give each key once")));
        }
    }
    Ok(tags)
}

impl Desk {
    pub(super) fn list_tags(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: ListTagsInput,
    ) -> Result<ListTagsOutput, ApiError> {
        let tags = self.tags_of(state, now, caller, &input.resource_id)?;
        let size = pages::size(input.max_results, PAGE);
        let place =
            |tag: &Tag| Position { created: Timestamp::from_millis(0), id: tag.key.as_str().to_owned() };
        let (tag_list, next_token) =
            pages::page(tag_list(&tags), true, input.next_token.as_ref(), size, place);
        Ok(ListTagsOutput { tag_list, next_token })
    }

    pub(super) fn tag_resource(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: TagResourceInput,
    ) -> Result<TagResourceOutput, ApiError> {
        let mut tags = self.tags_of(state, now, caller, &input.resource_id)?;
        tags.extend(checked(input.tag_list)?);
        if tags.len() > MAX_TAGS {
            return Err(ApiError::limit(format!(
                "{} would have {} tags, and {MAX_TAGS} is the most: remove some with UntagResource",
                input.resource_id,
                tags.len()
            )));
        }
        self.set_tags(state, &input.resource_id, tags)?;
        Ok(TagResourceOutput {})
    }

    pub(super) fn untag_resource(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: UntagResourceInput,
    ) -> Result<UntagResourceOutput, ApiError> {
        let mut tags = self.tags_of(state, now, caller, &input.resource_id)?;
        tags.retain(|key, _| !input.tag_key_list.contains(key));
        self.set_tags(state, &input.resource_id, tags)?;
        Ok(UntagResourceOutput {})
    }

    fn tags_of(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        id: &ResourceId,
    ) -> Result<Tags, ApiError> {
        match id.as_str().parse::<ClusterId>() {
            Ok(cluster) => Ok(state.books.cluster(caller, &cluster)?.tags.clone()),
            Err(_) => {
                let backup = id.as_str().parse().map_err(ApiError::invalid)?;
                let image = self.own_backup(state, now, caller, &backup)?;
                Ok(state.books.backups.get(&image.id).map(|notes| notes.tags.clone()).unwrap_or_default())
            }
        }
    }

    fn set_tags(&self, state: &mut State, id: &ResourceId, tags: Tags) -> Result<(), ApiError> {
        let entry = match state.books.clusters.get(id.as_str()) {
            Some(record) => {
                let mut record = record.clone();
                record.tags = tags;
                Entry::Cluster(Box::new(record))
            }
            None => {
                let mut notes = state.books.backups.get(id.as_str()).cloned().unwrap_or_default();
                notes.tags = tags;
                Entry::Backup(id.as_str().to_owned(), notes)
            }
        };
        state.books.save(vec![entry])
    }
}
