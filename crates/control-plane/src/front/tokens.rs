//! What callers see as `NextToken`: the place where a page ended, bound to the list it's of.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::dispatch::Operation;
use crate::shapes::{Position, Timestamp};
use crate::{ApiError, Caller};

/// A list that is told of in pages: operation, account, region, and all that the request says but the page itself.
///
/// A token isn't secret, and gives nobody a sight of anything: it's only a place to go on from. The digest is there to
/// refuse what isn't a token, or is one of another list, instead of skipping items in silence.
pub(super) struct List([u8; DIGEST]);

const DIGEST: usize = 8;
const TIME: usize = 8;

impl List {
    pub(super) fn of(operation: Operation, caller: &Caller, request: &Value) -> Self {
        let mut request = request.clone();
        if let Value::Object(members) = &mut request {
            members.remove("NextToken");
            members.remove("MaxResults");
        }
        let text = format!("{}\n{}\n{}\n{request}", operation.name(), caller.account, caller.region);
        Self(shortened(&[text.as_bytes()]))
    }

    /// The token that says where to go on.
    pub(super) fn token(&self, position: &Position) -> String {
        let place = [&position.created.millis().to_be_bytes()[..], position.id.as_bytes()].concat();
        Base64UrlUnpadded::encode_string(&[&self.digest(&place)[..], &place].concat())
    }

    /// Puts in place of a request's token what it stands for.
    pub(super) fn open_token(&self, request: &mut Value) -> Result<(), ApiError> {
        let Some(token) = request.get_mut("NextToken") else { return Ok(()) };
        let position = token.as_str().and_then(|token| self.position(token)).ok_or_else(|| {
            ApiError::invalid(
                "NextToken is not from an answer to this very request. Ask without it for the first page, and leave \
                 Filters and the order as they are from page to page.",
            )
        })?;
        *token = Value::String(position.into());
        Ok(())
    }

    fn position(&self, token: &str) -> Option<Position> {
        let bytes = Base64UrlUnpadded::decode_vec(token).ok()?;
        let (digest, place) = bytes.split_first_chunk::<DIGEST>()?;
        let (time, id) = place.split_first_chunk::<TIME>()?;
        if *digest != self.digest(place) {
            return None;
        }
        let id = String::from_utf8(id.to_vec()).ok()?;
        Some(Position { created: Timestamp::from_millis(i64::from_be_bytes(*time)), id })
    }

    fn digest(&self, place: &[u8]) -> [u8; DIGEST] {
        shortened(&[&self.0, place])
    }
}

fn shortened(parts: &[&[u8]]) -> [u8; DIGEST] {
    let digest = parts.iter().fold(Sha256::new(), Digest::chain_update).finalize();
    std::array::from_fn(|index| digest[index])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::constraints::NEXT_TOKEN;

    #[test]
    fn the_longest_key_has_a_token() {
        let caller = Caller {
            account: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            request_id: String::new(),
        };
        let list = List::of(Operation::ListTags, &caller, &json!({"ResourceId": "x", "MaxResults": 1}));
        for id in ["a".to_owned(), "\u{10330}".repeat(128)] {
            let position = Position { created: Timestamp::from_millis(-1), id };
            let token = list.token(&position);
            assert_eq!(NEXT_TOKEN.fault(&token), None);
            assert_eq!(list.position(&token), Some(position));
        }
    }
}
