//! Help and completions.

use std::time::Duration;

use strongroom_testkit::{Cluster, run, run_with};

#[test]
fn shells_take_the_completions() {
    let cluster = Cluster::start();
    for (shell, check) in [("bash", Some("bash")), ("zsh", None), ("fish", None)] {
        let mut command = cluster.command(strongroom_testkit::strongroom());
        let script = run(command.args(["completions", shell])).stdout();
        // fish is told no more than two commands deep.
        let deep = (shell != "fish").then_some("--key-filter");
        for word in ["token-sign", "generate-asymmetric-pair"].into_iter().chain(deep) {
            assert!(script.contains(word), "{shell} doesn't know {word}");
        }
        if let Some(program) = check {
            let mut check = cluster.command(program);
            run_with(check.arg("-n"), script.as_bytes(), Duration::from_secs(30)).expect_success();
        }
    }
}

#[test]
fn help_teaches_by_examples_and_shows_no_passwords() {
    let cluster = Cluster::start();
    let groups = ["user", "key", "crypto", "quorum", "cluster", "login", "interactive", "node", "fault"];
    for group in groups {
        let mut command = cluster.command(strongroom_testkit::strongroom());
        let help = run(command.args([group, "--help"])).stdout();
        assert!(help.contains("Examples:"), "{group}: {help}");
        assert!(
            !help.contains("--password ") || help.contains("--password -") || help.contains("--password <P>"),
            "{group}: {help}"
        );
    }
}
