//! ML-DSA against the crate `ml-dsa`.

use ml_dsa::{
    B32, EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, SigningKey, VerifyingKey,
};
use strongroom_crypto::{Input, Key, Stream, StreamKind, digest, random, sign, verify};
use strongroom_model::{
    Algorithm, AttributeType as A, Attributes, Hash, Hedge, KeyType, MECHANISMS, Mechanism, MechanismType,
    ObjectClass, Params, ReturnCode, SignContext,
};

use crate::common::{altered, imported, in_parts, made, refusal, set, survive_encoding, with};

const KEY: KeyType = KeyType::MlDsa;
/// Parameter set; lengths of public key, private key, and signature in bytes (FIPS 204 table 2).
const SETS: [(u64, usize, usize, usize); 3] =
    [(1, 1312, 2560, 2420), (2, 1952, 4032, 3309), (3, 2592, 4896, 4627)];

/// The other implementation's deterministic signature over a message with a context, for a seed; and its verdict, for a
/// public key.
type Signs = fn(&[u8], &[u8], &[u8]) -> Vec<u8>;
type Verifies = fn(&[u8], &[u8], &[u8], &[u8]) -> bool;

fn other<P: MlDsaParams>() -> (Signs, Verifies) {
    (
        |seed, message, context| {
            let key = SigningKey::<P>::from_seed(&B32::try_from(seed).expect("a seed"));
            key.expanded_key().sign_deterministic(message, context).expect("a signature").encode().to_vec()
        },
        |public, message, context, signature| {
            let public = EncodedVerifyingKey::<P>::try_from(public).expect("a public key");
            Signature::<P>::try_from(signature).is_ok_and(|signature| {
                VerifyingKey::<P>::decode(&public).verify_with_context(message, context, &signature)
            })
        },
    )
}

/// mu for a public key, a message and a context.
type Mus = fn(&[u8], &[u8], &[u8]) -> [u8; 64];

fn mu<P: MlDsaParams>(public: &[u8], message: &[u8], context: &[u8]) -> [u8; 64] {
    let key = VerifyingKey::<P>::decode(&public.try_into().expect("a public key"));
    let fed = |sponge: &mut _| {
        ml_dsa::signature::digest::Update::update(sponge, message);
        Ok(())
    };
    key.compute_mu(fed, context).expect("a context of at most 255 bytes").into()
}

#[test]
fn signatures_are_those_of_the_second_implementation() {
    let others = [other::<MlDsa44>(), other::<MlDsa65>(), other::<MlDsa87>()];
    for ((number, public_len, private_len, signature_len), (signs, verifies)) in SETS.into_iter().zip(others)
    {
        for len in [0, 1, 100, 5000] {
            let pair = made(MechanismType::ML_DSA_KEY_PAIR_GEN, number);
            let (public, seed) = (pair.public.bytes(A::VALUE).unwrap(), pair.private.bytes(A::SEED).unwrap());
            assert_eq!((public.len(), seed.len()), (public_len, 32));
            assert_eq!(pair.private.bytes(A::VALUE).unwrap().len(), private_len);
            let (message, context) = (random::blob(len), random::blob(len.min(255)));
            let fixed = with(MechanismType::ML_DSA, Hedge::Deterministic, &context);
            let expected = signs(seed, &message, &context);
            let expanded = set(number).with(A::VALUE, pair.private.get(A::VALUE).unwrap().clone());
            for key in [&pair.key, &imported(ObjectClass::PrivateKey, KEY, &expanded).unwrap()] {
                assert_eq!(sign(key, &fixed, Input::Message(&message)).unwrap().as_slice(), expected);
                assert_eq!(in_parts(key, &fixed, &message).unwrap().as_slice(), expected);
            }
            for hedge in [Hedge::Preferred, Hedge::Required] {
                let hedged = with(MechanismType::ML_DSA, hedge, &context);
                let signature = sign(&pair.key, &hedged, Input::Message(&message)).unwrap();
                assert_eq!(signature.len(), signature_len);
                assert_ne!(signature.as_slice(), expected);
                assert!(verifies(public, &message, &context, &signature));
                verify(&pair.public_key, &fixed, Input::Message(&message), &signature).unwrap();
                let mut stream = Stream::open(StreamKind::Verify, &pair.public_key, &fixed).unwrap();
                message.chunks(33).for_each(|part| drop(stream.update(part).unwrap()));
                stream.verify(&signature).unwrap();
            }
        }
    }
}

#[test]
fn what_was_changed_does_not_verify() {
    for (number, ..) in SETS {
        let pair = made(MechanismType::ML_DSA_KEY_PAIR_GEN, number);
        let mechanism = with(MechanismType::ML_DSA, Hedge::Preferred, b"context");
        let signature = sign(&pair.key, &mechanism, Input::Message(b"message")).unwrap();
        let check = |key: &Key, mechanism: &Mechanism, message: &[u8], signature: &[u8]| {
            refusal(verify(key, mechanism, Input::Message(message), signature))
        };
        let invalid = ReturnCode::SIGNATURE_INVALID;
        let public = &pair.public_key;
        assert_eq!(check(public, &mechanism, b"massage", &signature), invalid);
        assert_eq!(
            check(public, &with(MechanismType::ML_DSA, Hedge::Preferred, b"contest"), b"message", &signature),
            invalid
        );
        assert_eq!(check(public, &Mechanism::plain(MechanismType::ML_DSA), b"message", &signature), invalid);
        for at in [0, 100, signature.len() - 1] {
            assert_eq!(check(public, &mechanism, b"message", &altered(&signature, at)), invalid);
        }
        let stranger = made(MechanismType::ML_DSA_KEY_PAIR_GEN, number).public_key;
        assert_eq!(check(&stranger, &mechanism, b"message", &signature), invalid);
        for len in [0, 1, signature.len() - 1] {
            assert_eq!(
                check(public, &mechanism, b"message", &signature[..len]),
                ReturnCode::SIGNATURE_LEN_RANGE
            );
        }
        assert_eq!(
            refusal(sign(public, &mechanism, Input::Message(b"message"))),
            ReturnCode::KEY_TYPE_INCONSISTENT
        );
        assert_eq!(check(&pair.key, &mechanism, b"message", &signature), ReturnCode::KEY_TYPE_INCONSISTENT);
    }
}

/// The three ways to say which digest is signed come to the same, and differ from a signature over the message.
#[test]
fn digests_are_signed_by_any_of_three_ways() {
    let pair = made(MechanismType::ML_DSA_KEY_PAIR_GEN, 1);
    let (message, context) = (random::blob(1000), b"context".as_slice());
    let pure = sign(
        &pair.key,
        &with(MechanismType::ML_DSA, Hedge::Deterministic, context),
        Input::Message(&message),
    )
    .unwrap();
    for row in MECHANISMS.iter().filter(|row| row.algorithm == Algorithm::HashMlDsa) {
        let fixed = with(row.kind, Hedge::Deterministic, context);
        let signature = sign(&pair.key, &fixed, Input::Message(&message)).unwrap();
        assert_ne!(signature, pure);
        assert_eq!(in_parts(&pair.key, &fixed, &message).unwrap(), signature, "{}", row.name);
        verify(&pair.public_key, &fixed, Input::Message(&message), &signature).unwrap();
        let Some(hash) = row.hash else { continue };
        let digest = digest::digest(hash, &[&message]);
        assert_eq!(sign(&pair.key, &fixed, Input::Digest(&digest)).unwrap(), signature);
        let of_digest = Mechanism {
            kind: MechanismType::HASH_ML_DSA,
            params: Params::Context(SignContext {
                hedge: Hedge::Deterministic,
                context: context.into(),
                hash: Some(hash),
            }),
        };
        assert_eq!(sign(&pair.key, &of_digest, Input::Message(&digest)).unwrap(), signature, "{}", row.name);
        let short = sign(&pair.key, &of_digest, Input::Message(&digest[1..]));
        assert_eq!(refusal(short), ReturnCode::DATA_LEN_RANGE);
        verify(&pair.public_key, &of_digest, Input::Message(&digest), &signature).unwrap();
    }
    for hash in [None, Some(Hash::Sha1), Some(Hash::Md5)] {
        let odd = Mechanism {
            kind: MechanismType::HASH_ML_DSA,
            params: Params::Context(SignContext { hash, ..SignContext::default() }),
        };
        assert_eq!(
            refusal(sign(&pair.key, &odd, Input::Message(&[0; 20]))),
            ReturnCode::MECHANISM_PARAM_INVALID
        );
    }
    for kind in [MechanismType::HASH_ML_DSA, MechanismType::HASH_ML_DSA_SHA256] {
        let longer = with(kind, Hedge::Preferred, &[0; 256]);
        assert_eq!(
            refusal(sign(&pair.key, &longer, Input::Message(&[0; 32]))),
            ReturnCode::MECHANISM_PARAM_INVALID
        );
    }
}

/// mu as the other implementation makes it.
#[test]
fn mu_from_outside_gives_the_signature_of_the_message() {
    let others: [Mus; 3] = [mu::<MlDsa44>, mu::<MlDsa65>, mu::<MlDsa87>];
    for ((number, ..), mu) in SETS.into_iter().zip(others) {
        let pair = made(MechanismType::ML_DSA_KEY_PAIR_GEN, number);
        let mu = mu(pair.public.bytes(A::VALUE).unwrap(), b"message", b"context");
        let kind = MechanismType::STRONGROOM_ML_DSA_EXTERNAL_MU;
        let whole = with(MechanismType::ML_DSA, Hedge::Deterministic, b"context");
        let signature = sign(&pair.key, &with(kind, Hedge::Deterministic, b""), Input::Message(&mu)).unwrap();
        assert_eq!(sign(&pair.key, &whole, Input::Message(b"message")).unwrap(), signature);
        verify(&pair.public_key, &Mechanism::plain(kind), Input::Message(&mu), &signature).unwrap();
        for wrong in [&mu[1..], &[], b"message"] {
            let refused = sign(&pair.key, &Mechanism::plain(kind), Input::Message(wrong));
            assert_eq!(refusal(refused), ReturnCode::DATA_LEN_RANGE);
        }
        let twice = with(kind, Hedge::Preferred, b"context");
        assert_eq!(
            refusal(sign(&pair.key, &twice, Input::Message(&mu))),
            ReturnCode::MECHANISM_PARAM_INVALID
        );
    }
}

#[test]
fn keys_come_as_seed_or_expanded_and_must_be_whole() {
    for (number, ..) in SETS {
        let pair = made(MechanismType::ML_DSA_KEY_PAIR_GEN, number);
        let other = made(MechanismType::ML_DSA_KEY_PAIR_GEN, number);
        survive_encoding(&pair, KEY);
        let (seed, value) = (pair.private.bytes(A::SEED).unwrap(), pair.private.bytes(A::VALUE).unwrap());
        for parts in [
            set(number).with(A::SEED, seed),
            set(number).with(A::VALUE, value),
            set(number).with(A::SEED, seed).with(A::VALUE, value),
        ] {
            let key = imported(ObjectClass::PrivateKey, KEY, &parts).unwrap();
            assert_eq!(key.public_key_info().unwrap(), pair.key.public_key_info().unwrap());
        }
        let private = |template: Attributes| refusal(imported(ObjectClass::PrivateKey, KEY, &template));
        let invalid = ReturnCode::ATTRIBUTE_VALUE_INVALID;
        let strange = other.private.get(A::VALUE).unwrap().clone();
        assert_eq!(private(set(number).with(A::SEED, seed).with(A::VALUE, strange)), invalid);
        assert_eq!(private(set(number).with(A::SEED, &value[..33])), invalid);
        assert_eq!(private(set(number).with(A::VALUE, &value[1..])), invalid);
        assert_eq!(private(set(number).with(A::VALUE, seed)), invalid);
        // tr isn't the hash of the public key; s1 out of range.
        assert_eq!(private(set(number).with(A::VALUE, altered(value, 64))), invalid);
        let mut wild = value.to_vec();
        wild[128..132].fill(0xff);
        assert_eq!(private(set(number).with(A::VALUE, wild)), invalid);
        assert_eq!(private(set(number)), ReturnCode::TEMPLATE_INCOMPLETE);
        assert_eq!(private(set(9).with(A::SEED, seed)), ReturnCode::PARAMETER_SET_NOT_SUPPORTED);
        let public = pair.public.bytes(A::VALUE).unwrap();
        let cut = set(number).with(A::VALUE, &public[1..]);
        assert_eq!(refusal(imported(ObjectClass::PublicKey, KEY, &cut)), invalid);
    }
}
