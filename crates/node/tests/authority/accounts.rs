//! Names, passwords, activation; users are made, changed and deleted (cloudhsm.md 2.1, 2.3; items 5 to 7, 19 to 26).

use strongroom_model::{Blob, Profile, ReturnCode, Role, UserName, limits};
use strongroom_wire::Request;

use crate::common::{APP, OFFICER};
use crate::people::{change_password, create, delete, login, name, signer};
use crate::world::{cluster, fresh_cluster};

const PROFILES: [Profile; 3] = [Profile::Standard, Profile::CloudHsm, Profile::Strict];

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
