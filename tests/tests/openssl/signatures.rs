//! `dgst` and `pkeyutl` sign; plain OpenSSL verifies.

use std::path::Path;
use std::process::Command;

use strongroom_testkit::{Cluster, run, run_any};
use strongroom_tests::openssl::{OpenSsl, plain};

const DIGESTS: [(&str, usize); 5] =
    [("sha1", 20), ("sha224", 28), ("sha256", 32), ("sha384", 48), ("sha512", 64)];

#[test]
fn dgst_signs_with_rsa_pkcs1_and_pss_and_every_sha() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    let public = openssl.generate("rsa:2048", "rsa", "01");
    for (digest, _) in DIGESTS {
        dgst(&openssl, "rsa", &public, digest, &[]);
        dgst(&openssl, "rsa", &public, digest, &["rsa_padding_mode:pss", "rsa_pss_saltlen:digest"]);
    }
    for salt in ["0", "17", "max"] {
        dgst(
            &openssl,
            "rsa",
            &public,
            "sha256",
            &["rsa_padding_mode:pss", &format!("rsa_pss_saltlen:{salt}")],
        );
    }
    let other_mgf = ["rsa_padding_mode:pss", "rsa_pss_saltlen:32", "rsa_mgf1_md:sha512"];
    dgst(&openssl, "rsa", &public, "sha256", &other_mgf);
}

#[test]
fn dgst_signs_with_rsa_keys_of_other_sizes() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    for (bits, id) in [("1024", "01"), ("3072", "02"), ("4096", "03")] {
        let public = openssl.generate(&format!("rsa:{bits}"), bits, id);
        dgst(&openssl, bits, &public, "sha256", &[]);
        dgst(&openssl, bits, &public, "sha256", &["rsa_padding_mode:pss", "rsa_pss_saltlen:digest"]);
    }
}

#[test]
fn dgst_signs_with_every_curve() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    let curves = ["secp224r1", "prime256v1", "secp384r1", "secp521r1", "secp256k1"];
    for (curve, id) in curves.into_iter().zip(1..) {
        let public = openssl.generate(&format!("EC:{curve}"), curve, &format!("0{id}"));
        // A digest longer than the curve's order is cut, a shorter one is not.
        for digest in ["sha1", "sha256", "sha512"] {
            dgst(&openssl, curve, &public, digest, &[]);
        }
    }
}

#[test]
fn pkeyutl_signs_digests_with_rsa_pkcs1_pss_and_no_digest_info() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    let public = openssl.generate("rsa:2048", "rsa", "01");
    for (digest, length) in DIGESTS {
        let named = format!("digest:{digest}");
        pkeyutl(&openssl, "rsa", &public, length, &[&named]);
        let pss = [&named, "rsa_padding_mode:pss", "rsa_pss_saltlen:digest"];
        pkeyutl(&openssl, "rsa", &public, length, &pss);
    }
    // PKCS#1 padding around bytes as they are, as many as `pkeyutl` takes for a digest.
    for length in [1, 20, 36, 64] {
        pkeyutl(&openssl, "rsa", &public, length, &[]);
    }
}

#[test]
fn pkeyutl_signs_digests_with_ecdsa() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    let public = openssl.generate("EC:prime256v1", "ec", "01");
    for (_, length) in DIGESTS {
        pkeyutl(&openssl, "ec", &public, length, &[]);
    }
}

#[test]
fn a_signature_over_something_else_is_not_accepted() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    for (kind, label, id) in [("rsa:2048", "rsa", "01"), ("EC:prime256v1", "ec", "02")] {
        let public = openssl.generate(kind, label, id);
        let (message, other) = (openssl.file("message", "one"), openssl.file("other", "two"));
        let signature = sign(&openssl, label, "sha256", &[], &message);
        run(&mut verify(&public, "sha256", &[], &signature, &message));
        run_any(&mut verify(&public, "sha256", &[], &signature, &other)).expect_failure();
    }
}

fn dgst(openssl: &OpenSsl<'_>, label: &str, public: &Path, digest: &str, options: &[&str]) {
    let message = openssl.file("message", "What a key in the cluster signs".repeat(1000));
    let signature = sign(openssl, label, digest, options, &message);
    let verified = run(&mut verify(public, digest, options, &signature, &message));
    assert_eq!(verified.stdout(), "Verified OK\n");
}

fn sign(
    openssl: &OpenSsl<'_>,
    label: &str,
    digest: &str,
    options: &[&str],
    message: &Path,
) -> std::path::PathBuf {
    let signature = openssl.path("signature");
    let mut command = openssl.engine("dgst", &["-keyform", "engine", "-sign", &openssl.uri(label)]);
    command.arg(format!("-{digest}")).args(each("-sigopt", options)).arg("-out").arg(&signature).arg(message);
    run(&mut command);
    signature
}

fn verify(public: &Path, digest: &str, options: &[&str], signature: &Path, message: &Path) -> Command {
    let mut command = plain(&["dgst", &format!("-{digest}")]);
    command.args(each("-sigopt", options)).arg("-verify").arg(public);
    command.arg("-signature").arg(signature).arg(message);
    command
}

/// Signs `length` bytes as they are.
fn pkeyutl(openssl: &OpenSsl<'_>, label: &str, public: &Path, length: usize, options: &[&str]) {
    let input = openssl.file("input", vec![0xa5; length]);
    let signature = openssl.path("signature");
    let mut command =
        openssl.engine("pkeyutl", &["-sign", "-keyform", "engine", "-inkey", &openssl.uri(label)]);
    command.args(each("-pkeyopt", options)).arg("-in").arg(&input).arg("-out").arg(&signature);
    run(&mut command);
    let mut command = plain(&["pkeyutl", "-verify", "-pubin", "-inkey"]);
    command
        .arg(public)
        .args(each("-pkeyopt", options))
        .arg("-in")
        .arg(&input)
        .arg("-sigfile")
        .arg(&signature);
    let verified = run(&mut command);
    assert!(verified.stdout().contains("Signature Verified Successfully"), "{}", verified.report());
}

fn each<'a>(option: &'a str, values: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    values.iter().flat_map(move |value| [option, value])
}
