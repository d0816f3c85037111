//! The conformance cases of PKCS #11 Profiles 3.2: what `tests/profiles` has of them, played through the 3.2 interface
//! of the module. Their section 5.1 says which values may differ.

mod case;
mod names;
mod player;

use cryptoki_sys::*;
use player::Player;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Template};
use strongroom_tests::workbench::{Workbench, unhex};

#[test]
fn baseline_provider() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        Player::new(&raw, []).play(&case::read("BL-M-1-32"));
    });
}

#[test]
fn extended_provider() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        Player::new(&raw, [("Pin", cluster.pin())]).play(&case::read("EXT-M-1-32"));
    });
}

#[test]
fn authentication_token() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let public = Template::new()
            .number(CKA_MODULUS_BITS, 2048)
            .bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1])
            .placed(true, "testrsa-pub");
        let private = Template::new().placed(true, "testrsa-pri").may(&[CKA_SIGN]);
        session.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private).expect("C_GenerateKeyPair");
        raw.finalize().expect("C_Finalize");

        // The case signs a certificate request; any 391 bytes do.
        let request = "3082018302".repeat(78);
        let mut player = Player::new(&raw, [("Pin", cluster.pin()), ("Request", &request)]);
        player.play(&case::read("AUTH-M-1-32"));

        let modulus = rsa::BoxedUint::from_be_slice_vartime(&unhex(player.value("Modulus")));
        let exponent = rsa::BoxedUint::from(65_537_u64);
        let key = rsa::RsaPublicKey::new(modulus, exponent).expect("a public key");
        let signature = Signature::try_from(unhex(player.value("Signature")).as_slice()).expect("256 bytes");
        let key = VerifyingKey::<sha2::Sha256>::new(key);
        key.verify(&unhex(&request), &signature).expect("the signature is right");
    });
}

#[test]
fn public_certificates_token() {
    alone(|| {
        let cluster = Cluster::start();
        let bench = Workbench::new(&cluster);
        bench.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout key -subj /CN=root -days 9 -outform DER -out root.der",
        );
        let value = bench.read("root.der");
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let list = Template::of(CKO_DATA).placed(true, "Mozilla Builtin Roots\0").flag(CKA_PRIVATE, false);
        session.create(&list).expect("C_CreateObject");
        for label in ["first", "second", "third", "fourth"] {
            let certificate = Template::of(CKO_CERTIFICATE)
                .number(CKA_CERTIFICATE_TYPE, CKC_X_509)
                .bytes(CKA_SUBJECT, b"0\x0f1\r0\x0b\x06\x03U\x04\x03\x0c\x04root")
                .bytes(CKA_VALUE, &value)
                .placed(true, label)
                .flag(CKA_PRIVATE, false);
            session.create(&certificate).expect("C_CreateObject");
        }
        raw.finalize().expect("C_Finalize");

        let mut player = Player::new(&raw, []);
        player.play(&case::read("CERT-M-1-32"));
        assert_eq!(unhex(player.value("Value")), value);
        assert_eq!(player.value("Len"), value.len().to_string());
    });
}
