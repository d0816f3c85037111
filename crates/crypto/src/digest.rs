//! Hash functions: SHA-1 and SHA-2 (FIPS 180-4), SHA-3 (FIPS 202), MD5 (RFC 1321).

use strongroom_model::Hash;

use crate::ffi::mac as ffi;

/// The digest of the parts, one after the other.
pub fn digest(hash: Hash, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0; hash.len()];
    digest_into(hash, parts, &mut out);
    out
}

/// As [`digest`], into `out`, which has the hash's length.
pub(crate) fn digest_into(hash: Hash, parts: &[&[u8]], out: &mut [u8]) {
    if let [data] = parts {
        return ffi::digest(hash, data, out).expect(OUT_OF_MEMORY);
    }
    let mut digest = ffi::Digest::new(hash).expect(OUT_OF_MEMORY);
    for part in parts {
        digest.update(part).expect(OUT_OF_MEMORY);
    }
    digest.finish(out).expect(OUT_OF_MEMORY);
}

/// A digest under way, of data that comes in parts.
pub struct DigestStream {
    digest: ffi::Digest,
    hash: Hash,
}

impl DigestStream {
    /// Begins a digest.
    pub fn open(hash: Hash) -> Self {
        Self { digest: ffi::Digest::new(hash).expect(OUT_OF_MEMORY), hash }
    }

    /// Takes the next part.
    pub fn update(&mut self, data: &[u8]) {
        self.digest.update(data).expect(OUT_OF_MEMORY);
    }

    /// The digest of all parts.
    pub fn finish(self) -> Vec<u8> {
        let mut out = vec![0; self.hash.len()];
        self.digest.finish(&mut out).expect(OUT_OF_MEMORY);
        out
    }
}

/// The one way in which the engine's hash functions fail; Rust's own allocations end the same way.
const OUT_OF_MEMORY: &str = "no memory for a digest";

/// For tests: vectors are published in hexadecimal.
#[cfg(test)]
pub(crate) mod hex {
    /// To bytes; white space doesn't count.
    pub(crate) fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|digit| !digit.is_whitespace())
            .map(|digit| digit.to_digit(16).expect("a hexadecimal digit") as u8)
            .collect();
        assert!(digits.len().is_multiple_of(2), "half a byte in {text:?}");
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// From bytes.
    pub(crate) fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::hex::hex;
    use super::*;

    /// The standards' example message "abc", and the empty one.
    #[test]
    fn known_answers() {
        let answers = [
            (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Hash::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                Hash::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                 8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                Hash::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (Hash::Sha512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
            (Hash::Sha512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
            (Hash::Sha3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
            (Hash::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
            (
                Hash::Sha3_384,
                "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2\
                 98d88cea927ac7f539f1edf228376d25",
            ),
            (
                Hash::Sha3_512,
                "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
                 10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
            ),
            (Hash::Md5, "900150983cd24fb0d6963f7d28e17f72"),
        ];
        for (hash, expected) in answers {
            assert_eq!(hex(&digest(hash, &[b"abc"])), expected, "{hash:?}");
            assert_eq!(hex(&digest(hash, &[b"a", b"", b"bc"])), expected, "{hash:?}");
        }
        assert_eq!(hex(&digest(Hash::Sha1, &[])), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(hex(&digest(Hash::Sha1, &[b""])), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }

    #[test]
    fn a_stream_equals_one_shot_at_every_split() {
        let data: Vec<u8> = (0..=255).collect();
        for hash in Hash::ALL {
            let whole = digest(hash, &[&data]);
            for split in 0..=data.len() {
                let mut stream = DigestStream::open(hash);
                stream.update(&data[..split]);
                stream.update(&data[split..]);
                assert_eq!(stream.finish(), whole, "{hash:?} at {split}");
            }
        }
    }
}
