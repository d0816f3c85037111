//! The ways in which OpenSSL gets the PIN, and wrong ones.

use std::process::Command;

use strongroom_testkit::{Cluster, run, run_any};
use strongroom_tests::openssl::OpenSsl;

fn sign(openssl: &OpenSsl<'_>, uri: &str) -> Command {
    let message = openssl.file("message", "message");
    let mut command = openssl.engine("dgst", &["-sha256", "-keyform", "engine", "-sign", uri]);
    command.arg(message);
    command
}

#[test]
fn a_pin_stands_in_the_uri_with_its_colon_encoded_or_not() {
    // A password may have colons itself, and everything else that a URI gives a meaning to.
    let cluster = Cluster::builder().crypto_user("app", "a:b %41/c?d&e;f=g").start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("EC:prime256v1", "ec", "01");
    run(&mut sign(&openssl, &openssl.uri("ec")));

    let cluster = Cluster::builder().crypto_user("app", "simple").start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("EC:prime256v1", "ec", "01");
    let key = openssl.uri_without_pin("ec");
    for pin in ["app:simple", "app%3Asimple", "app%3asimple"] {
        run(&mut sign(&openssl, &format!("{key}?pin-value={pin}")));
    }
}

#[test]
fn a_pin_comes_from_a_file_or_from_passin_or_from_the_configuration() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("EC:prime256v1", "ec", "01");
    let key = openssl.uri_without_pin("ec");
    // As it stands: the engine takes an end of line for a part of the PIN.
    let file = openssl.file("pin", cluster.pin());
    run(&mut sign(&openssl, &format!("{key}?pin-source=file:{}", file.display())));
    let message = openssl.file("message", "message");
    let mut asked = openssl.engine("dgst", &["-sha256", "-keyform", "engine", "-sign", &key]);
    run(asked.env("KEY_PIN", cluster.pin()).args(["-passin", "env:KEY_PIN"]).arg(message));

    let configuration = openssl.file(
        "openssl.cnf",
        format!(
            "openssl_conf = start\n[start]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\n\
             engine_id = pkcs11\nMODULE_PATH = {}\nPIN = {}\ninit = 0\n",
            cluster.module().display(),
            cluster.pin(),
        ),
    );
    let mut configured = sign(&openssl, &key);
    configured.env_remove("PKCS11_MODULE_PATH").env("OPENSSL_CONF", configuration);
    run(&mut configured);
}

#[test]
fn a_wrong_pin_fails_cleanly_and_the_right_one_works_after_it() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("EC:prime256v1", "ec", "01");
    for wrong in ["app:wrong", "nobody:wrong", "app:", ":", "wrong"] {
        let refused = run_any(&mut sign(&openssl, &openssl.uri_with_pin("ec", wrong)));
        assert_eq!(refused.status().code(), Some(1), "{}", refused.report());
        assert!(refused.stdout().is_empty(), "signed with the PIN {wrong:?}");
    }
    run(&mut sign(&openssl, &openssl.uri("ec")));
}

#[test]
fn a_key_that_is_not_there_is_not_found() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("EC:prime256v1", "ec", "01");
    let refused = run_any(&mut sign(&openssl, &openssl.uri("another")));
    assert_eq!(refused.status().code(), Some(1), "{}", refused.report());
}
