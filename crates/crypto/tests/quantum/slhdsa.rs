//! SLH-DSA against the crate `fips205`. Signing takes from hundredths of a second to a second, so that each set signs as
//! little as possible.

use fips205::traits::{SerDes, Signer, Verifier};
use strongroom_crypto::{Input, digest, random, sign, verify};
use strongroom_model::{
    AttributeType as A, Hash, Hedge, KeyType, Mechanism, MechanismType, ObjectClass, ReturnCode,
};

use crate::common::{altered, imported, in_parts, made, refusal, set, survive_encoding, with};

const KEY: KeyType = KeyType::SlhDsa;

/// The other implementation's deterministic signature over a message with a context; and over its SHA-256.
type Signs = fn(&[u8], &[u8], &[u8]) -> [Vec<u8>; 2];
/// Its verdict on a signature over the message.
type Verifies = fn(&[u8], &[u8], &[u8], &[u8]) -> bool;

macro_rules! other {
    ($set:ident) => {
        (
            (|private: &[u8], message: &[u8], context: &[u8]| {
                let key = fips205::$set::PrivateKey::try_from_bytes(private.try_into().expect("a length"));
                let key = key.expect("a private key");
                let pure = key.try_sign(message, context, false).expect("a signature");
                let hashed = key.try_hash_sign(
                    &digest::digest(Hash::Sha256, &[message]),
                    context,
                    &fips205::pre_hash::SHA2_256,
                    false,
                );
                [pure.to_vec(), hashed.expect("a signature").to_vec()]
            }) as Signs,
            (|public: &[u8], message: &[u8], context: &[u8], signature: &[u8]| {
                let key = fips205::$set::PublicKey::try_from_bytes(public.try_into().expect("a length"));
                let signature = signature.try_into().expect("a length");
                key.expect("a public key").verify(message, signature, context)
            }) as Verifies,
        )
    };
}

/// Parameter set, n, length of a signature in bytes (FIPS 205 table 2), and the other implementation of it.
fn sets() -> [(u64, usize, usize, (Signs, Verifies)); 12] {
    [
        (1, 16, 7856, other!(slh_dsa_sha2_128s)),
        (2, 16, 7856, other!(slh_dsa_shake_128s)),
        (3, 16, 17088, other!(slh_dsa_sha2_128f)),
        (4, 16, 17088, other!(slh_dsa_shake_128f)),
        (5, 24, 16224, other!(slh_dsa_sha2_192s)),
        (6, 24, 16224, other!(slh_dsa_shake_192s)),
        (7, 24, 35664, other!(slh_dsa_sha2_192f)),
        (8, 24, 35664, other!(slh_dsa_shake_192f)),
        (9, 32, 29792, other!(slh_dsa_sha2_256s)),
        (10, 32, 29792, other!(slh_dsa_shake_256s)),
        (11, 32, 49856, other!(slh_dsa_sha2_256f)),
        (12, 32, 49856, other!(slh_dsa_shake_256f)),
    ]
}

/// All twelve sign and verify as the other implementation does, pure; those of fast signatures over digests, too.
#[test]
fn signatures_are_those_of_the_second_implementation() {
    for (number, n, signature_len, (signs, verifies)) in sets() {
        let pair = made(MechanismType::SLH_DSA_KEY_PAIR_GEN, number);
        let (public, private) = (pair.public.bytes(A::VALUE).unwrap(), pair.private.bytes(A::VALUE).unwrap());
        assert_eq!((public.len(), private.len()), (2 * n, 4 * n));
        assert!(!pair.private.contains(A::SEED));
        let (message, context) = (random::blob(100), random::blob(number as usize * 20));
        let fast = signature_len > 17000 && n < 32;
        let hedged = with(MechanismType::SLH_DSA, Hedge::Required, &context);
        let signature = sign(&pair.key, &hedged, Input::Message(&message)).unwrap();
        assert_eq!(signature.len(), signature_len);
        assert!(verifies(public, &message, &context, &signature));
        verify(&pair.public_key, &hedged, Input::Message(&message), &signature).unwrap();
        let changed = verify(&pair.public_key, &hedged, Input::Message(b"another"), &signature);
        assert_eq!(refusal(changed), ReturnCode::SIGNATURE_INVALID);
        let damaged = altered(&signature, signature_len - 1);
        let changed = verify(&pair.public_key, &hedged, Input::Message(&message), &damaged);
        assert_eq!(refusal(changed), ReturnCode::SIGNATURE_INVALID);
        let cut = verify(&pair.public_key, &hedged, Input::Message(&message), &signature[1..]);
        assert_eq!(refusal(cut), ReturnCode::SIGNATURE_LEN_RANGE);
        if fast {
            let [pure, hashed] = signs(private, &message, &context);
            let fixed = with(MechanismType::SLH_DSA, Hedge::Deterministic, &context);
            assert_eq!(sign(&pair.key, &fixed, Input::Message(&message)).unwrap().as_slice(), pure);
            assert_eq!(in_parts(&pair.key, &fixed, &message).unwrap().as_slice(), pure);
            let fixed = with(MechanismType::HASH_SLH_DSA_SHA256, Hedge::Deterministic, &context);
            assert_eq!(sign(&pair.key, &fixed, Input::Message(&message)).unwrap().as_slice(), hashed);
            let fixed = with(MechanismType::HASH_SLH_DSA_SHAKE128, Hedge::Preferred, &context);
            let shaken = in_parts(&pair.key, &fixed, &message).unwrap();
            verify(&pair.public_key, &fixed, Input::Message(&message), &shaken).unwrap();
        }
    }
}

#[test]
fn keys_come_back_and_must_be_whole() {
    let pair = made(MechanismType::SLH_DSA_KEY_PAIR_GEN, 3);
    survive_encoding(&pair, KEY);
    let value = pair.private.bytes(A::VALUE).unwrap();
    let private = |template| refusal(imported(ObjectClass::PrivateKey, KEY, &template));
    let invalid = ReturnCode::ATTRIBUTE_VALUE_INVALID;
    imported(ObjectClass::PrivateKey, KEY, &set(3).with(A::VALUE, value)).unwrap();
    // Each of SK.seed, PK.seed and PK.root changes what the others should give.
    for at in [0, 32, 48] {
        assert_eq!(private(set(3).with(A::VALUE, altered(value, at))), invalid);
    }
    assert_eq!(private(set(3).with(A::VALUE, &value[1..])), invalid);
    assert_eq!(private(set(4).with(A::VALUE, value)), invalid);
    assert_eq!(private(set(5).with(A::VALUE, value)), invalid);
    assert_eq!(private(set(13).with(A::VALUE, value)), ReturnCode::PARAMETER_SET_NOT_SUPPORTED);
    assert_eq!(private(set(3)), ReturnCode::TEMPLATE_INCOMPLETE);
    let seeded = set(3).with(A::VALUE, value).with(A::SEED, value);
    assert_eq!(private(seeded), ReturnCode::TEMPLATE_INCONSISTENT);
    let other = Mechanism::plain(MechanismType::ML_DSA);
    assert_eq!(refusal(sign(&pair.key, &other, Input::Message(b"m"))), ReturnCode::KEY_TYPE_INCONSISTENT);
}
