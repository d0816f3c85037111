//! Signatures that hold what was signed.

use std::ptr;

use cryptoki_sys::*;
use rsa::{BoxedUint, Pkcs1v15Sign, RsaPublicKey};
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Pair, Raw, Rv, Session, Template, call};

fn pair(session: Session<'_>) -> Pair {
    let public = Template::new().number(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]);
    let public = public.may(&[CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_ENCRYPT]);
    let private = Template::new().may(&[CKA_SIGN, CKA_SIGN_RECOVER]);
    session.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private).expect("a key pair")
}

fn sign(raw: &Raw, session: Session<'_>, kind: u64, key: u64, data: &[u8]) -> Rv<Vec<u8>> {
    let (mut signature, mut len) = (vec![0; 256], 256);
    let (at, data_len) = (data.as_ptr().cast_mut(), data.len() as u64);
    call!(raw.functions(), C_SignRecoverInit(session.handle, &mut Mechanism::plain(kind).raw(), key))?;
    call!(
        raw.functions(),
        C_SignRecover(session.handle, at, data_len, signature.as_mut_ptr(), &raw mut len)
    )?;
    signature.truncate(len as usize);
    Ok(signature)
}

fn recover(raw: &Raw, session: Session<'_>, kind: u64, key: u64, signature: &[u8]) -> Rv<Vec<u8>> {
    call!(raw.functions(), C_VerifyRecoverInit(session.handle, &mut Mechanism::plain(kind).raw(), key))?;
    recovered(raw, session, signature, 256)
}

fn recovered(raw: &Raw, session: Session<'_>, signature: &[u8], room: u64) -> Rv<Vec<u8>> {
    let (mut data, mut len) = (vec![0; room as usize], room);
    let (at, signature_len) = (signature.as_ptr().cast_mut(), signature.len() as u64);
    call!(
        raw.functions(),
        C_VerifyRecover(session.handle, at, signature_len, data.as_mut_ptr(), &raw mut len)
    )?;
    data.truncate(len as usize);
    Ok(data)
}

#[test]
fn what_was_signed_comes_out_of_the_signature() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = pair(session);
        for len in [0, 1, 20, 100, 245] {
            let data: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let signature = sign(&raw, session, CKM_RSA_PKCS, pair.private, &data).expect("C_SignRecover");
            assert_eq!(recover(&raw, session, CKM_RSA_PKCS, pair.public, &signature), Ok(data.clone()));
            // It's an ordinary signature, too.
            session.verify_init(&Mechanism::plain(CKM_RSA_PKCS), pair.public).expect("C_VerifyInit");
            session.verify(&data, &signature).expect("C_Verify");
        }
        let too_long = sign(&raw, session, CKM_RSA_PKCS, pair.private, &[1; 246]).unwrap_err();
        assert_eq!(too_long, ReturnCode::DATA_LEN_RANGE);

        // A second implementation takes it for PKCS #1 v1.5 over the bare message (RFC 8017 section 9.2).
        let signature = sign(&raw, session, CKM_RSA_PKCS, pair.private, b"shown").expect("C_SignRecover");
        let number = |attribute| {
            let bytes = session.attribute(pair.public, attribute).expect("a number");
            BoxedUint::from_be_slice_vartime(&bytes)
        };
        let key = RsaPublicKey::new(number(CKA_MODULUS), number(CKA_PUBLIC_EXPONENT)).expect("a public key");
        key.verify(Pkcs1v15Sign::new_unprefixed(), b"shown", &signature).expect("a signature");

        let raw_number = [&[0][..], &[0x5a; 255]].concat();
        let signature = sign(&raw, session, CKM_RSA_X_509, pair.private, &raw_number).expect("raw RSA");
        assert_eq!(recover(&raw, session, CKM_RSA_X_509, pair.public, &signature), Ok(raw_number));
    });
}

#[test]
fn bad_signatures_wrong_keys_and_small_buffers_are_told_apart() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = pair(session);
        let signature = sign(&raw, session, CKM_RSA_PKCS, pair.private, b"message").expect("C_SignRecover");
        let recover = |signature: &[u8]| recover(&raw, session, CKM_RSA_PKCS, pair.public, signature);
        let mut damaged = signature.clone();
        damaged[100] ^= 1;
        assert_eq!(recover(&damaged), Err(ReturnCode::SIGNATURE_INVALID));
        assert_eq!(recover(&signature[1..]), Err(ReturnCode::SIGNATURE_LEN_RANGE));
        assert_eq!(recover(&[0xff; 256]), Err(ReturnCode::SIGNATURE_INVALID), "no number below the modulus");
        let mut raw_signature = sign(&raw, session, CKM_RSA_X_509, pair.private, &[2; 200]).expect("raw RSA");
        assert_eq!(recover(&raw_signature), Err(ReturnCode::SIGNATURE_INVALID), "without the padding");
        raw_signature.clear();

        // A wrong signature is wrong, whatever the buffer; a right one waits for a larger one.
        let mut rsa = Mechanism::plain(CKM_RSA_PKCS).raw();
        call!(raw.functions(), C_VerifyRecoverInit(session.handle, &raw mut rsa, pair.public)).expect("Init");
        assert_eq!(recovered(&raw, session, &damaged, 1), Err(ReturnCode::SIGNATURE_INVALID));
        call!(raw.functions(), C_VerifyRecoverInit(session.handle, &raw mut rsa, pair.public)).expect("Init");
        let mut asked = 0;
        let at = signature.as_ptr().cast_mut();
        call!(raw.functions(), C_VerifyRecover(session.handle, at, 256, ptr::null_mut(), &raw mut asked))
            .expect("a question for the length");
        assert!(asked >= 7);
        assert_eq!(recovered(&raw, session, &signature, 6), Err(ReturnCode::BUFFER_TOO_SMALL));
        assert_eq!(recovered(&raw, session, &signature, 7), Ok(b"message".to_vec()));
        assert_eq!(recovered(&raw, session, &signature, 7), Err(ReturnCode::OPERATION_NOT_INITIALIZED));

        let unable = session.rsa(false, "unable").expect("a key pair");
        let refusal = sign(&raw, session, CKM_RSA_PKCS, unable.public, b"x").unwrap_err();
        assert_eq!(refusal, ReturnCode::KEY_FUNCTION_NOT_PERMITTED);
        let refusal = sign(&raw, session, CKM_SHA256_RSA_PKCS, pair.private, b"x").unwrap_err();
        assert_eq!(refusal, ReturnCode::MECHANISM_INVALID);
    });
}
