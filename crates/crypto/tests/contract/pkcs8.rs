use strongroom_crypto::{Input, Key, from_pkcs8, sign, to_pkcs8, verify};
use strongroom_model::{KeyType, Mechanism, ObjectClass, ReturnCode};

use crate::common::{A, CURVES, Desk, M, RSA, code, ec_pair};

fn import(der: &[u8]) -> Key {
    let (key_type, attributes) = from_pkcs8(der).unwrap();
    Key::from_attributes(ObjectClass::PrivateKey, key_type, &attributes).unwrap()
}

#[test]
fn keys_that_openssl_made_come_in_and_go_out_unchanged() {
    let desk = Desk::new();
    for (name, ..) in CURVES {
        let option = format!("ec_paramgen_curve:{name}");
        let der = desk.openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &option, "-outform", "DER"]);
        let der = pkcs8(&desk, &der);
        assert_eq!(from_pkcs8(&der).unwrap().0, KeyType::Ec);
        assert_eq!(to_pkcs8(&import(&der)).unwrap()[..], der[..], "{name}");
    }
    for bits in ["1024", "2048", "3000"] {
        let option = format!("rsa_keygen_bits:{bits}");
        let der = desk.openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &option, "-outform", "DER"]);
        let der = pkcs8(&desk, &der);
        let (key_type, attributes) = from_pkcs8(&der).unwrap();
        assert_eq!((key_type, attributes.len()), (KeyType::Rsa, 8));
        let key = import(&der);
        assert_eq!(key.size().to_string(), bits);
        assert_eq!(to_pkcs8(&key).unwrap()[..], der[..]);
    }
}

/// OpenSSL's DER output of a private key depends on its version; this is PKCS#8 in all of them.
fn pkcs8(desk: &Desk, der: &[u8]) -> Vec<u8> {
    desk.put("made.der", der);
    desk.openssl(&["pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-in", "made.der", "-outform", "DER"])
}

#[test]
fn what_we_make_is_what_openssl_and_rustcrypto_read() {
    let desk = Desk::new();
    let check = |key: &Key| {
        desk.put("key.der", &to_pkcs8(key).unwrap());
        desk.openssl(&["pkey", "-in", "key.der", "-inform", "DER", "-check", "-noout"]);
    };
    check(&RSA.key);
    for (_, params, _) in CURVES {
        check(&ec_pair(params).key);
    }
    let pair = ec_pair(CURVES[1].1);
    let theirs: p256::SecretKey =
        p256::pkcs8::DecodePrivateKey::from_pkcs8_der(&to_pkcs8(&pair.key).unwrap()).unwrap();
    assert_eq!(theirs.to_bytes()[..], *pair.private.bytes(A::VALUE).unwrap());
    assert_eq!(code(to_pkcs8(&pair.public_key)), ReturnCode::KEY_NOT_WRAPPABLE);
    assert_eq!(code(to_pkcs8(&RSA.public_key)), ReturnCode::KEY_NOT_WRAPPABLE);
}

/// A P-256 key by hand: what OpenSSL and others leave out, put in twice, or get wrong.
fn ec_der(value: &[u8], inner_params: bool, public: Option<&[u8]>) -> Vec<u8> {
    let tlv = |tag: u8, value: &[u8]| {
        let head =
            if value.len() < 128 { vec![tag, value.len() as u8] } else { vec![tag, 0x81, value.len() as u8] };
        [&head[..], value].concat()
    };
    let mut key = [tlv(2, &[1]), tlv(4, value)].concat();
    if inner_params {
        key.extend(tlv(0xa0, CURVES[1].1));
    }
    if let Some(public) = public {
        key.extend(tlv(0xa1, &tlv(3, &[&[0], public].concat())));
    }
    let id_ec_public_key = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let algorithm = tlv(0x30, &[&id_ec_public_key, CURVES[1].1].concat());
    tlv(0x30, &[tlv(2, &[0]), algorithm, tlv(4, &tlv(0x30, &key))].concat())
}

#[test]
fn an_ec_key_may_come_without_public_point_and_with_inner_parameters() {
    let pair = ec_pair(CURVES[1].1);
    let value = pair.private.bytes(A::VALUE).unwrap();
    let point = &pair.public.bytes(A::EC_POINT).unwrap()[2..];
    let usual = to_pkcs8(&pair.key).unwrap();
    assert_eq!(ec_der(value, false, Some(point)), usual[..]);
    for der in [ec_der(value, false, None), ec_der(value, true, None), ec_der(value, true, Some(point))] {
        let key = import(&der);
        assert_eq!(to_pkcs8(&key).unwrap(), usual);
        let mechanism = Mechanism::plain(M::ECDSA_SHA256);
        let signature = sign(&key, &mechanism, Input::Message(b"m")).unwrap();
        verify(&pair.public_key, &mechanism, Input::Message(b"m"), &signature).unwrap();
    }
    // Some write the value as a number: with a zero in front, or without its leading zeros.
    let (_, attributes) = from_pkcs8(&ec_der(&[1], false, None)).unwrap();
    assert_eq!(attributes.bytes(A::VALUE), Some(&[vec![0; 31], vec![1]].concat()[..]));
    assert_eq!(to_pkcs8(&import(&ec_der(&[&[0], value].concat(), false, None))).unwrap(), usual);
}

#[test]
fn what_isnt_one_private_key_is_refused() {
    let refused =
        |der: &[u8], what: &str| assert_eq!(code(from_pkcs8(der)), ReturnCode::WRAPPED_KEY_INVALID, "{what}");
    let pair = ec_pair(CURVES[1].1);
    let value = pair.private.bytes(A::VALUE).unwrap();
    let another = ec_pair(CURVES[1].1);
    let point = &another.public.bytes(A::EC_POINT).unwrap()[2..];
    refused(&ec_der(value, false, Some(point)), "the point of another key");
    refused(&ec_der(value, false, Some(&[4; 65])), "a point off the curve");
    refused(&ec_der(value, false, Some(&[])), "no point");
    refused(&ec_der(&[], false, None), "no value");
    refused(&ec_der(&[0; 32], false, None), "value 0");
    refused(&ec_der(&[0xff; 32], false, None), "a value beyond the order");
    refused(&[], "nothing");
    refused(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], "a length beyond all bounds");

    for key in [&RSA.key, &pair.key] {
        let der = to_pkcs8(key).unwrap();
        refused(&[&der[..], &[0]].concat(), "something behind it");
        refused(&[&der[..], &der[..]].concat(), "two keys");
        for len in (0..der.len()).step_by(7) {
            refused(&der[..len], "a part");
        }
    }
    let desk = Desk::new();
    // The OID of Ed25519, and one that no algorithm has.
    let mut other = desk.openssl(&["genpkey", "-algorithm", "ED25519", "-outform", "DER"]);
    let oid = other.windows(3).position(|bytes| bytes == [0x2b, 0x65, 0x70]).unwrap();
    other[oid + 2] = 0x7f;
    refused(&other, "another algorithm");
    let curve =
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime192v2", "-outform", "DER"];
    refused(&pkcs8(&desk, &desk.openssl(&curve)), "another curve");
    let explicit = [
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-pkeyopt",
        "ec_param_enc:explicit",
        "-outform",
        "DER",
    ];
    refused(&pkcs8(&desk, &desk.openssl(&explicit)), "explicit parameters");
    let small = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:512", "-outform", "DER"];
    refused(&pkcs8(&desk, &desk.openssl(&small)), "an RSA key of 512 bits");
    let primes = [
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-pkeyopt",
        "rsa_keygen_primes:3",
        "-outform",
        "DER",
    ];
    refused(&pkcs8(&desk, &desk.openssl(&primes)), "an RSA key of three primes");
}

#[test]
fn a_changed_key_never_becomes_another() {
    for key in [&RSA.key, &ec_pair(CURVES[1].1).key] {
        let der = to_pkcs8(key).unwrap();
        let mut accepted = 0;
        for at in 0..der.len() {
            let mut changed = der.to_vec();
            changed[at] ^= 0x20;
            if let Ok((key_type, attributes)) = from_pkcs8(&changed) {
                let again = Key::from_attributes(ObjectClass::PrivateKey, key_type, &attributes).unwrap();
                // The encoding has public point or redundant numbers, so that a change shows.
                assert_eq!(to_pkcs8(&again).unwrap()[..], der[..], "byte {at}");
                accepted += 1;
            }
        }
        assert!(accepted <= 2, "{accepted} changes were overlooked");
    }
}
