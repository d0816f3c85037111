//! Keys that are wrapped with associated data, and keys that are encapsulated.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template, call, gcm, gcm_message};

/// What wrapping by AES-GCM gives, and takes.
#[derive(Clone, Debug)]
struct Wrapped {
    nonce: [u8; 12],
    tag: [u8; 16],
    key: Vec<u8>,
}

fn wrap(raw: &Raw, session: Session<'_>, generator: u64, keys: [u64; 2], aad: &[u8]) -> Rv<Wrapped> {
    let mut wrapped = Wrapped { nonce: [9; 12], tag: [0; 16], key: vec![0; 4096] };
    let mut params = gcm_message(&mut wrapped.nonce, &mut wrapped.tag, generator);
    let mut mechanism = gcm(&mut params);
    let (aad_at, aad_len) = (aad.as_ptr().cast_mut(), aad.len() as u64);
    let mut wrap = |place: *mut u8, len: &mut u64| {
        let len = std::ptr::from_mut(len);
        call!(
            raw.newest(),
            C_WrapKeyAuthenticated(
                session.handle,
                &raw mut mechanism,
                keys[0],
                keys[1],
                aad_at,
                aad_len,
                place,
                len
            )
        )
    };
    let mut len = 0;
    wrap(std::ptr::null_mut(), &mut len)?;
    let place = wrapped.key.as_mut_ptr();
    let mut small = len - 1;
    assert_eq!((wrap(place, &mut small), small), (Err(ReturnCode::BUFFER_TOO_SMALL), len));
    assert_eq!((wrapped.nonce, wrapped.tag), ([9; 12], [0; 16]), "nothing is given out yet");
    wrap(place, &mut len)?;
    wrapped.key.truncate(len as usize);
    Ok(wrapped)
}

fn unwrap(
    raw: &Raw,
    session: Session<'_>,
    key: u64,
    wrapped: &Wrapped,
    aad: &[u8],
    template: &Template,
) -> Rv<u64> {
    let mut wrapped = wrapped.clone();
    let mut params = gcm_message(&mut wrapped.nonce, &mut wrapped.tag, CKG_NO_GENERATE);
    let mut mechanism = gcm(&mut params);
    let (mut attributes, mut made) = (template.raw(), 0);
    let (template_at, count) = (attributes.as_mut_ptr(), attributes.len() as u64);
    let (at, len) = (wrapped.key.as_mut_ptr(), wrapped.key.len() as u64);
    let (aad_at, aad_len) = (aad.as_ptr().cast_mut(), aad.len() as u64);
    call!(
        raw.newest(),
        C_UnwrapKeyAuthenticated(
            session.handle,
            &raw mut mechanism,
            key,
            at,
            len,
            template_at,
            count,
            aad_at,
            aad_len,
            &raw mut made
        )
    )?;
    Ok(made)
}

#[test]
fn a_key_is_wrapped_with_associated_data_and_unwrapped_with_the_same_only() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let wrapping = Template::new().number(CKA_VALUE_LEN, 32);
        let wrapping = wrapping.may(&[CKA_WRAP, CKA_UNWRAP, CKA_ENCRYPT, CKA_DECRYPT]);
        let wrapping = session.generate(CKM_AES_KEY_GEN, &wrapping).expect("a key");
        let value = [0x42; 32];
        let key = Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, value).flag(CKA_EXTRACTABLE, true);
        let key = session.create(&key).expect("C_CreateObject");
        let template = Template::key(CKO_SECRET_KEY, CKK_AES);
        let template = template.flag(CKA_SENSITIVE, false).flag(CKA_EXTRACTABLE, true);
        for generator in [CKG_NO_GENERATE, CKG_GENERATE, CKG_GENERATE_RANDOM] {
            let wrapped = wrap(&raw, session, generator, [wrapping, key], b"for whom").expect("wrapped");
            assert_eq!(wrapped.key.len(), 32);
            assert_eq!(wrapped.nonce == [9; 12], generator == CKG_NO_GENERATE);
            // The tag is apart; ordinary decryption finds both together.
            session.decrypt_init(&Mechanism::gcm(&wrapped.nonce, b"for whom", 128), wrapping).expect("Init");
            let sealed = [&wrapped.key[..], &wrapped.tag].concat();
            assert_eq!(session.decrypt(&sealed), Ok(value.to_vec()));
            let unwrap =
                |wrapped: &Wrapped, aad: &[u8]| unwrap(&raw, session, wrapping, wrapped, aad, &template);
            let made = unwrap(&wrapped, b"for whom").expect("C_UnwrapKeyAuthenticated");
            assert_eq!(session.attribute(made, CKA_VALUE), Ok(value.to_vec()));
            let invalid = Err(ReturnCode::WRAPPED_KEY_INVALID);
            assert_eq!(unwrap(&wrapped, b"for whim"), invalid);
            let mut damaged = wrapped.clone();
            damaged.tag[0] ^= 1;
            assert_eq!(unwrap(&damaged, b"for whom"), invalid);
            let mut damaged = wrapped.clone();
            damaged.key[31] ^= 1;
            assert_eq!(unwrap(&damaged, b"for whom"), invalid);
            let short = Wrapped { key: Vec::new(), ..wrapped };
            assert!(unwrap(&short, b"for whom").is_err());
        }
        let counted = wrap(&raw, session, CKG_GENERATE_COUNTER, [wrapping, key], b"").unwrap_err();
        assert_eq!(counted, ReturnCode::MECHANISM_PARAM_INVALID, "a counter of one call would always be 0");

        let stays = session.aes(false, "stays").expect("a key");
        let unwrapping_only = Template::new().number(CKA_VALUE_LEN, 32).flag(CKA_WRAP, false);
        let unwrapping_only = session.generate(CKM_AES_KEY_GEN, &unwrapping_only).expect("a key");
        let wrap = |with, what| wrap(&raw, session, CKG_GENERATE, [with, what], b"").map(|_| ());
        let kept = Template::new().number(CKA_VALUE_LEN, 32).flag(CKA_EXTRACTABLE, false);
        let kept = session.generate(CKM_AES_KEY_GEN, &kept).expect("a key");
        assert_eq!(wrap(wrapping, kept), Err(ReturnCode::KEY_UNEXTRACTABLE));
        assert_eq!(wrap(unwrapping_only, key), Err(ReturnCode::KEY_FUNCTION_NOT_PERMITTED));
        assert_eq!(wrap(wrapping, 77), Err(ReturnCode::KEY_HANDLE_INVALID));
        assert_eq!(wrap(77, stays), Err(ReturnCode::WRAPPING_KEY_HANDLE_INVALID));
    });
}

#[test]
fn an_encapsulated_secret_is_the_same_on_both_sides() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (list, handle) = (raw.newest(), session.handle);
        let readable = Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET).number(CKA_VALUE_LEN, 32);
        let readable = readable.flag(CKA_SENSITIVE, false).flag(CKA_EXTRACTABLE, true);
        let mut attributes = readable.raw();
        let (template, count) = (attributes.as_mut_ptr(), attributes.len() as u64);
        for (set, expected) in [(CKP_ML_KEM_512, 768), (CKP_ML_KEM_768, 1088), (CKP_ML_KEM_1024, 1568)] {
            let public = Template::new().number(CKA_PARAMETER_SET, set).may(&[CKA_ENCAPSULATE]);
            let private = Template::new().may(&[CKA_DECAPSULATE]);
            let pair = session.generate_pair(CKM_ML_KEM_KEY_PAIR_GEN, &public, &private).expect("a key pair");
            let mut kem = Mechanism::plain(CKM_ML_KEM).raw();
            let (mut out, mut len, mut key) = (vec![0; 2000], 0, 0);
            let mut encapsulate = |place: *mut u8, len: &mut u64, key: *mut u64| {
                let (public, len) = (pair.public, std::ptr::from_mut(len));
                call!(list, C_EncapsulateKey(handle, &raw mut kem, public, template, count, place, len, key))
            };
            let null = std::ptr::null_mut();
            assert_eq!((encapsulate(null, &mut len, std::ptr::null_mut()), len), (Ok(()), expected));
            let before = session.find(&Template::of(CKO_SECRET_KEY)).expect("a search").len();
            len -= 1;
            let small = encapsulate(out.as_mut_ptr(), &mut len, &raw mut key);
            assert_eq!((small, len), (Err(ReturnCode::BUFFER_TOO_SMALL), expected));
            let after = session.find(&Template::of(CKO_SECRET_KEY)).expect("a search").len();
            assert_eq!(after, before, "a key was made for nothing");
            encapsulate(out.as_mut_ptr(), &mut len, &raw mut key).expect("C_EncapsulateKey");
            let secret = session.attribute(key, CKA_VALUE).expect("the secret");
            let mut kem = Mechanism::plain(CKM_ML_KEM).raw();
            let mut decapsulate = |private, len| {
                let (at, mut key) = (out.as_mut_ptr(), 0);
                call!(
                    list,
                    C_DecapsulateKey(handle, &raw mut kem, private, template, count, at, len, &raw mut key)
                )
                .map(|()| key)
            };
            let key = decapsulate(pair.private, len).expect("C_DecapsulateKey");
            assert_eq!(session.attribute(key, CKA_VALUE), Ok(secret));
            assert_eq!(decapsulate(pair.private, len - 1), Err(ReturnCode::WRAPPED_KEY_LEN_RANGE));
            assert_eq!(decapsulate(pair.public, len), Err(ReturnCode::KEY_FUNCTION_NOT_PERMITTED));
        }
    });
}
