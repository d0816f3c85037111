//! Searches.

use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Template, call};

#[test]
fn a_search_gives_what_there_is_and_then_nothing() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        for number in 0..3 {
            session.aes(true, &format!("key{number}")).expect("a key");
        }
        assert_eq!(session.find_next(1).unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);
        assert_eq!(session.find_final().unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);
        session.find_init(&Template::of(CKO_SECRET_KEY)).expect("C_FindObjectsInit");
        assert_eq!(session.find_init(&Template::new()).unwrap_err(), ReturnCode::OPERATION_ACTIVE);
        let mut all = Vec::new();
        for _ in 0..3 {
            all.extend(session.find_next(1).expect("C_FindObjects"));
        }
        all.dedup();
        assert_eq!(all.len(), 3);
        for _ in 0..3 {
            assert_eq!(session.find_next(5), Ok(vec![]), "after the last");
        }
        session.find_final().expect("C_FindObjectsFinal");
        assert_eq!(session.find_final().unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);

        session.find_init(&Template::new()).expect("C_FindObjectsInit");
        assert_eq!(session.find_next(0), Ok(vec![]), "no room is none found");
        assert_eq!(session.find_next(100).map(|found| found.len()), Ok(3));
        session.find_final().expect("C_FindObjectsFinal");
    });
}

#[test]
fn a_search_goes_on_when_what_it_found_is_destroyed() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let keys: Vec<_> = (0..20).map(|_| session.aes(true, "key").expect("a key")).collect();
        session.find_init(&Template::of(CKO_SECRET_KEY)).expect("C_FindObjectsInit");
        let first = session.find_next(2).expect("C_FindObjects");
        // Found already, to be found next, to be found later.
        for key in [keys[0], keys[2], keys[19]] {
            session.destroy(key).expect("C_DestroyObject");
        }
        let mut rest = Vec::new();
        loop {
            match session.find_next(3).expect("C_FindObjects") {
                found if found.is_empty() => break,
                found => rest.extend(found),
            }
        }
        session.find_final().expect("C_FindObjectsFinal");
        let living = keys.iter().filter(|key| session.attribute(**key, CKA_CLASS).is_ok());
        let found = |key: &&u64| first.contains(key) || rest.contains(key);
        assert_eq!(living.filter(found).count(), 17, "those that are still there are all found");
        assert_eq!(session.attribute(keys[0], CKA_CLASS).unwrap_err(), ReturnCode::OBJECT_HANDLE_INVALID);
        assert_eq!(session.destroy(keys[0]).unwrap_err(), ReturnCode::OBJECT_HANDLE_INVALID);
    });
}

#[test]
fn a_search_left_open_goes_with_its_session_only() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        session.aes(true, "key").expect("a key");
        let other = raw.open().expect("C_OpenSession");
        other.find_init(&Template::new()).expect("C_FindObjectsInit");
        other.close().expect("C_CloseSession");
        assert_eq!(other.find_next(1).unwrap_err(), ReturnCode::SESSION_HANDLE_INVALID);
        assert_eq!(session.find(&Template::new()).map(|found| found.len()), Ok(1));
    });
}

#[test]
fn without_a_login_what_is_public_is_found() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        assert_eq!(session.find(&Template::of(CKO_PRIVATE_KEY)), Ok(vec![]));
        session.login(cluster.pin()).expect("C_Login");
        let pair = session.p256(true, "key").expect("a key pair");
        session.logout().expect("C_Logout");
        assert_eq!(session.find(&Template::new()), Ok(vec![pair.public]));
        assert_eq!(
            session.attribute(pair.private, CKA_LABEL).unwrap_err(),
            ReturnCode::OBJECT_HANDLE_INVALID
        );
        session.login(cluster.pin()).expect("C_Login");
        assert_eq!(session.find(&Template::of(CKO_PRIVATE_KEY)), Ok(vec![pair.private]));
    });
}

#[test]
fn templates_that_match_nothing_find_nothing_and_broken_ones_are_refused() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        session.aes(true, "key").expect("a key");
        for template in [
            Template::of(0x1234_5678),
            Template::new().bytes(CKA_LABEL, vec![b'x'; 100_000]),
            Template::new().number(0x8000_1234, 1),
            Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, [0; 32]),
            // What NSS asks for.
            Template::of(0xce53_4353),
        ] {
            assert_eq!(session.find(&template), Ok(vec![]), "{template:?}");
        }
        let mut template = [CK_ATTRIBUTE { type_: CKA_LABEL, pValue: ptr::null_mut(), ulValueLen: 5 }];
        let broken = call!(raw.functions(), C_FindObjectsInit(session.handle, template.as_mut_ptr(), 1));
        let code = broken.unwrap_err();
        assert!([ReturnCode::ARGUMENTS_BAD, ReturnCode::ATTRIBUTE_VALUE_INVALID].contains(&code), "{code}");
        assert_eq!(session.find_next(1).unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);
    });
}
