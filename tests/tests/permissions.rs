//! Every cell of the permission table (cloudhsm.md 2.2 and its finer rules; item 27), asked by the command line and through the
//! module, under each profile.

use std::path::Path;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::conversation::Conversation;
use strongroom_tests::raw::{Mechanism, P256, Raw, Rv, Session, Template};

const PROFILES: [&str; 3] = ["standard", "strict", "cloudhsm"];
const OFFICER: (&str, &str, &str) = ("admin", "admin", "officers-secret");
const ALICE: (&str, &str, &str) = ("crypto-user", "alice", "alices-secret");

/// Commands, and who may say them: nobody, an officer, a crypto user; `Y` under every profile, `-` under none, `S` under
/// `standard`. `ROLE`, `NAME` and `PASSWORD` stand for who does.
const TABLE: &[(&str, &str)] = &[
    // Basic cluster information; users, quorum values and timeouts (item 29).
    ("YYY", "cluster hsm-info"),
    ("YYY", "user list"),
    ("YYY", "quorum token-sign list-quorum-values"),
    ("YYY", "quorum token-sign list-timeouts"),
    // One's own password, and others'.
    ("-YY", "user change-password --username NAME --role ROLE --password PASSWORD"),
    ("-Y-", "user change-password --username bob --role crypto-user --password bobs-secret"),
    // Users.
    ("-Y-", "user create --username eve --role crypto-user --password eves-secret"),
    ("-Y-", "user create --username olga --role admin --password olgas-secret"),
    ("-Y-", "user delete --username eve --role crypto-user"),
    ("-Y-", "user delete --username olga --role admin"),
    ("-Y-", "user replicate --username bob --role crypto-user"),
    // Quorums.
    ("-Y-", "quorum token-sign set-quorum-value --service user --value 1"),
    ("-Y-", "quorum token-sign set-quorum-value --service quorum --value 1"),
    ("-Y-", "quorum token-sign set-quorum-value --service cluster --value 1"),
    ("-Y-", "quorum token-sign set-timeout --generated 600 --approved 600"),
    ("-Y-", "quorum token-sign generate --service user --token NAME-user.json"),
    ("-Y-", "quorum token-sign generate --service quorum --token NAME-quorum.json"),
    ("-Y-", "quorum token-sign generate --service cluster --token NAME-cluster.json"),
    ("-YY", "quorum token-sign generate --service registration --token NAME-registration.json"),
    (
        "--Y",
        "quorum token-sign generate --service key-usage --token NAME-use.json --filter attr.label=guarded",
    ),
    (
        "--Y",
        "quorum token-sign generate --service key-management --token NAME-manage.json --filter attr.label=guarded",
    ),
    ("-YY", "quorum token-sign list"),
    ("-YY", "quorum token-sign delete --scope user"),
    ("-Y-", "quorum token-sign delete --scope all"),
    // Whether keys are on all nodes, and which there are.
    ("-YY", "key list"),
    ("-YY", "key list --verbose --filter attr.label=aes"),
    ("-YY", "key replicate --filter attr.label=aes"),
    // Only an officer says what is trusted.
    ("-Y-", "key set-attribute --filter attr.label=kek --name trusted --value TRUST"),
    // Keys.
    ("--Y", "key generate-symmetric aes --label new-NAME --key-length-bytes 32"),
    ("--Y", "key generate-symmetric aes --label session-NAME --key-length-bytes 32 --session"),
    ("--Y", "key generate-symmetric generic-secret --label secret-NAME --key-length-bytes 32"),
    (
        "--Y",
        "key generate-asymmetric-pair ec --public-label p --private-label p --curve secp256r1 --private-attributes sign=true",
    ),
    (
        "--Y",
        "key generate-asymmetric-pair rsa --public-label r --private-label r --modulus-size-bits 2048 --public-exponent 65537",
    ),
    ("--Y", "key share --filter attr.label=aes --username bob --role crypto-user"),
    ("--Y", "key unshare --filter attr.label=aes --username bob --role crypto-user"),
    ("--Y", "key set-attribute --filter attr.label=other --name label --value renamed"),
    ("--Y", "key set-attribute --filter attr.label=session-NAME --name token --value true"),
    (
        "--Y",
        "key wrap aes-zero-pad --payload-filter attr.label=aes --wrapping-filter attr.label=kek --path NAME.wrapped",
    ),
    (
        "--Y",
        "key unwrap aes-zero-pad --filter attr.label=kek --data-path wrapped --key-type-class aes --label again",
    ),
    ("-SY", "key import pem --path public.pem --label imported --key-type-class ec-public"),
    // Crypto.
    ("--Y", "crypto sign ecdsa --key-filter attr.label=ec --hash-function sha256 --data eA=="),
    (
        "--Y",
        "crypto verify ecdsa --key-filter attr.label=ec --hash-function sha256 --data eA== --signature-path signature",
    ),
    ("--Y", "key delete --filter attr.label=doomed"),
    ("-YY", "logout"),
];

/// How the table refuses. Its sentences aren't those of an operation that may be asked for and fails.
const REFUSALS: &[&str] = &[
    "nobody is logged in",
    "only a crypto officer may do this",
    "a crypto officer can't make or use keys",
    "private objects are made by a crypto user",
    "only the object's owner may do this",
    // A session key is its process's: nobody else finds it.
    "no key matches the filter, so none was changed",
    // `trusted` for others than officers, other attributes for officers.
    "(CKR_ATTRIBUTE_READ_ONLY)",
];

#[test]
fn by_the_command_line() {
    for profile in PROFILES {
        let cluster = cluster(profile);
        let folder = cluster.folder().join("w");
        std::fs::create_dir(&folder).expect("a folder");
        prepare(&cluster, &folder);
        let actors = [None, Some(OFFICER), Some(ALICE)];
        for (place, actor) in actors.into_iter().enumerate() {
            let mut conversation = Conversation::start(&cluster, &folder);
            let (role, name, password) = actor.unwrap_or(("crypto-user", "nobody", "nothing-secret"));
            if actor.is_some() {
                conversation.must(&format!("login --username {name} --role {role} --password {password}"));
            }
            // The officer goes first, and alice would take it back.
            let trust = if role == "admin" { "true" } else { "false" };
            let filled = |words: &str| {
                let words = words.replace("ROLE", role).replace("NAME", name);
                words.replace("PASSWORD", password).replace("TRUST", trust)
            };
            let commands: Vec<String> = TABLE.iter().map(|(_, words)| filled(words)).collect();
            let answers = conversation.say_all(&commands);
            for (((cells, _), command), answer) in TABLE.iter().zip(&commands).zip(answers) {
                let may = match cells.as_bytes()[place] {
                    b'Y' => true,
                    // Public objects, which PKCS#11 lets officers have.
                    b'S' => profile == "standard",
                    _ => false,
                };
                match answer {
                    Ok(_) => assert!(may, "{profile}: {name} may {command}"),
                    Err(refusal) => {
                        let by_the_table = REFUSALS.iter().any(|sentence| refusal.contains(sentence));
                        assert!(!may && by_the_table, "{profile}: {name} says {command}: {refusal}");
                    }
                }
            }
        }
    }
}

fn cluster(profile: &str) -> Cluster {
    let cluster =
        Cluster::builder().profile(profile).officer_password(OFFICER.2).crypto_user(ALICE.1, ALICE.2);
    cluster.crypto_user("bob", "bobs-secret").start()
}

/// Alice's keys, one of them wrapped, and a signature, in files.
fn prepare(cluster: &Cluster, folder: &Path) {
    let mut alice = Conversation::of(cluster, folder, ALICE.0, ALICE.1, ALICE.2);
    for (label, may) in [
        ("aes", "encrypt=true decrypt=true"),
        // What strict wants of keys that wrap.
        ("kek", "wrap=true unwrap=true sign=false verify=false extractable=false"),
        ("doomed", "sign=true"),
        ("other", "sign=true"),
    ] {
        alice.must(&format!(
            "key generate-symmetric aes --label {label} --key-length-bytes 32 --attributes {may}"
        ));
    }
    alice.must(
        "key generate-symmetric aes --label guarded --key-length-bytes 32 --share-crypto-users bob \
         --manage-key-quorum-value 2 --use-key-quorum-value 2",
    );
    alice.must(
        "key generate-asymmetric-pair ec --public-label ec --private-label ec --curve secp256r1 \
         --public-attributes verify=true --private-attributes sign=true",
    );
    alice.must(
        "key generate-file --encoding pem --path public.pem --filter attr.label=ec attr.class=public-key",
    );
    alice.must(
        "key wrap aes-zero-pad --payload-filter attr.label=aes --wrapping-filter attr.label=kek --path wrapped",
    );
    let signed =
        alice.must("crypto sign ecdsa --key-filter attr.label=ec --hash-function sha256 --data eA==");
    let signature = signed["signature"].as_str().expect("a signature");
    let bytes = <base64ct::Base64 as base64ct::Encoding>::decode_vec(signature).expect("base64");
    std::fs::write(folder.join("signature"), bytes).expect("a file");
}

/// What a crypto user made for the calls below.
struct Keys {
    aes: CK_OBJECT_HANDLE,
    kek: CK_OBJECT_HANDLE,
    private: CK_OBJECT_HANDLE,
    public: CK_OBJECT_HANDLE,
    mac: CK_OBJECT_HANDLE,
    doomed: CK_OBJECT_HANDLE,
    wrapped: Vec<u8>,
    signature: Vec<u8>,
}

type Call = fn(&Session<'_>, &Keys) -> Rv<()>;

const BOTH: [CK_ATTRIBUTE_TYPE; 3] = [CKA_PRIVATE, CKA_SIGN, CKA_VERIFY];

/// Calls, and who may make them: nobody, an officer, a crypto user. `Y` under every profile, `-` under none, `S` under `standard`,
/// `L` under `standard` and `strict`.
const CALLS: &[(&str, &str, Call)] = &[
    // No key and no node is asked: an application could as well hash by itself.
    ("YYY", "C_Digest", |session, _| {
        session.digest_init(&Mechanism::plain(CKM_SHA256))?;
        session.digest(b"data").map(drop)
    }),
    ("-YY", "C_FindObjects", |session, keys| {
        let found = session.find(&Template::new().bytes(CKA_LABEL, "aes"))?;
        if found == [keys.aes] { Ok(()) } else { Err(ReturnCode::OBJECT_HANDLE_INVALID) }
    }),
    ("-YY", "C_GetAttributeValue", |session, keys| session.attribute(keys.aes, CKA_LABEL).map(drop)),
    ("--Y", "C_Encrypt", |session, keys| {
        session.encrypt_init(&Mechanism::plain(CKM_AES_ECB), keys.aes)?;
        session.encrypt(&[0; 16]).map(drop)
    }),
    ("--Y", "C_Decrypt", |session, keys| {
        session.decrypt_init(&Mechanism::plain(CKM_AES_ECB), keys.aes)?;
        session.decrypt(&[0; 16]).map(drop)
    }),
    ("--Y", "C_Sign", |session, keys| session.ecdsa(keys.private, &[1; 32]).map(drop)),
    ("--Y", "C_Verify", |session, keys| session.check_ecdsa(keys.public, &[1; 32], &keys.signature)),
    ("--Y", "C_Sign of an HMAC", |session, keys| {
        session.sign_init(&Mechanism::plain(CKM_SHA256_HMAC), keys.mac)?;
        session.sign(b"data").map(drop)
    }),
    ("--Y", "C_WrapKey", |session, keys| session.wrap(&kwp(), keys.kek, keys.aes).map(drop)),
    ("--Y", "C_UnwrapKey", |session, keys| {
        let template = Template::key(CKO_SECRET_KEY, CKK_AES).flag(CKA_TOKEN, false);
        session.unwrap(&kwp(), keys.kek, &keys.wrapped, &template).map(drop)
    }),
    ("--Y", "C_GenerateKey", |session, _| session.aes(true, "new").map(drop)),
    ("--Y", "C_GenerateKey in the session", |session, _| session.aes(false, "new").map(drop)),
    ("--Y", "C_GenerateKeyPair", |session, _| session.p256(true, "new").map(drop)),
    ("--Y", "C_CreateObject", |session, _| {
        let template = Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, [7; 32]);
        session.create(&template.placed(true, "imported").may(&[CKA_PRIVATE])).map(drop)
    }),
    ("--Y", "C_DestroyObject", |session, keys| session.destroy(keys.doomed)),
];

fn kwp() -> Mechanism {
    Mechanism::plain(CKM_AES_KEY_WRAP_KWP)
}

#[test]
fn through_the_module_under_standard() {
    alone(|| through_the_module("standard"));
}

#[test]
fn through_the_module_under_strict() {
    alone(|| through_the_module("strict"));
}

#[test]
fn through_the_module_under_cloudhsm() {
    alone(|| through_the_module("cloudhsm"));
}

fn through_the_module(profile: &str) {
    let cluster = cluster(profile);
    let raw = Raw::start(&cluster);
    let session = raw.open().expect("C_OpenSession");
    let pin = |(_, name, password): (&str, &str, &str)| format!("{name}:{password}");
    session.login(&pin(ALICE)).expect("alice's login");
    let keys = make_keys(&session);
    session.logout().expect("C_Logout");

    // Roles are as the users have them. Under `cloudhsm` officers don't log in through the module at all.
    let officer = pin(OFFICER);
    assert_eq!(session.login(&officer), Err(ReturnCode::PIN_INCORRECT));
    assert!(session.login_as(CKU_SO, pin(ALICE).as_bytes()).is_err());
    for appliance in ["app_user:", "app_user:app_user"] {
        assert_eq!(session.login(appliance), Err(ReturnCode::PIN_INCORRECT));
    }
    for (place, who) in ["nobody", "the officer", "alice"].into_iter().enumerate() {
        match place {
            0 => {}
            1 if profile == "cloudhsm" => {
                assert_eq!(session.login_as(CKU_SO, officer.as_bytes()), Err(ReturnCode::USER_TYPE_INVALID));
                continue;
            }
            1 => session.login_as(CKU_SO, officer.as_bytes()).expect("the officer's login"),
            _ => session.login(&pin(ALICE)).expect("alice's login"),
        }
        for (cells, name, make) in CALLS {
            let may = match cells.as_bytes()[place] {
                b'Y' => true,
                b'L' => profile != "cloudhsm",
                b'S' => profile == "standard",
                _ => false,
            };
            let outcome = make(&session, &keys);
            if may {
                assert_eq!(outcome, Ok(()), "{profile}: {who}: {name}");
            } else {
                let code = outcome.expect_err(&format!("{profile}: {who}: {name}"));
                let refused = [
                    ReturnCode::USER_NOT_LOGGED_IN,
                    // Seen, but another's.
                    ReturnCode::ACTION_PROHIBITED,
                    // What one doesn't see isn't there.
                    ReturnCode::KEY_HANDLE_INVALID,
                    ReturnCode::WRAPPING_KEY_HANDLE_INVALID,
                    ReturnCode::UNWRAPPING_KEY_HANDLE_INVALID,
                    ReturnCode::OBJECT_HANDLE_INVALID,
                ];
                assert!(refused.contains(&code), "{profile}: {who}: {name}: {code}");
            }
        }
        if place > 0 {
            session.logout().expect("C_Logout");
        }
    }
}

fn make_keys(session: &Session<'_>) -> Keys {
    let pair = session.generate_pair(
        CKM_EC_KEY_PAIR_GEN,
        &Template::new().bytes(CKA_EC_PARAMS, P256).placed(true, "ec").may(&[CKA_VERIFY, CKA_PRIVATE]),
        &Template::new().placed(true, "ec").may(&[CKA_SIGN, CKA_PRIVATE]),
    );
    let pair = pair.expect("a key pair");
    let secret = |kind, label: &str, may: &[CK_ATTRIBUTE_TYPE]| {
        let template = Template::new().number(CKA_VALUE_LEN, 32).placed(true, label).may(may);
        let leaves = !may.contains(&CKA_WRAP);
        session.generate(kind, &template.flag(CKA_EXTRACTABLE, leaves)).expect("a key")
    };
    let aes = secret(CKM_AES_KEY_GEN, "aes", &[CKA_PRIVATE, CKA_ENCRYPT, CKA_DECRYPT]);
    let kek = secret(CKM_AES_KEY_GEN, "kek", &[CKA_PRIVATE, CKA_WRAP, CKA_UNWRAP]);
    Keys {
        aes,
        kek,
        private: pair.private,
        public: pair.public,
        mac: secret(CKM_GENERIC_SECRET_KEY_GEN, "mac", &BOTH),
        doomed: secret(CKM_AES_KEY_GEN, "doomed", &[CKA_PRIVATE]),
        wrapped: session.wrap(&kwp(), kek, aes).expect("C_WrapKey"),
        signature: session.ecdsa(pair.private, &[1; 32]).expect("a signature"),
    }
}
