//! Java 17's SunPKCS11 with keys in a cluster.

#![allow(clippy::print_stdout, reason = "measured figures belong in the test's output")]

use std::fs;
use std::time::{Duration, Instant};

use strongroom_testkit::{Background, Cluster, run, run_any, wait_until};
use strongroom_tests::java::Java;
use strongroom_tests::openssl::plain;

/// Runs one of the programs in `tests/java`, which checks by itself and says so at its end.
#[track_caller]
fn program(java: &Java<'_>, class: &str, last_words: &str) {
    let begun = Instant::now();
    let finished = run(&mut java.program(class));
    assert!(finished.stdout().contains(last_words), "{}", finished.report());
    println!("{class}, {:.1} s: {}", begun.elapsed().as_secs_f64(), finished.stdout().trim());
}

/// Makes a key pair and its certificate.
#[track_caller]
fn make_key(java: &Java<'_>, alias: &str) {
    let kind: &[&str] = if alias.starts_with("ec") {
        &["EC", "-groupname", "secp256r1"]
    } else {
        &["RSA", "-keysize", "2048"]
    };
    let mut keytool = java.keytool(&["-genkeypair", "-alias", alias, "-dname"]);
    run(keytool.arg(format!("CN={alias}")).args(["-validity", "30", "-keyalg"]).args(kind));
}

#[test]
fn keytool_generates_lists_requests_imports_renames_and_deletes() {
    let cluster = Cluster::start();
    let java = Java::new(&cluster);
    for alias in ["rsa", "ec"] {
        make_key(&java, alias);
    }
    let listed = run(&mut java.keytool(&["-list"])).stdout();
    assert!(listed.contains("contains 2 entries"), "{listed}");
    assert!(listed.contains("rsa, PrivateKeyEntry") && listed.contains("ec, PrivateKeyEntry"), "{listed}");

    // A CA that keytool doesn't know answers the requests; keytool takes the answer's chain to the key.
    let path = |name: &str| cluster.folder().join(name);
    run(plain(&[
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-days", "30", "-keyout",
    ])
    .arg(path("ca.key"))
    .arg("-out")
    .arg(path("ca.crt")));
    for alias in ["rsa", "ec"] {
        let request = run(&mut java.keytool(&["-certreq", "-alias", alias])).stdout();
        fs::write(path("request"), request).expect("a file");
        let checked = run(plain(&["req", "-verify", "-noout", "-subject", "-in"]).arg(path("request")));
        assert!(checked.stdout().contains(&format!("CN = {alias}")), "{}", checked.report());
        run(plain(&["x509", "-req", "-days", "30", "-set_serial", "5", "-in"])
            .arg(path("request"))
            .arg("-CA")
            .arg(path("ca.crt"))
            .arg("-CAkey")
            .arg(path("ca.key"))
            .arg("-out")
            .arg(path("answer")));
        let chain =
            [path("answer"), path("ca.crt")].map(|file| fs::read_to_string(file).expect("PEM")).concat();
        fs::write(path("chain"), chain).expect("a file");
        run(java.keytool(&["-importcert", "-noprompt", "-alias", alias, "-file"]).arg(path("chain")));
        let shown = run(&mut java.keytool(&["-list", "-v", "-alias", alias])).stdout();
        assert!(shown.contains("Certificate chain length: 2"), "{shown}");
        assert!(shown.contains("Issuer: CN=ca"), "{shown}");
    }
    run(&mut java.keytool(&["-changealias", "-alias", "ec", "-destalias", "renamed"]));
    let listed = run(&mut java.keytool(&["-list"])).stdout();
    assert!(listed.contains("renamed, PrivateKeyEntry") && !listed.contains("ec, "), "{listed}");
    for alias in ["rsa", "renamed"] {
        run(&mut java.keytool(&["-delete", "-alias", alias]));
    }
    let listed = run(&mut java.keytool(&["-list"])).stdout();
    assert!(listed.contains("contains 0 entries"), "{listed}");
}

#[test]
fn keytool_brings_a_private_key_from_a_file_and_makes_a_secret_key() {
    let cluster = Cluster::start();
    let java = Java::new(&cluster);
    let file = cluster.folder().join("keys.p12");
    let file = file.to_str().expect("a path of text");
    let password = ["-storepass", "password"];
    for (alias, kind) in [("rsa", ["RSA", "-keysize", "2048"]), ("ec", ["EC", "-groupname", "secp256r1"])] {
        let mut keytool = java.tool("keytool");
        keytool.args(["-genkeypair", "-keystore", file, "-storetype", "PKCS12", "-dname", "CN=imported"]);
        run(keytool.args(password).args(["-alias", alias, "-keyalg"]).args(kind));
    }
    let mut import = java.tool("keytool");
    import
        .env("PIN", cluster.pin())
        .args(["-importkeystore", "-noprompt", "-srckeystore", file, "-srcstorepass", "password"])
        .args(["-destkeystore", "NONE", "-deststoretype", "PKCS11", "-deststorepass:env", "PIN"])
        .args(["-providerClass", "sun.security.pkcs11.SunPKCS11", "-providerArg"])
        .arg(cluster.folder().join("java.cfg"));
    run(&mut import);
    let secret = ["-genseckey", "-alias", "aes", "-keyalg", "AES", "-keysize", "256"];
    run(&mut java.keytool(&secret));
    let listed = run(&mut java.keytool(&["-list"])).stdout();
    assert!(listed.contains("aes, SecretKeyEntry"), "{listed}");
    run(&mut java.keytool(&["-delete", "-alias", "aes"]));
    program(&java, "Store", "the key store holds");
}

#[test]
fn a_wrong_pin_is_refused_and_the_right_one_works_after_it() {
    let cluster = Cluster::start();
    let java = Java::new(&cluster);
    let refused = run_any(java.keytool(&["-list"]).env("PIN", "app:wrong"));
    assert_eq!(refused.status().code(), Some(1), "{}", refused.report());
    assert!(refused.output().contains("load failed"), "{}", refused.report());
    run(&mut java.keytool(&["-list"]));
    let refused = run_any(&mut java.program_with_pin("Digests", "app:wrong"));
    assert_eq!(refused.status().code(), Some(1), "{}", refused.report());
    assert!(refused.stderr().contains("CKR_PIN_INCORRECT"), "{}", refused.report());
}

#[test]
fn a_program_uses_keys_and_certificates_of_the_key_store_and_adds_secret_keys() {
    let cluster = Cluster::start();
    let java = Java::new(&cluster);
    make_key(&java, "rsa");
    make_key(&java, "ec");
    program(&java, "Store", "the key store holds");
}

#[test]
fn a_program_signs_with_rsa_pkcs1_pss_and_ecdsa_as_java_itself_does() {
    let cluster = Cluster::start();
    program(&Java::new(&cluster), "Signatures", "signatures hold");
}

#[test]
fn a_program_encrypts_with_aes_and_rsa_and_wraps_as_java_itself_does() {
    let cluster = Cluster::start();
    // What is brought to the token may leave it again only if Java asks for that.
    let leaving = "attributes(import, CKO_SECRET_KEY, *) = { CKA_EXTRACTABLE = true }";
    program(&Java::with_attributes(&cluster, leaving), "Ciphers", "ciphers agree");
}

#[test]
fn a_program_digests_makes_macs_and_random_bytes() {
    let cluster = Cluster::start();
    program(&Java::new(&cluster), "Digests", "digests agree");
}

#[test]
fn a_program_agrees_on_secrets_by_ecdh() {
    let cluster = Cluster::start();
    // Java reads the secret it derives, so it has to ask for one that may be read.
    let readable =
        "attributes(generate, CKO_SECRET_KEY, *) = { CKA_SENSITIVE = false\nCKA_EXTRACTABLE = true }";
    program(&Java::with_attributes(&cluster, readable), "Agreement", "secrets agree");
}

#[test]
fn fifty_threads_sign_at_once() {
    let cluster = Cluster::start();
    let java = Java::new(&cluster);
    make_key(&java, "rsa");
    program(&java, "Threads", "signatures/s");
}

#[test]
fn a_tls_server_in_java_has_its_keys_on_the_token() {
    let cluster = Cluster::start();
    let java = Java::new(&cluster);
    make_key(&java, "rsa");
    make_key(&java, "ec");
    program(&java, "Tls", "hands shaken");
}

#[test]
fn jarsigner_signs_and_verifies() {
    let cluster = Cluster::start();
    let java = Java::new(&cluster);
    fs::write(cluster.folder().join("content"), "content\n".repeat(100)).expect("a file");
    for alias in ["rsa", "ec"] {
        make_key(&java, alias);
        let jar = format!("{alias}.jar");
        run(java.tool("jar").args(["cf", &jar, "content"]));
        let signed = run(&mut java.jarsigner(&[&jar, alias]));
        assert!(signed.stdout().contains("jar signed."), "{}", signed.report());
        // Without the token, as whoever gets the file does it.
        let verified = run(java.tool("jarsigner").args(["-verify", "-verbose", "-certs", &jar]));
        assert!(verified.stdout().contains("jar verified."), "{}", verified.report());
        assert!(verified.stdout().contains(&format!("CN={alias}")), "{}", verified.report());
    }
}

#[test]
fn a_program_goes_on_over_restarts_of_the_daemon() {
    let mut cluster = Cluster::start();
    let (folder, said) = (cluster.folder().to_path_buf(), cluster.folder().join("said"));
    let output = fs::File::create(&said).expect("a file");
    let mut program = {
        let java = Java::new(&cluster);
        make_key(&java, "rsa");
        let mut command = java.program("Restart");
        command.arg(&folder).stdout(output.try_clone().expect("a copy")).stderr(output);
        Background::start(&mut command)
    };
    let says = || fs::read_to_string(&said).unwrap_or_default();
    for round in 0..3 {
        wait_until("the program has used its keys", Duration::from_secs(60), || {
            assert!(program.is_running(), "it ended in round {round}: {}", says());
            folder.join(format!("worked-{round}")).exists()
        });
        // Ended as one should, killed, and ended again.
        if round == 1 {
            cluster.kill();
            cluster.start_again();
        } else {
            cluster.restart();
        }
        fs::write(folder.join(format!("restarted-{round}")), "").expect("a file");
    }
    assert!(program.wait(Duration::from_secs(60)).success(), "{}", says());
    assert!(says().contains("went on"), "{}", says());
    println!("Restart: {}", says().trim());
}
