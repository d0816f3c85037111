//! PINs and logins (clients.md, traps 8 and 9).

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Template, call};

#[test]
fn a_wrong_pin_is_told_and_a_right_one_works_in_the_same_session() {
    alone(|| {
        let cluster = Cluster::builder().crypto_user("app", "pass:word: with spaces ").start();
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        for pin in [
            "app:wrong",
            "app:pass",
            "app:pass:word: with spaces",
            "app:pass:word: with spaces \n",
            "nobody:pass:word: with spaces ",
            "app:",
            ":",
            "",
            "not a name:x",
            "\u{0}\u{1}",
        ] {
            assert_eq!(session.login(pin).unwrap_err(), ReturnCode::PIN_INCORRECT, "{pin:?}");
        }
        session.login("app:pass:word: with spaces ").expect("a right PIN");
        session.logout().expect("C_Logout");
        // Without a name it's the first user's, colons and all, unless what is before the first could be a name.
        assert_eq!(session.login("pass:word: with spaces ").unwrap_err(), ReturnCode::PIN_INCORRECT);
        let long = format!("app:{}", "x".repeat(1 << 20));
        assert_eq!(session.login(&long).unwrap_err(), ReturnCode::PIN_INCORRECT);
        assert_eq!(session.login_as(77, b"app:x").unwrap_err(), ReturnCode::USER_TYPE_INVALID);
        let code = session.login_as(CKU_CONTEXT_SPECIFIC, b"app:x").unwrap_err();
        assert_eq!(code, ReturnCode::OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn a_login_is_the_process_s_and_ends_with_logout_or_the_last_session() {
    alone(|| {
        let cluster = Cluster::builder().crypto_user("app", "secret").crypto_user("other", "secret").start();
        let raw = Raw::start(&cluster);
        let (one, other) = (raw.open().expect("C_OpenSession"), raw.open().expect("C_OpenSession"));
        assert_eq!(one.logout().unwrap_err(), ReturnCode::USER_NOT_LOGGED_IN);
        one.login("app:secret").expect("C_Login");
        assert_eq!(other.state(), Ok(CKS_RW_USER_FUNCTIONS));
        assert_eq!(other.login("app:secret").unwrap_err(), ReturnCode::USER_ALREADY_LOGGED_IN);
        assert_eq!(other.login("secret").unwrap_err(), ReturnCode::USER_ALREADY_LOGGED_IN);
        let another = other.login("other:secret").unwrap_err();
        assert_eq!(another, ReturnCode::USER_ANOTHER_ALREADY_LOGGED_IN);
        let officer = other.login_as(CKU_SO, cluster.officer_pin().as_bytes()).unwrap_err();
        assert_eq!(officer, ReturnCode::USER_ANOTHER_ALREADY_LOGGED_IN);

        one.close().expect("C_CloseSession");
        assert_eq!(other.state(), Ok(CKS_RW_USER_FUNCTIONS), "it survives the session that it was made in");
        other.logout().expect("C_Logout");
        assert_eq!(other.logout().unwrap_err(), ReturnCode::USER_NOT_LOGGED_IN);
        assert_eq!(other.aes(true, "key").unwrap_err(), ReturnCode::USER_NOT_LOGGED_IN);
        other.login("other:secret").expect("C_Login");
        raw.close_all().expect("C_CloseAllSessions");
        raw.close_all().expect("C_CloseAllSessions, with nothing to close");
        let late = raw.open().expect("C_OpenSession");
        assert_eq!(late.state(), Ok(CKS_RW_PUBLIC_SESSION), "it ends with the last session");
        late.login("app:secret").expect("C_Login");
    });
}

#[test]
fn private_session_objects_end_with_the_login_wherever_they_are() {
    alone(|| {
        let cluster = Cluster::builder().nodes(4).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        for _ in 0..6 {
            let private = session.aes(false, "private").expect("a key");
            let data = Template::of(CKO_DATA).placed(false, "public").flag(CKA_PRIVATE, false);
            let public = session.create(&data).expect("data");
            session.logout().expect("C_Logout");
            assert_eq!(session.find(&Template::new()), Ok(vec![public]));
            session.login(cluster.pin()).expect("C_Login");
            assert_eq!(session.find(&Template::new()), Ok(vec![public]));
            assert_eq!(session.attribute(private, CKA_LABEL).unwrap_err(), ReturnCode::OBJECT_HANDLE_INVALID);
            session.destroy(public).expect("C_DestroyObject");
        }
    });
}

#[test]
fn the_officer_needs_read_write_sessions_and_has_no_keys() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let officer = cluster.officer_pin();
        let read_only = raw.open_with(CKF_SERIAL_SESSION).expect("C_OpenSession");
        let session = raw.open().expect("C_OpenSession");
        let refused = session.login_as(CKU_SO, officer.as_bytes()).unwrap_err();
        assert_eq!(refused, ReturnCode::SESSION_READ_ONLY_EXISTS);
        read_only.close().expect("C_CloseSession");
        session.login_as(CKU_SO, officer.as_bytes()).expect("C_Login");
        assert_eq!(session.state(), Ok(CKS_RW_SO_FUNCTIONS));
        let refused = raw.open_with(CKF_SERIAL_SESSION).unwrap_err();
        assert_eq!(refused, ReturnCode::SESSION_READ_WRITE_SO_EXISTS);
        assert!(session.aes(true, "key").is_err());
    });
}

#[test]
fn pins_are_changed_and_initialised_by_whoever_may() {
    alone(|| {
        let cluster = Cluster::builder().crypto_user("app", "old-secret").start();
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        let set_pin = |old: &str, new: &str| {
            let (old_at, new_at) = (old.as_ptr().cast_mut(), new.as_ptr().cast_mut());
            let (old_len, new_len) = (old.len() as u64, new.len() as u64);
            call!(raw.functions(), C_SetPIN(session.handle, old_at, old_len, new_at, new_len))
        };
        assert_eq!(set_pin("app:wrong", "new-secret").unwrap_err(), ReturnCode::PIN_INCORRECT);
        assert_eq!(set_pin("app:old-secret", "x").unwrap_err(), ReturnCode::PIN_LEN_RANGE);
        set_pin("app:old-secret", "new-secret").expect("C_SetPIN");
        assert_eq!(session.login("app:old-secret").unwrap_err(), ReturnCode::PIN_INCORRECT);
        session.login("app:new-secret").expect("C_Login");
        set_pin("app:new-secret", "app:third-secret").expect("C_SetPIN, with the name repeated");
        assert_eq!(session.state(), Ok(CKS_RW_USER_FUNCTIONS), "whoever changes the own PIN stays logged in");
        session.aes(true, "key").expect("a key");
        session.logout().expect("C_Logout");
        session.login("app:third-secret").expect("C_Login");

        let init_pin = |pin: &str| {
            let (at, len) = (pin.as_ptr().cast_mut(), pin.len() as u64);
            call!(raw.functions(), C_InitPIN(session.handle, at, len))
        };
        assert_eq!(init_pin("app:fourth-secret").unwrap_err(), ReturnCode::USER_NOT_LOGGED_IN);
        session.logout().expect("C_Logout");
        session.login_as(CKU_SO, cluster.officer_pin().as_bytes()).expect("C_Login");
        init_pin("app:fourth-secret").expect("C_InitPIN");
        session.logout().expect("C_Logout");
        session.login("app:fourth-secret").expect("C_Login");
    });
}
