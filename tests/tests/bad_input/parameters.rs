//! Mechanism parameters: of the wrong length, with pointers to nowhere, gone right after `Init` (clients.md, trap 12).

use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, call};

/// What says that parameters are wrong, so that Java tries the other form.
const WRONG: [ReturnCode; 2] = [ReturnCode::MECHANISM_PARAM_INVALID, ReturnCode::ARGUMENTS_BAD];

fn encrypt_init(raw: &Raw, session: u64, key: u64, kind: u64, parameter: &mut [u8], len: u64) -> Rv<()> {
    let at = if parameter.is_empty() { ptr::null_mut() } else { parameter.as_mut_ptr().cast() };
    let mut mechanism = CK_MECHANISM { mechanism: kind, pParameter: at, ulParameterLen: len };
    call!(raw.functions(), C_EncryptInit(session, &raw mut mechanism, key))
}

#[test]
fn both_forms_of_gcm_parameters_say_the_same() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "aes").expect("a key");
        let mut results = Vec::new();
        for len in [40, 48] {
            let mechanism = Mechanism::gcm_with(len, &[7; 12], b"aad", 96);
            session.encrypt_init(&mechanism, key).expect("C_EncryptInit");
            results.push(session.encrypt(b"data").expect("C_Encrypt"));
            session.decrypt_init(&mechanism, key).expect("C_DecryptInit");
            assert_eq!(session.decrypt(&results[0]), Ok(b"data".to_vec()));
        }
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0].len(), 4 + 12);
        for (iv, aad, tag) in
            [(&[7; 0][..], &b""[..], 128), (&[7; 12], b"", 129), (&[7; 12], b"", 1 << 40), (&[7; 12], b"", 7)]
        {
            let code = session.encrypt_init(&Mechanism::gcm(iv, aad, tag), key).unwrap_err();
            assert!(WRONG.contains(&code), "an IV of {} bytes, a tag of {tag} bits: {code}", iv.len());
        }
    });
}

#[test]
fn parameters_of_the_wrong_length_are_refused_unread() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "aes").expect("a key");
        let kinds = [(CKM_AES_CBC, 16), (CKM_AES_CBC_PAD, 16), (CKM_AES_CTR, 24), (CKM_AES_GCM, 48)];
        for (kind, right) in kinds {
            for len in [0, 1, 15, 17, 23, 25, 39, 41, 47, 49, 1 << 32, 1 << 63, u64::MAX] {
                let mut parameter = vec![0; 64];
                let code = encrypt_init(&raw, session.handle, key, kind, &mut parameter, len).unwrap_err();
                assert!(WRONG.contains(&code), "{kind:#x} with {len} bytes: {code}");
            }
            let code = encrypt_init(&raw, session.handle, key, kind, &mut [], right).unwrap_err();
            assert!(WRONG.contains(&code), "{kind:#x} with NULL: {code}");
        }
        let rsa = session.rsa(true, "rsa").expect("a key pair");
        for kind in [CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS_PSS] {
            for len in [0, 8, 16, 23, 25, 32, 39, 41, u64::MAX] {
                let mut parameter = [0u8; 64];
                let at = parameter.as_mut_ptr().cast();
                let mut mechanism = CK_MECHANISM { mechanism: kind, pParameter: at, ulParameterLen: len };
                let code = if kind == CKM_RSA_PKCS_OAEP {
                    call!(raw.functions(), C_DecryptInit(session.handle, &raw mut mechanism, rsa.private))
                } else {
                    call!(raw.functions(), C_SignInit(session.handle, &raw mut mechanism, rsa.private))
                };
                assert!(WRONG.contains(&code.unwrap_err()), "{kind:#x} with {len} bytes: {code:?}");
            }
        }
    });
}

#[test]
fn pointers_in_parameters_that_lead_nowhere_are_refused() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "aes").expect("a key");
        let mut iv = [7u8; 12];
        let good = CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        for bad in [
            CK_GCM_PARAMS { pIv: ptr::null_mut(), ..good },
            CK_GCM_PARAMS { ulIvLen: 1 << 63, ..good },
            CK_GCM_PARAMS { ulIvLen: 1 << 20, ..good },
            CK_GCM_PARAMS { ulIvLen: u64::MAX, ..good },
            CK_GCM_PARAMS { ulAADLen: 5, ..good },
            CK_GCM_PARAMS { pAAD: iv.as_mut_ptr(), ulAADLen: u64::MAX, ..good },
        ] {
            let mut bad = bad;
            let at = (&raw mut bad).cast();
            let mut mechanism = CK_MECHANISM { mechanism: CKM_AES_GCM, pParameter: at, ulParameterLen: 48 };
            let code =
                call!(raw.functions(), C_EncryptInit(session.handle, &raw mut mechanism, key)).unwrap_err();
            assert!(WRONG.contains(&code), "{bad:?}: {code}");
        }
    });
}

#[test]
fn parameters_may_go_right_after_init() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "aes").expect("a key");
        let data = [3; 64];
        let kept = || Mechanism::gcm(&[7; 12], b"additional data", 128);
        session.encrypt_init(&kept(), key).expect("C_EncryptInit");
        // The parameters and what they point to are freed by now, and what was there is overwritten.
        let garbage: Vec<_> = (0..1000).map(|size| vec![0xa5_u8; size % 64]).collect();
        let hidden = session.encrypt(&data).expect("C_Encrypt");
        session.decrypt_init(&kept(), key).expect("C_DecryptInit");
        assert_eq!(session.decrypt(&hidden), Ok(data.to_vec()));
        drop(garbage);

        let rsa = session.rsa(true, "rsa").expect("a key pair");
        let pss = || Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32);
        session.sign_init(&pss(), rsa.private).expect("C_SignInit");
        let signature = session.sign(&data).expect("C_Sign");
        session.verify_init(&pss(), rsa.public).expect("C_VerifyInit");
        session.verify(&data, &signature).expect("a right signature");
        session.encrypt_init(&Mechanism::oaep(), rsa.public).expect("C_EncryptInit");
        let hidden = session.encrypt(b"data").expect("C_Encrypt");
        session.decrypt_init(&Mechanism::oaep(), rsa.private).expect("C_DecryptInit");
        assert_eq!(session.decrypt(&hidden), Ok(b"data".to_vec()));
        for bad in [
            Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 1 << 40),
            Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA256, 32),
            Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, 0x77, 32),
        ] {
            let code = session.sign_init(&bad, rsa.private).and_then(|()| session.sign(&data).map(|_| ()));
            assert!(WRONG.contains(&code.unwrap_err()), "{bad:?}: {code:?}");
        }
    });
}
