use strongroom_crypto::{Input, Key, Stream, StreamKind, decrypt, encrypt, sign, verify};
use strongroom_model::{Attributes, Hash, KeyType, Mechanism, ObjectClass, Params, ReturnCode};

use crate::common::{A, CURVES, M, RSA, code, ec_pair};

fn secret(key_type: KeyType, len: usize) -> Key {
    let attributes = Attributes::new().with(A::VALUE, vec![0x3c; len]);
    Key::from_attributes(ObjectClass::SecretKey, key_type, &attributes).unwrap()
}

fn pss(hash: Hash) -> Params {
    Params::Pss { hash, mgf: hash, salt: 20 }
}

#[test]
fn signatures_in_parts_are_those_in_one_go() {
    let ec = ec_pair(CURVES[2].1);
    let (aes, generic) = (secret(KeyType::Aes, 16), secret(KeyType::GenericSecret, 20));
    let message: Vec<u8> = (0..200).collect();
    for (key, public, mechanism) in [
        (&RSA.key, &RSA.public_key, Mechanism::plain(M::SHA1_RSA_PKCS)),
        (&RSA.key, &RSA.public_key, Mechanism::plain(M::SHA512_RSA_PKCS)),
        (&RSA.key, &RSA.public_key, Mechanism { kind: M::SHA384_RSA_PKCS_PSS, params: pss(Hash::Sha384) }),
        (&RSA.key, &RSA.public_key, Mechanism::plain(M::RSA_PKCS)),
        (&RSA.key, &RSA.public_key, Mechanism::plain(M::RSA_X_509)),
        (&ec.key, &ec.public_key, Mechanism::plain(M::ECDSA_SHA256)),
        (&ec.key, &ec.public_key, Mechanism::plain(M::ECDSA)),
        (&generic, &generic, Mechanism::plain(M::SHA256_HMAC)),
        (&aes, &aes, Mechanism::plain(M::AES_CMAC)),
    ] {
        for step in [1, 64, 200] {
            let feed = |kind, key| {
                let mut stream = Stream::open(kind, key, &mechanism).unwrap();
                for part in message.chunks(step) {
                    assert!(stream.update(part).unwrap().is_empty());
                }
                stream
            };
            let signature = feed(StreamKind::Sign, key).finish().unwrap();
            verify(public, &mechanism, Input::Message(&message), &signature).unwrap();
            let signature = sign(key, &mechanism, Input::Message(&message)).unwrap();
            feed(StreamKind::Verify, public).verify(&signature).unwrap();
            let mut wrong = signature.clone();
            wrong[5] ^= 1;
            assert_eq!(code(feed(StreamKind::Verify, public).verify(&wrong)), ReturnCode::SIGNATURE_INVALID);
            let short = feed(StreamKind::Verify, public).verify(&signature[1..]);
            assert_eq!(code(short), ReturnCode::SIGNATURE_LEN_RANGE);
            // Ends that aren't this kind's.
            assert_eq!(code(feed(StreamKind::Verify, public).finish()), ReturnCode::ARGUMENTS_BAD);
            assert_eq!(code(feed(StreamKind::Sign, key).verify(&signature)), ReturnCode::ARGUMENTS_BAD);
        }
    }
}

#[test]
fn encryption_in_parts_is_that_in_one_go() {
    let aes = secret(KeyType::Aes, 32);
    let iv = Params::Iv([7; 16].into());
    let gcm = Params::Gcm { iv: [7; 12].into(), aad: b"aad".to_vec().into(), tag_bits: 128 };
    let oaep = Params::Oaep { hash: Hash::Sha1, mgf: Hash::Sha1, label: b"".to_vec().into() };
    let message: Vec<u8> = (0..96).collect();
    for (key, public, mechanism, same) in [
        (&aes, &aes, Mechanism { kind: M::AES_CBC_PAD, params: iv }, true),
        (&aes, &aes, Mechanism { kind: M::AES_GCM, params: gcm }, true),
        (&aes, &aes, Mechanism::plain(M::AES_ECB), true),
        (&aes, &aes, Mechanism { kind: M::AES_CTR, params: Params::Ctr { bits: 32, block: [1; 16] } }, true),
        (&RSA.key, &RSA.public_key, Mechanism::plain(M::RSA_PKCS), false),
        (&RSA.key, &RSA.public_key, Mechanism { kind: M::RSA_PKCS_OAEP, params: oaep }, false),
    ] {
        for step in [1, 7, 96] {
            let feed = |kind, key, data: &[u8]| {
                let mut stream = Stream::open(kind, key, &mechanism).unwrap();
                let mut output = Vec::new();
                for part in data.chunks(step) {
                    output.extend_from_slice(&stream.update(part).unwrap());
                }
                output.extend_from_slice(&stream.finish().unwrap());
                output
            };
            let ciphertext = feed(StreamKind::Encrypt, public, &message);
            assert_eq!(decrypt(key, &mechanism, &ciphertext).unwrap()[..], message[..], "{mechanism:?}");
            let whole = encrypt(public, &mechanism, &message).unwrap();
            assert!(!same || whole[..] == ciphertext[..]);
            assert_eq!(feed(StreamKind::Decrypt, key, &whole), message);
        }
    }
}

#[test]
fn a_stream_is_refused_at_once_where_it_can_be() {
    let aes = secret(KeyType::Aes, 16);
    let ec = ec_pair(CURVES[1].1);
    for (kind, key, mechanism, wanted) in [
        (StreamKind::Sign, &RSA.key, Mechanism::plain(M::ECDSA_SHA256), ReturnCode::KEY_TYPE_INCONSISTENT),
        (StreamKind::Sign, &RSA.public_key, Mechanism::plain(M::RSA_PKCS), ReturnCode::KEY_TYPE_INCONSISTENT),
        (StreamKind::Verify, &ec.key, Mechanism::plain(M::ECDSA), ReturnCode::KEY_TYPE_INCONSISTENT),
        (StreamKind::Sign, &aes, Mechanism::plain(M::SHA256_HMAC), ReturnCode::KEY_TYPE_INCONSISTENT),
        (StreamKind::Sign, &RSA.key, Mechanism::plain(M::RSA_PKCS_OAEP), ReturnCode::MECHANISM_INVALID),
        (StreamKind::Encrypt, &aes, Mechanism::plain(M::AES_CMAC), ReturnCode::MECHANISM_INVALID),
        (
            StreamKind::Encrypt,
            &RSA.public_key,
            Mechanism::plain(M::SHA256_RSA_PKCS),
            ReturnCode::MECHANISM_INVALID,
        ),
        (
            StreamKind::Decrypt,
            &RSA.key,
            Mechanism::plain(M::RSA_PKCS_OAEP),
            ReturnCode::MECHANISM_PARAM_INVALID,
        ),
        (StreamKind::Sign, &RSA.key, Mechanism::plain(M::RSA_PKCS_PSS), ReturnCode::MECHANISM_PARAM_INVALID),
        (
            StreamKind::Sign,
            &ec.key,
            Mechanism { kind: M::ECDSA, params: pss(Hash::Sha1) },
            ReturnCode::MECHANISM_PARAM_INVALID,
        ),
    ] {
        assert_eq!(code(Stream::open(kind, key, &mechanism)), wanted, "{kind:?} {key:?} {mechanism:?}");
    }
}

#[test]
fn what_must_be_whole_is_gathered_within_bounds() {
    for (kind, key, mechanism, wanted) in [
        (StreamKind::Sign, &RSA.key, M::RSA_PKCS, ReturnCode::DATA_LEN_RANGE),
        (StreamKind::Decrypt, &RSA.key, M::RSA_PKCS, ReturnCode::ENCRYPTED_DATA_LEN_RANGE),
    ] {
        let mut stream = Stream::open(kind, key, &Mechanism::plain(mechanism)).unwrap();
        stream.update(&[0; 4096]).unwrap();
        assert_eq!(code(stream.update(&[0])), wanted);
        let mut stream = Stream::open(kind, key, &Mechanism::plain(mechanism)).unwrap();
        stream.update(&[0; 300]).unwrap();
        assert_eq!(code(stream.finish()), wanted);
    }
}

#[test]
fn a_stream_outlives_its_key() {
    let ec = ec_pair(CURVES[1].1);
    let mechanism = Mechanism::plain(M::ECDSA_SHA256);
    let mut stream = Stream::open(StreamKind::Sign, &ec.key, &mechanism).unwrap();
    drop(ec.key);
    stream.update(b"m").unwrap();
    verify(&ec.public_key, &mechanism, Input::Message(b"m"), &stream.finish().unwrap()).unwrap();
}
