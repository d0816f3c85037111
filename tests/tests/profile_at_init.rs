//! What a profile doesn't have is refused when an operation begins, not when it's carried out (cloudhsm.md 5.3; 14, item 71).

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Template};

const ABSENT: ReturnCode = ReturnCode::MECHANISM_INVALID;

#[test]
fn cloudhsm_refuses_others_mechanisms_and_parts_at_once() {
    alone(|| {
        let cluster = Cluster::builder().profile("cloudhsm").start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let usage = [CKA_ENCRYPT, CKA_DECRYPT];
        let aes = Template::new().number(CKA_VALUE_LEN, 32).may(&usage);
        let aes = session.generate(CKM_AES_KEY_GEN, &aes).expect("a key");
        let iv = [0; 16];
        for absent in [
            Mechanism::with_bytes(CKM_AES_OFB, &iv),
            Mechanism::with_bytes(CKM_AES_CFB8, &iv),
            Mechanism::with_bytes(CKM_AES_CTS, &iv),
        ] {
            assert_eq!(session.encrypt_init(&absent, aes), Err(ABSENT));
            assert_eq!(session.decrypt_init(&absent, aes), Err(ABSENT));
        }
        session.encrypt_init(&Mechanism::with_bytes(CKM_AES_CBC, &iv), aes).expect("what there is goes on");
        session.encrypt(&[0; 16]).expect("C_Encrypt");
        for absent in [CKM_MD5, CKM_SHA3_256] {
            assert_eq!(session.digest_init(&Mechanism::plain(absent)), Err(ABSENT));
        }
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        session.digest(b"data").expect("C_Digest");

        // In FIPS mode RSA signs by PKCS #1 v1.5, and encrypts no more.
        let rsa = session.rsa(false, "rsa").expect("a pair");
        assert_eq!(session.encrypt_init(&Mechanism::plain(CKM_RSA_PKCS), rsa.public), Err(ABSENT));
        for (mechanism, key) in
            [(CKM_RSA_PKCS, rsa.private), (CKM_ECDSA, session.p256(false, "ec").expect("a pair").private)]
        {
            session.sign_init(&Mechanism::plain(mechanism), key).expect("C_SignInit");
            assert_eq!(session.sign_update(&[1; 32]), Err(ABSENT), "{mechanism:#x}");
            session.sign_init(&Mechanism::plain(mechanism), key).expect("it's over");
            session.sign(&[1; 32]).expect("C_Sign");
        }
        session.sign_init(&Mechanism::plain(CKM_SHA256_RSA_PKCS), rsa.private).expect("C_SignInit");
        session.sign_update(b"in").expect("what hashes takes parts");
        session.sign_update(b"parts").expect("C_SignUpdate");
        session.sign_final().expect("C_SignFinal");
        raw.finalize().expect("C_Finalize");
    });
}
