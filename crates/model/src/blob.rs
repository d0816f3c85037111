//! Bytes that may be secret.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that are wiped when dropped and whose content is never printed.
///
/// Everything that may be key material, a password or a plaintext travels in a `Blob`, so that no
/// code has to decide which bytes are secret.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob(Vec<u8>);

/// Overwrites bytes with zeros that the compiler may not leave out.
///
/// `zeroize` writes one volatile byte at a time, which for a mebibyte takes longer than encrypting it.
pub fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    zeroize::optimization_barrier(bytes);
}

impl Zeroize for Blob {
    fn zeroize(&mut self) {
        // Bytes behind the length may be left from when the blob was longer.
        self.0.resize(self.0.capacity(), 0);
        wipe(&mut self.0);
        self.0.clear();
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Blob {}

impl Blob {
    /// An empty blob.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// `len` zero bytes, to be filled in.
    pub fn zeroed(len: usize) -> Self {
        Self(vec![0; len])
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Appends bytes; the old buffer is wiped when it has to grow.
    pub fn extend(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut grown = Vec::with_capacity(needed.max(self.0.capacity() * 2));
            grown.extend_from_slice(&self.0);
            wipe(&mut self.0);
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Shortens the blob to `len` bytes and wipes the rest.
    pub fn truncate(&mut self, len: usize) {
        if len < self.0.len() {
            wipe(&mut self.0[len..]);
            self.0.truncate(len);
        }
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Blob {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Blob {
    fn from(mut bytes: [u8; N]) -> Self {
        let blob = Self(bytes.to_vec());
        bytes.zeroize();
        blob
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob::from(bytes))
            }
        }

        deserializer.deserialize_bytes(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(format!("{:?}", Blob::from(*b"hunter2")), "[7 bytes]");
    }

    #[test]
    fn extend_keeps_what_was_there() {
        let mut blob = Blob::from(*b"abc");
        for _ in 0..100 {
            blob.extend(b"def");
        }
        assert_eq!(blob.len(), 303);
        assert_eq!(&blob[..6], b"abcdef");
        blob.truncate(3);
        assert_eq!(blob.as_slice(), b"abc");
    }

    #[test]
    fn wiping_leaves_zeros_of_any_length() {
        for len in [0, 1, 17, 100_000] {
            let mut bytes = vec![0xa5; len];
            wipe(&mut bytes);
            assert!(bytes.iter().all(|byte| *byte == 0));
        }
    }
}
