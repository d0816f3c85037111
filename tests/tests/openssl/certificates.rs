//! Requests, certificates and signed mail.

use std::fs;

use strongroom_testkit::{Cluster, run};
use strongroom_tests::openssl::{OpenSsl, plain};

const KINDS: [(&str, &str, &str); 2] = [("rsa:2048", "rsa", "01"), ("EC:prime256v1", "ec", "02")];

#[test]
fn keys_sign_certificates_for_themselves() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    for (kind, label, id) in KINDS {
        let public = openssl.generate(kind, label, id);
        let certificate = openssl.self_sign(label);
        let name = certificate.to_str().expect("a path of text");
        let verified = run(&mut plain(&["verify", "-check_ss_sig", "-CAfile", name, name]));
        assert!(verified.stdout().contains(": OK"), "{}", verified.report());
        let inside = run(&mut plain(&["x509", "-in", name, "-noout", "-pubkey"])).stdout();
        assert_eq!(inside, fs::read_to_string(public).expect("a public key"), "{kind}: another key");
    }
}

#[test]
fn keys_sign_requests_and_a_key_of_a_ca_answers_them() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    for (kind, label, id) in KINDS {
        let authority = format!("ca-{label}");
        openssl.generate(kind, label, id);
        openssl.generate(kind, &authority, &id.replace('0', "1"));
        let root = openssl.self_sign(&authority);

        let request = openssl.path(&format!("{label}.csr"));
        run(openssl
            .engine("req", &["-new", "-keyform", "engine", "-key", &openssl.uri(label)])
            .args(["-subj", "/O=Strongroom/CN=leaf", "-out"])
            .arg(&request));
        let checked = run(plain(&["req", "-verify", "-noout", "-subject", "-in"]).arg(&request));
        assert!(checked.output().contains("verify OK"), "{}", checked.report());

        let leaf = openssl.path(&format!("{label}-leaf.crt"));
        run(openssl
            .engine("x509", &["-req", "-CAkeyform", "engine", "-CAkey", &openssl.uri(&authority), "-CA"])
            .arg(&root)
            .args(["-set_serial", "7", "-days", "30", "-in"])
            .arg(&request)
            .arg("-out")
            .arg(&leaf));
        let verified = run(plain(&["verify", "-CAfile"]).arg(&root).arg(&leaf));
        assert!(verified.stdout().contains(": OK"), "{}", verified.report());
    }
}

#[test]
fn mail_is_signed_and_decrypted() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    let mail = openssl.file("mail", "Meet me at the vault.\n");
    for (kind, label, id) in KINDS {
        openssl.generate(kind, label, id);
        let certificate = openssl.self_sign(label);
        let (signed, sealed) = (openssl.path("signed"), openssl.path("sealed"));

        run(openssl
            .engine("cms", &["-sign", "-binary", "-nodetach", "-keyform", "engine", "-inkey"])
            .arg(openssl.uri(label))
            .arg("-signer")
            .arg(&certificate)
            .arg("-in")
            .arg(&mail)
            .arg("-out")
            .arg(&signed));
        let verified =
            run(plain(&["cms", "-verify", "-binary", "-CAfile"]).arg(&certificate).arg("-in").arg(&signed));
        assert_eq!(verified.stdout(), "Meet me at the vault.\n", "{}", verified.report());

        // An EC recipient takes ECDH, where the engine hands out a key that OpenSSL can't use for CMS.
        if label == "rsa" {
            run(plain(&["cms", "-encrypt", "-binary", "-aes256", "-in"])
                .arg(&mail)
                .arg("-out")
                .arg(&sealed)
                .arg(&certificate));
            let opened = run(openssl
                .engine("cms", &["-decrypt", "-binary", "-keyform", "engine", "-inkey"])
                .arg(openssl.uri(label))
                .arg("-recip")
                .arg(&certificate)
                .arg("-in")
                .arg(&sealed));
            assert_eq!(opened.stdout(), "Meet me at the vault.\n", "{}", opened.report());
        }
    }
}
