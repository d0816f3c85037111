//! Rows of attacks.md about keys, through the module under each profile: A1 to A14, A16 to A18, A20 to A27 and A38. A15 is in `wycheproof`
//! and below, A15t in `crates/crypto/tests/contract/rsa_timing.rs`, A19 in `attacks`, A37 in `bad_input`.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, P256, Raw, Rv, Session, Template, Word};

const PROFILES: [&str; 3] = ["standard", "cloudhsm", "strict"];
const REFUSED: Rv<()> = Err(ReturnCode::TEMPLATE_INCONSISTENT);

/// Runs `attack` under each profile, in a session of the crypto user's.
fn under_each(attack: impl Fn(&str, &Session<'_>)) {
    for profile in PROFILES {
        let cluster = Cluster::builder().profile(profile).start();
        let raw = Raw::start(&cluster);
        attack(profile, &raw.logged_in(&cluster));
        raw.finalize().expect("C_Finalize");
    }
}

fn kwp() -> Mechanism {
    Mechanism::plain(CKM_AES_KEY_WRAP_KWP)
}

fn aes(session: &Session<'_>, more: Template) -> Rv<CK_OBJECT_HANDLE> {
    session.generate(CKM_AES_KEY_GEN, &more.number(CKA_VALUE_LEN, 32))
}

fn secret() -> Template {
    Template::key(CKO_SECRET_KEY, CKK_AES)
}

fn extractable() -> Template {
    Template::new().flag(CKA_EXTRACTABLE, true)
}

fn may(flags: &[CK_ATTRIBUTE_TYPE]) -> Template {
    Template::new().may(flags)
}

/// A1 to A3: keys whose usages give other keys away.
#[test]
fn no_key_wraps_and_decrypts_under_strict() {
    alone(|| {
        under_each(|profile, session| {
            let strict = profile == "strict";
            for pair in [[CKA_WRAP, CKA_DECRYPT], [CKA_UNWRAP, CKA_ENCRYPT]] {
                let made = aes(session, may(&pair)).map(drop);
                assert_eq!(made, if strict { REFUSED } else { Ok(()) }, "{profile} {pair:?}");
            }
            if !strict {
                let key = aes(session, may(&[CKA_WRAP, CKA_DECRYPT])).expect("a key");
                let victim = aes(session, extractable()).expect("a key");
                assert!(session.wrap(&kwp(), key, victim).is_ok(), "{profile}");
            }
            let key = aes(session, may(&[CKA_WRAP])).expect("a key");
            let later = session.set(key, &may(&[CKA_DECRYPT]));
            let wanted = match profile {
                "strict" => Err(ReturnCode::ATTRIBUTE_VALUE_INVALID),
                // There the library changes no keys at all.
                "cloudhsm" => Err(ReturnCode::FUNCTION_NOT_SUPPORTED),
                _ => Ok(()),
            };
            assert_eq!(later, wanted, "{profile}");
        });
    });
}

/// A4, A5, A10, A20 and A24: what is guarded stays guarded, and what must stay stays.
#[test]
fn guards_are_not_lowered() {
    alone(|| {
        under_each(|profile, session| {
            let key = aes(session, may(&[CKA_WRAP_WITH_TRUSTED, CKA_SENSITIVE]).flag(CKA_EXTRACTABLE, false))
                .expect("a key");
            let lower = [
                (CKA_SENSITIVE, false),
                (CKA_EXTRACTABLE, true),
                (CKA_WRAP_WITH_TRUSTED, false),
                (CKA_TRUSTED, true),
            ];
            let wanted = match profile {
                "cloudhsm" => Err(ReturnCode::FUNCTION_NOT_SUPPORTED),
                _ => Err(ReturnCode::ATTRIBUTE_READ_ONLY),
            };
            for (attribute, value) in lower {
                let template = Template::new().flag(attribute, value);
                assert_eq!(session.set(key, &template), wanted, "{profile} {attribute:#x}");
                assert_eq!(session.copy(key, &template).map(drop), wanted, "{profile} {attribute:#x}");
                assert_eq!(
                    session.attribute(key, attribute),
                    Ok(vec![u8::from(!value)]),
                    "{profile} {attribute:#x}"
                );
            }
            let kept =
                session.destroy(aes(session, Template::new().flag(CKA_DESTROYABLE, false)).expect("a key"));
            assert_eq!(kept, Err(ReturnCode::ACTION_PROHIBITED), "{profile}");
            let fixed = aes(session, Template::new().flag(CKA_MODIFIABLE, false));
            if profile == "cloudhsm" {
                assert_eq!(fixed, Err(ReturnCode::ATTRIBUTE_VALUE_INVALID));
                return;
            }
            let fixed = fixed.expect("a key");
            let label = Template::new().bytes(CKA_LABEL, "x");
            assert_eq!(session.set(fixed, &label), Err(ReturnCode::ACTION_PROHIBITED), "{profile}");
            let single = aes(session, Template::new().flag(CKA_COPYABLE, false)).expect("a key");
            assert_eq!(session.copy(single, &label), Err(ReturnCode::ACTION_PROHIBITED), "{profile}");
            for never in [CKA_MODIFIABLE, CKA_DESTROYABLE] {
                let object = aes(session, Template::new().flag(never, false)).expect("a key");
                let copy = session.copy(object, &Template::new().flag(never, true));
                assert_eq!(copy, Err(ReturnCode::ATTRIBUTE_READ_ONLY), "{profile} {never:#x}");
            }
        });
    });
}

/// A6 and A7: what is read of keys, and what is left in the buffer of what isn't.
#[test]
fn values_are_told_only_of_keys_that_are_neither_sensitive_nor_kept() {
    alone(|| {
        under_each(|profile, session| {
            for (sensitive, extractable) in [(false, false), (false, true), (true, false), (true, true)] {
                let template =
                    Template::new().flag(CKA_SENSITIVE, sensitive).flag(CKA_EXTRACTABLE, extractable);
                let key = aes(session, template).expect("a key");
                let told = session.attribute(key, CKA_VALUE);
                if !sensitive && extractable {
                    assert_eq!(told.map(|value| value.len()), Ok(32), "{profile}");
                } else {
                    assert_eq!(
                        told,
                        Err(ReturnCode::ATTRIBUTE_SENSITIVE),
                        "{profile} {sensitive} {extractable}"
                    );
                    assert_eq!(untouched(session, key, CKA_VALUE), CK_UNAVAILABLE_INFORMATION, "{profile}");
                }
            }
            let rsa = session.rsa(false, "").expect("a pair").private;
            for part in [
                CKA_PRIVATE_EXPONENT,
                CKA_PRIME_1,
                CKA_PRIME_2,
                CKA_EXPONENT_1,
                CKA_EXPONENT_2,
                CKA_COEFFICIENT,
            ] {
                assert_eq!(
                    session.attribute(rsa, part),
                    Err(ReturnCode::ATTRIBUTE_SENSITIVE),
                    "{profile} {part:#x}"
                );
                untouched(session, rsa, part);
            }
            let ec = session.p256(false, "").expect("a pair").private;
            assert_eq!(session.attribute(ec, CKA_VALUE), Err(ReturnCode::ATTRIBUTE_SENSITIVE), "{profile}");
        });
    });
}

/// Asks with a buffer, which must stay as it is; the length that was answered.
#[track_caller]
fn untouched(session: &Session<'_>, object: CK_OBJECT_HANDLE, attribute: CK_ATTRIBUTE_TYPE) -> u64 {
    let mut buffer = [0xa5u8; 1024];
    let mut query = CK_ATTRIBUTE {
        type_: attribute,
        pValue: buffer.as_mut_ptr().cast(),
        ulValueLen: buffer.len() as u64,
    };
    let found = session.query(object, &mut query);
    assert_eq!(found, Err(ReturnCode::ATTRIBUTE_SENSITIVE));
    assert!(buffer.iter().all(|byte| *byte == 0xa5), "something was written");
    query.ulValueLen
}

/// A8, A8b, A11: keys from elsewhere that wrap, and keys that are weaker than what they wrap.
#[test]
fn trojan_and_weak_keys_wrap_little() {
    alone(|| {
        under_each(|profile, session| {
            let strict = profile == "strict";
            let trojan = session.create(&secret().bytes(CKA_VALUE, [7; 32]).may(&[CKA_WRAP])).expect("a key");
            let victim = aes(session, extractable()).expect("a key");
            let outcome = session.wrap(&kwp(), trojan, victim).map(drop);
            let wanted = if strict { Err(ReturnCode::KEY_FUNCTION_NOT_PERMITTED) } else { Ok(()) };
            assert_eq!(outcome, wanted, "{profile}");
            let careful = aes(session, extractable().may(&[CKA_WRAP_WITH_TRUSTED])).expect("a key");
            assert_eq!(
                session.wrap(&kwp(), trojan, careful),
                Err(ReturnCode::KEY_NOT_WRAPPABLE),
                "{profile}"
            );

            let weak = Template::new().number(CKA_VALUE_LEN, 16).may(&[CKA_WRAP]);
            let weak = session.generate(CKM_AES_KEY_GEN, &weak).expect("a key");
            let too_weak = if strict { Err(ReturnCode::WRAPPING_KEY_SIZE_RANGE) } else { Ok(()) };
            assert_eq!(session.wrap(&kwp(), weak, victim).map(drop), too_weak, "{profile}");
            // RSA-1024 isn't the vendor's.
            let bits = if profile == "cloudhsm" { 2048 } else { 1024 };
            let public = Template::new().number(CKA_MODULUS_BITS, bits).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]);
            let pair =
                session.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public.may(&[CKA_WRAP]), &Template::new());
            let outcome = session.wrap(&Mechanism::oaep(), pair.expect("a pair").public, victim).map(drop);
            assert_eq!(outcome, too_weak, "{profile}");
        });
    });
}

/// A9: nobody but an officer marks a key as trusted, in none of six ways. A17: nobody writes a key's history.
#[test]
fn neither_trust_nor_history_is_claimed() {
    alone(|| {
        under_each(|profile, session| {
            let read_only = Err(ReturnCode::ATTRIBUTE_READ_ONLY);
            let kek = aes(session, may(&[CKA_WRAP, CKA_UNWRAP])).expect("a key");
            let wrapped =
                session.wrap(&kwp(), kek, aes(session, extractable()).expect("a key")).expect("bytes");
            let value = || secret().bytes(CKA_VALUE, [7; 32]);
            for claim in [CKA_TRUSTED, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL] {
                assert_eq!(session.create(&value().may(&[claim])), read_only, "{profile} {claim:#x}");
                let generated = aes(session, may(&[claim]));
                // The vendor's table has no such attribute there.
                let absent = profile == "cloudhsm" && claim == CKA_ALWAYS_SENSITIVE;
                assert_eq!(
                    generated.map(drop),
                    if absent { REFUSED } else { read_only.map(drop) },
                    "{profile} {claim:#x}"
                );
                let unwrapped = session.unwrap(&kwp(), kek, &wrapped, &secret().may(&[claim]));
                assert_eq!(unwrapped, read_only, "{profile} {claim:#x}");
            }
            let imported = session.create(&value()).expect("a key");
            let back = session.unwrap(&kwp(), kek, &wrapped, &secret()).expect("a key");
            for key in [imported, back] {
                for history in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
                    assert_eq!(session.attribute(key, history), Ok(vec![0]), "{profile} {history:#x}");
                }
            }
        });
    });
}

/// A12: public keys that hide nothing.
#[test]
fn rsa_keys_that_hide_nothing_are_not_taken() {
    alone(|| {
        under_each(|profile, session| {
            let import = |modulus: &[u8], exponent: &[u8]| {
                let key = Template::key(CKO_PUBLIC_KEY, CKK_RSA).bytes(CKA_MODULUS, modulus);
                session.create(&key.bytes(CKA_PUBLIC_EXPONENT, exponent)).map(drop)
            };
            let pair = session.rsa(false, "").expect("a pair");
            let modulus = session.attribute(pair.public, CKA_MODULUS).expect("the modulus");
            let invalid = Err(ReturnCode::ATTRIBUTE_VALUE_INVALID);
            for exponent in [&[1][..], &[0], &[2], &[1, 0, 0]] {
                assert_eq!(import(&modulus, exponent), invalid, "{profile} {exponent:?}");
            }
            assert_eq!(
                import(&modulus, &[3]),
                if profile == "standard" { Ok(()) } else { invalid },
                "{profile}"
            );
            assert_eq!(import(&modulus, &[1, 0, 1]), Ok(()), "{profile}");
            let mut even = modulus.clone();
            *even.last_mut().expect("a byte") &= 0xfe;
            assert_eq!(import(&even, &[1, 0, 1]), invalid, "{profile}: an even modulus");
            assert_eq!(import(&modulus[..64], &[1, 0, 1]), invalid, "{profile}: 512 bits");
        });
    });
}

/// A16 and A27: a wrapped key that comes back as something else.
#[test]
fn what_is_unwrapped_is_no_weaker_under_strict() {
    alone(|| {
        under_each(|profile, session| {
            let strict = profile == "strict";
            let kek = aes(session, may(&[CKA_WRAP, CKA_UNWRAP])).expect("a key");
            let wrapped =
                session.wrap(&kwp(), kek, aes(session, extractable()).expect("a key")).expect("bytes");
            let readable = secret().flag(CKA_SENSITIVE, false).flag(CKA_EXTRACTABLE, true);
            let outcome = session.unwrap(&kwp(), kek, &wrapped, &readable);
            if strict {
                assert_eq!(outcome, Err(ReturnCode::TEMPLATE_INCONSISTENT));
            } else {
                assert!(session.attribute(outcome.expect("a key"), CKA_VALUE).is_ok(), "{profile}");
            }
            let public = Template::new().bytes(CKA_EC_PARAMS, P256);
            let pair = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &extractable()).expect("a pair");
            let wrapped = session.wrap(&kwp(), kek, pair.private).expect("bytes");
            let generic = Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
            let outcome = session.unwrap(&kwp(), kek, &wrapped, &generic).map(drop);
            assert_eq!(
                outcome,
                if strict { Err(ReturnCode::WRAPPED_KEY_INVALID) } else { Ok(()) },
                "{profile}"
            );
        });
    });
}

/// A15c and A18: no raw block modes wrap anything, and `strict` doesn't pad with CBC either.
#[test]
fn only_modes_that_notice_changes_wrap() {
    alone(|| {
        under_each(|profile, session| {
            let kek = aes(session, may(&[CKA_WRAP, CKA_UNWRAP])).expect("a key");
            let victim = aes(session, extractable()).expect("a key");
            let iv = [0u8; 16];
            for (mechanism, only_standard) in [
                (Mechanism::plain(CKM_AES_ECB), false),
                (Mechanism::with_bytes(CKM_AES_CBC, &iv), false),
                (Mechanism::with_bytes(CKM_AES_CBC_PAD, &iv), true),
            ] {
                let outcome = session.wrap(&mechanism, kek, victim);
                if only_standard && profile == "standard" {
                    let wrapped = outcome.expect("bytes");
                    // Every byte of the block before the last, changed, gives one code or a key of another length.
                    let changed = (0..=255u8).filter_map(|change| {
                        let mut changed = wrapped.clone();
                        let at = changed.len() - 17;
                        changed[at] ^= change;
                        session.unwrap(&mechanism, kek, &changed, &secret()).err()
                    });
                    let codes = changed.collect::<Vec<_>>();
                    assert!(codes.iter().all(|code| *code == ReturnCode::WRAPPED_KEY_INVALID), "{codes:?}");
                } else {
                    assert_eq!(outcome, Err(ReturnCode::MECHANISM_INVALID), "{profile}");
                }
            }
        });
    });
}

/// A21: points that aren't on the curve.
#[test]
fn a_point_off_the_curve_derives_nothing() {
    alone(|| {
        under_each(|profile, session| {
            let public = Template::new().bytes(CKA_EC_PARAMS, P256);
            let private = may(&[CKA_DERIVE]);
            let pair = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &private).expect("a pair");
            let point = session.attribute(pair.public, CKA_EC_POINT).expect("a point")[2..].to_vec();
            let derive = |point: &[u8]| {
                let fields = [
                    Word::Number(CKD_SHA256_KDF),
                    Word::Number(0),
                    Word::Pointer(&[]),
                    Word::Number(point.len() as u64),
                    Word::Pointer(point),
                ];
                let mechanism = Mechanism::structured(CKM_ECDH1_DERIVE, &fields);
                session.derive(&mechanism, pair.private, &secret().number(CKA_VALUE_LEN, 32)).map(drop)
            };
            assert_eq!(derive(&point), Ok(()), "{profile}");
            let mut off = point.clone();
            off[64] ^= 1;
            let twist = [&[4][..], &[0; 31], &[5], &[0; 31], &[1]].concat();
            for bad in
                [&off[..], &[0], &point[..64], &[point.clone(), vec![0]].concat(), &twist, &[4], &[0xff; 65]]
            {
                assert_eq!(
                    derive(bad),
                    Err(ReturnCode::MECHANISM_PARAM_INVALID),
                    "{profile} {} bytes",
                    bad.len()
                );
            }
        });
    });
}

/// A derivation of the standard's that makes a key of bytes of another, and its parameter.
fn reducing(kind: CK_MECHANISM_TYPE) -> Mechanism {
    match kind {
        // The first bit.
        CKM_EXTRACT_KEY_FROM_KEY => Mechanism::structured(kind, &[Word::Number(0)]),
        _ => Mechanism::structured(kind, &[Word::Pointer(&[0; 16]), Word::Number(16)]),
    }
}

/// A13: keys that are so short a part of another that it's found out byte by byte.
#[test]
fn no_short_pieces_are_cut_out_of_a_key() {
    let cuts = [CKM_EXTRACT_KEY_FROM_KEY, CKM_XOR_BASE_AND_DATA, CKM_CONCATENATE_BASE_AND_DATA];
    alone(|| {
        under_each(|profile, session| {
            let base = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_DERIVE, CKA_SENSITIVE]);
            let base = session.generate(CKM_GENERIC_SECRET_KEY_GEN, &base).expect("a key");
            for kind in cuts {
                let piece = |len, more: Template| {
                    let wanted = Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET).number(CKA_VALUE_LEN, len);
                    session.derive(&reducing(kind), base, &wanted.and(&more))
                };
                if profile != "standard" {
                    for len in [1, 16, 32] {
                        let refused = piece(len, Template::new());
                        assert_eq!(refused, Err(ReturnCode::MECHANISM_INVALID), "{profile} {kind:#x} {len}");
                    }
                    continue;
                }
                for len in [1, 2, 8, 13] {
                    let refused = piece(len, Template::new());
                    assert_eq!(refused, Err(ReturnCode::KEY_SIZE_RANGE), "{kind:#x} {len}");
                }
                let key = piece(14, Template::new()).expect("a key");
                assert_eq!(
                    session.attribute(key, CKA_VALUE),
                    Err(ReturnCode::ATTRIBUTE_SENSITIVE),
                    "{kind:#x}"
                );
                let open = piece(32, Template::new().flag(CKA_SENSITIVE, false));
                assert_eq!(open, Err(ReturnCode::TEMPLATE_INCONSISTENT), "{kind:#x}");
            }
            // Nor out of a longer one that has little of it.
            let joined = Mechanism::structured(
                CKM_CONCATENATE_DATA_AND_BASE,
                &[Word::Pointer(&[0; 31]), Word::Number(31)],
            );
            let wanted = Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET).number(CKA_VALUE_LEN, 32);
            let code = if profile == "standard" {
                ReturnCode::KEY_SIZE_RANGE
            } else {
                ReturnCode::MECHANISM_INVALID
            };
            assert_eq!(session.derive(&joined, base, &wanted), Err(code), "{profile}");
        });
    });
}

/// A14: a derivation that encrypts would be an oracle for who may only derive, if what it makes could be read.
#[test]
fn a_derivation_that_encrypts_tells_nothing() {
    alone(|| {
        under_each(|profile, session| {
            let base = aes(session, may(&[CKA_DERIVE, CKA_SENSITIVE])).expect("a key");
            let mut with_iv = vec![Word::Number(0); 2];
            with_iv.extend([Word::Pointer(&[7; 32]), Word::Number(32)]);
            let ways = [
                Mechanism::structured(CKM_AES_ECB_ENCRYPT_DATA, &[Word::Pointer(&[7; 32]), Word::Number(32)]),
                Mechanism::structured(CKM_AES_CBC_ENCRYPT_DATA, &with_iv),
            ];
            for mechanism in &ways {
                let wanted = || Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET).number(CKA_VALUE_LEN, 32);
                let open = session.derive(mechanism, base, &wanted().flag(CKA_SENSITIVE, false));
                let kept = session.derive(mechanism, base, &wanted());
                if profile == "standard" {
                    assert_eq!(open, Err(ReturnCode::TEMPLATE_INCONSISTENT));
                    let kept = kept.expect("a key");
                    assert_eq!(session.attribute(kept, CKA_VALUE), Err(ReturnCode::ATTRIBUTE_SENSITIVE));
                    // Nor can it be made readable later.
                    let lowered = session.set(kept, &Template::new().flag(CKA_SENSITIVE, false));
                    assert_eq!(lowered, Err(ReturnCode::ATTRIBUTE_READ_ONLY));
                } else {
                    let absent = Err(ReturnCode::MECHANISM_INVALID);
                    assert_eq!((open, kept), (absent, absent), "{profile}");
                }
            }
        });
    });
}

/// A25: under `cloudhsm` nobody chooses a vector for GCM, so that none comes twice. `drawn_iv` has the details.
#[test]
fn no_vector_is_used_twice_under_cloudhsm() {
    alone(|| {
        under_each(|profile, session| {
            let key =
                aes(session, may(&[CKA_ENCRYPT, CKA_DECRYPT])).or_else(|_| aes(session, may(&[CKA_ENCRYPT])));
            let key = key.expect("a key");
            let seal = || {
                let mut iv = [7u8; 12];
                let words = [
                    Word::Number(iv.as_mut_ptr() as u64),
                    Word::Number(12),
                    Word::Number(96),
                    Word::Number(0),
                    Word::Number(0),
                    Word::Number(128),
                ];
                let sealed = session
                    .encrypt_init(&Mechanism::structured(CKM_AES_GCM, &words), key)
                    .and_then(|()| session.encrypt(b"the same"))
                    .expect("C_Encrypt");
                (iv, sealed)
            };
            let (first, second) = (seal(), seal());
            if profile == "cloudhsm" {
                assert_ne!(first.0, second.0);
                assert_ne!(first.0, [7; 12], "what the caller gave isn't used");
                assert_ne!(first.1, second.1);
            } else {
                assert_eq!(first, second, "{profile}: the caller's, as the standard has it");
                assert_eq!(first.0, [7; 12]);
            }
        });
    });
}

/// A26: a wrapping key's template is heeded, whatever the kind of the attribute.
#[test]
fn a_wrapping_key_wraps_only_what_its_template_says() {
    alone(|| {
        under_each(|profile, session| {
            let inner = |label: &str| Template::new().bytes(CKA_LABEL, label).flag(CKA_ENCRYPT, true);
            let (nested, others) = (inner("inner"), inner("other"));
            let kinds = [
                ("flag", Template::new().flag(CKA_ENCRYPT, true), Template::new().flag(CKA_ENCRYPT, false)),
                (
                    "number",
                    Template::new().number(CKA_VALUE_LEN, 32),
                    Template::new().number(CKA_VALUE_LEN, 16),
                ),
                (
                    "string",
                    Template::new().bytes(CKA_LABEL, "export"),
                    Template::new().bytes(CKA_LABEL, "exports"),
                ),
                (
                    "template",
                    Template::new().nested(CKA_UNWRAP_TEMPLATE, &nested),
                    Template::new().nested(CKA_UNWRAP_TEMPLATE, &others),
                ),
            ];
            for (kind, wanted, other) in &kinds {
                let kek = may(&[CKA_WRAP]).nested(CKA_WRAP_TEMPLATE, wanted);
                let kek = aes(session, kek).expect("a key");
                for (template, code) in [(wanted, ReturnCode::OK), (other, ReturnCode::KEY_NOT_WRAPPABLE)] {
                    let len = match *kind {
                        "number" => Template::new(),
                        _ => Template::new().number(CKA_VALUE_LEN, 32),
                    };
                    let victim = session.generate(CKM_AES_KEY_GEN, &extractable().and(&len).and(template));
                    let outcome = session.wrap(&kwp(), kek, victim.expect("a key"));
                    let outcome = outcome.err().unwrap_or(ReturnCode::OK);
                    assert_eq!(outcome, code, "{profile} {kind}");
                }
            }
        });
    });
}

/// A22 and A23: a signature that is a decryption, and a key's own list of mechanisms.
#[test]
fn keys_do_only_what_they_list() {
    alone(|| {
        under_each(|profile, session| {
            let pair = session.rsa(false, "").expect("a pair");
            let outcome = session
                .sign_init(&Mechanism::plain(CKM_RSA_X_509), pair.private)
                .and_then(|()| session.sign(&[1; 256]).map(drop));
            let wanted = if profile == "strict" { Err(ReturnCode::MECHANISM_INVALID) } else { Ok(()) };
            assert_eq!(outcome, wanted, "{profile}");
            let list = [CKM_SHA256_RSA_PKCS_PSS, CKM_RSA_X_509].map(u64::to_ne_bytes).concat();
            let private = may(&[CKA_SIGN, CKA_DECRYPT]).bytes(CKA_ALLOWED_MECHANISMS, list);
            let public = Template::new().number(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]);
            let pair = session.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private);
            if profile == "cloudhsm" {
                assert_eq!(pair, Err(ReturnCode::TEMPLATE_INCONSISTENT));
                return;
            }
            let key = pair.expect("a pair").private;
            let sign = |mechanism: Mechanism| {
                session.sign_init(&mechanism, key).and_then(|()| session.sign(&[1; 256]))
            };
            assert!(sign(Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32)).is_ok());
            assert!(sign(Mechanism::plain(CKM_RSA_X_509)).is_ok(), "{profile}: it's listed");
            let invalid = Err(ReturnCode::MECHANISM_INVALID);
            assert_eq!(sign(Mechanism::plain(CKM_SHA256_RSA_PKCS)), invalid, "{profile}");
            assert_eq!(
                session.decrypt_init(&Mechanism::oaep(), key),
                Err(ReturnCode::MECHANISM_INVALID),
                "{profile}"
            );
        });
    });
}

/// A38: the length of what would be wrapped tells nothing but the kind of key.
#[test]
fn a_length_tells_the_kind_of_key_alone() {
    alone(|| {
        under_each(|profile, session| {
            let kek = aes(session, may(&[CKA_WRAP])).expect("a key");
            let lens: Vec<_> = (0..4)
                .map(|_| {
                    session
                        .wrap(&kwp(), kek, aes(session, extractable()).expect("a key"))
                        .expect("bytes")
                        .len()
                })
                .collect();
            assert_eq!(lens, [40; 4], "{profile}");
            let kept = aes(session, Template::new().flag(CKA_EXTRACTABLE, false)).expect("a key");
            assert_eq!(session.wrap(&kwp(), kek, kept), Err(ReturnCode::KEY_UNEXTRACTABLE), "{profile}");
        });
    });
}

/// A key that wants a login for each use signs once after each, whoever asks how.
#[test]
fn a_key_that_wants_a_login_for_each_use_gets_it() {
    alone(|| {
        let cluster = Cluster::builder().start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let public = Template::new().bytes(CKA_EC_PARAMS, P256);
        let private = may(&[CKA_SIGN, CKA_ALWAYS_AUTHENTICATE, CKA_PRIVATE]);
        let public_too = may(&[CKA_SIGN, CKA_ALWAYS_AUTHENTICATE]).flag(CKA_PRIVATE, false);
        let refused = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &public_too);
        assert_eq!(refused, Err(ReturnCode::TEMPLATE_INCONSISTENT));
        for token in [false, true] {
            let private = private.clone().flag(CKA_TOKEN, token);
            let key = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &private).expect("a pair").private;
            let again = |pin: &str| session.login_as(CKU_CONTEXT_SPECIFIC, pin.as_bytes());
            let init = || session.sign_init(&Mechanism::plain(CKM_ECDSA), key).expect("C_SignInit");
            assert_eq!(again(cluster.pin()), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
            init();
            assert_eq!(session.sign(&[1; 32]), Err(ReturnCode::USER_NOT_LOGGED_IN));
            init();
            assert_eq!(again("app:wrong-password"), Err(ReturnCode::PIN_INCORRECT));
            again(cluster.pin()).expect("C_Login");
            assert!(session.sign(&[1; 32]).is_ok());
            // Once is once, and for its own session.
            init();
            assert_eq!(session.sign(&[1; 32]), Err(ReturnCode::USER_NOT_LOGGED_IN));
            let other = raw.open().expect("C_OpenSession");
            init();
            again(cluster.pin()).expect("C_Login");
            other.sign_init(&Mechanism::plain(CKM_ECDSA), key).expect("C_SignInit");
            assert_eq!(other.sign(&[1; 32]), Err(ReturnCode::USER_NOT_LOGGED_IN));
            assert!(session.sign(&[1; 32]).is_ok());
            other.close().expect("C_CloseSession");
        }
        raw.finalize().expect("C_Finalize");
    });
}
