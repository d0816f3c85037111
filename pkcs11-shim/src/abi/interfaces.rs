//! The interfaces of PKCS#11 3.x: one for each version of the standard.

use std::ffi::CStr;

use cryptoki_sys::{
    CK_FLAGS, CK_INTERFACE, CK_RV, CK_ULONG, CK_UTF8CHAR, CK_VERSION, CKF_INTERFACE_FORK_SAFE,
};
use strongroom_model::{Result, ReturnCode};

use super::lists::{FUNCTIONS, FUNCTIONS_3_0, FUNCTIONS_3_2};
use super::{Dest, List, Src, bare};

/// The name of the standard's interface.
const NAME: &CStr = c"PKCS 11";

/// A [`CK_INTERFACE`] that threads may share: what it points to never changes.
struct Interface(CK_INTERFACE);

// SAFETY: it points to constants only.
unsafe impl Sync for Interface {}

/// The newest first: a client that asks for no version gets it.
static INTERFACES: [Interface; 3] = [
    Interface::of((&raw const FUNCTIONS_3_2).cast()),
    Interface::of((&raw const FUNCTIONS_3_0).cast()),
    Interface::of((&raw const FUNCTIONS).cast()),
];

/// What every interface promises: a forked child may go on without another `C_Initialize` (PKCS#11 3.0 section 5.4.6).
const FLAGS: CK_FLAGS = CKF_INTERFACE_FORK_SAFE;

impl Interface {
    /// All function lists begin with their version.
    const fn of(list: *const CK_VERSION) -> Self {
        Self(CK_INTERFACE {
            pInterfaceName: NAME.as_ptr().cast::<CK_UTF8CHAR>().cast_mut(),
            pFunctionList: list.cast_mut().cast(),
            flags: FLAGS,
        })
    }

    fn version(&self) -> CK_VERSION {
        // SAFETY: it points to one of the lists above.
        unsafe { self.0.pFunctionList.cast::<CK_VERSION>().read() }
    }
}

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
    bare("C_GetInterfaceList", || list.fill(&INTERFACES.each_ref().map(|interface| interface.0)))
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

/// What there isn't gets `ARGUMENTS_BAD`, which clients take as a hint to ask for less.
fn get(
    name: Option<&CStr>,
    version: Option<CK_VERSION>,
    flags: CK_FLAGS,
    place: &Dest<*mut CK_INTERFACE>,
) -> Result<()> {
    place.check()?;
    let numbers = |version: CK_VERSION| (version.major, version.minor);
    let fits = |interface: &&Interface| {
        name.is_none_or(|name| name == NAME)
            && version.is_none_or(|version| numbers(version) == numbers(interface.version()))
            && flags & !FLAGS == 0
    };
    let interface = INTERFACES.iter().find(fits).ok_or(ReturnCode::ARGUMENTS_BAD)?;
    place.put((&raw const interface.0).cast_mut())
}
