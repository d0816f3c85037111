//! AES-GCM under the profile `cloudhsm`: initialisation vectors are drawn by the node, whatever the application has in `pIv`
//! (cloudhsm.md 5.5 and 5.7; attacks.md A25).

use std::collections::BTreeSet;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Template, Word};

/// The most data for one call in bytes.
const MOST: usize = 16_224;

/// `CKM_AES_GCM` with `pIv` in this buffer, which the module writes to.
fn gcm(iv: &mut [u8]) -> Mechanism {
    let room = Word::Number(iv.as_mut_ptr() as u64);
    let words =
        [room, Word::Number(iv.len() as u64), Word::Number(0), Word::Pointer(b"aad"), Word::Number(3)];
    Mechanism::structured(CKM_AES_GCM, &[&words[..], &[Word::Number(128)]].concat())
}

/// `CKM_CLOUDHSM_AES_GCM`.
fn vendors_gcm() -> Mechanism {
    let words = [0, 0, 0].map(Word::Number);
    let rest = [Word::Pointer(b"aad"), Word::Number(3), Word::Number(128)];
    Mechanism::structured(0x8000_1087, &[&words[..], &rest].concat())
}

#[test]
fn a_node_draws_the_initialisation_vectors_of_gcm() {
    alone(|| {
        let cluster = Cluster::builder().profile("cloudhsm").start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let template = Template::new().number(CKA_VALUE_LEN, 32);
        let usage = [CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_EXTRACTABLE];
        let key = session.generate(CKM_AES_KEY_GEN, &template.may(&usage)).expect("a key");

        // The same zeros from the application, another vector each time.
        let mut seen = BTreeSet::new();
        for _ in 0..20 {
            let mut iv = [0; 12];
            session.encrypt_init(&gcm(&mut iv), key).expect("C_EncryptInit");
            let sealed = session.encrypt(b"the same again").expect("C_Encrypt");
            assert_eq!(sealed.len(), 14 + 16, "the vector doesn't count among the result");
            assert!(seen.insert(iv) && iv != [0; 12]);
            session.decrypt_init(&gcm(&mut iv), key).expect("C_DecryptInit");
            assert_eq!(session.decrypt(&sealed).expect("C_Decrypt"), b"the same again");

            let mut iv = [0; 12];
            let wrapped = session.wrap(&gcm(&mut iv), key, key).expect("C_WrapKey");
            assert!(seen.insert(iv));
            let unwrapped = Template::key(CKO_SECRET_KEY, CKK_AES);
            session.unwrap(&gcm(&mut iv), key, &wrapped, &unwrapped).expect("C_UnwrapKey");
        }

        // In one part only, and no more than fits.
        for begun in
            [session.encrypt_init(&gcm(&mut [0; 12]), key), session.decrypt_init(&gcm(&mut [0; 12]), key)]
        {
            begun.expect("an operation");
        }
        assert_eq!(session.encrypt_update(b"part"), Err(ReturnCode::MECHANISM_INVALID));
        assert_eq!(session.decrypt_update(b"part"), Err(ReturnCode::MECHANISM_INVALID));
        let mut iv = [0; 12];
        session.encrypt_init(&gcm(&mut iv), key).expect("C_EncryptInit");
        assert_eq!(session.encrypt(&[0; MOST]).expect("C_Encrypt").len(), MOST + 16);
        session.encrypt_init(&gcm(&mut iv), key).expect("C_EncryptInit");
        assert_eq!(session.encrypt(&[0; MOST + 1]), Err(ReturnCode::DATA_LEN_RANGE));
        let refused = session.encrypt_init(&gcm(&mut [0; 16]), key);
        assert_eq!(refused, Err(ReturnCode::MECHANISM_PARAM_INVALID));

        // The vendor's own has the vector before the ciphertext, and is the same otherwise.
        session.encrypt_init(&vendors_gcm(), key).expect("C_EncryptInit");
        let sealed = session.encrypt(b"data").expect("C_Encrypt");
        assert_eq!(sealed.len(), 12 + 4 + 16);
        session.decrypt_init(&vendors_gcm(), key).expect("C_DecryptInit");
        assert_eq!(session.decrypt(&sealed).expect("C_Decrypt"), b"data");
        let mut iv: [u8; 12] = sealed[..12].try_into().expect("12 bytes");
        session.decrypt_init(&gcm(&mut iv), key).expect("C_DecryptInit");
        assert_eq!(session.decrypt(&sealed[12..]).expect("C_Decrypt"), b"data");
        session.encrypt_init(&vendors_gcm(), key).expect("C_EncryptInit");
        assert_eq!(session.encrypt_update(b"part"), Err(ReturnCode::MECHANISM_INVALID));
    });
}

/// cloudhsm.md 5.6: sizes of a wrapped key of 32 bytes, and initial values.
#[test]
fn the_vendors_wraps_of_keys() {
    alone(|| {
        for profile in ["standard", "cloudhsm"] {
            let cluster = Cluster::builder().profile(profile).start();
            let raw = Raw::start(&cluster);
            let session = raw.logged_in(&cluster);
            let template = Template::new().number(CKA_VALUE_LEN, 32);
            let usage = [CKA_WRAP, CKA_UNWRAP, CKA_EXTRACTABLE];
            let key = session.generate(CKM_AES_KEY_GEN, &template.may(&usage)).expect("a key");
            for (kind, len, takes_initial_value) in
                [(0x8000_2109, 40, true), (0x8000_210a, 48, true), (0x8000_216f, 40, false)]
            {
                let plain = Mechanism::plain(kind);
                let wrapped = session.wrap(&plain, key, key).expect("C_WrapKey");
                assert_eq!(wrapped.len(), len, "{kind:#x} under {profile}");
                let unwrapped = Template::key(CKO_SECRET_KEY, CKK_AES);
                let again = session.unwrap(&plain, key, &wrapped, &unwrapped).expect("C_UnwrapKey");
                let check_value = |key| session.attribute(key, CKA_CHECK_VALUE).expect("CKA_CHECK_VALUE");
                assert_eq!(check_value(again), check_value(key));
                let with = |initial: &[u8]| session.wrap(&Mechanism::with_bytes(kind, initial), key, key);
                assert_eq!(with(&[0xa6; 8]).is_ok(), takes_initial_value, "{kind:#x}");
                assert_eq!(with(&[0xa5; 8]), Err(ReturnCode::MECHANISM_PARAM_INVALID), "{kind:#x}");
            }
            raw.finalize().expect("C_Finalize");
        }
    });
}
