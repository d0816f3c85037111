//! Hashes, computed here: no key is involved, so no node needs to be.

use sha2::digest::{Digest, Output};
use strongroom_model::{Blob, Hash};

/// A hash that is being computed.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(super) fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha1 => Self::Sha1(Digest::new()),
            Hash::Sha224 => Self::Sha224(Digest::new()),
            Hash::Sha256 => Self::Sha256(Digest::new()),
            Hash::Sha384 => Self::Sha384(Digest::new()),
            Hash::Sha512 => Self::Sha512(Digest::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(state) => state.update(bytes),
            Self::Sha224(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Blob {
        fn blob<D: Digest>(digest: Output<D>) -> Blob
        where
            Output<D>: AsRef<[u8]>,
        {
            Blob::from(digest.as_ref())
        }
        match self {
            Self::Sha1(state) => blob::<sha1::Sha1>(state.finalize()),
            Self::Sha224(state) => blob::<sha2::Sha224>(state.finalize()),
            Self::Sha256(state) => blob::<sha2::Sha256>(state.finalize()),
            Self::Sha384(state) => blob::<sha2::Sha384>(state.finalize()),
            Self::Sha512(state) => blob::<sha2::Sha512>(state.finalize()),
        }
    }

    /// Length of the digest in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Sha1(_) => Hash::Sha1.len(),
            Self::Sha224(_) => Hash::Sha224.len(),
            Self::Sha256(_) => Hash::Sha256.len(),
            Self::Sha384(_) => Hash::Sha384.len(),
            Self::Sha512(_) => Hash::Sha512.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first bytes of the digests of "abc" (FIPS 180-4 examples).
    #[test]
    fn digests_of_abc() {
        let expected = [
            "a9993e364706816a",
            "23097d223405d822",
            "ba7816bf8f01cfea",
            "cb00753f45a35e8b",
            "ddaf35a193617aba",
        ];
        for (hash, start) in Hash::ALL.into_iter().zip(expected) {
            let mut hasher = Hasher::new(hash);
            hasher.update(b"a");
            hasher.update(b"bc");
            assert_eq!(hasher.len(), hash.len());
            let digest = hasher.finish();
            assert_eq!((digest.len(), &hex(&digest[..8])[..]), (hash.len(), start));
        }
    }
}
