//! P-192 and Brainpool's curves (RFC 5639): their numbers, and what is done with them, are OpenSSL's.

use strongroom_crypto::{Input, derive, sign, to_pkcs8, verify};
use strongroom_model::{Hash, Mechanism, Params, ReturnCode};

use crate::common::{A, Desk, M, code, ec_pair};

/// OpenSSL's name, and the last bytes of the OID.
fn curves() -> Vec<(String, Vec<u8>, usize)> {
    let mut all = vec![("prime192v1".to_owned(), vec![6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1], 24)];
    for (at, bits) in [160, 192, 224, 256, 320, 384, 512].into_iter().enumerate() {
        for (form, kind) in ["r1", "t1"].into_iter().enumerate() {
            let arc = (2 * at + form + 1) as u8;
            let oid = vec![6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, arc];
            all.push((format!("brainpoolP{bits}{kind}"), oid, bits / 8));
        }
    }
    all
}

#[test]
fn openssl_verifies_and_agrees() {
    for (name, params, len) in curves() {
        let desk = Desk::new();
        assert_eq!(desk.openssl(&["ecparam", "-name", &name, "-outform", "DER"]), params, "{name}");
        let (ours, theirs) = (ec_pair(&params), ec_pair(&params));
        desk.put("ours.der", &to_pkcs8(&ours.key).unwrap());
        desk.put("ours-public.der", &ours.public_key.public_key_info().unwrap());
        desk.put("theirs.der", &theirs.public_key.public_key_info().unwrap());
        // It checks that the key is on the curve, and that its halves belong together.
        desk.openssl(&["pkey", "-inform", "DER", "-in", "ours.der", "-check", "-noout"]);

        let mechanism = Mechanism::plain(M::ECDSA_SHA256);
        let signature = sign(&ours.key, &mechanism, Input::Message(b"message")).unwrap();
        assert_eq!(signature.len(), 2 * len);
        desk.put("message", b"message");
        desk.put("signature", &in_der(&signature));
        let check =
            ["dgst", "-sha256", "-verify", "ours-public.der", "-keyform", "DER", "-signature", "signature"];
        desk.openssl(&[&check[..], &["message"]].concat());
        let signing = ["dgst", "-sha256", "-sign", "ours.der", "-keyform", "DER", "message"];
        let made = desk.openssl(&signing);
        let made = out_of_der(&made, len);
        verify(&ours.public_key, &mechanism, Input::Message(b"message"), &made).unwrap();
        let other = code(verify(&ours.public_key, &mechanism, Input::Message(b"other"), &made));
        assert_eq!(other, ReturnCode::SIGNATURE_INVALID, "{name}");

        let deriving = ["pkeyutl", "-derive", "-inkey", "ours.der", "-keyform", "DER"];
        let wanted = desk.openssl(&[&deriving[..], &["-peerkey", "theirs.der", "-peerform", "DER"]].concat());
        let public = theirs.public.bytes(A::EC_POINT).unwrap();
        let agreed = |kdf: Option<Hash>, public: &[u8]| {
            let params = Params::Ecdh { kdf: kdf.map(Into::into), shared: [].into(), public: public.into() };
            derive(&ours.key, &Mechanism { kind: M::ECDH1_DERIVE, params }, None)
        };
        assert_eq!(agreed(None, public).unwrap()[..], wanted[..], "{name}");
        let mut off = public.to_vec();
        off[public.len() - 1] ^= 1;
        assert_eq!(code(agreed(None, &off)), ReturnCode::MECHANISM_PARAM_INVALID);
    }
}

fn in_der(signature: &[u8]) -> Vec<u8> {
    let number = |half: &[u8]| {
        let zeros = half.iter().take_while(|byte| **byte == 0).count().min(half.len() - 1);
        let sign = if half[zeros] >= 0x80 { &[0][..] } else { &[] };
        let content = [sign, &half[zeros..]].concat();
        [&[2, content.len() as u8][..], &content].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let content = [number(r), number(s)].concat();
    let header = if content.len() < 128 {
        vec![0x30, content.len() as u8]
    } else {
        vec![0x30, 0x81, content.len() as u8]
    };
    [header, content].concat()
}

fn out_of_der(der: &[u8], len: usize) -> Vec<u8> {
    let mut rest = if der[1] < 0x80 { &der[2..] } else { &der[3..] };
    let mut signature = Vec::new();
    for _ in 0..2 {
        let (number, after) = rest[2..].split_at(usize::from(rest[1]));
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        signature.extend(vec![0; len - number.len()]);
        signature.extend(number);
        rest = after;
    }
    signature
}
