//! What is made is read again, and what isn't a certificate never ends the program.

use proptest::prelude::*;
use strongroom_model::{AttributeType, Attributes, Mechanism, MechanismType, ReturnCode};

use super::*;
use crate::{Key, generate_pair};

const NOW: u64 = 1_800_000_000;

fn ec(curve: &[u8]) -> Key {
    let template = Attributes::new().with(AttributeType::EC_PARAMS, curve);
    generate_pair(&Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN), &template).unwrap().key
}

fn rsa() -> Key {
    let template = Attributes::new().with(AttributeType::MODULUS_BITS, 2048);
    generate_pair(&Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN), &template).unwrap().key
}

fn p256() -> Key {
    ec(&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07])
}

fn issue(issuer: Issuer<'_>, key: &Key, subject: &str, usage: Usage) -> Certificate {
    let public_key_info = key.public_key_info().unwrap();
    let order = CertificateOrder {
        subject,
        public_key_info: &public_key_info,
        usage,
        not_before: NOW,
        not_after: NOW + 10,
    };
    issuer.issue(&order).unwrap()
}

#[test]
fn what_is_made_says_what_was_ordered() {
    let p521 = ec(&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]);
    for authority in [rsa(), p256(), p521] {
        let root = issue(
            Issuer { key: &authority, certificate: None },
            &authority,
            "CN=root,O=the test",
            Usage::Authority(Some(1)),
        );
        assert_eq!((root.is_authority(), root.may_sign_certificates()), (Some(true), true));
        assert!(root.names_as_issuer(&root) && root.has_extensions());
        root.check_signature(&root).unwrap();
        assert_eq!((root.not_before(), root.not_after()), (NOW, NOW + 10));
        assert_eq!(root.subject(), "CN=root,O=the test");

        let key = p256();
        let issuer = Issuer { key: &authority, certificate: Some(&root) };
        let leaf = issue(issuer, &key, "CN=a\\, b", Usage::Server(vec!["node.example".to_owned()]));
        assert_eq!((leaf.is_authority(), leaf.may_sign_certificates()), (Some(false), false));
        assert!(leaf.names_as_issuer(&root) && !root.names_as_issuer(&leaf));
        leaf.check_signature(&root).unwrap();
        assert_eq!(leaf.check_signature(&leaf).unwrap_err().code, ReturnCode::SIGNATURE_INVALID);
        assert_eq!(leaf.public_key_info().unwrap(), key.public_key_info().unwrap());
        assert_eq!(Certificate::from_pem(&leaf.to_pem()).unwrap(), leaf);
        assert_ne!(leaf.fingerprint(), root.fingerprint());
    }
}

#[test]
fn a_name_that_is_none_and_a_key_that_signs_no_certificates_are_refused() {
    assert_eq!(request(&p256(), "no name").unwrap_err().code, ReturnCode::ARGUMENTS_BAD);
    let public = generate_pair(
        &Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN),
        &Attributes::new().with(AttributeType::MODULUS_BITS, 2048),
    );
    assert!(request(&public.unwrap().public_key, "CN=x").is_err());
}

/// A certificate by an EC authority, to be changed.
fn sample() -> &'static (Certificate, Certificate) {
    static SAMPLE: std::sync::OnceLock<(Certificate, Certificate)> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| {
        let (authority, key) = (p256(), p256());
        let usage = Usage::Authority(None);
        let root = issue(Issuer { key: &authority, certificate: None }, &authority, "CN=root", usage);
        let leaf =
            issue(Issuer { key: &authority, certificate: Some(&root) }, &key, "CN=leaf", Usage::Client);
        (root, leaf)
    })
}

proptest! {
    #[test]
    fn no_change_goes_unnoticed(at in any::<prop::sample::Index>(), with in 1u8..) {
        let (root, leaf) = sample();
        let mut changed = leaf.der().to_vec();
        let at = at.index(changed.len());
        changed[at] ^= with;
        if let Ok(changed) = Certificate::from_der(&changed) {
            prop_assert!(changed.check_signature(root).is_err());
        }
    }

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,200}") {
        prop_assert!(Certificate::from_der(&bytes).is_err());
        prop_assert!(Certificate::from_pem(&text).is_err());
        let pem = to_pem(PemKind::Certificate, &bytes);
        prop_assert_eq!(from_pem(PemKind::Certificate, &pem).unwrap(), bytes);
    }

    #[test]
    fn a_certificate_that_is_cut_or_goes_on_is_refused(at in any::<prop::sample::Index>(), more in 1usize..50) {
        let der = sample().1.der();
        prop_assert!(Certificate::from_der(&der[..at.index(der.len())]).is_err());
        prop_assert!(Certificate::from_der(&[der, &vec![0; more]].concat()).is_err());
    }
}
