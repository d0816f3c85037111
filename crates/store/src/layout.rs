//! How records lie in sled's tree.
//!
//! sled writes a page (up to 17 entries, plus what a merge adds) as one message, and puts a message
//! over 128 KiB into a file of its own under `blobs/`, which the flush of `db` doesn't cover. So values
//! are cut into parts small enough that no page ever gets there.

use crate::MAX_KEY;

/// The entry that holds the store's [`State`](crate::fingerprint::State).
pub(crate) const STATE_KEY: &[u8] = b"m/state";
/// Bytes of a value in one entry: 20 entries of this size and the longest key stay under 128 KiB.
pub(crate) const PART: usize = 6 * 1024;

const RECORD_TAG: u8 = b'r';

/// The parts of a value; an empty value has one, empty.
pub(crate) fn parts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty: Option<&[u8]> = value.is_empty().then_some(&[]);
    empty.into_iter().chain(value.chunks(PART))
}

/// How many parts a value of `len` bytes has.
pub(crate) fn part_count(len: usize) -> usize {
    len.div_ceil(PART).max(1)
}

/// The entry of part `part` of the record `key`.
///
/// The key's length goes first, so that one record's parts are neighbours and no key is another's part.
pub(crate) fn entry_key(key: &[u8], part: usize) -> Vec<u8> {
    let mut entry = Vec::with_capacity(key.len() + 5);
    entry.push(RECORD_TAG);
    entry.extend_from_slice(&(key.len() as u16).to_be_bytes());
    entry.extend_from_slice(key);
    entry.extend_from_slice(&(part as u16).to_be_bytes());
    entry
}

/// Record and part of an entry; `None` if it isn't a record's.
pub(crate) fn split_entry_key(entry: &[u8]) -> Option<(&[u8], usize)> {
    let (tag, rest) = entry.split_first()?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    let (key, part) = rest.split_last_chunk::<2>()?;
    let valid = *tag == RECORD_TAG
        && key.len() == usize::from(u16::from_be_bytes(*len))
        && (1..=MAX_KEY).contains(&key.len());
    valid.then(|| (key, usize::from(u16::from_be_bytes(*part))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_VALUE;

    #[test]
    fn parts_make_up_the_value() {
        for len in [0, 1, PART - 1, PART, PART + 1, 5 * PART, MAX_VALUE] {
            let value = vec![7; len];
            let all: Vec<&[u8]> = parts(&value).collect();
            assert_eq!(all.len(), part_count(len), "{len}");
            assert_eq!(all.concat(), value);
        }
        assert!(part_count(MAX_VALUE) <= usize::from(u16::MAX));
    }

    #[test]
    fn an_entry_key_tells_record_and_part() {
        for key in [b"a".as_slice(), b"o/\0\0\x01", &[255; MAX_KEY]] {
            assert_eq!(split_entry_key(&entry_key(key, 300)), Some((key, 300)));
        }
        assert_eq!(split_entry_key(STATE_KEY), None);
        assert_eq!(split_entry_key(&entry_key(b"", 0)), None);
    }
}
