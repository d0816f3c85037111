//! Node with keys in a cluster: `graphene-pk11`, as npm has it. The program is `tests/javascript/with_graphene.js`.

use std::path::Path;
use std::process::Command;

use strongroom_testkit::{Cluster, node_modules, run};
use strongroom_tests::program;

/// Plays a scenario on a cluster of its own; the program checks by itself.
#[track_caller]
fn play(scenario: &str) {
    let cluster = Cluster::start();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("javascript/with_graphene.js");
    let mut command: Command = cluster.command(program("node", "nodejs"));
    command.current_dir(cluster.folder()).arg(source).arg(scenario);
    command.env("NODE_PATH", node_modules());
    command.env("MODULE", cluster.module()).env("TOKEN", cluster.token_label()).env("PIN", cluster.pin());
    run(&mut command);
}

/// Tests that play the scenario of their name.
macro_rules! scenarios {
    ($($scenario:ident),* $(,)?) => {$(
        #[test]
        fn $scenario() {
            play(stringify!($scenario));
        }
    )*};
}

scenarios!(describes, digests, rsa, elliptic_curves, aes, macs, objects, logins);
