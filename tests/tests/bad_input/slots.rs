//! Slots, tokens and mechanisms (clients.md, traps 6, 7 and 15).

use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, call};

use crate::table::functions;

#[test]
fn the_lists_have_no_gaps() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        assert_eq!((raw.functions().version.major, raw.functions().version.minor), (2, 40));
        // None of them is NULL, and each is the exported one.
        for function in functions(raw.newest()) {
            // SAFETY: the symbol isn't called, only compared.
            let symbol = unsafe { raw.module().library().get::<usize>(function.name.as_bytes()) };
            assert!(symbol.is_ok(), "{} isn't exported", function.name);
        }
        assert_eq!(
            call!(raw.functions(), C_GetFunctionList(ptr::null_mut())).unwrap_err(),
            ReturnCode::ARGUMENTS_BAD
        );
    });
}

#[test]
fn there_is_one_slot_with_one_token_and_lists_take_two_calls() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        assert_eq!([raw.slots(true), raw.slots(false)], [Ok(vec![0]), Ok(vec![0])]);
        let (mut slots, mut count) = ([9; 3], 0);
        let too_small = call!(raw.functions(), C_GetSlotList(1, slots.as_mut_ptr(), &raw mut count));
        assert_eq!((too_small.unwrap_err(), count), (ReturnCode::BUFFER_TOO_SMALL, 1));
        count = 3;
        call!(raw.functions(), C_GetSlotList(1, slots.as_mut_ptr(), &raw mut count)).expect("C_GetSlotList");
        assert_eq!((slots, count), ([0, 9, 9], 1));
        // Samples ask for exactly one.
        count = 1;
        call!(raw.functions(), C_GetSlotList(1, slots.as_mut_ptr(), &raw mut count)).expect("C_GetSlotList");

        let mut mechanisms = vec![0; 1];
        count = 1;
        let too_small =
            call!(raw.functions(), C_GetMechanismList(0, mechanisms.as_mut_ptr(), &raw mut count));
        assert_eq!(too_small.unwrap_err(), ReturnCode::BUFFER_TOO_SMALL);
        assert!(count > 20);
        mechanisms.resize(count as usize, 0);
        call!(raw.functions(), C_GetMechanismList(0, mechanisms.as_mut_ptr(), &raw mut count))
            .expect("a list");
        for mechanism in mechanisms {
            let mut info = CK_MECHANISM_INFO::default();
            call!(raw.functions(), C_GetMechanismInfo(0, mechanism, &raw mut info))
                .expect("C_GetMechanismInfo");
        }
        let mut info = CK_MECHANISM_INFO::default();
        let unknown = call!(raw.functions(), C_GetMechanismInfo(0, 0x7777_7777, &raw mut info));
        assert_eq!(unknown.unwrap_err(), ReturnCode::MECHANISM_INVALID);
    });
}

#[test]
fn the_token_says_what_clients_want_to_read() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let info = raw.token_info(0).expect("C_GetTokenInfo");
        let set = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_RNG;
        let unset = CKF_WRITE_PROTECTED
            | CKF_USER_PIN_LOCKED
            | CKF_SO_PIN_LOCKED
            | CKF_USER_PIN_TO_BE_CHANGED
            | CKF_PROTECTED_AUTHENTICATION_PATH;
        assert_eq!((info.flags & set, info.flags & unset), (set, 0), "{:#x}", info.flags);
        assert_eq!(&info.label, format!("{:<32}", cluster.token_label()).as_bytes());
        for field in [&info.manufacturerID[..], &info.model, &info.serialNumber] {
            assert!(field.iter().all(|byte| (b' '..=b'~').contains(byte)), "{field:?}");
        }
        assert!(info.ulMaxPinLen >= cluster.pin().len() as u64);
        assert!(info.ulMaxSessionCount == 0 || info.ulMaxSessionCount >= 128);

        let mut info = CK_INFO::default();
        call!(raw.functions(), C_GetInfo(&raw mut info)).expect("C_GetInfo");
        assert_eq!((info.cryptokiVersion.major, info.cryptokiVersion.minor, info.flags), (3, 2, 0));
    });
}

#[test]
fn sessions_need_the_serial_flag() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        for flags in [0, CKF_RW_SESSION] {
            assert_eq!(raw.open_with(flags).unwrap_err(), ReturnCode::SESSION_PARALLEL_NOT_SUPPORTED);
        }
        let read_only = raw.open_with(CKF_SERIAL_SESSION).expect("C_OpenSession");
        read_only.login(cluster.pin()).expect("C_Login in a read-only session");
        assert_eq!(read_only.state(), Ok(CKS_RO_USER_FUNCTIONS));
        assert_eq!(read_only.p256(true, "key").unwrap_err(), ReturnCode::SESSION_READ_ONLY);
        let pair = read_only.p256(false, "key").expect("a session key");
        assert!(read_only.ecdsa(pair.private, &[1; 32]).is_ok());
    });
}
