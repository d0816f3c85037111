//! The modules that are compared, each with a token that is ready for use.

use std::ffi::CString;
use std::path::Path;
use std::ptr;

use cryptoki_sys::{
    CK_C_INITIALIZE_ARGS, CK_FUNCTION_LIST, CK_SLOT_ID, CK_TRUE, CKF_OS_LOCKING_OK, CKF_RW_SESSION,
    CKF_SERIAL_SESSION, CKR_OK, CKR_USER_ALREADY_LOGGED_IN, CKU_SO, CKU_USER,
};
use strongroom_testkit::{Cluster, Module};

use crate::Session;

/// Debian's SoftHSM2.
pub const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A module in this process, and its token, to which the process is logged in.
pub struct Peer {
    /// What it's called in the table.
    pub name: &'static str,
    module: Module,
    slot: CK_SLOT_ID,
}

impl Peer {
    /// A cluster as [`Cluster::configure_this_process`] made it known.
    pub fn strongroom(cluster: &Cluster) -> Self {
        Self::of("strongroom", cluster.module(), cluster.pin())
    }

    /// A token of any module, its first, with a crypto user's PIN.
    pub fn of(name: &'static str, module: &Path, pin: &str) -> Self {
        let peer = Self::load(name, module);
        peer.session().login(CKU_USER, pin);
        peer
    }

    /// A new SoftHSM token in a folder. `SOFTHSM2_CONF` is set for the whole process: no other thread may run yet.
    pub fn softhsm(folder: &Path) -> Self {
        let tokens = folder.join("tokens");
        std::fs::create_dir_all(&tokens).expect("a folder for SoftHSM's tokens");
        let config = folder.join("softhsm2.conf");
        std::fs::write(&config, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display()))
            .expect("SoftHSM's configuration");
        // SAFETY: the caller was told that no other thread runs.
        unsafe { std::env::set_var("SOFTHSM2_CONF", &config) };
        assert!(Path::new(SOFTHSM).exists(), "SoftHSM isn't installed: apt-get install softhsm2");
        let mut peer = Self::load("softhsm", Path::new(SOFTHSM));
        peer.make_token();
        peer.session().login(CKU_USER, "1234");
        peer
    }

    /// A new read-write session.
    pub fn session(&self) -> Session<'_> {
        let mut handle = 0;
        let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        // SAFETY: the out parameter is valid; no callback is given.
        let rv = unsafe {
            self.functions().C_OpenSession.expect("C_OpenSession")(
                self.slot,
                flags,
                ptr::null_mut(),
                None,
                &raw mut handle,
            )
        };
        assert_eq!(rv, CKR_OK, "C_OpenSession of {}", self.name);
        Session::new(self.functions(), handle)
    }

    fn functions(&self) -> &CK_FUNCTION_LIST {
        self.module.functions()
    }

    fn load(name: &'static str, path: &Path) -> Self {
        let module = Module::load(path);
        let mut arguments = CK_C_INITIALIZE_ARGS {
            CreateMutex: None,
            DestroyMutex: None,
            LockMutex: None,
            UnlockMutex: None,
            flags: CKF_OS_LOCKING_OK,
            pReserved: ptr::null_mut(),
        };
        // SAFETY: the arguments are valid for the call.
        let rv =
            unsafe { module.functions().C_Initialize.expect("C_Initialize")((&raw mut arguments).cast()) };
        assert_eq!(rv, CKR_OK, "C_Initialize of {name}");
        let mut peer = Self { name, module, slot: 0 };
        peer.slot = peer.first_slot();
        peer
    }

    fn first_slot(&self) -> CK_SLOT_ID {
        let mut slots = [0; 16];
        let mut count = 16;
        // SAFETY: the buffer has room for `count` slots.
        let rv = unsafe {
            self.functions().C_GetSlotList.expect("C_GetSlotList")(
                CK_TRUE,
                slots.as_mut_ptr(),
                &raw mut count,
            )
        };
        assert_eq!(rv, CKR_OK, "C_GetSlotList of {}", self.name);
        assert!(count > 0, "{} has no slot with a token", self.name);
        slots[0]
    }

    fn make_token(&mut self) {
        let pin = CString::new("1234").expect("no NUL");
        let mut label = [b' '; 32];
        label[..5].copy_from_slice(b"bench");
        // SAFETY: pointers and lengths belong together.
        let rv = unsafe {
            self.functions().C_InitToken.expect("C_InitToken")(
                self.slot,
                pin.as_ptr().cast_mut().cast(),
                4,
                label.as_mut_ptr(),
            )
        };
        assert_eq!(rv, CKR_OK, "C_InitToken of {}", self.name);
        // SoftHSM moves a token to another slot once it's initialised.
        self.slot = self.first_slot();
        let session = self.session();
        session.login(CKU_SO, "1234");
        session.init_pin("1234");
        session.logout();
    }
}

impl Session<'_> {
    fn login(&self, user: u64, pin: &str) {
        // SAFETY: pointer and length belong together; the PIN isn't written to.
        let rv = unsafe {
            self.functions.C_Login.expect("C_Login")(
                self.handle,
                user,
                pin.as_ptr().cast_mut(),
                pin.len() as u64,
            )
        };
        assert!(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN, "C_Login: {rv:#x}");
        // A login lasts as long as a session is open; the benchmark keeps this one.
        self.keep();
    }

    fn init_pin(&self, pin: &str) {
        // SAFETY: as above.
        let rv = unsafe {
            self.functions.C_InitPIN.expect("C_InitPIN")(
                self.handle,
                pin.as_ptr().cast_mut(),
                pin.len() as u64,
            )
        };
        assert_eq!(rv, CKR_OK, "C_InitPIN");
    }

    fn logout(&self) {
        // SAFETY: no pointers.
        let rv = unsafe { self.functions.C_Logout.expect("C_Logout")(self.handle) };
        assert_eq!(rv, CKR_OK, "C_Logout");
    }
}
