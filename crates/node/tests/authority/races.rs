//! What happens between a decision and its commit: whoever comes second decides again by what the first has done.

use strongroom_model::{
    AttributeType as A, Attributes, Blob, Handle, Profile, ReturnCode, Role, Service, limits,
};
use strongroom_wire::{Request, Response};

use crate::common::{Client, OFFICER, OTHER};
use crate::people::{approved, create, delete, login, name, signer};
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
