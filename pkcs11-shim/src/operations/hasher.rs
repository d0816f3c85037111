//! Hashes, computed here: no key is involved, so no node needs to be.

use sha2::digest::Digest;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use strongroom_model::{Blob, Hash};

/// Makes the hasher of one row for each hash: its name in [`Hash`] and what computes it.
macro_rules! hashers {
    ($($hash:ident = $state:ty;)*) => {
        /// A hash that is being computed.
        #[derive(Clone)]
        pub(super) enum Hasher {
            $($hash($state),)*
        }

        impl Hasher {
            pub(super) fn new(hash: Hash) -> Self {
                match hash {
                    $(Hash::$hash => Self::$hash(Digest::new()),)*
                }
            }

            pub(super) fn update(&mut self, bytes: &[u8]) {
                match self {
                    $(Self::$hash(state) => state.update(bytes),)*
                }
            }

            pub(super) fn finish(self) -> Blob {
                match self {
                    $(Self::$hash(state) => Blob::from(&state.finalize()[..]),)*
                }
            }

            /// Length of the digest in bytes.
            pub(super) fn len(&self) -> usize {
                match self {
                    $(Self::$hash(_) => Hash::$hash.len(),)*
                }
            }

            /// What it takes to go on later.
            pub(super) fn save(&self) -> Blob {
                match self {
                    $(Self::$hash(state) => Blob::from(&state.serialize()[..]),)*
                }
            }

            /// Goes on from what [`Self::save`] gave; `None` if it isn't that.
            pub(super) fn restore(hash: Hash, saved: &[u8]) -> Option<Self> {
                match hash {
                    $(Hash::$hash => {
                        let saved = SerializedState::<$state>::try_from(saved).ok()?;
                        <$state>::deserialize(&saved).ok().map(Self::$hash)
                    })*
                }
            }
        }
    };
}

hashers! {
    Sha1 = sha1::Sha1;
    Sha224 = sha2::Sha224;
    Sha256 = sha2::Sha256;
    Sha384 = sha2::Sha384;
    Sha512 = sha2::Sha512;
    Sha512_224 = sha2::Sha512_224;
    Sha512_256 = sha2::Sha512_256;
    Sha3_224 = sha3::Sha3_224;
    Sha3_256 = sha3::Sha3_256;
    Sha3_384 = sha3::Sha3_384;
    Sha3_512 = sha3::Sha3_512;
    Md5 = md5::Md5;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first bytes of the digests of "abc" (examples of FIPS 180-4 and FIPS 202; RFC 1321).
    #[test]
    fn digests_of_abc() {
        let expected = [
            "a9993e364706816a",
            "23097d223405d822",
            "ba7816bf8f01cfea",
            "cb00753f45a35e8b",
            "ddaf35a193617aba",
            "4634270f707b6a54",
            "53048e2681941ef9",
            "e642824c3f8cf24a",
            "3a985da74fe225b2",
            "ec01498288516fc9",
            "b751850b1a57168a",
            "900150983cd24fb0",
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

    #[test]
    fn what_was_saved_goes_on_elsewhere() {
        for hash in Hash::ALL {
            for len in [0, 1, 63, 64, 200] {
                let mut hasher = Hasher::new(hash);
                hasher.update(&vec![7; len]);
                let mut restored = Hasher::restore(hash, &hasher.save()).unwrap();
                hasher.update(b"more");
                restored.update(b"more");
                assert_eq!(hasher.finish(), restored.finish(), "{hash:?} after {len} bytes");
            }
            assert!(Hasher::restore(hash, b"").is_none());
            assert!(Hasher::restore(hash, &[0xff; 300]).is_none());
        }
    }
}
