//! What needs approvals, how many, and whose (cloudhsm.md 3.1, 3.2; items 33 to 35, 38; attacks.md A31).

use strongroom_model::{Profile, ReturnCode, Role, Service};
use strongroom_node::state::Key;
use strongroom_wire::{OwnKey, Request, Response};

use crate::common::{APP, Client, OFFICER};
use crate::people::{approved, change_password, create, login, name, signer};
use crate::world::{Cluster, cluster};

const NEEDED: &str = "Quorum approval is required for this operation";
const INVALID: &str = "Invalid username-signature pair for quorum authorization";

fn governed(user: u8, quorum: u8) -> (Cluster, Client) {
    let cluster = cluster(Profile::CloudHsm, 2);
    cluster.govern(user, quorum);
    let officer = cluster.officer("admin", 1);
    (cluster, officer)
}

fn refusal(result: strongroom_model::Result<Response>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code, ReturnCode::FUNCTION_REJECTED, "{error}");
    error.message
}

/// Items 33 and 34: what the service `user` gates, which is off while its value is 1.
#[test]
fn each_operation_of_the_service_user_takes_approvals() {
    let mfa_off = || Request::ChangeMfa { role: Role::Admin, user: name("otto"), key: None };
    let gated = |chief: &str| {
        [
            create("new"),
            Request::CreateUser(login(Role::Admin, chief, OFFICER)),
            change_password(Role::CryptoUser, "app", APP),
            change_password(Role::Admin, "olga", OFFICER),
            mfa_off(),
            Request::DeleteUser { role: Role::CryptoUser, user: name("new") },
        ]
    };
    let (cluster, mut officer) = governed(2, 1);
    for request in gated("chief") {
        let asked = format!("{request:?}");
        assert_eq!(refusal(officer.ask(request.clone())), NEEDED, "{asked}");
        let data = officer.token(Service::User);
        officer.with(vec![approved(&data, &["admin", "olga"])], request).unwrap();
        assert!(officer.tokens().is_empty(), "used up by {asked}");
    }
    let free = [
        change_password(Role::Admin, "admin", OFFICER),
        Request::SetQuorumTimeouts { generated: Some(600), approved: None },
        Request::SetQuorumValue { service: Service::User, value: 1 },
    ];
    for request in free {
        officer = cluster.officer("admin", 1);
        officer.ask(request).unwrap();
    }
    for request in
        gated("second_chief").into_iter().filter(|request| !matches!(request, Request::ChangeMfa { .. }))
    {
        officer.ask(request).unwrap();
    }
}

/// Item 35, and "any admin, even one not registered".
#[test]
fn quorum_values_are_changed_under_the_quorum_of_quorum() {
    let cluster = cluster(Profile::CloudHsm, 1);
    cluster.register(&["olga", "otto"]);
    let mut admin = cluster.officer("admin", 1);
    let set = |service, value| Request::SetQuorumValue { service, value };
    admin.ask(set(Service::User, 2)).unwrap();
    admin.ask(set(Service::Quorum, 2)).unwrap();
    for request in [set(Service::User, 1), set(Service::Cluster, 2), set(Service::Quorum, 1)] {
        assert_eq!(refusal(admin.ask(request.clone())), NEEDED);
        let data = admin.token(Service::Quorum);
        admin.with(vec![approved(&data, &["olga", "otto"])], request).unwrap();
    }
    let settings = admin.settings();
    assert_eq!((settings.user, settings.quorum, settings.cluster), (1, 1, 2));
}

/// Nobody is locked out: as many officers must be registered as a value asks for, and must stay.
#[test]
fn a_value_takes_as_many_registered_officers() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut admin = cluster.officer("admin", 1);
    let set = |value| Request::SetQuorumValue { service: Service::User, value };
    assert_eq!(admin.code(set(2)), ReturnCode::ARGUMENTS_BAD);
    cluster.register(&["admin", "olga"]);
    assert_eq!(admin.code(set(3)), ReturnCode::ARGUMENTS_BAD);
    admin.ask(set(2)).unwrap();
    let mut delete = |officer: &str| {
        let data = admin.token(Service::User);
        let request = Request::DeleteUser { role: Role::Admin, user: name(officer) };
        let result = admin.with(vec![approved(&data, &["admin", "olga"])], request);
        admin.ask(Request::DeleteQuorumTokens { all: true }).unwrap();
        result.err().map(|error| error.code)
    };
    assert_eq!(delete("olga"), Some(ReturnCode::ACTION_PROHIBITED));
    assert_eq!(delete("oscar"), None, "no approver");
    cluster.register(&["otto"]);
    assert_eq!(delete("olga"), None, "there are two without her");
}

/// Item 38.
#[test]
fn the_requester_counts_and_everybody_once() {
    let (_cluster, mut officer) = governed(3, 2);
    let data = officer.token(Service::User);
    let too_few =
        |officer: &mut Client, by: &[&str]| refusal(officer.with(vec![approved(&data, by)], create("new")));
    let sentence = |count: usize| {
        format!("Too few quorum approvals: currently {count} approvals, but 3 approvals required")
    };
    assert_eq!(too_few(&mut officer, &["admin"]), sentence(1));
    assert_eq!(too_few(&mut officer, &["admin", "olga"]), sentence(2));
    assert_eq!(too_few(&mut officer, &["olga", "olga", "olga", "admin"]), sentence(2));
    officer.with(vec![approved(&data, &["admin", "olga", "otto"])], create("new")).unwrap();
}

#[test]
fn nobody_signed() {
    let (_cluster, mut officer) = governed(2, 2);
    let data = officer.token(Service::User);
    assert_eq!(
        refusal(officer.with(vec![approved(&data, &[])], create("new"))),
        "No token signatures provided"
    );
}

/// Who isn't registered, isn't an officer, or isn't any more, approves nothing (A31).
#[test]
fn only_registered_officers_approve() {
    let (cluster, mut officer) = governed(2, 2);
    let mut app = cluster.app(5);
    app.register(Role::CryptoUser, "app", signer("app")).unwrap();
    officer.ask(change_password(Role::Admin, "admin", OFFICER)).unwrap();
    let mut officer = cluster.officer("admin", 1);
    let data = officer.token(Service::User);
    for by in [["admin", "app"], ["admin", "other"], ["admin", "spare"]] {
        let forged = vec![approved(&data, &by)];
        assert_eq!(refusal(officer.with(forged, create("new"))), INVALID, "{by:?}");
    }
    // Three good ones and a bad one are refused as a whole.
    let mut approval = approved(&data, &["admin", "olga", "otto", "oscar"]);
    approval.signatures[3].signature = signer("spare").sign(&data);
    assert_eq!(refusal(officer.with(vec![approval], create("new"))), INVALID);
}

#[test]
fn a_removed_approver_or_a_changed_key_doesnt_count() {
    let (cluster, mut officer) = governed(2, 2);
    let data = officer.token(Service::User);
    // Another officer removes olga meanwhile, and otto takes another key.
    let mut oscar = cluster.officer("oscar", 2);
    let theirs = oscar.token(Service::User);
    let delete = Request::DeleteUser { role: Role::Admin, user: name("olga") };
    oscar.with(vec![approved(&theirs, &["oscar", "otto"])], delete).unwrap();
    cluster.officer("otto", 3).register(Role::Admin, "otto", signer("spare")).unwrap();
    for by in [["admin", "olga"], ["admin", "otto"]] {
        assert_eq!(refusal(officer.with(vec![approved(&data, &by)], create("new"))), INVALID);
    }
    let mut approval = approved(&data, &["admin", "otto"]);
    approval.signatures[1].signature = signer("spare").sign(&data);
    officer.with(vec![approval], create("new")).unwrap();
}

/// The value at the time of use counts (A31: "M changed after approval").
#[test]
fn a_value_that_was_raised_holds_for_tokens_that_are_under_way() {
    let (cluster, mut officer) = governed(2, 2);
    let data = officer.token(Service::User);
    let mut olga = cluster.officer("olga", 2);
    let theirs = olga.token(Service::Quorum);
    let raise = Request::SetQuorumValue { service: Service::User, value: 3 };
    olga.with(vec![approved(&theirs, &["olga", "otto"])], raise).unwrap();
    let refused = refusal(officer.with(vec![approved(&data, &["admin", "olga"])], create("new")));
    assert!(refused.starts_with("Too few quorum approvals: currently 2"), "{refused}");
    officer.with(vec![approved(&data, &["admin", "olga", "oscar"])], create("new")).unwrap();
}

/// Item 40.
#[test]
fn a_token_for_one_service_is_none_for_another() {
    let (_cluster, mut officer) = governed(2, 2);
    let set = || Request::SetQuorumValue { service: Service::User, value: 1 };
    let for_user = officer.token(Service::User);
    let for_quorum = officer.token(Service::Quorum);
    let by = ["admin", "olga"];
    let refused = refusal(officer.with(vec![approved(&for_user, &by)], set()));
    assert!(refused.contains("made for the service user"), "{refused}");
    let refused = refusal(officer.with(vec![approved(&for_quorum, &by)], create("new")));
    assert!(refused.contains("made for the service quorum"), "{refused}");
    let both = || vec![approved(&for_quorum, &by), approved(&for_user, &by)];
    officer.with(both(), create("new")).unwrap();
    officer.with(both(), set()).unwrap();
    assert!(officer.tokens().is_empty());
}

/// "single use", on whichever node, at the same moment too.
#[test]
fn a_token_is_used_once_in_the_whole_cluster() {
    let (cluster, mut officer) = governed(2, 2);
    let data = officer.token(Service::User);
    let approval = approved(&data, &["olga", "otto"]);
    let ticket = officer.login(Role::Admin, Some("admin"), OFFICER).unwrap();
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let tries = [0usize, 1, 0, 1].into_iter().enumerate().map(|(number, node)| {
            let (cluster, approval, ticket) = (&cluster, approval.clone(), ticket.clone());
            scope.spawn(move || {
                let mut client = cluster.client(node, 1);
                let attach = Some(strongroom_wire::Attach::Ticket(ticket));
                let extras = strongroom_wire::Extras { approvals: vec![approval], ..Default::default() };
                let envelope = strongroom_wire::Envelope {
                    attach,
                    session: 1,
                    extras: Some(Box::new(extras)),
                    request: create(&format!("new_{number}")),
                };
                let done = client.connection.handle(envelope).result.is_ok();
                (client, done)
            })
        });
        let tries: Vec<_> = tries.collect();
        // No program lets go before all have tried.
        let ended: Vec<_> = tries.into_iter().map(|one| one.join().unwrap()).collect();
        ended.iter().map(|(_, done)| *done).collect()
    });
    assert_eq!(outcomes.iter().filter(|done| **done).count(), 1, "{outcomes:?}");
    let made = officer.users().iter().filter(|user| user.name.as_str().starts_with("new_")).count();
    assert_eq!(made, 1);
    assert_eq!(refusal(officer.with(vec![approval], create("again"))), INVALID);
}

/// A failed operation uses nothing up; a successful one does.
#[test]
fn a_token_is_consumed_on_success_only() {
    let (_cluster, mut officer) = governed(2, 2);
    let data = officer.token(Service::User);
    let approval = || vec![approved(&data, &["admin", "olga"])];
    assert_eq!(officer.with(approval(), create("app")).unwrap_err().code, ReturnCode::ARGUMENTS_BAD);
    assert_eq!(officer.tokens().len(), 1);
    officer.with(approval(), create("new")).unwrap();
    assert!(officer.tokens().is_empty());
}

/// An officer who deletes itself ends its own token by that, once.
#[test]
fn an_officers_own_deletion_ends_its_token() {
    let cluster = cluster(Profile::Standard, 1);
    cluster.govern(2, 2);
    let mut admin = cluster.officer("admin", 1);
    let data = admin.token(Service::User);
    let delete = Request::DeleteUser { role: Role::Admin, user: name("admin") };
    admin.with(vec![approved(&data, &["olga", "otto"])], delete).unwrap();
    assert!(cluster.officer("olga", 2).tokens().is_empty());
}

/// A node that has missed a change of the policy, or of who asks, doesn't decide by what held before.
#[test]
fn a_node_that_lags_behind_decides_nothing_for_the_cluster() {
    let (cluster, mut officer) = governed(1, 1);
    let mine = || OwnKey { public_key: signer("spare").spki.clone(), proof: Vec::new() };
    let mfa = |user: &str, key| Request::ChangeMfa { role: Role::Admin, user: name(user), key };
    for missed in [Key::Policy, Key::User(Role::Admin, name("admin"))] {
        cluster.ledger.missed.lock().push(missed);
        for request in [
            create("new"),
            change_password(Role::CryptoUser, "app", APP),
            Request::DeleteUser { role: Role::CryptoUser, user: name("app") },
            Request::SetQuorumValue { service: Service::User, value: 2 },
            Request::SetQuorumTimeouts { generated: Some(1), approved: None },
            Request::QuorumToken { service: Service::User, key: None },
            Request::RegisterQuorumKey(mine()),
            mfa("admin", Some(mine())),
            mfa("otto", None),
        ] {
            let asked = format!("{request:?}");
            assert_eq!(officer.code(request), ReturnCode::FUNCTION_FAILED, "{asked}");
        }
        cluster.ledger.missed.lock().clear();
    }
    officer.ask(create("new")).unwrap();
}
