//! What a node tells in its audit log.

mod common;

use std::sync::Arc;

use common::people::{terms, world_of_people};
use common::*;
use parking_lot::Mutex;
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Error, Handle, Mechanism, MechanismType, MtlsEnforcement,
    ObjectClass, Profile, Result, ReturnCode, Role, Service,
};
use strongroom_node::audit::{AuditSink, Beginning, Event};
use strongroom_node::state::{Committed, Key, Record, Revocation, User};
use strongroom_wire::*;

#[derive(Default)]
struct Log {
    events: Mutex<Vec<Event>>,
    full: Mutex<bool>,
    broken: Mutex<bool>,
}

impl AuditSink for Log {
    fn reserve(&self) -> Result<()> {
        if *self.full.lock() { Err(Error::new(ReturnCode::DEVICE_MEMORY, "the log is full")) } else { Ok(()) }
    }

    fn write(&self, events: &[Event]) -> Result<()> {
        if *self.broken.lock() {
            return Err(ReturnCode::DEVICE_ERROR.into());
        }
        self.events.lock().extend_from_slice(events);
        Ok(())
    }
}

impl Log {
    /// The events since the last time.
    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock())
    }

    /// Opcode and response of each event since the last time.
    fn told(&self) -> Vec<(&'static str, u32)> {
        self.take().iter().map(|event| (event.opcode.name, event.outcome.code)).collect()
    }
}

fn recorded(world: &World) -> Arc<Log> {
    let log = Arc::new(Log::default());
    world.node.record_to(Arc::<Log>::clone(&log), None).unwrap();
    log
}

fn login(role: Role, name: &str, password: &str) -> Login {
    Login { role, user: Some(name.parse().unwrap()), password: Blob::from(password.as_bytes()) }
}

#[test]
fn a_log_begins_as_the_vendors() {
    let world = world(Profile::Standard);
    let log = Arc::new(Log::default());
    world.node.record_to(Arc::<Log>::clone(&log), Some(Beginning::First)).unwrap();
    let events = log.take();
    let names: Vec<_> = events.iter().map(|event| event.opcode.name).collect();
    assert_eq!(
        names,
        [
            "CN_INIT_TOKEN",
            "CN_GEN_PSWD_ENC_KEY",
            "CN_CREATE_APPLIANCE_USER",
            "CN_INIT_DONE",
            "CN_CHANGE_PSWD",
            "CN_CREATE_USER",
            "CN_CREATE_USER"
        ]
    );
    let user = |at: usize| events[at].user.clone().unwrap();
    assert_eq!(user(2), (Role::Appliance, Some("app_user".parse().unwrap())));
    assert_eq!(user(4), (Role::UnactivatedAdmin, Some("admin".parse().unwrap())));
}

#[test]
fn logins_are_told_with_the_vendors_responses() {
    let world = world(Profile::Standard);
    let log = recorded(&world);
    let mut client = world.client(1);
    client.login(Role::CryptoUser, Some("nobody"), APP).unwrap_err();
    client.login(Role::CryptoUser, Some("app"), "wrong").unwrap_err();
    client.login(Role::CryptoUser, None, APP).unwrap();
    client.ask(Request::Logout).unwrap();
    client.ask(Request::Logout).unwrap_err();
    let events = log.take();
    let told: Vec<_> = events.iter().map(|event| (event.opcode.name, event.outcome.code)).collect();
    let not_logged_in = 0x5000_0101;
    assert_eq!(
        told,
        [
            ("CN_LOGIN", 157),
            ("CN_LOGIN", 163),
            ("CN_LOGIN", 0),
            ("CN_LOGOUT", 0),
            ("CN_LOGOUT", not_logged_in)
        ]
    );
    let name = |at: usize| events[at].user.as_ref().unwrap().1.as_ref().unwrap().as_str();
    assert_eq!([name(0), name(1), name(2), name(3)], ["nobody", "app", "app", "app"]);
    assert_eq!(events[1].outcome.text, "HSM Error: RET_USER_LOGIN_FAILURE");
    assert!(events.iter().all(|event| event.session == events[0].session && event.session > 0x0100_4001));
    // A program that logged out ends without a word.
    drop(client);
    assert_eq!(log.told(), []);
}

#[test]
fn a_ticket_is_told_once_and_ends_with_the_program() {
    let world = world(Profile::Standard);
    let mut first = world.client(1);
    // As from another node: this one hadn't begun to tell.
    let ticket = first.login(Role::CryptoUser, Some("app"), APP).unwrap();
    let log = recorded(&world);
    let attach = |client: &mut Client| {
        let reply = client.connection.handle(Envelope {
            attach: Some(Attach::Ticket(ticket.clone())),
            session: 1,
            extras: None,
            request: Request::Info,
        });
        assert!(!reply.detached);
    };
    let (mut second, mut third) = (world.client(1), world.client(1));
    attach(&mut second);
    attach(&mut third);
    attach(&mut second);
    let events = log.take();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].opcode.name, events[0].outcome.code), ("CN_LOGIN", 0));
    drop(second);
    assert_eq!(log.told(), []);
    drop(third);
    assert_eq!(log.told(), [("CN_APP_FINALIZE", 0)]);

    // A child ends; its program doesn't.
    let mut child = world.forked(2, 1);
    attach(&mut child);
    drop(child);
    assert_eq!(log.told(), [("CN_LOGIN", 0), ("CN_CLOSE_SESSION", 0)]);
    // What isn't a ticket is nobody's login.
    let mut stranger = world.client(9);
    stranger.connection.handle(Envelope {
        attach: Some(Attach::Ticket(ticket.clone())),
        session: 1,
        extras: None,
        request: Request::Info,
    });
    drop(stranger);
    assert_eq!(log.told(), []);
}

#[test]
fn keys_are_told_with_their_handles_and_uses_are_not() {
    let world = world(Profile::Standard);
    let log = recorded(&world);
    let mut app = world.app(1);
    let aes = app.aes(Attributes::new().with(A::TOKEN, true).with(A::EXTRACTABLE, true));
    let (public, private) = app.p256(true);
    let events = log.take();
    let keys: Vec<_> = events.iter().map(|event| (event.opcode.name, event.keys)).collect();
    assert_eq!(
        keys,
        [
            ("CN_LOGIN", None),
            ("CN_GENERATE_KEY", Some((aes.0, 0))),
            ("CN_EXTRACT_MASKED_OBJECT_USER", Some((aes.0, 0))),
            ("CN_GENERATE_KEY_PAIR", Some((private.0, public.0))),
            ("CN_EXTRACT_MASKED_OBJECT_USER", Some((public.0, 0))),
            ("CN_EXTRACT_MASKED_OBJECT_USER", Some((private.0, 0)))
        ]
    );
    assert_eq!(events[1].actor, Some((Role::CryptoUser, "app".parse().unwrap())));

    let signature = app.bytes(Request::Sign {
        operation: operation(MechanismType::ECDSA, private, &[7; 32]),
        digested: false,
    });
    app.ask(Request::Verify {
        operation: operation(MechanismType::ECDSA, public, &[7; 32]),
        digested: false,
        signature,
    })
    .unwrap();
    app.bytes(Request::Random { len: 16 });
    app.find(Attributes::new());
    app.attribute(aes, A::LABEL);
    app.ask(Request::ObjectSize { handle: aes }).unwrap();
    app.ask(Request::ListUsers).unwrap();
    app.ask(Request::CloseSession).unwrap();
    app.code(Request::Sign {
        operation: operation(MechanismType::ECDSA, Handle(99), &[7; 32]),
        digested: false,
    });
    assert_eq!(log.told(), []);

    let wrapping = app.aes(Attributes::new().with(A::WRAP, true).with(A::UNWRAP, true));
    let mechanism = || Mechanism::plain(MechanismType::AES_KEY_WRAP);
    let wrapped = app.bytes(Request::Wrap { mechanism: mechanism(), wrapping, key: aes });
    let template = Attributes::new()
        .with(A::CLASS, ObjectClass::SecretKey.to_ck())
        .with(A::KEY_TYPE, strongroom_model::KeyType::Aes.to_ck());
    let back =
        app.object(Request::Unwrap { mechanism: mechanism(), unwrapping: wrapping, wrapped, template });
    app.ask(Request::SetAttributes { handle: aes, template: Attributes::new().with(A::LABEL, &b"x"[..]) })
        .unwrap();
    app.ask(Request::Copy { handle: aes, template: Attributes::new() }).unwrap();
    app.ask(Request::Destroy { handle: public }).unwrap();
    app.ask(Request::Destroy { handle: private }).unwrap();
    app.ask(Request::Destroy { handle: private }).unwrap_err();
    let events = log.take();
    let told: Vec<_> =
        events.iter().map(|event| (event.opcode.name, event.outcome.code, event.keys.unwrap().0)).collect();
    assert_eq!(
        told,
        [
            ("CN_GENERATE_KEY", 0, wrapping.0),
            ("CN_WRAP_KEY", 0, aes.0),
            ("CN_NIST_AES_WRAP", 0, wrapping.0),
            ("CN_NIST_AES_WRAP", 0, wrapping.0),
            ("CN_UNWRAP_KEY", 0, back.handle.0),
            ("CN_MODIFY_OBJECT", 0, aes.0),
            ("SR_COPY_OBJECT", 0, events[6].keys.unwrap().0),
            ("CN_EXTRACT_MASKED_OBJECT_USER", 0, events[6].keys.unwrap().0),
            ("CN_DESTROY_OBJECT", 0, public.0),
            ("CN_DESTROY_OBJECT", 0, private.0),
            ("CN_DESTROY_OBJECT", 168, private.0)
        ]
    );
}

#[test]
fn users_are_told_by_name() {
    let world = world(Profile::Standard);
    let log = recorded(&world);
    let mut officer = world.officer(1);
    officer.ask(Request::CreateUser(login(Role::CryptoUser, "bob", "bobs-password"))).unwrap();
    officer.ask(Request::CreateUser(login(Role::Admin, "alice", "alices-password"))).unwrap();
    officer.ask(Request::ChangePassword(login(Role::CryptoUser, "bob", "other-password"))).unwrap();
    officer.ask(Request::DeleteUser { role: Role::CryptoUser, user: "bob".parse().unwrap() }).unwrap();
    officer.ask(Request::InitPin { user: None, password: Blob::from(b"new-password".as_slice()) }).unwrap();
    world
        .client(2)
        .ask(Request::DeleteUser { role: Role::Admin, user: "alice".parse().unwrap() })
        .unwrap_err();
    let events = log.take();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let (role, name) = event.user.clone().unwrap();
            (event.opcode.name, event.outcome.code == 0, role, name.unwrap().to_string())
        })
        .collect();
    let entry = |opcode, done, role, name: &str| (opcode, done, role, name.to_owned());
    assert_eq!(
        told,
        [
            entry("CN_LOGIN", true, Role::Admin, "admin"),
            entry("CN_CREATE_USER", true, Role::CryptoUser, "bob"),
            entry("CN_CREATE_CO", true, Role::Admin, "alice"),
            entry("CN_CHANGE_PSWD", true, Role::CryptoUser, "bob"),
            entry("CN_DELETE_USER", true, Role::CryptoUser, "bob"),
            entry("CN_CHANGE_PSWD", true, Role::CryptoUser, "app"),
            entry("CN_DELETE_USER", false, Role::Admin, "alice"),
        ]
    );
    assert_eq!(events.last().unwrap().actor, None);
}

#[test]
fn quorums_and_sharing_are_told() {
    let world = world_of_people(Profile::Standard);
    let log = recorded(&world);
    let mut ann = world.person("ann");
    let pair = Request::GeneratePair {
        mechanism: Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
        public: Attributes::new().with(A::TOKEN, true).with(A::EC_PARAMS, P256),
        private: Attributes::new().with(A::TOKEN, true).with(A::SIGN, true),
    };
    let made = ann.ask_with(terms(&["ben", "cyd"], 2, 2), pair);
    let Ok(Response::Pair { private, .. }) = made else { panic!("{made:?}") };
    log.take();
    let handle = private.handle;
    let sign =
        || Request::Sign { operation: operation(MechanismType::ECDSA, handle, &[7; 32]), digested: false };
    let share = || Request::Share { handle, user: "other".parse().unwrap(), shared: true };
    ann.ask(sign()).unwrap_err();
    ann.ask(share()).unwrap_err();
    assert_eq!(log.told(), [("CN_SHARE_OBJECT", 0x5001_0000)]);

    let approved = ann.approved_for(Service::KeyUsage, handle, &["ben", "cyd"]);
    ann.ask_with(approved, sign()).unwrap();
    let approved = ann.approved_for(Service::KeyManagement, handle, &["ben", "cyd"]);
    ann.ask_with(approved, share()).unwrap();
    let events = log.take();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (event.opcode.name, event.user.as_ref().map(|(_, name)| name.clone().unwrap().to_string()))
        })
        .collect();
    let of = |name: &str| Some(name.to_owned());
    assert_eq!(
        told,
        [
            ("CN_GET_TOKEN", None),
            ("CN_APPROVE_TOKEN", of("ben")),
            ("CN_APPROVE_TOKEN", of("cyd")),
            ("CN_GET_TOKEN", None),
            ("CN_APPROVE_TOKEN", of("ben")),
            ("CN_APPROVE_TOKEN", of("cyd")),
            ("CN_SHARE_OBJECT", of("other"))
        ]
    );
    assert_eq!(events[6].keys, Some((handle.0, 0)));
    assert!(events.iter().all(|event| event.outcome.is_success()));

    ann.ask(Request::DeleteQuorumTokens { all: false }).unwrap();
    let mut officer = world.officer(1);
    officer.ask(Request::SetQuorumTimeouts { generated: Some(300), approved: None }).unwrap();
    officer.ask(Request::SetQuorumValue { service: Service::User, value: 8 }).unwrap_err();
    let certificate = Blob::from(*b"no certificate");
    officer.ask(Request::RegisterTrustAnchor { certificate }).unwrap_err();
    officer.ask(Request::DeregisterTrustAnchor { reference: 1 }).unwrap_err();
    officer.ask(Request::SetMtlsEnforcement { level: MtlsEnforcement::None }).unwrap();
    let told: Vec<_> = log.told().into_iter().map(|(name, code)| (name, code == 0)).collect();
    let expected = [
        ("CN_DELETE_TOKEN", true),
        ("CN_LOGIN", true),
        ("SR_SET_TOKEN_TIMEOUT", true),
        ("CN_SET_M_VALUE", false),
        ("SR_REGISTER_TRUST_ANCHOR", false),
        ("SR_DEREGISTER_TRUST_ANCHOR", false),
        ("SR_SET_MTLS_ENFORCEMENT", true),
    ];
    assert_eq!(told, expected);
}

#[test]
fn nobody_can_fill_the_log_with_failures() {
    let world = world(Profile::Standard);
    let log = recorded(&world);
    let mut stranger = world.client(1);
    let mut try_all =
        || (0..1000).for_each(|_| assert!(stranger.ask(Request::Destroy { handle: Handle(7) }).is_err()));
    try_all();
    assert_eq!(log.told(), [("CN_DESTROY_OBJECT", 168); 10]);
    world.time.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    try_all();
    let events = log.take();
    assert_eq!(events.len(), 11);
    assert_eq!(events[0].opcode.name, "SR_FAILURES_OMITTED");
    assert!(events[0].note.as_ref().unwrap().starts_with("990 failures"));
    // Who is logged in is told in full.
    let mut app = world.app(2);
    (0..50).for_each(|_| assert!(app.ask(Request::Destroy { handle: Handle(7) }).is_err()));
    assert_eq!(log.take().len(), 51);
}

#[test]
fn signatures_of_approvers_are_told_also_for_uses_of_keys() {
    let world = world(Profile::Standard);
    let log = recorded(&world);
    let mut app = world.app(1);
    let (_, private) = app.p256(false);
    log.take();
    let signature = |user: &str| Signature {
        user: user.parse().unwrap(),
        role: Some(Role::Admin),
        signature: Blob::from([1; 256].as_slice()),
    };
    let approval = Approval {
        data: Blob::from([2; 80].as_slice()),
        signatures: vec![signature("eve"), signature("bob")],
    };
    let extras = Extras { approvals: vec![approval], terms: Default::default() };
    app.connection.handle(Envelope {
        attach: None,
        session: 1,
        extras: Some(Box::new(extras)),
        request: Request::Sign {
            operation: operation(MechanismType::ECDSA, private, &[7; 32]),
            digested: false,
        },
    });
    let names: Vec<_> = log
        .take()
        .iter()
        .map(|event| (event.opcode.name, event.user.clone().unwrap().1.unwrap().to_string()))
        .collect();
    assert_eq!(names, [("CN_APPROVE_TOKEN", "eve".to_owned()), ("CN_APPROVE_TOKEN", "bob".to_owned())]);
}

#[test]
fn what_others_change_is_told_when_it_arrives() {
    let world = world(Profile::Standard);
    let log = recorded(&world);
    let mut app = world.app(1);
    let (public, private) = app.p256(true);
    log.take();
    let mut revision = world.node.revision();
    let mut arrive = |writes: Vec<(Key, Option<Record>)>| {
        revision += 1;
        world.node.apply(&Committed { revision, writes });
        log.take().iter().map(|event| (event.opcode.name, event.keys, event.session)).collect::<Vec<_>>()
    };
    let user = |password: &[u8]| Record::User(Arc::new(User::with_password(password).unwrap()));
    let bob = Key::User(Role::CryptoUser, "bob".parse().unwrap());
    let node = 0x0100_4001;
    assert_eq!(arrive(vec![(bob.clone(), Some(user(b"one")))]), [("CN_CREATE_USER", None, node)]);
    assert_eq!(arrive(vec![(bob.clone(), Some(user(b"two")))]), [("CN_CHANGE_PSWD", None, node)]);
    assert_eq!(arrive(vec![(bob, None)]), [("CN_DELETE_USER", None, node)]);
    assert_eq!(
        arrive(vec![(Key::Object(public), None), (Key::Object(private), None)]),
        [("CN_DESTROY_OBJECT", Some((public.0, 0)), node), ("CN_DESTROY_OBJECT", Some((private.0, 0)), node)]
    );
    // Housekeeping isn't.
    let expired = Record::Revocation(Revocation { expires: 1 });
    assert_eq!(arrive(vec![(Key::Revocation(InstanceId([7; 16])), Some(expired))]), []);
}

#[test]
fn a_full_log_refuses_what_it_must_tell_and_nothing_else() {
    let world = world(Profile::Standard);
    let log = recorded(&world);
    let mut app = world.app(1);
    let (_, private) = app.p256(true);
    let sign =
        || Request::Sign { operation: operation(MechanismType::ECDSA, private, &[7; 32]), digested: false };
    let before = app.find(Attributes::new()).len();
    *log.full.lock() = true;
    let code = app.code(Request::GenerateKey {
        mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN),
        template: Attributes::new().with(A::VALUE_LEN, 32).with(A::TOKEN, true),
    });
    assert_eq!(code, ReturnCode::DEVICE_MEMORY);
    assert_eq!(app.find(Attributes::new()).len(), before);
    assert_eq!(app.code(sign()), ReturnCode::OK);
    assert_eq!(
        world.client(2).login(Role::CryptoUser, Some("app"), APP).unwrap_err().code,
        ReturnCode::DEVICE_MEMORY
    );
    *log.full.lock() = false;
    app.aes(Attributes::new());

    // What was done and couldn't be told isn't acknowledged.
    *log.broken.lock() = true;
    assert_eq!(app.code(Request::Destroy { handle: private }), ReturnCode::DEVICE_ERROR);
    assert_eq!(app.code(sign()), ReturnCode::KEY_HANDLE_INVALID);
}
