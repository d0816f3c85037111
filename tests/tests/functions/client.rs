//! A client in C, compiled against the standard's header, calls every function well and badly.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use strongroom_testkit::{Cluster, run};
use strongroom_tests::program;
use strongroom_tests::programs::prepare;

/// The folder of `pkcs11.h` for PKCS#11 3.2: the one that `cryptoki-sys` is made from.
fn headers() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = run(Command::new(rustc).arg("-vV")).stdout();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let mut metadata = Command::new(cargo);
    // What other systems need hasn't been fetched.
    metadata.args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host]);
    metadata.current_dir(env!("CARGO_MANIFEST_DIR"));
    let printed: Value =
        serde_json::from_str(&run(&mut metadata).stdout()).expect("JSON from cargo metadata");
    let packages = printed["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "cryptoki-sys").expect("cryptoki-sys");
    let manifest = Path::new(package["manifest_path"].as_str().expect("the path of a manifest"));
    manifest.parent().expect("a folder").join("vendor")
}

#[test]
fn a_client_in_c_calls_every_function_well_and_badly() {
    let cluster = Cluster::start();
    let client = cluster.folder().join("functions");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/functions.c");
    let mut compiler = Command::new(program("gcc", "gcc"));
    compiler.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"]);
    compiler.args(["-Wall", "-Wextra", "-Werror", "-I"]).arg(headers()).arg("-o").arg(&client);
    run(compiler.arg(source).arg("-ldl"));

    let mut command = prepare(&cluster, &client, "all");
    // Where tests run in a container, leaks can't be looked for; what outlives the module is there on purpose.
    command.env("OFFICER", cluster.officer_password()).env("ASAN_OPTIONS", "detect_leaks=0");
    let ended = run(&mut command);
    assert_eq!(ended.stdout(), "104 functions\n", "{}", ended.report());
    assert_eq!(ended.stderr(), "", "{}", ended.report());
}
