//! The state of operations, saved and gone on with.

use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template, call};

fn save(raw: &Raw, session: Session<'_>) -> Rv<Vec<u8>> {
    let mut len = 0;
    call!(raw.functions(), C_GetOperationState(session.handle, ptr::null_mut(), &raw mut len))?;
    let mut state = vec![0; len as usize];
    call!(raw.functions(), C_GetOperationState(session.handle, state.as_mut_ptr(), &raw mut len))?;
    state.truncate(len as usize);
    Ok(state)
}

fn restore(raw: &Raw, session: Session<'_>, state: &[u8], keys: [u64; 2]) -> Rv<()> {
    let (at, len) = (state.as_ptr().cast_mut(), state.len() as u64);
    call!(raw.functions(), C_SetOperationState(session.handle, at, len, keys[0], keys[1]))
}

#[test]
fn a_saved_digest_goes_on_in_any_session() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let (one, other) = (raw.logged_in(&cluster), raw.open().expect("C_OpenSession"));
        let message: Vec<u8> = (0..1000u32).map(|at| at as u8).collect();
        for kind in [CKM_SHA_1, CKM_SHA224, CKM_SHA256, CKM_SHA384, CKM_SHA512, CKM_SHA3_256] {
            for at in [0, 1, 64, 500, 1000] {
                one.digest_init(&Mechanism::plain(kind)).expect("C_DigestInit");
                one.digest_update(&message[..at]).expect("C_DigestUpdate");
                let state = save(&raw, one).expect("C_GetOperationState");
                one.digest_update(&message[at..]).expect("C_DigestUpdate");
                let digest = one.digest_final().expect("C_DigestFinal");
                for session in [one, other] {
                    restore(&raw, session, &state, [0, 0]).expect("C_SetOperationState");
                    session.digest_update(&message[at..]).expect("C_DigestUpdate");
                    assert_eq!(session.digest_final().as_ref(), Ok(&digest), "{kind:#x} at {at}");
                }
            }
        }
        // It takes the place of what was under way.
        one.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        let state = save(&raw, one).expect("C_GetOperationState");
        let key = other.aes(false, "key").expect("a key");
        other.encrypt_init(&Mechanism::plain(CKM_AES_ECB), key).expect("C_EncryptInit");
        restore(&raw, other, &state, [0, 0]).expect("C_SetOperationState");
        assert_eq!(other.encrypt(&[0; 16]), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
        assert!(other.digest(b"whole").is_ok(), "no parts had come in");
    });
}

#[test]
fn keyed_operations_and_damaged_states_are_refused() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        assert_eq!(save(&raw, session), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        session.digest_update(b"some").expect("C_DigestUpdate");
        let state = save(&raw, session).expect("C_GetOperationState");
        let mut short = [0; 4];
        let mut len = 4;
        let small =
            call!(raw.functions(), C_GetOperationState(session.handle, short.as_mut_ptr(), &raw mut len));
        assert_eq!((small, len as usize), (Err(ReturnCode::BUFFER_TOO_SMALL), state.len()));

        let key = session.aes(false, "key").expect("a key");
        session.encrypt_init(&Mechanism::plain(CKM_AES_ECB), key).expect("C_EncryptInit");
        assert_eq!(save(&raw, session), Err(ReturnCode::STATE_UNSAVEABLE));
        assert_eq!(restore(&raw, session, &state, [key, 0]), Err(ReturnCode::KEY_NOT_NEEDED));
        assert_eq!(restore(&raw, session, &state, [0, key]), Err(ReturnCode::KEY_NOT_NEEDED));
        for at in 0..state.len() {
            let mut damaged = state.clone();
            damaged[at] ^= 0x40;
            assert_eq!(
                restore(&raw, session, &damaged, [0, 0]),
                Err(ReturnCode::SAVED_STATE_INVALID),
                "{at}"
            );
            assert_eq!(restore(&raw, session, &state[..at], [0, 0]), Err(ReturnCode::SAVED_STATE_INVALID));
        }
        assert_eq!(restore(&raw, session, &[7; 100_000], [0, 0]), Err(ReturnCode::SAVED_STATE_INVALID));
        assert!(session.encrypt(&[0; 16]).is_ok(), "nothing was given up for what was refused");
    });
}

#[test]
fn only_keys_that_may_be_read_are_digested() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let value = [0x33; 24];
        let template = Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET).bytes(CKA_VALUE, value);
        let open = template.flag(CKA_SENSITIVE, false).flag(CKA_EXTRACTABLE, true);
        let open = session.create(&open).expect("C_CreateObject");
        let digest_key = |key| {
            session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
            session.digest_update(b"before").expect("C_DigestUpdate");
            call!(raw.functions(), C_DigestKey(session.handle, key))
        };
        digest_key(open).expect("C_DigestKey");
        let digest = session.digest_final().expect("C_DigestFinal");
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        assert_eq!(session.digest(&[&b"before"[..], &value].concat()), Ok(digest));

        let (aes, pair) =
            (session.aes(false, "key").expect("a key"), session.p256(false, "ec").expect("a pair"));
        for key in [aes, pair.private, pair.public] {
            assert_eq!(digest_key(key), Err(ReturnCode::KEY_INDIGESTIBLE));
        }
        assert_eq!(digest_key(77), Err(ReturnCode::KEY_HANDLE_INVALID));
    });
}
