//! Who may be deleted, and what goes along (cloudhsm.md 2.3; items 25 and 26).

use strongroom_model::{AttributeType as A, Attributes, KeyTerms, Profile, ReturnCode, Role, limits};
use strongroom_wire::{Envelope, Extras, Request, Response};

use crate::common::{APP, OFFICER, OTHER};
use crate::people::{change_password, create, delete, name, sentence};
use crate::world::cluster;

/// Item 26.
#[test]
fn who_owns_keys_stays() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut app = cluster.app(1);
    let key = app.aes(Attributes::new().with(A::TOKEN, true));
    app.ask(Request::Logout).unwrap();
    let mut officer = cluster.officer("admin", 2);
    let refused = officer.ask(delete(Role::CryptoUser, "app")).unwrap_err();
    assert_eq!(refused.code, ReturnCode::ACTION_PROHIBITED);
    app.login(Role::CryptoUser, Some("app"), APP).unwrap();
    app.ask(Request::Destroy { handle: key }).unwrap();
    app.ask(Request::Logout).unwrap();
    assert_eq!(officer.code(delete(Role::CryptoUser, "app")), ReturnCode::OK);
}

/// A later user of the name doesn't inherit what the earlier one could use.
#[test]
fn shares_end_with_the_user() {
    let cluster = cluster(Profile::Standard, 1);
    let mut app = cluster.app(1);
    let key = app.aes(Attributes::new().with(A::TOKEN, true));
    app.ask(Request::Share { handle: key, user: name("other"), shared: true }).unwrap();
    let mut other = cluster.client(0, 2);
    other.login(Role::CryptoUser, Some("other"), OTHER).unwrap();
    assert_eq!(other.code(Request::Object { handle: key }), ReturnCode::OK);
    let mut officer = cluster.officer("admin", 3);
    officer.ask(delete(Role::CryptoUser, "other")).unwrap();
    officer.ask(create("other")).unwrap();
    other.login(Role::CryptoUser, Some("other"), OTHER).unwrap();
    assert_eq!(other.code(Request::Object { handle: key }), ReturnCode::OBJECT_HANDLE_INVALID);
    let Ok(Response::Ownership(ownership)) = app.ask(Request::Ownership { handle: key }) else { panic!() };
    assert!(ownership.terms.share_with.is_empty());
}

/// A key that takes two to approve keeps two who can.
#[test]
fn who_must_approve_the_use_of_a_key_stays() {
    let cluster = cluster(Profile::Standard, 1);
    let mut app = cluster.app(1);
    let terms = KeyTerms { share_with: vec![name("other")], manage_quorum: 2, use_quorum: 2 };
    let template = Attributes::new().with(A::TOKEN, true).with(A::VALUE_LEN, 32);
    let mechanism = strongroom_model::Mechanism::plain(strongroom_model::MechanismType::AES_KEY_GEN);
    let request = Request::GenerateKey { mechanism, template };
    let extras = Some(Box::new(Extras { terms, ..Extras::default() }));
    let reply = app.connection.handle(Envelope { attach: None, session: 1, extras, request });
    assert!(reply.result.is_ok(), "{:?}", reply.result);
    let mut officer = cluster.officer("admin", 2);
    let refused = officer.ask(delete(Role::CryptoUser, "other")).unwrap_err();
    assert_eq!(refused.code, ReturnCode::ACTION_PROHIBITED);
    assert!(refused.message.contains("must stay"), "{refused}");
}

#[test]
fn the_last_officer_stays() {
    let cluster = cluster(Profile::Standard, 1);
    let mut admin = cluster.officer("admin", 1);
    for officer in ["olga", "otto", "oscar"] {
        admin.ask(delete(Role::Admin, officer)).unwrap();
    }
    assert!(sentence(admin.ask(delete(Role::Admin, "admin"))).contains("last officer"));
}

/// Item 25, on whichever node the user is logged in.
#[test]
fn under_cloudhsm_who_is_logged_in_is_neither_changed_nor_deleted() {
    let cluster = cluster(Profile::CloudHsm, 2);
    let mut officer = cluster.officer("admin", 1);
    for node in 0..2 {
        let mut other = cluster.client(node, 2);
        other.login(Role::CryptoUser, Some("other"), OTHER).unwrap();
        for request in [delete(Role::CryptoUser, "other"), change_password(Role::CryptoUser, "other", APP)] {
            let refused = officer.ask(request).unwrap_err();
            assert_eq!(refused.code, ReturnCode::ACTION_PROHIBITED);
            assert!(refused.message.contains("is logged in"), "{refused}");
        }
        other.ask(Request::Logout).unwrap();
        officer.ask(change_password(Role::CryptoUser, "other", OTHER)).unwrap();
        other.login(Role::CryptoUser, Some("other"), OTHER).unwrap();
        drop(other);
    }
    let mut other = cluster.client(1, 3);
    other.login(Role::CryptoUser, Some("other"), OTHER).unwrap();
    let refused = officer.ask(delete(Role::CryptoUser, "other")).unwrap_err();
    assert_eq!(refused.code, ReturnCode::ACTION_PROHIBITED);
    cluster.pass(limits::TICKET_SECONDS);
    let mut officer = cluster.officer("admin", 4);
    assert_eq!(officer.code(delete(Role::CryptoUser, "other")), ReturnCode::OK, "a ticket that has expired");
    assert_eq!(
        officer.code(change_password(Role::Admin, "admin", "next-password")),
        ReturnCode::OK,
        "one's own"
    );
}

#[test]
fn under_standard_a_change_by_an_officer_ends_the_logins() {
    let cluster = cluster(Profile::Standard, 2);
    let mut other = cluster.client(1, 2);
    other.login(Role::CryptoUser, Some("other"), OTHER).unwrap();
    cluster.officer("admin", 1).ask(change_password(Role::CryptoUser, "other", APP)).unwrap();
    assert_eq!(other.code(Request::Renew), ReturnCode::USER_NOT_LOGGED_IN);
}

/// A user made at once by two officers, and deleted by two.
#[test]
fn a_user_is_made_once_and_deleted_once() {
    let cluster = cluster(Profile::Standard, 2);
    for request in [create("twin"), delete(Role::CryptoUser, "twin")] {
        let codes: Vec<ReturnCode> = std::thread::scope(|scope| {
            let request = &request;
            let cluster = &cluster;
            let officers = [0usize, 1].map(|number| {
                scope.spawn(move || {
                    let mut officer = cluster.client(number, number as u8);
                    officer.login(Role::Admin, Some("admin"), OFFICER).unwrap();
                    officer.code(request.clone())
                })
            });
            officers.into_iter().map(|officer| officer.join().unwrap()).collect()
        });
        assert_eq!(codes.iter().filter(|code| **code == ReturnCode::OK).count(), 1, "{codes:?}");
        assert!(codes.contains(&ReturnCode::ARGUMENTS_BAD), "{codes:?}");
    }
}
