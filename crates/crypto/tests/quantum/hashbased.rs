//! HSS and XMSS: signatures that the crates `hbs-lms` and `xmss` make, verified.

use hbs_lms::signature::SignerMut;
use hbs_lms::{
    HashChain, HssParameter, LmotsAlgorithm, LmsAlgorithm, Seed, Sha256_192, Sha256_256, Shake256_192,
    Shake256_256,
};
use strongroom_crypto::{Input, Key, Stream, StreamKind, from_public_key_info, random, sign, verify};
use strongroom_model::{
    AttributeType as A, Attributes, KeyType, Mechanism, MechanismType, ObjectClass, ReturnCode,
};
use xmss::{
    KeyPair, XmssMtSha2_20_4_192, XmssMtSha2_20_4_256, XmssMtSha2_40_8_512, XmssMtShake_20_4_256,
    XmssMtShake_20_4_512, XmssMtShake256_20_4_192, XmssMtShake256_60_12_256, XmssParameter, XmssSha2_10_256,
};

use crate::common::{altered, imported, refusal};

fn public(value: &[u8]) -> Attributes {
    Attributes::new().with(A::VALUE, value)
}

/// The signature verifies whole and in parts; anything changed, cut or added doesn't.
#[track_caller]
fn judge(kind: MechanismType, key_type: KeyType, value: &[u8], message: &[u8], signature: &[u8]) -> Key {
    let key = imported(ObjectClass::PublicKey, key_type, &public(value)).unwrap();
    let mechanism = Mechanism::plain(kind);
    let check =
        |message: &[u8], signature: &[u8]| verify(&key, &mechanism, Input::Message(message), signature);
    check(message, signature).unwrap();
    let mut stream = Stream::open(StreamKind::Verify, &key, &mechanism).unwrap();
    message.chunks(7).for_each(|part| drop(stream.update(part).unwrap()));
    stream.verify(signature).unwrap();

    let invalid = ReturnCode::SIGNATURE_INVALID;
    assert_eq!(refusal(check(b"another message", signature)), invalid);
    for at in [0, 3, 5, 40, signature.len() / 2, signature.len() - 1] {
        assert_eq!(refusal(check(message, &altered(signature, at))), invalid, "byte {at}");
    }
    for damaged in [&signature[..signature.len() - 1], &[signature, &[0]].concat(), &signature[..8], &[]] {
        assert_eq!(refusal(check(message, damaged)), invalid);
    }
    let other = imported(ObjectClass::PublicKey, key_type, &public(&altered(value, value.len() - 1)));
    let verdict = verify(&other.unwrap(), &mechanism, Input::Message(message), signature);
    assert_eq!(refusal(verdict), invalid);
    assert_eq!(refusal(sign(&key, &mechanism, Input::Message(message))), ReturnCode::MECHANISM_INVALID);

    let der = key.public_key_info().unwrap();
    let (actual, attributes) = from_public_key_info(&der).unwrap();
    assert_eq!((actual, attributes.bytes(A::VALUE)), (key_type, Some(value)));
    for len in 0..value.len() {
        let cut = imported(ObjectClass::PublicKey, key_type, &public(&value[..len]));
        assert_eq!(refusal(cut), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    }
    key
}

/// Which of the four hash functions of the registry, and its length in bytes.
type HashOf = (u32, usize);

fn hss<H: HashChain>((hash, len): HashOf, levels: &[(LmotsAlgorithm, LmsAlgorithm)]) {
    let parameters: Vec<_> = levels.iter().map(|(ots, tree)| HssParameter::<H>::new(*ots, *tree)).collect();
    let mut seed = Seed::default();
    random::fill(seed.as_mut_slice());
    let (mut private, public) = hbs_lms::keygen::<H>(&parameters, &seed, None).expect("a key pair");
    let mut public = public.as_slice().to_vec();
    // The crate numbers all types as those of SHA-256; SP 800-208 has five trees and four one-time signatures of each
    // hash. They aren't part of what is signed by one level.
    raise(&mut public, 4, 5 * hash);
    raise(&mut public, 8, 4 * hash);
    for message_len in [0, 100] {
        let message = random::blob(message_len);
        let mut signature = private.try_sign(&message).expect("a signature").as_ref().to_vec();
        if hash > 0 {
            let path = 5 * len;
            let tree = signature.len() - path - 4;
            raise(&mut signature, 8, 4 * hash);
            raise(&mut signature, tree, 5 * hash);
        }
        judge(MechanismType::HSS, KeyType::Hss, &public, &message, &signature);
    }
}

/// Adds to a number of four bytes.
fn raise(bytes: &mut [u8], at: usize, by: u32) {
    let number: [u8; 4] = bytes[at..at + 4].try_into().expect("four bytes");
    bytes[at..at + 4].copy_from_slice(&(u32::from_be_bytes(number) + by).to_be_bytes());
}

#[test]
fn hss_signatures_of_another_implementation_verify() {
    use LmotsAlgorithm::{LmotsW1, LmotsW2, LmotsW4, LmotsW8};
    hss::<Sha256_256>((0, 32), &[(LmotsW1, LmsAlgorithm::LmsH5)]);
    hss::<Sha256_256>((0, 32), &[(LmotsW8, LmsAlgorithm::LmsH5), (LmotsW4, LmsAlgorithm::LmsH5)]);
    hss::<Sha256_256>((0, 32), &[(LmotsW2, LmsAlgorithm::LmsH10)]);
    hss::<Shake256_256>((2, 32), &[(LmotsW1, LmsAlgorithm::LmsH5)]);
    // With digits of one bit and hashes of 192, the crate moves checksums by 7 bits, not by 8 as SP 800-208 has it.
    for ots in [LmotsW2, LmotsW4, LmotsW8] {
        hss::<Sha256_192>((1, 24), &[(ots, LmsAlgorithm::LmsH5)]);
        hss::<Shake256_256>((2, 32), &[(ots, LmsAlgorithm::LmsH5)]);
        hss::<Shake256_192>((3, 24), &[(ots, LmsAlgorithm::LmsH5)]);
    }
}

fn xmss<P: XmssParameter>(number: u64) {
    let key_type = if number >> 32 == 0 { KeyType::Xmss } else { KeyType::XmssMt };
    let kind = if number >> 32 == 0 { MechanismType::XMSS } else { MechanismType::XMSSMT };
    let mut pair = KeyPair::<P>::generate(&mut rand::rng()).expect("a key pair");
    let value = pair.verifying_key().as_ref().to_vec();
    assert_eq!(value[..4], (number as u32).to_be_bytes());
    // The second signature is by another leaf, with another path.
    for len in [0, 100] {
        let message = random::blob(len);
        let signature = pair.signing_key().sign_detached(&message).expect("a signature");
        let key = judge(kind, key_type, &value, &message, signature.as_ref());
        assert_eq!(key.size(), 0);
    }
}

#[test]
fn xmss_signatures_of_another_implementation_verify() {
    xmss::<XmssSha2_10_256>(1);
}

#[test]
fn layered_xmss_signatures_of_another_implementation_verify() {
    const LAYERED: u64 = 1 << 32;
    xmss::<XmssMtSha2_20_4_256>(LAYERED | 2);
    xmss::<XmssMtSha2_40_8_512>(LAYERED | 13);
    xmss::<XmssMtShake_20_4_256>(LAYERED | 0x12);
    xmss::<XmssMtShake_20_4_512>(LAYERED | 0x1a);
    xmss::<XmssMtSha2_20_4_192>(LAYERED | 0x22);
    xmss::<XmssMtShake256_60_12_256>(LAYERED | 0x30);
    xmss::<XmssMtShake256_20_4_192>(LAYERED | 0x32);
}

#[test]
fn keys_that_are_none_are_refused() {
    let refused =
        |key_type, value: &[u8]| refusal(imported(ObjectClass::PublicKey, key_type, &public(value)));
    let invalid = ReturnCode::ATTRIBUTE_VALUE_INVALID;
    let of = |words: &[u32], rest: usize| {
        let mut value: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        value.resize(value.len() + rest, 7);
        value
    };
    // Levels 0 and 9; types that aren't known; a tree and a one-time signature of different hashes.
    for words in [[0, 5, 1], [9, 5, 1], [1, 4, 1], [1, 25, 1], [1, 5, 0], [1, 5, 17], [1, 5, 9]] {
        assert_eq!(refused(KeyType::Hss, &of(&words, 48)), invalid, "{words:?}");
    }
    let hss = Attributes::new().with(A::VALUE, of(&[1, 5, 1], 48));
    let key = imported(ObjectClass::PublicKey, KeyType::Hss, &hss).unwrap();
    let strange = verify(&key, &Mechanism::plain(MechanismType::XMSS), Input::Message(b""), b"");
    assert_eq!(refusal(strange), ReturnCode::KEY_TYPE_INCONSISTENT);
    for (key_type, number) in
        [(KeyType::Xmss, 0), (KeyType::Xmss, 22), (KeyType::XmssMt, 0), (KeyType::XmssMt, 57)]
    {
        assert_eq!(refused(key_type, &of(&[number], 64)), invalid);
    }
    let private = imported(ObjectClass::PrivateKey, KeyType::Hss, &hss);
    assert_eq!(refusal(private), ReturnCode::TEMPLATE_INCONSISTENT);
}
