//! TLS servers and clients whose private key is in the cluster.

use std::path::Path;
use std::process::Command;

use strongroom_testkit::{Cluster, run};
use strongroom_tests::openssl::{OpenSsl, plain};

#[test]
fn s_server_with_an_rsa_key_speaks_tls_1_2_and_1_3() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("rsa:2048", "rsa", "01");
    let certificate = openssl.self_sign("rsa");
    let server = openssl.serve("rsa", &certificate, &["-www"]);
    let cases: [(&[&str], &[&str]); 3] = [
        (&["-tls1_3"], &["New, TLSv1.3,", "Peer signature type: RSA-PSS"]),
        (&["-tls1_2", "-sigalgs", "rsa_pss_rsae_sha256"], &["New, TLSv1.2,", "Peer signature type: RSA-PSS"]),
        (&["-tls1_2", "-sigalgs", "RSA+SHA256"], &["New, TLSv1.2,", "Peer signature type: RSA\n"]),
    ];
    for (arguments, expected) in cases {
        shake_hands(&mut connect(server.port, &certificate, arguments), expected);
    }
}

#[test]
fn s_server_with_ec_keys_speaks_tls_1_2_and_1_3() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    for (curve, digest, id) in [("prime256v1", "SHA256", "01"), ("secp384r1", "SHA384", "02")] {
        openssl.generate(&format!("EC:{curve}"), curve, id);
        let certificate = openssl.self_sign(curve);
        let server = openssl.serve(curve, &certificate, &["-www"]);
        let signature = format!("ECDSA+{digest}");
        for (version, name) in [("-tls1_2", "New, TLSv1.2,"), ("-tls1_3", "New, TLSv1.3,")] {
            let mut client = connect(server.port, &certificate, &[version, "-sigalgs", &signature]);
            shake_hands(&mut client, &[name, "Peer signature type: ECDSA"]);
        }
    }
}

#[test]
fn s_client_authenticates_itself_with_a_key_in_the_cluster() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("EC:prime256v1", "server", "01");
    let server_certificate = openssl.self_sign("server");
    for (kind, label, id) in [("rsa:2048", "rsa", "02"), ("EC:prime256v1", "ec", "03")] {
        openssl.generate(kind, label, id);
        let certificate = openssl.self_sign(label);
        let trusted = certificate.to_str().expect("a path of text");
        let demands = ["-www", "-Verify", "1", "-verify_return_error", "-CAfile", trusted];
        let server = openssl.serve("server", &server_certificate, &demands);
        for (version, name) in [("-tls1_2", "New, TLSv1.2,"), ("-tls1_3", "New, TLSv1.3,")] {
            let mut client = openssl.engine("s_client", &["-keyform", "engine", "-key", &openssl.uri(label)]);
            client.arg("-cert").arg(&certificate);
            ask(&mut client, server.port, &server_certificate, &[version]);
            // The page comes only after the server has accepted the client's certificate.
            shake_hands(&mut client, &[name, "HTTP/1.0 200"]);
        }
    }
}

#[test]
fn s_server_makes_full_handshakes_one_after_another() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    for (kind, label, id) in [("rsa:2048", "rsa", "01"), ("EC:prime256v1", "ec", "02")] {
        openssl.generate(kind, label, id);
        let certificate = openssl.self_sign(label);
        let server = openssl.serve(label, &certificate, &["-www"]);
        for version in ["-tls1_2", "-tls1_3"] {
            let address = format!("127.0.0.1:{}", server.port);
            let timed =
                run(plain(&["s_time", "-new", "-time", "1", version, "-www", "/", "-connect", &address])
                    .arg("-CAfile")
                    .arg(&certificate));
            let (made, _) = timed
                .stdout()
                .lines()
                .find_map(|line| {
                    line.split_once(" connections in 1 real seconds")
                        .or(line.split_once(" connections in 2 real seconds"))
                        .map(|(made, rest)| (made.to_string(), rest.to_string()))
                })
                .unwrap_or_else(|| panic!("{}", timed.report()));
            let made: u32 = made.trim().parse().expect("a count");
            assert!(made > 20, "{}", timed.report());
            println!("s_server, {label}, {version}: {made} full handshakes in about 1 s");
        }
    }
}

/// `s_client` that trusts only `certificate`, and ends after one page.
fn connect(port: u16, certificate: &Path, arguments: &[&str]) -> Command {
    let mut client = plain(&["s_client"]);
    ask(&mut client, port, certificate, arguments);
    client
}

fn ask(client: &mut Command, port: u16, certificate: &Path, arguments: &[&str]) {
    client
        .args(["-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost", "-ign_eof"])
        .args(["-verify_return_error", "-verify_hostname", "localhost", "-CAfile"])
        .arg(certificate)
        .args(arguments);
}

#[track_caller]
fn shake_hands(client: &mut Command, expected: &[&str]) {
    let limit = std::time::Duration::from_secs(20);
    let finished = strongroom_testkit::run_with(client, b"GET / HTTP/1.0\r\n\r\n", limit).expect_success();
    let said = finished.output();
    for expected in expected.iter().chain(&["Verify return code: 0 (ok)"]) {
        assert!(said.contains(expected), "{expected:?} is missing: {}", finished.report());
    }
}
