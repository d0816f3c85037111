//! How records lie in the store: sealed, and bound to the cluster, their key and their version.
//!
//! `format (1) | version (8, least first) | sealed`, sealed under a key derived from the cluster's masking
//! key, with the cluster's serial number, the record's key and its version as associated data. A record that
//! was moved, changed or brought from another cluster doesn't open.
//!
//! An older version of a record under its own key does open. So every commit also writes the [`Fingerprint`]
//! of all records: a record that was put back, taken away or added by someone without the cluster's key shows.

use strongroom_crypto::mac::hmac;
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, Hash};
use strongroom_node::state::Revision;

/// The format of records that this program writes.
pub(crate) const FORMAT: u8 = 1;
const HEADER: usize = 1 + 8;
/// How many bytes longer than its content a record is in the store.
pub(crate) const OVERHEAD: usize = HEADER + SealingKey::OVERHEAD;

/// Why a record doesn't open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It's of a format that this program doesn't know.
    Format(u8),
    /// It isn't what was written.
    Damaged,
}

/// Seals and opens a cluster's records.
pub(crate) struct Vault {
    serial: String,
    seals: SealingKey,
    marks: Blob,
}

impl Vault {
    pub(crate) fn new(serial: &str, masking: &SealingKey) -> Self {
        Self {
            serial: serial.to_owned(),
            seals: masking.derive("cluster records"),
            marks: masking.derive("cluster fingerprint").to_bytes(),
        }
    }

    /// What the store keeps of a record.
    pub(crate) fn seal(&self, key: &[u8], version: Revision, plain: &[u8]) -> Vec<u8> {
        let mut value = header(version);
        value.extend_from_slice(&self.seals.seal(&self.place(key, version), plain));
        value
    }

    /// The content of a record and its version.
    pub(crate) fn open(&self, key: &[u8], value: &[u8]) -> Result<(Revision, Blob), Unreadable> {
        let (version, sealed) = split(value)?;
        let plain = self.seals.open(&self.place(key, version), sealed).map_err(|_| Unreadable::Damaged)?;
        Ok((version, plain))
    }

    /// What a record adds to the fingerprint. Only who has the cluster's key can compute it.
    pub(crate) fn mark(&self, key: &[u8], version: Revision) -> Mark {
        let mark = hmac(Hash::Sha256, &self.marks, &[&version.to_le_bytes(), key]);
        let mut out = [0; 32];
        out.copy_from_slice(&mark);
        Mark(out)
    }

    /// The associated data. No field can run into the next: the serial's length is always the same, and the
    /// version's too.
    fn place(&self, key: &[u8], version: Revision) -> Vec<u8> {
        [self.serial.as_bytes(), &version.to_le_bytes(), key].concat()
    }
}

/// The start of a record in the store.
pub(crate) fn header(version: Revision) -> Vec<u8> {
    let mut header = vec![FORMAT];
    header.extend_from_slice(&version.to_le_bytes());
    header
}

/// Version and rest of a record in the store.
pub(crate) fn split(value: &[u8]) -> Result<(Revision, &[u8]), Unreadable> {
    match value.split_first_chunk::<HEADER>() {
        Some(([FORMAT, version @ ..], rest)) => Ok((Revision::from_le_bytes(*version), rest)),
        Some(([format, ..], _)) => Err(Unreadable::Format(*format)),
        None => Err(Unreadable::Damaged),
    }
}

/// A record's part of the fingerprint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark([u8; 32]);

/// What all records come to: which keys there are, each in which version. It costs only what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Fingerprint {
    count: u64,
    sum: [u8; 32],
}

impl Fingerprint {
    pub(crate) fn add(&mut self, mark: Mark) {
        self.count += 1;
        self.toggle(mark);
    }

    pub(crate) fn remove(&mut self, mark: Mark) {
        self.count -= 1;
        self.toggle(mark);
    }

    // Exclusive or: each record is there once at most, and nobody can choose marks to cancel out.
    fn toggle(&mut self, mark: Mark) {
        for (byte, with) in self.sum.iter_mut().zip(mark.0) {
            *byte ^= with;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(serial: &str) -> Vault {
        Vault::new(serial, &SealingKey::from_bytes(Blob::from([5; 32])).unwrap())
    }

    #[test]
    fn a_record_opens_only_where_it_belongs() {
        let (vault, other) = (vault("0123456789abcdef"), vault("fedcba9876543210"));
        let value = vault.seal(b"o1", 7, b"content");
        assert_eq!(value.len(), b"content".len() + OVERHEAD);
        assert_eq!(vault.open(b"o1", &value).unwrap(), (7, Blob::from(*b"content")));

        assert_eq!(vault.open(b"o2", &value), Err(Unreadable::Damaged));
        assert_eq!(other.open(b"o1", &value), Err(Unreadable::Damaged));
        for at in 1..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1;
            assert_eq!(vault.open(b"o1", &changed), Err(Unreadable::Damaged), "byte {at}");
        }
        for len in 0..value.len() {
            assert_eq!(vault.open(b"o1", &value[..len]), Err(Unreadable::Damaged));
        }
        let mut later = value;
        later[0] = 2;
        assert_eq!(vault.open(b"o1", &later), Err(Unreadable::Format(2)));
    }

    #[test]
    fn the_fingerprint_tells_keys_and_versions() {
        let vault = vault("0123456789abcdef");
        let of = |records: &[(&[u8], u64)]| {
            let mut all = Fingerprint::default();
            records.iter().for_each(|(key, version)| all.add(vault.mark(key, *version)));
            all
        };
        let mut all = of(&[(b"a", 1), (b"b", 2)]);
        assert_eq!(all, of(&[(b"b", 2), (b"a", 1)]));
        assert_ne!(all, of(&[(b"a", 2), (b"b", 1)]));
        assert_ne!(all, of(&[(b"a", 1)]));
        all.remove(vault.mark(b"a", 1));
        assert_eq!(all, of(&[(b"b", 2)]));
    }
}
