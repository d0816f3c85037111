//! Users, tickets and what they may see; sessions and what dies with them.

mod common;

use std::sync::atomic::Ordering;

use common::{APP, OFFICER, OTHER, empty_world, operation, world};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, MechanismType, Profile, ReturnCode, Role, limits,
};
use strongroom_node::state::{Committed, Key, Record, Revocation};
use strongroom_wire::{Attach, Envelope, Login, Request, Response};

fn label(name: &str) -> Attributes {
    Attributes::new().with(A::LABEL, name.as_bytes())
}

#[test]
fn others_see_no_private_object_and_its_handle_is_as_none() {
    let world = world(Profile::Standard);
    let (mut app, mut other, mut nobody) = (world.app(1), world.other(2), world.client(3));
    let (public, private) = app.p256(true);
    let sign =
        |key| Request::Sign { operation: operation(MechanismType::ECDSA, key, &[1; 32]), digested: false };
    for client in [&mut other, &mut nobody] {
        assert_eq!(client.find(Attributes::new()), [public]);
        let absent = strongroom_model::Handle(999_999);
        assert_eq!(client.ask(sign(private)).err(), client.ask(sign(absent)).err());
        let destroy = |handle| Request::Destroy { handle };
        assert_eq!(client.ask(destroy(private)).err(), client.ask(destroy(absent)).err());
        assert_eq!(client.code(destroy(public)), ReturnCode::ACTION_PROHIBITED);
    }
    assert_eq!(app.find(Attributes::new()), [public, private]);
    assert_eq!(app.code(Request::Destroy { handle: private }), ReturnCode::OK);
    assert_eq!(app.code(sign(private)), ReturnCode::KEY_HANDLE_INVALID);
}

#[test]
fn session_objects_live_and_die_with_their_session_and_process() {
    let world = world(Profile::Standard);
    let mut app = world.app(1);
    let ours = app.aes(label("s"));
    let mut stranger = world.app(2);
    assert!(stranger.find(label("s")).is_empty());
    let ticket = app.login(Role::CryptoUser, None, APP).unwrap();
    let mut child = world.forked(3, 1);
    let find = Request::Find { template: label("s"), after: None, limit: 9 };
    let reply = child.connection.handle(Envelope {
        attach: Some(Attach::Ticket(ticket)),
        session: 1,
        extras: None,
        request: find,
    });
    assert!(matches!(reply.result, Ok(Response::Found(found)) if found.objects[0].handle == ours));
    let theirs = child.aes(label("c"));
    assert_eq!(child.ask(Request::CloseSession).err(), None);
    assert!(app.find(label("c")).is_empty(), "{theirs} belonged to the child's session");
    child.aes(label("c"));
    drop(child);
    assert!(app.find(label("c")).is_empty());
    assert_eq!(app.find(label("s")), [ours]);
    app.ask(Request::CloseSession).unwrap();
    assert!(app.find(label("s")).is_empty());
    let again = app.aes(label("s"));
    assert_ne!(again, ours);
    drop(app);
    assert_eq!(world.app(1).code(Request::Object { handle: again }), ReturnCode::OBJECT_HANDLE_INVALID);
}

#[test]
fn a_ticket_ends_with_logout_password_change_deletion_and_time() {
    let world = world(Profile::Standard);
    let mut app = world.client(1);
    let handle = {
        app.login(Role::CryptoUser, None, APP).unwrap();
        app.aes(Attributes::new().with(A::TOKEN, true))
    };
    let works = |app: &mut common::Client, ticket: &strongroom_wire::Ticket| {
        let request = Request::Object { handle };
        let reply = app.connection.handle(Envelope {
            attach: Some(Attach::Ticket(ticket.clone())),
            session: 1,
            extras: None,
            request,
        });
        assert_eq!(reply.detached, reply.result.is_err());
        reply.result.is_ok()
    };
    let ticket = app.login(Role::CryptoUser, None, APP).unwrap();
    assert!(works(&mut app, &ticket));
    assert!(!works(&mut world.client(9), &ticket), "another client's");
    assert!(works(&mut world.forked(9, 1), &ticket), "a child's");
    assert!(works(&mut app, &ticket));
    app.ask(Request::Logout).unwrap();
    assert!(!works(&mut app, &ticket));
    let ticket = app.login(Role::CryptoUser, None, APP).unwrap();
    assert!(works(&mut app, &ticket), "a login after the logout, in the same second");
    let change = Request::ChangePassword(Login {
        role: Role::CryptoUser,
        user: Some("app".parse().unwrap()),
        password: Blob::from(*b"another-password"),
    });
    world.officer(2).ask(change).unwrap();
    assert!(!works(&mut app, &ticket));
    let ticket = app.login(Role::CryptoUser, None, "another-password").unwrap();
    world.time.0.fetch_add(limits::TICKET_SECONDS, Ordering::Relaxed);
    assert!(!works(&mut app, &ticket));
    let mut tampered = app.login(Role::CryptoUser, None, "another-password").unwrap();
    let last = tampered.sealed.len() - 1;
    tampered.sealed[last] ^= 1;
    assert!(!works(&mut app, &tampered));
}

#[test]
fn a_logout_that_another_node_was_told_ends_private_session_objects_here() {
    let world = world(Profile::Standard);
    let (mut app, mut bystander) = (world.app(1), world.app(2));
    let private = app.aes(Attributes::new().with(A::PRIVATE, true));
    let public = app.aes(Attributes::new().with(A::PRIVATE, false));
    let others = bystander.aes(Attributes::new().with(A::PRIVATE, true));
    let logout = Record::Revocation(Revocation { expires: u64::MAX });
    world.node.apply(&Committed {
        revision: world.node.revision() + 1,
        writes: vec![(Key::Revocation(app.hello.instance), Some(logout))],
    });
    app.login(Role::CryptoUser, Some("app"), APP).unwrap();
    assert_eq!(app.find(Attributes::new()), [public]);
    assert_eq!(app.code(Request::Object { handle: private }), ReturnCode::OBJECT_HANDLE_INVALID);
    assert_eq!(bystander.find(Attributes::new()), [others]);
}

#[test]
fn guesses_are_counted_and_lock_a_user_until_an_officer_helps() {
    let world = world(Profile::Standard);
    let mut client = world.client(1);
    let mut login =
        |password| client.login(Role::CryptoUser, Some("app"), password).err().map(|error| error.code);
    for _ in 0..limits::MAX_LOGIN_FAILURES - 1 {
        assert_eq!(login("wrong-password"), Some(ReturnCode::PIN_INCORRECT));
    }
    assert_eq!(login(APP), None, "a right password starts the count anew");
    for _ in 0..limits::MAX_LOGIN_FAILURES {
        assert_eq!(login("wrong-password"), Some(ReturnCode::PIN_INCORRECT));
    }
    assert_eq!(login(APP), Some(ReturnCode::PIN_LOCKED));
    assert!(world.node.info().default_user_locked);
    let password = Blob::from(APP.as_bytes());
    let change = Login { role: Role::CryptoUser, user: Some("app".parse().unwrap()), password };
    world.officer(2).ask(Request::ChangePassword(change)).unwrap();
    assert_eq!(login(APP), None);
    assert_eq!(
        client.login(Role::CryptoUser, Some("nobody"), APP).unwrap_err().code,
        ReturnCode::PIN_INCORRECT
    );
}

#[test]
fn a_token_is_initialised_as_softhsm_users_do() {
    let world = empty_world();
    let mut client = world.client(1);
    assert_eq!(
        client.login(Role::CryptoUser, None, APP).unwrap_err().code,
        ReturnCode::USER_PIN_NOT_INITIALIZED
    );
    let init = |password: &str| Request::InitToken {
        password: Blob::from(password.as_bytes()),
        label: "fresh".into(),
    };
    assert_eq!(client.code(init("abc")), ReturnCode::PIN_LEN_RANGE);
    assert_eq!(client.code(init(OFFICER)), ReturnCode::OK);
    assert_eq!(world.node.info().label, "fresh");
    let pin = Request::InitPin { user: None, password: Blob::from(APP.as_bytes()) };
    assert_eq!(client.code(pin.clone()), ReturnCode::USER_NOT_LOGGED_IN);
    client.login(Role::Admin, None, OFFICER).unwrap();
    assert_eq!(client.code(pin), ReturnCode::OK);
    client.login(Role::CryptoUser, None, APP).unwrap();
    let set = |old: &str, new: &str| Request::SetPin {
        login: Login { role: Role::CryptoUser, user: None, password: Blob::from(old.as_bytes()) },
        new: Blob::from(new.as_bytes()),
    };
    assert_eq!(client.code(set("wrong", "next-password")), ReturnCode::PIN_INCORRECT);
    assert_eq!(client.code(set(APP, "next-password")), ReturnCode::OK);
    client.login(Role::CryptoUser, None, "next-password").unwrap();
    client.aes(Attributes::new().with(A::TOKEN, true));
    assert_eq!(client.code(init("not-the-officers")), ReturnCode::PIN_INCORRECT);
    assert_eq!(client.code(init(OFFICER)), ReturnCode::OK);
    assert!(client.find(Attributes::new()).is_empty());
    assert_eq!(
        client.login(Role::CryptoUser, None, "next-password").unwrap_err().code,
        ReturnCode::USER_PIN_NOT_INITIALIZED
    );
}

#[test]
fn officers_manage_users_and_crypto_users_do_not() {
    let world = world(Profile::Standard);
    let (mut officer, mut app) = (world.officer(1), world.app(2));
    let create = |name: &str| {
        Request::CreateUser(Login {
            role: Role::CryptoUser,
            user: Some(name.parse().unwrap()),
            password: Blob::from(OTHER.as_bytes()),
        })
    };
    let delete = |role, name: &str| Request::DeleteUser { role, user: name.parse().unwrap() };
    assert_eq!(app.code(create("eve")), ReturnCode::USER_NOT_LOGGED_IN);
    assert_eq!(app.code(delete(Role::CryptoUser, "other")), ReturnCode::USER_NOT_LOGGED_IN);
    assert_eq!(officer.code(create("Eve")), ReturnCode::OK);
    assert_eq!(officer.code(create("eve")), ReturnCode::ARGUMENTS_BAD);
    assert_eq!(officer.code(delete(Role::Admin, "admin")), ReturnCode::ACTION_PROHIBITED);
    app.aes(Attributes::new().with(A::TOKEN, true));
    assert_eq!(officer.code(delete(Role::CryptoUser, "app")), ReturnCode::ACTION_PROHIBITED);
    let mut eve = world.client(3);
    eve.login(Role::CryptoUser, Some("EVE"), OTHER).unwrap();
    assert_eq!(officer.code(delete(Role::CryptoUser, "eve")), ReturnCode::OK);
    let session_key = Request::Find { template: Attributes::new(), after: None, limit: 1 };
    let reply =
        eve.connection.handle(Envelope { attach: None, session: 1, extras: None, request: session_key });
    assert!(reply.detached, "a deleted user is nobody at once");
    assert_eq!(officer.code(create("eve")), ReturnCode::OK);
}

#[test]
fn under_cloudhsm_a_pin_names_its_user() {
    let world = world(Profile::CloudHsm);
    let mut client = world.client(1);
    assert_eq!(client.login(Role::CryptoUser, None, APP).unwrap_err().code, ReturnCode::PIN_INCORRECT);
    client.login(Role::CryptoUser, Some("app"), APP).unwrap();
    let init = Request::InitToken { password: Blob::from(OFFICER.as_bytes()), label: "x".into() };
    assert_eq!(client.code(init), ReturnCode::FUNCTION_NOT_SUPPORTED);
}
