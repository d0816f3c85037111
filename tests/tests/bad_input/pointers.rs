//! Pointers to nowhere and to odd places, and handles of nothing, in each place of each function.

use cryptoki_sys::CKR_OPERATION_NOT_INITIALIZED;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::Raw;

use crate::table::{Arg, Function, Memory, functions};

/// Those that may be called with anything but end what others need.
const DISRUPTIVE: [&str; 6] =
    ["C_Initialize", "C_Finalize", "C_CloseAllSessions", "C_Logout", "C_InitToken", "C_DestroyObject"];

#[test]
fn a_null_pointer_is_arguments_bad_in_every_place_that_needs_one() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let main = raw.logged_in(&cluster);
        let key = main.aes(true, "key").expect("a key");
        let mut memory = Memory::new();
        let mut tried = 0;
        for function in functions(raw.newest()) {
            for (place, _) in function.args.iter().enumerate().filter(|(_, arg)| arg.is_needed()) {
                let session = raw.open().expect("C_OpenSession");
                let mut arguments = memory.arguments(&function, session.handle, key, 0);
                arguments[place] = 0;
                let code = function.call(&arguments);
                let expected = code == ReturnCode::ARGUMENTS_BAD
                    || code.0 == CKR_OPERATION_NOT_INITIALIZED
                    || function.is_none(code)
                    // It's closed to callers with open sessions, whatever they pass.
                    || (function.name, code) == ("C_InitToken", ReturnCode::SESSION_EXISTS);
                assert!(expected, "{} with NULL in place {place} answers {code}", function.name);
                session.close().expect("C_CloseSession");
                tried += 1;
            }
        }
        assert!(tried > 130, "{tried} calls are too few");
    });
}

#[test]
fn misaligned_pointers_make_no_difference() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let main = raw.logged_in(&cluster);
        let key = main.aes(true, "key").expect("a key");
        let mut memory = Memory::new();
        for function in harmless(&raw) {
            let mut call = |shift| {
                let session = raw.open().expect("C_OpenSession");
                let arguments = memory.arguments(&function, session.handle, key, shift);
                let code = function.call(&arguments);
                // It may have been C_CloseSession.
                let _ = session.close();
                code
            };
            let aligned = call(0);
            for shift in [1, 3, 4, 7] {
                assert_eq!(call(shift), aligned, "{} with pointers off by {shift}", function.name);
            }
            assert_ne!(aligned, ReturnCode::GENERAL_ERROR, "{}", function.name);
        }
    });
}

#[test]
fn handles_of_nothing_are_told_from_good_ones_by_every_function() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let main = raw.logged_in(&cluster);
        let key = main.aes(true, "key").expect("a key");
        let closed = raw.open().expect("C_OpenSession");
        closed.close().expect("C_CloseSession");
        let mut memory = Memory::new();
        for function in functions(raw.newest()) {
            for bad in [0, u64::MAX, 1 << 63, 0xdead_beef, closed.handle] {
                let mut refused = |arg, codes: &[ReturnCode]| {
                    let Some(place) = function.args.iter().position(|this| *this == arg) else { return };
                    // Slot 0 is there.
                    if (arg, bad) == (Arg::Slot, 0) {
                        return;
                    }
                    let session = raw.open().expect("C_OpenSession");
                    let mut arguments = memory.arguments(&function, session.handle, key, 0);
                    arguments[place] = bad;
                    let code = function.call(&arguments);
                    let expected = codes.contains(&code) || function.is_none(code);
                    assert!(expected, "{} with {bad:#x} in place {place} answers {code}", function.name);
                    session.close().expect("C_CloseSession");
                };
                refused(Arg::Session, &[ReturnCode::SESSION_HANDLE_INVALID]);
                refused(Arg::Slot, &[ReturnCode::SLOT_ID_INVALID]);
                refused(
                    Arg::Object,
                    &[
                        ReturnCode::OBJECT_HANDLE_INVALID,
                        ReturnCode::KEY_HANDLE_INVALID,
                        ReturnCode::WRAPPING_KEY_HANDLE_INVALID,
                        ReturnCode::UNWRAPPING_KEY_HANDLE_INVALID,
                        // The mechanism is looked at first: it makes digests, nothing else.
                        ReturnCode::MECHANISM_INVALID,
                        ReturnCode::OPERATION_NOT_INITIALIZED,
                        // As is a saved state, which this isn't.
                        ReturnCode::SAVED_STATE_INVALID,
                    ],
                );
            }
        }
        assert_eq!(closed.close().unwrap_err(), ReturnCode::SESSION_HANDLE_INVALID, "closed twice");
        assert!(main.state().is_ok());
    });
}

/// Functions that leave behind what the next one needs.
pub(crate) fn harmless(raw: &Raw) -> Vec<Function> {
    let mut all = functions(raw.newest());
    all.retain(|function| !DISRUPTIVE.contains(&function.name));
    all
}
