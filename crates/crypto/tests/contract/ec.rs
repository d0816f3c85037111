use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use p256::pkcs8::DecodePrivateKey;
use strongroom_crypto::{Input, digest::digest, sign, to_pkcs8, verify};
use strongroom_model::{Hash, Mechanism, MechanismType, Params, ReturnCode};

use crate::common::{CURVES, Desk, M, code, ec_pair, hash_name};

const MESSAGE: &[u8] = b"A curve for every taste";
const ECDSA: [(MechanismType, Hash); 5] = [
    (M::ECDSA_SHA1, Hash::Sha1),
    (M::ECDSA_SHA224, Hash::Sha224),
    (M::ECDSA_SHA256, Hash::Sha256),
    (M::ECDSA_SHA384, Hash::Sha384),
    (M::ECDSA_SHA512, Hash::Sha512),
];

#[test]
fn ecdsa_agrees_with_openssl_on_every_curve_with_every_hash() {
    for (name, params, len) in CURVES {
        let pair = ec_pair(params);
        let desk = Desk::new();
        desk.put("key.der", &to_pkcs8(&pair.key).unwrap());
        desk.put("message", MESSAGE);
        for (kind, hash) in ECDSA {
            let mechanism = Mechanism::plain(kind);
            let option = format!("-{}", hash_name(hash));
            let ours = sign(&pair.key, &mechanism, Input::Message(MESSAGE)).unwrap();
            assert_eq!(ours.len(), 2 * len);
            let theirs = desk.openssl(&["dgst", &option, "-sign", "key.der", "-keyform", "DER", "message"]);
            verify(&pair.public_key, &mechanism, Input::Message(MESSAGE), &from_der(&theirs, len)).unwrap();
            let hashed = digest(hash, &[MESSAGE]);
            verify(&pair.public_key, &mechanism, Input::Digest(&hashed), &from_der(&theirs, len)).unwrap();
            // The digest may be longer than the order: it's cut.
            let bare = Mechanism::plain(M::ECDSA);
            verify(&pair.public_key, &bare, Input::Message(&hashed), &from_der(&theirs, len)).unwrap();

            desk.put("signature", &to_der(&ours));
            let check =
                ["dgst", &option, "-prverify", "key.der", "-keyform", "DER", "-signature", "signature"];
            assert!(desk.try_openssl(&[&check[..], &["message"]].concat()).is_some(), "{name} {kind}");
        }
    }
}

#[test]
fn ecdsa_agrees_with_the_p256_crate() {
    let pair = ec_pair(CURVES[1].1);
    let theirs = p256::ecdsa::SigningKey::from_pkcs8_der(&to_pkcs8(&pair.key).unwrap()).unwrap();
    let mechanism = Mechanism::plain(M::ECDSA);
    for len in [16, 20, 32, 48, 64, 200] {
        let hashed: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let ours = sign(&pair.key, &mechanism, Input::Message(&hashed)).unwrap();
        let parsed = p256::ecdsa::Signature::from_slice(&ours).unwrap();
        theirs.verifying_key().verify_prehash(&hashed, &parsed).unwrap();
        let signature: p256::ecdsa::Signature = theirs.sign_prehash(&hashed).unwrap();
        verify(&pair.public_key, &mechanism, Input::Message(&hashed), &signature.to_bytes()).unwrap();
    }
}

#[test]
fn what_isnt_a_signature_is_refused() {
    for (_, params, len) in CURVES {
        let pair = ec_pair(params);
        let mechanism = Mechanism::plain(M::ECDSA_SHA256);
        let good = sign(&pair.key, &mechanism, Input::Message(MESSAGE)).unwrap();
        let check =
            |signature: &[u8]| code(verify(&pair.public_key, &mechanism, Input::Message(MESSAGE), signature));
        assert_eq!(check(&good), ReturnCode::OK);
        // Halves may be shorter than the order; so this is r and s of other lengths, and wrong.
        assert_eq!(check(&good[..2 * len - 2]), ReturnCode::SIGNATURE_INVALID);
        for wrong in [vec![], good[..2 * len - 1].to_vec(), vec![1; 2 * len + 2], vec![1; 4096]] {
            assert_eq!(check(&wrong), ReturnCode::SIGNATURE_LEN_RANGE);
        }
        let zero_r = [vec![0; len], good[len..].to_vec()].concat();
        let zero_s = [good[..len].to_vec(), vec![0; len]].concat();
        for wrong in [vec![0; 2 * len], vec![0xff; 2 * len], zero_r, zero_s] {
            assert_eq!(check(&wrong), ReturnCode::SIGNATURE_INVALID);
        }
        let another = ec_pair(params);
        assert_eq!(
            code(verify(&another.public_key, &mechanism, Input::Message(MESSAGE), &good)),
            ReturnCode::SIGNATURE_INVALID
        );
        assert_eq!(
            code(verify(&pair.public_key, &mechanism, Input::Message(b"other"), &good)),
            ReturnCode::SIGNATURE_INVALID
        );
    }
}

#[test]
fn short_halves_are_a_signature_too() {
    let pair = ec_pair(CURVES[1].1);
    let mechanism = Mechanism::plain(M::ECDSA_SHA256);
    // One signature in 65,536 has zeros at the head of both halves.
    let mut found = false;
    for salt in 0..2_000_000u32 {
        let message = salt.to_be_bytes();
        let signature = sign(&pair.key, &mechanism, Input::Message(&message)).unwrap();
        if signature[0] == 0 && signature[32] == 0 {
            let short = [&signature[1..32], &signature[33..]].concat();
            verify(&pair.public_key, &mechanism, Input::Message(&message), &short).unwrap();
            found = true;
            break;
        }
    }
    assert!(found, "2,000,000 signatures and none with two short halves");
}

#[test]
fn ecdsa_refuses_bad_input() {
    let pair = ec_pair(CURVES[1].1);
    let with_params = Mechanism { kind: M::ECDSA, params: Params::Iv(vec![0; 16].into()) };
    assert_eq!(
        code(sign(&pair.key, &with_params, Input::Message(&[1]))),
        ReturnCode::MECHANISM_PARAM_INVALID
    );
    let bare = Mechanism::plain(M::ECDSA);
    assert_eq!(code(sign(&pair.key, &bare, Input::Message(&[]))), ReturnCode::DATA_LEN_RANGE);
    let hashing = Mechanism::plain(M::ECDSA_SHA256);
    assert_eq!(code(sign(&pair.key, &hashing, Input::Digest(&[1; 31]))), ReturnCode::DATA_LEN_RANGE);
    assert_eq!(code(sign(&pair.key, &hashing, Input::Message(&[]))), ReturnCode::OK);
}

/// A DER signature as r and s in halves of `len` bytes.
fn from_der(der: &[u8], len: usize) -> Vec<u8> {
    let body = if der[1] == 0x81 { &der[3..] } else { &der[2..] };
    let (r_len, mut halves) = (body[1] as usize, Vec::new());
    for number in [&body[2..2 + r_len], &body[4 + r_len..]] {
        let number = if number[0] == 0 { &number[1..] } else { number };
        halves.extend(vec![0; len - number.len()]);
        halves.extend_from_slice(number);
    }
    halves
}

fn to_der(signature: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for half in signature.chunks(signature.len() / 2) {
        let mut number: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        if number[0] & 0x80 != 0 {
            number.insert(0, 0);
        }
        body.extend([0x02, number.len() as u8]);
        body.extend(number);
    }
    let head =
        if body.len() < 128 { vec![0x30, body.len() as u8] } else { vec![0x30, 0x81, body.len() as u8] };
    [head, body].concat()
}
