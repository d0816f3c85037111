//! Which TLS a node speaks, as `openssl s_client` finds it.

use std::net::SocketAddr;

use strongroom_testkit::{Cluster, run_any};
use strongroom_tests::openssl::plain;

use crate::{address, single, users};

/// What `openssl s_client` says; whether it came to a connection.
fn connect(at: SocketAddr, more: &[&str]) -> (bool, String) {
    let at = at.to_string();
    let finished = run_any(plain(&["s_client", "-connect", &at]).args(more));
    let said = finished.output();
    (said.contains("Cipher is TLS_") || said.contains("Cipher    : ECDHE"), said)
}

#[test]
fn only_tls_1_3_is_spoken_with_its_ciphers_only() {
    let cluster = single();
    let at = address(&cluster, 0);
    let ca = cluster.ca();
    let ca = ca.to_str().expect("a path");
    let (connected, said) = connect(at, &["-CAfile", ca, "-verify_return_error"]);
    assert!(connected && said.contains("TLSv1.3") && said.contains("Verify return code: 0 (ok)"), "{said}");
    for good in [
        &["-tls1_3"][..],
        &["-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        &["-ciphersuites", "TLS_AES_256_GCM_SHA384"],
        &["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
        &["-groups", "X25519"],
        &["-groups", "P-256"],
        &["-groups", "P-384"],
        &["-alpn", "none"],
        &["-servername", "any.example"],
    ] {
        let (connected, said) = connect(at, good);
        assert!(connected && said.contains("TLSv1.3"), "{good:?}: {said}");
        assert!(!said.contains("ALPN protocol:"), "{said}");
    }
    for bad in [
        &["-tls1_2"][..],
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        &["-ciphersuites", "TLS_AES_128_CCM_SHA256"],
        &["-ciphersuites", "TLS_AES_128_CCM_8_SHA256"],
        &["-groups", "P-521"],
        &["-groups", "ffdhe2048"],
        &["-sigalgs", "RSA+SHA1"],
    ] {
        let (connected, said) = connect(at, bad);
        assert!(!connected, "{bad:?}: {said}");
    }
    users(&cluster, cluster.config()).expect_success();
}

#[test]
fn tls_1_2_is_spoken_on_request_without_old_ciphers() {
    let config = "[network]\nenabled = true\ntls12 = true\n";
    let cluster = Cluster::builder().nodes(1).daemon_config(config).by_tls().start();
    let at = address(&cluster, 0);
    for good in [&["-tls1_3"][..], &["-tls1_2"], &["-tls1_2", "-cipher", "ECDHE+AESGCM"]] {
        let (connected, said) = connect(at, good);
        assert!(connected, "{good:?}: {said}");
    }
    for bad in [
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
        &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "DHE"],
        &["-tls1_2", "-cipher", "ECDHE+SHA1:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"],
    ] {
        let (connected, said) = connect(at, bad);
        assert!(!connected, "{bad:?}: {said}");
    }
    let (connected, _) = connect(at, &["-tls1_2", "-legacy_renegotiation", "-no_ticket"]);
    assert!(connected);
}
