//! `C_WaitForSlotEvent`: a cluster that goes down or comes up.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Rv, call};

fn wait(raw: &Raw, flags: CK_FLAGS) -> Rv<CK_SLOT_ID> {
    let mut slot = 77;
    call!(raw.functions(), C_WaitForSlotEvent(flags, &raw mut slot, std::ptr::null_mut())).map(|()| slot)
}

#[test]
fn a_cluster_that_goes_and_comes_is_an_event_each_time_once() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let none = Err(ReturnCode::NO_EVENT);
        assert_eq!(wait(&raw, CKF_DONT_BLOCK), none, "what was so from the beginning is none");
        cluster.stop();
        assert_eq!(wait(&raw, CKF_DONT_BLOCK), Ok(0));
        assert_eq!(wait(&raw, CKF_DONT_BLOCK), none);
        assert_eq!(raw.slots(true), Ok(Vec::new()));
        cluster.start_again();
        // Looking at the slot doesn't use the event up.
        assert_eq!(raw.slots(true), Ok(vec![0]));
        assert_eq!(wait(&raw, CKF_DONT_BLOCK), Ok(0));
        assert_eq!(wait(&raw, CKF_DONT_BLOCK), none);
        let mut slot = 0;
        let reserved = (&raw mut slot).cast();
        let refusal = call!(raw.functions(), C_WaitForSlotEvent(CKF_DONT_BLOCK, &raw mut slot, reserved));
        assert_eq!(refusal, Err(ReturnCode::ARGUMENTS_BAD));
    });
}

#[test]
fn a_call_that_blocks_returns_when_the_cluster_goes_and_when_the_module_is_finalised() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        assert_eq!(wait(&raw, CKF_DONT_BLOCK), Err(ReturnCode::NO_EVENT));
        thread::scope(|scope| {
            let waiting = || {
                let (sender, receiver) = mpsc::channel();
                let raw = &raw;
                scope.spawn(move || sender.send(wait(raw, 0)));
                receiver
            };
            let first = waiting();
            assert!(first.recv_timeout(Duration::from_millis(700)).is_err(), "nothing has happened yet");
            // Other calls go on meanwhile.
            raw.open().expect("C_OpenSession");
            cluster.stop();
            assert_eq!(first.recv_timeout(Duration::from_secs(10)), Ok(Ok(0)));
            let second = waiting();
            cluster.start_again();
            assert_eq!(second.recv_timeout(Duration::from_secs(10)), Ok(Ok(0)));
            let third = waiting();
            assert!(third.recv_timeout(Duration::from_millis(300)).is_err());
            let finalised = Instant::now();
            raw.finalize().expect("C_Finalize");
            let ended = third.recv_timeout(Duration::from_secs(10));
            assert_eq!(ended, Ok(Err(ReturnCode::CRYPTOKI_NOT_INITIALIZED)));
            assert!(finalised.elapsed() < Duration::from_secs(2), "after {:?}", finalised.elapsed());
        });
        raw.initialize().expect("C_Initialize");
        raw.logged_in(&cluster);
    });
}
