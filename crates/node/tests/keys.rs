//! Keys through a node: made, used, wrapped, derived, and what's refused on the way.

mod common;

use common::{P256, World, operation, world};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Mechanism, MechanismType, Params, Profile, ReturnCode, Value,
};
use strongroom_wire::{Answer, Request, Response, StreamKind};

#[test]
fn a_signature_verifies_and_another_does_not() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    for token in [true, false] {
        let (public, private) = app.p256(token);
        let signature = app.bytes(Request::Sign {
            operation: operation(MechanismType::ECDSA_SHA256, private, b"x"),
            digested: false,
        });
        let verify = |data: &[u8]| Request::Verify {
            operation: operation(MechanismType::ECDSA_SHA256, public, data),
            digested: false,
            signature: signature.clone(),
        };
        assert_eq!(app.code(verify(b"x")), ReturnCode::OK);
        assert_eq!(app.code(verify(b"y")), ReturnCode::SIGNATURE_INVALID);
        let sign_with = |kind, key| Request::Sign { operation: operation(kind, key, b"x"), digested: false };
        assert_eq!(
            app.code(sign_with(MechanismType::SHA256_RSA_PKCS, private)),
            ReturnCode::KEY_TYPE_INCONSISTENT
        );
        assert_eq!(app.code(sign_with(MechanismType::ECDSA, public)), ReturnCode::KEY_FUNCTION_NOT_PERMITTED);
        assert_eq!(app.code(sign_with(MechanismType::ECDH1_DERIVE, private)), ReturnCode::MECHANISM_INVALID);
    }
}

#[test]
fn material_is_revealed_only_when_extractable_and_not_sensitive() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    for sensitive in [true, false] {
        for extractable in [true, false] {
            let template = Attributes::new().with(A::SENSITIVE, sensitive).with(A::EXTRACTABLE, extractable);
            let key = app.aes(template);
            let answer = app.attribute(key, A::VALUE);
            if !sensitive && extractable {
                assert!(matches!(answer, Answer::Value(Value::Bytes(value)) if value.len() == 32));
            } else {
                assert_eq!(answer, Answer::Sensitive);
            }
            assert_eq!(app.attribute(key, A::ALWAYS_SENSITIVE), Answer::Value(sensitive.into()));
            assert_eq!(app.attribute(key, A::NEVER_EXTRACTABLE), Answer::Value((!extractable).into()));
            assert_eq!(app.attribute(key, A::LOCAL), Answer::Value(true.into()));
            assert_eq!(app.attribute(key, A::MODULUS), Answer::Invalid);
            assert_eq!(app.attribute(key, A::PRIME_1), Answer::Invalid);
        }
    }
}

#[test]
fn what_is_sticky_stays() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let key = app.aes(Attributes::new().with(A::WRAP_WITH_TRUSTED, true).with(A::EXTRACTABLE, false));
    for (attribute, value) in [(A::SENSITIVE, false), (A::EXTRACTABLE, true), (A::WRAP_WITH_TRUSTED, false)] {
        let template = Attributes::new().with(attribute, value);
        let set = Request::SetAttributes { handle: key, template: template.clone() };
        assert_eq!(app.code(set), ReturnCode::ATTRIBUTE_READ_ONLY, "{attribute}");
        assert_eq!(
            app.code(Request::Copy { handle: key, template }),
            ReturnCode::ATTRIBUTE_READ_ONLY,
            "{attribute}"
        );
    }
    for attribute in [A::LOCAL, A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE, A::TRUSTED] {
        let template = Attributes::new().with(A::VALUE_LEN, 16).with(attribute, true);
        let generate =
            Request::GenerateKey { mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN), template };
        assert_eq!(app.code(generate), ReturnCode::ATTRIBUTE_READ_ONLY, "{attribute}");
    }
}

#[test]
fn objects_that_may_not_change_do_not() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    for token in [true, false] {
        let fixed = Attributes::new()
            .with(A::TOKEN, token)
            .with(A::MODIFIABLE, false)
            .with(A::COPYABLE, false)
            .with(A::DESTROYABLE, false);
        let key = app.aes(fixed);
        let template = Attributes::new().with(A::LABEL, b"new".as_slice());
        let requests = [
            Request::SetAttributes { handle: key, template: template.clone() },
            Request::Copy { handle: key, template },
            Request::Destroy { handle: key },
        ];
        for request in requests {
            assert_eq!(app.code(request), ReturnCode::ACTION_PROHIBITED);
        }
    }
}

#[test]
fn a_wrapped_key_comes_back() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let wrapping = app.aes(Attributes::new());
    let extractable = Attributes::new().with(A::EXTRACTABLE, true).with(A::SENSITIVE, false);
    let secret = app.aes(extractable.clone());
    let (_, private) = app.pair(
        Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
        Attributes::new().with(A::EC_PARAMS, P256),
        extractable.clone(),
    );
    for kind in [MechanismType::AES_KEY_WRAP_KWP, MechanismType::AES_KEY_WRAP] {
        for key in [secret, private] {
            let mechanism = Mechanism::plain(kind);
            let wrapped = match app.ask(Request::Wrap { mechanism: mechanism.clone(), wrapping, key }) {
                Ok(Response::Bytes(wrapped)) => wrapped,
                // PKCS#8 needn't be a multiple of 8 bytes.
                Err(error) if key == private && kind == MechanismType::AES_KEY_WRAP => {
                    assert_eq!(error.code, ReturnCode::KEY_SIZE_RANGE);
                    continue;
                }
                other => panic!("{other:?}"),
            };
            let Answer::Value(class) = app.attribute(key, A::CLASS) else { panic!() };
            let Answer::Value(key_type) = app.attribute(key, A::KEY_TYPE) else { panic!() };
            let template = extractable.clone().with(A::CLASS, class).with(A::KEY_TYPE, key_type);
            let unwrap = |wrapped| Request::Unwrap {
                mechanism: mechanism.clone(),
                unwrapping: wrapping,
                wrapped,
                template: template.clone(),
            };
            let back = app.object(unwrap(wrapped.clone())).handle;
            assert_eq!(app.attribute(back, A::VALUE), app.attribute(key, A::VALUE));
            assert_eq!(app.attribute(back, A::LOCAL), Answer::Value(false.into()));
            let mut damaged = wrapped;
            damaged[3] ^= 1;
            assert_eq!(app.code(unwrap(damaged)), ReturnCode::WRAPPED_KEY_INVALID);
        }
    }
    let unextractable = app.aes(Attributes::new());
    let mechanism = Mechanism::plain(MechanismType::AES_KEY_WRAP_KWP);
    assert_eq!(
        app.code(Request::Wrap { mechanism: mechanism.clone(), wrapping, key: unextractable }),
        ReturnCode::KEY_UNEXTRACTABLE
    );
    let guarded = app.aes(extractable.with(A::WRAP_WITH_TRUSTED, true));
    assert_eq!(app.code(Request::Wrap { mechanism, wrapping, key: guarded }), ReturnCode::KEY_NOT_WRAPPABLE);
}

#[test]
fn an_officer_marks_a_wrapping_key_as_trusted() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let wrapping = app.aes(Attributes::new().with(A::TOKEN, true));
    let guarded = app.aes(Attributes::new().with(A::EXTRACTABLE, true).with(A::WRAP_WITH_TRUSTED, true));
    let trust =
        Request::SetAttributes { handle: wrapping, template: Attributes::new().with(A::TRUSTED, true) };
    assert_eq!(app.code(trust.clone()), ReturnCode::ATTRIBUTE_READ_ONLY);
    let mut officer = world.officer(2);
    assert_eq!(officer.code(trust), ReturnCode::OK);
    let label = Request::SetAttributes {
        handle: wrapping,
        template: Attributes::new().with(A::LABEL, b"x".as_slice()),
    };
    assert_eq!(officer.code(label), ReturnCode::ATTRIBUTE_READ_ONLY);
    let mechanism = Mechanism::plain(MechanismType::AES_KEY_WRAP_KWP);
    assert_eq!(
        app.code(Request::Wrap { mechanism: mechanism.clone(), wrapping, key: guarded }),
        ReturnCode::OK
    );
    assert_eq!(
        officer.code(Request::Wrap { mechanism, wrapping, key: guarded }),
        ReturnCode::USER_NOT_LOGGED_IN
    );
    let encrypt = Request::Encrypt(operation(MechanismType::AES_ECB, wrapping, &[0; 16]));
    assert_eq!(officer.code(encrypt), ReturnCode::USER_NOT_LOGGED_IN);
}

#[test]
fn both_sides_of_ecdh_derive_the_same() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let (public_a, private_a) = app.p256(false);
    let (public_b, private_b) = app.p256(false);
    let mut derive = |private, public| {
        let Answer::Value(Value::Bytes(point)) = app.attribute(public, A::EC_POINT) else { panic!() };
        let params = Params::Ecdh { kdf: None, shared: Blob::new(), public: point };
        let template = Attributes::new()
            .with(A::KEY_TYPE, cryptoki_sys::CKK_AES)
            .with(A::VALUE_LEN, 32)
            .with(A::SENSITIVE, false)
            .with(A::EXTRACTABLE, true);
        let mechanism = Mechanism { kind: MechanismType::ECDH1_DERIVE, params };
        let key = app.object(Request::Derive { mechanism, base: private, template }).handle;
        app.attribute(key, A::VALUE)
    };
    assert_eq!(derive(private_a, public_b), derive(private_b, public_a));
}

#[test]
fn a_stream_gives_what_one_call_gives() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let key = app.aes(Attributes::new());
    let data = vec![7; 1000];
    let mechanism = Mechanism { kind: MechanismType::AES_CBC_PAD, params: Params::Iv(Blob::from([9; 16])) };
    let of = |data: &[u8]| strongroom_wire::Operation {
        key,
        mechanism: mechanism.clone(),
        data: Blob::from(data),
    };
    let whole = app.bytes(Request::Encrypt(of(&data)));
    let Ok(Response::Streaming { stream, output }) =
        app.ask(Request::Open { kind: StreamKind::Encrypt, operation: of(&data[..333]) })
    else {
        panic!()
    };
    let mut parts = output;
    parts.extend(&app.bytes(Request::Update { stream, data: Blob::from(&data[333..]) }));
    let update = Request::Update { stream, data: Blob::new() };
    assert_eq!(world.app(2).code(update.clone()), ReturnCode::OPERATION_NOT_INITIALIZED);
    parts.extend(&app.bytes(Request::Finish { stream, signature: Blob::new() }));
    assert_eq!(parts, whole);
    assert_eq!(app.code(update), ReturnCode::OPERATION_NOT_INITIALIZED);
}

#[test]
fn the_number_of_an_operation_means_nothing_after_a_restart() {
    let stream_of = |world: &World| {
        let mut app = world.app(1);
        let key = app.aes(Attributes::new());
        let operation = operation(MechanismType::AES_ECB, key, &[1; 16]);
        match app.ask(Request::Open { kind: StreamKind::Encrypt, operation }) {
            Ok(Response::Streaming { stream, .. }) => (app, stream),
            other => panic!("{other:?}"),
        }
    };
    let (before, after) = (world(Profile::Standard), world(Profile::Standard));
    let (_, old) = stream_of(&before);
    let (mut app, _) = stream_of(&after);
    let update = Request::Update { stream: old, data: Blob::from([2; 16]) };
    assert_eq!(app.code(update), ReturnCode::OPERATION_NOT_INITIALIZED);
}

#[test]
fn strict_refuses_usages_that_give_a_key_away() {
    let world = world(Profile::Strict);
    let mut app = world.app(1);
    for (one, other) in [(A::WRAP, A::DECRYPT), (A::UNWRAP, A::ENCRYPT)] {
        let template = Attributes::new().with(one, true).with(other, true).with(A::VALUE_LEN, 32);
        let generate =
            Request::GenerateKey { mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN), template };
        assert_eq!(app.code(generate), ReturnCode::TEMPLATE_INCONSISTENT);
        let key = app.aes(Attributes::new().with(one, true));
        let set = Request::SetAttributes { handle: key, template: Attributes::new().with(other, true) };
        assert_eq!(app.code(set), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    }
}
