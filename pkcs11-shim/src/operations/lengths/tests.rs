use strongroom_model::{Handle, KeyType, MECHANISMS, ObjectClass, Usage};

use super::*;

const ENCRYPT: Direction = Direction::Encrypt;
const DECRYPT: Direction = Direction::Decrypt;
const STREAMED: [Cipher; 9] = [
    Cipher::Blocks(BLOCK),
    Cipher::Padded(BLOCK),
    Cipher::Blocks(DES_BLOCK),
    Cipher::Padded(DES_BLOCK),
    Cipher::Bytes,
    Cipher::Stealing { held: BLOCK },
    Cipher::Stealing { held: BLOCK + 1 },
    Cipher::Tagged { tag: 16 },
    Cipher::Sealed { tag: 12 },
];

fn key(key_type: KeyType, size: u32) -> ObjectInfo {
    ObjectInfo {
        handle: Handle(1),
        class: ObjectClass::PrivateKey,
        key_type: Some(key_type),
        size,
        usage: Usage::default(),
        token: true,
        private: true,
        always_authenticate: false,
        allowed_mechanisms: Vec::new(),
        subprime_bits: 0,
    }
}

fn exact(size: Result<Size>) -> usize {
    let size = size.unwrap();
    assert!(size.exact);
    size.max
}

#[test]
fn signatures_are_as_long_as_the_key_says() {
    let rsa = |bits| signature(Algorithm::RsaPss, None, &key(KeyType::Rsa, bits)).unwrap();
    assert_eq!([rsa(1024), rsa(2048), rsa(2049)], [128, 256, 257]);
    let ec = |bits| signature(Algorithm::Ecdsa, None, &key(KeyType::Ec, bits)).unwrap();
    assert_eq!([ec(224), ec(256), ec(384), ec(521)], [56, 64, 96, 132]);
    let eddsa = |bits| signature(Algorithm::Eddsa, None, &key(KeyType::EcEdwards, bits)).unwrap();
    assert_eq!([eddsa(255), eddsa(448)], [64, 114]);
    let mac = |kind: MechanismType, params| mac_len(kind.spec().unwrap(), &params).unwrap();
    assert_eq!(mac(MechanismType::AES_CMAC, Params::None), 16);
    assert_eq!(mac(MechanismType::SHA384_HMAC, Params::None), 48);
    assert_eq!(mac(MechanismType::SHA384_HMAC_GENERAL, Params::MacLen(7)), 7);
    assert!(signature(Algorithm::AesCbc, None, &key(KeyType::Aes, 32)).is_err());
}

#[test]
fn every_mechanism_that_encrypts_has_a_cipher_and_every_one_that_signs_a_length() {
    for row in MECHANISMS {
        let params = match row.algorithm {
            Algorithm::AesCcm => {
                Params::Ccm { data_len: 0, nonce: [1; 13].into(), aad: [].into(), mac_len: 8 }
            }
            Algorithm::AesGcm => Params::Gcm { iv: [1].into(), aad: [].into(), tag_bits: 96 },
            Algorithm::TlsMac => Params::Tls(Tls::Finished { hash: None, len: 12, server: false }),
            Algorithm::RsaOaep => Params::Oaep {
                hash: strongroom_model::Hash::Sha256,
                mgf: strongroom_model::Hash::Sha1,
                label: [].into(),
            },
            _ => Params::None,
        };
        let mechanism = Mechanism { kind: row.kind, params };
        // The size of these is the number of their parameter set.
        let key = match row.key_type {
            Some(kind @ (KeyType::MlDsa | KeyType::SlhDsa)) => key(kind, 1),
            _ => key(KeyType::Rsa, 2048),
        };
        if row.purposes.contains(cryptoki_sys::CKF_ENCRYPT) {
            assert!(Cipher::of(&mechanism, row.algorithm, &key).is_ok(), "{}", row.name);
        }
        if row.purposes.contains(cryptoki_sys::CKF_SIGN) {
            let hash = row.hash.map(strongroom_model::Hash::len);
            let mac = mac_len(row, &mechanism.params);
            assert!(mac.is_some() || signature(row.algorithm, hash, &key).is_ok(), "{}", row.name);
        }
    }
}

#[test]
fn rsa_leaves_room_for_its_padding() {
    let pkcs1 = Cipher::Rsa { modulus: 256, overhead: 11 };
    assert_eq!(exact(pkcs1.whole(ENCRYPT, 245)), 256);
    assert_eq!(pkcs1.whole(ENCRYPT, 246).unwrap_err().code, ReturnCode::DATA_LEN_RANGE);
    assert_eq!(pkcs1.whole(DECRYPT, 256).unwrap(), Size::at_most(245));
    assert_eq!(pkcs1.whole(DECRYPT, 255).unwrap_err().code, ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
    let raw = Cipher::Rsa { modulus: 256, overhead: 0 };
    assert_eq!(exact(raw.whole(DECRYPT, 256)), 256);
    // A key too small for its padding takes nothing, and says so without arithmetic going wrong.
    assert!(Cipher::Rsa { modulus: 128, overhead: 130 }.whole(ENCRYPT, 0).is_err());
    assert_eq!(Cipher::Rsa { modulus: 128, overhead: 130 }.whole(DECRYPT, 128).unwrap().max, 0);
}

#[test]
fn lengths_of_secret_key_ciphers() {
    assert_eq!(exact(Cipher::Padded(BLOCK).whole(ENCRYPT, 0)), 16);
    assert_eq!(exact(Cipher::Padded(BLOCK).whole(ENCRYPT, 16)), 32);
    assert_eq!(Cipher::Padded(BLOCK).whole(DECRYPT, 32).unwrap(), Size::at_most(32));
    assert!(Cipher::Padded(BLOCK).whole(DECRYPT, 0).is_err());
    assert!(Cipher::Blocks(BLOCK).whole(ENCRYPT, 17).is_err());
    assert_eq!(exact(Cipher::Tagged { tag: 12 }.whole(DECRYPT, 12)), 0);
    assert!(Cipher::Tagged { tag: 16 }.whole(DECRYPT, 15).is_err());
    assert_eq!(exact(Cipher::KeyWrap.whole(ENCRYPT, 16)), 24);
    assert!(Cipher::KeyWrap.whole(ENCRYPT, 8).is_err());
    assert_eq!(exact(Cipher::KeyWrapPad.whole(ENCRYPT, 1)), 16);
    assert_eq!(exact(Cipher::KeyWrapPad.whole(ENCRYPT, 17)), 32);
    assert_eq!(Cipher::KeyWrapPad.whole(DECRYPT, 16).unwrap(), Size::at_most(8));
}

#[test]
fn absurd_lengths_are_refused() {
    for cipher in [Cipher::Padded(BLOCK), Cipher::Bytes, Cipher::KeyWrapPad, Cipher::Tagged { tag: 16 }] {
        assert!(cipher.whole(ENCRYPT, usize::MAX).is_err());
    }
    assert!(Cipher::Bytes.last(ENCRYPT, u64::MAX).is_err());
}

#[test]
fn parts_and_the_last_one_add_up_to_the_whole() {
    for cipher in STREAMED {
        for direction in [ENCRYPT, DECRYPT] {
            for step in [1, 3, 15, 16, 17, 40] {
                let (mut given, mut total) = (0, 0_u64);
                for _ in 0..20 {
                    given += cipher.part(direction, total, step);
                    total += step as u64;
                    let Ok(whole) = cipher.whole(direction, total as usize) else { continue };
                    assert_eq!(given + cipher.last(direction, total).unwrap().max, whole.max);
                }
            }
        }
    }
}

#[test]
fn decryption_with_padding_holds_back_a_block() {
    assert_eq!(Cipher::Padded(BLOCK).part(DECRYPT, 0, 16), 0);
    assert_eq!(Cipher::Padded(BLOCK).part(DECRYPT, 16, 15), 0);
    assert_eq!(Cipher::Padded(BLOCK).part(DECRYPT, 16, 16), 16);
    assert_eq!(Cipher::Padded(BLOCK).part(DECRYPT, 0, 32), 16);
    assert_eq!(Cipher::Padded(BLOCK).last(DECRYPT, 32).unwrap(), Size::at_most(16));
    assert_eq!(Cipher::Tagged { tag: 16 }.part(DECRYPT, 0, 100), 0);
    assert_eq!(exact(Cipher::Tagged { tag: 16 }.last(DECRYPT, 100)), 84);
}
