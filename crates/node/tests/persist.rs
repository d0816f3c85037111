//! Session objects: they die with their session, and may become token objects (cloudhsm.md 4.3; 14, items 50 and 51; attacks.md A35).

mod common;

use common::{Client, operation, world};
use strongroom_model::{
    AttributeType as A, Attributes, Handle, Mechanism, MechanismType, NodeId, Place, Profile, ReturnCode,
};
use strongroom_wire::{Answer, Envelope, Request, Response, StreamKind};

fn encrypt(key: Handle) -> Request {
    Request::Encrypt(operation(MechanismType::AES_ECB, key, &[7; 16]))
}

fn persist(client: &mut Client, handle: Handle) -> Handle {
    client.object(Request::Persist { handle }).handle
}

#[test]
fn a_session_key_becomes_a_token_key_in_one_step() {
    for profile in [Profile::Standard, Profile::CloudHsm, Profile::Strict] {
        let world = world(profile);
        let mut app = world.app(1);
        let usage = Attributes::new().with(A::LABEL, b"k".as_slice()).with(A::ENCRYPT, true);
        let session = app.aes(usage);
        let ciphertext = app.bytes(encrypt(session));
        let operation = operation(MechanismType::AES_ECB, session, &[1; 16]);
        let Ok(Response::Streaming { stream, .. }) =
            app.ask(Request::Open { kind: StreamKind::Encrypt, operation })
        else {
            panic!()
        };
        let before = world.node.revision();
        let token = persist(&mut app, session);
        assert_eq!(world.node.revision(), before + 1);
        assert_eq!(token.place(), Place::Cluster);
        assert_eq!(app.find(Attributes::new().with(A::LABEL, b"k".as_slice())), [token]);
        assert_eq!(app.attribute(token, A::TOKEN), Answer::Value(true.into()));
        assert_eq!(app.bytes(encrypt(token)), ciphertext);
        assert_eq!(app.code(encrypt(session)), ReturnCode::KEY_HANDLE_INVALID);
        let update = Request::Update { stream, data: strongroom_model::Blob::from([1; 16]) };
        assert_eq!(app.code(update), ReturnCode::KEY_HANDLE_INVALID);
        assert_eq!(app.code(Request::Persist { handle: session }), ReturnCode::OBJECT_HANDLE_INVALID);
        // It's one already; nothing changes.
        assert_eq!(persist(&mut app, token), token);
        assert_eq!(world.node.revision(), before + 1);
        app.ask(Request::CloseSession).unwrap();
        drop(app);
        assert_eq!(world.app(1).code(encrypt(token)), ReturnCode::OK);
    }
}

#[test]
fn a_token_key_does_not_become_a_session_key_and_attributes_do_not_do_either() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    for (token, other) in [(true, false), (false, true)] {
        let key = app.aes(Attributes::new().with(A::TOKEN, token));
        let template = Attributes::new().with(A::TOKEN, other);
        assert_eq!(
            app.code(Request::SetAttributes { handle: key, template }),
            ReturnCode::ATTRIBUTE_READ_ONLY
        );
        assert_eq!(app.attribute(key, A::TOKEN), Answer::Value(token.into()));
    }
}

#[test]
fn only_who_made_it_keeps_it_and_only_if_it_may_change() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let key = app.aes(Attributes::new());
    let fixed = app.aes(Attributes::new().with(A::MODIFIABLE, false));
    assert_eq!(app.code(Request::Persist { handle: fixed }), ReturnCode::ACTION_PROHIBITED);
    // The same process, by another login: the first one's private objects are gone.
    let (public, _) = app.p256(false);
    app.ask(Request::Logout).unwrap();
    let mut other = app;
    other.login(strongroom_model::Role::CryptoUser, Some("other"), common::OTHER).unwrap();
    assert_eq!(other.code(Request::Persist { handle: key }), ReturnCode::OBJECT_HANDLE_INVALID);
    assert_eq!(other.code(Request::Persist { handle: public }), ReturnCode::ACTION_PROHIBITED);
    assert_eq!(world.other(2).code(Request::Persist { handle: public }), ReturnCode::OBJECT_HANDLE_INVALID);
}

#[test]
fn of_many_who_keep_the_same_key_at_once_one_does() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let key = app.aes(Attributes::new());
    let mut others: Vec<Client> = (0..8).map(|_| world.app(1)).collect();
    let kept = std::thread::scope(|scope| {
        let threads: Vec<_> = others
            .iter_mut()
            .map(|client| scope.spawn(move || client.code(Request::Persist { handle: key })))
            .collect();
        let codes: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(
            codes.iter().all(|code| [ReturnCode::OK, ReturnCode::OBJECT_HANDLE_INVALID].contains(code)),
            "{codes:?}"
        );
        codes.iter().filter(|code| **code == ReturnCode::OK).count()
    });
    assert_eq!(kept, 1);
    assert_eq!(app.find(Attributes::new()).len(), 1);
}

/// Item 50.
#[test]
fn a_session_key_is_used_by_sibling_sessions_until_its_own_ends() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let key = app.aes(Attributes::new());
    let mut in_session = |session, request| {
        app.connection.handle(Envelope { attach: None, session, extras: None, request }).result
    };
    assert!(in_session(2, encrypt(key)).is_ok());
    in_session(2, Request::CloseSession).unwrap();
    assert!(in_session(3, encrypt(key)).is_ok());
    in_session(1, Request::CloseSession).unwrap();
    assert_eq!(in_session(2, encrypt(key)).unwrap_err().code, ReturnCode::KEY_HANDLE_INVALID);
}

/// A35: a handle says on which node its object is, and another node has none by it.
#[test]
fn a_session_key_of_another_node_or_start_is_no_key() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let key = app.aes(Attributes::new());
    let serial = (key.0 & u64::from(u32::MAX)) as u32;
    assert_eq!(key, Handle::session(NodeId(0), 1, serial));
    for stranger in [Handle::session(NodeId(1), 1, serial), Handle::session(NodeId(0), 2, serial)] {
        assert_eq!(app.code(encrypt(stranger)), ReturnCode::KEY_HANDLE_INVALID);
        let wrap = Request::Wrap {
            mechanism: Mechanism::plain(MechanismType::AES_KEY_WRAP_KWP),
            wrapping: key,
            key: stranger,
        };
        assert_eq!(app.code(wrap), ReturnCode::KEY_HANDLE_INVALID);
    }
}
