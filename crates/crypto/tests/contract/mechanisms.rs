//! Every mechanism in the table with every kind of key and parameters, in every operation: what belongs
//! together works, all else is refused with the code that says why, and nothing panics.

use strongroom_crypto::{
    Input, Key, Stream, StreamKind, decrypt, derive, encrypt, generate_pair, generate_secret, sign, unwrap,
    verify, wrap,
};
use strongroom_model::{
    Algorithm, Attributes, Hash, KeyType, MECHANISMS, Mechanism, MechanismType, ObjectClass, Params,
    Purposes, ReturnCode,
};

use crate::common::{A, CURVES, RSA, code, ec_pair};

const MISFITS: [ReturnCode; 5] = [
    ReturnCode::KEY_TYPE_INCONSISTENT,
    ReturnCode::WRAPPING_KEY_TYPE_INCONSISTENT,
    ReturnCode::UNWRAPPING_KEY_TYPE_INCONSISTENT,
    ReturnCode::MECHANISM_INVALID,
    ReturnCode::MECHANISM_PARAM_INVALID,
];

fn all_params() -> Vec<Params> {
    let point = ec_pair(CURVES[1].1).public.bytes(A::EC_POINT).unwrap().to_vec();
    let mut all = vec![
        Params::None,
        Params::Iv([1; 16].into()),
        Params::Iv([1; 8].into()),
        Params::Iv([1; 4].into()),
        Params::Ctr { bits: 32, block: [0; 16] },
        Params::Ctr { bits: 0, block: [0; 16] },
        Params::MacLen(5),
        Params::Ccm { data_len: 20, nonce: [1; 12].into(), aad: vec![].into(), mac_len: 8 },
        Params::ChaCha20 { counter: 0, nonce: [1; 12].into() },
        Params::ChaCha20Poly1305 { nonce: [1; 12].into(), aad: vec![].into() },
        Params::Gcm { iv: [1; 12].into(), aad: vec![].into(), tag_bits: 128 },
        Params::Gcm { iv: vec![].into(), aad: vec![].into(), tag_bits: 7 },
        Params::Ecdh { kdf: None, shared: vec![].into(), public: point.clone().into() },
        Params::Ecdh { kdf: Some(Hash::Sha256.into()), shared: vec![].into(), public: point.into() },
    ];
    for hash in Hash::ALL {
        all.push(Params::Pss { hash, mgf: hash, salt: 20 });
        all.push(Params::Oaep { hash, mgf: hash, label: vec![].into() });
    }
    all
}

fn all_keys() -> Vec<(KeyType, Key)> {
    let ec = ec_pair(CURVES[1].1);
    let mut keys = vec![
        (KeyType::Rsa, RSA.key.clone()),
        (KeyType::Rsa, RSA.public_key.clone()),
        (KeyType::Ec, ec.key.clone()),
        (KeyType::Ec, ec.public_key.clone()),
    ];
    for (key_type, len) in [
        (KeyType::Aes, 16),
        (KeyType::Aes, 32),
        (KeyType::AesXts, 32),
        (KeyType::Des, 8),
        (KeyType::Des2, 16),
        (KeyType::Des3, 24),
        (KeyType::ChaCha20, 32),
        (KeyType::Poly1305, 32),
        (KeyType::GenericSecret, 64),
        (KeyType::Hmac(Hash::Sha256), 64),
    ] {
        // Bytes of odd parity, in halves that differ.
        let value: Vec<u8> = (0..len).map(|at| if at < len / 2 { 0x0b } else { 0x0d }).collect();
        let attributes = Attributes::new().with(A::VALUE, value);
        keys.push((key_type, Key::from_attributes(ObjectClass::SecretKey, key_type, &attributes).unwrap()));
    }
    keys
}

#[test]
fn whatever_doesnt_fit_is_refused() {
    let (keys, params) = (all_keys(), all_params());
    for spec in MECHANISMS {
        let mut signers = 0;
        for (key_type, key) in &keys {
            let serves = spec.key_type.is_some_and(|wanted| key_type.serves(wanted));
            for params in &params {
                let mechanism = Mechanism { kind: spec.kind, params: params.clone() };
                // The last ends as what ANSI X9.31 signs does.
                for data in [vec![], vec![3; 20], vec![3; 32], vec![3; 256], vec![0xcc; 22]] {
                    let results = [
                        code(sign(key, &mechanism, Input::Message(&data))),
                        code(sign(key, &mechanism, Input::Digest(&data))),
                        code(verify(key, &mechanism, Input::Message(&data), &data)),
                        code(encrypt(key, &mechanism, &data)),
                        code(decrypt(key, &mechanism, &data)),
                        code(derive(key, &mechanism, Some(16))),
                        code(wrap(key, &mechanism, &data)),
                        code(unwrap(key, &mechanism, &data)),
                    ];
                    for (at, result) in results.into_iter().enumerate() {
                        assert!(
                            serves || MISFITS.contains(&result),
                            "{spec:?} {key:?} {params:?} {at}: {result}"
                        );
                        assert_ne!(result, ReturnCode::FUNCTION_FAILED, "{spec:?} {key:?} {params:?} {at}");
                    }
                    signers += usize::from(results[0] == ReturnCode::OK);
                }
                for kind in [StreamKind::Encrypt, StreamKind::Decrypt, StreamKind::Sign, StreamKind::Verify] {
                    let result = code(Stream::open(kind, key, &mechanism));
                    assert!(serves || MISFITS.contains(&result), "{spec:?} {key:?} {params:?}: {result}");
                }
            }
        }
        // Only some types of key are here, and not the parameters of TLS.
        let is_tried =
            keys.iter().any(|(key_type, _)| spec.takes(*key_type)) && spec.algorithm != Algorithm::TlsMac;
        let should_sign = spec.purposes.contains(SIGN);
        assert!(signers == 0 || should_sign, "{}", spec.name);
        assert!(signers > 0 || !should_sign || !is_tried, "{}", spec.name);
    }
}

/// `CKF_SIGN`.
const SIGN: u64 = 0x800;

#[test]
fn a_key_for_one_hmac_serves_that_one_only() {
    let attributes = Attributes::new().with(A::VALUE, vec![9; 32]);
    let key = Key::from_attributes(ObjectClass::SecretKey, KeyType::Hmac(Hash::Sha256), &attributes).unwrap();
    let input = Input::Message(b"m");
    assert_eq!(code(sign(&key, &Mechanism::plain(MechanismType::SHA256_HMAC), input)), ReturnCode::OK);
    assert_eq!(
        code(sign(&key, &Mechanism::plain(MechanismType::SHA512_HMAC), input)),
        ReturnCode::KEY_TYPE_INCONSISTENT
    );
    assert_eq!(
        code(sign(&key, &Mechanism::plain(MechanismType::SHA256_HMAC), Input::Digest(&[0; 32]))),
        ReturnCode::ARGUMENTS_BAD
    );
}

#[test]
fn only_generation_generates() {
    let template = Attributes::new()
        .with(A::MODULUS_BITS, 1024)
        .with(A::EC_PARAMS, CURVES[1].1)
        .with(A::PARAMETER_SET, 1);
    for spec in MECHANISMS {
        let mechanism = Mechanism::plain(spec.kind);
        let (pair, secret) =
            (code(generate_pair(&mechanism, &template)), code(generate_secret(&mechanism, 16)));
        // Some want another template, another length, or parameters.
        for (made, purpose) in [(pair, Purposes::GENERATE_PAIR), (secret, Purposes::GENERATE)] {
            assert!(
                spec.purposes.contains(purpose) || made == ReturnCode::MECHANISM_INVALID,
                "{}",
                spec.name
            );
        }
        let usual = ["CKM_RSA_PKCS_KEY_PAIR_GEN", "CKM_EC_KEY_PAIR_GEN"].contains(&spec.name);
        assert!(pair == ReturnCode::OK || !usual, "{}", spec.name);
        let usual =
            ["CKM_AES_KEY_GEN", "CKM_GENERIC_SECRET_KEY_GEN", "CKM_DES2_KEY_GEN", "CKM_SHA256_KEY_GEN"];
        assert!(secret == ReturnCode::OK || !usual.contains(&spec.name), "{}", spec.name);
        let mechanism = Mechanism { kind: spec.kind, params: Params::Iv([0; 16].into()) };
        assert_ne!(code(generate_pair(&mechanism, &template)), ReturnCode::OK);
        assert_ne!(code(generate_secret(&mechanism, 16)), ReturnCode::OK);
    }
    let unknown = Mechanism::plain(MechanismType(0xdead_beef));
    assert_eq!(code(generate_pair(&unknown, &template)), ReturnCode::MECHANISM_INVALID);
    assert_eq!(code(sign(&RSA.key, &unknown, Input::Message(b"m"))), ReturnCode::MECHANISM_INVALID);
}
