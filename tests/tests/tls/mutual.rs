//! Certificates of the customer's own, on both sides.

use serde_json::Value;
use strongroom_testkit::{Cluster, Finished, run_any};

use crate::{Ca, single, users};

/// A command of the cluster's own, by its socket.
#[track_caller]
fn strongroom(cluster: &Cluster, words: &str) -> Finished {
    let words: Vec<_> = words.split(' ').collect();
    run_any(&mut cluster.strongroom(&words))
}

#[test]
fn a_cluster_with_a_customers_certificate_is_known_by_it() {
    let cluster = Cluster::builder().nodes(1).own_ca().start();
    let said: Value =
        serde_json::from_str(&strongroom(&cluster, "up --listen").expect_success().stdout()).expect("JSON");
    let address = said["data"]["nodes"][0]["address"].as_str().expect("an address").to_owned();
    let ca = Ca::new(cluster.folder());
    let file = cluster.folder().join("far.toml");
    let configure = |ca: &str| {
        let command = format!("configure -a {address} --hsm-ca-cert {ca} --config {}", file.display());
        let words: Vec<_> = command.split(' ').collect();
        run_any(&mut crate::without_home(&mut cluster.strongroom(&words))).expect_success();
    };
    let own = ca.path("ca.crt").display().to_string();
    configure(&own);
    // It listens, and has nothing to show yet.
    users(&cluster, &file).expect_failure();

    let pems = cluster.folder().join("pems");
    strongroom(&cluster, &format!("cluster certificates --save {}", pems.display())).expect_success();
    let csr = pems.join("cluster.csr").display().to_string();
    ca.openssl(&format!(
        "x509 -req -days 3652 -in {csr} -CA ca.crt -CAkey ca.key -CAcreateserial -out signed.crt"
    ));
    let text = ca.openssl("x509 -in signed.crt -noout -text").stdout();
    assert!(text.contains("Version: 1 (0x0)"), "as the guide's command makes it: {text}");
    let signed = ca.path("signed.crt").display().to_string();
    strongroom(&cluster, &format!("cluster initialize --signed-cert {signed} --trust-anchor {own}"))
        .expect_success();
    strongroom(&cluster, "cluster activate --password officers-secret").expect_success();

    let said = users(&cluster, &file).expect_success().stdout();
    assert!(said.contains("\"username\":\"admin\""), "{said}");
    // Another CA of the same name has another key.
    std::fs::create_dir(cluster.folder().join("other")).expect("a folder");
    let other = Ca::new(&cluster.folder().join("other"));
    configure(&other.path("ca.crt").display().to_string());
    let said = users(&cluster, &file).expect_failure().stdout();
    assert!(said.contains("doesn't chain to one that is trusted"), "{said}");
}

#[test]
fn clients_without_a_registered_certificate_are_refused_once_it_is_enforced() {
    let cluster = single();
    let ca = Ca::new(cluster.folder());
    std::fs::create_dir(cluster.folder().join("other")).expect("a folder");
    let other = Ca::new(&cluster.folder().join("other"));
    std::fs::write(ca.path("server"), "extendedKeyUsage = serverAuth\n").expect("a file");
    ca.issue("client", "-days 30");
    ca.issue("old", "-days -1");
    ca.issue("server", "-days 30 -extfile server");
    other.issue("client", "-days 30");
    let with = |ca: &Ca, name: &str| {
        let file = cluster.folder().join("far-pair.toml");
        let (certificate, key) = (ca.path(&format!("{name}.crt")), ca.path(&format!("{name}.key")));
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        let pair = ["--client-cert-hsm-tls-file", &certificate, "--client-key-hsm-tls-file", &key];
        cluster.configure(&file, &pair).expect_success();
        users(&cluster, &file)
    };
    with(&other, "client").expect_success();

    strongroom(
        &cluster,
        &format!("cluster mtls register-trust-anchor --path {}", ca.path("ca.crt").display()),
    )
    .expect_success();
    users(&cluster, cluster.config()).expect_success();
    with(&other, "client").expect_success();

    strongroom(&cluster, "cluster mtls set-enforcement --level cluster").expect_success();
    let said = users(&cluster, cluster.config()).expect_failure().stdout();
    assert!(said.contains("without a client certificate"), "{said}");
    for (ca, name, expected) in [
        (&other, "client", "doesn't chain to one that it trusts"),
        (&ca, "old", "isn't valid now"),
        (&ca, "server", "the node refused"),
    ] {
        let said = with(ca, name).expect_failure().stdout();
        assert!(said.contains(expected), "{name}: {said}");
    }
    with(&ca, "client").expect_success();
    // Sockets are as they were.
    strongroom(&cluster, "user list").expect_success();

    strongroom(&cluster, "cluster mtls set-enforcement --level none").expect_success();
    users(&cluster, cluster.config()).expect_success();
}
