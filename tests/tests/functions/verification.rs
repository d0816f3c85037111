//! Verifications whose signature comes first, and what `C_SessionCancel` gives up.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template, call};

fn init(raw: &Raw, session: Session<'_>, kind: u64, key: u64, signature: &[u8]) -> Rv<()> {
    let (at, len) = (signature.as_ptr().cast_mut(), signature.len() as u64);
    let mut mechanism = Mechanism::plain(kind).raw();
    call!(raw.newest(), C_VerifySignatureInit(session.handle, &raw mut mechanism, key, at, len))
}

fn whole(raw: &Raw, session: Session<'_>, data: &[u8]) -> Rv<()> {
    call!(raw.newest(), C_VerifySignature(session.handle, data.as_ptr().cast_mut(), data.len() as u64))
}

fn parts(raw: &Raw, session: Session<'_>, data: &[u8], step: usize) -> Rv<()> {
    for part in data.chunks(step) {
        let (at, len) = (part.as_ptr().cast_mut(), part.len() as u64);
        call!(raw.newest(), C_VerifySignatureUpdate(session.handle, at, len))?;
    }
    call!(raw.newest(), C_VerifySignatureFinal(session.handle))
}

#[test]
fn a_signature_may_come_before_the_message() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (ec, rsa) =
            (session.p256(false, "ec").expect("a pair"), session.rsa(false, "rsa").expect("a pair"));
        let generic = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_SIGN, CKA_VERIFY]);
        let secret = session.generate(CKM_GENERIC_SECRET_KEY_GEN, &generic).expect("a key");
        let message: Vec<u8> = (0..200_000u32).map(|at| at as u8).collect();
        for (kind, private, public) in [
            (CKM_ECDSA_SHA256, ec.private, ec.public),
            (CKM_SHA384_RSA_PKCS, rsa.private, rsa.public),
            (CKM_SHA256_HMAC, secret, secret),
        ] {
            session.sign_init(&Mechanism::plain(kind), private).expect("C_SignInit");
            let signature = session.sign(&message).expect("C_Sign");
            let init = |signature: &[u8]| init(&raw, session, kind, public, signature);
            init(&signature).expect("C_VerifySignatureInit");
            assert_eq!(init(&signature), Err(ReturnCode::OPERATION_ACTIVE));
            whole(&raw, session, &message).expect("C_VerifySignature");
            assert_eq!(whole(&raw, session, &message), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
            for step in [1 << 10, 70_000, 300_000] {
                init(&signature).expect("C_VerifySignatureInit");
                parts(&raw, session, &message, step).expect("in parts");
            }
            init(&signature).expect("C_VerifySignatureInit");
            assert_eq!(parts(&raw, session, &message[1..], 1 << 16), Err(ReturnCode::SIGNATURE_INVALID));
            init(&signature[1..]).expect("the Init doesn't look at it");
            assert_eq!(whole(&raw, session, &message), Err(ReturnCode::SIGNATURE_LEN_RANGE));
            init(&signature).expect("C_VerifySignatureInit");
            let part = message.as_ptr().cast_mut();
            call!(raw.newest(), C_VerifySignatureUpdate(session.handle, part, 10)).expect("Update");
            assert_eq!(whole(&raw, session, &message), Err(ReturnCode::OPERATION_ACTIVE), "parts have come");
        }
    });
}

#[test]
fn cancelling_gives_up_what_its_flags_name_and_nothing_else() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(false, "key").expect("a key");
        let cancel = |flags| call!(raw.newest(), C_SessionCancel(session.handle, flags));
        cancel(CKF_ENCRYPT).expect("nothing is under way");
        let ecb = Mechanism::plain(CKM_AES_ECB);
        session.encrypt_init(&ecb, key).expect("C_EncryptInit");
        session.decrypt_init(&ecb, key).expect("C_DecryptInit");
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        session.find_init(&Template::new()).expect("C_FindObjectsInit");
        cancel(0).expect("no flags");
        assert_eq!(session.encrypt_init(&ecb, key), Err(ReturnCode::OPERATION_ACTIVE));
        cancel(CKF_ENCRYPT | CKF_GENERATE).expect("C_SessionCancel");
        assert_eq!(session.encrypt(&[0; 16]), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
        assert!(session.decrypt(&[0; 16]).is_ok(), "decryption wasn't cancelled");
        cancel(CKF_FIND_OBJECTS).expect("C_SessionCancel");
        assert_eq!(session.find_final(), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
        assert!(session.digest(b"abc").is_ok(), "the digest wasn't cancelled");

        // What a node has begun is given up there: it runs out of room for operations otherwise.
        for _ in 0..5000 {
            session.encrypt_init(&Mechanism::with_bytes(CKM_AES_CBC, &[0; 16]), key).expect("C_EncryptInit");
            session.encrypt_update(&[0; 16]).expect("C_EncryptUpdate");
            cancel(CKF_ENCRYPT).expect("C_SessionCancel");
        }
        // And an Init without a mechanism cancels, too.
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        call!(raw.functions(), C_DigestInit(session.handle, std::ptr::null_mut())).expect("given up");
        assert_eq!(session.digest(b"abc"), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
    });
}
