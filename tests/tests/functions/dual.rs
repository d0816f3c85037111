//! Two operations on the same parts.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template, outcome};

type Update = CK_C_EncryptUpdate;

fn update(function: Update, session: Session<'_>, part: &[u8], room: usize) -> Rv<Vec<u8>> {
    let (mut out, mut len) = (vec![0; room], room as u64);
    let function = function.expect("a function");
    let (at, part_len) = (part.as_ptr().cast_mut(), part.len() as u64);
    // SAFETY: the part is there, and the output as long as it says.
    outcome(unsafe { function(session.handle, at, part_len, out.as_mut_ptr(), &raw mut len) })?;
    out.truncate(len as usize);
    Ok(out)
}

/// In and out of the same place.
fn update_in_place(function: Update, session: Session<'_>, part: &mut [u8]) -> Rv<()> {
    let mut len = part.len() as u64;
    let function = function.expect("a function");
    let at = part.as_mut_ptr();
    // SAFETY: the part is there, and it may be overwritten.
    outcome(unsafe { function(session.handle, at, len, at, &raw mut len) })
}

#[test]
fn digests_and_macs_are_of_the_plaintext() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let list = raw.functions();
        let key = session.aes(false, "key").expect("a key");
        let generic = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_SIGN, CKA_VERIFY]);
        let secret = session.generate(CKM_GENERIC_SECRET_KEY_GEN, &generic).expect("a key");
        let (cbc, sha256) = (Mechanism::with_bytes(CKM_AES_CBC, &[7; 16]), Mechanism::plain(CKM_SHA256));
        let hmac = Mechanism::plain(CKM_SHA256_HMAC);
        let message: Vec<u8> = (0..4096u32).map(|at| (at * 7) as u8).collect();

        session.digest_init(&sha256).expect("C_DigestInit");
        let digest = session.digest(&message).expect("C_Digest");
        session.sign_init(&hmac, secret).expect("C_SignInit");
        let mac = session.sign(&message).expect("C_Sign");
        session.encrypt_init(&cbc, key).expect("C_EncryptInit");
        let ciphertext = session.encrypt(&message).expect("C_Encrypt");

        let through = |function: Update, data: &[u8]| {
            let parts = data.chunks(512).map(|part| update(function, session, part, 512).expect("a part"));
            parts.collect::<Vec<_>>().concat()
        };
        session.encrypt_init(&cbc, key).expect("C_EncryptInit");
        session.digest_init(&sha256).expect("C_DigestInit");
        assert_eq!(through(list.C_DigestEncryptUpdate, &message), ciphertext);
        assert_eq!(session.digest_final(), Ok(digest.clone()));
        session.encrypt_final().expect("C_EncryptFinal");

        session.decrypt_init(&cbc, key).expect("C_DecryptInit");
        session.digest_init(&sha256).expect("C_DigestInit");
        assert_eq!(through(list.C_DecryptDigestUpdate, &ciphertext), message);
        assert_eq!(session.digest_final(), Ok(digest.clone()));
        session.decrypt_final().expect("C_DecryptFinal");

        session.encrypt_init(&cbc, key).expect("C_EncryptInit");
        session.sign_init(&hmac, secret).expect("C_SignInit");
        assert_eq!(through(list.C_SignEncryptUpdate, &message), ciphertext);
        assert_eq!(session.sign_final(), Ok(mac.clone()));
        session.encrypt_final().expect("C_EncryptFinal");

        for (mac, verdict) in [(mac.clone(), Ok(())), (vec![0; 32], Err(ReturnCode::SIGNATURE_INVALID))] {
            session.decrypt_init(&cbc, key).expect("C_DecryptInit");
            session.verify_init(&hmac, secret).expect("C_VerifyInit");
            assert_eq!(through(list.C_DecryptVerifyUpdate, &ciphertext), message);
            let (at, len) = (mac.as_ptr().cast_mut(), mac.len() as u64);
            let verified = strongroom_tests::raw::call!(list, C_VerifyFinal(session.handle, at, len));
            assert_eq!(verified, verdict);
            session.decrypt_final().expect("C_DecryptFinal");
        }

        // The plaintext is digested although the ciphertext takes its place.
        let mut place = message.clone();
        session.encrypt_init(&cbc, key).expect("C_EncryptInit");
        session.digest_init(&sha256).expect("C_DigestInit");
        update_in_place(list.C_DigestEncryptUpdate, session, &mut place).expect("in place");
        assert_eq!((place, session.digest_final()), (ciphertext, Ok(digest)));
    });
}

#[test]
fn what_gives_no_output_is_not_passed_on() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let digest_encrypt = raw.functions().C_DigestEncryptUpdate;
        let key = session.aes(false, "key").expect("a key");
        let (ecb, sha256) = (Mechanism::plain(CKM_AES_ECB), Mechanism::plain(CKM_SHA256));
        let part = [9; 32];
        let missing = Err(ReturnCode::OPERATION_NOT_INITIALIZED);
        assert_eq!(update(digest_encrypt, session, &part, 32), missing);
        session.encrypt_init(&ecb, key).expect("C_EncryptInit");
        assert_eq!(update(digest_encrypt, session, &part, 32), missing, "without a digest");
        session.digest_init(&sha256).expect("C_DigestInit");
        assert_eq!(update(digest_encrypt, session, &part, 31), Err(ReturnCode::BUFFER_TOO_SMALL));
        let mut len = 0;
        let (at, out) = (part.as_ptr().cast_mut(), std::ptr::null_mut());
        let asked = strongroom_tests::raw::call!(
            raw.functions(),
            C_DigestEncryptUpdate(session.handle, at, 32, out, &raw mut len)
        );
        assert_eq!((asked, len), (Ok(()), 32));
        update(digest_encrypt, session, &part, 32).expect("C_DigestEncryptUpdate");
        let digest = session.digest_final().expect("C_DigestFinal");
        session.digest_init(&sha256).expect("C_DigestInit");
        assert_eq!(session.digest(&part), Ok(digest), "it took the part in once");
    });
}
