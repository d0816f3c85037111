//! Operations in parts that meet a restart: an error, never wrong data.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw};

/// The connection broke, or the node knows of no such operation.
#[track_caller]
fn assert_lost(code: ReturnCode) {
    let expected = [ReturnCode::DEVICE_ERROR, ReturnCode::OPERATION_NOT_INITIALIZED];
    assert!(expected.contains(&code), "{code}");
}

#[test]
fn a_cipher_in_parts_ends_with_an_error() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "token").expect("a key");
        let plain = vec![7; 4 << 10];
        let mechanisms = [
            Mechanism::with_bytes(CKM_AES_CBC_PAD, &[1; 16]),
            Mechanism::ctr(128, [2; 16]),
            Mechanism::gcm(&[3; 12], b"aad", 128),
        ];
        for mechanism in &mechanisms {
            session.encrypt_init(mechanism, key).expect("C_EncryptInit");
            session.encrypt_update(&plain).expect("C_EncryptUpdate");
            cluster.kill();
            cluster.start_again();
            assert_lost(session.encrypt_update(&plain).unwrap_err());
            // The operation is over; nothing of it is left to be taken for a result.
            assert_eq!(session.encrypt_final().unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);

            session.encrypt_init(mechanism, key).expect("C_EncryptInit");
            let whole = session.encrypt(&plain).expect("C_Encrypt");
            session.decrypt_init(mechanism, key).expect("C_DecryptInit");
            let mut part = session.decrypt_update(&whole[..1024]).expect("C_DecryptUpdate");
            part.extend(session.decrypt_update(&whole[1024..]).expect("C_DecryptUpdate"));
            part.extend(session.decrypt_final().expect("C_DecryptFinal"));
            assert_eq!(part, plain);

            session.decrypt_init(mechanism, key).expect("C_DecryptInit");
            session.decrypt_update(&whole[..1024]).expect("C_DecryptUpdate");
            cluster.restart();
            match session.decrypt_final().unwrap_err() {
                // Nothing had gone to a node yet: that would have told what is right before it's known.
                ReturnCode::ENCRYPTED_DATA_INVALID => {}
                code => assert_lost(code),
            }
        }
    });
}

#[test]
fn a_hash_goes_on_because_it_is_made_here() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.rsa(true, "token").expect("a key pair");
        let mechanism = Mechanism::plain(CKM_SHA256_RSA_PKCS);
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        session.digest_update(b"one").expect("C_DigestUpdate");
        session.sign_init(&mechanism, pair.private).expect("C_SignInit");
        session.sign_update(b"one").expect("C_SignUpdate");
        cluster.kill();
        cluster.start_again();
        session.digest_update(b"two").expect("C_DigestUpdate");
        let digest = session.digest_final().expect("C_DigestFinal");
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        assert_eq!(session.digest(b"onetwo"), Ok(digest));
        session.sign_update(b"two").expect("C_SignUpdate");
        let signature = session.sign_final().expect("C_SignFinal");
        session.verify_init(&mechanism, pair.public).expect("C_VerifyInit");
        session.verify(b"onetwo", &signature).expect("a right signature");
    });
}

#[test]
fn a_mac_in_parts_is_right_or_an_error() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let template = strongroom_tests::raw::Template::new().number(CKA_VALUE_LEN, 32).placed(true, "mac");
        let key = session.generate(CKM_GENERIC_SECRET_KEY_GEN, &template.may(&[CKA_SIGN, CKA_VERIFY]));
        let key = key.expect("a key");
        let mechanism = Mechanism::plain(CKM_SHA256_HMAC);
        let long = vec![1; 1 << 20];
        let whole = [long.as_slice(), &long].concat();
        session.sign_init(&mechanism, key).expect("C_SignInit");
        let right = session.sign(&whole).expect("C_Sign");

        session.sign_init(&mechanism, key).expect("C_SignInit");
        session.sign_update(&long).expect("C_SignUpdate");
        cluster.kill();
        cluster.start_again();
        match session.sign_update(&long).and_then(|()| session.sign_final()) {
            Ok(mac) => assert_eq!(mac, right),
            Err(code) => assert_lost(code),
        }
        session.sign_init(&mechanism, key).expect("C_SignInit");
        assert_eq!(session.sign(&whole), Ok(right));
    });
}
