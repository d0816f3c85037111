//! What holds a stream together: hashes from line to line, and MACs.
//!
//! A record's line is `{...,"previous":"HASH","mac":"MAC"}`: `HASH` is the SHA-256 of the line before (zeros for the
//! first), `MAC` is HMAC-SHA-256 (FIPS 198-1) of all of the line that stands before `,"mac"`. The head is such a line,
//! too, under a MAC that no record has.

use serde::{Deserialize, Serialize};
use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::{digest, mac};
use strongroom_model::{Blob, Hash as Function};

use super::record::Record;

/// SHA-256 of a line, its end not included.
pub(super) type Hash = [u8; 32];

/// What the first record is chained to.
pub(super) const START: Hash = [0; 32];

/// What a head says of a stream that has no records yet.
const NONE: u64 = u64::MAX;
const MAC_FIELD: &str = ",\"mac\":\"";
const RECORD: &[u8] = b"strongroom audit record\0";
const HEAD: &[u8] = b"strongroom audit head\0";

/// The key that authenticates a home's audit logs.
#[derive(Clone)]
pub struct ChainKey(Blob);

/// Where a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) hsm: String,
    /// The last record's number; `None` before the first is written.
    pub(super) sequence: Option<u64>,
    /// The last record's hash.
    pub(super) hash: Hash,
}

/// The head as it's written: always of the same length, so that writing it over the old one is one small write.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    hsm: String,
    head: String,
    hash: String,
}

impl ChainKey {
    /// The key that comes from a home's root key.
    pub fn of(root: &SealingKey) -> Self {
        Self(root.derive("audit log").to_bytes())
    }

    /// A record's line, without its end.
    pub(super) fn seal(&self, record: &Record) -> Vec<u8> {
        self.close(RECORD, record)
    }

    /// The record of a line; `None` if it isn't one that was written under this key.
    pub(super) fn open(&self, line: &[u8]) -> Option<Record> {
        serde_json::from_str(&self.opened(RECORD, line)?).ok()
    }

    /// The head's line, with its end.
    pub(super) fn seal_head(&self, head: &Head) -> Vec<u8> {
        let line = HeadLine {
            hsm: head.hsm.clone(),
            head: format!("{:#018x}", head.sequence.unwrap_or(NONE)),
            hash: hex(&head.hash),
        };
        let mut line = self.close(HEAD, &line);
        line.push(b'\n');
        line
    }

    /// The head of a file or an export's line; `None` if it isn't one that was written under this key.
    pub(super) fn open_head(&self, line: &[u8]) -> Option<Head> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let HeadLine { hsm, head, hash } = serde_json::from_str(&self.opened(HEAD, line)?).ok()?;
        let sequence = u64::from_str_radix(head.strip_prefix("0x")?, 16).ok()?;
        Some(Head { hsm, sequence: (sequence != NONE).then_some(sequence), hash: unhex(&hash)? })
    }

    fn close(&self, domain: &[u8], content: &impl Serialize) -> Vec<u8> {
        let mut line = Vec::with_capacity(1024);
        line.extend_from_slice(domain);
        serde_json::to_writer(&mut line, content).expect("strings and numbers can be written as JSON");
        // The brace that closes the object comes back behind the MAC.
        line.pop();
        let code = hex(&mac::hmac(Function::Sha256, &self.0, &[&line]));
        line.drain(..domain.len());
        line.extend_from_slice(MAC_FIELD.as_bytes());
        line.extend_from_slice(code.as_bytes());
        line.extend_from_slice(b"\"}");
        line
    }

    /// The object in a line whose MAC is right.
    fn opened(&self, domain: &[u8], line: &[u8]) -> Option<String> {
        let text = str::from_utf8(line).ok()?;
        let (content, rest) = text.rsplit_once(MAC_FIELD)?;
        let code = rest.strip_suffix("\"}")?;
        // Who can ask for this can read the key, so there's nobody to hide the time it takes from.
        (code == self.mac(domain, content.as_bytes())).then(|| format!("{content}}}"))
    }

    fn mac(&self, domain: &[u8], content: &[u8]) -> String {
        hex(&mac::hmac(Function::Sha256, &self.0, &[domain, content]))
    }
}

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainKey")
    }
}

/// The hash of a line, its end not included.
pub(super) fn hash(line: &[u8]) -> Hash {
    let mut hash = START;
    hash.copy_from_slice(&digest::digest(Function::Sha256, &[line]));
    hash
}

/// As lowercase hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// From lowercase hex digits.
pub(super) fn unhex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    let (mut hash, digit) = (START, |at: usize| char::from(digits[at]).to_digit(16));
    if digits.len() != 2 * hash.len() || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::try_from(digit(2 * at)? << 4 | digit(2 * at + 1)?).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_and_has_one_length() {
        let key = ChainKey::of(&SealingKey::generate());
        let head = |sequence| Head { hsm: "0123456789abcdef-0".to_owned(), sequence, hash: hash(b"x") };
        let line = key.seal_head(&head(Some(0)));
        assert_eq!(line.len(), key.seal_head(&head(None)).len());
        assert_eq!(key.open_head(&line), Some(head(Some(0))));
        assert_eq!(key.open_head(&key.seal_head(&head(None))), Some(head(None)));
        assert_eq!(key.open_head(&line[..line.len() - 1]), Some(head(Some(0))));
        assert_eq!(ChainKey::of(&SealingKey::generate()).open_head(&line), None);
        assert!(key.open(&line[..line.len() - 1]).is_none());
        for at in 0..line.len() - 1 {
            let mut changed = line.clone();
            changed[at] ^= 1;
            assert_eq!(key.open_head(&changed), None, "byte {at}");
        }
    }

    #[test]
    fn digits_are_read_back() {
        let bytes = hash(b"digits");
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!(unhex(&hex(&bytes).to_uppercase()), None);
        assert_eq!(unhex("00"), None);
    }
}
