//! Trusted keys, templates that keys impose, and what stays (cloudhsm.md 4.5; 14, items 54 to 59; attacks.md A9, A10, A20, A26).

mod common;

use common::{Client, P256, operation, world};
use strongroom_model::{
    AgreementKdf, AttributeType as A, Attributes, Blob, Handle, Hash, Mechanism, MechanismType, Params,
    Profile, ReturnCode, Value,
};
use strongroom_wire::{Answer, Request, Response};

const PROFILES: [Profile; 3] = [Profile::Standard, Profile::CloudHsm, Profile::Strict];
const KWP: MechanismType = MechanismType::AES_KEY_WRAP_KWP;

fn aes(template: Attributes) -> Request {
    let template = template.with(A::VALUE_LEN, 32);
    Request::GenerateKey { mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN), template }
}

fn secret() -> Attributes {
    Attributes::new().with(A::CLASS, cryptoki_sys::CKO_SECRET_KEY).with(A::KEY_TYPE, cryptoki_sys::CKK_AES)
}

fn wrap(wrapping: Handle, key: Handle) -> Request {
    Request::Wrap { mechanism: Mechanism::plain(KWP), wrapping, key }
}

fn unwrap(unwrapping: Handle, wrapped: &Blob, template: Attributes) -> Request {
    Request::Unwrap { mechanism: Mechanism::plain(KWP), unwrapping, wrapped: wrapped.clone(), template }
}

fn set(handle: Handle, template: Attributes) -> Request {
    Request::SetAttributes { handle, template }
}

fn trusted(value: bool) -> Attributes {
    Attributes::new().with(A::TRUSTED, value)
}

fn wrapping_key(client: &mut Client, more: Attributes) -> Handle {
    let wrapping = Attributes::new().with(A::TOKEN, true).with(A::WRAP, true).with(A::UNWRAP, true);
    client.aes(
        wrapping.iter().chain(more.iter()).map(|(attribute, value)| (attribute, value.clone())).collect(),
    )
}

fn extractable(client: &mut Client, more: Attributes) -> Handle {
    client.aes(more.with(A::EXTRACTABLE, true))
}

/// A9, item 54: in none of six ways does a crypto user mark a key as trusted, nor take the mark away.
#[test]
fn only_an_officer_marks_a_key_as_trusted() {
    for profile in PROFILES {
        let world = world(profile);
        let (mut app, mut officer) = (world.app(1), world.officer(2));
        let key = wrapping_key(&mut app, Attributes::new());
        let data_key = extractable(&mut app, Attributes::new());
        let wrapped = app.bytes(wrap(key, data_key));
        let (public, private) = app.pair(
            Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
            Attributes::new().with(A::EC_PARAMS, P256),
            Attributes::new().with(A::DERIVE, true),
        );
        let Answer::Value(Value::Bytes(point)) = app.attribute(public, A::EC_POINT) else { panic!() };
        let params =
            Params::Ecdh { kdf: Some(AgreementKdf::X963(Hash::Sha256)), shared: Blob::new(), public: point };
        let derive = Request::Derive {
            mechanism: Mechanism { kind: MechanismType::ECDH1_DERIVE, params },
            base: private,
            template: secret().with(A::TRUSTED, true).with(A::VALUE_LEN, 32),
        };
        let imposing = wrapping_key(
            &mut app,
            Attributes::new().with(A::UNWRAP_TEMPLATE, Value::Template(trusted(true))),
        );
        let wrapped_by_imposing = app.bytes(wrap(imposing, data_key));
        let six = [
            Request::Create { template: secret().with(A::VALUE, [1; 32].as_slice()).with(A::TRUSTED, true) },
            set(key, trusted(true)),
            aes(trusted(true)),
            unwrap(key, &wrapped, secret().with(A::TRUSTED, true)),
            unwrap(imposing, &wrapped_by_imposing, secret()),
            Request::Copy { handle: key, template: trusted(true) },
            derive,
        ];
        for request in six {
            assert_eq!(app.code(request.clone()), ReturnCode::ATTRIBUTE_READ_ONLY, "{profile} {request:?}");
        }
        assert_eq!(officer.code(set(key, trusted(true))), ReturnCode::OK);
        assert_eq!(app.attribute(key, A::TRUSTED), Answer::Value(true.into()));
        assert_eq!(app.code(set(key, trusted(false))), ReturnCode::ATTRIBUTE_READ_ONLY);
        assert_eq!(
            app.code(Request::Copy { handle: key, template: trusted(false) }),
            ReturnCode::ATTRIBUTE_READ_ONLY
        );
        assert_eq!(officer.code(set(key, trusted(false))), ReturnCode::OK);
        assert_eq!(app.attribute(key, A::TRUSTED), Answer::Value(false.into()));
    }
}

/// Item 55, A8b and A10.
#[test]
fn a_key_that_wants_trust_is_wrapped_by_trusted_keys_only_and_for_good() {
    for profile in PROFILES {
        let world = world(profile);
        let (mut app, mut officer) = (world.app(1), world.officer(2));
        let wrapping = wrapping_key(&mut app, Attributes::new());
        let key = extractable(&mut app, Attributes::new().with(A::TOKEN, true));
        assert_eq!(app.code(wrap(wrapping, key)), ReturnCode::OK);
        let careful = |value| Attributes::new().with(A::WRAP_WITH_TRUSTED, value);
        assert_eq!(app.code(set(key, careful(true))), ReturnCode::OK);
        assert_eq!(app.code(wrap(wrapping, key)), ReturnCode::KEY_NOT_WRAPPABLE);
        officer.ask(set(wrapping, trusted(true))).unwrap();
        assert_eq!(app.code(wrap(wrapping, key)), ReturnCode::OK);
        officer.ask(set(wrapping, trusted(false))).unwrap();
        assert_eq!(app.code(wrap(wrapping, key)), ReturnCode::KEY_NOT_WRAPPABLE);
        for request in [set(key, careful(false)), Request::Copy { handle: key, template: careful(false) }] {
            assert_eq!(app.code(request), ReturnCode::ATTRIBUTE_READ_ONLY);
        }
        let copy = app.object(Request::Copy { handle: key, template: Attributes::new() }).handle;
        assert_eq!(app.code(wrap(wrapping, copy)), ReturnCode::KEY_NOT_WRAPPABLE);
    }
}

/// A16: out and back in, a key loses no care, as it may under the other profiles.
#[test]
fn what_a_trusted_key_unwraps_stays_careful_under_strict() {
    for profile in PROFILES {
        let world = world(profile);
        let (mut app, mut officer) = (world.app(1), world.officer(2));
        let wrapping = wrapping_key(&mut app, Attributes::new());
        officer.ask(set(wrapping, trusted(true))).unwrap();
        let careful = |value| Attributes::new().with(A::WRAP_WITH_TRUSTED, value);
        let key = extractable(&mut app, careful(true));
        let wrapped = app.bytes(wrap(wrapping, key));
        let strict = profile == Profile::Strict;
        let careless = unwrap(wrapping, &wrapped, secret().with(A::WRAP_WITH_TRUSTED, false));
        let code = if strict { ReturnCode::TEMPLATE_INCONSISTENT } else { ReturnCode::OK };
        assert_eq!(app.code(careless), code, "{profile}");
        let silent = app.object(unwrap(wrapping, &wrapped, secret())).handle;
        let found = app.attribute(silent, A::WRAP_WITH_TRUSTED);
        assert_eq!(found, Answer::Value(strict.into()), "{profile}");
    }
}

/// A20.
#[test]
fn a_copy_is_no_weaker() {
    let world = world(Profile::Standard);
    let (mut app, mut officer) = (world.app(1), world.officer(2));
    let template = Attributes::new().with(A::TOKEN, true).with(A::WRAP_WITH_TRUSTED, true);
    let key = app.aes(template);
    let weaker =
        [(A::SENSITIVE, false), (A::EXTRACTABLE, true), (A::WRAP_WITH_TRUSTED, false), (A::TRUSTED, true)];
    for (attribute, value) in weaker {
        let template = Attributes::new().with(attribute, value);
        let copy = Request::Copy { handle: key, template };
        assert_eq!(app.code(copy), ReturnCode::ATTRIBUTE_READ_ONLY, "{attribute}");
    }
    // The mark isn't the copy's to lose; but it stays what an officer said of that key.
    officer.ask(set(key, trusted(true))).unwrap();
    let copy = app.object(Request::Copy { handle: key, template: Attributes::new() }).handle;
    for (attribute, _) in weaker {
        assert_eq!(app.attribute(copy, attribute), app.attribute(key, attribute), "{attribute}");
    }
    let fixed =
        app.object(Request::Copy { handle: key, template: Attributes::new().with(A::COPYABLE, false) });
    let again = Request::Copy { handle: fixed.handle, template: Attributes::new() };
    assert_eq!(app.code(again), ReturnCode::ACTION_PROHIBITED);
    let back = Request::Copy { handle: fixed.handle, template: Attributes::new().with(A::COPYABLE, true) };
    assert_eq!(app.code(back), ReturnCode::ACTION_PROHIBITED);
    let set_back = set(fixed.handle, Attributes::new().with(A::COPYABLE, true));
    assert_eq!(app.code(set_back), ReturnCode::ATTRIBUTE_READ_ONLY);
}

/// Item 57 and A26: whatever the kind of attribute, one that differs, or is missing, keeps the key from being wrapped.
#[test]
fn a_wrap_template_is_heeded_for_every_kind_of_value() {
    let nested =
        Value::Template(Attributes::new().with(A::LABEL, b"inner".as_slice()).with(A::ENCRYPT, true));
    let other_nested =
        Value::Template(Attributes::new().with(A::LABEL, b"outer".as_slice()).with(A::ENCRYPT, true));
    let mechanisms = |kind: MechanismType| Value::Mechanisms(vec![kind.0]);
    let kinds = [
        (A::ENCRYPT, Value::Bool(true), Value::Bool(false)),
        (A::VALUE_LEN, Value::Ulong(32), Value::Ulong(16)),
        (A::LABEL, b"for export".as_slice().into(), b"for exports".as_slice().into()),
        (A::ID, b"7".as_slice().into(), b"".as_slice().into()),
        (A::START_DATE, b"20260101".as_slice().into(), b"20270101".as_slice().into()),
        (A::ALLOWED_MECHANISMS, mechanisms(MechanismType::AES_ECB), mechanisms(MechanismType::AES_CBC)),
        (A::UNWRAP_TEMPLATE, nested, other_nested),
    ];
    for profile in [Profile::Standard, Profile::CloudHsm] {
        let world = world(profile);
        let mut app = world.app(1);
        // The vendor has neither.
        let lacking = [A::START_DATE, A::ALLOWED_MECHANISMS];
        let has = |attribute: &A| profile == Profile::Standard || !lacking.contains(attribute);
        for (attribute, wanted, other) in kinds.iter().filter(|(attribute, ..)| has(attribute)) {
            let template = Value::Template(Attributes::new().with(*attribute, wanted.clone()));
            let wrapping = wrapping_key(&mut app, Attributes::new().with(A::WRAP_TEMPLATE, template.clone()));
            assert_eq!(app.attribute(wrapping, A::WRAP_TEMPLATE), Answer::Value(template));
            for (value, expected) in [(wanted, ReturnCode::OK), (other, ReturnCode::KEY_NOT_WRAPPABLE)] {
                let mut template = Attributes::new().with(A::EXTRACTABLE, true).with(A::VALUE_LEN, 32);
                template.set(*attribute, value.clone());
                let mechanism = Mechanism::plain(MechanismType::AES_KEY_GEN);
                let key = app.object(Request::GenerateKey { mechanism, template }).handle;
                assert_eq!(app.code(wrap(wrapping, key)), expected, "{attribute}");
            }
        }
        // One that the key doesn't have at all.
        let template =
            Value::Template(Attributes::new().with(A::WRAP_TEMPLATE, Value::Template(Attributes::new())));
        let wrapping = wrapping_key(&mut app, Attributes::new().with(A::WRAP_TEMPLATE, template));
        let key = extractable(&mut app, Attributes::new());
        assert_eq!(app.code(wrap(wrapping, key)), ReturnCode::KEY_NOT_WRAPPABLE);
        // Key material never matches, so that wrapping doesn't tell whether a guess is right.
        let template = Value::Template(Attributes::new().with(A::VALUE, [1; 32].as_slice()));
        let wrapping = wrapping_key(&mut app, Attributes::new().with(A::WRAP_TEMPLATE, template));
        let known = secret().with(A::VALUE, [1; 32].as_slice()).with(A::EXTRACTABLE, true);
        let known = app.object(Request::Create { template: known }).handle;
        assert_eq!(app.code(wrap(wrapping, known)), ReturnCode::KEY_NOT_WRAPPABLE);
    }
}

/// Item 56: the caller's template and the key's are joined; one that contradicts is refused.
#[test]
fn an_unwrap_template_is_joined_with_the_callers() {
    let world = world(Profile::CloudHsm);
    let mut app = world.app(1);
    let inner = Value::Template(Attributes::new().with(A::ENCRYPT, true));
    let imposed = Attributes::new()
        .with(A::LABEL, b"imposed".as_slice())
        .with(A::WRAP_WITH_TRUSTED, true)
        .with(A::EXTRACTABLE, false)
        .with(A::UNWRAP_TEMPLATE, inner.clone());
    let template = Attributes::new().with(A::UNWRAP_TEMPLATE, Value::Template(imposed));
    let unwrapping = wrapping_key(&mut app, template);
    let key = extractable(&mut app, Attributes::new());
    let wrapped = app.bytes(wrap(unwrapping, key));
    let unwrapped = app.object(unwrap(unwrapping, &wrapped, secret().with(A::ID, b"7".as_slice()))).handle;
    let expected = [
        (A::LABEL, b"imposed".as_slice().into()),
        (A::ID, b"7".as_slice().into()),
        (A::WRAP_WITH_TRUSTED, Value::Bool(true)),
        (A::EXTRACTABLE, Value::Bool(false)),
        (A::UNWRAP_TEMPLATE, inner.clone()),
    ];
    for (attribute, value) in expected {
        assert_eq!(app.attribute(unwrapped, attribute), Answer::Value(value), "{attribute}");
    }
    let contradictions = [
        Attributes::new().with(A::LABEL, b"mine".as_slice()),
        Attributes::new().with(A::EXTRACTABLE, true),
        Attributes::new().with(A::UNWRAP_TEMPLATE, Value::Template(Attributes::new())),
    ];
    for contradiction in contradictions {
        let template = secret().iter().chain(contradiction.iter()).map(|(a, v)| (a, v.clone())).collect();
        let answer = app.ask(unwrap(unwrapping, &wrapped, template));
        assert_eq!(answer.unwrap_err().code, ReturnCode::TEMPLATE_INCONSISTENT);
    }
    let agreeing = secret().with(A::LABEL, b"imposed".as_slice()).with(A::UNWRAP_TEMPLATE, inner);
    assert!(matches!(app.ask(unwrap(unwrapping, &wrapped, agreeing)), Ok(Response::Object(_))));
}

/// Items 58 and 59.
#[test]
fn what_may_not_leave_or_go_does_not() {
    let world = world(Profile::CloudHsm);
    let mut app = world.app(1);
    let wrapping = wrapping_key(&mut app, Attributes::new());
    let kept =
        Attributes::new().with(A::EXTRACTABLE, false).with(A::DESTROYABLE, false).with(A::ENCRYPT, true);
    let key = app.aes(kept.with(A::TOKEN, true));
    assert_eq!(app.code(wrap(wrapping, key)), ReturnCode::KEY_UNEXTRACTABLE);
    let raise = Attributes::new().with(A::EXTRACTABLE, true);
    assert_eq!(app.code(set(key, raise)), ReturnCode::ATTRIBUTE_READ_ONLY);
    assert_eq!(app.code(Request::Destroy { handle: key }), ReturnCode::ACTION_PROHIBITED);
    let encrypt = Request::Encrypt(operation(MechanismType::AES_ECB, key, &[1; 16]));
    assert_eq!(app.code(encrypt), ReturnCode::OK);
}
