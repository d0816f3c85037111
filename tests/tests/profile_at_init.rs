//! What a profile doesn't have is refused when an operation begins, not when it's carried out (cloudhsm.md 5.3; 14, item 71).

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, P256, Raw, Template, Word};

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

/// Items 68, 76 and 77; under `standard` each is allowed.
#[test]
fn cloudhsm_has_no_read_only_sessions_no_bare_secrets_and_one_hash_for_oaep() {
    alone(|| {
        for profile in ["cloudhsm", "standard"] {
            let refused = |code| if profile == "cloudhsm" { Err(code) } else { Ok(()) };
            let cluster = Cluster::builder().profile(profile).start();
            let raw = Raw::start(&cluster);
            assert_eq!(
                raw.open_with(CKF_SERIAL_SESSION).map(drop),
                refused(ReturnCode::FUNCTION_FAILED),
                "{profile}"
            );
            let session = raw.open().expect("C_OpenSession");
            assert_eq!(session.state(), Ok(CKS_RW_PUBLIC_SESSION));
            session.login(cluster.pin()).expect("C_Login");
            assert_eq!(session.state(), Ok(CKS_RW_USER_FUNCTIONS));

            let pair = session.generate_pair(
                CKM_EC_KEY_PAIR_GEN,
                &Template::new().bytes(CKA_EC_PARAMS, P256),
                &Template::new().may(&[CKA_DERIVE]),
            );
            let pair = pair.expect("a pair");
            let point = session.attribute(pair.public, CKA_EC_POINT).expect("a point");
            let agree = |kdf| {
                let mechanism = Mechanism::ecdh(kdf, &point[2..]);
                let template = Template::key(CKO_SECRET_KEY, CKK_AES).number(CKA_VALUE_LEN, 32);
                session.derive(&mechanism, pair.private, &template).map(drop)
            };
            assert_eq!(agree(CKD_NULL), refused(ReturnCode::MECHANISM_PARAM_INVALID), "{profile}");
            assert_eq!(agree(CKD_SHA256_KDF), Ok(()), "{profile}");

            let rsa = session.rsa(false, "rsa").expect("a pair");
            let pad = |mgf| {
                let source = [Word::Number(CKZ_DATA_SPECIFIED), Word::Pointer(&[]), Word::Number(0)];
                let words = [&[Word::Number(CKM_SHA256), Word::Number(mgf)][..], &source].concat();
                session.encrypt_init(&Mechanism::structured(CKM_RSA_PKCS_OAEP, &words), rsa.public)?;
                session.encrypt(&[1; 32]).map(drop)
            };
            // The node looks at parameters, when the operation is carried out.
            assert_eq!(pad(CKG_MGF1_SHA1), refused(ReturnCode::MECHANISM_PARAM_INVALID), "{profile}");
            assert_eq!(pad(CKG_MGF1_SHA256), Ok(()), "{profile}");
            if profile == "cloudhsm" {
                let odd =
                    Template::new().number(CKA_MODULUS_BITS, 2056).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]);
                let made = session.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &odd, &Template::new());
                assert_eq!(made.map(drop), Err(ReturnCode::KEY_SIZE_RANGE), "not a multiple of 256");
            }
            raw.finalize().expect("C_Finalize");
        }
    });
}
