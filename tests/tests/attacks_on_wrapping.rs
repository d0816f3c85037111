//! Attacks that take a key apart by two keys of one value, or by two halves of a pair, under each profile: A1, A3, A8, A16, A20, A22
//! and A27 of attacks.md beyond the plain ones in `attacks_on_keys`, by every mechanism that wraps; A25 where it wraps; A15; and of A7 and A9 what that leaves.

use cryptoki_sys::*;
use strongroom_model::{MECHANISMS, MechanismSpec, ReturnCode};
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, P256, Raw, Rv, Session, Template, Word, call, gcm, gcm_message};

const PROFILES: [&str; 3] = ["standard", "cloudhsm", "strict"];
/// CloudHSM's own (cloudhsm.md 5.4).
const CLOUDHSM_AES_GCM: CK_MECHANISM_TYPE = CKM_VENDOR_DEFINED | 0x1087;
const REFUSED: Rv<()> = Err(ReturnCode::TEMPLATE_INCONSISTENT);
/// The name of X25519 in DER (RFC 8410).
const X25519: [u8; 5] = [6, 3, 0x2b, 0x65, 0x6e];

fn under_each(attack: impl Fn(&str, &Raw, &Session<'_>)) {
    for profile in PROFILES {
        let cluster = Cluster::builder().profile(profile).start();
        let raw = Raw::start(&cluster);
        attack(profile, &raw, &raw.logged_in(&cluster));
        raw.finalize().expect("C_Finalize");
    }
}

fn may(flags: &[CK_ATTRIBUTE_TYPE]) -> Template {
    Template::new().may(flags)
}

fn aes(session: &Session<'_>, more: &Template) -> Rv<CK_OBJECT_HANDLE> {
    session.generate(CKM_AES_KEY_GEN, &Template::new().number(CKA_VALUE_LEN, 32).and(more))
}

fn kwp() -> Mechanism {
    Mechanism::plain(CKM_AES_KEY_WRAP_KWP)
}

/// A1 and A3: what a key may do is settled when it's made, so that no two copies of it are the halves of a forbidden pair.
#[test]
fn no_two_copies_of_a_key_wrap_and_decrypt_under_strict() {
    alone(|| {
        under_each(|profile, _, session| {
            let (pairs, strict) = ([(CKA_WRAP, CKA_DECRYPT), (CKA_UNWRAP, CKA_ENCRYPT)], profile == "strict");
            for (one, other) in pairs.into_iter().chain(pairs.map(|(one, other)| (other, one))) {
                let key = aes(session, &may(&[one])).expect("a key");
                let swap = Template::new().flag(one, false).flag(other, true);
                let (cleared, set) = (Template::new().flag(one, false), may(&[other]));
                if profile == "cloudhsm" {
                    let absent = ReturnCode::FUNCTION_NOT_SUPPORTED;
                    assert_eq!(
                        (session.set(key, &cleared), session.copy(key, &swap)),
                        (Err(absent), Err(absent))
                    );
                    continue;
                }
                let code = |outcome: Rv<()>| outcome.err().unwrap_or(ReturnCode::OK);
                let wanted = if strict { ReturnCode::ATTRIBUTE_READ_ONLY } else { ReturnCode::OK };
                assert_eq!(code(session.copy(key, &swap).map(drop)), wanted, "{profile} {one:#x}");
                // One after the other, on the key itself and on a copy.
                assert_eq!(session.set(key, &cleared), Ok(()), "{profile} {one:#x}: less is always allowed");
                assert_eq!(code(session.set(key, &set)), wanted, "{profile} {one:#x}");
                let plain = aes(session, &Template::new()).expect("a key");
                for usage in [one, other] {
                    let copy = session.copy(plain, &Template::new()).expect("a copy");
                    assert_eq!(code(session.set(copy, &may(&[usage]))), wanted, "{profile} {usage:#x}");
                    assert_eq!(
                        code(session.copy(plain, &may(&[usage])).map(drop)),
                        wanted,
                        "{profile} {usage:#x}"
                    );
                }
            }
        });
    });
}

/// A16: a key that wraps others goes out and comes back as one that decrypts. Where that works, the victim is read.
#[test]
fn no_wrapping_key_comes_back_as_one_that_decrypts_under_strict() {
    alone(|| {
        under_each(|profile, _, session| {
            let wrapping = aes(session, &may(&[CKA_WRAP, CKA_EXTRACTABLE]));
            if profile == "strict" {
                assert_eq!(wrapping.map(drop), REFUSED);
                // Neither is one made extractable later, nor an extractable one made to wrap.
                let kept = aes(session, &may(&[CKA_WRAP])).expect("a key");
                let out = session.set(kept, &may(&[CKA_EXTRACTABLE]));
                assert_eq!(out, Err(ReturnCode::ATTRIBUTE_READ_ONLY));
                let open = aes(session, &may(&[CKA_EXTRACTABLE])).expect("a key");
                let wraps = session.set(open, &may(&[CKA_WRAP]));
                assert_eq!(wraps, Err(ReturnCode::ATTRIBUTE_VALUE_INVALID));
                return;
            }
            let wrapping = wrapping.expect("a key");
            let kek = aes(session, &may(&[CKA_WRAP, CKA_UNWRAP])).expect("a key");
            let victim = Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, [0x5a; 32]);
            let victim = session.create(&victim.may(&[CKA_SENSITIVE, CKA_EXTRACTABLE])).expect("a key");
            let out = session.wrap(&kwp(), kek, wrapping).expect("bytes");
            let template = Template::key(CKO_SECRET_KEY, CKK_AES).may(&[CKA_DECRYPT]);
            let twin = session.unwrap(&kwp(), kek, &out, &template).expect("a key");
            let taken = session.wrap(&kwp(), wrapping, victim).expect("bytes");
            let read = session.decrypt_init(&kwp(), twin).and_then(|()| session.decrypt(&taken));
            if profile == "standard" {
                assert_eq!(read, Ok(vec![0x5a; 32]), "what the standard allows");
            } else {
                // There the mechanisms that wrap don't decrypt data; the block cipher below them does.
                assert_eq!(read, Err(ReturnCode::MECHANISM_INVALID));
            }
        });
    });
}

/// A1 and A22 by a pair: what the public half wraps, the private one decrypts, signs raw, or agrees on.
#[test]
fn no_pair_wraps_and_undoes_it_under_strict() {
    alone(|| {
        under_each(|profile, _, session| {
            let strict = profile == "strict";
            let rsa = || Template::new().number(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]);
            let pair = |public: &[CK_ATTRIBUTE_TYPE], private: &[CK_ATTRIBUTE_TYPE]| {
                session.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &rsa().may(public), &may(private))
            };
            for undoes in [CKA_DECRYPT, CKA_SIGN, CKA_EXTRACTABLE] {
                let made = pair(&[CKA_WRAP], &[CKA_UNWRAP, undoes]).map(drop);
                assert_eq!(made, if strict { REFUSED } else { Ok(()) }, "{profile} {undoes:#x}");
                assert!(pair(&[CKA_VERIFY], &[CKA_UNWRAP, undoes]).is_ok(), "{profile} {undoes:#x}");
            }
            let ec = Template::new().bytes(CKA_EC_PARAMS, P256).may(&[CKA_WRAP]);
            let made = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &ec, &may(&[CKA_DERIVE])).map(drop);
            assert_eq!(made, if strict { REFUSED } else { Ok(()) }, "{profile}");

            let kept = pair(&[CKA_WRAP], &[CKA_UNWRAP]).expect("a pair");
            let victim = aes(session, &may(&[CKA_EXTRACTABLE])).expect("a key");
            let wrapping = Mechanism::oaep();
            if strict {
                // A key of 112 bits of strength wraps none of 256.
                let short = may(&[CKA_EXTRACTABLE]).number(CKA_VALUE_LEN, 16);
                let short = session.generate(CKM_AES_KEY_GEN, &short).expect("a key");
                assert_eq!(
                    session.wrap(&wrapping, kept.public, short),
                    Err(ReturnCode::WRAPPING_KEY_SIZE_RANGE)
                );
                let later = session.set(kept.private, &may(&[CKA_DECRYPT]));
                assert_eq!(later, Err(ReturnCode::ATTRIBUTE_READ_ONLY));
                let other = pair(&[], &[CKA_DECRYPT]).expect("a pair");
                assert_eq!(
                    session.set(other.public, &may(&[CKA_WRAP])),
                    Err(ReturnCode::ATTRIBUTE_READ_ONLY)
                );
                return;
            }
            assert!(session.wrap(&wrapping, kept.public, victim).is_ok(), "{profile}");
            let open = pair(&[CKA_WRAP], &[CKA_DECRYPT]).expect("a pair");
            let taken = session.wrap(&wrapping, open.public, victim).expect("bytes");
            let read = session.decrypt_init(&wrapping, open.private).and_then(|()| session.decrypt(&taken));
            assert_eq!(
                read.map(|value| value.len()),
                Ok(32),
                "{profile}: what the vendor and the standard allow"
            );
        });
    });
}

/// A8: a wrapping key whose value somebody knows, though it was generated here: from a password.
#[test]
fn a_key_from_a_password_wraps_nothing_under_strict() {
    alone(|| {
        under_each(|profile, _, session| {
            let (salt, password) = ([7; 16], b"known");
            let len = [password.len() as u64];
            let words = [
                Word::Number(CKZ_SALT_SPECIFIED),
                Word::Pointer(&salt),
                Word::Number(16),
                Word::Number(1000),
                Word::Number(CKP_PKCS5_PBKD2_HMAC_SHA256),
                Word::Pointer(&[]),
                Word::Number(0),
                Word::Pointer(password),
                Word::Number(len[0]),
            ];
            let wanted = Template::key(CKO_SECRET_KEY, CKK_AES).number(CKA_VALUE_LEN, 32).may(&[CKA_WRAP]);
            let made = session.generate_with(&Mechanism::structured(CKM_PKCS5_PBKD2, &words), &wanted);
            if profile == "cloudhsm" {
                assert_eq!(made, Err(ReturnCode::MECHANISM_INVALID));
                return;
            }
            let victim = aes(session, &may(&[CKA_EXTRACTABLE])).expect("a key");
            let outcome = session.wrap(&kwp(), made.expect("a key"), victim).map(drop);
            let strict = profile == "strict";
            assert_eq!(
                outcome,
                if strict { Err(ReturnCode::KEY_FUNCTION_NOT_PERMITTED) } else { Ok(()) },
                "{profile}"
            );
        });
    });
}

/// Keys that wrap and unwrap by a mechanism, and the mechanism.
fn wrapper(
    session: &Session<'_>,
    row: &MechanismSpec,
) -> Option<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE, Mechanism)> {
    let kind = row.kind.0;
    let both = || may(&[CKA_WRAP, CKA_UNWRAP]);
    let iv = [3u8; 16];
    let words = |words: &[Word<'_>]| Mechanism::structured(kind, words);
    let oaep = [CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, 0, 0].map(u64::to_ne_bytes).concat();
    let (generator, mechanism) = match kind {
        CKM_AES_CBC_PAD => (CKM_AES_KEY_GEN, Mechanism::with_bytes(kind, &iv)),
        CKM_DES3_CBC_PAD => (CKM_DES3_KEY_GEN, Mechanism::with_bytes(kind, &iv[..8])),
        CKM_AES_GCM => (CKM_AES_KEY_GEN, Mechanism::gcm(&iv[..12], b"", 128)),
        CLOUDHSM_AES_GCM => {
            let none = Word::Number(0);
            (CKM_AES_KEY_GEN, words(&[none, none, none, none, none, Word::Number(128)]))
        }
        CKM_AES_CCM => {
            let (nonce, aad) = (Word::Pointer(&iv[..12]), Word::Pointer(&[]));
            let [none, twelve, mac] = [0, 12, 16].map(Word::Number);
            (CKM_AES_KEY_GEN, words(&[none, nonce, twelve, aad, none, mac]))
        }
        CKM_RSA_PKCS | CKM_RSA_X_509 => (CKM_RSA_PKCS_KEY_PAIR_GEN, Mechanism::plain(kind)),
        CKM_RSA_PKCS_OAEP => (CKM_RSA_PKCS_KEY_PAIR_GEN, Mechanism::oaep()),
        CKM_RSA_AES_KEY_WRAP => {
            (CKM_RSA_PKCS_KEY_PAIR_GEN, words(&[Word::Number(256), Word::Pointer(&oaep)]))
        }
        CKM_ECDH_AES_KEY_WRAP | CKM_ECDH_COF_AES_KEY_WRAP | CKM_ECDH_X_AES_KEY_WRAP => {
            let numbers = [Word::Number(256), Word::Number(CKD_SHA256_KDF), Word::Number(0)];
            let of_x = kind == CKM_ECDH_X_AES_KEY_WRAP;
            let generator = if of_x { CKM_EC_MONTGOMERY_KEY_PAIR_GEN } else { CKM_EC_KEY_PAIR_GEN };
            (generator, words(&[numbers[0], numbers[1], numbers[2], Word::Pointer(&[])]))
        }
        _ if row.key_type == Some(strongroom_model::KeyType::Aes) => {
            (CKM_AES_KEY_GEN, Mechanism::plain(kind))
        }
        _ => panic!("{} wraps, and nothing here says how", row.name),
    };
    let public = match generator {
        CKM_RSA_PKCS_KEY_PAIR_GEN => {
            Template::new().number(CKA_MODULUS_BITS, 3072).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1])
        }
        CKM_EC_KEY_PAIR_GEN => Template::new().bytes(CKA_EC_PARAMS, P256),
        CKM_EC_MONTGOMERY_KEY_PAIR_GEN => Template::new().bytes(CKA_EC_PARAMS, X25519),
        CKM_DES3_KEY_GEN => {
            let key = session.generate(generator, &both()).ok()?;
            return Some((key, key, mechanism));
        }
        _ => {
            let key = aes(session, &both()).expect("a key");
            return Some((key, key, mechanism));
        }
    };
    let pair = session.generate_pair(generator, &public.may(&[CKA_WRAP]), &may(&[CKA_UNWRAP])).ok()?;
    Some((pair.public, pair.private, mechanism))
}

/// A16 and A27 by every mechanism that wraps: under `strict` what comes back can't be read, is no other class, and wraps nothing.
#[test]
fn by_no_mechanism_comes_a_key_back_weaker_under_strict() {
    alone(|| {
        under_each(|profile, _, session| {
            let strict = profile == "strict";
            let mut wraps = Vec::new();
            for row in MECHANISMS.iter().filter(|row| row.purposes.contains(CKF_WRAP)) {
                let Some((wrapping, unwrapping, mechanism)) = wrapper(session, row) else { continue };
                // As short as the weakest of them wraps under `strict`.
                let victim = may(&[CKA_EXTRACTABLE, CKA_SENSITIVE]).number(CKA_VALUE_LEN, 16);
                let victim = session.generate(CKM_AES_KEY_GEN, &victim).expect("a key");
                let Ok(blob) = session.wrap(&mechanism, wrapping, victim) else { continue };
                wraps.push(row.name);
                // The vendor's GCM is told the vector that the HSM drew, which this doesn't look for.
                if profile == "cloudhsm" && row.kind.0 == CKM_AES_GCM {
                    continue;
                }
                let template = |key_type| {
                    let raw = row.kind.0 == CKM_RSA_X_509;
                    let len = Template::new().number(CKA_VALUE_LEN, 16);
                    Template::key(CKO_SECRET_KEY, key_type).and(&if raw { len } else { Template::new() })
                };
                for key_type in [CKK_AES, CKK_GENERIC_SECRET] {
                    let open = template(key_type).flag(CKA_SENSITIVE, false).may(&[CKA_EXTRACTABLE]);
                    let outcome = session.unwrap(&mechanism, unwrapping, &blob, &open);
                    if strict {
                        assert_eq!(outcome.map(drop), REFUSED, "{}", row.name);
                    } else {
                        let value = outcome.and_then(|key| session.attribute(key, CKA_VALUE));
                        assert_eq!(value.map(|value| value.len()), Ok(16), "{profile} {}", row.name);
                    }
                    let wrapping_one = template(key_type).may(&[CKA_WRAP]);
                    if key_type == CKK_AES {
                        let key =
                            session.unwrap(&mechanism, unwrapping, &blob, &wrapping_one).expect("a key");
                        let sensitive = session.attribute(key, CKA_SENSITIVE).expect("CKA_SENSITIVE");
                        assert!(sensitive == [1] || !strict, "{profile} {}", row.name);
                        let outcome = session.wrap(&kwp(), key, victim).map(drop);
                        let refused = Err(ReturnCode::KEY_FUNCTION_NOT_PERMITTED);
                        assert_eq!(outcome, if strict { refused } else { Ok(()) }, "{profile} {}", row.name);
                    }
                }
                // A private key, where the mechanism has room for one.
                let ec = Template::new().bytes(CKA_EC_PARAMS, P256);
                let pair = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &ec, &may(&[CKA_EXTRACTABLE]));
                let Ok(blob) = session.wrap(&mechanism, wrapping, pair.expect("a pair").private) else {
                    continue;
                };
                let generic = Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
                let outcome = session.unwrap(&mechanism, unwrapping, &blob, &generic).map(drop);
                let invalid = Err(ReturnCode::WRAPPED_KEY_INVALID);
                assert_eq!(outcome, if strict { invalid } else { Ok(()) }, "{profile} {}", row.name);
                let rsa = Template::key(CKO_PRIVATE_KEY, CKK_RSA);
                let outcome = session.unwrap(&mechanism, unwrapping, &blob, &rsa).map(drop);
                assert_eq!(outcome, invalid, "{profile} {}: another type", row.name);
            }
            let least = match profile {
                "standard" => 18,
                "strict" => 13,
                _ => 8,
            };
            assert!(wraps.len() >= least, "{profile}: {wraps:?}");
        });
    });
}

/// A25 and A18: two keys that are wrapped with one vector tell each other's values, and one of them is known.
#[test]
fn no_two_keys_are_wrapped_with_one_vector_under_strict() {
    alone(|| {
        under_each(|profile, raw, session| {
            let kek = aes(session, &may(&[CKA_WRAP, CKA_UNWRAP])).expect("a key");
            let secret = |value: [u8; 32]| {
                let key = Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, value);
                session.create(&key.may(&[CKA_SENSITIVE, CKA_EXTRACTABLE])).expect("a key")
            };
            let (known, victim) = (secret([1; 32]), secret([0x5a; 32]));
            let gcm = Mechanism::gcm(&[7; 12], b"", 128);
            let wrap = |key| session.wrap(&gcm, kek, key);
            match profile {
                "standard" => {
                    let (one, other) = (wrap(known).expect("bytes"), wrap(victim).expect("bytes"));
                    let told: Vec<u8> =
                        one.iter().zip(&other).map(|(one, other)| one ^ other ^ 1).take(32).collect();
                    assert_eq!(told, [0x5a; 32], "what the standard allows");
                }
                "strict" => {
                    assert_eq!(wrap(known), Err(ReturnCode::MECHANISM_PARAM_INVALID));
                    let words = [0, 0, 0, 0, 0, 128].map(Word::Number);
                    let drawn = Mechanism::structured(CLOUDHSM_AES_GCM, &words);
                    let blobs = [(); 2].map(|()| session.wrap(&drawn, kek, victim).expect("bytes"));
                    assert_ne!(blobs[0][..12], blobs[1][..12]);
                    let words = [Word::Number(0), Word::Pointer(&[7; 12]), Word::Number(12)];
                    let rest = [Word::Pointer(&[]), Word::Number(0), Word::Number(16)];
                    let ccm = Mechanism::structured(CKM_AES_CCM, &[words, rest].concat());
                    let refused = session.wrap(&ccm, kek, victim);
                    assert_eq!(refused, Err(ReturnCode::MECHANISM_PARAM_INVALID));
                    let given = authenticated(raw, session, CKG_NO_GENERATE, [kek, victim]);
                    assert_eq!(given, Err(ReturnCode::MECHANISM_PARAM_INVALID));
                    for generator in [CKG_GENERATE, CKG_GENERATE_RANDOM] {
                        let blobs = [(); 2]
                            .map(|()| authenticated(raw, session, generator, [kek, victim]).expect("bytes"));
                        assert_ne!(blobs[0][..12], blobs[1][..12]);
                        // What came out in pieces goes back in together.
                        let gcm = Mechanism::gcm(&blobs[0][..12], b"", 128);
                        let template = Template::key(CKO_SECRET_KEY, CKK_AES);
                        let back = session.unwrap(&gcm, kek, &blobs[0][12..], &template).expect("a key");
                        let check = |key| session.attribute(key, CKA_CHECK_VALUE).expect("a check value");
                        assert_eq!(check(back), check(victim));
                    }
                }
                // The HSM draws the vector, whatever it's given.
                _ => assert_ne!(wrap(known).expect("bytes")[..16], wrap(known).expect("bytes")[..16]),
            }
            // Nor does the wrapping key encrypt or sign, which would give the same keystream.
            for other in [CKA_ENCRYPT, CKA_SIGN, CKA_VERIFY, CKA_DERIVE] {
                let made = aes(session, &may(&[CKA_WRAP, other])).map(drop);
                assert_eq!(made, if profile == "strict" { REFUSED } else { Ok(()) }, "{profile} {other:#x}");
            }
        });
    });
}

/// `C_WrapKeyAuthenticated` by AES-GCM: nonce, wrapped key and tag.
fn authenticated(raw: &Raw, session: &Session<'_>, generator: u64, keys: [u64; 2]) -> Rv<Vec<u8>> {
    let (mut nonce, mut tag, mut wrapped, mut len) = ([9u8; 12], [0u8; 16], vec![0u8; 64], 64);
    let mut params = gcm_message(&mut nonce, &mut tag, generator);
    let mut mechanism = gcm(&mut params);
    call!(
        raw.newest(),
        C_WrapKeyAuthenticated(
            session.handle,
            &raw mut mechanism,
            keys[0],
            keys[1],
            std::ptr::null_mut(),
            0,
            wrapped.as_mut_ptr(),
            &raw mut len
        )
    )?;
    Ok([&nonce[..], &wrapped[..len as usize], &tag[..]].concat())
}

/// A15: of many ciphertexts one has right padding, and nothing that the module answers tells which.
#[test]
fn no_answer_tells_whether_padding_was_right() {
    alone(|| {
        under_each(|profile, _, session| {
            let public = Template::new().number(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]);
            let usages = may(&[CKA_DECRYPT, CKA_UNWRAP]);
            let public = public.may(&[CKA_ENCRYPT]);
            let pair = session.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &usages).expect("a pair");
            let mechanism = Mechanism::plain(CKM_RSA_PKCS);
            let right =
                session.encrypt_init(&mechanism, pair.public).and_then(|()| session.encrypt(&[0x5a; 16]));
            if profile == "cloudhsm" {
                // In FIPS mode there's no such encryption.
                assert_eq!(right, Err(ReturnCode::MECHANISM_INVALID));
                return;
            }
            let mut ciphertexts = vec![right.expect("C_Encrypt")];
            for _ in 0..30 {
                let mut random = [0; 256];
                session.random(&mut random).expect("C_GenerateRandom");
                // Below the modulus, whose first bit is set.
                random[0] &= 0x7f;
                ciphertexts.push(random.to_vec());
            }
            let codes = |answer: &dyn Fn(&[u8]) -> Rv<()>| -> Vec<_> {
                let answers = ciphertexts.iter().map(|ciphertext| answer(ciphertext));
                answers.map(|answer| answer.err().unwrap_or(ReturnCode::OK)).collect()
            };
            let decrypted = codes(&|ciphertext| {
                session.decrypt_init(&mechanism, pair.private)?;
                session.decrypt(ciphertext).map(drop)
            });
            assert_eq!(decrypted, [ReturnCode::OK; 31], "{profile}: implicit rejection");
            let template = Template::key(CKO_SECRET_KEY, CKK_AES).number(CKA_VALUE_LEN, 16);
            let unwrapped = codes(&|ciphertext| {
                session.unwrap(&mechanism, pair.private, ciphertext, &template).map(drop)
            });
            let wanted = if profile == "strict" { ReturnCode::MECHANISM_INVALID } else { ReturnCode::OK };
            assert_eq!(unwrapped, [wanted; 31], "{profile}");
        });
    });
}

/// A7 for private parts that have no name of their own, A9 and A17 for a key that is derived.
#[test]
fn neither_seeds_are_told_nor_trust_claimed_by_derivation() {
    alone(|| {
        under_each(|profile, _, session| {
            let sets = [
                (CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_44),
                (CKM_ML_KEM_KEY_PAIR_GEN, CKP_ML_KEM_512),
                (CKM_SLH_DSA_KEY_PAIR_GEN, CKP_SLH_DSA_SHA2_128F),
            ];
            for (generator, set) in sets {
                let public = Template::new().number(CKA_PARAMETER_SET, set);
                let pair = session.generate_pair(generator, &public, &may(&[CKA_EXTRACTABLE]));
                if profile == "cloudhsm" {
                    assert_eq!(pair, Err(ReturnCode::MECHANISM_INVALID));
                    continue;
                }
                let private = pair.expect("a pair").private;
                for part in [CKA_VALUE, CKA_SEED] {
                    let told = session.attribute(private, part);
                    // SLH-DSA has no seed apart from its value.
                    let none = generator == CKM_SLH_DSA_KEY_PAIR_GEN && part == CKA_SEED;
                    let absent = none && told == Err(ReturnCode::ATTRIBUTE_TYPE_INVALID);
                    assert!(
                        absent || told == Err(ReturnCode::ATTRIBUTE_SENSITIVE),
                        "{profile} {part:#x}: {told:?}"
                    );
                }
            }
            let public = Template::new().bytes(CKA_EC_PARAMS, P256);
            let pair =
                session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &may(&[CKA_DERIVE])).expect("a pair");
            let point = session.attribute(pair.public, CKA_EC_POINT).expect("a point")[2..].to_vec();
            let mechanism = Mechanism::ecdh(CKD_SHA256_KDF, &point);
            let wanted = || Template::key(CKO_SECRET_KEY, CKK_AES).number(CKA_VALUE_LEN, 32);
            assert!(session.derive(&mechanism, pair.private, &wanted()).is_ok(), "{profile}");
            for claim in [CKA_TRUSTED, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL] {
                let derived = session.derive(&mechanism, pair.private, &wanted().may(&[claim]));
                assert_eq!(derived, Err(ReturnCode::ATTRIBUTE_READ_ONLY), "{profile} {claim:#x}");
            }
        });
    });
}
