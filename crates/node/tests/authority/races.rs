//! What happens between a decision and its commit: whoever comes second decides again by what the first has done.

use strongroom_model::{
    AttributeType as A, Attributes, Blob, Handle, Profile, ReturnCode, Role, Service, limits,
};
use strongroom_wire::{Request, Response};

use crate::common::{APP, Client, OFFICER, OTHER};
use crate::people::{approved, change_password, create, delete, login, name, signer};
use crate::world::{Cluster, cluster};

fn token_key() -> Request {
    Request::GenerateKey {
        mechanism: strongroom_model::Mechanism::plain(strongroom_model::MechanismType::AES_KEY_GEN),
        template: Attributes::new().with(A::TOKEN, true).with(A::VALUE_LEN, 32),
    }
}

fn share(handle: Handle) -> Request {
    Request::Share { handle, user: name("other"), shared: true }
}

/// What somebody asks for meanwhile, which succeeds.
fn asks(cluster: &Cluster, mut who: Client, requests: Vec<Request>) {
    cluster.meanwhile(move || {
        for request in requests {
            who.ask(request).unwrap();
        }
    });
}

/// A cluster whose only officers are `admin` and `olga`.
fn two_officers() -> Cluster {
    let cluster = cluster(Profile::Standard, 1);
    let mut admin = cluster.officer("admin", 1);
    for officer in ["otto", "oscar"] {
        admin.ask(delete(Role::Admin, officer)).unwrap();
    }
    cluster
}

fn activate() -> Request {
    Request::Activate { password: Blob::from(*b"a stranger's") }
}

/// Anybody could activate a cluster that has none.
#[test]
fn two_officers_who_delete_each_other_leave_one() {
    let cluster = two_officers();
    let mut admin = cluster.officer("admin", 1);
    asks(&cluster, cluster.officer("olga", 2), vec![delete(Role::Admin, "admin")]);
    assert_eq!(admin.code(delete(Role::Admin, "olga")), ReturnCode::USER_NOT_LOGGED_IN);
    assert!(cluster.nodes[0].info().initialized);
    assert_eq!(cluster.client(0, 3).code(activate()), ReturnCode::ACTION_PROHIBITED);
}

#[test]
fn two_officers_who_delete_themselves_leave_one() {
    let cluster = two_officers();
    let mut admin = cluster.officer("admin", 1);
    asks(&cluster, cluster.officer("olga", 2), vec![delete(Role::Admin, "olga")]);
    assert!(admin.ask(delete(Role::Admin, "admin")).unwrap_err().message.contains("last officer"));
    assert_eq!(cluster.client(0, 3).code(activate()), ReturnCode::ACTION_PROHIBITED);
}

/// Who knew the password that an officer has just replaced mustn't replace it in turn.
#[test]
fn a_password_that_was_changed_meanwhile_stays() {
    let cluster = cluster(Profile::Standard, 1);
    let theirs = "the officer's choice";
    let mut app = cluster.app(1);
    let own = Request::ChangePassword(login(Role::CryptoUser, "app", OTHER));
    let pin =
        Request::SetPin { login: login(Role::CryptoUser, "app", APP), new: Blob::from(OTHER.as_bytes()) };
    for (request, code) in [(pin, ReturnCode::PIN_INCORRECT), (own, ReturnCode::PIN_INCORRECT)] {
        let change = change_password(Role::CryptoUser, "app", theirs);
        asks(&cluster, cluster.officer("admin", 2), vec![change]);
        assert_eq!(app.code(request), code);
        app.login(Role::CryptoUser, Some("app"), theirs).unwrap();
        let back = change_password(Role::CryptoUser, "app", APP);
        cluster.officer("admin", 2).ask(back).unwrap();
        app.login(Role::CryptoUser, Some("app"), APP).unwrap();
    }
    let init = Request::InitToken { password: Blob::from(OFFICER.as_bytes()), label: "new".into() };
    let change = change_password(Role::Admin, "admin", theirs);
    asks(&cluster, cluster.officer("olga", 2), vec![change]);
    assert_eq!(cluster.client(0, 3).code(init), ReturnCode::FUNCTION_FAILED);
    cluster.client(0, 4).login(Role::Admin, Some("admin"), theirs).unwrap();
}

/// A second factor that an officer has just taken away isn't set by a login from before.
#[test]
fn a_key_is_registered_only_while_the_login_holds() {
    let cluster = cluster(Profile::Standard, 1);
    let mut app = cluster.app(1);
    let own = app.own_key(Role::CryptoUser, "app", signer("app"));
    let change = change_password(Role::CryptoUser, "app", OTHER);
    asks(&cluster, cluster.officer("admin", 2), vec![change.clone()]);
    assert_eq!(app.code(Request::RegisterQuorumKey(own)), ReturnCode::USER_NOT_LOGGED_IN);

    app.login(Role::CryptoUser, Some("app"), OTHER).unwrap();
    let own = app.own_key(Role::CryptoUser, "app", signer("app"));
    asks(&cluster, cluster.officer("admin", 2), vec![change]);
    let mfa = Request::ChangeMfa { role: Role::CryptoUser, user: name("app"), key: Some(own) };
    assert_eq!(app.code(mfa), ReturnCode::USER_NOT_LOGGED_IN);
    assert!(!cluster.client(0, 3).user("app").mfa);
}

/// What was said of a session object holds of the token object that's made of it at the same time.
#[test]
fn what_becomes_a_token_object_isnt_changed_or_destroyed_meanwhile() {
    let cluster = cluster(Profile::Standard, 1);
    let not_extractable = Attributes::new().with(A::EXTRACTABLE, false);
    for destroys in [true, false] {
        let mut app = cluster.app(1);
        let session = app.aes(Attributes::new().with(A::EXTRACTABLE, true));
        let mut same = cluster.app(1);
        let request = match destroys {
            true => Request::Destroy { handle: session },
            false => Request::SetAttributes { handle: session, template: not_extractable.clone() },
        };
        let (said, hears) = std::sync::mpsc::channel();
        cluster.meanwhile(move || {
            std::thread::spawn(move || said.send(same.code(request)));
            std::thread::sleep(std::time::Duration::from_millis(100));
        });
        let token = app.object(Request::Persist { handle: session }).handle;
        let code = hears.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
        assert_ne!(code, ReturnCode::OK, "{destroys}");
        app.ask(Request::Destroy { handle: token }).unwrap();
    }
}

/// An officer who was deleted has nothing more done.
#[test]
fn what_an_officer_asks_for_ends_with_the_officer() {
    let cluster = two_officers();
    let mut admin = cluster.officer("admin", 1);
    for request in [
        create("new"),
        Request::SetQuorumTimeouts { generated: Some(5), approved: None },
        Request::SetQuorumValue { service: Service::User, value: 1 },
    ] {
        asks(&cluster, cluster.officer("olga", 2), vec![delete(Role::Admin, "admin")]);
        assert_eq!(admin.code(request.clone()), ReturnCode::USER_NOT_LOGGED_IN, "{request:?}");
        cluster.officer("olga", 2).ask(Request::CreateUser(login(Role::Admin, "admin", OFFICER))).unwrap();
        admin.login(Role::Admin, Some("admin"), OFFICER).unwrap();
    }
}

#[test]
fn a_key_isnt_left_to_a_later_user_of_the_name() {
    let cluster = cluster(Profile::Standard, 1);
    let mut app = cluster.app(1);
    let request = Request::CreateUser(login(Role::CryptoUser, "app", OTHER));
    asks(&cluster, cluster.officer("admin", 2), vec![delete(Role::CryptoUser, "app"), request]);
    assert_eq!(app.code(token_key()), ReturnCode::USER_NOT_LOGGED_IN);
    assert_eq!(cluster.ledger.read(strongroom_node::state::Replica::object_count), 0);
}

#[test]
fn who_makes_a_key_meanwhile_isnt_deleted() {
    let cluster = cluster(Profile::Standard, 1);
    asks(&cluster, cluster.app(1), vec![token_key()]);
    let refused = cluster.officer("admin", 2).ask(delete(Role::CryptoUser, "app")).unwrap_err();
    assert!(refused.message.contains("owns keys"), "{refused}");
}

#[test]
fn a_key_isnt_shared_with_who_is_deleted_meanwhile() {
    let cluster = cluster(Profile::Standard, 1);
    let mut app = cluster.app(1);
    let key = app.object(token_key()).handle;
    asks(&cluster, cluster.officer("admin", 2), vec![delete(Role::CryptoUser, "other")]);
    assert_eq!(app.code(share(key)), ReturnCode::ARGUMENTS_BAD);

    let mut admin = cluster.officer("admin", 3);
    admin.ask(create("other")).unwrap();
    asks(&cluster, app, vec![share(key)]);
    admin.ask(delete(Role::CryptoUser, "other")).unwrap();
    admin.ask(create("other")).unwrap();
    let mut other = cluster.client(0, 4);
    other.login(Role::CryptoUser, Some("other"), OTHER).unwrap();
    assert_eq!(other.code(Request::Object { handle: key }), ReturnCode::OBJECT_HANDLE_INVALID);
}

#[test]
fn a_name_is_taken_once_whatever_the_roles() {
    let cluster = cluster(Profile::Standard, 1);
    let officer = Request::CreateUser(login(Role::Admin, "twin", OFFICER));
    asks(&cluster, cluster.officer("olga", 2), vec![officer]);
    assert_eq!(cluster.officer("admin", 1).code(create("twin")), ReturnCode::ARGUMENTS_BAD);
}

#[test]
fn there_are_never_more_users_than_there_may_be() {
    let cluster = cluster(Profile::Standard, 1);
    let there = cluster.client(0, 9).users().len() - 1;
    cluster.crowd(limits::MAX_USERS - there - 1);
    asks(&cluster, cluster.officer("olga", 2), vec![create("one")]);
    assert_eq!(cluster.officer("admin", 1).code(create("two")), ReturnCode::DEVICE_MEMORY);
}

#[test]
fn a_quorum_value_holds_from_when_it_is_set() {
    let cluster = cluster(Profile::Standard, 1);
    cluster.register(&["admin", "olga"]);
    let raise = Request::SetQuorumValue { service: Service::User, value: 2 };
    asks(&cluster, cluster.officer("olga", 2), vec![raise]);
    assert_eq!(cluster.officer("admin", 1).code(create("new")), ReturnCode::FUNCTION_REJECTED);
}

/// As many must be left as must approve, or nobody could manage users ever again.
#[test]
fn approvers_who_are_counted_on_stay() {
    let cluster = cluster(Profile::Standard, 1);
    cluster.register(&["admin", "olga"]);
    asks(&cluster, cluster.officer("otto", 2), vec![delete(Role::Admin, "olga")]);
    let raise = Request::SetQuorumValue { service: Service::User, value: 2 };
    assert_eq!(cluster.officer("admin", 1).code(raise), ReturnCode::ARGUMENTS_BAD);
}

/// Attacks.md A31: an approver who has another key by then, or isn't one any more.
#[test]
fn an_approval_is_worth_nothing_once_its_signer_has_changed() {
    let cluster = cluster(Profile::Standard, 1);
    cluster.govern(2, 1);
    let mut admin = cluster.officer("admin", 1);
    let approval = approved(&admin.token(Service::User), &["admin", "olga"]);
    let mut olga = cluster.officer("olga", 2);
    let own = olga.own_key(Role::Admin, "olga", signer("spare"));
    asks(&cluster, olga, vec![Request::RegisterQuorumKey(own)]);
    let refused = admin.with(vec![approval], create("new")).unwrap_err();
    assert_eq!(refused.code, ReturnCode::FUNCTION_REJECTED);
    assert!(cluster.client(0, 3).users().iter().all(|user| user.name != name("new")));
}

#[test]
fn a_token_that_is_initialized_anew_is_empty() {
    let cluster = cluster(Profile::Standard, 1);
    asks(&cluster, cluster.app(1), vec![token_key()]);
    let init = Request::InitToken { password: Blob::from(OFFICER.as_bytes()), label: "new".into() };
    assert_eq!(cluster.client(0, 2).code(init), ReturnCode::OK);
    assert_eq!(cluster.ledger.read(strongroom_node::state::Replica::object_count), 0);
    let Ok(Response::Users(users)) = cluster.client(0, 2).ask(Request::ListUsers) else { panic!() };
    assert_eq!(users.len(), 2, "{users:?}");
}

#[test]
fn an_approver_who_is_counted_on_keeps_the_key() {
    let cluster = cluster(Profile::Standard, 1);
    cluster.register(&["admin", "olga"]);
    let disable = Request::ChangeMfa { role: Role::Admin, user: name("olga"), key: None };
    asks(&cluster, cluster.officer("otto", 2), vec![disable]);
    let raise = Request::SetQuorumValue { service: Service::User, value: 2 };
    assert_eq!(cluster.officer("admin", 1).code(raise), ReturnCode::ARGUMENTS_BAD);
}
