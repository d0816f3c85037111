//! Where the PKCS#11 module is.

use std::env;
use std::path::{Path, PathBuf};

use crate::output::Failure;

const FILE: &str = "libstrongroom_pkcs11.so";

/// The absolute path of the module: `STRONGROOM_MODULE`, beside this program, or in `../lib` of it.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    if let Some(named) = env::var_os("STRONGROOM_MODULE") {
        let named = PathBuf::from(named);
        return named.canonicalize().map_err(|error| {
            Failure::new(format!("STRONGROOM_MODULE names {}, which can't be used: {error}", named.display()))
        });
    }
    let program = env::current_exe()
        .map_err(|error| Failure::new(format!("the path of this program is unknown: {error}")))?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let places = [folder.join(FILE), folder.join("../lib").join(FILE)];
    let found = places.iter().find_map(|place| place.canonicalize().ok().filter(|path| path.is_file()));
    found.ok_or_else(|| {
        Failure::new(format!(
            "the PKCS#11 module {FILE} is neither in {} nor in ../lib of it; build it with `cargo build --release`, or name \
             it in STRONGROOM_MODULE",
            folder.display()
        ))
    })
}
