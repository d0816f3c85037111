//! Where the binaries under test are.

use std::env;
use std::path::{Path, PathBuf};

const BINARY: &str = "strongroom";

/// The folder that holds `strongroom` and `libstrongroom_pkcs11.so`: `STRONGROOM_BIN_DIR`, else the
/// `release` folder of the target directory that the running test was built in.
///
/// # Panics
///
/// When there is none.
#[track_caller]
pub fn bin_dir() -> PathBuf {
    if let Some(named) = env::var_os("STRONGROOM_BIN_DIR") {
        let named = PathBuf::from(named);
        assert!(
            named.join(BINARY).is_file(),
            "STRONGROOM_BIN_DIR is {}, and there is no {BINARY} in it",
            named.display()
        );
        return named;
    }
    // A test runs from target/PROFILE/deps, a benchmark or a helper from target/PROFILE.
    let running = env::current_exe().expect("the path of the running program");
    running
        .ancestors()
        .skip(1)
        .flat_map(|folder| [folder.join("release"), folder.to_path_buf()])
        .find(|folder| folder.join(BINARY).is_file())
        .unwrap_or_else(|| {
            panic!(
                "there is no built `{BINARY}` near {}; run `cargo build --release` first, or set STRONGROOM_BIN_DIR",
                running.parent().unwrap_or(Path::new("/")).display()
            )
        })
}

/// The path of the `strongroom` binary under test.
///
/// # Panics
///
/// When it isn't built.
#[track_caller]
pub fn strongroom() -> PathBuf {
    bin_dir().join(BINARY)
}

/// The Python interpreter that has python-pkcs11, PyKCS11 and cryptography: of the environment that `cargo xtask tools`
/// makes in the target directory.
///
/// # Panics
///
/// When it isn't there.
#[track_caller]
pub fn python() -> PathBuf {
    let running = env::current_exe().expect("the path of the running program");
    let beside_tests = running.ancestors().skip(1).map(Path::to_path_buf);
    let found = beside_tests.map(|folder| folder.join("python/bin/python3")).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("the target directory has no Python environment; make it with `cargo xtask tools`")
    })
}

/// The folder of Node's packages that has graphene-pk11: `cargo xtask tools` installs it in the target directory.
///
/// # Panics
///
/// When it isn't there.
#[track_caller]
pub fn node_modules() -> PathBuf {
    let running = env::current_exe().expect("the path of the running program");
    let beside_tests = running.ancestors().skip(1).map(Path::to_path_buf);
    let found = beside_tests
        .map(|folder| folder.join("node/node_modules"))
        .find(|folder| folder.join("graphene-pk11").is_dir());
    found.unwrap_or_else(|| {
        panic!("the target directory has no graphene-pk11; install it with `cargo xtask tools`")
    })
}
