//! Which keys are taken, and what each is used for.

use super::*;

/// A12: public keys that hide nothing.
#[test]
fn rsa_keys_that_hide_nothing_are_not_taken() {
    alone(|| {
        under_each(|profile, session| {
            let import = |modulus: &[u8], exponent: &[u8]| {
                let key = Template::key(CKO_PUBLIC_KEY, CKK_RSA).bytes(CKA_MODULUS, modulus);
                session.create(&key.bytes(CKA_PUBLIC_EXPONENT, exponent)).map(drop)
            };
            let pair = session.rsa(false, "").expect("a pair");
            let modulus = session.attribute(pair.public, CKA_MODULUS).expect("the modulus");
            let invalid = Err(ReturnCode::ATTRIBUTE_VALUE_INVALID);
            for exponent in [&[1][..], &[0], &[2], &[1, 0, 0]] {
                assert_eq!(import(&modulus, exponent), invalid, "{profile} {exponent:?}");
            }
            assert_eq!(
                import(&modulus, &[3]),
                if profile == "standard" { Ok(()) } else { invalid },
                "{profile}"
            );
            assert_eq!(import(&modulus, &[1, 0, 1]), Ok(()), "{profile}");
            let mut even = modulus.clone();
            *even.last_mut().expect("a byte") &= 0xfe;
            assert_eq!(import(&even, &[1, 0, 1]), invalid, "{profile}: an even modulus");
            assert_eq!(import(&modulus[..64], &[1, 0, 1]), invalid, "{profile}: 512 bits");
        });
    });
}

/// A25: under `cloudhsm` nobody chooses a vector for GCM, so that none comes twice. `drawn_iv` has the details.
#[test]
fn no_vector_is_used_twice_under_cloudhsm() {
    alone(|| {
        under_each(|profile, session| {
            let key =
                aes(session, may(&[CKA_ENCRYPT, CKA_DECRYPT])).or_else(|_| aes(session, may(&[CKA_ENCRYPT])));
            let key = key.expect("a key");
            let seal = || {
                let mut iv = [7u8; 12];
                let words = [
                    Word::Number(iv.as_mut_ptr() as u64),
                    Word::Number(12),
                    Word::Number(96),
                    Word::Number(0),
                    Word::Number(0),
                    Word::Number(128),
                ];
                let sealed = session
                    .encrypt_init(&Mechanism::structured(CKM_AES_GCM, &words), key)
                    .and_then(|()| session.encrypt(b"the same"))
                    .expect("C_Encrypt");
                (iv, sealed)
            };
            let (first, second) = (seal(), seal());
            if profile == "cloudhsm" {
                assert_ne!(first.0, second.0);
                assert_ne!(first.0, [7; 12], "what the caller gave isn't used");
                assert_ne!(first.1, second.1);
            } else {
                assert_eq!(first, second, "{profile}: the caller's, as the standard has it");
                assert_eq!(first.0, [7; 12]);
            }
        });
    });
}

/// A22 and A23: a signature that is a decryption, and a key's own list of mechanisms.
#[test]
fn keys_do_only_what_they_list() {
    alone(|| {
        under_each(|profile, session| {
            let pair = session.rsa(false, "").expect("a pair");
            let outcome = session
                .sign_init(&Mechanism::plain(CKM_RSA_X_509), pair.private)
                .and_then(|()| session.sign(&[1; 256]).map(drop));
            let wanted = if profile == "strict" { Err(ReturnCode::MECHANISM_INVALID) } else { Ok(()) };
            assert_eq!(outcome, wanted, "{profile}");
            let list = [CKM_SHA256_RSA_PKCS_PSS, CKM_RSA_X_509].map(u64::to_ne_bytes).concat();
            let private = may(&[CKA_SIGN, CKA_DECRYPT]).bytes(CKA_ALLOWED_MECHANISMS, list);
            let public = Template::new().number(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]);
            let pair = session.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private);
            if profile == "cloudhsm" {
                assert_eq!(pair, Err(ReturnCode::TEMPLATE_INCONSISTENT));
                return;
            }
            let key = pair.expect("a pair").private;
            let sign = |mechanism: Mechanism| {
                session.sign_init(&mechanism, key).and_then(|()| session.sign(&[1; 256]))
            };
            assert!(sign(Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32)).is_ok());
            assert!(sign(Mechanism::plain(CKM_RSA_X_509)).is_ok(), "{profile}: it's listed");
            let invalid = Err(ReturnCode::MECHANISM_INVALID);
            assert_eq!(sign(Mechanism::plain(CKM_SHA256_RSA_PKCS)), invalid, "{profile}");
            assert_eq!(
                session.decrypt_init(&Mechanism::oaep(), key),
                Err(ReturnCode::MECHANISM_INVALID),
                "{profile}"
            );
        });
    });
}

/// A38: the length of what would be wrapped tells nothing but the kind of key.
#[test]
fn a_length_tells_the_kind_of_key_alone() {
    alone(|| {
        under_each(|profile, session| {
            let kek = aes(session, may(&[CKA_WRAP])).expect("a key");
            let lens: Vec<_> = (0..4)
                .map(|_| {
                    session
                        .wrap(&kwp(), kek, aes(session, extractable()).expect("a key"))
                        .expect("bytes")
                        .len()
                })
                .collect();
            assert_eq!(lens, [40; 4], "{profile}");
            let kept = aes(session, Template::new().flag(CKA_EXTRACTABLE, false)).expect("a key");
            assert_eq!(session.wrap(&kwp(), kek, kept), Err(ReturnCode::KEY_UNEXTRACTABLE), "{profile}");
        });
    });
}

/// A key that wants a login for each use signs once after each, whoever asks how.
#[test]
fn a_key_that_wants_a_login_for_each_use_gets_it() {
    alone(|| {
        let cluster = Cluster::builder().start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let public = Template::new().bytes(CKA_EC_PARAMS, P256);
        let private = may(&[CKA_SIGN, CKA_ALWAYS_AUTHENTICATE, CKA_PRIVATE]);
        let public_too = may(&[CKA_SIGN, CKA_ALWAYS_AUTHENTICATE]).flag(CKA_PRIVATE, false);
        let refused = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &public_too);
        assert_eq!(refused, Err(ReturnCode::TEMPLATE_INCONSISTENT));
        for token in [false, true] {
            let private = private.clone().flag(CKA_TOKEN, token);
            let key = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &private).expect("a pair").private;
            let again = |pin: &str| session.login_as(CKU_CONTEXT_SPECIFIC, pin.as_bytes());
            let init = || session.sign_init(&Mechanism::plain(CKM_ECDSA), key).expect("C_SignInit");
            assert_eq!(again(cluster.pin()), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
            init();
            assert_eq!(session.sign(&[1; 32]), Err(ReturnCode::USER_NOT_LOGGED_IN));
            init();
            assert_eq!(again("app:wrong-password"), Err(ReturnCode::PIN_INCORRECT));
            again(cluster.pin()).expect("C_Login");
            assert!(session.sign(&[1; 32]).is_ok());
            // Once is once, and for its own session.
            init();
            assert_eq!(session.sign(&[1; 32]), Err(ReturnCode::USER_NOT_LOGGED_IN));
            let other = raw.open().expect("C_OpenSession");
            init();
            again(cluster.pin()).expect("C_Login");
            other.sign_init(&Mechanism::plain(CKM_ECDSA), key).expect("C_SignInit");
            assert_eq!(other.sign(&[1; 32]), Err(ReturnCode::USER_NOT_LOGGED_IN));
            assert!(session.sign(&[1; 32]).is_ok());
            other.close().expect("C_CloseSession");
        }
        raw.finalize().expect("C_Finalize");
    });
}
