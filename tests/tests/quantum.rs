//! Post-quantum mechanisms by raw calls, compared with the crates `ml-kem`, `ml-dsa`, `slh-dsa`, `hbs-lms` and `xmss`.
//! Wycheproof's vectors for ML-KEM and ML-DSA are in `wycheproof/post_quantum.rs`.

use cryptoki_sys::*;
use hbs_lms::signature::SignerMut;
use ml_dsa::MlDsaParams;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::Digest;
use shake::digest::{ExtendableOutput, Update, XofReader};
use strongroom_model::{Algorithm, Hash, KeyType, MECHANISMS, MechanismSpec, MechanismType, ReturnCode};
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Pair, Raw, Session, Template, Word};

const CONTEXT: &[u8] = b"a context";

fn with_session(play: impl FnOnce(&Raw, &Session<'_>)) {
    let cluster = Cluster::start();
    let raw = Raw::start(&cluster);
    play(&raw, &raw.logged_in(&cluster));
}

/// A pair that signs, whose private half may leave wrapped.
fn signer(session: &Session<'_>, generator: CK_MECHANISM_TYPE, set: u64) -> Pair {
    let public = Template::new().number(CKA_PARAMETER_SET, set).may(&[CKA_VERIFY]);
    let private = Template::new().may(&[CKA_SIGN, CKA_EXTRACTABLE]);
    session.generate_pair(generator, &public, &private).expect("a key pair")
}

fn with_context(kind: CK_MECHANISM_TYPE, hedge: u64) -> Mechanism {
    let words = [Word::Number(hedge), Word::Pointer(CONTEXT), Word::Number(CONTEXT.len() as u64)];
    Mechanism::structured(kind, &words)
}

/// The message, or its digest for mechanisms that take one.
fn signable(row: &MechanismSpec, message: &[u8]) -> (Vec<u8>, Mechanism) {
    match row.algorithm {
        Algorithm::MlDsaOfDigest | Algorithm::SlhDsaOfDigest => {
            let words = [
                Word::Number(CKH_DETERMINISTIC_REQUIRED),
                Word::Pointer(CONTEXT),
                Word::Number(CONTEXT.len() as u64),
                Word::Number(CKM_SHA3_256),
            ];
            (vec![7; Hash::Sha3_256.len()], Mechanism::structured(row.kind.0, &words))
        }
        Algorithm::MlDsaMu => {
            let words = [Word::Number(CKH_DETERMINISTIC_REQUIRED), Word::Pointer(&[]), Word::Number(0)];
            (vec![7; 64], Mechanism::structured(row.kind.0, &words))
        }
        _ => (message.to_vec(), with_context(row.kind.0, CKH_DETERMINISTIC_REQUIRED)),
    }
}

/// Signs whole and in parts, which must come to the same, and verifies both ways.
fn sign_and_verify(session: &Session<'_>, row: &MechanismSpec, pair: &Pair, message: &[u8]) -> Vec<u8> {
    let (data, mechanism) = signable(row, message);
    session.sign_init(&mechanism, pair.private).expect("C_SignInit");
    let signature = session.sign(&data).expect("C_Sign");
    session.sign_init(&mechanism, pair.private).expect("C_SignInit");
    for part in data.chunks(30_000) {
        session.sign_update(part).expect("C_SignUpdate");
    }
    assert_eq!(session.sign_final(), Ok(signature.clone()), "{}", row.name);

    let verify = |data: &[u8], signature: &[u8]| {
        session.verify_init(&mechanism, pair.public)?;
        session.verify(data, signature)
    };
    verify(&data, &signature).expect("C_Verify");
    let mut changed = data.clone();
    changed[0] ^= 1;
    assert_eq!(verify(&changed, &signature), Err(ReturnCode::SIGNATURE_INVALID), "{}", row.name);
    assert_eq!(verify(&data, &signature[1..]), Err(ReturnCode::SIGNATURE_LEN_RANGE), "{}", row.name);
    signature
}

/// What a mechanism signs of a message, as FIPS 204 section 5.4 and FIPS 205 section 10.2.2 put it together: M'.
fn signed(row: &MechanismSpec, message: &[u8]) -> Vec<u8> {
    let (hash, digest) = match row.algorithm {
        Algorithm::MlDsa | Algorithm::SlhDsa => {
            return [&[0, CONTEXT.len() as u8], CONTEXT, message].concat();
        }
        // `signable` says so.
        Algorithm::MlDsaOfDigest | Algorithm::SlhDsaOfDigest => (8, message.to_vec()),
        _ => digested(row.name, message),
    };
    // Hashes of NIST's: 2.16.840.1.101.3.4.2.
    let oid = [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hash];
    [&[1, CONTEXT.len() as u8], CONTEXT, &oid, &digest].concat()
}

/// The last number of a hash's name in ASN.1, and what it makes of a message.
fn digested(mechanism: &str, message: &[u8]) -> (u8, Vec<u8>) {
    fn of<D: Digest>(message: &[u8]) -> Vec<u8> {
        D::digest(message).to_vec()
    }
    fn shake<X: Default + Update + ExtendableOutput>(message: &[u8], len: usize) -> Vec<u8> {
        let mut sponge = X::default();
        sponge.update(message);
        let mut output = vec![0; len];
        sponge.finalize_xof().read(&mut output);
        output
    }
    let (_, hash) =
        mechanism.split_once("LH_DSA_").or_else(|| mechanism.split_once("L_DSA_")).expect("a hash");
    match hash {
        "SHA224" => (4, of::<sha2::Sha224>(message)),
        "SHA256" => (1, of::<sha2::Sha256>(message)),
        "SHA384" => (2, of::<sha2::Sha384>(message)),
        "SHA512" => (3, of::<sha2::Sha512>(message)),
        "SHA3_224" => (7, of::<sha3::Sha3_224>(message)),
        "SHA3_256" => (8, of::<sha3::Sha3_256>(message)),
        "SHA3_384" => (9, of::<sha3::Sha3_384>(message)),
        "SHA3_512" => (10, of::<sha3::Sha3_512>(message)),
        "SHAKE128" => (11, shake::<shake::Shake128>(message, 32)),
        "SHAKE256" => (12, shake::<shake::Shake256>(message, 64)),
        _ => panic!("{mechanism} has a hash that nothing here knows"),
    }
}

/// A message that nobody has seen; set `SEED` to repeat one.
fn random_message(len: usize) -> Vec<u8> {
    let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().expect("a number"));
    eprintln!("SEED={seed}");
    let mut message = vec![0; len];
    StdRng::seed_from_u64(seed).fill_bytes(&mut message);
    message
}

/// Each is compared below with a second implementation; an algorithm that comes to the table comes here.
#[test]
fn every_post_quantum_mechanism_is_compared() {
    use Algorithm as Al;
    use KeyType as K;
    for row in MECHANISMS {
        let Some(K::MlKem | K::MlDsa | K::SlhDsa | K::Hss | K::Xmss | K::XmssMt) = row.key_type else {
            continue;
        };
        let compared = match row.algorithm {
            // By their rows.
            Al::MlDsa | Al::HashMlDsa | Al::MlDsaOfDigest | Al::MlDsaMu => row.key_type == Some(K::MlDsa),
            Al::SlhDsa | Al::HashSlhDsa | Al::SlhDsaOfDigest => row.key_type == Some(K::SlhDsa),
            // One by one, and the generators by what their pairs do.
            _ => [
                CKM_ML_KEM,
                CKM_HSS,
                CKM_XMSS,
                CKM_XMSSMT,
                CKM_ML_KEM_KEY_PAIR_GEN,
                CKM_ML_DSA_KEY_PAIR_GEN,
                CKM_SLH_DSA_KEY_PAIR_GEN,
            ]
            .contains(&row.kind.0),
        };
        assert!(compared, "{} is compared with nothing", row.name);
    }
}

fn rows(key_type: KeyType) -> impl Iterator<Item = &'static MechanismSpec> {
    MECHANISMS.iter().filter(move |row| row.key_type == Some(key_type) && row.purposes.contains(CKF_SIGN))
}

/// Private parts don't come out, and the key lives on in its wrapped form.
fn is_kept_and_wraps(
    session: &Session<'_>,
    key_type: CK_KEY_TYPE,
    pair: &Pair,
    seeded: bool,
) -> CK_OBJECT_HANDLE {
    let seed = if seeded { ReturnCode::ATTRIBUTE_SENSITIVE } else { ReturnCode::ATTRIBUTE_TYPE_INVALID };
    assert_eq!(session.attribute(pair.private, CKA_VALUE), Err(ReturnCode::ATTRIBUTE_SENSITIVE));
    let said = session.attribute(pair.private, CKA_SEED);
    assert!(said == Err(seed) || said == Err(ReturnCode::ATTRIBUTE_SENSITIVE), "{said:?}");
    let kek = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_WRAP, CKA_UNWRAP]);
    let kek = session.generate(CKM_AES_KEY_GEN, &kek).expect("a key");
    let kwp = Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    let wrapped = session.wrap(&kwp, kek, pair.private).expect("C_WrapKey");
    let template = Template::key(CKO_PRIVATE_KEY, key_type).may(&[CKA_SIGN]);
    let again = session.unwrap(&kwp, kek, &wrapped, &template).expect("C_UnwrapKey");
    let info = |key| session.attribute(key, CKA_PUBLIC_KEY_INFO).expect("CKA_PUBLIC_KEY_INFO");
    assert_eq!(info(again), info(pair.public));
    again
}

#[test]
fn ml_dsa_signs_by_every_mechanism() {
    fn verifies<P: MlDsaParams>(row: &MechanismSpec, public: &[u8], data: &[u8], signature: &[u8]) -> bool {
        let key = ml_dsa::VerifyingKey::<P>::decode(&public.try_into().expect("a public key"));
        let signature = ml_dsa::Signature::<P>::try_from(signature).expect("a signature");
        match row.algorithm {
            Algorithm::MlDsaMu => key.verify_mu(&data.try_into().expect("64 bytes"), &signature),
            Algorithm::MlDsa => key.verify_with_context(data, CONTEXT, &signature),
            _ => key.verify_internal(&signed(row, data), &signature),
        }
    }
    alone(|| {
        with_session(|_, session| {
            type Verifies = fn(&MechanismSpec, &[u8], &[u8], &[u8]) -> bool;
            let pure = MechanismType::ML_DSA.spec().expect("a row");
            let sets: [(u64, usize, Verifies); 3] = [
                (CKP_ML_DSA_44, 2420, verifies::<ml_dsa::MlDsa44>),
                (CKP_ML_DSA_65, 3309, verifies::<ml_dsa::MlDsa65>),
                (CKP_ML_DSA_87, 4627, verifies::<ml_dsa::MlDsa87>),
            ];
            let message = random_message(200_000);
            for (set, len, verifies) in sets {
                let pair = signer(session, CKM_ML_DSA_KEY_PAIR_GEN, set);
                let public = session.attribute(pair.public, CKA_VALUE).expect("CKA_VALUE");
                for row in rows(KeyType::MlDsa) {
                    let signature = sign_and_verify(session, row, &pair, &message);
                    assert_eq!(signature.len(), len, "{}", row.name);
                    let (data, _) = signable(row, &message);
                    assert!(verifies(row, &public, &data, &signature), "{}", row.name);
                }
                let again = is_kept_and_wraps(session, CKK_ML_DSA, &pair, true);
                session.sign_init(&with_context(CKM_ML_DSA, CKH_HEDGE_REQUIRED), again).expect("C_SignInit");
                assert!(verifies(pure, &public, b"message", &session.sign(b"message").expect("C_Sign")));
            }
        });
    });
}

#[test]
fn slh_dsa_signs_by_every_mechanism() {
    fn verifies<P: slh_dsa::ParameterSet>(
        row: &MechanismSpec,
        public: &[u8],
        data: &[u8],
        signature: &[u8],
    ) -> bool {
        let key = slh_dsa::VerifyingKey::<P>::try_from(public).expect("a public key");
        let signature = slh_dsa::Signature::<P>::try_from(signature).expect("a signature");
        key.slh_verify_internal(&[&signed(row, data)], &signature).is_ok()
    }
    alone(|| {
        with_session(|_, session| {
            let message = random_message(100_000);
            let pure = MechanismType::SLH_DSA.spec().expect("a row");
            for (place, row) in rows(KeyType::SlhDsa).enumerate() {
                // One of the fast sets for each, since signing takes long.
                let set = [CKP_SLH_DSA_SHA2_128F, CKP_SLH_DSA_SHAKE_128F][place % 2];
                let pair = signer(session, CKM_SLH_DSA_KEY_PAIR_GEN, set);
                let signature = sign_and_verify(session, row, &pair, &message);
                assert_eq!(signature.len(), 17088, "{}", row.name);
                let public = session.attribute(pair.public, CKA_VALUE).expect("CKA_VALUE");
                let verifies = [verifies::<slh_dsa::Sha2_128f>, verifies::<slh_dsa::Shake128f>][place % 2];
                let (data, _) = signable(row, &message);
                assert!(verifies(row, &public, &data, &signature), "{}", row.name);
                if row.algorithm == Algorithm::SlhDsa {
                    is_kept_and_wraps(session, CKK_SLH_DSA, &pair, false);
                }
            }
            let pair = signer(session, CKM_SLH_DSA_KEY_PAIR_GEN, CKP_SLH_DSA_SHA2_256S);
            let mechanism = with_context(CKM_SLH_DSA, CKH_HEDGE_PREFERRED);
            session.sign_init(&mechanism, pair.private).expect("C_SignInit");
            let signature = session.sign(b"message").expect("C_Sign");
            let public = session.attribute(pair.public, CKA_VALUE).expect("CKA_VALUE");
            assert!(verifies::<slh_dsa::Sha2_256s>(pure, &public, b"message", &signature));
        });
    });
}

#[test]
fn contexts_and_hedges_that_are_none_are_refused() {
    alone(|| {
        with_session(|_, session| {
            let pair = signer(session, CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_44);
            let refused = |mechanism: &Mechanism| session.sign_init(mechanism, pair.private).unwrap_err();
            let long = [1; 256];
            for words in [
                &[Word::Number(0), Word::Pointer(&long), Word::Number(256)][..],
                &[Word::Number(3), Word::Pointer(CONTEXT), Word::Number(9)],
                &[Word::Number(0), Word::Pointer(&[]), Word::Number(9)],
                &[Word::Number(0), Word::Number(0)],
                &[Word::Number(0), Word::Pointer(CONTEXT), Word::Number(9), Word::Number(CKM_SHA256)],
            ] {
                let said = refused(&Mechanism::structured(CKM_ML_DSA, words));
                assert_eq!(said, ReturnCode::MECHANISM_PARAM_INVALID, "{words:?}");
            }
            for hash in [CKM_SHA256_HMAC, CKM_RSA_PKCS, 0, u64::MAX] {
                let words = [Word::Number(0), Word::Pointer(&[]), Word::Number(0), Word::Number(hash)];
                let said = refused(&Mechanism::structured(CKM_HASH_ML_DSA, &words));
                assert_eq!(said, ReturnCode::MECHANISM_PARAM_INVALID, "{hash}");
            }
            assert_eq!(refused(&Mechanism::plain(CKM_HASH_ML_DSA)), ReturnCode::MECHANISM_PARAM_INVALID);
            let set = Template::new().number(CKA_PARAMETER_SET, 4);
            let said = session.generate_pair(CKM_ML_DSA_KEY_PAIR_GEN, &set, &Template::new());
            assert_eq!(said.map(|pair| pair.public), Err(ReturnCode::PARAMETER_SET_NOT_SUPPORTED));
        });
    });
}

#[test]
fn hash_based_signatures_of_others_verify() {
    alone(|| {
        with_session(|_, session| {
            let verify = |key_type, kind, value: &[u8], signature: &[u8]| {
                let template =
                    Template::key(CKO_PUBLIC_KEY, key_type).bytes(CKA_VALUE, value).may(&[CKA_VERIFY]);
                let key = session.create(&template).expect("C_CreateObject");
                let check = |message: &[u8], signature: &[u8]| {
                    session.verify_init(&Mechanism::plain(kind), key)?;
                    session.verify(message, signature)
                };
                check(b"message", signature).expect("C_Verify");
                assert_eq!(check(b"massage", signature), Err(ReturnCode::SIGNATURE_INVALID));
                for len in [0, 100, signature.len() - 1] {
                    assert_eq!(check(b"message", &signature[..len]), Err(ReturnCode::SIGNATURE_INVALID));
                }
                key
            };
            let (ots, tree) = (hbs_lms::LmotsAlgorithm::LmotsW8, hbs_lms::LmsAlgorithm::LmsH5);
            let parameters = [hbs_lms::HssParameter::<hbs_lms::Sha256_256>::new(ots, tree)];
            let made = hbs_lms::keygen(&parameters, &hbs_lms::Seed::default(), None);
            let (mut private, public) = made.expect("a key pair");
            let signature = private.try_sign(b"message").expect("a signature");
            let key = verify(CKK_HSS, CKM_HSS, public.as_slice(), signature.as_ref());
            let number = |attribute| session.attribute(key, attribute).expect("an attribute");
            assert_eq!(number(CKA_HSS_LEVELS), 1_u64.to_ne_bytes());
            assert_eq!(number(CKA_HSS_LMS_TYPE), 5_u64.to_ne_bytes());
            assert_eq!(number(CKA_HSS_LMOTS_TYPE), 4_u64.to_ne_bytes());

            let mut pair =
                xmss::KeyPair::<xmss::XmssMtSha2_20_4_256>::generate(&mut rand::rng()).expect("a pair");
            let public = pair.verifying_key().as_ref().to_vec();
            let signature = pair.signing_key().sign_detached(b"message").expect("a signature");
            let key = verify(CKK_XMSSMT, CKM_XMSSMT, &public, signature.as_ref());
            assert_eq!(session.attribute(key, CKA_PARAMETER_SET), Ok(2_u64.to_ne_bytes().to_vec()));

            let mut pair =
                xmss::KeyPair::<xmss::XmssSha2_10_256>::generate(&mut rand::rng()).expect("a pair");
            let public = pair.verifying_key().as_ref().to_vec();
            let signature = pair.signing_key().sign_detached(b"message").expect("a signature");
            verify(CKK_XMSS, CKM_XMSS, &public, signature.as_ref());
        });
    });
}

#[test]
fn ml_kem_agrees_with_the_second_implementation() {
    use ml_kem::kem::Decapsulate;
    alone(|| {
        with_session(|raw, session| {
            let public = Template::new().number(CKA_PARAMETER_SET, CKP_ML_KEM_768).may(&[CKA_ENCAPSULATE]);
            let private = Template::new().may(&[CKA_DECAPSULATE, CKA_EXTRACTABLE]).flag(CKA_SENSITIVE, false);
            let pair = session.generate_pair(CKM_ML_KEM_KEY_PAIR_GEN, &public, &private).expect("a pair");
            let secret = Template::new().flag(CKA_SENSITIVE, false).may(&[CKA_EXTRACTABLE]);
            let kem = Mechanism::plain(CKM_ML_KEM);
            let (ciphertext, key) = raw.encapsulate(session, &kem, pair.public, &secret).expect("a secret");
            let seed = session.attribute(pair.private, CKA_SEED).expect("CKA_SEED");
            let seed = ml_kem::Seed::try_from(seed.as_slice()).expect("a seed");
            let other = ml_kem::DecapsulationKey::<ml_kem::MlKem768>::from_seed(seed);
            let shared = other.decapsulate_slice(&ciphertext).expect("a secret").to_vec();
            assert_eq!(session.attribute(key, CKA_VALUE), Ok(shared.clone()));
            let key = raw.decapsulate(session, &kem, pair.private, &ciphertext, &secret).expect("a secret");
            assert_eq!(session.attribute(key, CKA_VALUE), Ok(shared));
            // The secret has 32 bytes: it makes no key of another length.
            let short = Template::key(CKO_SECRET_KEY, CKK_AES).number(CKA_VALUE_LEN, 16);
            let said = raw.decapsulate(session, &kem, pair.private, &ciphertext, &short);
            assert_eq!(said, Err(ReturnCode::ATTRIBUTE_VALUE_INVALID));
            let aes = Template::key(CKO_SECRET_KEY, CKK_AES);
            raw.decapsulate(session, &kem, pair.private, &ciphertext, &aes).expect("an AES key");
        });
    });
}
