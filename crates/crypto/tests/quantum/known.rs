//! Known answers: NIST's ACVP for SLH-DSA and for LMS with hashes of 192 bits, RFC 8554's for HSS.

use strongroom_crypto::{Input, digest, sign, verify};
use strongroom_model::{
    AttributeType as A, Attributes, Hash, Hedge, KeyType, Mechanism, MechanismType, ObjectClass, ReturnCode,
};

use crate::common::{imported, refusal, set, with};

/// The fields of a line, of which the last are bytes in hexadecimal.
fn vectors<const WORDS: usize, const BYTES: usize>(text: &str) -> Vec<([&str; WORDS], [Vec<u8>; BYTES])> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |line| {
        let fields: Vec<&str> = str::split(line, ' ').collect();
        let (words, bytes) = fields.split_at(WORDS);
        let bytes: Vec<_> = bytes.iter().map(|field| unhex(field)).collect();
        (words.try_into().expect("words"), bytes.try_into().expect("fields"))
    };
    lines.map(read).collect()
}

/// `-` is nothing.
fn unhex(field: &str) -> Vec<u8> {
    let digits = if field == "-" { "" } else { field };
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits")).collect()
}

/// The mechanism that hashes first.
fn hashing(name: &str) -> MechanismType {
    match name {
        "pure" => MechanismType::SLH_DSA,
        "SHA2-224" => MechanismType::HASH_SLH_DSA_SHA224,
        "SHA2-256" => MechanismType::HASH_SLH_DSA_SHA256,
        "SHA2-384" => MechanismType::HASH_SLH_DSA_SHA384,
        "SHA2-512" => MechanismType::HASH_SLH_DSA_SHA512,
        "SHA3-224" => MechanismType::HASH_SLH_DSA_SHA3_224,
        "SHA3-256" => MechanismType::HASH_SLH_DSA_SHA3_256,
        "SHA3-384" => MechanismType::HASH_SLH_DSA_SHA3_384,
        "SHA3-512" => MechanismType::HASH_SLH_DSA_SHA3_512,
        "SHAKE-128" => MechanismType::HASH_SLH_DSA_SHAKE128,
        "SHAKE-256" => MechanismType::HASH_SLH_DSA_SHAKE256,
        other => panic!("there is no hash {other}"),
    }
}

#[test]
fn slh_dsa_signs_as_nist_does() {
    let mut sets = [0; 12];
    for ([case, number, hash], [private, message, context, digested]) in
        vectors::<3, 4>(include_str!("vectors/slhdsa.txt"))
    {
        let number: u64 = number.parse().expect("a number");
        sets[number as usize - 1] += 1;
        // PK.seed and PK.root are at the end.
        let public = set(number).with(A::VALUE, &private[private.len() / 2..]);
        let private = set(number).with(A::VALUE, private);
        let key = imported(ObjectClass::PrivateKey, KeyType::SlhDsa, &private).expect(case);
        let mechanism = with(hashing(hash), Hedge::Deterministic, &context);
        let signature = sign(&key, &mechanism, Input::Message(&message)).expect(case);
        assert_eq!(digest::digest(Hash::Sha256, &[&signature]), digested, "{case}");
        let public = imported(ObjectClass::PublicKey, KeyType::SlhDsa, &public).expect(case);
        verify(&public, &mechanism, Input::Message(&message), &signature).expect(case);
    }
    assert!(!sets.contains(&0), "{sets:?}");
}

#[test]
fn hss_signatures_are_judged_as_published() {
    let mut seen = [0, 0];
    for ([case, verdict], [public, message, signature]) in vectors::<2, 3>(include_str!("vectors/hss.txt")) {
        let public = Attributes::new().with(A::VALUE, public);
        let key = imported(ObjectClass::PublicKey, KeyType::Hss, &public).expect(case);
        let said = verify(&key, &Mechanism::plain(MechanismType::HSS), Input::Message(&message), &signature);
        seen[usize::from(verdict == "good")] += 1;
        match verdict {
            "good" => said.expect(case),
            _ => assert_eq!(refusal(said), ReturnCode::SIGNATURE_INVALID, "{case}"),
        }
    }
    assert!(!seen.contains(&0), "{seen:?}");
}
