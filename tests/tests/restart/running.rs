//! Calls that meet a restart.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Template};

fn restart_gently(cluster: &mut Cluster) {
    cluster.restart();
}

fn restart_by_kill(cluster: &mut Cluster) {
    cluster.kill();
    cluster.start_again();
}

#[test]
fn threads_that_sign_do_not_notice_ten_restarts() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let pair = raw.logged_in(&cluster).p256(true, "token").expect("a key pair");
        let (stop, signatures) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for number in 0..4 {
                let (raw, stop, signatures) = (&raw, &stop, &signatures);
                scope.spawn(move || {
                    let session = raw.open().expect("C_OpenSession");
                    while !stop.load(Ordering::Relaxed) {
                        let signature = session.ecdsa(pair.private, &[number; 32]).expect("a signature");
                        session.check_ecdsa(pair.public, &[number; 32], &signature).expect("a right one");
                        signatures.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            for restart in [restart_gently, restart_by_kill].iter().cycle().take(10) {
                thread::sleep(Duration::from_millis(100));
                restart(&mut cluster);
            }
            thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::Relaxed);
        });
        eprintln!("4 threads over 10 restarts: {signatures:?} signatures, none failed");
    });
}

#[test]
fn login_sessions_and_token_handles_go_on_and_session_keys_are_gone() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let token = session.p256(true, "token").expect("a key pair");
        let mut gone = Vec::new();
        for restart in [restart_gently, restart_by_kill, restart_gently, restart_by_kill] {
            let own = session.p256(false, "session").expect("a key pair");
            let secret = session.aes(false, "session").expect("a key");
            gone.extend([own.private, own.public, secret]);
            assert!(session.ecdsa(own.private, &[1; 32]).is_ok());
            restart(&mut cluster);

            assert_eq!(session.state(), Ok(CKS_RW_USER_FUNCTIONS));
            assert_eq!(session.login(cluster.pin()), Err(ReturnCode::USER_ALREADY_LOGGED_IN));
            assert!(session.ecdsa(token.private, &[1; 32]).is_ok());
            assert_eq!(session.attribute(token.private, CKA_LABEL), Ok(b"token".to_vec()));
            for key in &gone {
                assert_eq!(session.ecdsa(*key, &[1; 32]).unwrap_err(), ReturnCode::KEY_HANDLE_INVALID);
                let label = session.attribute(*key, CKA_LABEL);
                assert_eq!(label.unwrap_err(), ReturnCode::OBJECT_HANDLE_INVALID);
                assert_eq!(session.destroy(*key).unwrap_err(), ReturnCode::OBJECT_HANDLE_INVALID);
            }
            assert_eq!(session.find(&Template::new().bytes(CKA_LABEL, "session")), Ok(vec![]));
            assert_eq!(session.find(&Template::new()).map(|found| found.len()), Ok(2));
            let again = session.p256(false, "session").expect("a key pair");
            assert!(!gone.contains(&again.private), "the handle {:#x} was given out again", again.private);
            session.destroy(again.private).expect("C_DestroyObject");
            session.destroy(again.public).expect("C_DestroyObject");
        }
        session.logout().expect("C_Logout");
        assert_eq!(session.find(&Template::of(CKO_PRIVATE_KEY)), Ok(vec![]));
        session.login(cluster.pin()).expect("C_Login");
        assert!(session.ecdsa(token.private, &[1; 32]).is_ok());
    });
}

#[test]
fn a_search_and_an_operation_begun_before_a_restart_end_well() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let token = session.p256(true, "token").expect("a key pair");
        session.find_init(&Template::new()).expect("C_FindObjectsInit");
        let first = session.find_next(1).expect("C_FindObjects");
        session
            .sign_init(&strongroom_tests::raw::Mechanism::plain(CKM_ECDSA), token.private)
            .expect("C_SignInit");
        cluster.restart();

        let second = session.find_next(10).expect("C_FindObjects");
        assert_eq!(first.len() + second.len(), 2);
        session.find_final().expect("C_FindObjectsFinal");
        let signature = session.sign(&[3; 32]).expect("C_Sign");
        session.check_ecdsa(token.public, &[3; 32], &signature).expect("a right signature");
    });
}

#[test]
fn a_deleted_key_stays_deleted_and_a_user_deleted_meanwhile_is_logged_out() {
    alone(|| {
        let mut cluster =
            Cluster::builder().crypto_user("app", "secret").crypto_user("other", "secret").start();
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        session.login("other:secret").expect("C_Login");
        let pair = session.p256(true, "token").expect("a key pair");
        session.destroy(pair.private).expect("C_DestroyObject");
        cluster.kill();
        cluster.start_again();
        assert_eq!(session.ecdsa(pair.private, &[1; 32]).unwrap_err(), ReturnCode::KEY_HANDLE_INVALID);
        session.destroy(pair.public).expect("C_DestroyObject");

        let mut delete = cluster.strongroom(&["user", "delete"]);
        delete.args(["--username", "other", "--role", "crypto-user"]);
        strongroom_testkit::run(&mut delete);
        assert_eq!(session.aes(true, "late").unwrap_err(), ReturnCode::USER_NOT_LOGGED_IN);
        assert_eq!(session.state(), Ok(CKS_RW_PUBLIC_SESSION));
        session.login("app:secret").expect("C_Login");
    });
}
