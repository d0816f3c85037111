//! What the pages on users and on keys tell to type at a shell works, in the order in which it stands there. Passwords, which people are
//! asked for, come by standard input.

use std::process::Command;
use std::time::Duration;

use strongroom_testkit::{bin_dir, run_any, run_with};
use strongroom_tests::pages::page;

/// The page's blocks for a shell, one after the other.
fn typed(name: &str) -> String {
    let page = page(name);
    page.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Plays a script in one shell and a home of its own; what it printed.
fn play(script: &str) -> String {
    let folder = tempfile::Builder::new().prefix("sr").tempdir().expect("a temporary folder");
    let command = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(folder.path()).env_clear();
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin_dir().display()));
        command.env("HOME", folder.path()).env("STRONGROOM_HOME", folder.path().join("h"));
        command
    };
    let ended =
        run_with(command("bash").args(["-euxo", "pipefail", "-c", script]), b"", Duration::from_secs(120));
    run_any(command(&bin_dir().join("strongroom").display().to_string()).arg("down"));
    ended.expect_success().stdout()
}

#[test]
fn keys_and_sharing() {
    let script = typed("docs/keys-and-sharing.md");
    let script = script.replace(
        "admin:PASSWORD",
        "admin:$(jq -r .default.officer.password \"$STRONGROOM_HOME/secrets.json\")",
    );
    assert!(script.lines().count() > 15 && script.contains("$(jq"), "{script}");
    let printed = play(&script);
    assert!(printed.contains("Key shared successfully") && printed.contains("Attribute set"), "{printed}");
}

#[test]
fn users_and_quorum() {
    let told = typed("docs/users-and-quorum.md");
    let asks = ["cluster activate", "user create", "user change-password"];
    let script: String = told
        .lines()
        // Signatures are the transcripts' matter: these lines wait for what only a session in between prints.
        .filter(|line| line.starts_with("strongroom ") || line.starts_with("export "))
        .map(|line| {
            let plain = line.split('#').next().unwrap_or_default().trim_end();
            match asks.iter().any(|words| plain.contains(words)) {
                true => format!("echo officers-secret | {plain} --password -\n"),
                false => format!("{plain}\n"),
            }
        })
        .collect();
    assert!(script.matches("--password -").count() == asks.len(), "{script}");
    let printed = play(&script);
    assert!(printed.contains("Cluster activation successful") && printed.contains("bob"), "{printed}");
}
