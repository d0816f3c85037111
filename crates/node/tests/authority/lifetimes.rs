//! How long tokens live (cloudhsm.md 3.2; items 37 and 41).

use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};
use strongroom_model::{Handle, Profile, ReturnCode, Role, Service, limits};
use strongroom_node::state::{Change, Expect, Key, QuorumToken, Record};
use strongroom_wire::Request;

use crate::common::OFFICER;
use crate::people::{approved, change_password, create, name};
use crate::world::cluster;

const REPLAYED: &str = "Invalid username-signature pair for quorum authorization";

/// Item 37: logout, disconnect, another process, and the time.
#[test]
fn a_token_dies_with_the_login_the_program_and_the_time() {
    let cluster = cluster(Profile::CloudHsm, 2);
    cluster.govern(2, 2);
    let approvers = ["admin", "olga"];

    let mut officer = cluster.officer("admin", 1);
    let data = officer.token(Service::User);
    officer.ask(Request::Logout).unwrap();
    officer.login(Role::Admin, Some("admin"), OFFICER).unwrap();
    let refused = officer.with(vec![approved(&data, &approvers)], create("late")).unwrap_err();
    assert_eq!(refused.message, REPLAYED, "logged out meanwhile");

    let data = officer.token(Service::User);
    let mut elsewhere = cluster.officer("admin", 2);
    let refused = elsewhere.with(vec![approved(&data, &approvers)], create("late")).unwrap_err();
    assert_eq!(refused.message, REPLAYED, "another program");
    let mut other = cluster.officer("olga", 3);
    let refused = other.with(vec![approved(&data, &approvers)], create("late")).unwrap_err();
    assert_eq!(refused.message, REPLAYED, "another officer");
    drop((elsewhere, other));
    assert_eq!(officer.tokens().len(), 1);

    drop(officer);
    let mut officer = cluster.officer("admin", 1);
    assert!(officer.tokens().is_empty(), "let go of by its program");
    let refused = officer.with(vec![approved(&data, &approvers)], create("late")).unwrap_err();
    assert_eq!(refused.message, REPLAYED);

    let data = officer.token(Service::User);
    cluster.pass(599);
    assert_eq!(officer.tokens()[0].seconds_left, 1);
    cluster.pass(1);
    assert!(officer.tokens().is_empty());
    let refused = officer.with(vec![approved(&data, &approvers)], create("late")).unwrap_err();
    assert_eq!(refused.code, ReturnCode::FUNCTION_REJECTED);
    assert!(refused.message.contains("expired"), "{refused}");
    assert!(officer.users().iter().all(|user| user.name != name("late")));
}

/// Item 37: approved in time, for something that then failed, it may be used for 600 seconds more.
#[test]
fn an_approved_token_lives_on_when_what_it_approved_fails() {
    let cluster = cluster(Profile::CloudHsm, 1);
    cluster.govern(2, 2);
    let mut officer = cluster.officer("admin", 1);
    let data = officer.token(Service::User);
    let approval = || vec![approved(&data, &["admin", "olga"])];
    cluster.pass(500);
    let failed = officer.with(approval(), create("app")).unwrap_err();
    assert_eq!(failed.code, ReturnCode::ARGUMENTS_BAD, "there is one already");
    let listed = officer.tokens().remove(0);
    assert_eq!((listed.required, listed.approvals, listed.seconds_left), (2, 2, 600));
    cluster.pass(599);
    assert_eq!(officer.with(approval(), create("app")).unwrap_err().code, ReturnCode::ARGUMENTS_BAD);
    assert_eq!(officer.tokens()[0].seconds_left, 1, "failing again gains nothing");
    officer.with(approval(), create("late")).unwrap();
    assert_eq!(officer.with(approval(), create("later")).unwrap_err().message, REPLAYED);

    let data = officer.token(Service::User);
    let approval = || vec![approved(&data, &["admin", "olga"])];
    officer.with(approval(), create("app")).unwrap_err();
    cluster.pass(600);
    assert!(officer.with(approval(), create("too-late")).unwrap_err().code == ReturnCode::FUNCTION_REJECTED);
    assert!(officer.tokens().is_empty());
}

/// Too few signatures start no second time.
#[test]
fn what_too_few_approved_lives_no_longer() {
    let cluster = cluster(Profile::CloudHsm, 1);
    cluster.govern(3, 2);
    let mut officer = cluster.officer("admin", 1);
    let data = officer.token(Service::User);
    cluster.pass(599);
    officer.with(vec![approved(&data, &["admin", "olga"])], create("late")).unwrap_err();
    assert_eq!(officer.tokens()[0].seconds_left, 1);
}

#[test]
fn a_password_change_and_a_deletion_end_the_users_tokens() {
    let cluster = cluster(Profile::Standard, 1);
    let mut admin = cluster.officer("admin", 1);
    let mut olga = cluster.officer("olga", 2);
    olga.token(Service::User);
    admin.ask(change_password(Role::Admin, "olga", OFFICER)).unwrap();
    assert!(admin.tokens().is_empty());
    olga.login(Role::Admin, Some("olga"), OFFICER).unwrap();
    olga.token(Service::User);
    admin.ask(Request::DeleteUser { role: Role::Admin, user: name("olga") }).unwrap();
    assert!(admin.tokens().is_empty());
}

/// Item 41.
#[test]
fn a_full_store_gives_up_the_expired_and_no_others() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut officer = cluster.officer("admin", 1);
    let token = |number: usize, created| {
        let token = QuorumToken {
            role: Role::CryptoUser,
            user: name(&format!("user_{number}")),
            instance: officer.hello.instance,
            service: Service::KeyUsage,
            key: Some(Handle(1)),
            created,
            approved: None,
        };
        (Key::Token(Sha256::digest(number.to_be_bytes()).into()), Record::Token(token.into()))
    };
    let now = cluster.time.0.load(Ordering::Relaxed);
    let change = (0..limits::MAX_QUORUM_TOKENS).fold(Change::default(), |change, number| {
        let (key, record) = token(number, now + number as u64 % 2);
        change.and(key, Expect::Absent, Some(record))
    });
    cluster.commit(change);
    let ask = Request::QuorumToken { service: Service::User, key: None };
    assert_eq!(officer.code(ask.clone()), ReturnCode::DEVICE_MEMORY);
    cluster.pass(600);
    assert_eq!(officer.code(ask), ReturnCode::OK);
    assert_eq!(officer.tokens().len(), limits::MAX_QUORUM_TOKENS / 2 + 1);
    let stored = cluster.ledger.read(|state| state.keys().filter(|key| matches!(key, Key::Token(_))).count());
    assert_eq!(stored, limits::MAX_QUORUM_TOKENS / 2 + 1, "the expired are gone");
}
