//! Interfaces and function lists.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, call};

fn version(interface: &CK_INTERFACE) -> (u8, u8) {
    // SAFETY: every function list begins with its version.
    let version = unsafe { interface.pFunctionList.cast::<CK_VERSION>().read() };
    (version.major, version.minor)
}

#[test]
fn each_version_of_the_standard_has_an_interface_that_forks_are_safe_with() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        let name = Some(c"PKCS 11");
        for wanted in [(2, 40), (3, 0), (3, 2)] {
            for flags in [0, CKF_INTERFACE_FORK_SAFE] {
                let interface = raw.interface(name, Some(wanted), flags).expect("C_GetInterface");
                assert_eq!((version(&interface), interface.flags), (wanted, CKF_INTERFACE_FORK_SAFE));
            }
        }
        let newest = raw.interface(None, None, 0).expect("the default");
        assert_eq!(version(&newest), (3, 2));
        assert_eq!(version(&raw.interface(name, None, 0).expect("the newest")), (3, 2));
        for (name, version, flags) in [
            (Some(c"PKCS 12"), None, 0),
            (Some(c""), None, 0),
            (name, Some((3, 1)), 0),
            (name, Some((2, 20)), 0),
            (name, Some((3, 2)), CKF_INTERFACE_FORK_SAFE | 2),
        ] {
            let refusal = raw.interface(name, version, flags).unwrap_err();
            assert_eq!(refusal, ReturnCode::ARGUMENTS_BAD, "{name:?} {version:?} {flags}");
        }
    });
}

#[test]
fn older_lists_hold_the_same_functions() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let (old, new) = (raw.functions(), raw.newest());
        assert_eq!((old.version.major, old.version.minor), (2, 40));
        let interface = raw.interface(None, Some((3, 0)), 0).expect("3.0");
        // SAFETY: the list of that version.
        let middle = unsafe { &*interface.pFunctionList.cast::<CK_FUNCTION_LIST_3_0>() };
        let address = |function: CK_C_WaitForSlotEvent| function.map(|function| function as usize);
        assert_eq!(address(old.C_WaitForSlotEvent), address(new.C_WaitForSlotEvent));
        assert_eq!(address(middle.C_WaitForSlotEvent), address(new.C_WaitForSlotEvent));
        let last = |function: CK_C_MessageVerifyFinal| function.map(|function| function as usize);
        assert_eq!(last(middle.C_MessageVerifyFinal), last(new.C_MessageVerifyFinal));
        let mut info = CK_INFO::default();
        call!(new, C_GetInfo(&raw mut info)).expect("C_GetInfo");
        assert_eq!((info.cryptokiVersion.major, info.cryptokiVersion.minor), (3, 2));
    });
}

#[test]
fn no_session_is_asynchronous() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let refusal = raw.open_with(CKF_SERIAL_SESSION | CKF_ASYNC_SESSION).unwrap_err();
        assert_eq!(refusal, ReturnCode::SESSION_ASYNC_NOT_SUPPORTED);
        let token = raw.token_info(0).expect("C_GetTokenInfo");
        assert_eq!(token.flags & CKF_ASYNC_SESSION_SUPPORTED, 0);
    });
}
