//! Making and opening clusters, and what is refused.

use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, Handle, Profile, Role};
use strongroom_node::state::{Expect, Key};
use strongroom_store::{Fault, Snapshot};

use super::{Fixture, content, empty, options, set_user};
use crate::draft::Draft;
use crate::{ClusterError, CreateOptions};

fn refusal(fixture: &Fixture) -> ClusterError {
    fixture.open().err().expect("it was opened")
}

/// The value of a record in a snapshot.
fn value<'a>(snapshot: &'a mut Snapshot, key: &[u8]) -> &'a mut Vec<u8> {
    &mut snapshot.records.iter_mut().find(|(found, _)| found == key).unwrap().1
}

#[test]
fn a_cluster_is_made_by_one_commit_and_opens_as_it_was() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&options()).unwrap();
    let made = cluster.info();
    assert!(made.initialized);
    assert_eq!((made.name.as_str(), made.label.as_str()), ("default", "default"));
    assert_eq!(made.serial.len(), 16);
    let app = "app".parse().unwrap();
    assert_eq!(cluster.nodes()[1].info().default_user, Some(app));
    let keys: Vec<_> = content(&cluster).into_iter().map(|(key, _)| key).collect();
    let admin = Key::User(Role::Admin, "admin".parse().unwrap());
    assert_eq!(keys, [Key::Policy, admin, super::user_key("app")]);
    // One commit makes it, one notes its start.
    assert_eq!(made.revision, 2);

    cluster.set_sockets(|node| strongroom_wire::Member {
        node,
        socket: format!("/s/{}", node.0),
        address: None,
    });
    let members = cluster.nodes()[0].info().members;
    assert_eq!(members.iter().map(|member| member.socket.as_str()).collect::<Vec<_>>(), ["/s/0", "/s/1"]);

    let expected = content(&cluster);
    drop(cluster);
    let opened = fixture.open().unwrap();
    assert_eq!(content(&opened), expected);
    assert_eq!(opened.info().serial, made.serial);
    assert_eq!(opened.nodes().len(), 2);
}

#[test]
fn a_cluster_that_could_not_be_made_isnt_there() {
    let fixture = Fixture::new();
    fixture.store.memory.fail(0, Fault::Full);
    assert!(fixture.create(&empty()).is_err());
    assert!(matches!(refusal(&fixture), ClusterError::Empty));

    let cluster = fixture.create(&empty()).unwrap();
    assert!(!cluster.info().initialized);
    drop(cluster);
    assert!(matches!(fixture.create(&empty()), Err(ClusterError::Exists)));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let password = || Some(Blob::from(*b"password"));
    let user = |name: &str, password: &[u8]| (name.parse().unwrap(), Blob::from(password));
    let wrong = [
        CreateOptions { name: String::new(), ..options() },
        CreateOptions { name: "x".repeat(33), ..options() },
        CreateOptions { name: "../up".to_owned(), ..options() },
        CreateOptions { name: "-dash".to_owned(), ..options() },
        CreateOptions { name: "a.witness".to_owned(), ..options() },
        CreateOptions { nodes: 0, ..options() },
        CreateOptions { nodes: 29, ..options() },
        CreateOptions { officer_password: None, ..options() },
        CreateOptions { officer_password: password(), ..empty() },
        CreateOptions { officer_password: Some(Blob::from(*b"abc")), ..options() },
        CreateOptions {
            profile: Profile::CloudHsm,
            officer_password: Some(Blob::from(*b"123456")),
            ..options()
        },
        CreateOptions { crypto_users: vec![user("app", b"password")], ..empty() },
        CreateOptions { crypto_users: vec![user("app", &[b'x'; 256])], ..options() },
        CreateOptions { crypto_users: vec![user("a", b"password"), user("A", b"password")], ..options() },
    ];
    for options in wrong {
        let fixture = Fixture::new();
        assert!(matches!(fixture.create(&options), Err(ClusterError::Options(_))), "{}", options.name);
        assert!(matches!(refusal(&fixture), ClusterError::Empty));
    }
}

#[test]
fn another_root_key_is_refused() {
    let fixture = Fixture::new();
    fixture.create(&empty()).unwrap();
    let error = fixture.open_under(&SealingKey::generate()).err().unwrap();
    assert!(matches!(error, ClusterError::OtherRoot), "{error}");
    assert!(error.to_string().contains("root.key"), "{error}");
}

#[test]
fn records_that_were_tampered_with_are_refused() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    cluster.ledger.commit(set_user("a", Expect::Absent)).unwrap();
    cluster.ledger.commit(set_user("b", Expect::Absent)).unwrap();
    let earlier = fixture.store.value(b"uca");
    cluster.ledger.commit(set_user("a", Expect::Anything)).unwrap();
    drop(cluster);

    let other = Fixture::new();
    other.create(&empty()).unwrap().ledger.commit(set_user("a", Expect::Absent)).unwrap();
    let foreign = other.store.value(b"uca");

    type Tamper = Box<dyn Fn(&mut Snapshot) + Send>;
    let cases: [(&str, Tamper); 7] = [
        (
            "swapped",
            Box::new(|snapshot| {
                let b = value(snapshot, b"ucb").clone();
                let a = std::mem::replace(value(snapshot, b"uca"), b);
                *value(snapshot, b"ucb") = a;
            }),
        ),
        ("changed", Box::new(|snapshot| value(snapshot, b"uca")[20] ^= 1)),
        ("foreign", Box::new(move |snapshot| *value(snapshot, b"uca") = foreign.clone())),
        ("put back", Box::new(move |snapshot| *value(snapshot, b"uca") = earlier.clone())),
        ("taken away", Box::new(|snapshot| snapshot.records.retain(|(key, _)| key != b"ucb"))),
        ("all older", Box::new(|snapshot| snapshot.revision += 1)),
        ("no state", Box::new(|snapshot| snapshot.records.retain(|(key, _)| key != b"m/state"))),
    ];
    for (case, tamper) in cases {
        fixture.store.edit(tamper);
        let error = refusal(&fixture);
        assert!(matches!(error, ClusterError::Damaged { .. }), "{case}: {error}");
        let sentence = error.to_string();
        assert!(sentence.contains("cluster default") && sentence.contains("backup"), "{case}: {sentence}");
    }
    fixture.store.edit(|_| {});
    fixture.open().unwrap();
}

#[test]
fn damage_is_told_with_the_kind_of_record() {
    let fixture = Fixture::new();
    fixture.create(&options()).unwrap();
    let kinds: [(&[u8], &str); 4] = [
        (b"p", "the policy"),
        (b"uaadmin", "a crypto officer's record"),
        (b"ucapp", "a crypto user's record"),
        (b"m/handles", "the count of handles"),
    ];
    for (key, kind) in kinds {
        fixture.store.edit(move |snapshot| *value(snapshot, key).last_mut().unwrap() ^= 1);
        let sentence = refusal(&fixture).to_string();
        assert!(sentence.contains(kind), "{sentence}");
    }
}

#[test]
fn data_of_a_later_version_is_left_alone() {
    let fixture = Fixture::new();
    fixture.create(&options()).unwrap();
    for key in [b"m/meta".as_slice(), b"ucapp"] {
        fixture.store.edit(move |snapshot| value(snapshot, key)[0] = 9);
        let error = refusal(&fixture);
        assert!(matches!(error, ClusterError::Format { found: 9, .. }), "{error}");
    }
}

#[test]
fn a_cluster_starts_only_as_often_as_handles_last() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    cluster.ledger.start(Handle::MAX_BOOTS - 1, Draft::default()).unwrap();
    drop(cluster);
    fixture.open().unwrap();
    assert!(matches!(refusal(&fixture), ClusterError::WornOut { .. }));
}
