//! What a key's attributes guard: usages, values, trust, history.

use super::*;

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
