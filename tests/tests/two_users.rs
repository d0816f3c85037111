//! Two crypto users of one cluster, and `strongroom user` and `strongroom key` beside applications.

use std::process::Command;

use cryptoki_sys::*;
use serde_json::Value;
use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run, run_any};
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Template};
use strongroom_tests::workbench::Workbench;

fn two() -> Cluster {
    Cluster::builder().crypto_user("alice", "alices-secret").crypto_user("bob", "bobs-secret").start()
}

/// What a command prints when it succeeds.
#[track_caller]
fn data(command: &mut Command) -> Value {
    let mut printed: Value = serde_json::from_str(&run(command).stdout()).expect("JSON");
    assert_eq!(printed["error_code"], 0, "{printed}");
    printed["data"].take()
}

/// The sentence of a command that fails.
#[track_caller]
fn refusal(command: &mut Command) -> String {
    let printed: Value = serde_json::from_str(&run_any(command).expect_failure().stdout()).expect("JSON");
    assert_eq!(printed["error_code"], 1, "{printed}");
    printed["data"].as_str().expect("a sentence").to_string()
}

/// `strongroom WORDS` for a crypto user.
fn as_user(cluster: &Cluster, pin: &str, words: &str) -> Command {
    let mut command = cluster.strongroom(&words.split(' ').collect::<Vec<_>>());
    command.env("STRONGROOM_ROLE", "crypto-user").env("STRONGROOM_PIN", pin);
    command
}

/// Labels of the keys that `strongroom key list` shows, in order.
#[track_caller]
fn keys(cluster: &Cluster, pin: &str, filter: &str) -> Vec<String> {
    let listed = data(&mut as_user(cluster, pin, &format!("key list{filter}")));
    let keys = listed["matched_keys"].as_array().expect("keys");
    let label = |key: &Value| key["attributes"]["label"].as_str().expect("a label").to_string();
    let mut labels: Vec<String> = keys.iter().map(label).collect();
    labels.sort();
    labels
}

/// Labels of the objects that `pkcs11-tool` shows, in order.
#[track_caller]
fn labels(bench: &Workbench<'_>) -> Vec<String> {
    let mut labels: Vec<String> =
        bench.objects().iter().map(|object| object.field("label").replace('\'', "")).collect();
    labels.sort();
    labels
}

#[test]
fn neither_sees_uses_or_destroys_what_the_other_keeps_private() {
    let cluster = two();
    let alice = Workbench::with_pin(&cluster, cluster.pin_of("alice"));
    let bob = Workbench::with_pin(&cluster, cluster.pin_of("bob"));
    alice.write("data", "data");
    for (bench, name) in [(&alice, "alice"), (&bob, "bob")] {
        // The same IDs on purpose.
        bench.tool(&format!("--keypairgen --key-type EC:prime256v1 --id 01 --label {name}-pair"));
        bench.tool(&format!("--keygen --key-type AES:32 --id 02 --label {name}-aes --private --sensitive"));
        bench.tool(&format!("--write-object data --type data --label {name}-data --private"));
    }
    let own = |name: &str| {
        let other = if name == "alice" { "bob" } else { "alice" };
        let mut labels = ["aes", "data", "pair", "pair"].map(|what| format!("{name}-{what}")).to_vec();
        // A public key is everybody's to see.
        labels.push(format!("{other}-pair"));
        labels.sort();
        labels
    };
    assert_eq!((labels(&alice), labels(&bob)), (own("alice"), own("bob")));
    assert_eq!(alice.objects_of_nobody().len(), 2);

    // Each signs with their own key of the ID that both have.
    for (bench, name) in [(&alice, "alice"), (&bob, "bob")] {
        let objects = bench.objects();
        let public = objects.iter().find(|object| {
            object.heading.starts_with("Public") && object.field("label") == format!("{name}-pair")
        });
        bench.write("public.der", strongroom_tests::workbench::ec_public_key(public.expect("a public key")));
        bench.openssl("pkey -pubin -inform DER -in public.der -out public.pem");
        bench.tool("--sign -m ECDSA-SHA256 --signature-format openssl --id 01 -i data -o signature");
        bench.openssl("dgst -sha256 -verify public.pem -signature signature data");
    }

    for class in ["privkey", "secrkey", "data"] {
        for label in ["pair", "aes", "data"] {
            let said = bob.tool_fails(&format!("--delete-object --type {class} --label alice-{label}"));
            assert!(said.contains("object not found"), "{said}");
        }
    }
    bob.tool_fails("--read-object --type data --label alice-data -o stolen");
    // What bob may see, he may not manage.
    bob.tool_fails("--delete-object --type pubkey --label alice-pair");
    bob.tool_fails("--type pubkey --label alice-pair --id 01 --set-id 09");
    assert_eq!((labels(&alice), labels(&bob)), (own("alice"), own("bob")));

    alice.tool("--delete-object --type privkey --id 01");
    bob.tool("--sign -m ECDSA-SHA256 --id 01 -i data -o signature");
}

#[test]
fn a_handle_of_one_is_no_handle_for_the_other() {
    alone(|| {
        let cluster = two();
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        session.login(cluster.pin_of("alice")).expect("alice's login");
        let kept =
            [session.aes(true, "token").expect("a key"), session.aes(false, "session").expect("a key")];
        session.logout().expect("C_Logout");
        session.login(cluster.pin_of("bob")).expect("bob's login");
        for key in kept {
            let answers = [
                session.attribute(key, CKA_LABEL).map(drop),
                session.destroy(key),
                session.copy(key, &Template::new()).map(drop),
            ];
            assert_eq!(answers, [Err(ReturnCode::OBJECT_HANDLE_INVALID); 3]);
            // Just as one that never was.
            assert_eq!(session.attribute(key + 100, CKA_LABEL).map(drop), answers[0]);
        }
        assert_eq!(session.find(&Template::new()), Ok(vec![]));
        let mine = session.aes(true, "token").expect("a key");
        session.logout().expect("C_Logout");
        session.login(cluster.pin_of("alice")).expect("alice's login");
        assert_eq!(session.find(&Template::new()), Ok(vec![kept[0]]));
        assert_eq!(session.destroy(mine), Err(ReturnCode::OBJECT_HANDLE_INVALID));
    });
}

#[test]
fn the_command_lists_and_deletes_keys_that_an_application_made() {
    let cluster = two();
    let (alice_pin, bob_pin) = (cluster.pin_of("alice"), cluster.pin_of("bob"));
    let alice = Workbench::with_pin(&cluster, alice_pin);
    let bob = Workbench::with_pin(&cluster, bob_pin);
    alice.tool("--keypairgen --key-type rsa:2048 --id 0a --label web --usage-sign");
    alice.tool("--keygen --key-type AES:32 --id 0b --label blue --private --sensitive");
    bob.tool("--keygen --key-type AES:16 --id 0c --label red --private --sensitive");

    assert_eq!(keys(&cluster, alice_pin, ""), ["blue", "web", "web"]);
    assert_eq!(keys(&cluster, bob_pin, ""), ["red", "web"]);
    assert_eq!(keys(&cluster, alice_pin, " --filter attr.class=private-key"), ["web"]);
    let shown = data(&mut as_user(&cluster, alice_pin, "key list --verbose --filter attr.label=blue"));
    let attributes = &shown["matched_keys"][0]["attributes"];
    for (name, expected) in [("key-type", "aes"), ("class", "secret-key"), ("id", "0x0b")] {
        assert_eq!(attributes[name], expected, "{shown}");
    }
    assert_eq!((&attributes["key-length-bytes"], &attributes["sensitive"]), (&32.into(), &true.into()));

    let refused = refusal(&mut as_user(&cluster, bob_pin, "key delete --filter attr.label=blue"));
    assert!(refused.contains("no key matches"), "{refused}");
    data(&mut as_user(&cluster, alice_pin, "key delete --filter attr.label=blue"));
    assert_eq!(labels(&alice), ["web", "web"]);
    alice.tool("--delete-object --type privkey --id 0a");
    assert_eq!(keys(&cluster, alice_pin, ""), ["web"]);
    assert_eq!(labels(&bob), ["red", "web"]);
}

#[test]
fn a_user_made_changed_and_deleted_by_the_officer_is_so_for_applications() {
    let cluster = two();
    let carol = "--username carol --role crypto-user";
    let officer = |words: &str| cluster.strongroom(&words.split(' ').collect::<Vec<_>>());
    data(&mut officer(&format!("user create {carol} --password carols-secret")));
    let first = Workbench::with_pin(&cluster, "carol:carols-secret");
    first.tool("--keypairgen --key-type EC:prime256v1 --id 01 --label hers");

    data(&mut officer(&format!("user change-password {carol} --password second-secret")));
    let refused = first.tool_fails("--list-objects");
    assert!(refused.contains("CKR_PIN_INCORRECT"), "{refused}");
    let second = Workbench::with_pin(&cluster, "carol:second-secret");
    assert_eq!(labels(&second), ["hers", "hers"]);
    // And the other way round: what an application changes, the command asks for.
    second.tool("--change-pin --new-pin carol:third-secret");
    assert_eq!(keys(&cluster, "carol:third-secret", ""), ["hers", "hers"]);
    let refused = refusal(&mut as_user(&cluster, "carol:second-secret", "key list"));
    assert!(refused.contains("CKR_PIN_INCORRECT"), "{refused}");

    let refused = refusal(&mut officer(&format!("user delete {carol}")));
    assert!(refused.contains("carol owns keys"), "{refused}");
    let third = Workbench::with_pin(&cluster, "carol:third-secret");
    third.tool("--delete-object --type privkey --id 01");
    third.tool("--delete-object --type pubkey --id 01");
    data(&mut officer(&format!("user delete {carol}")));
    let listed = data(&mut officer("user list"));
    let names: Vec<&str> = listed["users"]
        .as_array()
        .expect("users")
        .iter()
        .filter_map(|user| user["username"].as_str())
        .collect();
    assert_eq!(names, ["admin", "alice", "app_user", "bob"]);
    let gone = third.tool_fails("--list-objects");
    assert!(gone.contains("CKR_PIN_INCORRECT"), "{gone}");
}

#[test]
fn a_changed_password_ends_the_logins_that_were_made_with_the_old_one() {
    alone(|| {
        let cluster = two();
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        session.login(cluster.pin_of("bob")).expect("bob's login");
        let key = session.aes(true, "key").expect("a key");
        session.attribute(key, CKA_LABEL).expect("a label");
        let words = ["user", "change-password", "--username", "bob", "--role", "crypto-user"];
        data(cluster.strongroom(&words).args(["--password", "another-secret"]));
        assert_eq!(session.aes(true, "key"), Err(ReturnCode::USER_NOT_LOGGED_IN));
        let _ = session.logout();
        assert_eq!(session.login(cluster.pin_of("bob")), Err(ReturnCode::PIN_INCORRECT));
        session.login("bob:another-secret").expect("bob's new login");
        assert_eq!(session.find(&Template::new()), Ok(vec![key]));
    });
}
