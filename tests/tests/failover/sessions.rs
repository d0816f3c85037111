//! What a node alone had: session keys, operations, and what doesn't depend on it: logins.

use std::time::{Duration, Instant};

use cryptoki_sys::*;
use strongroom_model::{Handle, Place, ReturnCode};
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Template};

/// The node that has an object.
#[track_caller]
fn node_of(object: CK_OBJECT_HANDLE) -> u16 {
    match Handle(object).place() {
        Place::Node(node) => node.0,
        Place::Cluster => panic!("{object:#x} is on all nodes"),
    }
}

#[test]
fn session_keys_go_with_their_node_and_their_handles_lead_nowhere() {
    alone(|| {
        let cluster = Cluster::builder().nodes(3).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let token = session.p256(true, "token").expect("a key pair");
        let mut gone: Vec<CK_OBJECT_HANDLE> = Vec::new();
        for round in 0..6 {
            let pair = session.p256(false, "session").expect("a key pair");
            let secret = session.aes(false, "session").expect("a key");
            let new = [pair.private, pair.public, secret];
            assert!(new.iter().all(|key| !gone.contains(key)), "a handle was given out again");
            gone.extend(new);
            assert!(session.ecdsa(pair.private, &[1; 32]).is_ok());
            let node = node_of(pair.private);
            cluster.stop_node(node);
            let expect_gone = || {
                let begun = Instant::now();
                for (place, key) in gone.iter().enumerate() {
                    if place % new.len() == 0 {
                        let refused = session.ecdsa(*key, &[1; 32]).unwrap_err();
                        assert_eq!(refused, ReturnCode::KEY_HANDLE_INVALID);
                    }
                    let label = session.attribute(*key, CKA_LABEL).unwrap_err();
                    assert_eq!(label, ReturnCode::OBJECT_HANDLE_INVALID);
                }
                assert_eq!(session.find(&Template::new().bytes(CKA_LABEL, "session")), Ok(vec![]));
                assert_eq!(session.find(&Template::new()).map(|found| found.len()), Ok(2));
                assert!(session.ecdsa(token.private, &[1; 32]).is_ok());
                let took = begun.elapsed();
                assert!(took < Duration::from_secs(2), "it took {took:?} to say that keys are gone");
            };
            expect_gone();
            if round % 2 == 0 {
                // While it's away another node makes session keys.
                let elsewhere = session.p256(false, "elsewhere").expect("a key pair");
                assert_ne!(node_of(elsewhere.private), node);
                assert!(session.ecdsa(elsewhere.private, &[1; 32]).is_ok());
                session.destroy(elsewhere.private).expect("C_DestroyObject");
                session.destroy(elsewhere.public).expect("C_DestroyObject");
            }
            cluster.start_node(node);
            expect_gone();
        }
    });
}

#[test]
fn a_login_outlives_every_node_and_so_do_token_keys() {
    alone(|| {
        let cluster = Cluster::builder().nodes(2).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let token = session.p256(true, "token").expect("a key pair");
        for node in [0, 1, 1, 0] {
            cluster.stop_node(node);
            assert!(session.ecdsa(token.private, &[1; 32]).is_ok());
            let made = session.aes(true, "made meanwhile").expect("a token key");
            cluster.start_node(node);
            // Now that only the node that was away can say so: it knows of the key, and of the login.
            cluster.stop_node(1 - node);
            assert_eq!(session.attribute(made, CKA_LABEL), Ok(b"made meanwhile".to_vec()));
            assert!(session.ecdsa(token.private, &[1; 32]).is_ok());
            cluster.start_node(1 - node);
        }
        cluster.stop_node(0);
        cluster.stop_node(1);
        assert_eq!(session.ecdsa(token.private, &[1; 32]).unwrap_err(), ReturnCode::DEVICE_ERROR);
        assert_eq!(cluster.nodes().iter().filter(|node| node.state == "stopped").count(), 2);
        cluster.start_node(1);
        assert_eq!(session.state(), Ok(CKS_RW_USER_FUNCTIONS));
        assert!(session.ecdsa(token.private, &[1; 32]).is_ok());
        session.aes(true, "after all").expect("a token key");
    });
}

#[test]
fn an_operation_in_parts_ends_with_its_node_and_gives_nothing_wrong() {
    alone(|| {
        let cluster = Cluster::builder().nodes(3).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "token").expect("a key");
        let plain = vec![7; 4 << 10];
        let ctr = Mechanism::ctr(128, [2; 16]);
        session.encrypt_init(&ctr, key).expect("C_EncryptInit");
        let right = session.encrypt(&[plain.clone(), plain.clone()].concat()).expect("C_Encrypt");

        let mut lost = 0;
        for node in 0..3 {
            session.encrypt_init(&ctr, key).expect("C_EncryptInit");
            let first = session.encrypt_update(&plain).expect("C_EncryptUpdate");
            cluster.stop_node(node);
            match session.encrypt_update(&plain) {
                Ok(second) => {
                    let last = session.encrypt_final().expect("C_EncryptFinal");
                    assert_eq!([first, second, last].concat(), right);
                }
                Err(code) => {
                    assert_eq!(code, ReturnCode::DEVICE_ERROR);
                    assert_eq!(session.encrypt_final().unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);
                    lost += 1;
                }
            }
            // The session is free for the next.
            session.encrypt_init(&ctr, key).expect("C_EncryptInit");
            assert_eq!(session.encrypt(&[plain.clone(), plain.clone()].concat()), Ok(right.clone()));
            cluster.start_node(node);
        }
        // One that meets the end of all of them.
        session.encrypt_init(&ctr, key).expect("C_EncryptInit");
        session.encrypt_update(&plain).expect("C_EncryptUpdate");
        for node in 0..3 {
            cluster.stop_node(node);
            cluster.start_node(node);
        }
        // Nobody knows of it any more.
        let over = session.encrypt_update(&plain).unwrap_err();
        assert!([ReturnCode::DEVICE_ERROR, ReturnCode::OPERATION_NOT_INITIALIZED].contains(&over), "{over}");
        assert_eq!(session.encrypt_final().unwrap_err(), ReturnCode::OPERATION_NOT_INITIALIZED);
        eprintln!("{lost} of 3 operations in parts met the end of their node");
    });
}
