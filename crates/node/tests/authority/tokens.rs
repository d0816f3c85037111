//! Quorum tokens from their making to their end (cloudhsm.md 3.2, 3.4; items 33, 36, 37, 39, 41, 42).

use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Handle, Profile, ReturnCode, Role, Service, limits,
};
use strongroom_node::state::{Change, Expect, Key, QuorumToken, Record};
use strongroom_wire::{QuorumSettings, Request, Response};

use crate::common::{APP, OFFICER};
use crate::world::{approved, cluster, create, name};

const REPLAYED: &str = "Invalid username-signature pair for quorum authorization";

/// Item 39, and the layout of cloudhsm.md 3.4.
#[test]
fn approval_data_has_eighty_bytes_for_each_node() {
    for nodes in [1, 3] {
        let cluster = cluster(Profile::CloudHsm, nodes);
        let mut olga = cluster.officer("olga", 1);
        let data = olga.token(Service::User);
        assert_eq!(data.len(), 80 * nodes);
        for part in data.chunks(80) {
            assert_eq!(part[..4], [0, 1, 0, 3]);
            assert_eq!(part[8..16], [0; 8]);
            assert_eq!(part[32..64], *b"olga\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
            assert_eq!(part[64..72], 1_700_000_000u64.to_be_bytes());
            assert_eq!(part[72..], [0; 8]);
        }
        let distinct: std::collections::BTreeSet<_> =
            data.chunks(80).map(|part| [&part[4..8], &part[16..32]].concat()).collect();
        assert_eq!(distinct.len(), nodes, "token id and nonce differ from node to node");
        let key = Key::Token(Sha256::digest(data.as_slice()).into());
        assert!(cluster.ledger.read(|state| state.get(&key)).is_some(), "found by its SHA-256");
    }
}

#[test]
fn a_key_token_has_service_and_handle_in_it() {
    let cluster = cluster(Profile::Standard, 1);
    let (key, mut app) = guarded_key(&cluster);
    for (service, number) in [(Service::KeyUsage, 7), (Service::KeyManagement, 6)] {
        let data = app.bytes(Request::QuorumToken { service, key: Some(key) });
        assert_eq!(data[2..4], [0, number]);
        assert_eq!(data[8..16], key.0.to_be_bytes());
    }
}

/// Item 36: one token for a service of officers, any number for keys.
#[test]
fn a_second_token_for_a_service_fails_while_one_lives() {
    let cluster = cluster(Profile::Standard, 1);
    let mut officer = cluster.officer("admin", 1);
    for service in [Service::User, Service::Quorum, Service::Cluster] {
        officer.token(service);
        let again = officer.ask(Request::QuorumToken { service, key: None }).unwrap_err();
        assert_eq!(again.code, ReturnCode::FUNCTION_REJECTED);
        let elsewhere = cluster.officer("admin", 2).code(Request::QuorumToken { service, key: None });
        assert_eq!(elsewhere, ReturnCode::FUNCTION_REJECTED, "in another program neither");
    }
    cluster.officer("olga", 3).token(Service::User);
    cluster.pass(600);
    officer.token(Service::User);
    let (key, mut app) = guarded_key(&cluster);
    for _ in 0..3 {
        app.bytes(Request::QuorumToken { service: Service::KeyUsage, key: Some(key) });
    }
    assert_eq!(app.tokens().len(), 3);
}

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

/// Item 42.
#[test]
fn tokens_are_listed_and_deleted() {
    let cluster = cluster(Profile::Standard, 2);
    cluster.register(&["admin", "olga"]);
    let (mut admin, mut olga) = (cluster.officer("admin", 1), cluster.officer("olga", 2));
    let (key, mut app) = guarded_key(&cluster);
    admin.token(Service::User);
    cluster.pass(10);
    olga.token(Service::Quorum);
    app.bytes(Request::QuorumToken { service: Service::KeyManagement, key: Some(key) });
    let listed = admin.tokens();
    let rows: Vec<_> = listed
        .iter()
        .map(|token| (token.user.as_str(), token.service, token.key, token.required, token.seconds_left))
        .collect();
    assert_eq!(
        rows,
        [
            ("admin", Service::User, None, 1, 590),
            ("olga", Service::Quorum, None, 1, 600),
            ("app", Service::KeyManagement, Some(key), 2, 600),
        ]
    );
    assert_eq!(app.tokens().len(), 1, "crypto users see their own");
    olga.ask(Request::DeleteQuorumTokens { all: false }).unwrap();
    assert_eq!(admin.tokens().len(), 2);
    assert_eq!(app.code(Request::DeleteQuorumTokens { all: true }), ReturnCode::USER_NOT_LOGGED_IN);
    olga.ask(Request::DeleteQuorumTokens { all: true }).unwrap();
    assert!(admin.tokens().is_empty() && app.tokens().is_empty());
}

#[test]
fn a_password_change_and_a_deletion_end_the_users_tokens() {
    let cluster = cluster(Profile::Standard, 1);
    let mut admin = cluster.officer("admin", 1);
    let mut olga = cluster.officer("olga", 2);
    olga.token(Service::User);
    admin.ask(crate::world::change_password(Role::Admin, "olga", OFFICER)).unwrap();
    assert!(admin.tokens().is_empty());
    olga.login(Role::Admin, Some("olga"), OFFICER).unwrap();
    olga.token(Service::User);
    admin.ask(Request::DeleteUser { role: Role::Admin, user: name("olga") }).unwrap();
    assert!(admin.tokens().is_empty());
}

#[test]
fn tokens_are_for_what_there_is() {
    let cluster = cluster(Profile::Standard, 1);
    let (key, mut app) = guarded_key(&cluster);
    let plain = app.aes(Attributes::new().with(A::TOKEN, true));
    let mut officer = cluster.officer("admin", 2);
    let mut other = cluster.client(0, 3);
    other.login(Role::CryptoUser, Some("other"), crate::common::OTHER).unwrap();
    let ask = |service, key| Request::QuorumToken { service, key };
    assert_eq!(officer.code(ask(Service::User, Some(key))), ReturnCode::ARGUMENTS_BAD);
    assert_eq!(app.code(ask(Service::KeyUsage, None)), ReturnCode::ARGUMENTS_BAD);
    assert_eq!(app.code(ask(Service::KeyUsage, Some(plain))), ReturnCode::ARGUMENTS_BAD);
    assert_eq!(app.code(ask(Service::KeyUsage, Some(Handle(9999)))), ReturnCode::OBJECT_HANDLE_INVALID);
    assert_eq!(other.code(ask(Service::KeyUsage, Some(plain))), ReturnCode::OBJECT_HANDLE_INVALID);
    assert_eq!(other.code(ask(Service::KeyUsage, Some(key))), ReturnCode::OK, "it's shared");
}

/// Items 29 and 33: the defaults, which anybody may list; and what isn't a value.
#[test]
fn settings_have_defaults_and_limits() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut nobody = cluster.client(0, 9);
    let defaults = QuorumSettings { user: 1, quorum: 1, cluster: 1, generated: 600, approved: 600 };
    assert_eq!(nobody.settings(), defaults);
    cluster.register(&["admin", "olga", "otto"]);
    let mut admin = cluster.officer("admin", 1);
    for value in [0, 9, 255] {
        let refused = admin.ask(Request::SetQuorumValue { service: Service::User, value }).unwrap_err();
        assert_eq!(refused.message, "Invalid quorum value provided.");
    }
    for service in [Service::KeyUsage, Service::KeyManagement] {
        assert_eq!(admin.code(Request::SetQuorumValue { service, value: 2 }), ReturnCode::ARGUMENTS_BAD);
    }
    let timeouts = |generated, approved| Request::SetQuorumTimeouts { generated, approved };
    for bad in [timeouts(Some(0), None), timeouts(None, Some(86_401))] {
        assert_eq!(admin.code(bad), ReturnCode::ARGUMENTS_BAD);
    }
    admin.ask(timeouts(Some(30), None)).unwrap();
    admin.ask(timeouts(None, Some(40))).unwrap();
    assert_eq!(nobody.settings(), QuorumSettings { generated: 30, approved: 40, ..defaults });
    admin.token(Service::User);
    cluster.pass(30);
    assert!(admin.tokens().is_empty());
    assert_eq!(admin.code(Request::SetQuorumValue { service: Service::User, value: 3 }), ReturnCode::OK);
}

/// A key that takes two to use and two to manage, shared with `other`, and its owner.
fn guarded_key(cluster: &crate::world::Cluster) -> (Handle, crate::common::Client) {
    use strongroom_wire::{Envelope, Extras};
    let mut app = cluster.client(0, 77);
    app.login(Role::CryptoUser, Some("app"), APP).unwrap();
    let terms =
        strongroom_model::KeyTerms { share_with: vec![name("other")], manage_quorum: 2, use_quorum: 2 };
    let request = Request::GenerateKey {
        mechanism: strongroom_model::Mechanism::plain(strongroom_model::MechanismType::AES_KEY_GEN),
        template: Attributes::new().with(A::TOKEN, true).with(A::VALUE_LEN, 32),
    };
    let extras = Some(Box::new(Extras { terms, ..Extras::default() }));
    let reply = app.connection.handle(Envelope { attach: None, session: 1, extras, request });
    match reply.result {
        Ok(Response::Object(info)) => (info.handle, app),
        other => panic!("{other:?}"),
    }
}

/// A blob of no token's.
#[test]
fn nothing_is_found_by_data_that_nobody_drew() {
    let cluster = cluster(Profile::CloudHsm, 1);
    cluster.govern(2, 2);
    let mut officer = cluster.officer("admin", 1);
    let made_up = Blob::from([7; 80]);
    let refused = officer.with(vec![approved(&made_up, &["admin", "olga"])], create("late")).unwrap_err();
    assert_eq!(refused.message, REPLAYED);
}
