//! `strongroom user` and `strongroom key`.

mod common;

use std::time::Duration;

use common::{data, refusal};
use serde_json::json;
use strongroom_client::{Client, Config, Route};
use strongroom_model::{AttributeType, Attributes, Blob, Mechanism, MechanismType, Role};
use strongroom_testkit::{Cluster, run_with};
use strongroom_wire::{Login, Request, Response};

const LIMIT: Duration = Duration::from_secs(60);

/// Somebody who makes keys, as an application would.
fn application(cluster: &Cluster) -> Client {
    let config = Config::from_file(cluster.config()).expect("the configuration that `up` wrote");
    let client = Client::new(config.clusters[0].clone());
    let (user, password) = cluster.pin().split_once(':').expect("a PIN");
    let login =
        Login { role: Role::CryptoUser, user: user.parse().ok(), password: Blob::from(password.as_bytes()) };
    client.login(1, login).expect("a login");
    client
}

fn make_aes_key(client: &Client, label: &str) -> u64 {
    let template = Attributes::new()
        .with(AttributeType::TOKEN, true)
        .with(AttributeType::LABEL, label.as_bytes())
        .with(AttributeType::VALUE_LEN, 32);
    let mechanism = Mechanism::plain(MechanismType::AES_KEY_GEN);
    match client.call(Route::Any, 1, &Request::GenerateKey { mechanism, template }).expect("a key") {
        Response::Object(key) => key.handle.0,
        other => panic!("{other:?}"),
    }
}

fn make_rsa_pair(client: &Client, label: &str) {
    let side =
        || Attributes::new().with(AttributeType::TOKEN, true).with(AttributeType::LABEL, label.as_bytes());
    let public =
        side().with(AttributeType::MODULUS_BITS, 2048).with(AttributeType::PUBLIC_EXPONENT, &[1, 0, 1][..]);
    let mechanism = Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN);
    client
        .call(Route::Any, 1, &Request::GeneratePair { mechanism, public, private: side() })
        .expect("a key pair");
}

#[test]
fn users_come_change_and_go() {
    let cluster = Cluster::builder().crypto_user("app", "app-secret").start();
    let bob = ["--username", "bob", "--role", "crypto-user"];
    let created = data(cluster.strongroom(&["user", "create"]).args(bob).args(["--password", "bobs-secret"]));
    assert_eq!(created, json!({"username": "bob", "role": "crypto-user"}));
    let again =
        refusal(cluster.strongroom(&["user", "create"]).args(bob).args(["--password", "bobs-secret"]));
    assert!(again.contains("bob"), "{again}");

    let listed = data(&mut cluster.strongroom(&["user", "list"]));
    let entry = json!({
        "username": "bob", "role": "crypto-user", "locked": "false", "mfa": [], "quorum": [], "cluster-coverage": "full"
    });
    assert!(listed["users"].as_array().unwrap().contains(&entry), "{listed}");
    // The officer, `app`, the appliance user and `bob`.
    assert_eq!(listed["users"].as_array().unwrap().len(), 4);

    let mut change = cluster.strongroom(&["user", "change-password"]);
    run_with(change.args(bob).args(["--password", "-"]), b"second-secret\n", LIMIT).expect_success();
    let as_bob = |pin: &str| {
        let mut command = cluster.strongroom(&["key", "list"]);
        command.env("STRONGROOM_ROLE", "crypto-user").env("STRONGROOM_PIN", pin);
        command
    };
    assert_eq!(data(&mut as_bob("bob:second-secret"))["total_key_count"], 0);
    let wrong = refusal(&mut as_bob("bob:bobs-secret"));
    assert!(wrong.contains("CKR_PIN_INCORRECT"), "{wrong}");

    data(cluster.strongroom(&["user", "delete"]).args(bob));
    refusal(&mut as_bob("bob:second-secret"));
}

#[test]
fn a_changed_password_is_what_up_tells_from_then_on() {
    let cluster = Cluster::builder().crypto_user("app", "first-secret").start();
    let change = ["--username", "app", "--role", "crypto-user", "--password", "second-secret"];
    data(cluster.strongroom(&["user", "change-password"]).args(change));
    assert_eq!(data(&mut cluster.strongroom(&["up"]))["crypto_users"][0]["pin"], "app:second-secret");
    data(&mut cluster.strongroom(&["key", "list"]));
}

#[test]
fn a_crypto_user_does_not_manage_users() {
    let cluster = Cluster::start();
    let mut create = cluster.strongroom(&[
        "user",
        "create",
        "--username",
        "eve",
        "--role",
        "admin",
        "--password",
        "eves-secret",
    ]);
    // The variables that cloudhsm-cli reads count too.
    let sentence = refusal(create.env("CLOUDHSM_ROLE", "crypto-user").env("CLOUDHSM_PIN", cluster.pin()));
    assert!(!sentence.is_empty());
    assert_eq!(data(&mut cluster.strongroom(&["user", "list"]))["users"].as_array().unwrap().len(), 3);
}

#[test]
fn keys_are_listed_as_cloudhsm_cli_lists_them() {
    let cluster = Cluster::start();
    let client = application(&cluster);
    let handle = make_aes_key(&client, "blue");
    make_rsa_pair(&client, "red");

    let listed = data(&mut cluster.strongroom(&["key", "list"]));
    assert_eq!((&listed["total_key_count"], &listed["returned_key_count"]), (&json!(3), &json!(3)));
    let blue = data(&mut cluster.strongroom(&["key", "list", "--verbose", "--filter", "attr.label=blue"]));
    assert_eq!(blue["matched_keys"].as_array().unwrap().len(), 1);
    let key = &blue["matched_keys"][0];
    assert_eq!(key["key-reference"], format!("{handle:#018x}"));
    assert_eq!(key["key-info"]["cluster-coverage"], "full");
    for (name, value) in [
        ("key-type", json!("aes")),
        ("label", json!("blue")),
        ("id", json!("0x")),
        ("class", json!("secret-key")),
        ("token", json!(true)),
        ("sensitive", json!(true)),
        ("local", json!(true)),
        ("key-length-bytes", json!(32)),
    ] {
        assert_eq!(key["attributes"][name], value, "{name}");
    }
    assert!(key["attributes"].get("value").is_none());

    let public = ["key", "list", "--verbose", "--filter", "attr.label=red", "attr.class=public-key"];
    let red = data(&mut cluster.strongroom(&public));
    let attributes = &red["matched_keys"][0]["attributes"];
    assert_eq!(
        (&attributes["public-exponent"], &attributes["key-length-bytes"]),
        (&json!("0x010001"), &json!(256))
    );
}

#[test]
fn long_lists_come_in_pages() {
    let cluster = Cluster::start();
    let client = application(&cluster);
    let mut expected: Vec<u64> =
        (0..7).map(|number| make_aes_key(&client, &format!("key{number}"))).collect();
    expected.sort_unstable();
    let mut seen = Vec::new();
    let mut token = None;
    for _ in 0..10 {
        let mut list = cluster.strongroom(&["key", "list", "--max-items", "3"]);
        token.iter().for_each(|token: &String| {
            list.args(["--starting-token", token]);
        });
        let page = data(&mut list);
        assert_eq!(page["total_key_count"], 7);
        let keys = page["matched_keys"].as_array().unwrap();
        seen.extend(keys.iter().map(|key| key["key-reference"].as_str().unwrap().to_string()));
        token = page["next_token"].as_str().map(str::to_string);
        if token.is_none() {
            break;
        }
    }
    let expected: Vec<String> = expected.iter().map(|handle| format!("{handle:#018x}")).collect();
    assert_eq!(seen, expected);
}

#[test]
fn one_key_is_deleted_at_a_time() {
    let cluster = Cluster::start();
    let client = application(&cluster);
    make_rsa_pair(&client, "red");
    let handle = make_aes_key(&client, "blue");
    let several = refusal(&mut cluster.strongroom(&["key", "delete", "--filter", "attr.label=red"]));
    assert!(several.contains("2 keys match"), "{several}");
    let none = refusal(&mut cluster.strongroom(&["key", "delete", "--filter", "attr.label=green"]));
    assert!(none.contains("no key matches"), "{none}");
    assert_eq!(data(&mut cluster.strongroom(&["key", "list"]))["total_key_count"], 3);

    let by_reference = format!("key-reference={handle:#x}");
    let deleted = data(&mut cluster.strongroom(&["key", "delete", "--filter", &by_reference]));
    assert_eq!(deleted, json!({"message": "Key deleted successfully"}));
    data(&mut cluster.strongroom(&["key", "delete", "--filter", "attr.label=red", "attr.class=private-key"]));
    assert_eq!(data(&mut cluster.strongroom(&["key", "list"]))["total_key_count"], 1);
}

#[test]
fn without_a_daemon_or_a_home_the_sentence_says_what_to_do() {
    let mut cluster = Cluster::start();
    cluster.stop();
    let sentence = refusal(&mut cluster.strongroom(&["key", "list"]));
    assert!(sentence.contains("strongroom up"), "{sentence}");
    let mut elsewhere = cluster.command(strongroom_testkit::strongroom());
    let sentence = refusal(elsewhere.args(["user", "list", "--home"]).arg(cluster.folder().join("none")));
    assert!(sentence.contains("strongroom up --home"), "{sentence}");
}
