//! Two clusters in one configuration: two slots, and what happens to one doesn't matter to the other.

use std::ptr;
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run};
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Session, call};

/// A read-write session in a slot, logged in.
#[track_caller]
fn open<'a>(raw: &'a Raw, slot: CK_SLOT_ID, pin: &str) -> Session<'a> {
    let (flags, mut handle) = (CKF_SERIAL_SESSION | CKF_RW_SESSION, 0);
    call!(raw.functions(), C_OpenSession(slot, flags, ptr::null_mut(), None, &raw mut handle))
        .expect("C_OpenSession");
    let session = raw.session(handle);
    session.login(pin).expect("C_Login");
    session
}

#[test]
fn a_cluster_that_is_stopped_leaves_the_other_alone() {
    alone(|| {
        let cluster = Cluster::builder().nodes(2).start();
        let second = ["up", "--cluster", "second", "--nodes", "2", "--crypto-user", "app:second-secret"];
        run(&mut cluster.strongroom(&second));
        let raw = Raw::start(&cluster);
        assert_eq!(raw.slots(true), Ok(vec![0, 1]));
        let (first, second) = (open(&raw, 0, cluster.pin()), open(&raw, 1, "app:second-secret"));
        let key = first.p256(true, "first").expect("a key pair");
        let other = second.p256(true, "second").expect("a key pair");
        let stop = |what: &str| {
            for node in ["0", "1"] {
                run(&mut cluster.strongroom(&["fault", "node", what, node, "--cluster", "second"]));
            }
        };
        stop("stop");
        let begun = Instant::now();
        for _ in 0..100 {
            let signature = first.ecdsa(key.private, &[1; 32]).expect("a signature");
            first.check_ecdsa(key.public, &[1; 32], &signature).expect("a right one");
        }
        first.aes(true, "made meanwhile").expect("a token key");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}: the cluster that's stopped holds up the other");
        assert_eq!(second.ecdsa(other.private, &[1; 32]).unwrap_err(), ReturnCode::DEVICE_ERROR);
        assert_eq!(raw.slots(true), Ok(vec![0]));
        assert_eq!(cluster.nodes().iter().filter(|node| node.state == "running").count(), 2);

        stop("start");
        assert!(second.ecdsa(other.private, &[1; 32]).is_ok());
        assert_eq!(raw.slots(true), Ok(vec![0, 1]));
    });
}
