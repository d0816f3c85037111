//! The client's memory: the module keeps neither PIN nor the keys that were imported through it.

use strongroom_testkit::{Cluster, run_with};
use strongroom_tests::programs::{build, prepare};

#[test]
fn the_module_keeps_neither_pin_nor_key() {
    let cluster = Cluster::builder().crypto_user("app", "a-pass-word-to-look-for").start();
    let program = build("memory", cluster.folder());
    let mut command = prepare(&cluster, &program, "search");
    // Not by the environment: the process would keep it there.
    command.env_remove("PIN");
    let limit = std::time::Duration::from_secs(60);
    run_with(&mut command, cluster.pin().as_bytes(), limit).expect_success();
}
