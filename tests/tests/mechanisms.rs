//! Every mechanism, by raw calls, compared with a second implementation: Python's `cryptography` and `hashlib`, on
//! random inputs whose seed is printed (set `SEED` to repeat a run).

use std::path::Path;

use cryptoki_sys::*;
use serde_json::{Value, json};
use strongroom_model::{Algorithm, KeyType, MECHANISMS, MechanismSpec, MechanismType};
use strongroom_testkit::{Cluster, python, run};

/// The purposes of mechanisms, and what the comparison calls them.
const PURPOSES: [(u64, &str); 12] = [
    (CKF_ENCRYPT, "encrypt"),
    (CKF_DECRYPT, "decrypt"),
    (CKF_DIGEST, "digest"),
    (CKF_SIGN, "sign"),
    (CKF_VERIFY, "verify"),
    (CKF_GENERATE, "generate"),
    (CKF_GENERATE_KEY_PAIR, "generate_key_pair"),
    (CKF_WRAP, "wrap"),
    (CKF_UNWRAP, "unwrap"),
    (CKF_DERIVE, "derive"),
    (CKF_ENCAPSULATE, "encapsulate"),
    (CKF_DECAPSULATE, "decapsulate"),
];

/// Which curves a mechanism works with: no purpose.
const CURVES: u64 = CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS;

/// Compared by `functions/recovery.rs`.
const RECOVERY: u64 = CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER;

/// The part of `tests/python/mechanisms` that compares what a mechanism does for a purpose.
fn part_for(row: &MechanismSpec, purpose: &str) -> &'static str {
    if row.key_type == Some(KeyType::Dsa) {
        return "dsa";
    }
    if let Some(part) = part_of_derivations(row.algorithm) {
        return part;
    }
    match (purpose, row.key_type) {
        (_, Some(key_type)) if is_post_quantum(key_type) => ELSEWHERE,
        ("wrap" | "unwrap", _) => "wrapping",
        (_, Some(KeyType::EcEdwards | KeyType::EcMontgomery)) => "edwards",
        ("generate" | "generate_key_pair", _) => "sizes",
        ("encrypt" | "decrypt", Some(KeyType::Rsa)) => "rsa_encryption",
        ("encrypt" | "decrypt", _) if is_older_cipher(row) => "ciphers",
        ("encrypt" | "decrypt", _) => "symmetric",
        ("sign" | "verify", Some(KeyType::Rsa)) => "rsa_signatures",
        (_, Some(KeyType::Ec)) => "curves",
        ("sign" | "verify", Some(KeyType::Aes | KeyType::Des3 | KeyType::Poly1305)) => "macs",
        _ => "digests",
    }
}

/// The parts that tests run below.
const PARTS: [&str; 16] = [
    "derivation",
    "tls",
    "agreement",
    "ciphers",
    "symmetric",
    "macs",
    "digests",
    "edwards",
    "rsa_signatures",
    "rsa_encryption",
    "dsa",
    "curves",
    "wrapping",
    "objects",
    "sizes",
    "large",
];

/// Compared by `quantum.rs`, which sees to it that it has all of them: Python has only some.
const ELSEWHERE: &str = "elsewhere";

fn is_post_quantum(key_type: KeyType) -> bool {
    use KeyType as K;
    matches!(key_type, K::MlKem | K::MlDsa | K::SlhDsa | K::Hss | K::Xmss | K::XmssMt)
}

/// The modes of AES that everybody has.
fn is_older_cipher(row: &MechanismSpec) -> bool {
    use Algorithm as Al;
    let vendors = row.kind == MechanismType::CLOUDHSM_AES_GCM;
    let older = [Al::AesEcb, Al::AesCbc, Al::AesCbcPad, Al::AesCtr, Al::AesGcm, Al::AesKw, Al::AesKwp];
    !vendors && older.contains(&row.algorithm)
}

/// The parts for secrets that are derived.
fn part_of_derivations(algorithm: Algorithm) -> Option<&'static str> {
    use Algorithm as Al;
    match algorithm {
        Al::TlsPreMasterGen
        | Al::Ssl3Master
        | Al::Ssl3MasterDh
        | Al::Ssl3KeyAndMac
        | Al::Ssl3Mac
        | Al::TlsMaster
        | Al::TlsMasterDh
        | Al::TlsKeyAndMac
        | Al::TlsPrf
        | Al::Tls12Master
        | Al::Tls12MasterDh
        | Al::Tls12ExtendedMaster
        | Al::Tls12ExtendedMasterDh
        | Al::Tls12KeyAndMac
        | Al::Tls12KeySafe
        | Al::TlsMac
        | Al::TlsKdf => Some("tls"),
        Al::HkdfKeyGen | Al::Pbkdf2 | Al::Pkcs12Pbe | Al::EncryptData => Some("derivation"),
        Al::ParameterGen | Al::DhKeyPairGen | Al::DhDerive | Al::X942Derive | Al::PublicFromPrivate => {
            Some("agreement")
        }
        _ if algorithm.takes_any_secret() => Some("derivation"),
        _ => None,
    }
}

#[test]
fn every_mechanism_is_compared_for_every_purpose() {
    for row in MECHANISMS {
        for purpose in purposes(row) {
            let part = part_for(row, purpose);
            let elsewhere = part == ELSEWHERE && row.key_type.is_some_and(is_post_quantum);
            assert!(elsewhere || PARTS.contains(&part), "nothing compares {} ({purpose})", row.name);
        }
    }
}

#[test]
fn keys_are_derived_as_the_second_implementation_derives_them() {
    compare("derivation");
}

#[test]
fn secrets_of_tls_are_those_of_the_protocol() {
    compare("tls");
}

#[test]
fn secrets_are_agreed_as_the_second_implementation_agrees_them() {
    compare("agreement");
}

#[test]
fn aes_encrypts_as_the_second_implementation_does() {
    compare("ciphers");
}

#[test]
fn other_modes_des_and_chacha20_encrypt_as_the_second_implementation_does() {
    compare("symmetric");
}

#[test]
fn macs_of_block_ciphers_and_poly1305_are_those_of_the_second_implementation() {
    compare("macs");
}

#[test]
fn digests_and_hmacs_are_those_of_the_second_implementation() {
    compare("digests");
}

#[test]
fn eddsa_and_montgomery_curves_are_those_of_the_second_implementation() {
    compare("edwards");
}

#[test]
fn rsa_signs_as_the_second_implementation_does() {
    compare("rsa_signatures");
}

#[test]
fn rsa_encrypts_as_the_second_implementation_does() {
    compare("rsa_encryption");
}

#[test]
fn dsa_signs_as_the_second_implementation_does() {
    compare("dsa");
}

#[test]
fn ecdsa_and_ecdh_are_those_of_the_second_implementation() {
    compare("curves");
}

#[test]
fn keys_are_wrapped_as_the_second_implementation_wraps_them() {
    compare("wrapping");
}

#[test]
fn imported_keys_certificates_and_data_are_what_they_were() {
    compare("objects");
}

#[test]
fn mechanisms_are_those_of_the_table_and_take_keys_of_the_sizes_that_it_says() {
    compare("sizes");
}

#[test]
fn twenty_mebibytes_pass_through_every_mechanism_that_streams() {
    compare("large");
}

/// Runs a part, and sees to it that it compared every mechanism that it's there for.
fn compare(part: &str) {
    assert!(PARTS.contains(&part), "{part} isn't among the parts");
    let cluster = Cluster::start();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/mechanisms/main.py");
    let rows: Vec<Value> = MECHANISMS.iter().map(described).collect();
    let mut comparison = cluster.command(python());
    comparison
        .arg(program)
        .arg(part)
        .env("MODULE", cluster.module())
        .env("PIN", cluster.pin())
        .env("MECHANISMS", Value::from(rows).to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = run(&mut comparison);
    assert_eq!(ended.stderr(), "", "{}", ended.report());
    let said = ended.stdout();
    eprintln!("{}", said.lines().next().unwrap_or_default());
    for row in MECHANISMS {
        for purpose in purposes(row).into_iter().filter(|purpose| part_for(row, purpose) == part) {
            let line = format!("compared {} {purpose}", row.name);
            assert!(said.lines().any(|said| said == line), "{part} leaves out {} ({purpose})", row.name);
        }
    }
}

fn described(row: &MechanismSpec) -> Value {
    json!({
        "name": row.name,
        "kind": row.kind.0,
        "key_type": row.key_type.map(|key_type| format!("{key_type:?}")),
        "algorithm": format!("{:?}", row.algorithm),
        "hash": row.hash.map(|hash| format!("{hash:?}")),
        "min": row.min_key,
        "max": row.max_key,
        "flags": row.purposes.0,
        "purposes": purposes(row),
    })
}

/// What a mechanism is for. A purpose without a name is one that nothing compares.
fn purposes(row: &MechanismSpec) -> Vec<&'static str> {
    let named = PURPOSES.iter().fold(CURVES | RECOVERY, |all, (flag, _)| all | flag);
    assert_eq!(row.purposes.0 & !named, 0, "{} has a purpose that has no name here", row.name);
    PURPOSES.iter().filter(|(flag, _)| row.purposes.contains(*flag)).map(|(_, name)| *name).collect()
}
