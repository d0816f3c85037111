//! Nodes that are alone: keys that must be on two (cloudhsm.md 4.3; 14, items 52 and 53), and nodes that miss changes
//! (attacks.md A34).

mod common;

use std::sync::atomic::Ordering;

use common::{APP, Client, World, operation, world};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Handle, Mechanism, MechanismType, Profile, ReturnCode, Role,
};
use strongroom_wire::{Availability, Envelope, Login, Request, Response, Standing, StreamKind};

const PROFILES: [Profile; 3] = [Profile::Standard, Profile::CloudHsm, Profile::Strict];

fn encrypt(key: Handle) -> Request {
    Request::Encrypt(operation(MechanismType::AES_ECB, key, &[7; 16]))
}

fn aes(token: bool) -> Attributes {
    Attributes::new().with(A::TOKEN, token).with(A::ENCRYPT, true)
}

fn generate(token: bool) -> Request {
    let template = aes(token).with(A::VALUE_LEN, 16);
    Request::GenerateKey { mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN), template }
}

fn set_label(handle: Handle) -> Request {
    Request::SetAttributes { handle, template: Attributes::new().with(A::LABEL, b"x".as_slice()) }
}

fn client_with(world: &World, availability: Availability) -> Client {
    let mut client = world.client(7);
    client.hello.availability = availability;
    let (connection, _) = world.node.connect(&client.hello).unwrap();
    client.connection = connection;
    client.login(Role::CryptoUser, Some("app"), APP).unwrap();
    client
}

fn open(client: &mut Client, key: Handle) -> u64 {
    let operation = operation(MechanismType::AES_ECB, key, &[1; 16]);
    match client.ask(Request::Open { kind: StreamKind::Encrypt, operation }) {
        Ok(Response::Streaming { stream, .. }) => stream,
        other => panic!("{other:?}"),
    }
}

/// Items 52 and 53: with the check on, one node isn't enough to make, use or manage a token key; evaluated per call.
#[test]
fn a_token_key_is_on_two_nodes_or_of_no_use_where_that_is_asked() {
    let asked = [
        (Profile::CloudHsm, Availability::ByProfile, true),
        (Profile::CloudHsm, Availability::OneNode, false),
        (Profile::Standard, Availability::ByProfile, false),
        (Profile::Strict, Availability::ByProfile, false),
        (Profile::Standard, Availability::TwoNodes, true),
    ];
    for (profile, availability, checked) in asked {
        let world = world(profile);
        let mut client = client_with(&world, availability);
        let key = client.aes(aes(true));
        let session = client.aes(aes(false));
        let stream = open(&mut client, key);
        let share = |shared| Request::Share { handle: key, user: "other".parse().unwrap(), shared };
        let uses = |session| {
            let copy = Request::Copy { handle: key, template: Attributes::new().with(A::TOKEN, true) };
            let update = Request::Update { stream, data: Blob::from([1; 16]) };
            [encrypt(key), update, generate(true), set_label(key), share(true), share(false), copy]
                .into_iter()
                .chain(
                    // It becomes one.
                    [Request::Persist { handle: session }],
                )
        };
        world.ledger.reachable.store(1, Ordering::Relaxed);
        for request in uses(session) {
            let answer = client.ask(request.clone());
            if !checked {
                assert!(answer.is_ok(), "{profile} {availability:?} {request:?}: {answer:?}");
                continue;
            }
            let refusal = answer.unwrap_err();
            assert_eq!(refusal.code, ReturnCode::FUNCTION_FAILED, "{request:?}");
            let named = format!(
                "Key 0x{:016x} does not meet the availability requirements - must be on at least 2 HSMs before being used",
                key.0
            );
            let making = "cannot perform the operation as the key must be available on at least 2 HSMs";
            assert!([named.as_str(), making].contains(&refusal.message.as_str()), "{refusal}");
        }
        // Session keys aren't meant, nor is looking, nor getting rid of a key.
        assert_eq!(client.code(generate(false)), ReturnCode::OK);
        if checked {
            assert_eq!(client.code(encrypt(session)), ReturnCode::OK);
            world.ledger.reachable.store(2, Ordering::Relaxed);
            for request in uses(session) {
                assert_eq!(client.code(request), ReturnCode::OK);
            }
            world.ledger.reachable.store(1, Ordering::Relaxed);
        }
        assert_eq!(client.code(Request::Object { handle: key }), ReturnCode::OK);
        assert_eq!(client.code(Request::Destroy { handle: key }), ReturnCode::OK);
    }
}

/// A34: a node that misses changes answers for nothing that they may have changed, and says so in a way that lets the client
/// ask another: nothing was begun.
#[test]
fn a_node_that_is_cut_off_answers_for_session_objects_alone() {
    for profile in [Profile::Standard, Profile::Strict] {
        let world = world(profile);
        let mut app = world.app(1);
        let (token, session) = (app.aes(aes(true)), app.aes(aes(false)));
        let stream = open(&mut app, token);
        let mut officer = world.officer(2);
        let login = |password: &str| Login {
            role: Role::CryptoUser,
            user: Some("app".parse().unwrap()),
            password: Blob::from(password.as_bytes()),
        };
        world.ledger.cut_off.store(true, Ordering::Relaxed);
        let revision = world.node.revision();
        let refused = |client: &mut Client, request: Request| {
            let reply = client.reply(request.clone());
            assert_eq!(reply.standing, Standing::Unfit, "{request:?}");
            let refusal = reply.result.unwrap_err();
            assert_eq!(refusal.code, ReturnCode::DEVICE_ERROR);
            assert!(refusal.message.contains("node 0 is cut off from its cluster"), "{refusal}");
        };
        let find = |template, after| Request::Find { template, after, limit: 9 };
        let update = Request::Update { stream, data: Blob::from([1; 16]) };
        for request in [
            encrypt(token),
            update.clone(),
            Request::Object { handle: token },
            Request::Destroy { handle: token },
            set_label(token),
            generate(true),
            Request::Persist { handle: session },
            Request::Ownership { handle: token },
            Request::Share { handle: token, user: "other".parse().unwrap(), shared: true },
            find(Attributes::new(), None),
            Request::Login(login(APP)),
            Request::Login(login("wrong-password")),
            Request::Logout,
            Request::Renew,
            Request::ListUsers,
            Request::QuorumSettings,
            Request::ChangePassword(login("another-password")),
        ] {
            refused(&mut app, request);
        }
        refused(&mut officer, Request::CreateUser(login(APP)));
        // A handle that leads nowhere isn't told from one that does.
        refused(&mut app, encrypt(Handle(123_456)));
        let served = |client: &mut Client, request: Request| {
            let reply = client.reply(request);
            assert_eq!(reply.standing, Standing::Current);
            reply.result.unwrap()
        };
        served(&mut app, encrypt(session));
        served(&mut app, generate(false));
        served(&mut app, Request::Info);
        served(&mut app, Request::Random { len: 4 });
        let sessions = served(&mut app, find(Attributes::new(), Some(Handle(Handle::MAX_TOKEN))));
        assert!(matches!(sessions, Response::Found(found) if found.objects.len() == 2));
        served(&mut app, find(Attributes::new().with(A::TOKEN, false), None));
        assert_eq!(world.node.revision(), revision);

        // Back in the cluster it goes on where it was.
        world.ledger.cut_off.store(false, Ordering::Relaxed);
        served(&mut app, encrypt(token));
        served(&mut app, update);
        served(&mut app, Request::Logout);
    }
}

/// A34: the vendor's nodes serve on; that they may be out of date is said with each answer.
#[test]
fn under_cloudhsm_a_node_that_is_cut_off_says_so_with_its_answers() {
    let world = world(Profile::CloudHsm);
    let mut app = client_with(&world, Availability::OneNode);
    let token = app.aes(aes(true));
    world.ledger.cut_off.store(true, Ordering::Relaxed);
    for request in [encrypt(token), Request::ListUsers, Request::Object { handle: token }] {
        let reply = app.reply(request);
        assert!(reply.result.is_ok());
        assert_eq!(reply.standing, Standing::Stale);
    }
    // What it can't do others can.
    for request in [generate(true), set_label(token), Request::Destroy { handle: token }] {
        let reply = app.reply(request);
        assert_eq!(reply.result.err().map(|error| error.code), Some(ReturnCode::DEVICE_ERROR));
        assert_eq!(reply.standing, Standing::Unfit);
    }
    world.ledger.cut_off.store(false, Ordering::Relaxed);
    assert_eq!(app.reply(encrypt(token)).standing, Standing::Current);
}

/// Who presents a ticket to a cut-off node is known by it, for session objects; a later visit isn't harmed.
#[test]
fn a_ticket_is_taken_for_session_objects_on_a_cut_off_node() {
    for profile in PROFILES {
        let world = world(profile);
        let mut first = world.client(1);
        let ticket = first.login(Role::CryptoUser, Some("app"), APP).unwrap();
        let key = first.aes(aes(false));
        world.ledger.cut_off.store(true, Ordering::Relaxed);
        let mut second = world.client(1);
        let reply = second.connection.handle(Envelope {
            attach: Some(strongroom_wire::Attach::Ticket(ticket)),
            session: 1,
            extras: None,
            request: encrypt(key),
        });
        assert!(!reply.detached && reply.result.is_ok(), "{reply:?}");
    }
}
