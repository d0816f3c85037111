//! Private keys that may be given as a seed, expanded, or both: the CHOICE that PKCS#8 holds for ML-KEM (RFC 9935
//! section 6) and ML-DSA (RFC 9881 section 6).
//!
//! ```text
//! CHOICE { seed [0] IMPLICIT OCTET STRING, expandedKey OCTET STRING,
//!          both SEQUENCE { seed OCTET STRING, expandedKey OCTET STRING } }
//! ```

use p256::pkcs8::der::asn1::{AnyRef, OctetStringRef};
use p256::pkcs8::der::{self, Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};
use strongroom_model::Blob;
use zeroize::Zeroizing;

/// The number of the tag of a seed alone.
const SEED: TagNumber = TagNumber(0);

/// Encodes both where there is a seed, so that whoever takes only one of them finds it.
pub(crate) fn encode(seed: Option<&[u8]>, value: &[u8]) -> der::Result<Blob> {
    let value = OctetStringRef::new(value)?;
    let Some(seed) = seed else { return value.to_der().map(Blob::from) };
    // One allocation: what is moved leaves a copy behind.
    let mut content =
        Zeroizing::new(Vec::with_capacity(seed.len() + usize::try_from(value.encoded_len()?)? + 8));
    OctetStringRef::new(seed)?.encode_to_vec(&mut content)?;
    value.encode_to_vec(&mut content)?;
    AnyRef::new(Tag::Sequence, &content)?.to_der().map(Blob::from)
}

/// The seed and the expanded key.
pub(crate) type Parts<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// The parts that are there; at least one is.
pub(crate) fn decode(der: &[u8]) -> der::Result<Parts<'_>> {
    let choice = AnyRef::from_der(der)?;
    match choice.tag() {
        Tag::ContextSpecific { constructed: false, number: SEED } => Ok((Some(choice.value()), None)),
        Tag::OctetString => Ok((None, Some(choice.value()))),
        Tag::Sequence => {
            let mut reader = SliceReader::new(choice.value())?;
            let seed = <&OctetStringRef>::decode(&mut reader)?.as_bytes();
            let value = <&OctetStringRef>::decode(&mut reader)?.as_bytes();
            reader.finish()?;
            Ok((Some(seed), Some(value)))
        }
        other => Err(other.value_error().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_read() {
        let (seed, value) = ([1; 32], [2; 300]);
        let both = encode(Some(&seed), &value).unwrap();
        assert_eq!(decode(&both).unwrap(), (Some(&seed[..]), Some(&value[..])));
        let expanded = encode(None, &value).unwrap();
        assert_eq!(decode(&expanded).unwrap(), (None, Some(&value[..])));
        let alone = [&[0x80, 32][..], &seed].concat();
        assert_eq!(decode(&alone).unwrap(), (Some(&seed[..]), None));
    }

    #[test]
    fn anything_else_is_refused() {
        let both = encode(Some(&[1; 32]), &[2; 300]).unwrap();
        let longer = [both.as_slice(), &[0]].concat();
        // An explicit tag, another number, a third element, a sequence of one.
        let others: [&[u8]; 4] =
            [&[0xa0, 3, 4, 1, 9], &[0x81, 1, 9], &[0x30, 9, 4, 1, 1, 4, 1, 2, 4, 1, 3], &[0x30, 3, 4, 1, 1]];
        for der in [&both[..both.len() - 1], &longer, &[]].into_iter().chain(others) {
            assert!(decode(der).is_err(), "{der:02x?}");
        }
    }
}
