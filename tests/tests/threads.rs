//! Threads: any number of them, in any session, at any moment (clients.md, traps 14 and 18).

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::process::{descriptors, memory, threads};
use strongroom_tests::raw::{Mechanism, Pair, Raw, Session};
use strongroom_tests::{alone, raw::Rv};

/// Signs and verifies.
fn sign(session: Session<'_>, pair: Pair, digest: [u8; 32]) -> Rv<()> {
    let signature = session.ecdsa(pair.private, &digest)?;
    session.check_ecdsa(pair.public, &digest, &signature)
}

#[test]
fn sixty_four_threads_in_sessions_of_their_own_sign_without_a_failure() {
    alone(|| {
        const ROUNDS: u64 = 30;
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let main = raw.logged_in(&cluster);
        let pairs = [true, false].map(|token| main.p256(token, "ec").expect("a key pair"));
        let rsa = [true, false].map(|token| main.rsa(token, "rsa").expect("a key pair"));
        let begun = Instant::now();
        thread::scope(|scope| {
            for number in 0..64u8 {
                let (raw, pairs, rsa) = (&raw, &pairs, &rsa);
                scope.spawn(move || {
                    let session = raw.open().expect("C_OpenSession");
                    let mechanism = Mechanism::plain(CKM_SHA256_RSA_PKCS);
                    for round in 0..ROUNDS {
                        let data = [number ^ round as u8; 32];
                        for (pair, rsa) in pairs.iter().zip(rsa) {
                            sign(session, *pair, data).expect("ECDSA");
                            session.sign_init(&mechanism, rsa.private).expect("C_SignInit");
                            let signature = session.sign(&data).expect("C_Sign");
                            session.verify_init(&mechanism, rsa.public).expect("C_VerifyInit");
                            session.verify(&data, &signature).expect("C_Verify");
                        }
                    }
                    session.close().expect("C_CloseSession");
                });
            }
        });
        let (signatures, took) = (64 * ROUNDS * 4, begun.elapsed());
        eprintln!("64 threads in 64 sessions: {signatures} signatures made and verified in {took:?}");
    });
}

#[test]
fn of_many_threads_that_initialise_at_once_one_does() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        for _ in 0..30 {
            let (barrier, done) = (Barrier::new(24), AtomicU64::new(0));
            thread::scope(|scope| {
                for _ in 0..24 {
                    scope.spawn(|| {
                        barrier.wait();
                        match raw.initialize() {
                            Ok(()) => drop(done.fetch_add(1, Ordering::Relaxed)),
                            Err(code) => assert_eq!(code, ReturnCode::CRYPTOKI_ALREADY_INITIALIZED),
                        }
                        // Whoever lost may go on at once.
                        raw.open().expect("C_OpenSession");
                    });
                }
            });
            assert_eq!(done.load(Ordering::Relaxed), 1);
            raw.finalize().expect("C_Finalize");
        }
    });
}

#[test]
fn of_many_threads_that_log_in_at_once_one_does() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        for _ in 0..5 {
            let done = AtomicU64::new(0);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| match raw.open().expect("C_OpenSession").login(cluster.pin()) {
                        Ok(()) => drop(done.fetch_add(1, Ordering::Relaxed)),
                        Err(code) => assert_eq!(code, ReturnCode::USER_ALREADY_LOGGED_IN),
                    });
                }
            });
            assert_eq!(done.load(Ordering::Relaxed), 1);
            session.logout().expect("C_Logout");
        }
    });
}

#[test]
fn c_finalize_while_others_are_in_calls_ends_their_sessions_and_nothing_else() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let pair = raw.logged_in(&cluster).p256(true, "token").expect("a key pair");
        let (stop, worked) = (AtomicBool::new(false), AtomicU64::new(0));
        let expected = [
            ReturnCode::CRYPTOKI_NOT_INITIALIZED,
            ReturnCode::SESSION_HANDLE_INVALID,
            // Between C_Initialize and C_Login.
            ReturnCode::KEY_HANDLE_INVALID,
            ReturnCode::USER_NOT_LOGGED_IN,
        ];
        thread::scope(|scope| {
            for number in 0..6 {
                let (raw, stop, worked, expected) = (&raw, &stop, &worked, &expected);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let result = raw.open().and_then(|session| {
                            loop {
                                sign(session, pair, [number; 32])?;
                                worked.fetch_add(1, Ordering::Relaxed);
                                if stop.load(Ordering::Relaxed) {
                                    break Ok(());
                                }
                            }
                        });
                        if let Err(code) = result {
                            assert!(expected.contains(&code), "{code}");
                        }
                    }
                });
            }
            for _ in 0..40 {
                thread::sleep(Duration::from_millis(5));
                raw.finalize().expect("C_Finalize");
                raw.initialize().expect("C_Initialize");
                raw.logged_in(&cluster);
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(worked.load(Ordering::Relaxed) > 100, "{worked:?} signatures are too few to show anything");
    });
}

#[test]
fn two_hundred_short_threads_leave_nothing_behind() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "token").expect("a key pair");
        let own = std::process::id();
        let run = |count: usize| {
            for _ in 0..count {
                thread::scope(|scope| {
                    let signing = || sign(raw.open().expect("C_OpenSession"), pair, [1; 32]);
                    scope.spawn(signing).join().expect("a thread").expect("a signature");
                });
            }
        };
        run(50);
        let before = (descriptors(own), descriptors(cluster.daemon_pid()), threads(cluster.daemon_pid()));
        let memory_before = memory(own);
        run(200);
        let after = (descriptors(own), descriptors(cluster.daemon_pid()), threads(cluster.daemon_pid()));
        assert_eq!(after, before, "own descriptors, the daemon's, and its threads");
        assert!(memory(own) < memory_before + (2 << 20), "{memory_before} bytes grew to {}", memory(own));
        assert_eq!(threads(own), 1 + usize::from(threads(own) > 1), "the module starts no threads");
    });
}

#[test]
fn threads_that_share_a_session_get_right_answers_or_the_standards_codes() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "token").expect("a key pair");
        let expected = [ReturnCode::OPERATION_ACTIVE, ReturnCode::OPERATION_NOT_INITIALIZED];
        let worked = AtomicU64::new(0);
        thread::scope(|scope| {
            for number in 0..8 {
                let (raw, worked, expected) = (&raw, &worked, &expected);
                scope.spawn(move || {
                    let checking = raw.open().expect("C_OpenSession");
                    for round in 0..400u32 {
                        let digest = [number ^ round as u8; 32];
                        match session.ecdsa(pair.private, &digest) {
                            Ok(signature) => {
                                checking
                                    .check_ecdsa(pair.public, &digest, &signature)
                                    .expect("its own data's");
                                worked.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(code) => assert!(expected.contains(&code), "{code}"),
                        }
                        // A search and a digest beside it.
                        if let Err(code) = session.find(&strongroom_tests::raw::Template::new()) {
                            assert!(expected.contains(&code), "{code}");
                        }
                    }
                });
            }
        });
        assert!(worked.load(Ordering::Relaxed) > 100, "{worked:?} signatures are too few to show anything");
    });
}

#[test]
fn a_session_closed_in_the_middle_of_calls_is_just_gone() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let pair = raw.logged_in(&cluster).p256(true, "token").expect("a key pair");
        for round in 0..50 {
            let session = raw.open().expect("C_OpenSession");
            thread::scope(|scope| {
                for number in 0..3 {
                    scope.spawn(move || {
                        let ended = loop {
                            match sign(session, pair, [number; 32]) {
                                Ok(())
                                | Err(ReturnCode::OPERATION_ACTIVE | ReturnCode::OPERATION_NOT_INITIALIZED) =>
                                    {}
                                // Another thread's data, in the one operation of the one session.
                                Err(ReturnCode::SIGNATURE_INVALID) => {}
                                Err(code) => break code,
                            }
                        };
                        assert_eq!(ended, ReturnCode::SESSION_HANDLE_INVALID);
                    });
                }
                thread::sleep(Duration::from_micros(200 * (round % 10)));
                session.close().expect("C_CloseSession");
            });
        }
    });
}

#[test]
fn two_thousand_sessions_at_once_cost_few_connections() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let pair = raw.logged_in(&cluster).p256(false, "session").expect("a key pair");
        let before = descriptors(std::process::id());
        let sessions: Vec<_> = (0..2000).map(|_| raw.open().expect("C_OpenSession")).collect();
        for session in sessions.iter().step_by(7) {
            sign(*session, pair, [2; 32]).expect("a signature");
        }
        assert!(descriptors(std::process::id()) <= before + 2);
        sessions.iter().for_each(|session| session.close().expect("C_CloseSession"));
    });
}
