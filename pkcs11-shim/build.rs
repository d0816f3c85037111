//! Links the module so that it exports `C_*` and nothing else, calls its own functions whatever
//! else is loaded, and stays loaded.

fn main() {
    println!("cargo::rerun-if-changed=exports.map");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(fuzzing)");
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    for argument in [
        // Other PKCS#11 modules may be loaded with RTLD_GLOBAL beside this one and export the same names.
        "-Wl,-Bsymbolic".to_owned(),
        // Fork handlers and thread-local storage can't be unloaded.
        "-Wl,-z,nodelete".to_owned(),
        format!("-Wl,--version-script={folder}/exports.map"),
    ] {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
}
