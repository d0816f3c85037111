//! Wrapping and unwrapping: by whom, of what, in which modes.

use super::*;

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
