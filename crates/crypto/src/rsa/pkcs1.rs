//! PKCS #1 v1.5 padding (RFC 8017 sections 7.2 and 9.2).

use strongroom_model::Hash;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

use crate::mac;

/// What the padding takes at least, in bytes.
pub(super) const OVERHEAD: usize = 11;

/// A DigestInfo up to the digest.
pub(super) fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    // id-sha1 is 1.3.14.3.2.26, id-md5 1.2.840.113549.2.5; the others are 2.16.840.1.101.3.4.2.x.
    let nist = |arc| [&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02][..], &[arc]].concat();
    let oid = match hash {
        Hash::Sha1 => vec![0x2b, 0x0e, 0x03, 0x02, 0x1a],
        Hash::Sha224 => nist(4),
        Hash::Sha256 => nist(1),
        Hash::Sha384 => nist(2),
        Hash::Sha512 => nist(3),
        Hash::Sha512_224 => nist(5),
        Hash::Sha512_256 => nist(6),
        Hash::Sha3_224 => nist(7),
        Hash::Sha3_256 => nist(8),
        Hash::Sha3_384 => nist(9),
        Hash::Sha3_512 => nist(10),
        Hash::Md5 => vec![0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05],
    };
    // All lengths are below 128, where DER's lengths are single bytes.
    let tlv = |tag: u8, value: &[u8]| [&[tag, value.len() as u8][..], value].concat();
    let algorithm = tlv(0x30, &[&tlv(0x06, &oid)[..], &[0x05, 0x00]].concat());
    tlv(0x30, &[algorithm, tlv(0x04, digest)].concat())
}

/// The padded block under a signature over `data`, which must leave room for the padding.
pub(super) fn block_type_1(data: &[u8], len: usize) -> Vec<u8> {
    let mut block = vec![0xff; len];
    block[0] = 0;
    block[1] = 1;
    let start = len - data.len();
    block[start - 1] = 0;
    block[start..].copy_from_slice(data);
    block
}

/// What [`block_type_1`] padded; `None` if the padding is bad. Nothing of it is secret.
pub(super) fn unpad_type_1(block: &[u8]) -> Option<&[u8]> {
    let padded = block.strip_prefix(&[0, 1])?;
    let padding = padded.iter().position(|byte| *byte != 0xff)?;
    // At least eight bytes of padding between the type and the separator.
    (padding >= 8 && padded[padding] == 0).then(|| &padded[padding + 1..])
}

/// Takes the padding off a decrypted block. A block whose padding is bad yields another message, as
/// draft-irtf-cfrg-rsa-guidance section 7 makes it: random to the eye, of random length, but always the
/// same for the same key and ciphertext. Time and memory access depend on the length of the answer only.
///
/// Where only some `lengths` will do (none given: any), a message of another length counts as bad, and
/// the one made up is of one of them; all must fit in the block.
///
/// `secret` is the SHA-256 of the private exponent. The message is at the end of the block; its length
/// is returned.
pub(super) fn unpad_type_2(block: &mut [u8], ciphertext: &[u8], secret: &[u8], lengths: &[u32]) -> usize {
    let (alternative, mut alternative_len) = alternative(ciphertext, secret, block.len());
    let (mut good, real_len) = message_len(block);
    if !lengths.is_empty() {
        let mut will_do = Choice::from(0);
        let (picked, mut picked_len) = (alternative_len % lengths.len() as u32, 0);
        for (at, len) in (0u32..).zip(lengths) {
            will_do |= real_len.ct_eq(len);
            picked_len.conditional_assign(len, at.ct_eq(&picked));
        }
        good &= will_do;
        alternative_len = picked_len;
    }
    for (byte, other) in block.iter_mut().zip(alternative.iter()) {
        byte.conditional_assign(other, !good);
    }
    u32::conditional_select(&alternative_len, &real_len, good) as usize
}

/// Whether the padding is good, and the length of the message behind it.
fn message_len(block: &[u8]) -> (Choice, u32) {
    let mut good = block[0].ct_eq(&0) & block[1].ct_eq(&2);
    let mut found = Choice::from(0);
    let mut separator = 0;
    for (at, byte) in (0u32..).zip(block).skip(2) {
        let first = byte.ct_eq(&0) & !found;
        separator.conditional_assign(&at, first);
        found |= first;
    }
    // At least eight bytes of padding between the type and the separator.
    good &= found & separator.ct_gt(&9);
    (good, block.len() as u32 - 1 - separator)
}

/// The message that a bad block yields, at the end of a block, and its length.
fn alternative(ciphertext: &[u8], secret: &[u8], len: usize) -> (Zeroizing<Vec<u8>>, u32) {
    let key = Zeroizing::new(mac::hmac(Hash::Sha256, secret, &[ciphertext]));
    let lengths = stretch(&key, b"length", 256);
    let longest = (len - OVERHEAD) as u32;
    // The smallest 2^x - 1 that has room for the longest length.
    let mask = (longest + 1).next_power_of_two() - 1;
    let mut chosen = 0;
    for candidate in lengths.chunks_exact(2) {
        let candidate = u32::from(u16::from_be_bytes([candidate[0], candidate[1]])) & mask;
        chosen.conditional_assign(&candidate, !candidate.ct_gt(&longest));
    }
    (stretch(&key, b"message", len), chosen)
}

/// The draft's IRPRF: `len` pseudo-random bytes for a label.
fn stretch(key: &[u8], label: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    let bits = (len as u16 * 8).to_be_bytes();
    let mut output = Zeroizing::new(Vec::with_capacity(len + Hash::Sha256.len()));
    for counter in 0u16.. {
        if output.len() >= len {
            break;
        }
        output.extend_from_slice(&Zeroizing::new(mac::hmac(
            Hash::Sha256,
            key,
            &[&counter.to_be_bytes(), label, &bits],
        )));
    }
    output.truncate(len);
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_blocks_give_back_what_they_pad() {
        for data in [&b""[..], b"a", b"\x00\xff\x00", &[7; 53]] {
            assert_eq!(unpad_type_1(&block_type_1(data, 64)), Some(data));
        }
        for bad in [&[0, 1][..], &[0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 9], &[0xff; 64], &[]] {
            assert_eq!(unpad_type_1(bad), None);
        }
        let mut other = block_type_1(b"a", 64);
        other[1] = 2;
        assert_eq!(unpad_type_1(&other), None);
        other[1] = 1;
        other[20] = 0xfe;
        assert_eq!(unpad_type_1(&other), None);
    }

    #[test]
    fn padding_is_judged_as_the_standard_says() {
        let block = |head: &[u8], pad: usize, tail: &[u8]| [head, &vec![0x55; pad], tail].concat();
        for (block, wanted) in [
            (block(&[0, 2], 8, &[0, 1, 2, 3]), Some(3)),
            (block(&[0, 2], 8, &[0]), Some(0)),
            (block(&[0, 2], 8, &[0, 0, 0]), Some(2)),
            (block(&[0, 2], 7, &[0, 1, 2, 3, 4]), None),
            (block(&[0, 2], 0, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None),
            (block(&[0, 2], 20, &[]), None),
            (block(&[1, 2], 8, &[0, 1, 2, 3]), None),
            (block(&[0, 1], 8, &[0, 1, 2, 3]), None),
        ] {
            let (good, len) = message_len(&block);
            assert_eq!(bool::from(good).then_some(len), wanted, "{block:?}");
        }
    }
}
