//! Signatures and MACs of the cluster's keys hold elsewhere, and the cluster's own verification agrees.

use strongroom_testkit::Cluster;
use strongroom_tests::workbench::{Workbench, hex};

use crate::{CURVES, DIGESTS};

/// Signs `data`, or the digest of it if the mechanism hashes nothing, and verifies, also what's been changed.
#[track_caller]
fn sign_and_verify(bench: &Workbench<'_>, what: &str, input: &str) {
    bench.tool(&format!("--sign {what} -i {input} -o signature"));
    let verified = bench.tool(&format!("--verify {what} -i {input} --signature-file signature"));
    assert!(verified.contains("Signature is valid"), "{what}: {verified}");
    let mut changed = bench.read("signature");
    let last = changed.last_mut().expect("a signature");
    *last ^= 1;
    bench.write("changed", changed);
    let refused = bench.tool(&format!("--verify {what} -i {input} --signature-file changed"));
    assert!(refused.contains("Invalid signature"), "{what}: {refused}");
}

#[test]
fn rsa_signatures_hold_elsewhere() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.tool("--keypairgen --key-type rsa:2048 --id 01 --label rsa --usage-sign");
    let public = bench.public_key("01");
    bench.write("data", "What is signed here, openssl checks there.");
    const PSS: &str = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:";
    for (openssl, pkcs11) in DIGESTS {
        let check = |options: &str| {
            bench.openssl(&format!("dgst -{openssl} -verify {public} {options} -signature signature data"));
        };
        bench.openssl(&format!("dgst -{openssl} -binary -out digest data"));
        sign_and_verify(&bench, &format!("-m {openssl}-RSA-PKCS --id 01"), "data");
        check("");
        sign_and_verify(&bench, &format!("-m {openssl}-RSA-PKCS-PSS --id 01"), "data");
        check(&format!("{PSS}digest"));
        sign_and_verify(&bench, &format!("-m RSA-PKCS-PSS --hash-algorithm {pkcs11} --id 01"), "digest");
        check(&format!("{PSS}digest"));
        // As long as the digest is, but the padding is the caller's business.
        sign_and_verify(&bench, "-m RSA-PKCS --id 01", "digest");
        bench.openssl(&format!("pkeyutl -verify -pubin -inkey {public} -in digest -sigfile signature"));
    }
    sign_and_verify(&bench, "-m SHA256-RSA-PKCS-PSS --salt-len 7 --id 01", "data");
    bench.openssl(&format!("dgst -sha256 -verify {public} {PSS}7 -signature signature data"));
    // Other parameters than the signature was made with.
    let other =
        bench.tool("--verify -m SHA256-RSA-PKCS-PSS --salt-len 8 --id 01 -i data --signature-file signature");
    assert!(other.contains("Invalid signature"), "{other}");

    let mut raw = vec![0; 256];
    raw[1..].fill(0x42);
    bench.write("raw", raw);
    sign_and_verify(&bench, "-m RSA-X-509 --id 01", "raw");
    bench.openssl(&format!(
        "pkeyutl -verifyrecover -pkeyopt rsa_padding_mode:none -pubin -inkey {public} -in signature -out recovered"
    ));
    bench.same("recovered", "raw");
}

#[test]
fn ecdsa_signatures_on_every_curve_hold_elsewhere() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.write("data", "What is signed here, openssl checks there.");
    for (number, curve) in CURVES.iter().enumerate() {
        let id = format!("0{number}");
        bench.tool(&format!("--keypairgen --key-type EC:{curve} --id {id} --label {curve} --usage-sign"));
        let public = bench.public_key(&id);
        for (openssl, _) in DIGESTS {
            let check = || {
                bench.openssl(&format!("dgst -{openssl} -verify {public} -signature signature data"));
            };
            bench.openssl(&format!("dgst -{openssl} -binary -out digest data"));
            let as_openssl = format!("--signature-format openssl --id {id}");
            sign_and_verify(&bench, &format!("-m ECDSA-{openssl} {as_openssl}"), "data");
            check();
            sign_and_verify(&bench, &format!("-m ECDSA {as_openssl}"), "digest");
            check();
        }
        // As PKCS#11 has it: two numbers, side by side.
        sign_and_verify(&bench, &format!("-m ECDSA-SHA256 --id {id}"), "data");
    }
}

#[test]
fn macs_are_what_openssl_computes() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.write("data", vec![7; 5000]);
    for length in [20, 32, 150] {
        let id = format!("{length:04}");
        let make =
            format!("--keygen --key-type GENERIC:{length} --id {id} --label mac --usage-sign --extractable");
        bench.tool(&make);
        bench.tool(&format!("--read-object --type secrkey --id {id} -o key"));
        let key = hex(&bench.read("key"));
        for (openssl, pkcs11) in DIGESTS {
            sign_and_verify(&bench, &format!("-m {pkcs11}-HMAC --id {id}"), "data");
            bench.openssl(&format!("dgst -{openssl} -mac HMAC -macopt hexkey:{key} -binary -out mac data"));
            bench.same("signature", "mac");
        }
    }
}

#[test]
fn keys_do_only_what_their_kind_and_use_allow() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.write("data", "data");
    bench.tool("--keypairgen --key-type EC:prime256v1 --id 01 --label ec --usage-derive");
    bench.tool("--keypairgen --key-type rsa:2048 --id 02 --label rsa --usage-decrypt");
    for (mechanism, id, code) in [
        ("SHA256-RSA-PKCS", "01", "CKR_KEY_TYPE_INCONSISTENT"),
        ("RSA-PKCS", "01", "CKR_KEY_TYPE_INCONSISTENT"),
        ("ECDSA-SHA256", "02", "CKR_KEY_TYPE_INCONSISTENT"),
    ] {
        let said = bench.tool_fails(&format!("--sign -m {mechanism} --id {id} -i data -o signature"));
        assert!(said.contains("C_SignInit") && said.contains(code), "{said}");
    }
}
