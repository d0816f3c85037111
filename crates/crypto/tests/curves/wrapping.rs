//! Key wrap with public keys: by hand with the `openssl` command, and round trips.

use strongroom_crypto::{Key, KeyPair, derive, generate_pair, unwrap, wrap};
use strongroom_model::{
    AttributeType, Attributes, Blob, Hash, KeyType, Mechanism, MechanismType, ObjectClass, Params, ReturnCode,
};

use crate::common::{A, CURVES, Desk, M, RSA, code, ec_pair};

const X25519: &[u8] = &[6, 3, 0x2b, 101, 110];
const X448: &[u8] = &[6, 3, 0x2b, 101, 111];

fn rsa_aes(key_len: u8, label: &[u8]) -> Mechanism {
    let params = Params::RsaAesWrap { key_len, hash: Hash::Sha256, mgf: Hash::Sha1, label: label.into() };
    Mechanism { kind: M::RSA_AES_KEY_WRAP, params }
}

fn ecdh_aes(kind: MechanismType, key_len: u8, kdf: Option<Hash>, shared: &[u8]) -> Mechanism {
    let params = Params::EcdhAesWrap { key_len, kdf: kdf.map(Into::into), shared: shared.into() };
    Mechanism { kind, params }
}

fn montgomery_pair(params: &[u8]) -> KeyPair {
    let template = Attributes::new().with(AttributeType::EC_PARAMS, params);
    generate_pair(&Mechanism::plain(M::EC_MONTGOMERY_KEY_PAIR_GEN), &template).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// AES key wrap with padding by the second implementation.
fn kwp(desk: &Desk, direction: &str, key: &[u8], data: &[u8]) -> Vec<u8> {
    desk.put("data", data);
    let cipher = format!("-id-aes{}-wrap-pad", key.len() * 8);
    desk.openssl(&["enc", direction, &cipher, "-K", &hex(key), "-iv", "a65959a6", "-in", "data"])
}

#[test]
fn rsa_aes_key_wrap_is_oaep_and_kwp() {
    let desk = Desk::new();
    desk.put("private.der", &strongroom_crypto::to_pkcs8(&RSA.key).unwrap());
    let oaep = [
        "-pkeyopt",
        "rsa_padding_mode:oaep",
        "-pkeyopt",
        "rsa_oaep_md:sha256",
        "-pkeyopt",
        "rsa_mgf1_md:sha1",
        "-pkeyopt",
        "rsa_oaep_label:6c6162656c",
    ];
    let input = ["-inkey", "private.der", "-keyform", "DER", "-in", "data"];
    for (key_len, len) in [(16, 1), (24, 32), (32, 2000)] {
        let (mechanism, plain) = (rsa_aes(key_len, b"label"), vec![7; len]);
        let wrapped = wrap(&RSA.public_key, &mechanism, &plain).unwrap();
        assert_eq!(wrapped.len(), 256 + len.next_multiple_of(8) + 8);
        desk.put("data", &wrapped[..256]);
        let temporary = desk.openssl(&[&["pkeyutl", "-decrypt"][..], &input, &oaep].concat());
        assert_eq!(temporary.len(), usize::from(key_len));
        assert_eq!(kwp(&desk, "-d", &temporary, &wrapped[256..]), plain);
        assert_eq!(unwrap(&RSA.key, &mechanism, &wrapped).unwrap()[..], plain[..]);

        // And the other way round.
        desk.put("data", &temporary);
        let theirs = desk.openssl(&[&["pkeyutl", "-encrypt"][..], &input, &oaep].concat());
        let theirs = [theirs, kwp(&desk, "-e", &temporary, &plain)].concat();
        assert_eq!(unwrap(&RSA.key, &mechanism, &theirs).unwrap()[..], plain[..]);
    }
    let wrapped = wrap(&RSA.public_key, &rsa_aes(32, b"label"), b"secret").unwrap();
    for at in [0, 255, 256, 271] {
        let mut changed = wrapped.clone();
        changed[at] ^= 1;
        let refused = code(unwrap(&RSA.key, &rsa_aes(32, b"label"), &changed));
        assert_eq!(refused, ReturnCode::WRAPPED_KEY_INVALID, "byte {at}");
    }
    for other in [rsa_aes(16, b"label"), rsa_aes(32, b"other")] {
        assert_eq!(code(unwrap(&RSA.key, &other, &wrapped)), ReturnCode::WRAPPED_KEY_INVALID);
    }
    for short in [0, 255, 256, 264, 271] {
        let refused = code(unwrap(&RSA.key, &rsa_aes(32, b"label"), &wrapped[..short]));
        assert_eq!(refused, ReturnCode::WRAPPED_KEY_LEN_RANGE, "{short}");
    }
    assert_eq!(code(wrap(&RSA.public_key, &rsa_aes(17, b""), b"x")), ReturnCode::MECHANISM_PARAM_INVALID);
    let plain = Mechanism::plain(M::RSA_AES_KEY_WRAP);
    assert_eq!(code(wrap(&RSA.public_key, &plain, b"x")), ReturnCode::MECHANISM_PARAM_INVALID);
}

/// What is wrapped is unwrapped by hand: the secret by `CKM_ECDH1_DERIVE`, which other tests compare, then KWP by `openssl`.
#[test]
fn ecdh_aes_key_wrap_is_ecdh_and_kwp() {
    let desk = Desk::new();
    let weierstrass = CURVES.iter().map(|(_, params, len)| {
        let point = 1 + 2 * len;
        (ec_pair(params), point + if point < 128 { 2 } else { 3 }, *len)
    });
    let montgomery = [(X25519, 32), (X448, 56)].map(|(params, len)| (montgomery_pair(params), len, len));
    for (pair, point, secret) in weierstrass.chain(montgomery) {
        let kinds = match pair.key {
            Key::MontgomeryPrivate(_) => [M::ECDH_AES_KEY_WRAP, M::ECDH_X_AES_KEY_WRAP],
            _ => [M::ECDH_AES_KEY_WRAP, M::ECDH_COF_AES_KEY_WRAP],
        };
        for kind in kinds {
            for (key_len, kdf, shared) in
                [(16, None, &b""[..]), (24, Some(Hash::Sha1), b""), (32, Some(Hash::Sha512), b"shared data")]
            {
                let mechanism = ecdh_aes(kind, key_len, kdf, shared);
                let plain = vec![9; 100];
                let wrapped = wrap(&pair.public_key, &mechanism, &plain).unwrap();
                assert_eq!(wrapped.len(), point + 112);
                let params = Params::Ecdh {
                    kdf: kdf.map(Into::into),
                    shared: shared.into(),
                    public: wrapped[..point].into(),
                };
                let wanted = kdf.map(|_| usize::from(key_len));
                let derived =
                    derive(&pair.key, &Mechanism { kind: M::ECDH1_DERIVE, params }, wanted).unwrap();
                assert!(kdf.is_some() || derived.len() == secret);
                let key = &derived[..usize::from(key_len)];
                assert_eq!(kwp(&desk, "-d", key, &wrapped[point..]), plain);
                assert_eq!(unwrap(&pair.key, &mechanism, &wrapped).unwrap()[..], plain[..]);

                let mut other = vec![wrapped[..point].to_vec()];
                if !matches!(pair.key, Key::MontgomeryPrivate(_)) {
                    // Without the OCTET STRING, and compressed.
                    let raw = &wrapped[point - 1 - 2 * secret..point];
                    other.push(raw.to_vec());
                    other.push([&[2 + (raw[2 * secret] & 1)], &raw[1..=secret]].concat());
                }
                for form in other {
                    let theirs = [form, kwp(&desk, "-e", key, &plain)].concat();
                    assert_eq!(unwrap(&pair.key, &mechanism, &theirs).unwrap()[..], plain[..]);
                }
                for at in [point - 1, point, wrapped.len() - 1] {
                    let mut changed = wrapped.clone();
                    changed[at] ^= 1;
                    let refused = code(unwrap(&pair.key, &mechanism, &changed));
                    assert_eq!(refused, ReturnCode::WRAPPED_KEY_INVALID, "byte {at}");
                }
                for short in [0, 1, point, point + 8, wrapped.len() - 1] {
                    let refused = code(unwrap(&pair.key, &mechanism, &wrapped[..short]));
                    assert_eq!(refused, ReturnCode::WRAPPED_KEY_LEN_RANGE, "{short}");
                }
            }
        }
    }
}

#[test]
fn keys_and_parameters_must_fit() {
    let (p256, x25519) = (ec_pair(CURVES[1].1), montgomery_pair(X25519));
    let sha256 = Some(Hash::Sha256);
    let cofactor = ecdh_aes(M::ECDH_COF_AES_KEY_WRAP, 16, sha256, b"");
    let montgomery = ecdh_aes(M::ECDH_X_AES_KEY_WRAP, 16, sha256, b"");
    let wrong = ReturnCode::WRAPPING_KEY_TYPE_INCONSISTENT;
    assert_eq!(code(wrap(&x25519.public_key, &cofactor, b"x")), wrong);
    assert_eq!(code(wrap(&p256.public_key, &montgomery, b"x")), wrong);
    assert_eq!(code(wrap(&p256.key, &cofactor, b"x")), wrong);
    for bad in [
        ecdh_aes(M::ECDH_AES_KEY_WRAP, 0, sha256, b""),
        ecdh_aes(M::ECDH_AES_KEY_WRAP, 16, None, b"shared"),
        Mechanism::plain(M::ECDH_AES_KEY_WRAP),
    ] {
        assert_eq!(code(wrap(&p256.public_key, &bad, b"x")), ReturnCode::MECHANISM_PARAM_INVALID);
    }
    // Without KDF P-224 has no 256 bits.
    let p224 = ec_pair(CURVES[0].1);
    let bad = ecdh_aes(M::ECDH_AES_KEY_WRAP, 32, None, b"");
    assert_eq!(code(wrap(&p224.public_key, &bad, b"x")), ReturnCode::MECHANISM_PARAM_INVALID);
    let secret = Attributes::new().with(A::VALUE, Blob::from([1; 16]));
    let secret = Key::from_attributes(ObjectClass::SecretKey, KeyType::Aes, &secret).unwrap();
    assert_eq!(code(wrap(&secret, &bad, b"x")), wrong);
}
