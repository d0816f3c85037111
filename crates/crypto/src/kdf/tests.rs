//! Published answers. How mechanisms behave on random inputs is compared with a second implementation through the module.

use std::sync::Arc;

use strongroom_model::{
    AgreementKdf, ConnectionSizes, Hash, Hkdf, Ike, Kbkdf, KbkdfField, KeyType, Mechanism, MechanismType,
    NumberFormat, PasswordBased, Prf, Randoms, Result, Salt, Tls,
};

use super::*;
use crate::digest::hex::{hex, unhex};
use crate::{derive_all, generate_key, sign};

fn secret(value: &[u8]) -> Key {
    Key::Secret(SecretKey { key_type: KeyType::GenericSecret, value: Blob::from(value) })
}

fn derived(kind: MechanismType, params: Params, base: &[u8], len: Option<usize>) -> Result<Derived> {
    derive_all(&secret(base), &Mechanism { kind, params }, &Wanted { len, ..Wanted::default() })
}

fn key(kind: MechanismType, params: Params, base: &[u8], len: usize) -> String {
    hex(&derived(kind, params, base, Some(len)).unwrap().keys[0])
}

fn code(result: Result<Derived>) -> ReturnCode {
    result.unwrap_err().code
}

/// RFC 5869 appendix A: test cases 1, 3 and 4.
#[test]
fn hkdf_answers_as_its_rfc() {
    let hkdf = |hash, salt: &str, info: &str| {
        let salt = if salt.is_empty() { Salt::None } else { Salt::Data(unhex(salt).into()) };
        Params::Hkdf(Hkdf { extract: true, expand: true, hash, salt, info: unhex(info).into() })
    };
    let cases = [
        (
            Hash::Sha256,
            vec![0x0b; 22],
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            Hash::Sha256,
            vec![0x0b; 22],
            "",
            "",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
        (
            Hash::Sha1,
            vec![0x0b; 11],
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896",
        ),
    ];
    for (hash, base, salt, info, expected) in cases {
        assert_eq!(key(MechanismType::HKDF_DERIVE, hkdf(hash, salt, info), &base, 42), expected);
    }
    let most = 255 * Hash::Sha1.len();
    let params = || hkdf(Hash::Sha1, "", "");
    assert_eq!(
        code(derived(MechanismType::HKDF_DERIVE, params(), b"key", Some(most + 1))),
        ReturnCode::KEY_SIZE_RANGE
    );
    assert_eq!(
        code(derived(MechanismType::HKDF_DERIVE, params(), b"key", None)),
        ReturnCode::TEMPLATE_INCOMPLETE
    );
    assert_eq!(derived(MechanismType::HKDF_DATA, params(), b"key", Some(most)).unwrap().keys[0].len(), most);
}

/// RFC 6070 and RFC 7914 section 11.
#[test]
fn pbkdf2_answers_as_its_rfcs() {
    let cases = [
        (Hash::Sha1, "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        (Hash::Sha1, "password", "salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
        (Hash::Sha1, "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (
            Hash::Sha256,
            "passwd",
            "salt",
            1,
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
             49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
        ),
    ];
    let made = |hash, password: &str, salt: &str, iterations, len| {
        let (password, salt) = (password.as_bytes().into(), salt.as_bytes().into());
        let params = Params::PasswordBased(PasswordBased { hash, password, salt, iterations });
        generate_key(&Mechanism { kind: MechanismType::PKCS5_PBKD2, params }, Some(len))
    };
    for (hash, password, salt, iterations, expected) in cases {
        let made = made(hash, password, salt, iterations, expected.len() / 2).unwrap();
        assert_eq!(hex(&made.keys[0]), expected);
    }
    // Each block costs as many iterations.
    let most = limits::MAX_PBE_ITERATIONS;
    for (iterations, len) in [(0, 20), (most + 1, 20), (most / 2 + 1, 40), (u32::MAX, 4096)] {
        assert_eq!(code(made(Hash::Sha1, "", "", iterations, len)), ReturnCode::MECHANISM_PARAM_INVALID);
    }
}

/// The example of OpenSSL's and Bouncy Castle's tests: password "smeg" as a BMPString.
#[test]
fn pkcs12_answers_as_others_do() {
    let params = PasswordBased {
        hash: Hash::Sha1,
        password: unhex("0073006d006500670000").into(),
        salt: unhex("0a58cf64530d823f").into(),
        iterations: 1,
    };
    for (name, expected) in [
        (cryptoki_sys::CKM_PBE_SHA1_DES3_EDE_CBC, "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"),
        (cryptoki_sys::CKM_PBE_SHA1_DES2_EDE_CBC, "8aaae6297b6cb04642ab5b077851284e"),
    ] {
        let params = Params::PasswordBased(params.clone());
        let made = generate_key(&Mechanism { kind: MechanismType(name), params }, None).unwrap();
        assert_eq!((hex(&made.keys[0]), hex(&made.written)), (expected.into(), "79993dfe048d3b76".into()));
    }
    let params = PasswordBased {
        password: unhex("0071007500650065").into(),
        salt: unhex("05dec959acff72f7").into(),
        iterations: 1000,
        ..params
    };
    let mechanism =
        Mechanism { kind: MechanismType::PBA_SHA1_WITH_SHA1_HMAC, params: Params::PasswordBased(params) };
    let made = generate_key(&mechanism, Some(20)).unwrap();
    assert_eq!(hex(&made.keys[0]), "08c5f6177d595530e29ea85cf0eafaa62bbea609");
    assert!(made.written.is_empty());
    assert_eq!(code(generate_key(&mechanism, Some(16))), ReturnCode::KEY_SIZE_RANGE);
}

fn big(bits: u8) -> NumberFormat {
    NumberFormat { little_endian: false, bits }
}

fn kbkdf(prf: Prf, fields: Vec<KbkdfField>) -> Params {
    Params::Kbkdf(Kbkdf { prf, fields, iv: Blob::new(), further: Vec::new() })
}

/// NIST CAVP, KDFCTR_gen: HMAC-SHA1, the counter of 8 bits first.
#[test]
fn sp800_108_answers_as_nist() {
    let fixed = unhex(
        "98132c1ffaf59ae5cbc0a3133d84c551bb97e0c75ecaddfc30056f6876f59803\
         009bffc7d75c4ed46f40b8f80426750d15bc1ddb14ac5dcb69a68242",
    );
    let base = unhex("00a39bd547fb88b2d98727cf64c195c61e1cad6c");
    let fields = vec![KbkdfField::Counter(big(8)), KbkdfField::Bytes(fixed.into())];
    let params = kbkdf(Prf::Hmac(Hash::Sha1), fields);
    assert_eq!(
        key(MechanismType::SP800_108_COUNTER_KDF, params, &base, 16),
        "0611e1903609b47ad7a5fc2c82e47702"
    );
}

#[test]
fn further_keys_have_blocks_of_their_own() {
    let params = kbkdf(Prf::Hmac(Hash::Sha256), vec![KbkdfField::Counter(big(32))]);
    let mechanism = Mechanism { kind: MechanismType::SP800_108_COUNTER_KDF, params };
    let all = |len, further: &[usize]| {
        derive_all(&secret(b"key"), &mechanism, &Wanted { len: Some(len), further, ..Wanted::default() })
            .unwrap()
    };
    // PKCS#11 3.2 section 6.42's own example: 48 bytes take one and a half blocks, and 16 the next.
    let [first, second] = <[Blob; 2]>::try_from(all(48, &[16]).keys).unwrap();
    let stream = &all(96, &[]).keys[0];
    assert_eq!(first.as_slice(), &stream[..48]);
    assert_eq!(second.as_slice(), &stream[64..80]);
}

#[test]
fn sp800_108_refuses_what_its_modes_dont_have() {
    use KbkdfField as F;
    let [counter, feedback, pipeline] = [
        MechanismType::SP800_108_COUNTER_KDF,
        MechanismType::SP800_108_FEEDBACK_KDF,
        MechanismType::SP800_108_DOUBLE_PIPELINE_KDF,
    ];
    let length = || F::Length { of_segments: false, format: big(8) };
    let cases = [
        (counter, vec![]),
        (counter, vec![F::Iteration]),
        (counter, vec![F::Counter(big(8)), F::Counter(big(8))]),
        (counter, vec![F::Counter(big(64))]),
        (counter, vec![F::Counter(big(12))]),
        (counter, vec![F::Counter(big(8)), length(), length()]),
        (feedback, vec![F::Counter(big(8))]),
        (feedback, vec![F::Iteration, F::Iteration]),
        (pipeline, vec![length()]),
    ];
    for (kind, fields) in cases {
        let params = kbkdf(Prf::Hmac(Hash::Sha256), fields.clone());
        let refused = code(derived(kind, params, b"key", Some(16)));
        assert_eq!(refused, ReturnCode::MECHANISM_PARAM_INVALID, "{kind} {fields:?}");
    }
    // Numbers that their fields can't hold: 256 blocks, and 256 bits.
    let narrow = kbkdf(Prf::Cmac, vec![F::Counter(big(8))]);
    assert_eq!(code(derived(counter, narrow, &[1; 16], Some(4096))), ReturnCode::KEY_SIZE_RANGE);
    let short = kbkdf(Prf::Cmac, vec![F::Counter(big(8)), length()]);
    assert_eq!(code(derived(counter, short.clone(), &[1; 16], Some(32))), ReturnCode::KEY_SIZE_RANGE);
    assert_eq!(code(derived(counter, short, &[1; 17], Some(16))), ReturnCode::KEY_SIZE_RANGE);
}

/// The vector of TLS 1.2's PRF that the IETF's TLS list settled on (P_SHA256).
#[test]
fn the_prf_of_tls_answers_as_others_do() {
    let params = Params::Tls(Tls::Exporter {
        hash: Some(Hash::Sha256),
        label: b"test label"[..].into(),
        randoms: Randoms {
            client: unhex("a0ba9f936cda3118").into(),
            server: unhex("27a6f796ffd5198c").into(),
        },
        context: None,
    });
    let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a\
                    6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab\
                    4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701\
                    87347b66";
    let base = unhex("9bbe436ba940f017b17652849a71db35");
    assert_eq!(key(MechanismType::TLS_KDF, params, &base, 100), expected);
}

#[test]
fn keys_of_a_connection_come_in_order_and_ivs_are_told_only_where_they_may_be() {
    let params = |iv| {
        let sizes = ConnectionSizes { mac: 20, key: 16, iv };
        let randoms = Randoms { client: Blob::from([1; 32]), server: Blob::from([2; 32]) };
        Params::Tls(Tls::Connection { hash: Some(Hash::Sha256), randoms, sizes })
    };
    let master = [7; 48];
    let all = derived(MechanismType::TLS12_KEY_AND_MAC_DERIVE, params(4), &master, None).unwrap();
    assert_eq!(all.keys.iter().map(|key| key.len()).collect::<Vec<_>>(), [20, 20, 16, 16]);
    assert_eq!(all.written.len(), 8);
    let safe = derived(MechanismType::TLS12_KEY_SAFE_DERIVE, params(4), &master, None).unwrap();
    assert_eq!(safe.keys, all.keys);
    assert!(safe.written.is_empty());
    // A key that is limited to the safe mechanism can't be used by the name of another.
    assert_eq!(
        code(derived(MechanismType::TLS_KEY_AND_MAC_DERIVE, params(4), &master, None)),
        ReturnCode::MECHANISM_PARAM_INVALID
    );
}

#[test]
fn finished_messages_are_twelve_bytes_or_more() {
    let mac = |len| {
        let params = Params::Tls(Tls::Finished { hash: None, len, server: true });
        sign(
            &secret(&[7; 48]),
            &Mechanism { kind: MechanismType::TLS_MAC, params },
            Input::Message(b"digest"),
        )
    };
    assert_eq!(mac(12).unwrap().as_slice(), &mac(20).unwrap()[..12]);
    assert_eq!(mac(11).unwrap_err().code, ReturnCode::MECHANISM_PARAM_INVALID);
}

/// RFC 2631 section 2.1.6, the first example.
#[test]
fn x942_answers_as_its_rfc() {
    let z: Vec<u8> = (0..20).collect();
    let info = unhex("301d3013060b2a864886f70d0109100306040400000001a2060404000000c0");
    let expected = "a09661392376f7044d9052a397883246b67f5f1ef63eb5fb";
    assert_eq!(hex(&agreed(AgreementKdf::X942Asn1, &z, &info, 24).unwrap()), expected);
    for wrong in [&info[..20], &[], b"\x30\x00", &z] {
        let error = agreed(AgreementKdf::X942Asn1, &z, wrong, 24).unwrap_err();
        assert_eq!(error.code, ReturnCode::MECHANISM_PARAM_INVALID);
    }
}

/// PKCS#11 3.2 section 6.43's examples, on keys that are long enough to be cut.
#[test]
fn keys_are_joined_and_cut_as_the_standard_says() {
    let base = [&unhex("01234567")[..], &[0; 12]].concat();
    let data = || Params::Data(unhex("89abcdef89abcdef89abcdef89abcdef").into());
    assert_eq!(key(MechanismType::XOR_BASE_AND_DATA, data(), &base, 16)[..8], *"88888888");
    assert_eq!(key(MechanismType::CONCATENATE_BASE_AND_DATA, data(), &base, 20)[24..], *"0000000089abcdef");
    assert_eq!(key(MechanismType::CONCATENATE_DATA_AND_BASE, data(), &base, 30)[32..40], *"01234567");
    // Bits 21 to 36 of a key of four bytes that is repeated: they wrap around as in the standard's example.
    let base = unhex("329f84a9").repeat(4);
    let bits = key(MechanismType::EXTRACT_KEY_FROM_KEY, Params::Position(21), &base, 16);
    assert_eq!(bits[..4], *"9526");
    let other = [Arc::new(secret(b"other"))];
    let wanted = Wanted { others: &other, ..Wanted::default() };
    let mechanism = Mechanism {
        kind: MechanismType::CONCATENATE_BASE_AND_KEY,
        params: Params::Key(strongroom_model::Handle(1)),
    };
    assert_eq!(derive_all(&secret(b"base"), &mechanism, &wanted).unwrap().keys[0].as_slice(), b"baseother");
}

/// attacks.md A13.
#[test]
fn no_key_is_cut_so_short_that_the_old_one_can_be_found_by_trying() {
    let base = [5; 32];
    let known = || Params::Data(Blob::from([0; 31]));
    let cases = [
        (MechanismType::EXTRACT_KEY_FROM_KEY, Params::Position(0), 1),
        (MechanismType::EXTRACT_KEY_FROM_KEY, Params::Position(250), 13),
        (MechanismType::XOR_BASE_AND_DATA, known(), 1),
        (MechanismType::XOR_BASE_AND_DATA, Params::Data(Blob::from([0])), 1),
        (MechanismType::CONCATENATE_BASE_AND_DATA, known(), 13),
        // Long, but with one byte of the old key only.
        (MechanismType::CONCATENATE_DATA_AND_BASE, known(), 32),
    ];
    for (kind, params, len) in cases {
        assert_eq!(code(derived(kind, params, &base, Some(len))), ReturnCode::KEY_SIZE_RANGE, "{kind} {len}");
    }
    let ike =
        || Params::Ike(Ike::Ike1Extended { prf: Prf::Hmac(Hash::Sha256), gxy: None, extra: Blob::new() });
    assert_eq!(
        code(derived(MechanismType::IKE1_EXTENDED_DERIVE, ike(), &base, Some(1))),
        ReturnCode::KEY_SIZE_RANGE
    );
    assert_eq!(
        derived(MechanismType::IKE1_EXTENDED_DERIVE, ike(), &base, Some(32)).unwrap().keys[0].as_slice(),
        base
    );
}
