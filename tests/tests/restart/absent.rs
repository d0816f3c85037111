//! Without a daemon: slots without a token, a log that says what to do, and no more than that; when the daemon
//! comes, the module goes on by itself.

use std::fs;
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Template};

/// Sets variables of this process.
fn set(variables: &[(&str, &std::ffi::OsStr)]) {
    for (name, value) in variables {
        // SAFETY: no other thread of this process runs yet.
        unsafe { std::env::set_var(name, value) };
    }
}

#[test]
fn the_module_waits_for_its_daemon_and_its_log_says_how_to_start_it() {
    alone(|| {
        let mut cluster = Cluster::start();
        cluster.stop();
        let log = cluster.folder().join("module.log");
        let raw = Raw::load(&cluster);
        set(&[("STRONGROOM_LOG", "warn".as_ref()), ("STRONGROOM_LOG_FILE", log.as_os_str())]);
        let begun = Instant::now();
        raw.initialize().expect("C_Initialize");
        assert_eq!(raw.slots(true), Ok(vec![]));
        assert_eq!(raw.slots(false), Ok(vec![0]));
        assert_eq!(raw.slot_info(0).expect("C_GetSlotInfo").flags & CKF_TOKEN_PRESENT, 0);
        assert_eq!(raw.token_info(0).unwrap_err(), ReturnCode::TOKEN_NOT_PRESENT);
        assert_eq!(raw.open().unwrap_err(), ReturnCode::TOKEN_NOT_PRESENT);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?} is long to find nobody", begun.elapsed());
        let said = fs::read_to_string(&log).expect("a log");
        assert!(said.contains("strongroom up"), "{said}");

        cluster.start_again();
        assert_eq!(raw.slots(true), Ok(vec![0]));
        assert_ne!(raw.slot_info(0).expect("C_GetSlotInfo").flags & CKF_TOKEN_PRESENT, 0);
        let session = raw.logged_in(&cluster);
        session.p256(true, "token").expect("a key pair");
    });
}

#[test]
fn a_daemon_that_stays_away_is_an_error_in_time_and_one_that_comes_back_is_not_too_late() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "token").expect("a key pair");
        cluster.stop();

        let begun = Instant::now();
        assert_eq!(session.ecdsa(pair.private, &[1; 32]).unwrap_err(), ReturnCode::DEVICE_ERROR);
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?} is long to give up", begun.elapsed());
        assert_eq!(raw.slots(true), Ok(vec![]));
        assert_eq!(raw.token_info(0).unwrap_err(), ReturnCode::TOKEN_NOT_PRESENT);
        assert_eq!(session.find(&Template::new()).unwrap_err(), ReturnCode::DEVICE_ERROR);

        cluster.start_again();
        let signature = session.ecdsa(pair.private, &[1; 32]).expect("a signature");
        session.check_ecdsa(pair.public, &[1; 32], &signature).expect("a right one");
        assert_eq!(session.find(&Template::new()).map(|found| found.len()), Ok(2));
    });
}

#[test]
fn without_any_configuration_there_is_a_slot_without_a_token() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        let (missing, log) = (cluster.folder().join("missing.toml"), cluster.folder().join("module.log"));
        set(&[
            ("STRONGROOM_CONFIG", missing.as_os_str()),
            ("STRONGROOM_LOG", "warn".as_ref()),
            ("STRONGROOM_LOG_FILE", log.as_os_str()),
        ]);
        raw.initialize().expect("C_Initialize");
        assert_eq!(raw.slots(true), Ok(vec![]));
        assert_eq!(raw.slots(false), Ok(vec![0]));
        assert_eq!(raw.token_info(0).unwrap_err(), ReturnCode::TOKEN_NOT_PRESENT);
        assert_eq!(raw.open().unwrap_err(), ReturnCode::TOKEN_NOT_PRESENT);
        let said = fs::read_to_string(&log).expect("a log");
        assert!(said.contains("missing.toml") && said.contains("strongroom up"), "{said}");

        fs::copy(cluster.config(), &missing).expect("a configuration");
        assert_eq!(raw.slots(true), Ok(vec![0]));
        raw.logged_in(&cluster).p256(false, "session").expect("a key pair");
    });
}
