//! Rows of attacks.md about users, owners and quorums, by the command line and through the module: A19, A28, A29 and A32. Others are
//! shown elsewhere: A30 in `sharing`, A31 in `quorum_rules` and `tests/transcripts/approvals.txt`, A34 and A35 in `failover`, A40 in
//! `secrecy`, `bad_input` and `tests/transcripts/second_factor.txt`.

use std::time::{Duration, Instant};

use cryptoki_sys::*;
use serde_json::Value;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::conversation::{Approver, Conversation};
use strongroom_tests::raw::{Mechanism, P256, Raw, Rv, Session, Template, Word};

fn two(profile: &str) -> Cluster {
    let people = Cluster::builder().officer_password("officers-secret").crypto_user("alice", "alices-secret");
    people.crypto_user("bob", "bobs-secret").crypto_user("carol", "carols-secret").profile(profile).start()
}

fn user(cluster: &Cluster, name: &str) -> Conversation {
    Conversation::of(cluster, cluster.folder(), "crypto-user", name, &format!("{name}s-secret"))
}

fn officer(cluster: &Cluster) -> Conversation {
    Conversation::of(cluster, cluster.folder(), "admin", "admin", "officers-secret")
}

/// What `user list` says of somebody.
fn locked(officer: &mut Conversation, name: &str) -> String {
    let users = officer.must("user list");
    let users = users["users"].as_array().expect("users").iter();
    let found = users.filter(|user| user["username"] == name).collect::<Vec<_>>();
    found[0]["locked"].as_str().expect("a word").into()
}

/// A19: wrong PINs, one after the other. Ten lock a user under `standard` and `strict`, wherever they arrive; under `cloudhsm` six on
/// each node. Nobody else is locked, and only an officer helps.
#[test]
fn wrong_pins_lock_their_user() {
    fn guess(profile: &str, most: usize) {
        let mut cluster = two(profile);
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        let mut wrong = 0;
        while session.login("alice:wrong-secret") == Err(ReturnCode::PIN_INCORRECT) {
            wrong += 1;
            assert!(wrong <= most, "{profile}: {wrong} guesses");
        }
        assert!(wrong >= 6, "{profile}: locked after {wrong} guesses");
        // The right one doesn't help any more.
        for _ in 0..4 {
            assert_eq!(session.login("alice:alices-secret"), Err(ReturnCode::PIN_LOCKED), "{profile}");
        }
        let mut admin = officer(&cluster);
        // Under `cloudhsm` a node that wasn't asked goes on accepting her (item 22).
        let said = if profile == "cloudhsm" { "inconsistent" } else { "true" };
        assert_eq!(locked(&mut admin, "alice"), said, "{profile}");
        assert_eq!(locked(&mut admin, "bob"), "false", "{profile}");
        session.login("bob:bobs-secret").expect("bob's login");
        session.logout().expect("C_Logout");
        drop(admin);

        raw.finalize().expect("C_Finalize");
        cluster.kill();
        cluster.start_again();
        raw.initialize().expect("C_Initialize");
        let session = raw.open().expect("C_OpenSession");
        let mut admin = officer(&cluster);
        assert_eq!(locked(&mut admin, "alice"), said, "{profile}: after the daemon was killed");
        if profile != "cloudhsm" {
            assert_eq!(session.login("alice:alices-secret"), Err(ReturnCode::PIN_LOCKED), "{profile}");
        }
        admin.must("user change-password --username alice --role crypto-user --password other-secret");
        assert_eq!(locked(&mut admin, "alice"), "false", "{profile}");
        session.login("alice:other-secret").expect("alice's login");
        raw.finalize().expect("C_Finalize");
    }
    alone(|| {
        for (profile, most) in [("standard", 10), ("strict", 10), ("cloudhsm", 12)] {
            guess(profile, most);
        }
    });
}

/// A28 and A29 by the command line: to a stranger a key isn't there, under its reference or any filter; a sharee uses it and
/// nothing else.
#[test]
fn a_stranger_finds_nothing_and_a_sharee_uses_only() {
    for profile in ["standard", "strict", "cloudhsm"] {
        let cluster = two(profile);
        let (mut alice, mut bob) = (user(&cluster, "alice"), user(&cluster, "bob"));
        let made = alice.must(
            "key generate-asymmetric-pair ec --public-label pay --private-label pay --curve secp256r1 \
             --public-attributes verify=true --private-attributes sign=true",
        );
        let [public, private] = ["public_key", "private_key"].map(|half| {
            format!("key-reference={}", made[half]["key-reference"].as_str().expect("a reference"))
        });
        // Under strict a key that wraps does nothing else.
        bob.must(
            "key generate-symmetric aes --label kek --key-length-bytes 32 \
             --attributes wrap=true sign=false verify=false extractable=false",
        );
        let commands = |key: &str| {
            [
                format!("key list --filter {key}"),
                format!("key list --verbose --filter {key} attr.label=pay"),
                format!("crypto sign ecdsa --key-filter {key} --hash-function sha256 --data eA=="),
                format!("key wrap aes-zero-pad --payload-filter {key} --wrapping-filter attr.label=kek"),
                format!("key set-attribute --filter {key} --name label --value bobs"),
                format!("key share --filter {key} --username bob --role crypto-user"),
                format!("key unshare --filter {key} --username bob --role crypto-user"),
                format!("key replicate --filter {key}"),
                format!("key generate-file --encoding reference-pem --path bobs.pem --filter {key}"),
                format!("quorum token-sign generate --service key-usage --token bobs.json --filter {key}"),
                format!("key delete --filter {key}"),
            ]
        };
        let absent = bob.say_all(&commands("key-reference=0x00000000000f4240"));
        assert!(absent[2..].iter().all(Result::is_err), "{absent:?}");
        assert_eq!(bob.say_all(&commands(&private)), absent, "{profile}");

        alice.must(&format!("key share --filter {private} --username bob --role crypto-user"));
        for (place, answer) in bob.say_all(&commands(&private)).into_iter().enumerate() {
            match place {
                // Looking, using, and seeing whether it's everywhere; and where it is.
                0..=2 | 7 | 8 => {
                    drop(answer.unwrap_or_else(|refusal| panic!("{profile}, {place}: {refusal}")))
                }
                9 => assert!(answer.unwrap_err().contains("needs no token")),
                _ => {
                    let refused = answer.unwrap_err();
                    assert!(refused.contains("only the object's owner may do this"), "{profile}: {refused}");
                }
            }
        }
        alice.must(&format!("key unshare --filter {private} --username bob --role crypto-user"));
        let mut again = bob.say_all(&commands(&private));
        again[8] = absent[8].clone();
        assert_eq!(again, absent, "{profile}: after unsharing");

        // Public keys are everybody's to use, and nobody's to share.
        for name in ["alice", "bob"] {
            let words = format!("key share --filter {public} --username {name} --role crypto-user");
            let refused = alice.fails(&words);
            assert!(refused.contains("public keys are for every crypto user"), "{profile}: {refused}");
        }
    }
}

/// How often each handle is asked for in a round.
const ASKED: usize = 1500;
/// How many rounds there are; one is enough that shows no difference, since a real one would show in each.
const ROUNDS: usize = 6;

/// The median time of a call with one handle, and with another, asked for in turn.
fn medians(
    handles: [CK_OBJECT_HANDLE; 2],
    ask: impl Fn(CK_OBJECT_HANDLE) -> Rv<()>,
    refused: ReturnCode,
) -> [Duration; 2] {
    let mut times = [Vec::with_capacity(ASKED), Vec::with_capacity(ASKED)];
    for turn in 0..2 * ASKED {
        // Not always the same one first.
        let which = (turn ^ (turn >> 1)) & 1;
        let begun = Instant::now();
        let outcome = ask(handles[which]);
        times[which].push(begun.elapsed());
        assert_eq!(outcome, Err(refused));
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

/// A28: to a stranger, a handle that is somebody's takes as long as one that's nobody's. The medians of 1,500 calls each, made in
/// turn, differ by at most 2 us and a twentieth in some of six rounds; what a node does for a key that it finds, from unsealing
/// it to an EC operation, takes ten times that.
#[test]
fn a_hidden_handle_takes_as_long_as_none() {
    alone(|| {
        for profile in ["standard", "cloudhsm"] {
            let cluster = two(profile);
            let raw = Raw::start(&cluster);
            let session = raw.open().expect("C_OpenSession");
            session.login(cluster.pin_of("alice")).expect("alice's login");
            let pair = session.p256(true, "hers").expect("a pair");
            let secret = session.aes(true, "hers").expect("a key");
            let gone = session.aes(true, "gone").expect("a key");
            session.destroy(gone).expect("C_DestroyObject");
            session.logout().expect("C_Logout");
            session.login(cluster.pin_of("bob")).expect("bob's login");
            let sign = |key| session.sign_init(&Mechanism::plain(CKM_ECDSA), key);
            let encrypt = |key| session.encrypt_init(&Mechanism::plain(CKM_AES_ECB), key);
            let read = |key| session.attribute(key, CKA_LABEL).map(drop);
            let destroy = |key| session.destroy(key);
            type Ask<'a> = &'a dyn Fn(CK_OBJECT_HANDLE) -> Rv<()>;
            let calls: [(&str, CK_OBJECT_HANDLE, Ask<'_>, ReturnCode); 4] = [
                ("C_SignInit", pair.private, &sign, ReturnCode::KEY_HANDLE_INVALID),
                ("C_EncryptInit", secret, &encrypt, ReturnCode::KEY_HANDLE_INVALID),
                ("C_GetAttributeValue", pair.private, &read, ReturnCode::OBJECT_HANDLE_INVALID),
                ("C_DestroyObject", secret, &destroy, ReturnCode::OBJECT_HANDLE_INVALID),
            ];
            for (name, hidden, ask, refused) in calls {
                let mut seen = Vec::new();
                let alike = (0..ROUNDS).any(|_| {
                    let [hers, nobodys] = medians([hidden, gone], ask, refused);
                    seen.push((hers, nobodys));
                    hers.abs_diff(nobodys) <= Duration::from_micros(2) + nobodys / 20
                });
                eprintln!("{profile}: {name}: hers and nobody's {seen:?}");
                assert!(alike, "{profile}: {name} tells by its time: {seen:?}");
            }
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// A32, by derivation: whatever is derived from a guarded key through the module takes its quorum, for the session as on the token.
#[test]
fn nothing_is_derived_round_a_keys_quorum() {
    alone(|| {
        for profile in ["standard", "cloudhsm"] {
            let cluster = two(profile);
            let mut alice = user(&cluster, "alice");
            let values = "--share-crypto-users bob";
            let made = alice.must(&format!(
                "key generate-asymmetric-pair ec --curve secp256r1 --public-label guarded --private-label guarded \
                 --private-attributes derive=true sign=true {values} --manage-private-key-quorum-value 2 \
                 --use-private-key-quorum-value 2"
            ));
            let reference = |key: &Value| {
                let text = key["key-reference"].as_str().expect("a reference");
                u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
            };
            let private = reference(&made["private_key"]);
            let made = alice.must(&format!(
                "key generate-symmetric aes --label guarded --key-length-bytes 32 --attributes derive=true encrypt=true {values} \
                 --manage-key-quorum-value 2 --use-key-quorum-value 2"
            ));
            let secret = reference(&made["key"]);
            let raw = Raw::start(&cluster);
            for name in ["alice", "bob"] {
                let session = raw.open().expect("C_OpenSession");
                session.login(cluster.pin_of(name)).expect("a login");
                // The same works with a key of one's own.
                let free = session.generate_pair(
                    CKM_EC_KEY_PAIR_GEN,
                    &Template::new().bytes(CKA_EC_PARAMS, P256),
                    &Template::new().may(&[CKA_DERIVE]),
                );
                let free = free.expect("a pair");
                let point = session.attribute(free.public, CKA_EC_POINT).expect("a point");
                // A KDF that every profile has.
                let agreement = Mechanism::ecdh(CKD_SHA256_KDF, &point[2..]);
                assert!(
                    session.derive(&agreement, free.private, &derived(false)).is_ok(),
                    "{profile}: {name}"
                );
                let before = visible(&session);
                for token in [false, true] {
                    // Into a session nothing is derived from such a key at all: it would be nobody else's to approve.
                    let code =
                        if token { ReturnCode::FUNCTION_REJECTED } else { ReturnCode::ACTION_PROHIBITED };
                    let refused = session.derive(&agreement, private, &derived(token));
                    assert_eq!(refused, Err(code), "{profile}: {name}, token: {token}");
                    for kind in
                        [CKM_AES_ECB_ENCRYPT_DATA, CKM_SHA256_KEY_DERIVATION, CKM_CONCATENATE_BASE_AND_DATA]
                    {
                        let data = [1u8; 32];
                        let mechanism = Mechanism::structured(
                            kind,
                            &[Word::Pointer(&data), Word::Number(data.len() as u64)],
                        );
                        assert!(
                            session.derive(&mechanism, secret, &derived(token)).is_err(),
                            "{profile}: {kind:#x}"
                        );
                    }
                }
                assert_eq!(visible(&session), before, "{profile}: {name}");
                session.logout().expect("C_Logout");
                session.close().expect("C_CloseSession");
            }
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// A key that its owner could take out.
fn derived(token: bool) -> Template {
    let template = Template::key(CKO_SECRET_KEY, CKK_AES).number(CKA_VALUE_LEN, 32).flag(CKA_TOKEN, token);
    template.flag(CKA_SENSITIVE, false).may(&[CKA_EXTRACTABLE, CKA_ENCRYPT])
}

fn visible(session: &Session<'_>) -> usize {
    session.find(&Template::new()).expect("a search").len()
}

/// A32: no way round the quorum of a key, through the module or by the command. By a backup: the transcript `key_quorum`.
#[test]
fn nothing_gets_round_a_keys_quorum() {
    alone(|| {
        for profile in ["standard", "cloudhsm"] {
            let cluster = two(profile);
            let mut alice = user(&cluster, "alice");
            let values = "--share-crypto-users bob --manage-key-quorum-value 2 --use-key-quorum-value 2";
            let made = alice.must(&format!(
                "key generate-symmetric aes --label guarded --key-length-bytes 32 \
                 --attributes encrypt=true decrypt=true derive=true sign=true verify=true sensitive=false {values}"
            ));
            let reference = made["key"]["key-reference"].as_str().expect("a reference");
            let guarded = u64::from_str_radix(reference.trim_start_matches("0x"), 16).expect("a number");
            alice.must("key generate-symmetric aes --label kek --key-length-bytes 32 --attributes wrap=true");

            let raw = Raw::start(&cluster);
            for name in ["alice", "bob"] {
                let session = raw.open().expect("C_OpenSession");
                session.login(cluster.pin_of(name)).expect("a login");
                let kek = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_WRAP, CKA_PRIVATE]);
                let kek = session.generate(CKM_AES_KEY_GEN, &kek).expect("a key");
                let init = |mechanism: &Mechanism| {
                    session.encrypt_init(mechanism, guarded)?;
                    session.encrypt(&[0; 16])
                };
                let data = [
                    init(&Mechanism::plain(CKM_AES_ECB)).map(drop),
                    session
                        .decrypt_init(&Mechanism::plain(CKM_AES_ECB), guarded)
                        .and_then(|()| session.decrypt(&[0; 16]).map(drop)),
                    session
                        .sign_init(&Mechanism::plain(CKM_AES_CMAC), guarded)
                        .and_then(|()| session.sign(b"data").map(drop)),
                    session
                        .encrypt_init(&Mechanism::ctr(128, [0; 16]), guarded)
                        .and_then(|()| session.encrypt_update(&[0; 16]).map(drop)),
                    session.wrap(&Mechanism::plain(CKM_AES_KEY_WRAP_KWP), kek, guarded).map(drop),
                    session.wrap(&Mechanism::plain(CKM_AES_KEY_WRAP_KWP), guarded, kek).map(drop),
                    session.copy(guarded, &Template::new().flag(CKA_TOKEN, false)).map(drop),
                    session.copy(guarded, &Template::new().bytes(CKA_LABEL, "free")).map(drop),
                    session.set(guarded, &Template::new().bytes(CKA_LABEL, "free")),
                    session.set(guarded, &Template::new().flag(CKA_WRAP, true)),
                    session.attribute(guarded, CKA_VALUE).map(drop),
                ];
                for (place, outcome) in data.into_iter().enumerate() {
                    assert!(outcome.is_err(), "{profile}: {name} does number {place}");
                }
                session.logout().expect("C_Logout");
                session.close().expect("C_CloseSession");
            }
            raw.finalize().expect("C_Finalize");

            for command in [
                "key wrap aes-zero-pad --payload-filter attr.label=guarded --wrapping-filter attr.label=kek",
                "key share --filter attr.label=guarded --username carol --role crypto-user",
                "key unshare --filter attr.label=guarded --username bob --role crypto-user",
                "key set-attribute --filter attr.label=guarded --name wrap --value true",
                "key set-attribute --filter attr.label=guarded --name token --value false",
            ] {
                let refused = alice.fails(command);
                let told =
                    ["Quorum approval is required", "CKR_ATTRIBUTE_READ_ONLY", "too few would be left"];
                assert!(
                    told.iter().any(|sentence| refused.contains(sentence)),
                    "{profile}: {command}: {refused}"
                );
            }
            // With approvals nobody is unshared whom the values need.
            let approvers = ["alice", "bob"].map(|name| Approver::new(cluster.folder(), name));
            approvers[0].register(&mut alice);
            approvers[1].register(&mut user(&cluster, "bob"));
            alice.must("quorum token-sign generate --service key-management --token un.json --filter attr.label=guarded");
            approvers.iter().for_each(|approver| approver.approve(&cluster.folder().join("un.json")));
            alice.fails("key unshare --filter attr.label=guarded --username bob --role crypto-user --approval un.json");
            alice.must("key set-attribute --filter attr.label=guarded --name label --value renamed --approval un.json");
        }
    });
}
