//! ML-KEM against the crate `ml-kem`.

use ml_kem::kem::{Decapsulate, KeyExport, TryKeyInit};
use ml_kem::{B32, DecapsulationKey, EncapsulationKey, MlKem512, MlKem768, MlKem1024, Seed};
use strongroom_crypto::{decapsulate, encapsulate, random};
use strongroom_model::{
    AttributeType as A, Attributes, KeyType, Mechanism, MechanismType, ObjectClass, Params, ReturnCode,
};

use crate::common::{altered, imported, made, refusal, set, survive_encoding};

const KEM: Mechanism = Mechanism::plain(MechanismType::ML_KEM);
const KEY: KeyType = KeyType::MlKem;
/// Parameter set; lengths of public key, private key, and ciphertext in bytes (FIPS 203 table 3).
const SETS: [(u64, usize, usize, usize); 3] =
    [(1, 800, 1632, 768), (2, 1184, 2400, 1088), (3, 1568, 3168, 1568)];

/// The other implementation's ciphertext for a public key, with the secret; and the secret of a ciphertext for a seed.
macro_rules! other {
    ($set:ident) => {
        (
            (|public: &[u8]| {
                let key = EncapsulationKey::<$set>::new_from_slice(public).expect("a public key");
                let (ciphertext, secret) = key.encapsulate_deterministic(&B32::from(random::bytes::<32>()));
                (ciphertext.to_vec(), secret.to_vec())
            }) as fn(&[u8]) -> (Vec<u8>, Vec<u8>),
            (|seed: &[u8], ciphertext: &[u8]| {
                let key = DecapsulationKey::<$set>::from_seed(Seed::try_from(seed).expect("a seed"));
                let secret = key.decapsulate_slice(ciphertext).expect("a secret");
                (secret.to_vec(), key.encapsulation_key().to_bytes().to_vec())
            }) as fn(&[u8], &[u8]) -> (Vec<u8>, Vec<u8>),
        )
    };
}

#[test]
fn secrets_are_those_of_the_second_implementation() {
    let others = [other!(MlKem512), other!(MlKem768), other!(MlKem1024)];
    for ((number, public_len, private_len, ciphertext_len), (encapsulated, decapsulated)) in
        SETS.into_iter().zip(others)
    {
        for _ in 0..8 {
            let pair = made(MechanismType::ML_KEM_KEY_PAIR_GEN, number);
            let public = pair.public.bytes(A::VALUE).unwrap();
            let seed = pair.private.bytes(A::SEED).unwrap();
            assert_eq!((public.len(), seed.len()), (public_len, 64));
            assert_eq!(pair.private.bytes(A::VALUE).unwrap().len(), private_len);
            assert_eq!((pair.key.size(), pair.public_key.size()), (number as u32, number as u32));

            let (ciphertext, secret) = encapsulated(public);
            assert_eq!(decapsulate(&pair.key, &KEM, &ciphertext).unwrap().as_slice(), secret);
            let ours = encapsulate(&pair.public_key, &KEM).unwrap();
            assert_eq!(ours.ciphertext.len(), ciphertext_len);
            let (theirs, their_public) = decapsulated(seed, &ours.ciphertext);
            assert_eq!(ours.secret.as_slice(), theirs);
            assert_eq!(their_public, public);

            // A ciphertext that was tampered with gives another secret, always the same one (implicit rejection).
            let bad = altered(&ours.ciphertext, ciphertext_len / 2);
            let made_up = decapsulate(&pair.key, &KEM, &bad).unwrap();
            assert_ne!(made_up, ours.secret);
            assert_eq!(decapsulated(seed, &bad).0, made_up.as_slice());
        }
    }
}

#[test]
fn a_seed_an_expanded_key_and_both_make_the_same_key() {
    for (number, ..) in SETS {
        let pair = made(MechanismType::ML_KEM_KEY_PAIR_GEN, number);
        survive_encoding(&pair, KEY);
        let (seed, value) = (pair.private.get(A::SEED).unwrap(), pair.private.get(A::VALUE).unwrap());
        let parts: [&[_]; 3] =
            [&[(A::SEED, seed)], &[(A::VALUE, value)], &[(A::SEED, seed), (A::VALUE, value)]];
        let sent = encapsulate(&pair.public_key, &KEM).unwrap();
        for parts in parts {
            let template = parts.iter().fold(set(number), |template, (attribute, value)| {
                template.with(*attribute, (*value).clone())
            });
            let key = imported(ObjectClass::PrivateKey, KEY, &template).unwrap();
            assert_eq!(decapsulate(&key, &KEM, &sent.ciphertext).unwrap(), sent.secret);
            assert_eq!(key.public_key_info().unwrap(), pair.public_key.public_key_info().unwrap());
        }
    }
}

#[test]
fn keys_that_are_none_are_refused() {
    for (number, ..) in SETS {
        let (pair, other) = (
            made(MechanismType::ML_KEM_KEY_PAIR_GEN, number),
            made(MechanismType::ML_KEM_KEY_PAIR_GEN, number),
        );
        let value = pair.private.bytes(A::VALUE).unwrap();
        let seed = pair.private.bytes(A::SEED).unwrap();
        let private = |template: Attributes| refusal(imported(ObjectClass::PrivateKey, KEY, &template));
        let public = |template: Attributes| refusal(imported(ObjectClass::PublicKey, KEY, &template));
        let invalid = ReturnCode::ATTRIBUTE_VALUE_INVALID;

        let strange = other.private.get(A::VALUE).unwrap().clone();
        assert_eq!(private(set(number).with(A::SEED, seed).with(A::VALUE, strange)), invalid);
        assert_eq!(private(set(number).with(A::SEED, &seed[1..])), invalid);
        assert_eq!(private(set(number).with(A::VALUE, &value[1..])), invalid);
        // The hash of the public key within, and that public key.
        assert_eq!(private(set(number).with(A::VALUE, altered(value, value.len() - 40))), invalid);
        assert_eq!(private(set(number).with(A::VALUE, altered(value, value.len() - 80))), invalid);
        assert_eq!(private(set(number)), ReturnCode::TEMPLATE_INCOMPLETE);
        assert_eq!(private(Attributes::new().with(A::SEED, seed)), ReturnCode::TEMPLATE_INCOMPLETE);
        for absurd in [0, 4, u64::MAX] {
            assert_eq!(private(set(absurd).with(A::SEED, seed)), ReturnCode::PARAMETER_SET_NOT_SUPPORTED);
        }

        let value = pair.public.bytes(A::VALUE).unwrap();
        assert_eq!(public(set(number).with(A::VALUE, &value[1..])), invalid);
        assert_eq!(public(set(number % 3 + 1).with(A::VALUE, value)), invalid);
        // Coefficients above the modulus (FIPS 203 section 7.2).
        let unreduced = [&[0xff; 3][..], &value[3..]].concat();
        assert_eq!(public(set(number).with(A::VALUE, unreduced)), invalid);
        assert_eq!(public(set(number)), ReturnCode::TEMPLATE_INCOMPLETE);
    }
}

#[test]
fn the_wrong_half_ciphertexts_of_another_length_and_parameters_are_refused() {
    let pair = made(MechanismType::ML_KEM_KEY_PAIR_GEN, 2);
    assert_eq!(refusal(encapsulate(&pair.key, &KEM)), ReturnCode::KEY_TYPE_INCONSISTENT);
    let sent = encapsulate(&pair.public_key, &KEM).unwrap();
    assert_eq!(
        refusal(decapsulate(&pair.public_key, &KEM, &sent.ciphertext)),
        ReturnCode::KEY_TYPE_INCONSISTENT
    );
    for len in [0, 768, sent.ciphertext.len() - 1] {
        let cut = decapsulate(&pair.key, &KEM, &sent.ciphertext[..len]);
        assert_eq!(refusal(cut), ReturnCode::WRAPPED_KEY_LEN_RANGE);
    }
    let odd = Mechanism { kind: MechanismType::ML_KEM, params: Params::Iv([0; 16].into()) };
    assert_eq!(refusal(encapsulate(&pair.public_key, &odd)), ReturnCode::MECHANISM_PARAM_INVALID);
    assert_eq!(refusal(decapsulate(&pair.key, &odd, &sent.ciphertext)), ReturnCode::MECHANISM_PARAM_INVALID);
}
