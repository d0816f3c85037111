//! Names, passwords, activation; users are made, changed and deleted (cloudhsm.md 2.1, 2.3; items 5 to 7, 19 to 26).

use strongroom_model::{
    AttributeType as A, Attributes, Blob, KeyTerms, Profile, ReturnCode, Role, UserName, limits,
};
use strongroom_wire::{Envelope, Extras, Request, Response};

use crate::common::{APP, OFFICER, OTHER};
use crate::world::{change_password, cluster, create, fresh_cluster, login, name, sentence, signer};

const PROFILES: [Profile; 3] = [Profile::Standard, Profile::CloudHsm, Profile::Strict];

fn delete(role: Role, user: &str) -> Request {
    Request::DeleteUser { role, user: name(user) }
}

/// Items 5 to 7.
#[test]
fn activation_makes_the_first_officer_once() {
    for profile in PROFILES {
        let cluster = fresh_cluster(profile);
        let mut client = cluster.client(0, 1);
        let listed = |client: &mut crate::common::Client| -> Vec<(String, String)> {
            client.users().iter().map(|user| (user.name.to_string(), user.role.to_string())).collect()
        };
        let row = |name: &str, role: &str| (name.to_owned(), role.to_owned());
        let appliance = row("app_user", "internal(APPLIANCE_USER)");
        assert_eq!(listed(&mut client), [row("admin", "unactivated-admin"), appliance.clone()]);
        assert_eq!(client.code(create("early")), ReturnCode::USER_NOT_LOGGED_IN, "item 6");
        let activate = |password: &str| Request::Activate { password: Blob::from(password.as_bytes()) };
        assert_eq!(client.code(activate("abc")), ReturnCode::PIN_LEN_RANGE);
        assert_eq!(client.code(activate(OFFICER)), ReturnCode::OK);
        assert_eq!(listed(&mut client), [row("admin", "admin"), appliance]);
        let again = client.ask(activate("another-password")).unwrap_err();
        assert_eq!(again.code, ReturnCode::ACTION_PROHIBITED);
        client.login(Role::Admin, Some("admin"), OFFICER).unwrap();
        assert_eq!(client.code(create("app")), ReturnCode::OK);
        assert!(cluster.nodes[0].info().initialized);
        assert_eq!(cluster.nodes[0].info().profile, profile);
    }
}

#[test]
fn nobody_logs_in_as_a_role_without_users() {
    let cluster = cluster(Profile::Standard, 1);
    let mut client = cluster.client(0, 1);
    for role in [Role::UnactivatedAdmin, Role::Appliance] {
        for user in ["admin", "app_user"] {
            let request = Request::Login(login(role, user, OFFICER));
            assert_eq!(client.code(request), ReturnCode::USER_TYPE_INVALID);
        }
        let mut officer = cluster.officer("admin", 2);
        let made = officer.code(Request::CreateUser(login(role, "new", OFFICER)));
        assert_eq!(made, ReturnCode::ARGUMENTS_BAD);
        assert_eq!(officer.code(delete(role, "app_user")), ReturnCode::ARGUMENTS_BAD);
        assert_eq!(officer.code(change_password(role, "app_user", OFFICER)), ReturnCode::ARGUMENTS_BAD);
    }
}

/// Item 19.
#[test]
fn names_are_short_plain_and_one_users_each() {
    assert!("a".repeat(31).parse::<UserName>().is_ok());
    for bad in ["", "a:b", "a b", "ä", "a\0", "a/b", "a\n", "a\u{202e}b", &"a".repeat(32)] {
        assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
    }
    for profile in PROFILES {
        let cluster = cluster(profile, 1);
        let mut officer = cluster.officer("admin", 1);
        assert_eq!(officer.code(create(&"A".repeat(31))), ReturnCode::OK);
        assert_eq!(officer.user(&"a".repeat(31)).name.as_str(), "a".repeat(31), "shown in lower case");
        for taken in ["APP", "Admin", "app_user", "OLGA"] {
            let refused = officer.ask(create(taken)).unwrap_err();
            assert_eq!(refused.code, ReturnCode::ARGUMENTS_BAD, "{taken}");
            let refused = officer.code(Request::CreateUser(login(Role::Admin, taken, OFFICER)));
            assert_eq!(refused, ReturnCode::ARGUMENTS_BAD, "{taken}, in the other role");
        }
        let odd = if profile == Profile::CloudHsm { ReturnCode::ARGUMENTS_BAD } else { ReturnCode::OK };
        assert_eq!(officer.code(create("a-b.c")), odd);
        assert_eq!(officer.code(create("_")), ReturnCode::OK);
        let mut client = cluster.client(0, 2);
        client.login(Role::Admin, Some("ADMIN"), OFFICER).unwrap();
    }
}

/// Item 20; and passwords of any bytes.
#[test]
fn passwords_have_limits_and_may_have_any_bytes() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut officer = cluster.officer("admin", 1);
    let mut app = cluster.client(0, 2);
    for (len, code) in [
        (6, ReturnCode::PIN_LEN_RANGE),
        (7, ReturnCode::OK),
        (32, ReturnCode::OK),
        (33, ReturnCode::PIN_LEN_RANGE),
    ] {
        assert_eq!(officer.code(change_password(Role::CryptoUser, "app", &"p".repeat(len))), code, "{len}");
    }
    for password in ["with:colon:s", " spaces  around ", "ключ-пароль", "nul\0inside", "Ünïcödé-1"]
    {
        assert_eq!(officer.code(change_password(Role::CryptoUser, "app", password)), ReturnCode::OK);
        app.login(Role::CryptoUser, Some("app"), password).unwrap();
        let mut otherwise = password.to_owned();
        otherwise.push(' ');
        assert!(app.login(Role::CryptoUser, Some("app"), &otherwise).is_err());
        app = cluster.client(0, 2);
    }
    officer.ask(change_password(Role::CryptoUser, "app", "CaseMatters")).unwrap();
    assert!(app.login(Role::CryptoUser, Some("app"), "casematters").is_err());
}

/// Item 21.
#[test]
fn there_is_a_last_user() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut officer = cluster.officer("admin", 1);
    // Passwords cost time, so that the crowd is made by one change.
    cluster.crowd(limits::MAX_USERS - 6);
    assert_eq!(officer.users().len(), limits::MAX_USERS + 1, "and the appliance user, who doesn't count");
    let full = officer.ask(create("late")).unwrap_err();
    assert_eq!(full.code, ReturnCode::DEVICE_MEMORY);
    officer.ask(delete(Role::CryptoUser, "other")).unwrap();
    assert_eq!(officer.code(create("late")), ReturnCode::OK);
}

/// Item 24.
#[test]
fn ones_own_password_is_changed_without_the_old_one_and_nobody_elses_is() {
    for profile in PROFILES {
        let cluster = cluster(profile, 1);
        let mut app = cluster.app(1);
        let refused = app.code(change_password(Role::CryptoUser, "other", "next-password"));
        assert_eq!(refused, ReturnCode::USER_NOT_LOGGED_IN);
        let refused = app.code(change_password(Role::Admin, "admin", "next-password"));
        assert_eq!(refused, ReturnCode::USER_NOT_LOGGED_IN);
        assert_eq!(app.code(change_password(Role::CryptoUser, "app", "next-password")), ReturnCode::OK);
        app.login(Role::CryptoUser, Some("app"), "next-password").unwrap();
        assert!(app.login(Role::CryptoUser, Some("app"), APP).is_err());
    }
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

#[test]
fn two_officers_change_one_user_at_once() {
    let cluster = cluster(Profile::Standard, 2);
    let passwords = ["first-password", "other-one-password"];
    std::thread::scope(|scope| {
        for (number, password) in passwords.iter().enumerate() {
            let cluster = &cluster;
            scope.spawn(move || {
                let mut officer = cluster.client(number, number as u8);
                officer.login(Role::Admin, Some(["admin", "olga"][number]), OFFICER).unwrap();
                for _ in 0..8 {
                    officer.ask(change_password(Role::CryptoUser, "app", password)).unwrap();
                }
            });
        }
    });
    let works = |password: &str| cluster.client(1, 9).login(Role::CryptoUser, Some("app"), password).is_ok();
    assert_eq!(passwords.iter().filter(|password| works(password)).count(), 1, "one was the last");
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

/// What `C_InitPIN` and `C_InitToken` do is what officers do by other means, and takes the same approvals.
#[test]
fn pins_are_no_way_around_a_quorum() {
    let cluster = cluster(Profile::Standard, 1);
    cluster.govern(2, 2);
    let mut officer = cluster.officer("admin", 1);
    let password = Blob::from(APP.as_bytes());
    for request in [
        Request::InitPin { user: None, password: password.clone() },
        Request::InitPin { user: Some(name("fresh")), password },
        Request::InitToken { password: Blob::from(OFFICER.as_bytes()), label: "x".into() },
    ] {
        let refused = officer.ask(request).unwrap_err();
        assert_eq!(refused.code, ReturnCode::FUNCTION_REJECTED, "{refused}");
    }
    assert_eq!(officer.user("app").name, name("app"));
    assert!(officer.user("admin").quorum);
    assert_eq!(signer("admin").spki.len(), 294);
}
