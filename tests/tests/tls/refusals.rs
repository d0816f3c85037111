//! Whom clients refuse: nodes that don't show what they should. And what they say then.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use strongroom_testkit::{Background, Cluster, wait_until};
use strongroom_tests::openssl::plain;

use crate::{Ca, PATIENCE, address, single, users};

/// A configuration for a node somewhere, trusting a CA.
fn configuration(folder: &Path, name: &str, node: &str, ca: &Path, more: &str) -> PathBuf {
    let file = folder.join(name);
    let (host, port) = node.rsplit_once(':').expect("an address");
    let text = format!(
        "[[cluster]]\nname = \"far\"\nservers = [{{ host = \"{host}\", port = {port} }}]\nca_file = {ca:?}\nreconnect_ms = 0\n{more}"
    );
    std::fs::write(&file, text).expect("a configuration");
    file
}

/// Something that speaks TLS like a node would, with a certificate of the CA's, and the port where.
fn impostor(ca: &Ca, name: &str, more: &[&str]) -> (Background, String) {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a free port")
        .port();
    let mut command: Command = plain(&["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}")]);
    command
        .arg("-cert")
        .arg(ca.path(&format!("{name}.crt")))
        .arg("-key")
        .arg(ca.path(&format!("{name}.key")));
    command.args(more).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Background::start(&mut command);
    wait_until("it listens", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    (server, format!("127.0.0.1:{port}"))
}

#[track_caller]
fn refused(cluster: &Cluster, config: &Path, expected: &str) {
    let said = users(cluster, config).expect_failure().stdout();
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_node_of_another_ca_is_refused() {
    let (one, other) = (single(), single());
    let file = configuration(one.folder(), "other.toml", one.addresses()[0], &other.ca(), "");
    refused(&one, &file, "doesn't chain to one that is trusted");
    // It's about that one's certificate only.
    users(&one, one.config()).expect_success();
    users(&other, other.config()).expect_success();
}

#[test]
fn a_node_of_another_cluster_of_the_same_ca_is_refused_if_the_cluster_is_named() {
    let cluster = single();
    let file = |name: &str, id: &str| {
        let more = format!("cluster_id = {id:?}\n");
        configuration(cluster.folder(), name, cluster.addresses()[0], &cluster.ca(), &more)
    };
    users(&cluster, &file("right.toml", "default")).expect_success();
    refused(&cluster, &file("wrong.toml", "cluster-abcdefgh234"), "it's a node of cluster \\\"default\\\"");
}

#[test]
fn certificates_that_have_expired_or_are_for_something_else_are_refused() {
    let cluster = single();
    let ca = Ca::new(cluster.folder());
    std::fs::write(ca.path("purpose"), "extendedKeyUsage = clientAuth\n").expect("a file");
    ca.issue("good", "-days 30");
    ca.issue("purpose", "-days 30 -extfile purpose");
    // `openssl x509` makes none that has expired, but one whose end is before its beginning it does.
    ca.issue("expired", "-days -1");
    for (name, expected) in
        [("expired", "expired"), ("purpose", "extended key usage"), ("good", "call_timeout_ms")]
    {
        let (_server, at) = impostor(&ca, name, &[]);
        let file =
            configuration(cluster.folder(), "far.toml", &at, &ca.path("ca.crt"), "call_timeout_ms = 500\n");
        let said = users(&cluster, &file).expect_failure().stdout();
        match name {
            // What it shows is good; it's only no node.
            "good" => assert!(!said.contains("trusted"), "{said}"),
            _ => assert!(said.contains(expected) && said.contains("isn't trusted"), "{name}: {said}"),
        }
    }
}

#[test]
fn nodes_that_speak_no_tls_or_an_old_one_are_refused() {
    let cluster = single();
    let ca = Ca::new(cluster.folder());
    ca.issue("good", "-days 30");
    let (_server, at) = impostor(&ca, "good", &["-tls1_2"]);
    let config = |more: &str| configuration(cluster.folder(), "far.toml", &at, &ca.path("ca.crt"), more);
    refused(&cluster, &config("call_timeout_ms = 500\n"), "TLS");
    // On request the client speaks 1.2; then it's only no node.
    let said = users(&cluster, &config("tls12 = true\ncall_timeout_ms = 500\n")).expect_failure().stdout();
    assert!(!said.contains("TLS"), "{said}");

    let talker = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = talker.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = talker.accept() {
            let _ = std::io::Write::write_all(&mut client, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let file = configuration(cluster.folder(), "far.toml", &at, &ca.path("ca.crt"), "");
    refused(&cluster, &file, "sent what isn't TLS");
}

#[test]
fn a_client_says_what_is_wrong_with_its_files() {
    let cluster = single();
    let ca = Ca::new(cluster.folder());
    ca.issue("one", "-days 30");
    ca.issue("two", "-days 30");
    ca.openssl("rsa -aes128 -passout pass:secret -in one.key -out locked.key");
    let at = address(&cluster, 0).to_string();
    let config = |more: String| configuration(cluster.folder(), "far.toml", &at, &cluster.ca(), &more);
    let pair = |certificate: &str, key: &str| {
        config(format!("client_cert = {:?}\nclient_key = {:?}\n", ca.path(certificate), ca.path(key)))
    };
    users(&cluster, &pair("one.crt", "one.key")).expect_success();
    refused(&cluster, &pair("one.crt", "two.key"), "the key isn't that of the certificate");
    refused(&cluster, &pair("one.crt", "locked.key"), "passphrase");
    refused(&cluster, &pair("none.crt", "one.key"), "none.crt can't be read");
    refused(&cluster, &pair("one.key", "one.key"), "no certificate in PEM");
    let file = configuration(cluster.folder(), "far.toml", &at, &ca.path("one.key"), "");
    refused(&cluster, &file, "no certificate in PEM");
}
