//! Approvals, keys and answers that are forged, cut, edited or too many.

use strongroom_model::{Blob, Profile, ReturnCode, Role, Service, limits};
use strongroom_wire::{Approval, ChallengeKind, OwnKey, Request, Signature, SignedChallenge};

use crate::common::Client;
use crate::people::{approved, create, name, new_signer, signer};
use crate::world::{Cluster, cluster};

fn governed() -> (Cluster, Client, Blob) {
    let cluster = cluster(Profile::CloudHsm, 3);
    cluster.govern(2, 2);
    let mut officer = cluster.officer("admin", 1);
    let data = officer.token(Service::User);
    (cluster, officer, data)
}

/// Data that is cut, has its parts in another order, or a bit changed, is another token's: nobody's.
#[test]
fn data_that_was_touched_is_no_token() {
    let (_cluster, mut officer, data) = governed();
    let by = ["admin", "olga"];
    let mut touched: Vec<Vec<u8>> = vec![
        Vec::new(),
        data[..80].to_vec(),
        data[..239].to_vec(),
        data[80..].to_vec(),
        [&data[80..160], &data[..80], &data[160..]].concat(),
        [&data[..], &data[..80]].concat(),
        [&data[..], &[0]].concat(),
        vec![0; 80 * (limits::MAX_NODES + 1)],
    ];
    touched.extend((0..data.len()).map(|at| {
        let mut edited = data.to_vec();
        edited[at] ^= 0x40;
        edited
    }));
    for data in touched {
        // Signed anew, so that it's the token that is missed; and with the signatures of the true one.
        let data = Blob::from(data);
        let refused = officer.with(vec![approved(&data, &by)], create("new")).unwrap_err();
        assert_eq!(refused.code, ReturnCode::FUNCTION_REJECTED, "{refused}");
        assert!(
            refused.message == "InvalidQuorumSignature"
                || refused.message == "Invalid username-signature pair for quorum authorization"
        );
    }
    officer.with(vec![approved(&data, &by)], create("new")).unwrap();
}

#[test]
fn signatures_that_were_touched_approve_nothing() {
    let (_cluster, mut officer, data) = governed();
    let good = || approved(&data, &["admin", "olga"]);
    let invalid = |officer: &mut Client, approval: Approval| {
        let refused = officer.with(vec![approval], create("new")).unwrap_err();
        assert_eq!(refused.message, "Invalid username-signature pair for quorum authorization");
    };
    let mut edited = good();
    edited.signatures[1].signature[100] ^= 1;
    invalid(&mut officer, edited);
    let mut cut = good();
    cut.signatures[1].signature.truncate(255);
    invalid(&mut officer, cut);
    let mut empty = good();
    empty.signatures[1].signature = Blob::new();
    invalid(&mut officer, empty);
    let mut huge = good();
    huge.signatures[1].signature = Blob::zeroed(1 << 20);
    invalid(&mut officer, huge);
    let mut swapped = good();
    swapped.signatures[0].user = name("olga");
    swapped.signatures[1].user = name("admin");
    invalid(&mut officer, swapped);
    let mut foreign = good();
    foreign.signatures[1].signature = signer("olga").sign(b"another token");
    invalid(&mut officer, foreign);
    let mut role = good();
    role.signatures[1].role = Some(Role::CryptoUser);
    invalid(&mut officer, role);
    let mut roles = good();
    roles.signatures.iter_mut().for_each(|signature| signature.role = Some(Role::Admin));
    officer.with(vec![roles], create("new")).unwrap();
}

/// Work is bounded: signatures are many before they're looked at.
#[test]
fn too_many_signatures_and_approvals_are_refused() {
    let (_cluster, mut officer, data) = governed();
    let mut approval = approved(&data, &["admin", "olga"]);
    let one: Signature = approval.signatures[0].clone();
    approval.signatures.extend(std::iter::repeat_n(one, 63));
    let refused = officer.with(vec![approval], create("new")).unwrap_err();
    assert_eq!(refused.message, "InvalidQuorumSignature");
    let many = vec![approved(&data, &["admin", "olga"]); 9];
    let refused = officer.with(many, create("new")).unwrap_err();
    assert_eq!(refused.message, "InvalidQuorumSignature");
}

/// Only RSA-2048, as SubjectPublicKeyInfo, nobody else's (cloudhsm.md 2.5).
#[test]
fn keys_that_cant_be_registered() {
    let cluster = cluster(Profile::CloudHsm, 1);
    cluster.register(&["olga"]);
    let mut admin = cluster.officer("admin", 1);
    let refused = |admin: &mut Client, own: OwnKey| {
        let error = admin.ask(Request::RegisterQuorumKey(own)).unwrap_err();
        assert_eq!(error.code, ReturnCode::ARGUMENTS_BAD, "{error}");
        error.message
    };
    let theirs = admin.own_key(Role::Admin, "admin", signer("olga"));
    assert!(refused(&mut admin, theirs).contains("another user has registered this key"));
    for bits in [1024, 3072] {
        let own = admin.own_key(Role::Admin, "admin", &new_signer(bits));
        assert!(refused(&mut admin, own).contains("2048 bits"));
    }
    let good = admin.own_key(Role::Admin, "admin", signer("admin"));
    for len in [0, 1, 100, good.public_key.len() - 1] {
        let mut own = good.clone();
        own.public_key.truncate(len);
        refused(&mut admin, own);
    }
    let mut longer = good.clone();
    longer.public_key.extend(&[0]);
    refused(&mut admin, longer);
    admin.ask(Request::RegisterQuorumKey(good)).unwrap();
}

/// A challenge is good for one user, one program, one node, one purpose, 600 seconds, and once.
#[test]
fn challenges_that_prove_nothing() {
    let cluster = cluster(Profile::CloudHsm, 2);
    let mut admin = cluster.officer("admin", 1);
    let key = signer("admin");
    let prove = |client: &mut Client, data: Blob| {
        let signature = key.sign(&data);
        let proof = vec![SignedChallenge { data, signature }];
        client.code(Request::RegisterQuorumKey(OwnKey { public_key: key.spki.clone(), proof }))
    };
    let registration = ChallengeKind::Registration;
    let invalid = ReturnCode::SIGNATURE_INVALID;
    assert_eq!(prove(&mut admin, Blob::from([0; 80])), invalid, "nobody's");
    assert_eq!(prove(&mut admin, Blob::from(*b"short")), invalid);
    let other_purpose = admin.challenge(ChallengeKind::Login, Role::Admin, "admin");
    assert_eq!(prove(&mut admin, other_purpose), invalid, "for a login");
    let other_program = cluster.officer("admin", 2).challenge(registration, Role::Admin, "admin");
    assert_eq!(prove(&mut admin, other_program), invalid, "another program's");
    let other_user = cluster.officer("olga", 1).challenge(registration, Role::Admin, "olga");
    assert_eq!(prove(&mut admin, other_user), invalid, "another user's");
    let mut elsewhere = cluster.client(1, 1);
    elsewhere.login(Role::Admin, Some("admin"), crate::common::OFFICER).unwrap();
    let other_node = elsewhere.challenge(registration, Role::Admin, "admin");
    assert_eq!(prove(&mut admin, other_node.clone()), invalid, "another node's");
    assert_eq!(prove(&mut elsewhere, other_node), ReturnCode::OK, "it's good there");
    let mut edited = admin.challenge(registration, Role::Admin, "admin");
    edited[70] ^= 1;
    assert_eq!(prove(&mut admin, edited), invalid, "edited");
    let old = admin.challenge(registration, Role::Admin, "admin");
    cluster.pass(600);
    assert_eq!(prove(&mut admin, old), invalid, "too old");
    let good = admin.challenge(registration, Role::Admin, "admin");
    let own = OwnKey {
        public_key: key.spki.clone(),
        proof: vec![SignedChallenge { data: good.clone(), signature: signer("olga").sign(&good) }],
    };
    assert_eq!(admin.code(Request::RegisterQuorumKey(own)), invalid, "by another key");
    let none = OwnKey { public_key: key.spki.clone(), proof: Vec::new() };
    assert_eq!(admin.code(Request::RegisterQuorumKey(none)), invalid);
    cluster.pass(599);
    assert_eq!(prove(&mut admin, good.clone()), ReturnCode::OK);
    assert_eq!(prove(&mut admin, good), invalid, "once");
}

/// The file of the vendor's tool has one challenge per node; each node looks for its own.
#[test]
fn one_answered_challenge_of_the_node_is_enough() {
    let cluster = cluster(Profile::CloudHsm, 3);
    let mut admin = cluster.officer("admin", 1);
    let key = signer("admin");
    let mut proof: Vec<SignedChallenge> = (0..3)
        .rev()
        .map(|node| {
            let mut client = cluster.client(node, 1);
            client.login(Role::Admin, Some("admin"), crate::common::OFFICER).unwrap();
            let data = client.challenge(ChallengeKind::Registration, Role::Admin, "admin");
            let signature = key.sign(&data);
            SignedChallenge { data, signature }
        })
        .collect();
    proof[0].signature = Blob::new();
    admin.ask(Request::RegisterQuorumKey(OwnKey { public_key: key.spki.clone(), proof })).unwrap();
    assert!(admin.user("admin").quorum);
}
