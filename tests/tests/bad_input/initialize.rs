//! Before `C_Initialize`, its arguments, and after `C_Finalize` (clients.md, trap 5).

use std::ffi::c_void;
use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Rv, call};

use crate::table::{Memory, functions};

fn assert_all_uninitialized(raw: &Raw, when: &str) {
    let mut memory = Memory::new();
    for function in functions(raw.newest()) {
        if matches!(
            function.name,
            "C_Initialize" | "C_GetFunctionList" | "C_GetInterfaceList" | "C_GetInterface"
        ) {
            continue;
        }
        let plausible = memory.arguments(&function, 1, 1, 0);
        for arguments in [plausible, vec![0; function.args.len()], vec![u64::MAX; function.args.len()]] {
            let code = function.call(&arguments);
            assert_eq!(code, ReturnCode::CRYPTOKI_NOT_INITIALIZED, "{} {when}", function.name);
        }
    }
}

#[test]
fn every_function_says_that_the_module_is_not_initialized() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        assert_all_uninitialized(&raw, "before C_Initialize");
        raw.initialize().expect("C_Initialize");
        raw.logged_in(&cluster);
        raw.finalize().expect("C_Finalize");
        assert_all_uninitialized(&raw, "after C_Finalize");
        std::thread::scope(|scope| {
            scope.spawn(|| assert_all_uninitialized(&raw, "in another thread"));
        });
        raw.initialize().expect("C_Initialize");
        assert_eq!(raw.initialize().unwrap_err(), ReturnCode::CRYPTOKI_ALREADY_INITIALIZED);
        raw.logged_in(&cluster);
    });
}

unsafe extern "C" fn create(_place: *mut *mut c_void) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn touch(_mutex: *mut c_void) -> CK_RV {
    CKR_OK
}

fn initialize(raw: &Raw, change: impl FnOnce(&mut CK_C_INITIALIZE_ARGS)) -> Rv<()> {
    let mut arguments = CK_C_INITIALIZE_ARGS {
        CreateMutex: None,
        DestroyMutex: None,
        LockMutex: None,
        UnlockMutex: None,
        flags: 0,
        pReserved: ptr::null_mut(),
    };
    change(&mut arguments);
    call!(raw.functions(), C_Initialize((&raw mut arguments).cast()))
}

fn with_mutexes(arguments: &mut CK_C_INITIALIZE_ARGS) {
    arguments.CreateMutex = Some(create);
    arguments.DestroyMutex = Some(touch);
    arguments.LockMutex = Some(touch);
    arguments.UnlockMutex = Some(touch);
}

#[test]
fn whatever_clients_pass_to_c_initialize_is_taken_and_nonsense_is_not() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        let works = |result: Rv<()>, what: &str| {
            assert_eq!(result, Ok(()), "{what}");
            let session = raw.logged_in(&cluster);
            session.p256(false, "key").expect("a key pair");
            raw.finalize().expect("C_Finalize");
        };
        works(raw.initialize(), "NULL");
        for flags in [0, CKF_OS_LOCKING_OK, CKF_LIBRARY_CANT_CREATE_OS_THREADS, 3] {
            works(initialize(&raw, |arguments| arguments.flags = flags), &format!("flags {flags}"));
            let mutexes_too = initialize(&raw, |arguments| {
                with_mutexes(arguments);
                arguments.flags = flags;
            });
            works(mutexes_too, &format!("flags {flags} and mutexes"));
        }

        let reserved = initialize(&raw, |arguments| arguments.pReserved = ptr::dangling_mut::<u8>().cast());
        assert_eq!(reserved.unwrap_err(), ReturnCode::ARGUMENTS_BAD);
        let leave_out: [fn(&mut CK_C_INITIALIZE_ARGS); 4] = [
            |arguments| arguments.CreateMutex = None,
            |arguments| arguments.DestroyMutex = None,
            |arguments| arguments.LockMutex = None,
            |arguments| arguments.UnlockMutex = None,
        ];
        for leave_out in leave_out {
            let partly = initialize(&raw, |arguments| {
                with_mutexes(arguments);
                leave_out(arguments);
            });
            assert_eq!(partly.unwrap_err(), ReturnCode::ARGUMENTS_BAD);
        }
        assert_eq!(raw.finalize().unwrap_err(), ReturnCode::CRYPTOKI_NOT_INITIALIZED);

        raw.initialize().expect("C_Initialize");
        let finalize = call!(raw.functions(), C_Finalize(ptr::dangling_mut::<u8>().cast()));
        assert_eq!(finalize.unwrap_err(), ReturnCode::ARGUMENTS_BAD);
        assert!(raw.slots(true).is_ok(), "it's still initialised");
    });
}
