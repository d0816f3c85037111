use strongroom_crypto::{Key, derive, digest::digest, to_pkcs8};
use strongroom_model::{Attributes, Hash, KeyType, Mechanism, ObjectClass, Params, ReturnCode};

use crate::common::{A, CURVES, Desk, M, code, ec_pair, hash_name};

fn ecdh(kdf: Option<Hash>, shared: &[u8], public: &[u8]) -> Mechanism {
    let params = Params::Ecdh { kdf: kdf.map(Into::into), shared: shared.into(), public: public.into() };
    Mechanism { kind: M::ECDH1_DERIVE, params }
}

/// The point inside the `CKA_EC_POINT` of a pair.
fn point(pair: &strongroom_crypto::KeyPair, len: usize) -> Vec<u8> {
    let octets = pair.public.bytes(A::EC_POINT).unwrap();
    octets[octets.len() - 1 - 2 * len..].to_vec()
}

fn compressed(point: &[u8]) -> Vec<u8> {
    let len = point.len() / 2;
    [&[2 + (point[2 * len] & 1)], &point[1..=len]].concat()
}

fn octet_string(point: &[u8]) -> Vec<u8> {
    let head = if point.len() < 128 { vec![4, point.len() as u8] } else { vec![4, 0x81, point.len() as u8] };
    [&head[..], point].concat()
}

#[test]
fn the_shared_secret_is_openssls_whatever_the_form_of_the_point() {
    for (name, params, len) in CURVES {
        let (ours, theirs) = (ec_pair(params), ec_pair(params));
        let desk = Desk::new();
        desk.put("ours.der", &to_pkcs8(&ours.key).unwrap());
        desk.put("theirs.der", &theirs.public_key.public_key_info().unwrap());
        let wanted = desk.openssl(&[
            "pkeyutl",
            "-derive",
            "-inkey",
            "ours.der",
            "-keyform",
            "DER",
            "-peerkey",
            "theirs.der",
            "-peerform",
            "DER",
        ]);
        let point = point(&theirs, len);
        for form in
            [point.clone(), compressed(&point), octet_string(&point), octet_string(&compressed(&point))]
        {
            for kind in [M::ECDH1_DERIVE, M::ECDH1_COFACTOR_DERIVE] {
                let mechanism = Mechanism { kind, ..ecdh(None, b"", &form) };
                assert_eq!(derive(&ours.key, &mechanism, None).unwrap()[..], wanted[..], "{name}");
                // Bytes are cut off in front.
                assert_eq!(
                    derive(&ours.key, &mechanism, Some(16)).unwrap()[..],
                    wanted[len - 16..],
                    "{name}"
                );
            }
        }
        let mechanism = ecdh(None, b"", &point);
        assert_eq!(code(derive(&ours.key, &mechanism, Some(len))), ReturnCode::OK);
        assert_eq!(code(derive(&ours.key, &mechanism, Some(len + 1))), ReturnCode::KEY_SIZE_RANGE);
        assert_eq!(code(derive(&ours.key, &mechanism, Some(0))), ReturnCode::KEY_SIZE_RANGE);
    }
}

#[test]
fn the_kdf_is_that_of_x9_63() {
    let (ours, theirs) = (ec_pair(CURVES[2].1), ec_pair(CURVES[2].1));
    let point = point(&theirs, 48);
    let secret = derive(&ours.key, &ecdh(None, b"", &point), None).unwrap();
    let desk = Desk::new();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for hash in Hash::ALL {
        let mechanism = ecdh(Some(hash), b"info", &point);
        // By definition: hashes over secret, counter and shared data.
        let first = digest(hash, &[&secret, &[0, 0, 0, 1], b"info"]);
        assert_eq!(derive(&ours.key, &mechanism, Some(hash.len())).unwrap()[..], first[..]);
        let wanted = desk.openssl(&[
            "kdf",
            "-keylen",
            "100",
            "-kdfopt",
            &format!("digest:{}", hash_name(hash)),
            "-kdfopt",
            &format!("hexkey:{}", hex(&secret)),
            "-kdfopt",
            &format!("hexinfo:{}", hex(b"info")),
            "-binary",
            "X963KDF",
        ]);
        assert_eq!(derive(&ours.key, &mechanism, Some(100)).unwrap()[..], wanted[..100]);
        assert_eq!(code(derive(&ours.key, &mechanism, None)), ReturnCode::TEMPLATE_INCOMPLETE);
    }
    assert_eq!(
        code(derive(&ours.key, &ecdh(None, b"info", &point), None)),
        ReturnCode::MECHANISM_PARAM_INVALID
    );
    assert_eq!(
        code(derive(&ours.key, &Mechanism::plain(M::ECDH1_DERIVE), None)),
        ReturnCode::MECHANISM_PARAM_INVALID
    );
}

#[test]
fn bad_points_are_refused_as_peers_and_as_keys() {
    for (at, (name, params, len)) in CURVES.into_iter().enumerate() {
        let ours = ec_pair(params);
        let good = point(&ec_pair(params), len);
        let off = |at: usize, change: u8| {
            let mut point = good.clone();
            point[at] ^= change;
            point
        };
        // Of another curve with coordinates of the same length where there is one.
        let other = match at {
            1 => point(&ec_pair(CURVES[4].1), 32),
            4 => point(&ec_pair(CURVES[1].1), 32),
            _ => point(&ec_pair(CURVES[(at + 1) % 5].1), CURVES[(at + 1) % 5].2),
        };
        let hybrid = [&[6 + (good[2 * len] & 1)], &good[1..]].concat();
        let bad = [
            vec![],
            vec![0],
            vec![4],
            vec![4, 0],
            vec![4, 1, 0],
            vec![0; 1 + 2 * len],
            [vec![4], vec![0; 2 * len]].concat(),
            [vec![4], vec![0xff; 2 * len]].concat(),
            [vec![2], vec![0xff; len]].concat(),
            off(2 * len, 1),
            off(len, 1),
            off(0, 1),
            hybrid.clone(),
            octet_string(&hybrid),
            octet_string(&off(2 * len, 2)),
            good[..2 * len].to_vec(),
            [&good[..], &[0]].concat(),
            octet_string(&good)[1..].to_vec(),
            [octet_string(&good), vec![0]].concat(),
            octet_string(&octet_string(&good)),
            good[1..].to_vec(),
            other,
            vec![4; 100_000],
        ];
        for bad in bad {
            let refused = code(derive(&ours.key, &ecdh(None, b"", &bad), None));
            assert_eq!(refused, ReturnCode::MECHANISM_PARAM_INVALID, "{name} {bad:02x?}");
            let attributes = Attributes::new().with(A::EC_PARAMS, params).with(A::EC_POINT, bad);
            let refused = code(Key::from_attributes(ObjectClass::PublicKey, KeyType::Ec, &attributes));
            assert_eq!(refused, ReturnCode::ATTRIBUTE_VALUE_INVALID, "{name}");
        }
    }
}
