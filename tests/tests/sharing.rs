//! Keys of one user in the hands of another: the owner by `strongroom key`, the other through the module, in processes of their
//! own (cloudhsm.md 4.1; attacks.md A28 to A30).

use cryptoki_sys::*;
use serde_json::Value;
use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run_any};
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template};

const HIDDEN: Rv<()> = Err(ReturnCode::KEY_HANDLE_INVALID);
const MINE: &str = "--filter attr.label=shared";

fn two(profile: &str) -> Cluster {
    let people = Cluster::builder().crypto_user("alice", "alices-secret").crypto_user("bob", "bobs-secret");
    people.profile(profile).start()
}

/// What `strongroom WORDS` prints for a user, or the sentence it fails with.
fn by(cluster: &Cluster, name: &str, words: &str) -> Result<Value, String> {
    let mut command = cluster.strongroom(&words.split(' ').collect::<Vec<_>>());
    command.env("STRONGROOM_ROLE", "crypto-user").env("STRONGROOM_PIN", cluster.pin_of(name));
    let finished = run_any(&mut command);
    let mut printed: Value = serde_json::from_str(&finished.stdout()).expect("JSON");
    match finished.success() {
        true => Ok(printed["data"].take()),
        false => Err(printed["data"].as_str().expect("a sentence").to_string()),
    }
}

#[track_caller]
fn alice(cluster: &Cluster, words: &str) -> Value {
    by(cluster, "alice", words).unwrap_or_else(|refusal| panic!("{words}: {refusal}"))
}

/// Makes a key of alice's that could do anything.
fn key_of_alice(cluster: &Cluster) -> CK_OBJECT_HANDLE {
    let usages = "encrypt=true decrypt=true wrap=true unwrap=true sign=true verify=true";
    let words =
        format!("key generate-symmetric aes --label shared --key-length-bytes 32 --attributes {usages}");
    reference(&alice(cluster, &words)["key"])
}

fn reference(key: &Value) -> CK_OBJECT_HANDLE {
    let text = key["key-reference"].as_str().expect("a reference");
    u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
}

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}

fn encrypt(session: &Session<'_>, key: CK_OBJECT_HANDLE) -> Rv<Vec<u8>> {
    session.encrypt_init(&ecb(), key)?;
    session.encrypt(&[7; 16])
}

fn labelled() -> Template {
    Template::new().bytes(CKA_LABEL, "shared")
}

#[test]
fn a_sharee_uses_a_key_until_it_is_unshared() {
    alone(|| {
        for profile in ["standard", "cloudhsm"] {
            let cluster = two(profile);
            let key = key_of_alice(&cluster);
            let raw = Raw::start(&cluster);
            let bob = raw.open().expect("C_OpenSession");
            bob.login(cluster.pin_of("bob")).expect("bob's login");
            assert_eq!(bob.find(&labelled()), Ok(vec![]));
            assert_eq!(bob.encrypt_init(&ecb(), key), HIDDEN);

            alice(&cluster, &format!("key share {MINE} --username bob --role crypto-user"));
            assert_eq!(bob.find(&labelled()), Ok(vec![key]), "a token key's handle is the same everywhere");
            assert_eq!(encrypt(&bob, key).map(|bytes| bytes.len()), Ok(16));
            let whose =
                &alice(&cluster, &format!("key list --verbose {MINE}"))["matched_keys"][0]["key-info"];
            assert_eq!(whose["key-owners"][0]["username"], "alice", "{whose}");
            assert_eq!(whose["shared-users"][0]["username"], "bob", "{whose}");

            // What only the owner may, through the module and by the command.
            let prohibited = ReturnCode::ACTION_PROHIBITED;
            assert_eq!(bob.destroy(key), Err(prohibited));
            // The vendor's library neither copies nor sets attributes of keys (cloudhsm.md 5.1).
            let missing = if profile == "cloudhsm" { ReturnCode::FUNCTION_NOT_SUPPORTED } else { prohibited };
            assert_eq!(bob.set(key, &Template::new().bytes(CKA_LABEL, "bobs")), Err(missing));
            assert_eq!(bob.copy(key, &Template::new()), Err(missing));
            assert_eq!(
                bob.wrap(&Mechanism::plain(CKM_AES_KEY_WRAP_KWP), key, key).map(drop),
                Err(prohibited)
            );
            assert_eq!(bob.attribute(key, CKA_VALUE), Err(ReturnCode::ATTRIBUTE_SENSITIVE));
            for words in ["share", "unshare"] {
                let words = format!("key {words} {MINE} --username bob --role crypto-user");
                let refused = by(&cluster, "bob", &words).unwrap_err();
                assert!(refused.contains("only the object's owner may do this"), "{refused}");
            }

            // A30: in the middle of an operation, and of one that only the module knows of yet.
            let (middle, begun) = (raw.open().expect("a session"), raw.open().expect("a session"));
            middle.encrypt_init(&ecb(), key).expect("C_EncryptInit");
            middle.encrypt_update(&[1; 32]).expect("C_EncryptUpdate");
            begun.encrypt_init(&ecb(), key).expect("C_EncryptInit");
            alice(&cluster, &format!("key unshare {MINE} --username bob --role crypto-user"));
            assert_eq!(begun.encrypt(&[7; 16]).map(drop), HIDDEN);
            assert_eq!(middle.encrypt_update(&[1; 32]).map(drop), HIDDEN);
            assert_eq!(encrypt(&bob, key).map(drop), HIDDEN);
            assert_eq!(bob.encrypt_init(&ecb(), key), HIDDEN, "what the module kept of the key is forgotten");
            assert_eq!(bob.find(&labelled()), Ok(vec![]));

            alice(&cluster, &format!("key share {MINE} --username bob --role crypto-user"));
            alice(&cluster, &format!("key delete {MINE}"));
            assert_eq!(encrypt(&bob, key).map(drop), HIDDEN);
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// A28, through the module: bob tries handles of keys that are alice's.
#[test]
fn guessed_handles_lead_nowhere() {
    alone(|| {
        let cluster = two("standard");
        let key = key_of_alice(&cluster);
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        session.login(cluster.pin_of("bob")).expect("bob's login");
        let mine = session.aes(true, "bobs").expect("a key");
        let invalid = Err(ReturnCode::OBJECT_HANDLE_INVALID);
        for guess in (1..=3000).chain([key]).filter(|guess| *guess != mine) {
            assert_eq!(session.attribute(guess, CKA_CLASS).map(drop), invalid, "{guess}");
        }
        let kwp = || Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
        let of = |guess: CK_OBJECT_HANDLE| {
            let template = Template::key(CKO_SECRET_KEY, CKK_AES);
            [
                session.encrypt_init(&ecb(), guess),
                session.sign_init(&Mechanism::plain(CKM_AES_CMAC), guess),
                session.wrap(&kwp(), guess, mine).map(drop),
                session.wrap(&kwp(), mine, guess).map(drop),
                session.unwrap(&kwp(), guess, &[0; 40], &template).map(drop),
                session.copy(guess, &Template::new()).map(drop),
                session.set(guess, &Template::new().bytes(CKA_LABEL, "bobs")),
                session.destroy(guess),
            ]
        };
        let absent = of(key + 100_000);
        assert!(absent.iter().all(Result::is_err), "{absent:?}");
        assert_eq!(of(key), absent);
        alice(&cluster, &format!("key delete {MINE}"));
    });
}

/// cloudhsm.md 3.6: the module has no way to hand an approval on, so such a key is used by the command.
#[test]
fn a_key_that_others_must_agree_to_does_nothing_for_an_application_alone() {
    alone(|| {
        let cluster = two("cloudhsm");
        let words = "key generate-asymmetric-pair ec --curve secp256r1 --public-label guarded --private-label guarded \
                     --public-attributes verify=true --private-attributes sign=true --share-crypto-users bob \
                     --manage-private-key-quorum-value 2 --use-private-key-quorum-value 2";
        let made = alice(&cluster, words);
        let [public, private] = ["public_key", "private_key"].map(|half| &made[half]);
        for (half, value) in [(public, 0), (private, 2)] {
            let values = &half["key-info"]["key-quorum-values"];
            assert_eq!(values["manage-key-quorum-value"], value, "{half}");
            assert_eq!(values["use-key-quorum-value"], value, "{half}");
        }
        let raw = Raw::start(&cluster);
        for name in ["alice", "bob"] {
            let session = raw.open().expect("C_OpenSession");
            session.login(cluster.pin_of(name)).expect("a login");
            assert_eq!(session.ecdsa(reference(private), &[1; 32]), Err(ReturnCode::FUNCTION_REJECTED));
            session.logout().expect("C_Logout");
        }
        let sign = "crypto sign ecdsa --key-filter attr.label=guarded attr.class=private-key --hash-function sha256 \
                    --data eA==";
        assert!(by(&cluster, "alice", sign).unwrap_err().contains("Quorum Failed"));
        let delete = "key delete --filter attr.label=guarded attr.class=private-key";
        assert!(by(&cluster, "bob", delete).unwrap_err().contains("only the object's owner may do this"));
        alice(&cluster, delete);
    });
}

/// Item 70: 1,024 sessions of an application.
#[test]
fn an_application_has_as_many_sessions_as_the_profile_allows() {
    alone(|| {
        let cluster = two("cloudhsm");
        let raw = Raw::start(&cluster);
        assert_eq!(raw.token_info(0).expect("C_GetTokenInfo").ulMaxSessionCount, 1024);
        let sessions: Vec<_> = (0..1024).map(|_| raw.open().expect("C_OpenSession")).collect();
        assert_eq!(raw.open().map(drop), Err(ReturnCode::SESSION_COUNT));
        sessions[5].close().expect("C_CloseSession");
        sessions[6].login(cluster.pin_of("bob")).expect("bob's login");
        raw.open().expect("C_OpenSession");
        assert_eq!(raw.open().map(drop), Err(ReturnCode::SESSION_COUNT));
    });
}

/// cloudhsm.md 4.3 and 14, item 52: the file says whether one node is enough for a token key; unset, the profile does.
#[test]
fn a_key_is_on_two_nodes_or_of_no_use_as_the_file_says() {
    alone(|| {
        let cluster = two("cloudhsm");
        let key = key_of_alice(&cluster);
        let failed = ReturnCode::FUNCTION_FAILED;
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        session.login(cluster.pin_of("alice")).expect("alice's login");
        encrypt(&session, key).expect("an encryption");
        cluster.stop_node(1);
        assert_eq!(encrypt(&session, key).map(drop), Err(failed));
        assert_eq!(session.aes(true, "new").map(drop), Err(failed));
        session.aes(false, "new").expect("a session key");
        let refused = by(&cluster, "alice", &format!("key set-attribute {MINE} --name label --value other"))
            .unwrap_err();
        assert!(refused.contains("at least 2 HSMs"), "{refused}");
        cluster.start_node(1);
        encrypt(&session, key).expect("an encryption");
        raw.finalize().expect("C_Finalize");

        cluster.stop_node(1);
        let file = std::fs::read_to_string(cluster.config()).expect("client.toml");
        let file = file.replace("name = \"default\"", "name = \"default\"\nkey_availability_check = false");
        std::fs::write(cluster.config(), file).expect("client.toml");
        raw.initialize().expect("C_Initialize");
        let session = raw.open().expect("C_OpenSession");
        session.login(cluster.pin_of("alice")).expect("alice's login");
        encrypt(&session, key).expect("an encryption");
        session.aes(true, "new").expect("a token key");
    });
}

/// A34: a key that was deleted while a node was cut off isn't used by anybody, whichever node is asked; nor does a cut-off node
/// cost an application a call.
#[test]
fn a_node_that_missed_a_deletion_serves_nobody_with_the_key() {
    alone(|| {
        let cluster = two("standard");
        let key = key_of_alice(&cluster);
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        session.login(cluster.pin_of("alice")).expect("alice's login");
        let others = session.aes(true, "another").expect("a key");
        let ours = session.aes(false, "of the session").expect("a key");
        for node in [0, 1] {
            cluster.cut(node);
            for _ in 0..300 {
                encrypt(&session, others).expect("an encryption with a token key");
            }
            encrypt(&session, ours).expect("a session key works on, wherever it is");
            cluster.heal(node);
        }
        cluster.cut(1);
        alice(&cluster, &format!("key delete {MINE}"));
        for _ in 0..300 {
            assert_eq!(encrypt(&session, key).map(drop), HIDDEN);
        }
        cluster.heal(1);
        for _ in 0..300 {
            assert_eq!(encrypt(&session, key).map(drop), HIDDEN);
        }
        let mut found = session.find(&Template::new()).expect("objects");
        found.sort_unstable();
        assert_eq!(found, [others, ours]);
    });
}
