//! The module loaded into the test's own process.

use std::path::Path;
use std::ptr;

use cryptoki_sys::{CK_C_GetFunctionList, CK_FUNCTION_LIST, CK_RV, CKR_OK};
use libloading::Library;
use libloading::os::unix::{Library as UnixLibrary, RTLD_LOCAL, RTLD_NOW};

/// A PKCS#11 module in this process, for tests and benchmarks that make raw calls.
///
/// ```no_run
/// use strongroom_testkit::{Cluster, Module};
///
/// let cluster = Cluster::start();
/// cluster.configure_this_process();
/// let module = Module::load(cluster.module());
/// // SAFETY: a null argument is allowed.
/// let rv = unsafe { module.functions().C_Initialize.unwrap()(std::ptr::null_mut()) };
/// assert_eq!(rv, cryptoki_sys::CKR_OK);
/// ```
///
/// A process has one copy of a module, whatever the number of `Module`s: tests that load it belong
/// into test binaries of their own, one cluster each.
#[derive(Debug)]
pub struct Module {
    library: Library,
    functions: *const CK_FUNCTION_LIST,
}

// SAFETY: the function list is constant data of the library, which stays loaded as long as `library` does.
unsafe impl Send for Module {}
// SAFETY: as above; nothing behind the pointer is ever written.
unsafe impl Sync for Module {}

impl Module {
    /// Loads a module, Strongroom's or another's. It reads `STRONGROOM_CONFIG` when it is initialised; see
    /// [`Cluster::configure_this_process`](crate::Cluster::configure_this_process).
    ///
    /// # Panics
    ///
    /// When it can't be loaded, or has no `C_GetFunctionList` that works.
    #[track_caller]
    pub fn load(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        // SAFETY: loading runs the library's initialisers; the caller names a PKCS#11 module.
        let library = unsafe { UnixLibrary::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
            .unwrap_or_else(|error| panic!("{} can't be loaded: {error}", path.display()));
        let library = Library::from(library);
        let mut functions: *mut CK_FUNCTION_LIST = ptr::null_mut();
        // SAFETY: the standard gives the symbol this type.
        let get: CK_C_GetFunctionList = unsafe { library.get(b"C_GetFunctionList\0") }
            .map(|symbol| *symbol)
            .unwrap_or_else(|error| panic!("{} has no C_GetFunctionList: {error}", path.display()));
        // SAFETY: the argument points to room for a pointer.
        let rv: CK_RV = unsafe { get.expect("a function")(&raw mut functions) };
        assert!(
            rv == CKR_OK && !functions.is_null(),
            "C_GetFunctionList of {} returned {rv:#x}",
            path.display()
        );
        Self { library, functions }
    }

    /// The 2.40 function list.
    pub fn functions(&self) -> &CK_FUNCTION_LIST {
        // SAFETY: not null (checked in `load`), and valid while the library is loaded.
        unsafe { &*self.functions }
    }

    /// The library, to look up other symbols.
    pub fn library(&self) -> &Library {
        &self.library
    }
}
