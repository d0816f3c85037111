//! PKCS#11 calls as an application makes them, nothing added: what the module answers is handed on as it is.

mod mechanism;
mod newer;
mod session;
mod template;

use std::ffi::CStr;
use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, Module};

pub use mechanism::{Mechanism, Word, gcm, gcm_message};
pub use session::{Pair, Session};
pub use template::{P256, Template};

/// What a call gives, or the code it failed with.
pub type Rv<T> = Result<T, ReturnCode>;

/// The module in this process. A process has one: put tests that use it into processes of their own with
/// [`crate::alone()`].
#[derive(Debug)]
pub struct Raw {
    module: Module,
}

/// A call of a function of the 2.40 list; `Ok` for `CKR_OK`.
#[macro_export]
macro_rules! call {
    ($functions:expr, $name:ident($($argument:expr),* $(,)?)) => {{
        let function = $functions.$name.expect(stringify!($name));
        // SAFETY: whoever writes the call passes pointers that are valid for it, with their lengths, or such
        // as the module must refuse unread.
        let code = unsafe { function($($argument),*) };
        $crate::raw::outcome(code)
    }};
}
pub use call;

/// The outcome of a call by its return value.
///
/// # Errors
///
/// The code, unless it's `CKR_OK`.
pub fn outcome(code: CK_RV) -> Rv<()> {
    if code == CKR_OK { Ok(()) } else { Err(ReturnCode(code)) }
}

impl Raw {
    /// Loads the module of a cluster, and makes it use the cluster. To be called before other threads run.
    ///
    /// # Panics
    ///
    /// When it can't be loaded.
    #[track_caller]
    pub fn load(cluster: &Cluster) -> Self {
        cluster.configure_this_process();
        Self { module: Module::load(cluster.module()) }
    }

    /// As [`Self::load`], and initialises it.
    ///
    /// # Panics
    ///
    /// When either fails.
    #[track_caller]
    pub fn start(cluster: &Cluster) -> Self {
        let raw = Self::load(cluster);
        raw.initialize().expect("C_Initialize");
        raw
    }

    /// The 2.40 function list.
    pub fn functions(&self) -> &CK_FUNCTION_LIST {
        self.module.functions()
    }

    /// The 3.2 function list.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn newest(&self) -> &CK_FUNCTION_LIST_3_2 {
        let interface = self.interface(Some(c"PKCS 11"), Some((3, 2)), 0).expect("C_GetInterface");
        // SAFETY: the list of that version, which lasts as long as the module is loaded.
        unsafe { &*interface.pFunctionList.cast() }
    }

    /// `C_GetInterface`.
    ///
    /// # Errors
    ///
    /// What it answers.
    ///
    /// # Panics
    ///
    /// When there is no such function.
    pub fn interface(
        &self,
        name: Option<&CStr>,
        version: Option<(u8, u8)>,
        flags: CK_FLAGS,
    ) -> Rv<CK_INTERFACE> {
        // SAFETY: the standard gives the symbol this type.
        let get = unsafe { self.module.library().get::<CK_C_GetInterface>(b"C_GetInterface\0") };
        let get = get.expect("C_GetInterface").expect("a function");
        let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
        let version = version.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
        let name = name.map_or(ptr::null_mut(), |name| name.as_ptr().cast_mut().cast());
        let mut interface = ptr::null_mut();
        // SAFETY: the pointers are null, or lead to what the function takes.
        outcome(unsafe { get(name, version, &raw mut interface, flags) })?;
        // SAFETY: it's what the module gave.
        Ok(unsafe { interface.read() })
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// `C_Initialize` without arguments.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn initialize(&self) -> Rv<()> {
        call!(self.functions(), C_Initialize(ptr::null_mut()))
    }

    /// `C_Finalize`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn finalize(&self) -> Rv<()> {
        call!(self.functions(), C_Finalize(ptr::null_mut()))
    }

    /// `C_GetSlotList`, size and list.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn slots(&self, present: bool) -> Rv<Vec<CK_SLOT_ID>> {
        let (present, mut count) = (CK_BBOOL::from(present), 0);
        call!(self.functions(), C_GetSlotList(present, ptr::null_mut(), &raw mut count))?;
        let mut list = vec![0; count as usize];
        call!(self.functions(), C_GetSlotList(present, list.as_mut_ptr(), &raw mut count))?;
        list.truncate(count as usize);
        Ok(list)
    }

    /// `C_GetSlotInfo`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn slot_info(&self, slot: CK_SLOT_ID) -> Rv<CK_SLOT_INFO> {
        let mut info = CK_SLOT_INFO::default();
        call!(self.functions(), C_GetSlotInfo(slot, &raw mut info)).map(|()| info)
    }

    /// `C_GetTokenInfo`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn token_info(&self, slot: CK_SLOT_ID) -> Rv<CK_TOKEN_INFO> {
        let mut info = CK_TOKEN_INFO::default();
        call!(self.functions(), C_GetTokenInfo(slot, &raw mut info)).map(|()| info)
    }

    /// `C_GetMechanismList`, size and list.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn mechanisms(&self, slot: CK_SLOT_ID) -> Rv<Vec<CK_MECHANISM_TYPE>> {
        let mut count = 0;
        call!(self.functions(), C_GetMechanismList(slot, ptr::null_mut(), &raw mut count))?;
        let mut list = vec![0; count as usize];
        call!(self.functions(), C_GetMechanismList(slot, list.as_mut_ptr(), &raw mut count))?;
        list.truncate(count as usize);
        Ok(list)
    }

    /// `C_CloseAllSessions` of slot 0.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn close_all(&self) -> Rv<()> {
        call!(self.functions(), C_CloseAllSessions(0))
    }

    /// A read-write session in slot 0. It isn't closed when it's dropped.
    ///
    /// # Errors
    ///
    /// What `C_OpenSession` answers.
    pub fn open(&self) -> Rv<Session<'_>> {
        self.open_with(CKF_SERIAL_SESSION | CKF_RW_SESSION)
    }

    /// A session in slot 0.
    ///
    /// # Errors
    ///
    /// What `C_OpenSession` answers.
    pub fn open_with(&self, flags: CK_FLAGS) -> Rv<Session<'_>> {
        let mut handle = 0;
        call!(self.functions(), C_OpenSession(0, flags, ptr::null_mut(), None, &raw mut handle))?;
        Ok(self.session(handle))
    }

    /// A session by its handle, whether there is one or not.
    pub fn session(&self, handle: CK_SESSION_HANDLE) -> Session<'_> {
        Session { functions: self.functions(), handle }
    }

    /// A read-write session in which the crypto user is logged in.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn logged_in(&self, cluster: &Cluster) -> Session<'_> {
        let session = self.open().expect("C_OpenSession");
        session.login(cluster.pin()).expect("C_Login");
        session
    }
}
