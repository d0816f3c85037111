//! Keys and users on their way to a clone of their cluster (cloudhsm.md 4.5; 14, item 66).

mod common;

use std::sync::atomic::Ordering;

use common::people::{terms, world_of_people};
use common::{APP, Client, OFFICER, SERIAL, World, operation, world};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Handle, Mechanism, MechanismType, Profile, ReturnCode, Role, Value,
};
use strongroom_wire::{Answer, Ownership, Request, Response};

const CLONE: &str = "fedcba9876543210";
const OTHER_CLONE: &str = "00000000ffffffff";

fn extract(handle: Handle, to: &str) -> Request {
    Request::ExtractMasked { handle, to: to.into() }
}

fn insert(masked: &Blob) -> Request {
    Request::InsertMasked { masked: masked.clone() }
}

fn aes(client: &mut Client) -> Handle {
    client.aes(Attributes::new().with(A::TOKEN, true).with(A::ENCRYPT, true).with(A::EXTRACTABLE, false))
}

fn encrypted(client: &mut Client, key: Handle) -> Blob {
    client.bytes(Request::Encrypt(operation(MechanismType::AES_ECB, key, &[7; 16])))
}

fn refusal(client: &mut Client, request: Request) -> (ReturnCode, String) {
    let error = client.ask(request).expect_err("a refusal");
    (error.code, error.message)
}

#[test]
fn a_key_comes_as_it_is_with_owner_sharing_and_quorum() {
    for profile in [Profile::Standard, Profile::CloudHsm, Profile::Strict] {
        let source = world_of_people(profile);
        let clone = source.cloned(CLONE);
        let (mut ann, mut there) = (source.person("ann"), clone.person("ann"));
        let extras = terms(&["ben", "cyd"], 2, 3);
        let template = Attributes::new().with(A::TOKEN, true).with(A::VALUE_LEN, 32).with(A::ENCRYPT, true);
        let request = Request::GenerateKey {
            mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN),
            template: template.with(A::EXTRACTABLE, false).with(A::LABEL, &b"guarded"[..]),
        };
        let Ok(Response::Object(made)) = ann.ask_with(extras, request) else { panic!() };
        // On both sides there are other objects, so that the handles differ.
        aes(&mut there);
        let masked = ann.bytes(extract(made.handle, CLONE));
        assert!(!masked.windows(7).any(|bytes| bytes == b"guarded"), "what is open is sealed, too");
        let came = there.object(insert(&masked));
        assert_ne!(came.handle, made.handle);
        for attribute in [A::LABEL, A::CHECK_VALUE, A::EXTRACTABLE, A::NEVER_EXTRACTABLE, A::LOCAL] {
            assert_eq!(there.attribute(came.handle, attribute), ann.attribute(made.handle, attribute));
        }
        let owned = |client: &mut Client, handle| match client.ask(Request::Ownership { handle }) {
            Ok(Response::Ownership(Ownership { owner, terms })) => (owner, terms),
            other => panic!("{other:?}"),
        };
        assert_eq!(owned(&mut there, came.handle), owned(&mut ann, made.handle));
        // Three must agree to its use here, too (attacks.md A32).
        let use_it = Request::Encrypt(operation(MechanismType::AES_ECB, came.handle, &[7; 16]));
        assert_eq!(there.code(use_it), ReturnCode::FUNCTION_REJECTED);
        assert_eq!(clone.person("ben").find(Attributes::new()), [came.handle]);

        // Once: also not by an officer, nor back where it came from.
        let again = source.officer(9).bytes(extract(made.handle, CLONE));
        let (code, message) = refusal(&mut clone.officer(9), insert(&again));
        assert_eq!(code, ReturnCode::ACTION_PROHIBITED);
        assert!(message.contains(&format!("{:#018x}", came.handle.0)), "{message}");
        let back = there.bytes(extract(came.handle, SERIAL));
        assert_eq!(ann.code(insert(&back)), ReturnCode::ACTION_PROHIBITED);
    }
}

#[test]
fn a_pair_works_there_and_what_was_destroyed_may_come_again() {
    let source = world(Profile::Standard);
    let clone = source.cloned(CLONE);
    let (mut app, mut there) = (source.app(1), clone.app(1));
    let key = aes(&mut app);
    let ciphertext = encrypted(&mut app, key);
    let came = there.object(insert(&app.bytes(extract(key, CLONE)))).handle;
    assert_eq!(encrypted(&mut there, came), ciphertext);
    assert_eq!(there.code(Request::Destroy { handle: came }), ReturnCode::OK);
    let again = there.object(insert(&app.bytes(extract(key, CLONE)))).handle;
    assert_eq!(encrypted(&mut there, again), ciphertext);

    let (public, private) = app.p256(true);
    let halves = [public, private].map(|half| there.object(insert(&app.bytes(extract(half, CLONE)))).handle);
    let data = operation(MechanismType::ECDSA, private, &[1; 32]);
    let signature = app.bytes(Request::Sign { operation: data, digested: false });
    let data = operation(MechanismType::ECDSA, halves[0], &[1; 32]);
    let verify = Request::Verify { operation: data, digested: false, signature };
    assert_eq!(there.code(verify), ReturnCode::OK);
}

#[test]
fn only_its_owner_and_officers_take_a_key_and_only_to_a_clone() {
    let source = world(Profile::Standard);
    let clone = source.cloned(CLONE);
    let (mut app, mut there) = (source.app(1), clone.app(1));
    let key = aes(&mut app);
    let masked = app.bytes(extract(key, CLONE));

    // Somebody else finds no such key, or one of another's.
    assert_eq!(source.other(2).code(extract(key, CLONE)), ReturnCode::OBJECT_HANDLE_INVALID);
    let share = Request::Share { handle: key, user: "other".parse().unwrap(), shared: true };
    assert_eq!(app.code(share), ReturnCode::OK);
    assert_eq!(source.other(2).code(extract(key, CLONE)), ReturnCode::ACTION_PROHIBITED);
    assert_eq!(clone.other(2).code(insert(&masked)), ReturnCode::ACTION_PROHIBITED);
    assert_eq!(source.client(3).code(extract(key, CLONE)), ReturnCode::USER_NOT_LOGGED_IN);

    // Another cluster, another clone, something changed, something that was something else.
    let mut stranger = world(Profile::Standard).app(1);
    assert!(refusal(&mut stranger, insert(&masked)).1.contains("isn't a clone"));
    let mut other = source.cloned(OTHER_CLONE).app(1);
    assert!(refusal(&mut other, insert(&masked)).1.contains("for another cluster"));
    for at in [0, 1, 30, masked.len() - 1] {
        let mut changed = masked.to_vec();
        changed[at] ^= 1;
        assert!(refusal(&mut there, insert(&Blob::from(changed))).1.contains("changed on its way"));
    }
    for len in [0, 1, 40, masked.len() - 1] {
        assert!(refusal(&mut there, insert(&Blob::from(&masked[..len]))).1.contains("changed on its way"));
    }
    let user = Request::ExtractMaskedUser {
        role: Role::CryptoUser,
        user: "other".parse().unwrap(),
        to: CLONE.into(),
    };
    let user = source.officer(4).bytes(user);
    assert!(refusal(&mut there, insert(&user)).1.contains("changed on its way"));

    // Too late, or too early.
    let (made, late) = (clone.time.0.load(Ordering::Relaxed), 601);
    for now in [made + late, made - late] {
        clone.time.0.store(now, Ordering::Relaxed);
        assert!(refusal(&mut clone.app(5), insert(&masked)).1.contains("600 seconds"));
    }
    clone.time.0.store(made + 600, Ordering::Relaxed);
    assert_eq!(clone.app(6).code(insert(&masked)), ReturnCode::OK);

    // What lives on one node, or isn't a key, stays.
    let session = app.aes(Attributes::new());
    let data = Attributes::new().with(A::CLASS, 0u64).with(A::TOKEN, true);
    let data = app.object(Request::Create { template: data }).handle;
    for handle in [session, data] {
        assert!(refusal(&mut app, extract(handle, CLONE)).1.contains("only token keys"));
    }
    let long = "x".repeat(65);
    assert_eq!(app.code(extract(key, &long)), ReturnCode::ARGUMENTS_BAD);
}

#[test]
fn who_has_it_must_be_there() {
    let source = world_of_people(Profile::Standard);
    let clone = source.cloned(CLONE);
    let mut ann = source.person("ann");
    let key = aes(&mut ann);
    let share = Request::Share { handle: key, user: "ben".parse().unwrap(), shared: true };
    assert_eq!(ann.code(share), ReturnCode::OK);
    let mut officer = clone.officer(1);
    for (gone, sentence) in
        [("ben", "there is no crypto user ben"), ("ann", "there is no crypto user ann here")]
    {
        let delete = Request::DeleteUser { role: Role::CryptoUser, user: gone.parse().unwrap() };
        assert_eq!(officer.code(delete), ReturnCode::OK);
        let masked = ann.bytes(extract(key, CLONE));
        let (code, message) = refusal(&mut officer, insert(&masked));
        assert_eq!(code, ReturnCode::ARGUMENTS_BAD);
        assert!(message.starts_with(sentence), "{message}");
    }
    assert!(officer.find(Attributes::new()).is_empty());
}

fn extract_user(name: &str, role: Role) -> Request {
    Request::ExtractMaskedUser { role, user: name.parse().unwrap(), to: CLONE.into() }
}

fn insert_user(name: &str, role: Role, masked: &Blob) -> Request {
    Request::InsertMaskedUser { role, user: name.parse().unwrap(), masked: masked.clone() }
}

fn create(officer: &mut Client, name: &str, role: Role) {
    let login = strongroom_wire::Login {
        role,
        user: Some(name.parse().unwrap()),
        password: Blob::from(&b"new-password"[..]),
    };
    assert_eq!(officer.code(Request::CreateUser(login)), ReturnCode::OK);
}

#[test]
fn a_user_comes_with_password_and_count_of_wrong_ones() {
    for profile in [Profile::Standard, Profile::Strict] {
        let source = world(profile);
        let clone = source.cloned(CLONE);
        let (mut officer, mut there) = (source.officer(1), clone.officer(1));
        for (name, role) in [("dora", Role::CryptoUser), ("olga", Role::Admin)] {
            create(&mut officer, name, role);
            let mut client = source.client(2);
            for _ in 0..3 {
                client.login(role, Some(name), "wrong-password").unwrap_err();
            }
            let masked = officer.bytes(extract_user(name, role));
            assert_eq!(there.code(insert_user(name, role, &masked)), ReturnCode::OK);
            // Seven are left of ten; a right one would begin anew.
            let mut client = clone.client(3);
            for _ in 0..7 {
                client.login(role, Some(name), "wrong-password").unwrap_err();
            }
            let locked = client.login(role, Some(name), "new-password").unwrap_err();
            assert_eq!(locked.code, ReturnCode::PIN_LOCKED);
            source.client(4).login(role, Some(name), "new-password").unwrap();

            let (code, message) = refusal(&mut there, insert_user(name, role, &masked));
            assert_eq!(
                (code, message),
                (ReturnCode::ARGUMENTS_BAD, format!("there is a user {name} already"))
            );
        }
    }
}

#[test]
fn a_user_is_who_it_was_said_to_be_and_tickets_stay_behind() {
    let source = world(Profile::Standard);
    let clone = source.cloned(CLONE);
    let (mut officer, mut there) = (source.officer(1), clone.officer(1));
    create(&mut officer, "dora", Role::CryptoUser);
    let masked = officer.bytes(extract_user("dora", Role::CryptoUser));
    for (name, role) in [("dora", Role::Admin), ("olga", Role::CryptoUser)] {
        assert!(refusal(&mut there, insert_user(name, role, &masked)).1.contains("changed on its way"));
    }
    assert_eq!(officer.code(extract_user("nobody", Role::CryptoUser)), ReturnCode::ARGUMENTS_BAD);

    let ticket = source.client(2).login(Role::CryptoUser, Some("dora"), "new-password").unwrap();
    assert_eq!(there.code(insert_user("dora", Role::CryptoUser, &masked)), ReturnCode::OK);
    let attach = Some(strongroom_wire::Attach::Ticket(ticket));
    let request = Request::Renew;
    let envelope = strongroom_wire::Envelope { attach, session: 1, extras: None, request };
    let reply = clone.client(2).connection.handle(envelope);
    assert!(reply.detached, "a ticket of one cluster is none of the other");
    clone.client(3).login(Role::CryptoUser, Some("dora"), "new-password").unwrap();
}

#[test]
fn making_a_user_of_another_cluster_takes_as_many_as_making_one() {
    let source = world(Profile::Standard);
    let mut officer = source.officer(1);
    create(&mut officer, "dora", Role::CryptoUser);
    let masked = officer.bytes(extract_user("dora", Role::CryptoUser));
    let clone = guarded_clone(&source);
    let (code, message) = refusal(&mut clone.officer(1), insert_user("dora", Role::CryptoUser, &masked));
    assert_eq!(code, ReturnCode::FUNCTION_REJECTED);
    assert_eq!(message, "Quorum approval is required for this operation");
}

/// A clone in which two officers must agree to users.
fn guarded_clone(source: &World) -> World {
    use strongroom_node::state::{Change, Expect, Key, Policy, Port, Record};
    let clone = source.cloned(CLONE);
    let policy = clone.node.read(|state| (**state.policy().expect("a policy")).clone());
    let mut quorum = policy.quorum;
    quorum.user = 2;
    let policy = Record::Policy(std::sync::Arc::new(Policy { quorum, ..policy }));
    clone.ledger.commit(Change::of(Key::Policy, Expect::Anything, Some(policy))).expect("a commit");
    clone
}

#[test]
fn passwords_that_are_said_here_are_those_of_the_world() {
    // What the other tests rest on: a clone begins with the same users.
    let clone = world(Profile::Standard).cloned(CLONE);
    clone.client(1).login(Role::CryptoUser, Some("app"), APP).unwrap();
    clone.client(2).login(Role::Admin, Some("admin"), OFFICER).unwrap();
    let key = aes(&mut clone.app(3));
    let Answer::Value(Value::Bool(true)) = clone.app(4).attribute(key, A::NEVER_EXTRACTABLE) else {
        panic!()
    };
}
