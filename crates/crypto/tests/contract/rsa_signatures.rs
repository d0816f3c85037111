use md5::Md5;
use rsa::{Pkcs1v15Sign, Pss};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use strongroom_crypto::{Input, digest::digest, encrypt, sign, to_pkcs8, verify};
use strongroom_model::{Hash, Mechanism, MechanismType, Params, ReturnCode};

use crate::common::{Desk, M, RSA, code, hash_name, other_rsa, rsa_pair};

const MESSAGE: &[u8] = b"Who signs this, and with what?";
const PKCS: [(MechanismType, Hash); 5] = [
    (M::SHA1_RSA_PKCS, Hash::Sha1),
    (M::SHA224_RSA_PKCS, Hash::Sha224),
    (M::SHA256_RSA_PKCS, Hash::Sha256),
    (M::SHA384_RSA_PKCS, Hash::Sha384),
    (M::SHA512_RSA_PKCS, Hash::Sha512),
];
const PSS: [(MechanismType, Hash); 5] = [
    (M::SHA1_RSA_PKCS_PSS, Hash::Sha1),
    (M::SHA224_RSA_PKCS_PSS, Hash::Sha224),
    (M::SHA256_RSA_PKCS_PSS, Hash::Sha256),
    (M::SHA384_RSA_PKCS_PSS, Hash::Sha384),
    (M::SHA512_RSA_PKCS_PSS, Hash::Sha512),
];

fn scheme(hash: Hash) -> Pkcs1v15Sign {
    match hash {
        Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Hash::Sha224 => Pkcs1v15Sign::new::<Sha224>(),
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        Hash::Sha512_224 => Pkcs1v15Sign::new::<Sha512_224>(),
        Hash::Sha512_256 => Pkcs1v15Sign::new::<Sha512_256>(),
        Hash::Sha3_224 => Pkcs1v15Sign::new::<Sha3_224>(),
        Hash::Sha3_256 => Pkcs1v15Sign::new::<Sha3_256>(),
        Hash::Sha3_384 => Pkcs1v15Sign::new::<Sha3_384>(),
        Hash::Sha3_512 => Pkcs1v15Sign::new::<Sha3_512>(),
        Hash::Md5 => Pkcs1v15Sign::new::<Md5>(),
    }
}

fn pss(kind: MechanismType, hash: Hash, mgf: Hash, salt: u32) -> Mechanism {
    Mechanism { kind, params: Params::Pss { hash, mgf, salt } }
}

#[test]
fn pkcs1_agrees_with_the_rsa_crate_for_every_hash() {
    let other = other_rsa(&RSA.key);
    for (kind, hash) in PKCS {
        let mechanism = Mechanism::plain(kind);
        let hashed = digest(hash, &[MESSAGE]);
        let theirs = other.sign(scheme(hash), &hashed).unwrap();
        // PKCS #1 v1.5 signatures are deterministic.
        assert_eq!(sign(&RSA.key, &mechanism, Input::Message(MESSAGE)).unwrap()[..], theirs[..], "{kind}");
        assert_eq!(sign(&RSA.key, &mechanism, Input::Digest(&hashed)).unwrap()[..], theirs[..], "{kind}");
        verify(&RSA.public_key, &mechanism, Input::Message(MESSAGE), &theirs).unwrap();
        verify(&RSA.public_key, &mechanism, Input::Digest(&hashed), &theirs).unwrap();
        for (input, signature, wanted) in [
            (Input::Message(b"other"), theirs.clone(), ReturnCode::SIGNATURE_INVALID),
            (Input::Message(MESSAGE), flipped(&theirs, 100), ReturnCode::SIGNATURE_INVALID),
            (Input::Message(MESSAGE), vec![0xff; 256], ReturnCode::SIGNATURE_INVALID),
            (Input::Message(MESSAGE), theirs[1..].to_vec(), ReturnCode::SIGNATURE_LEN_RANGE),
            (Input::Message(MESSAGE), vec![], ReturnCode::SIGNATURE_LEN_RANGE),
            (Input::Digest(&hashed[1..]), theirs.clone(), ReturnCode::DATA_LEN_RANGE),
        ] {
            assert_eq!(code(verify(&RSA.public_key, &mechanism, input, &signature)), wanted, "{kind}");
        }
    }
}

#[test]
fn pkcs1_signs_any_bytes_that_fit() {
    let mechanism = Mechanism::plain(M::RSA_PKCS);
    let other = other_rsa(&RSA.key);
    for len in [0, 1, 20, 36, 51, 244, 245] {
        let data = vec![0xa5; len];
        let signature = sign(&RSA.key, &mechanism, Input::Message(&data)).unwrap();
        assert_eq!(signature[..], other.sign(Pkcs1v15Sign::new_unprefixed(), &data).unwrap()[..]);
        verify(&RSA.public_key, &mechanism, Input::Message(&data), &signature).unwrap();
        assert_eq!(
            code(verify(&RSA.public_key, &mechanism, Input::Message(b"other"), &signature)),
            ReturnCode::SIGNATURE_INVALID
        );
    }
    let long = Input::Message(&[0; 246]);
    assert_eq!(code(sign(&RSA.key, &mechanism, long)), ReturnCode::DATA_LEN_RANGE);
    assert_eq!(code(verify(&RSA.public_key, &mechanism, long, &[0; 256])), ReturnCode::DATA_LEN_RANGE);
}

#[test]
fn pss_agrees_with_the_rsa_crate_for_every_hash() {
    let other = other_rsa(&RSA.key);
    for (kind, hash) in PSS {
        let hashed = digest(hash, &[MESSAGE]);
        for salt in [0, 1, hash.len(), 256 - 2 - hash.len()] {
            let mechanism = pss(kind, hash, hash, salt as u32);
            let ours = sign(&RSA.key, &mechanism, Input::Message(MESSAGE)).unwrap();
            let (theirs, agreed) = match hash {
                Hash::Sha1 => with_pss::<Sha1>(&other, &hashed, salt, &ours),
                Hash::Sha224 => with_pss::<Sha224>(&other, &hashed, salt, &ours),
                Hash::Sha256 => with_pss::<Sha256>(&other, &hashed, salt, &ours),
                Hash::Sha384 => with_pss::<Sha384>(&other, &hashed, salt, &ours),
                Hash::Sha512 => with_pss::<Sha512>(&other, &hashed, salt, &ours),
                Hash::Sha512_224 => with_pss::<Sha512_224>(&other, &hashed, salt, &ours),
                Hash::Sha512_256 => with_pss::<Sha512_256>(&other, &hashed, salt, &ours),
                Hash::Sha3_224 => with_pss::<Sha3_224>(&other, &hashed, salt, &ours),
                Hash::Sha3_256 => with_pss::<Sha3_256>(&other, &hashed, salt, &ours),
                Hash::Sha3_384 => with_pss::<Sha3_384>(&other, &hashed, salt, &ours),
                Hash::Sha3_512 => with_pss::<Sha3_512>(&other, &hashed, salt, &ours),
                Hash::Md5 => with_pss::<Md5>(&other, &hashed, salt, &ours),
            };
            assert!(agreed, "{kind}, salt {salt}");
            verify(&RSA.public_key, &mechanism, Input::Message(MESSAGE), &theirs).unwrap();
            let prehashed = pss(M::RSA_PKCS_PSS, hash, hash, salt as u32);
            verify(&RSA.public_key, &prehashed, Input::Message(&hashed), &theirs).unwrap();
            let wrong_salt = pss(kind, hash, hash, if salt == 0 { 1 } else { 0 });
            for (mechanism, signature) in [(&wrong_salt, theirs.clone()), (&mechanism, flipped(&theirs, 9))] {
                assert_eq!(
                    code(verify(&RSA.public_key, mechanism, Input::Message(MESSAGE), &signature)),
                    ReturnCode::SIGNATURE_INVALID
                );
            }
        }
    }
}

/// Their signature, and whether they accept ours.
fn with_pss<D>(key: &rsa::RsaPrivateKey, hashed: &[u8], salt: usize, ours: &[u8]) -> (Vec<u8>, bool)
where
    Pss<D>: rsa::traits::SignatureScheme,
    D: sha2::Digest,
{
    let theirs = key.sign_with_rng(&mut rand::rng(), Pss::<D>::new_with_salt(salt), hashed).unwrap();
    (theirs, key.to_public_key().verify(Pss::<D>::new_with_salt(salt), hashed, ours).is_ok())
}

#[test]
fn pss_agrees_with_openssl_where_the_mask_has_another_hash() {
    let desk = Desk::new();
    desk.put("key.der", &to_pkcs8(&RSA.key).unwrap());
    for hash in Hash::ALL {
        let hashed = digest(hash, &[MESSAGE]);
        desk.put("digest", &hashed);
        for mgf in Hash::ALL {
            let mechanism = pss(M::RSA_PKCS_PSS, hash, mgf, 17);
            let options = [
                "-inkey",
                "key.der",
                "-keyform",
                "DER",
                "-in",
                "digest",
                "-pkeyopt",
                "rsa_padding_mode:pss",
                "-pkeyopt",
                &format!("digest:{}", hash_name(hash)),
                "-pkeyopt",
                &format!("rsa_mgf1_md:{}", hash_name(mgf)),
                "-pkeyopt",
                "rsa_pss_saltlen:17",
            ];
            let theirs = desk.openssl(&[&["pkeyutl", "-sign"], &options[..]].concat());
            verify(&RSA.public_key, &mechanism, Input::Message(&hashed), &theirs).unwrap();
            desk.put("signature", &sign(&RSA.key, &mechanism, Input::Message(&hashed)).unwrap());
            desk.openssl(&[&["pkeyutl", "-verify", "-sigfile", "signature"], &options[..]].concat());
        }
    }
}

#[test]
fn pss_refuses_parameters_that_cant_be() {
    let data = [7; 32];
    for (mechanism, wanted) in [
        (pss(M::RSA_PKCS_PSS, Hash::Sha256, Hash::Sha256, 222), ReturnCode::OK),
        (pss(M::RSA_PKCS_PSS, Hash::Sha256, Hash::Sha256, 223), ReturnCode::MECHANISM_PARAM_INVALID),
        (pss(M::RSA_PKCS_PSS, Hash::Sha256, Hash::Sha256, u32::MAX), ReturnCode::MECHANISM_PARAM_INVALID),
        (pss(M::RSA_PKCS_PSS, Hash::Sha384, Hash::Sha256, 0), ReturnCode::DATA_LEN_RANGE),
        (pss(M::SHA256_RSA_PKCS_PSS, Hash::Sha1, Hash::Sha1, 0), ReturnCode::MECHANISM_PARAM_INVALID),
        (Mechanism::plain(M::RSA_PKCS_PSS), ReturnCode::MECHANISM_PARAM_INVALID),
    ] {
        assert_eq!(code(sign(&RSA.key, &mechanism, Input::Message(&data))), wanted, "{mechanism:?}");
    }
    let mechanism = Mechanism { kind: M::RSA_PKCS, params: Params::Iv(vec![0; 16].into()) };
    assert_eq!(code(sign(&RSA.key, &mechanism, Input::Message(&data))), ReturnCode::MECHANISM_PARAM_INVALID);
    // 1,024 bits have no room for two SHA-512s: salt and digest.
    let small = rsa_pair(1024);
    let mechanism = pss(M::SHA512_RSA_PKCS_PSS, Hash::Sha512, Hash::Sha512, 64);
    assert_eq!(
        code(sign(&small.key, &mechanism, Input::Message(&data))),
        ReturnCode::MECHANISM_PARAM_INVALID
    );
}

#[test]
fn raw_signatures_are_the_bare_operation() {
    let raw = Mechanism::plain(M::RSA_X_509);
    // What PKCS #1 pads, padded by hand.
    let data = [0x42; 35];
    let mut block = vec![0xff; 256];
    block[..2].copy_from_slice(&[0, 1]);
    block[220] = 0;
    block[221..].copy_from_slice(&data);
    let signature = sign(&RSA.key, &raw, Input::Message(&block)).unwrap();
    assert_eq!(signature, sign(&RSA.key, &Mechanism::plain(M::RSA_PKCS), Input::Message(&data)).unwrap());
    verify(&RSA.public_key, &raw, Input::Message(&block), &signature).unwrap();
    // Leading zeros may be left out.
    verify(&RSA.public_key, &raw, Input::Message(&block[1..]), &signature).unwrap();
    assert_eq!(
        code(verify(&RSA.public_key, &raw, Input::Message(b"other"), &signature)),
        ReturnCode::SIGNATURE_INVALID
    );

    let modulus = RSA.public.bytes(crate::common::A::MODULUS).unwrap();
    let mut below = modulus.to_vec();
    below[255] -= 1;
    // The numbers that stay what they are.
    for fixed in [vec![], vec![0; 256], vec![1], below.clone()] {
        let signature = sign(&RSA.key, &raw, Input::Message(&fixed)).unwrap();
        let mut padded = vec![0; 256 - fixed.len()];
        padded.extend_from_slice(&fixed);
        assert_eq!(signature[..], padded[..]);
        assert_eq!(encrypt(&RSA.public_key, &raw, &signature).unwrap(), signature);
    }
    assert_eq!(code(sign(&RSA.key, &raw, Input::Message(modulus))), ReturnCode::DATA_INVALID);
    assert_eq!(code(sign(&RSA.key, &raw, Input::Message(&[0xff; 256]))), ReturnCode::DATA_INVALID);
    assert_eq!(code(sign(&RSA.key, &raw, Input::Message(&[0; 257]))), ReturnCode::DATA_LEN_RANGE);
}

#[test]
fn many_threads_share_a_key() {
    let mechanism = Mechanism::plain(M::SHA256_RSA_PKCS);
    let wanted = sign(&RSA.key, &mechanism, Input::Message(MESSAGE)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(sign(&RSA.key, &mechanism, Input::Message(MESSAGE)).unwrap(), wanted);
                }
            });
        }
    });
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
