//! The interfaces of PKCS#11 3.x: one, with the functions of 2.40.

use std::ffi::CStr;

use cryptoki_sys::{CK_FLAGS, CK_FUNCTION_LIST, CK_INTERFACE, CK_RV, CK_ULONG, CK_UTF8CHAR, CK_VERSION};
use strongroom_model::{Result, ReturnCode};

use super::functions::FUNCTIONS;
use super::{Dest, List, Src, bare};

/// A forked child may go on without another `C_Initialize` (PKCS#11 3.0 section 5.4.6).
const CKF_INTERFACE_FORK_SAFE: CK_FLAGS = 1;
/// The name of the standard's interface.
const NAME: &CStr = c"PKCS 11";

/// A [`CK_INTERFACE`] that threads may share: what it points to never changes.
struct Interface(CK_INTERFACE);

// SAFETY: it points to constants only.
unsafe impl Sync for Interface {}

static INTERFACE: Interface = Interface(CK_INTERFACE {
    pInterfaceName: NAME.as_ptr().cast::<CK_UTF8CHAR>().cast_mut(),
    pFunctionList: (&raw const FUNCTIONS).cast_mut().cast(),
    flags: CKF_INTERFACE_FORK_SAFE,
});

/// PKCS#11 3.0 section 5.4.5.
///
/// # Safety
///
/// As for all entry points.
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub(crate) unsafe extern "C" fn C_GetInterfaceList(list: *mut CK_INTERFACE, count: *mut CK_ULONG) -> CK_RV {
    // SAFETY: as the caller vouches.
    let list = unsafe { List::new(list, count) };
    bare("C_GetInterfaceList", || list.fill(&[INTERFACE.0]))
}

/// PKCS#11 3.0 section 5.4.6.
///
/// # Safety
///
/// As for all entry points; `name` ends with a zero byte.
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub(crate) unsafe extern "C" fn C_GetInterface(
    name: *mut CK_UTF8CHAR,
    version: *mut CK_VERSION,
    interface: *mut *mut CK_INTERFACE,
    flags: CK_FLAGS,
) -> CK_RV {
    // SAFETY: not null, so it's a C string as the caller vouches.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name.cast()) });
    // SAFETY: as the caller vouches.
    let (version, interface) = unsafe { (Src::new(version.cast_const()), Dest::new(interface)) };
    bare("C_GetInterface", || get(name, version.get(), flags, &interface))
}

/// Whatever isn't the one interface there is gets `ARGUMENTS_BAD`, which clients take as a hint to ask for less.
fn get(
    name: Option<&CStr>,
    version: Option<CK_VERSION>,
    flags: CK_FLAGS,
    interface: &Dest<*mut CK_INTERFACE>,
) -> Result<()> {
    interface.check()?;
    let CK_FUNCTION_LIST { version: have, .. } = FUNCTIONS;
    let fits = name.is_none_or(|name| name == NAME)
        && version.is_none_or(|version| (version.major, version.minor) == (have.major, have.minor))
        && flags & !INTERFACE.0.flags == 0;
    if !fits {
        return Err(ReturnCode::ARGUMENTS_BAD.into());
    }
    interface.put((&raw const INTERFACE.0).cast_mut())
}
