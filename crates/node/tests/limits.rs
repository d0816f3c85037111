//! The profile's limits: past them comes an error, and nothing else (cloudhsm.md 4.6 and 5.8; 14, items 65 and 70).

mod common;

use std::sync::Arc;

use common::{Client, World, world, world_under, world_under_with};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, HsmType, Limits, Mechanism, MechanismType, Mode, Profile, Quirk,
    Regime, Result, ReturnCode, Role, Variant, limits,
};
use strongroom_node::state::{Key, Record, Revision, User};
use strongroom_wire::{Login, Request, Response};

fn aes(token: bool) -> Request {
    let template = Attributes::new().with(A::TOKEN, token).with(A::VALUE_LEN, 16);
    Request::GenerateKey { mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN), template }
}

fn pair(token: bool) -> Request {
    let template = Attributes::new().with(A::TOKEN, token);
    let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
    Request::GeneratePair {
        mechanism,
        public: template.clone().with(A::EC_PARAMS, common::P256),
        private: template,
    }
}

/// How many of a request succeed before one fails.
fn until_full(client: &mut Client, request: &Request) -> usize {
    for made in 0..20_000 {
        if let Err(error) = client.ask(request.clone()) {
            assert_eq!(error.code, ReturnCode::DEVICE_MEMORY, "{error}");
            assert!(error.message.contains("the most there may be: destroy some"), "{error}");
            return made;
        }
    }
    panic!("there is no limit");
}

/// Item 65: 16,666 keys, session keys among them.
#[test]
fn keys_are_limited_under_cloudhsm_and_session_keys_count() {
    let world = world(Profile::CloudHsm);
    let (mut app, mut other) = (world.app(1), world.other(2));
    let limit = Limits::of(Profile::CloudHsm).keys;
    assert_eq!(limit, 16_666);
    let session_keys = 200;
    for _ in 0..session_keys {
        other.ask(aes(false)).unwrap();
    }
    let first = app.object(aes(true)).handle;
    assert_eq!(until_full(&mut app, &aes(true)), limit - session_keys - 1);
    for request in [aes(false), aes(true), pair(false), pair(true)] {
        assert_eq!(other.code(request), ReturnCode::DEVICE_MEMORY);
    }
    // What is there goes on working, and room comes back with whatever goes.
    let encrypt = |key| Request::Encrypt(common::operation(MechanismType::AES_ECB, key, &[1; 16]));
    assert_ne!(app.code(encrypt(first)), ReturnCode::DEVICE_MEMORY);
    app.ask(Request::Destroy { handle: first }).unwrap();
    assert_eq!(until_full(&mut other, &aes(true)), 1);
    other.ask(Request::CloseSession).unwrap();
    assert_eq!(until_full(&mut app, &aes(true)), session_keys);
    // A session key that becomes a token key needs no more room than it has.
    let last = app.find(Attributes::new().with(A::TOKEN, true))[0];
    app.ask(Request::Destroy { handle: last }).unwrap();
    let session = app.object(aes(false)).handle;
    assert_eq!(app.code(aes(true)), ReturnCode::DEVICE_MEMORY);
    assert_eq!(app.code(Request::Persist { handle: session }), ReturnCode::OK);
}

/// Item 65: 3,333 of them asymmetric; each half of a pair is one.
#[test]
fn asymmetric_keys_are_limited_under_cloudhsm() {
    let world = world(Profile::CloudHsm);
    let mut app = world.app(1);
    let limit = Limits::of(Profile::CloudHsm).asymmetric_keys;
    assert_eq!(limit, 3_333);
    let made = (0..100).map(|_| app.ask(pair(false))).filter(Result::is_ok).count();
    assert_eq!(until_full(&mut app, &pair(true)), (limit - 2 * made) / 2);
    assert_eq!(app.code(pair(false)), ReturnCode::DEVICE_MEMORY);
    assert_eq!(app.code(aes(true)), ReturnCode::OK);
    assert_eq!(app.code(aes(false)), ReturnCode::OK);
}

/// Item 70: 900 clients, each of which may have many connections.
#[test]
fn clients_are_limited_under_cloudhsm() {
    let world: World = world(Profile::CloudHsm);
    let limit = Limits::of(Profile::CloudHsm).clients;
    assert_eq!(limit, 900);
    let template = world.client(255).hello;
    let hello = |number: usize| {
        let mut hello = template.clone();
        hello.instance.0[..8].copy_from_slice(&number.to_le_bytes());
        hello.family = hello.instance;
        hello
    };
    let mut connected: Vec<_> =
        (0..limit).map(|number| world.node.connect(&hello(number)).unwrap()).collect();
    let refusal = world.node.connect(&hello(limit)).map(drop).unwrap_err();
    assert_eq!(refusal.code, ReturnCode::DEVICE_MEMORY);
    assert!(refusal.message.contains("900 clients"), "{refusal}");
    connected.push(world.node.connect(&hello(0)).unwrap());
    // One process, two connections: it's gone with the second.
    connected.remove(0);
    assert!(world.node.connect(&hello(limit)).is_err());
    connected.pop();
    connected.push(world.node.connect(&hello(limit)).unwrap());
    assert!(world.node.connect(&hello(limit + 1)).is_err());
}

/// The other profiles have limits of their own, far beyond.
#[test]
fn standard_and_strict_have_larger_limits() {
    for profile in [Profile::Standard, Profile::Strict] {
        let (limits, small) = (Limits::of(profile), Limits::of(Profile::CloudHsm));
        assert!(limits.keys > small.keys && limits.asymmetric_keys > small.asymmetric_keys);
        assert!(limits.sessions > small.sessions && limits.clients > small.clients);
        let world = world(profile);
        let mut app = world.app(1);
        assert!(matches!(app.ask(pair(false)), Ok(Response::Pair { .. })));
    }
}

/// What can't be kept whole isn't kept at all, whichever half there's no room for.
#[test]
fn a_pair_is_kept_whole_or_not_at_all() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let data = |label: &str| Request::Create {
        template: Attributes::new()
            .with(A::CLASS, strongroom_model::ObjectClass::Data.to_ck())
            .with(A::LABEL, label.as_bytes()),
    };
    let last = limits::MAX_SESSION_OBJECTS - 1;
    for _ in 0..last {
        app.ask(data("")).unwrap();
    }
    let halves = |public: bool, private: bool| {
        let template = |token| Attributes::new().with(A::LABEL, b"half".as_slice()).with(A::TOKEN, token);
        let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
        Request::GeneratePair {
            mechanism,
            public: template(public).with(A::EC_PARAMS, common::P256),
            private: template(private),
        }
    };
    let found = |app: &mut Client| app.find(Attributes::new().with(A::LABEL, b"half".as_slice())).len();
    assert_eq!(app.code(halves(false, false)), ReturnCode::DEVICE_MEMORY, "there's room for one");
    assert_eq!(found(&mut app), 0);
    let one = app.object(data("one more")).handle;
    for (public, private) in [(true, false), (false, true), (false, false)] {
        assert_eq!(app.code(halves(public, private)), ReturnCode::DEVICE_MEMORY);
        assert_eq!(found(&mut app), 0, "public on the token: {public}, private: {private}");
    }
    app.ask(Request::Destroy { handle: one }).unwrap();
    assert_eq!(app.code(halves(true, false)), ReturnCode::OK);
    assert_eq!(found(&mut app), 2);
}

fn hsm1() -> Regime {
    let variant = Variant { hsm: HsmType::Hsm1, mode: Mode::NonFips, ..Variant::default() };
    Regime { profile: Profile::CloudHsm, variant }
}

/// 3,300 keys of any kind (cloudhsm.md 4.6).
#[test]
fn the_older_hsm_has_room_for_fewer_keys() {
    let world = world_under(hsm1());
    let mut app = world.app(1);
    for _ in 0..100 {
        app.ask(pair(false)).unwrap();
    }
    assert_eq!(until_full(&mut app, &aes(true)), limits::HSM1_KEYS - 200);
    assert_eq!(app.code(pair(true)), ReturnCode::DEVICE_MEMORY);
}

/// 250 users (cloudhsm.md 2.3; 14, item 21).
#[test]
fn the_older_hsm_has_room_for_fewer_users() {
    let someone = Arc::new(User::with_password(b"some-password").unwrap());
    // Beside the officer and the two crypto users of every world.
    let crowd = (3..limits::HSM1_USERS - 1).map(|number| -> (Key, Revision, Record) {
        let name = format!("user{number}").parse().unwrap();
        (Key::User(Role::CryptoUser, name), 1, Record::User(Arc::clone(&someone)))
    });
    let create = |name: &str| {
        let user = Some(name.parse().unwrap());
        let password = Blob::from(&b"some-password"[..]);
        Request::CreateUser(Login { role: Role::CryptoUser, user, password })
    };
    let crowd: Vec<_> = crowd.collect();
    let world = world_under_with(hsm1(), crowd.clone());
    let mut officer = world.officer(1);
    assert_eq!(officer.code(create("last")), ReturnCode::OK);
    let full = officer.ask(create("more")).unwrap_err();
    assert_eq!(full.code, ReturnCode::DEVICE_MEMORY);
    assert!(full.message.contains("250 users"), "{full}");
    // The newer one goes on.
    let world = world_under_with(Regime::of(Profile::CloudHsm), crowd);
    let mut officer = world.officer(1);
    for name in ["last", "more"] {
        assert_eq!(officer.code(create(name)), ReturnCode::OK);
    }
}

/// 60 certificates (cloudhsm.md 5.9; 14, item 78).
#[test]
fn certificates_are_limited_under_cloudhsm() {
    let quirks = Variant::default().quirks.with(Quirk::CertificateStorage, true);
    let regime = Regime { profile: Profile::CloudHsm, variant: Variant { quirks, ..Variant::default() } };
    let world = world_under(regime);
    let mut app = world.app(1);
    let certificate = Attributes::new()
        .with(A::CLASS, cryptoki_sys::CKO_CERTIFICATE)
        .with(A::CERTIFICATE_TYPE, cryptoki_sys::CKC_X_509)
        .with(A::TOKEN, true)
        .with(A::SUBJECT, &[0x30, 0][..])
        .with(A::VALUE, &[0x30, 0][..]);
    let create = Request::Create { template: certificate };
    let first = app.object(create.clone()).handle;
    for _ in 1..limits::MAX_STORED_CERTIFICATES {
        app.object(create.clone());
    }
    let full = app.ask(create.clone()).unwrap_err();
    assert_eq!(full.code, ReturnCode::FUNCTION_FAILED);
    assert!(full.message.contains("60 certificates"), "{full}");
    app.ask(Request::Destroy { handle: first }).unwrap();
    app.object(create);
}
