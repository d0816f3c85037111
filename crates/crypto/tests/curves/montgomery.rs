//! X25519 and X448 against RFC 7748's vectors and the `openssl` command.

use strongroom_crypto::{Key, KeyPair, derive, from_pkcs8, from_public_key_info, generate_pair, to_pkcs8};
use strongroom_model::{Attributes, Hash, KeyType, Mechanism, ObjectClass, Params, Result, ReturnCode};

use crate::common::{A, Desk, M, code};
use crate::edwards::unhex;

/// The curve's name, its OID in DER, bytes of a key.
const MONTGOMERY: [(&str, &[u8], usize); 2] =
    [("curve25519", &[6, 3, 0x2b, 101, 110], 32), ("curve448", &[6, 3, 0x2b, 101, 111], 56)];

fn pair(params: &[u8]) -> KeyPair {
    let template = Attributes::new().with(A::EC_PARAMS, params);
    generate_pair(&Mechanism::plain(M::EC_MONTGOMERY_KEY_PAIR_GEN), &template).unwrap()
}

fn imported(class: ObjectClass, params: &[u8], attribute: A, value: &[u8]) -> Result<Key> {
    let attributes = Attributes::new().with(A::EC_PARAMS, params).with(attribute, value);
    Key::from_attributes(class, KeyType::EcMontgomery, &attributes)
}

fn agreed(kind: M, key: &Key, public: &[u8], kdf: Option<Hash>, len: Option<usize>) -> Result<Vec<u8>> {
    let params = Params::Ecdh { kdf: kdf.map(Into::into), shared: [].into(), public: public.into() };
    derive(key, &Mechanism { kind, params }, len).map(|secret| secret.to_vec())
}

/// RFC 7748 section 5.2: each result is the next scalar, and the scalar the next number.
#[test]
fn a_thousand_times_the_function_is_what_rfc_7748_says() {
    for (at, first, last) in [
        (
            0,
            "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
            "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
        ),
        (
            1,
            "3f482c8a9f19b01e6c46ee9711d9dc14fd4bf67af30765c2ae2b846a4d23a8cd0db897086239492caf350b51f833868b9bc2b3bca9cf4113",
            "aa3b4749d55b9daf1e5b00288826c467274ce3ebbdd5c17b975e09d4af6c67cf10d087202db88286e2b79fceea3ec353ef54faa26e219f38",
        ),
    ] {
        let (_, params, len) = MONTGOMERY[at];
        let mut scalar = vec![0; len];
        scalar[0] = if at == 0 { 9 } else { 5 };
        let mut number = scalar.clone();
        for round in 1..=1000 {
            let key = imported(ObjectClass::PrivateKey, params, A::VALUE, &scalar).unwrap();
            let result = agreed(M::ECDH1_DERIVE, &key, &number, None, None).unwrap();
            number = std::mem::replace(&mut scalar, result);
            match round {
                1 => assert_eq!(scalar, unhex(first)),
                1000 => assert_eq!(scalar, unhex(last)),
                _ => {}
            }
        }
    }
}

#[test]
fn the_shared_secret_is_openssls() {
    for (name, params, len) in MONTGOMERY {
        let named = [&[0x13, name.len() as u8], name.as_bytes()].concat();
        for params in [params, &named] {
            let (ours, theirs) = (pair(params), pair(params));
            let desk = Desk::new();
            let (pkcs8, info) = (to_pkcs8(&ours.key).unwrap(), theirs.public_key.public_key_info().unwrap());
            desk.put("ours.der", &pkcs8);
            desk.put("theirs.der", &info);
            let ours_in = ["pkeyutl", "-derive", "-inkey", "ours.der", "-keyform", "DER"];
            let wanted =
                desk.openssl(&[&ours_in[..], &["-peerkey", "theirs.der", "-peerform", "DER"]].concat());
            let octets = theirs.public.bytes(A::EC_POINT).unwrap();
            for kind in [M::ECDH1_DERIVE, M::ECDH1_COFACTOR_DERIVE] {
                for public in [octets, &octets[2..]] {
                    assert_eq!(agreed(kind, &ours.key, public, None, None).unwrap(), wanted, "{name}");
                    assert_eq!(agreed(kind, &ours.key, public, None, Some(16)).unwrap(), wanted[len - 16..]);
                }
            }
            let kdf = strongroom_crypto::digest::digest(Hash::Sha256, &[&wanted, &[0, 0, 0, 1]]);
            assert_eq!(
                agreed(M::ECDH1_DERIVE, &ours.key, octets, Some(Hash::Sha256), Some(32)).unwrap(),
                kdf
            );
            assert_eq!(
                code(agreed(M::ECDH1_DERIVE, &ours.key, octets, None, Some(len + 1))),
                ReturnCode::KEY_SIZE_RANGE
            );

            let (key_type, attributes) = from_pkcs8(&pkcs8).unwrap();
            let again = Key::from_attributes(ObjectClass::PrivateKey, key_type, &attributes).unwrap();
            assert_eq!(to_pkcs8(&again).unwrap(), pkcs8);
            let (key_type, attributes) = from_public_key_info(&info).unwrap();
            let again = Key::from_attributes(ObjectClass::PublicKey, key_type, &attributes).unwrap();
            assert_eq!((key_type, again.public_key_info().unwrap()), (KeyType::EcMontgomery, info));
        }
    }
}

/// Numbers of small order, also those that are written with p or more, or with the highest bit set.
#[test]
fn what_would_give_zeros_is_refused_as_peer_and_as_key() {
    let small = [
        (0, "0000000000000000000000000000000000000000000000000000000000000000"),
        (0, "0100000000000000000000000000000000000000000000000000000000000000"),
        (0, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        (0, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        (0, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        (0, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        (0, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        (0, "0000000000000000000000000000000000000000000000000000000000000080"),
        (0, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7"),
        (
            1,
            "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        ),
        (
            1,
            "0100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        ),
        (
            1,
            "fefffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ),
        (
            1,
            "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ),
        (
            1,
            "00000000000000000000000000000000000000000000000000000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ),
    ];
    for (at, public) in small {
        let (_, params, _) = MONTGOMERY[at];
        let (key, public) = (pair(params).key, unhex(public));
        let refused = code(agreed(M::ECDH1_DERIVE, &key, &public, None, None));
        assert_eq!(refused, ReturnCode::MECHANISM_PARAM_INVALID, "{public:02x?}");
        let refused = code(imported(ObjectClass::PublicKey, params, A::EC_POINT, &public));
        assert_eq!(refused, ReturnCode::ATTRIBUTE_VALUE_INVALID, "{public:02x?}");
    }
    for (_, params, len) in MONTGOMERY {
        let key = pair(params).key;
        for bad in [&[][..], &[9], &vec![9; len - 1], &vec![9; len + 1], &vec![4; 100_000]] {
            let refused = code(agreed(M::ECDH1_DERIVE, &key, bad, None, None));
            assert_eq!(refused, ReturnCode::MECHANISM_PARAM_INVALID);
            let refused = code(imported(ObjectClass::PublicKey, params, A::EC_POINT, bad));
            assert_eq!(refused, ReturnCode::ATTRIBUTE_VALUE_INVALID);
            let refused = code(imported(ObjectClass::PrivateKey, params, A::VALUE, bad));
            assert_eq!(refused, ReturnCode::ATTRIBUTE_VALUE_INVALID);
        }
    }
}
