//! EdDSA against RFC 8032's vectors and the `openssl` command.

use strongroom_crypto::{
    Input, Key, KeyPair, Stream, StreamKind, from_pkcs8, from_public_key_info, generate_pair, sign, to_pkcs8,
    verify,
};
use strongroom_model::{Attributes, KeyType, Mechanism, ObjectClass, Params, ReturnCode};

use crate::common::{A, Desk, M, code};

/// The curve's name, its OID in DER, bytes of a key.
pub(crate) const EDWARDS: [(&str, &[u8], usize); 2] =
    [("edwards25519", &[6, 3, 0x2b, 101, 112], 32), ("edwards448", &[6, 3, 0x2b, 101, 113], 57)];

/// Private and public key, message, context (none for no parameters), prehash, signature.
type Vector = (&'static str, &'static str, &'static str, Option<&'static str>, bool, &'static str);

/// RFC 8032 sections 7.1 to 7.5.
const VECTORS: [Vector; 11] = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        None,
        false,
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24\
         655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        None,
        false,
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee\
         b00d291612bb0c00",
    ),
    (
        "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
        "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292",
        "f726936d19c800494e3fdaff20b276a8",
        Some("666f6f"),
        false,
        "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b2\
         1f4b888e4e7edb0d",
    ),
    (
        "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
        "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292",
        "f726936d19c800494e3fdaff20b276a8",
        Some("626172"),
        false,
        "fc60d5872fc46b3aa69f8b5b4351d5808f92bcc044606db097abab6dbcb1aee3216c48e8b3b66431b5b186d1d28f8ee15a5ca2df6668346\
         291c2043d4eb3e90d",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "616263",
        Some(""),
        true,
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062a\
         aad11c2a26083406",
    ),
    (
        "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f9\
         5b",
        "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe82561\
         80",
        "",
        Some(""),
        false,
        "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd39\
         80ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c71d95808ff2e65\
         2600",
    ),
    (
        "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a1227\
         4e",
        "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a94\
         80",
        "03",
        None,
        false,
        "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779\
         805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c0\
         3a00",
    ),
    (
        "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a1227\
         4e",
        "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a94\
         80",
        "03",
        Some("666f6f"),
        false,
        "d4f8f6131770dd46f40867d6fd5d5055de43541f8c5e35abbcd001b32a89f7d2151f7647f11d8ca2ae279fb842d607217fce6e042f6815ea\
         000c85741de5c8da1144a6a1aba7f96de42505d7a7298524fda538fccbbb754f578c1cad10d54d0d5428407e85dcbc98a49155c13764e66c\
         3c00",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42ef7822e0d5104127dc05d6dbefde69e3ab2cec7c867c6e2c\
         49",
        "259b71c19f83ef77a7abd26524cbdb3161b590a48f7d17de3ee0ba9c52beb743c09428a131d6b1b57303d90d8132c276d5ed3d5d01c0f538\
         80",
        "616263",
        Some(""),
        true,
        "822f6901f7480f3d5f562c592994d9693602875614483256505600bbc281ae381f54d6bce2ea911574932f52a4e6cadd78769375ec3ffd1b\
         801a0d9b3f4030cd433964b6457ea39476511214f97469b57dd32dbc560a9a94d00bff07620464a3ad203df7dc7ce360c3cd3696d9d9fab9\
         0f00",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42ef7822e0d5104127dc05d6dbefde69e3ab2cec7c867c6e2c\
         49",
        "259b71c19f83ef77a7abd26524cbdb3161b590a48f7d17de3ee0ba9c52beb743c09428a131d6b1b57303d90d8132c276d5ed3d5d01c0f538\
         80",
        "616263",
        Some("666f6f"),
        true,
        "c32299d46ec8ff02b54540982814dce9a05812f81962b649d528095916a2aa481065b1580423ef927ecf0af5888f90da0f6a9a85ad5dc3f2\
         80d91224ba9911a3653d00e484e2ce232521481c8658df304bb7745a73514cdb9bf3e15784ab71284f8d0704a608c54a6b62d97beb511d13\
         2100",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        None,
        false,
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d\
         c027beceea1ec40a",
    ),
];

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn eddsa(context: Option<&[u8]>, prehash: bool) -> Mechanism {
    let params = context.map_or(Params::None, |context| Params::Eddsa { prehash, context: context.into() });
    Mechanism { kind: M::EDDSA, params }
}

fn pair(params: &[u8]) -> KeyPair {
    let template = Attributes::new().with(A::EC_PARAMS, params);
    generate_pair(&Mechanism::plain(M::EC_EDWARDS_KEY_PAIR_GEN), &template).unwrap()
}

fn imported(class: ObjectClass, params: &[u8], attribute: A, value: &[u8]) -> strongroom_model::Result<Key> {
    let attributes = Attributes::new().with(A::EC_PARAMS, params).with(attribute, value);
    Key::from_attributes(class, KeyType::EcEdwards, &attributes)
}

fn streamed(kind: StreamKind, key: &Key, mechanism: &Mechanism, data: &[u8]) -> Stream {
    let mut stream = Stream::open(kind, key, mechanism).unwrap();
    for part in data.chunks(7) {
        assert!(stream.update(part).unwrap().is_empty());
    }
    stream
}

#[test]
fn signatures_are_those_of_rfc_8032() {
    for (private, public, message, context, prehash, signature) in VECTORS {
        let (message, signature) = (unhex(message), unhex(signature));
        let (private, public) = (unhex(private), unhex(public));
        let (_, params, _) = EDWARDS[usize::from(private.len() == 57)];
        let private = imported(ObjectClass::PrivateKey, params, A::VALUE, &private).unwrap();
        let public = imported(ObjectClass::PublicKey, params, A::EC_POINT, &public).unwrap();
        assert_eq!(private.public_key_info().unwrap(), public.public_key_info().unwrap());
        assert_eq!(private.check_value().unwrap(), public.check_value().unwrap());
        let mechanism = eddsa(context.map(unhex).as_deref(), prehash);
        assert_eq!(sign(&private, &mechanism, Input::Message(&message)).unwrap()[..], signature[..]);
        verify(&public, &mechanism, Input::Message(&message), &signature).unwrap();
        let parts = streamed(StreamKind::Sign, &private, &mechanism, &message).finish().unwrap();
        assert_eq!(parts[..], signature[..]);
        streamed(StreamKind::Verify, &public, &mechanism, &message).verify(&signature).unwrap();
        // Another scheme, context or message is another signature.
        for other in [eddsa(Some(b"another"), prehash), eddsa(Some(b"x"), !prehash)] {
            let refused = code(verify(&public, &other, Input::Message(&message), &signature));
            assert_eq!(refused, ReturnCode::SIGNATURE_INVALID);
        }
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut changed = signature.clone();
            changed[at] ^= 0x80;
            let refused = code(verify(&public, &mechanism, Input::Message(&message), &changed));
            assert_eq!(refused, ReturnCode::SIGNATURE_INVALID, "byte {at}");
        }
        for len in [0, 63, signature.len() - 1] {
            let refused = code(verify(&public, &mechanism, Input::Message(&message), &signature[..len]));
            assert_eq!(refused, ReturnCode::SIGNATURE_LEN_RANGE);
        }
    }
}

#[test]
fn openssl_makes_the_same_signatures_with_keys_made_here() {
    for (name, params, len) in EDWARDS {
        let named = [&[0x13, name.len() as u8], name.as_bytes()].concat();
        for params in [params, &named] {
            let pair = pair(params);
            assert_eq!(pair.public.bytes(A::EC_PARAMS), Some(params));
            assert_eq!(pair.private.bytes(A::EC_PARAMS), Some(params));
            let point = pair.public.bytes(A::EC_POINT).unwrap();
            assert_eq!((point[0], usize::from(point[1]), point.len()), (4, len, len + 2));
            let desk = Desk::new();
            let pkcs8 = to_pkcs8(&pair.key).unwrap();
            desk.put("private.der", &pkcs8);
            desk.put("public.der", &pair.public_key.public_key_info().unwrap());
            let message = b"a message of some length".repeat(len);
            desk.put("message", &message);
            let form = ["-keyform", "DER", "-rawin", "-in", "message"];
            let theirs = desk.openssl(&[&["pkeyutl", "-sign", "-inkey", "private.der"][..], &form].concat());
            let ours = sign(&pair.key, &Mechanism::plain(M::EDDSA), Input::Message(&message)).unwrap();
            assert_eq!(ours[..], theirs[..], "{name}");
            desk.put("signature", &ours);
            let check = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.der", "-sigfile", "signature"];
            desk.openssl(&[&check[..], &form].concat());
            verify(&pair.public_key, &Mechanism::plain(M::EDDSA), Input::Message(&message), &theirs).unwrap();

            // Both encodings come back as they went.
            let (key_type, attributes) = from_pkcs8(&pkcs8).unwrap();
            let again = Key::from_attributes(ObjectClass::PrivateKey, key_type, &attributes).unwrap();
            assert_eq!(to_pkcs8(&again).unwrap(), pkcs8);
            let info = pair.public_key.public_key_info().unwrap();
            let (key_type, attributes) = from_public_key_info(&info).unwrap();
            let again = Key::from_attributes(ObjectClass::PublicKey, key_type, &attributes).unwrap();
            assert_eq!((key_type, again.public_key_info().unwrap()), (KeyType::EcEdwards, info));
        }
    }
}

#[test]
fn keys_are_taken_in_every_form_that_clients_write() {
    let legacy = [6, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
    let (private, public) = (unhex(VECTORS[0].0), unhex(VECTORS[0].1));
    let wanted = imported(ObjectClass::PublicKey, EDWARDS[0].1, A::EC_POINT, &public).unwrap();
    let wanted = wanted.public_key_info().unwrap();
    let octets = |bytes: &[u8]| [&[4, bytes.len() as u8][..], bytes].concat();
    let bits = [&[3, 33, 0][..], &public].concat();
    for params in [EDWARDS[0].1, &legacy, b"\x13\x0cedwards25519", b"\x13\x07Ed25519"] {
        for point in [public.clone(), octets(&public), bits.clone()] {
            let key = imported(ObjectClass::PublicKey, params, A::EC_POINT, &point).unwrap();
            assert_eq!(key.public_key_info().unwrap(), wanted);
        }
        for value in [private.clone(), octets(&private)] {
            let key = imported(ObjectClass::PrivateKey, params, A::VALUE, &value).unwrap();
            assert_eq!(key.public_key_info().unwrap(), wanted);
        }
    }
}

#[test]
fn bad_input_is_refused() {
    let invalid = ReturnCode::ATTRIBUTE_VALUE_INVALID;
    for (name, params, len) in EDWARDS {
        let pair = pair(params);
        let point = pair.public_key.public_key_info().unwrap();
        let point = &point[point.len() - len..];
        let off = (0..=255).map(|last| [&[last], &point[1..]].concat()).find(|other| {
            code(imported(ObjectClass::PublicKey, params, A::EC_POINT, other)) != ReturnCode::OK
        });
        let neutral = [&[1][..], &vec![0; len - 1]].concat();
        let too_large = [&vec![0xff; len - 1][..], &[if len == 32 { 0x7f } else { 0 }]].concat();
        for bad in [
            &[][..],
            &[0],
            &point[1..],
            &[point, &[0]].concat(),
            &[&[4, len as u8][..], point, &[0]].concat(),
            &[&[4, len as u8 - 1][..], &point[1..]].concat(),
            &[&[3, len as u8 + 1, 1][..], point].concat(),
            &vec![0; len],
            &neutral,
            &too_large,
            &off.expect("half of all numbers are off the curve"),
        ] {
            assert_eq!(
                code(imported(ObjectClass::PublicKey, params, A::EC_POINT, bad)),
                invalid,
                "{name} {bad:02x?}"
            );
        }
        for bad in [&[][..], &vec![7; len - 1], &vec![7; len + 1], &vec![4; 100_000]] {
            assert_eq!(code(imported(ObjectClass::PrivateKey, params, A::VALUE, bad)), invalid, "{name}");
        }
        let long = eddsa(Some(&[0; 256]), true);
        for mechanism in [long, Mechanism { kind: M::EDDSA, params: Params::Iv([1].into()) }] {
            let refused = code(sign(&pair.key, &mechanism, Input::Message(b"x")));
            assert_eq!(refused, ReturnCode::MECHANISM_PARAM_INVALID);
            let refused = code(Stream::open(StreamKind::Sign, &pair.key, &mechanism));
            assert_eq!(refused, ReturnCode::MECHANISM_PARAM_INVALID);
        }
        let other = Mechanism::plain(M::ECDSA_SHA256);
        assert_eq!(code(sign(&pair.key, &other, Input::Message(b"x"))), ReturnCode::KEY_TYPE_INCONSISTENT);
        let plain = Mechanism::plain(M::EDDSA);
        assert_eq!(
            code(sign(&pair.public_key, &plain, Input::Message(b"x"))),
            ReturnCode::KEY_TYPE_INCONSISTENT
        );
    }
    // What would be Ed25519ctx without a context.
    let key = pair(EDWARDS[0].1).key;
    let refused = code(sign(&key, &eddsa(Some(b""), false), Input::Message(b"x")));
    assert_eq!(refused, ReturnCode::MECHANISM_PARAM_INVALID);
    let template = |params: &[u8]| Attributes::new().with(A::EC_PARAMS, params);
    for (kind, params) in [
        (M::EC_EDWARDS_KEY_PAIR_GEN, &[6, 3, 0x2b, 101, 110][..]),
        (M::EC_KEY_PAIR_GEN, EDWARDS[0].1),
        (M::EC_EDWARDS_KEY_PAIR_GEN, b"\x13\x05P-256"),
    ] {
        let refused = code(generate_pair(&Mechanism::plain(kind), &template(params)));
        assert_eq!(refused, ReturnCode::CURVE_NOT_SUPPORTED);
    }
    // A PKCS#8 encoding whose public key is another one's.
    let (one, other) = (pair(EDWARDS[0].1), pair(EDWARDS[0].1));
    let version_2 = |public: &[u8]| {
        let info = to_pkcs8(&one.key).unwrap();
        let mut body = info[2..].to_vec();
        body[2] = 1;
        body.extend([&[0x81, 33, 0][..], public].concat());
        [&[0x30, body.len() as u8][..], &body].concat()
    };
    let public = |pair: &KeyPair| pair.public.bytes(A::EC_POINT).unwrap()[2..].to_vec();
    assert_eq!(code(from_pkcs8(&version_2(&public(&one)))), ReturnCode::OK);
    assert_eq!(code(from_pkcs8(&version_2(&public(&other)))), ReturnCode::WRAPPED_KEY_INVALID);
}
