//! Operations that are begun twice, not at all, abandoned, given too little room, or wrong data.

use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Template, call};

#[test]
fn size_queries_and_too_little_room_leave_an_operation_as_it_is() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let rsa = session.rsa(true, "rsa").expect("a key pair");
        let mechanism = Mechanism::plain(CKM_SHA256_RSA_PKCS);
        session.sign_init(&mechanism, rsa.private).expect("C_SignInit");
        let (mut data, mut out, mut len) = ([3u8; 50], [0xee_u8; 256], 0);
        let at = data.as_mut_ptr();
        for _ in 0..3 {
            call!(raw.functions(), C_Sign(session.handle, at, 50, ptr::null_mut(), &raw mut len))
                .expect("a size");
            assert_eq!(len, 256);
            for short in [0, 1, 255] {
                len = short;
                let code =
                    call!(raw.functions(), C_Sign(session.handle, at, 50, out.as_mut_ptr(), &raw mut len));
                assert_eq!((code.unwrap_err(), len), (ReturnCode::BUFFER_TOO_SMALL, 256));
            }
        }
        assert_eq!(out, [0xee; 256], "nothing is written where it doesn't fit");
        len = 256;
        call!(raw.functions(), C_Sign(session.handle, at, 50, out.as_mut_ptr(), &raw mut len))
            .expect("C_Sign");
        session.verify_init(&mechanism, rsa.public).expect("C_VerifyInit");
        session.verify(&data, &out).expect("a right signature");
        assert_eq!(session.sign(&data).unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED, "it's over");

        // In parts, the query is for the last one.
        session.sign_init(&mechanism, rsa.private).expect("C_SignInit");
        session.sign_update(&data).expect("C_SignUpdate");
        call!(raw.functions(), C_SignFinal(session.handle, ptr::null_mut(), &raw mut len)).expect("a size");
        len = 10;
        let code = call!(raw.functions(), C_SignFinal(session.handle, out.as_mut_ptr(), &raw mut len));
        assert_eq!((code.unwrap_err(), len), (ReturnCode::BUFFER_TOO_SMALL, 256));
        assert_eq!(session.sign_final(), Ok(out.to_vec()));
    });
}

#[test]
fn ciphers_and_digests_keep_to_the_same_protocol() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "aes").expect("a key");
        let iv = [1; 16];
        for mechanism in [
            Mechanism::with_bytes(CKM_AES_CBC_PAD, &iv),
            Mechanism::ctr(128, iv),
            Mechanism::gcm(&iv[..12], b"aad", 128),
        ] {
            let (mut data, mut out, mut len) = ([3u8; 50], [0xee_u8; 128], 0);
            let at = data.as_mut_ptr();
            session.encrypt_init(&mechanism, key).expect("C_EncryptInit");
            call!(raw.functions(), C_Encrypt(session.handle, at, 50, ptr::null_mut(), &raw mut len))
                .expect("a size");
            let size = len;
            len = size - 1;
            let code =
                call!(raw.functions(), C_Encrypt(session.handle, at, 50, out.as_mut_ptr(), &raw mut len));
            assert_eq!((code.unwrap_err(), len), (ReturnCode::BUFFER_TOO_SMALL, size));
            call!(raw.functions(), C_Encrypt(session.handle, at, 50, out.as_mut_ptr(), &raw mut len))
                .expect("C_Encrypt");
            session.decrypt_init(&mechanism, key).expect("C_DecryptInit");
            let hidden = &out[..len as usize];
            let (start, hidden_len) = (hidden.as_ptr().cast_mut(), len);
            call!(
                raw.functions(),
                C_Decrypt(session.handle, start, hidden_len, ptr::null_mut(), &raw mut len)
            )
            .expect("a size");
            assert!(len >= 50);
            assert_eq!(session.decrypt(hidden), Ok(data.to_vec()));
        }
        let mut len = 0;
        session.digest_init(&Mechanism::plain(CKM_SHA512)).expect("C_DigestInit");
        session.digest_update(b"data").expect("C_DigestUpdate");
        call!(raw.functions(), C_DigestFinal(session.handle, ptr::null_mut(), &raw mut len)).expect("a size");
        assert_eq!((len, session.digest_final().map(|digest| digest.len())), (64, Ok(64)));
    });
}

#[test]
fn an_error_ends_an_operation_so_that_the_next_can_begin() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (ec, rsa) =
            (session.p256(true, "ec").expect("a pair"), session.rsa(true, "rsa").expect("a pair"));
        let aes = session.aes(true, "aes").expect("a key");
        let ecdsa = Mechanism::plain(CKM_ECDSA);
        for _ in 0..3 {
            session.sign_init(&Mechanism::plain(CKM_RSA_PKCS), rsa.private).expect("C_SignInit");
            assert_eq!(session.sign(&[1; 300]).unwrap_err(), ReturnCode::DATA_LEN_RANGE);
            session.verify_init(&ecdsa, ec.public).expect("C_VerifyInit");
            assert_eq!(session.verify(&[1; 32], &[1; 64]).unwrap_err(), ReturnCode::SIGNATURE_INVALID);
            session.verify_init(&ecdsa, ec.public).expect("C_VerifyInit");
            assert_eq!(session.verify(&[1; 32], &[1; 63]).unwrap_err(), ReturnCode::SIGNATURE_LEN_RANGE);
            session.verify_init(&Mechanism::plain(CKM_SHA256_RSA_PKCS), rsa.public).expect("C_VerifyInit");
            assert_eq!(session.verify(b"data", &[1; 255]).unwrap_err(), ReturnCode::SIGNATURE_LEN_RANGE);
            session.verify_init(&Mechanism::plain(CKM_SHA256_RSA_PKCS), rsa.public).expect("C_VerifyInit");
            assert_eq!(session.verify(b"data", &[1; 256]).unwrap_err(), ReturnCode::SIGNATURE_INVALID);
            session.decrypt_init(&Mechanism::with_bytes(CKM_AES_CBC, &[1; 16]), aes).expect("C_DecryptInit");
            assert_eq!(session.decrypt(&[1; 17]).unwrap_err(), ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
            session
                .decrypt_init(&Mechanism::with_bytes(CKM_AES_CBC_PAD, &[1; 16]), aes)
                .expect("C_DecryptInit");
            assert_eq!(session.decrypt(&[1; 16]).unwrap_err(), ReturnCode::ENCRYPTED_DATA_INVALID);
            session.decrypt_init(&Mechanism::gcm(&[1; 12], b"", 128), aes).expect("C_DecryptInit");
            assert_eq!(session.decrypt(&[1; 40]).unwrap_err(), ReturnCode::ENCRYPTED_DATA_INVALID);
            session.encrypt_init(&Mechanism::with_bytes(CKM_AES_CBC, &[1; 16]), aes).expect("C_EncryptInit");
            assert_eq!(session.encrypt(&[1; 17]).unwrap_err(), ReturnCode::DATA_LEN_RANGE);
            session.sign_init(&ecdsa, ec.private).expect("C_SignInit");
            let null = call!(
                raw.functions(),
                C_Sign(session.handle, ptr::null_mut(), 5, ptr::dangling_mut(), ptr::null_mut())
            );
            assert_eq!(null.unwrap_err(), ReturnCode::ARGUMENTS_BAD);
        }
    });
}

#[test]
fn operations_in_the_wrong_order_are_told() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (ec, aes) = (session.p256(true, "ec").expect("a pair"), session.aes(true, "aes").expect("a key"));
        assert_eq!(session.sign(&[1]).unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);
        assert_eq!(session.encrypt_final().unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);
        assert_eq!(session.digest_update(&[1]).unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);

        let hashed = Mechanism::plain(CKM_ECDSA_SHA256);
        session.sign_init(&hashed, ec.private).expect("C_SignInit");
        assert_eq!(session.sign_init(&hashed, ec.private).unwrap_err(), ReturnCode::OPERATION_ACTIVE);
        // One of each kind at a time.
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit beside it");
        let cbc = Mechanism::with_bytes(CKM_AES_CBC, &[1; 16]);
        session.encrypt_init(&cbc, aes).expect("C_EncryptInit beside it");
        session.decrypt_init(&cbc, aes).expect("C_DecryptInit beside it");
        session.sign_update(b"data").expect("C_SignUpdate");
        // A whole one can't follow a part; that ends it.
        assert!(session.sign(b"data").is_err());
        session.sign_init(&hashed, ec.private).expect("C_SignInit after an error");
        // Abandoned, as the standard has it since 3.0.
        let cancel = call!(raw.functions(), C_SignInit(session.handle, ptr::null_mut(), 0));
        assert_eq!(cancel, Ok(()));
        session.sign_init(&hashed, ec.private).expect("C_SignInit after it was abandoned");
        session.close().expect("C_CloseSession with operations under way");
    });
}

#[test]
fn keys_are_used_for_what_they_are_for() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (ec, rsa) =
            (session.p256(true, "ec").expect("a pair"), session.rsa(true, "rsa").expect("a pair"));
        let no_macs = Template::new().number(CKA_VALUE_LEN, 32).flag(CKA_SIGN, false);
        let no_macs = session.generate(CKM_AES_KEY_GEN, &no_macs).expect("a key");
        let rsa_on_ec = session.sign_init(&Mechanism::plain(CKM_SHA256_RSA_PKCS), ec.private).unwrap_err();
        assert_eq!(rsa_on_ec, ReturnCode::KEY_TYPE_INCONSISTENT);
        let ec_on_rsa = session.sign_init(&Mechanism::plain(CKM_ECDSA), rsa.private).unwrap_err();
        assert_eq!(ec_on_rsa, ReturnCode::KEY_TYPE_INCONSISTENT);
        let unknown = session.sign_init(&Mechanism::plain(0x7777_7777), rsa.private).unwrap_err();
        assert_eq!(unknown, ReturnCode::MECHANISM_INVALID);
        let digest = session.sign_init(&Mechanism::plain(CKM_SHA256), rsa.private).unwrap_err();
        assert_eq!(digest, ReturnCode::MECHANISM_INVALID);
        for not_permitted in [
            session.encrypt_init(&Mechanism::plain(CKM_RSA_PKCS), rsa.private),
            session.sign_init(&Mechanism::plain(CKM_ECDSA), ec.public),
            session.verify_init(&Mechanism::plain(CKM_ECDSA), ec.private),
            session.sign_init(&Mechanism::plain(CKM_AES_CMAC), no_macs),
        ] {
            let code = not_permitted.unwrap_err();
            let expected = [ReturnCode::KEY_FUNCTION_NOT_PERMITTED, ReturnCode::KEY_TYPE_INCONSISTENT];
            assert!(expected.contains(&code), "{code}");
        }
        let other = raw.open().expect("C_OpenSession");
        let own = other.p256(false, "session").expect("a pair");
        other.close().expect("C_CloseSession");
        assert_eq!(session.ecdsa(own.private, &[1; 32]).unwrap_err(), ReturnCode::KEY_HANDLE_INVALID);
    });
}
