//! Quorum tokens from their making to their end (cloudhsm.md 3.2, 3.4; items 33, 36, 37, 39, 41, 42).

use sha2::{Digest, Sha256};
use strongroom_model::{AttributeType as A, Attributes, Blob, Handle, Profile, ReturnCode, Role, Service};
use strongroom_node::state::Key;
use strongroom_wire::{QuorumSettings, Request, Response};

use crate::common::APP;
use crate::people::{approved, create, name};
use crate::world::cluster;

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
