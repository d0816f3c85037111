//! Several officers at once.

mod common;

use std::process::Command;
use std::thread;

use common::{data, parse, refusal};
use strongroom_testkit::{Cluster, run_any};

/// Carries commands out at the same time; how many succeed, and what the others say.
fn at_once(commands: Vec<Command>) -> (usize, Vec<String>) {
    let outcomes = thread::scope(|scope| {
        let running: Vec<_> = commands
            .into_iter()
            .map(|mut command| scope.spawn(move || parse(&run_any(&mut command))))
            .collect();
        running.into_iter().map(|one| one.join().expect("a command")).collect::<Vec<_>>()
    });
    let said = |outcome: &serde_json::Value| outcome["data"].as_str().map(str::to_string);
    let failed: Vec<String> =
        outcomes.iter().filter(|outcome| outcome["error_code"] != 0).filter_map(said).collect();
    (outcomes.len() - failed.len(), failed)
}

fn user(cluster: &Cluster, verb: &str, password: Option<&str>) -> Command {
    let mut command = cluster.strongroom(&["user", verb, "--username", "bob", "--role", "crypto-user"]);
    password.iter().for_each(|password| {
        command.args(["--password", password]);
    });
    command
}

#[test]
fn officers_that_change_the_same_user_at_once_get_one_outcome() {
    let cluster = Cluster::start();
    let count = |cluster: &Cluster| {
        let users = data(&mut cluster.strongroom(&["user", "list"]));
        users["users"].as_array().expect("users").iter().filter(|user| user["username"] == "bob").count()
    };
    let (made, said) = at_once((0..4).map(|_| user(&cluster, "create", Some("bobs-secret"))).collect());
    assert_eq!((made, count(&cluster)), (1, 1), "{said:?}");
    assert!(said.iter().all(|said| said.contains("there is a user bob already")), "{said:?}");

    let passwords = ["first-secret", "second-secret", "third-secret", "fourth-secret"];
    let (changed, said) =
        at_once(passwords.iter().map(|password| user(&cluster, "change-password", Some(password))).collect());
    assert_eq!(changed, passwords.len(), "{said:?}");
    let logins = passwords.iter().map(|password| {
        let words = ["login", "--username", "bob", "--role", "crypto-user", "--password", password];
        cluster.strongroom(&words)
    });
    let (right, said) = at_once(logins.collect());
    assert_eq!(right, 1, "one of the passwords is bob's: {said:?}");

    let (deleted, said) = at_once((0..4).map(|_| user(&cluster, "delete", None)).collect());
    assert_eq!((deleted, count(&cluster)), (1, 0), "{said:?}");
    let gone = "there is no crypto-user bob";
    assert!(said.iter().all(|said| said.contains(gone)), "{said:?}");
    assert!(refusal(&mut user(&cluster, "change-password", Some("late-secret"))).contains(gone));
}
