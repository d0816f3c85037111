//! The vendor's limits on data and on SP 800-108, through the module under `cloudhsm` (cloudhsm.md 5.4 and 5.7), and EdDSA's 16,000
//! bytes: each boundary on both sides, and that `standard` has none of them.

use cryptoki_sys::*;
use strongroom_model::{MechanismType, ReturnCode};
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Pair, Raw, Rv, Session, Template, Word};

/// CloudHSM's own (cloudhsm.md 5.4).
const VENDORS_KDF: CK_MECHANISM_TYPE = CKM_VENDOR_DEFINED | 1;
const VENDORS_GCM: CK_MECHANISM_TYPE = CKM_VENDOR_DEFINED | 0x1087;
/// The most data for one call, in bytes.
const LIMITS: [(CK_MECHANISM_TYPE, usize); 10] = [
    (CKM_SHA_1_HMAC, 16_288),
    (CKM_SHA224_HMAC, 16_256),
    (CKM_SHA256_HMAC, 16_288),
    (CKM_SHA384_HMAC, 16_224),
    (CKM_SHA512_HMAC, 16_224),
    (CKM_AES_CBC, 16_272),
    (CKM_AES_GCM, 16_224),
    (VENDORS_GCM, 16_224),
    (CKM_DES3_CBC, 16_280),
    (CKM_EDDSA, 16_000),
];
/// The name of Ed25519 in DER (RFC 8410).
const ED25519: [u8; 5] = [6, 3, 0x2b, 0x65, 0x70];

fn under(profile: &str, play: impl FnOnce(&Session<'_>)) {
    let builder = Cluster::builder().profile(profile);
    let builder = if profile == "cloudhsm" { builder.option("--mode", "NON_FIPS") } else { builder };
    let cluster = builder.start();
    let raw = Raw::start(&cluster);
    play(&raw.logged_in(&cluster));
    raw.finalize().expect("C_Finalize");
}

fn keys(session: &Session<'_>, kind: CK_MECHANISM_TYPE) -> Pair {
    let usages = [CKA_ENCRYPT, CKA_DECRYPT];
    let of = |generator, len, usages: &[CK_ATTRIBUTE_TYPE]| {
        let len = if len > 0 { Template::new().number(CKA_VALUE_LEN, len) } else { Template::new() };
        let key =
            session.generate(generator, &len.may(usages)).unwrap_or_else(|code| panic!("{kind:#x}: {code}"));
        Pair { public: key, private: key }
    };
    match kind {
        CKM_EDDSA => {
            let public = Template::new().bytes(CKA_EC_PARAMS, ED25519).may(&[CKA_VERIFY]);
            let private = Template::new().may(&[CKA_SIGN]);
            session.generate_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, &public, &private).expect("a pair")
        }
        CKM_DES3_CBC => of(CKM_DES3_KEY_GEN, 0, &usages),
        CKM_AES_CBC | CKM_AES_GCM | VENDORS_GCM => of(CKM_AES_KEY_GEN, 32, &usages),
        _ => of(CKM_GENERIC_SECRET_KEY_GEN, 64, &[CKA_SIGN, CKA_VERIFY]),
    }
}

fn mechanism(kind: CK_MECHANISM_TYPE, iv: &mut [u8; 16]) -> Mechanism {
    match kind {
        CKM_AES_CBC => Mechanism::with_bytes(kind, iv),
        CKM_DES3_CBC => Mechanism::with_bytes(kind, &iv[..8]),
        CKM_AES_GCM => {
            let room = Word::Number(iv.as_mut_ptr() as u64);
            let rest = [12, 96, 0, 0, 128].map(Word::Number);
            Mechanism::structured(kind, &[&[room][..], &rest].concat())
        }
        VENDORS_GCM => Mechanism::structured(kind, &[0, 0, 0, 0, 0, 128].map(Word::Number)),
        _ => Mechanism::plain(kind),
    }
}

#[test]
fn data_for_one_call_end_at_the_vendors_limit() {
    alone(|| {
        for profile in ["cloudhsm", "standard"] {
            under(profile, |session| {
                for (kind, most) in LIMITS {
                    let spec = MechanismType(kind).spec().expect("a mechanism");
                    let pair = keys(session, kind);
                    let mut iv = [1; 16];
                    let one = |len: usize, iv: &mut [u8; 16]| -> Rv<usize> {
                        let (mechanism, data) = (mechanism(kind, iv), vec![7; len]);
                        if spec.purposes.contains(CKF_SIGN) {
                            session.sign_init(&mechanism, pair.private)?;
                            let signature = session.sign(&data)?;
                            session.verify_init(&mechanism, pair.public)?;
                            return session.verify(&data, &signature).map(|()| signature.len());
                        }
                        session.encrypt_init(&mechanism, pair.public)?;
                        session.encrypt(&data).map(|sealed| sealed.len())
                    };
                    // What ciphers in blocks take more is one more block.
                    let step = match kind {
                        CKM_AES_CBC => 16,
                        CKM_DES3_CBC => 8,
                        _ => 1,
                    };
                    assert_eq!(most % step, 0, "{}", spec.name);
                    assert!(one(most, &mut iv).is_ok(), "{profile} {}: {most}", spec.name);
                    let beyond = one(most + step, &mut iv).map(drop);
                    let limited = profile == "cloudhsm";
                    let wanted = if limited { Err(ReturnCode::DATA_LEN_RANGE) } else { Ok(()) };
                    assert_eq!(beyond, wanted, "{profile} {}: {}", spec.name, most + step);
                    // What was refused leaves nothing behind.
                    assert!(one(16, &mut iv).is_ok(), "{profile} {}", spec.name);
                }
                // Ed25519ph signs a digest: any number of bytes.
                let pair = keys(session, CKM_EDDSA);
                let prehashed =
                    Mechanism::structured(CKM_EDDSA, &[Word::Number(1), Word::Number(0), Word::Number(0)]);
                session.sign_init(&prehashed, pair.private).expect("C_SignInit");
                assert_eq!(session.sign(&[7; 16_001]).map(|signature| signature.len()), Ok(64), "{profile}");
            });
        }
    });
}

/// `CK_PRF_DATA_PARAM`s of the vendor's.
fn vendors(prf: u64, fields: &[(u64, &[u8])]) -> (Mechanism, Vec<u64>) {
    let words: Vec<u64> =
        fields.iter().flat_map(|(kind, value)| [*kind, value.as_ptr() as u64, value.len() as u64]).collect();
    let place = Word::Number(words.as_ptr() as u64);
    let count = Word::Number(fields.len() as u64);
    (Mechanism::structured(VENDORS_KDF, &[Word::Number(prf), count, place]), words)
}

#[test]
fn sp800_108_takes_the_vendors_widths_and_functions_only() {
    alone(|| {
        for profile in ["cloudhsm", "standard"] {
            under(profile, |session| {
                let aes = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_DERIVE]);
                let base = session.generate(CKM_AES_KEY_GEN, &aes).expect("a key");
                let secret = Template::new().number(CKA_VALUE_LEN, 40).may(&[CKA_DERIVE]);
                let generic = session.generate(CKM_GENERIC_SECRET_KEY_GEN, &secret).expect("a key");
                let wanted = || Template::key(CKO_SECRET_KEY, CKK_AES).number(CKA_VALUE_LEN, 16);
                let word = |number: u64| number.to_ne_bytes().to_vec();
                let derive =
                    |base, prf: u64, counter: u64, (method, width): (u64, u64), template: &Template| {
                        let (counter, length) = (word(counter), [word(method), word(width)].concat());
                        let fields = [(3, &b"label"[..]), (1, &counter), (3, b"context"), (2, &length)];
                        let (mechanism, _words) = vendors(prf, &fields);
                        session.derive(&mechanism, base, template).map(drop)
                    };
                let invalid = Err(ReturnCode::MECHANISM_PARAM_INVALID);
                let right = (CKM_SHA256_HMAC, 32, (1, 32));
                let with = |prf, counter, length| derive(generic, prf, counter, length, &wanted());
                for width in [8, 16, 24, 32, 64] {
                    let counter = with(right.0, width, right.2);
                    assert_eq!(counter, if matches!(width, 16 | 32) { Ok(()) } else { invalid }, "{width}");
                }
                for width in [1, 7, 8, 16, 24, 32, 40, 64, 72] {
                    let length = with(right.0, right.1, (1, width));
                    let known = matches!(width, 8 | 16 | 32 | 64);
                    assert_eq!(length, if known { Ok(()) } else { invalid }, "{width}");
                }
                // The sum of keys; that of segments the vendor doesn't have.
                assert_eq!(with(right.0, right.1, (2, 32)), invalid);
                for prf in
                    [CKM_SHA_1_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC]
                {
                    assert_eq!(with(prf, 32, (1, 32)), Ok(()), "{prf:#x}");
                }
                assert_eq!(derive(base, CKM_AES_CMAC, 16, (1, 16), &wanted()), Ok(()));
                assert!(
                    derive(generic, CKM_AES_CMAC, 16, (1, 16), &wanted()).is_err(),
                    "no AES key's length"
                );
                assert_eq!(with(CKM_AES_ECB, 32, (1, 32)), invalid);
                if profile == "cloudhsm" {
                    // The template must say all of it.
                    for missing in [
                        Template::new().number(CKA_KEY_TYPE, CKK_AES).number(CKA_VALUE_LEN, 16),
                        Template::new().number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_VALUE_LEN, 16),
                        Template::key(CKO_SECRET_KEY, CKK_AES),
                    ] {
                        let incomplete = derive(generic, right.0, right.1, right.2, &missing);
                        assert_eq!(incomplete, Err(ReturnCode::TEMPLATE_INCOMPLETE));
                    }
                }
            });
        }
    });
}
