//! Every rule for quorums (cloudhsm.md 3.2 and 3.4; items 33 to 42; attacks.md A31), by the command line, with keys and
//! signatures by OpenSSL. `tests/transcripts` has the plain cases: `quorum`, `approvals` and `key_quorum`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_testkit::{Cluster, run_any, wait_until};
use strongroom_tests::conversation::{Approver, Conversation, edit};

const MISSING: &str = "Quorum approval is required for this operation";
const INVALID: &str = "Invalid username-signature pair for quorum authorization";

/// A cluster whose officers are registered: `admin` and as many others, `o1` and so on.
struct World {
    cluster: Cluster,
    folder: PathBuf,
    approvers: Vec<Approver>,
}

impl World {
    fn new(officers: usize) -> Self {
        let cluster =
            Cluster::builder().officer_password("admins-secret").crypto_user("alice", "alices-secret");
        let cluster = cluster.crypto_user("bob", "bobs-secret").start();
        let folder = cluster.folder().join("w");
        fs::create_dir(&folder).expect("a folder");
        let mut world = Self { cluster, folder, approvers: Vec::new() };
        let mut admin = world.officer("admin");
        for place in 0..officers {
            let name = if place == 0 { "admin".into() } else { format!("o{place}") };
            if place > 0 {
                admin.must(&format!("user create --username {name} --role admin --password {name}s-secret"));
            }
            let approver = Approver::new(&world.folder, &name);
            approver.register(&mut world.officer(&name));
            world.approvers.push(approver);
        }
        world
    }

    fn officer(&self, name: &str) -> Conversation {
        Conversation::of(&self.cluster, &self.folder, "admin", name, &format!("{name}s-secret"))
    }

    fn user(&self, name: &str) -> Conversation {
        Conversation::of(&self.cluster, &self.folder, "crypto-user", name, &format!("{name}s-secret"))
    }

    /// A token, approved by the first so many officers.
    #[track_caller]
    fn token(&self, requester: &mut Conversation, service: &str, file: &str, approvals: usize) -> PathBuf {
        requester.must(&format!("quorum token-sign generate --service {service} --token {file}"));
        let path = self.folder.join(file);
        self.approvers[..approvals].iter().for_each(|approver| approver.approve(&path));
        path
    }
}

fn set(service: &str, value: u8) -> String {
    format!("quorum token-sign set-quorum-value --service {service} --value {value}")
}

fn create(name: &str) -> String {
    format!("user create --username {name} --role crypto-user --password some-secret")
}

fn tokens(conversation: &mut Conversation) -> usize {
    conversation.must("quorum token-sign list")["tokens"].as_array().expect("tokens").len()
}

/// Values are 1, which is off, to 8; any officer sets them; the requester's own approval counts, but isn't needed.
#[test]
fn values_are_one_to_eight_and_any_officer_sets_them() {
    let world = World::new(8);
    let mut admin = world.officer("admin");
    assert_eq!(admin.must("quorum token-sign list-quorum-values"), json!({"user": 1, "quorum": 1}));
    admin.must("user create --username plain --role admin --password plains-secret");
    let mut plain = world.officer("plain");
    for wrong in ["0", "9", "255", "256", "-1", "two", ""] {
        let refused =
            plain.fails(&format!("quorum token-sign set-quorum-value --service user --value={wrong}"));
        assert!(
            refused.contains("Invalid quorum value provided.") || refused.contains("invalid value"),
            "{refused}"
        );
    }
    for service in ["key-usage", "key-management", "registration", "king"] {
        let refused = plain.fails(&set(service, 2));
        let told = ["invalid value", "keys have quorum values of their own", "name user, quorum or cluster"];
        assert!(told.iter().any(|sentence| refused.contains(sentence)), "{refused}");
    }
    // One who isn't registered.
    plain.must(&set("user", 8));
    assert_eq!(plain.fails(&create("carol")), MISSING);
    let file = world.token(&mut plain, "user", "seven.json", 7);
    let too_few = "Too few quorum approvals: currently 7 approvals, but 8 approvals required";
    assert_eq!(plain.fails(&format!("{} --approval seven.json", create("carol"))), too_few);
    world.approvers[7].approve(&file);
    plain.must(&format!("{} --approval seven.json", create("carol")));
    // M for `quorum` may be less, which the guide only advises against: so `user` can be switched off.
    plain.must(&set("user", 1));
    plain.must(&create("dave"));

    plain.must(&set("quorum", 2));
    for service in ["user", "quorum", "cluster"] {
        assert_eq!(plain.fails(&set(service, 1)), MISSING);
    }
    world.token(&mut plain, "quorum", "off.json", 2);
    plain.must(&format!("{} --approval off.json", set("quorum", 1)));
    plain.must(&set("quorum", 2));
    assert_eq!(plain.must("quorum token-sign list-quorum-values"), json!({"user": 1, "quorum": 2}));
}

/// What `user` gates: making and deleting users, others' passwords, others' second factors; not one's own password.
#[test]
fn each_gated_operation_takes_approvals_of_its_own() {
    let world = World::new(2);
    let mut admin = world.officer("admin");
    Approver::new(&world.folder, "bob").register(&mut world.user("bob"));
    admin.must(&set("user", 2));
    let gated = [
        create("carol"),
        "user change-password --username carol --role crypto-user --password other-secret".into(),
        "user change-password --username o1 --role admin --password o1s-secret".into(),
        "user change-mfa token-sign --username bob --role crypto-user --deregister".into(),
        "user delete --username carol --role crypto-user".into(),
    ];
    for (place, command) in gated.iter().enumerate() {
        assert_eq!(admin.fails(command), MISSING, "{command}");
        let file = format!("t{place}.json");
        world.token(&mut admin, "user", &file, 2);
        admin.must(&format!("{command} --approval {file}"));
        assert_eq!(tokens(&mut admin), 0, "the token is still there after {command}");
        assert_eq!(admin.fails(&format!("{command} --approval {file}")), INVALID, "twice: {command}");
    }
    admin.must("user change-password --username admin --role admin --password admins-secret");
    let mut alice = world.user("alice");
    alice.must("user change-password --username alice --role crypto-user --password alices-secret");
}

/// A value that was raised after the approval holds; so do the keys that are registered when it's used.
#[test]
fn what_holds_at_the_time_of_use_counts() {
    let world = World::new(3);
    let (mut admin, mut o1) = (world.officer("admin"), world.officer("o1"));
    admin.must(&set("user", 2));
    let file = world.token(&mut admin, "user", "raised.json", 2);
    o1.must(&set("user", 3));
    let too_few = "Too few quorum approvals: currently 2 approvals, but 3 approvals required";
    assert_eq!(admin.fails(&format!("{} --approval raised.json", create("carol"))), too_few);
    world.approvers[2].approve(&file);
    admin.must(&format!("{} --approval raised.json", create("carol")));
    o1.must(&set("user", 2));

    world.token(&mut admin, "user", "changed.json", 2);
    let mut other = Approver::new(&world.folder, "other");
    other.register(&mut o1);
    let dave = format!("{} --approval changed.json", create("dave"));
    assert_eq!(admin.fails(&dave), INVALID);
    other.name = "o1".into();
    edit(&world.folder.join("changed.json"), |token| {
        token["signatures"].as_array_mut().expect("signatures").pop();
    });
    other.approve(&world.folder.join("changed.json"));
    admin.must(&dave);
}

/// A token is its session's: it ends with the logout, the program, a new password; and it has its time.
#[test]
fn tokens_end_with_the_session_and_the_time() {
    let world = World::new(2);
    let mut o1 = world.officer("o1");
    o1.must(&set("user", 2));
    let gone = |o1: &mut Conversation| {
        wait_until("the token is gone", Duration::from_secs(5), || tokens(o1) == 0);
    };
    // The program ends, by itself and by force.
    let mut admin = world.officer("admin");
    world.token(&mut admin, "user", "ended.json", 2);
    assert_eq!(tokens(&mut o1), 1, "officers see each other's tokens");
    drop(admin);
    gone(&mut o1);
    let mut admin = world.officer("admin");
    world.token(&mut admin, "user", "killed.json", 2);
    admin.kill();
    gone(&mut o1);
    let mut admin = world.officer("admin");
    for file in ["ended.json", "killed.json"] {
        assert_eq!(admin.fails(&format!("{} --approval {file}", create("carol"))), INVALID);
    }
    world.token(&mut admin, "user", "password.json", 2);
    admin.must("user change-password --username admin --role admin --password admins-secret");
    gone(&mut o1);
    assert_eq!(admin.fails(&format!("{} --approval password.json", create("carol"))), INVALID);

    // Seconds to be used after it was drawn, unless enough have approved.
    let mut admin = world.officer("admin");
    admin.must("quorum token-sign set-timeout --generated 2 --approved 60");
    assert_eq!(admin.must("quorum token-sign list-timeouts"), json!({"generated": 2, "approved": 60}));
    world.token(&mut admin, "user", "approved.json", 2);
    // It fails, for another reason than approvals, and goes on being good.
    let twice = admin.fails(&format!("{} --approval approved.json", create("alice")));
    assert!(twice.contains("there is a user alice already"), "{twice}");
    thread::sleep(Duration::from_secs(3));
    let left = &admin.must("quorum token-sign list")["tokens"][0];
    assert_eq!(left["number-of-approvals"]["value"], 2, "{left}");
    let seconds = left["token-timeout-seconds"]["value"].as_u64().expect("a number");
    assert!((50..60).contains(&seconds), "{left}");
    admin.must(&format!("{} --approval approved.json", create("carol")));

    world.token(&mut admin, "user", "late.json", 2);
    thread::sleep(Duration::from_secs(3));
    let late = admin.fails(&format!("{} --approval late.json", create("dave")));
    assert!(late.contains("has expired"), "{late}");
    for wrong in ["--generated 0", "--approved 86401", "--generated x", ""] {
        admin.fails(&format!("quorum token-sign set-timeout {wrong}"));
    }
}

/// 1,024 tokens: the next one is refused until some have expired. For keys a user may have any number of them.
#[test]
fn a_full_store_gives_up_what_has_expired() {
    let world = World::new(1);
    let mut alice = world.user("alice");
    alice.must(
        "key generate-symmetric aes --label guarded --key-length-bytes 32 --share-crypto-users bob \
         --manage-key-quorum-value 2 --use-key-quorum-value 2",
    );
    let generate = |number: usize| {
        format!(
            "quorum token-sign generate --service key-usage --token k{number}.json --filter attr.label=guarded"
        )
    };
    let commands: Vec<String> = (0..1024).map(generate).collect();
    for answer in alice.say_all(&commands) {
        answer.expect("a token");
    }
    let refused = alice.fails(&generate(1024));
    assert!(refused.contains("1024") || refused.contains("1,024"), "{refused}");
    let mut admin = world.officer("admin");
    assert!(admin.fails("quorum token-sign generate --service user --token full.json").contains("token"));
    admin.must("quorum token-sign set-timeout --generated 1");
    thread::sleep(Duration::from_secs(2));
    alice.must(&generate(1025));
    admin.must("quorum token-sign delete --scope all");
    assert_eq!(tokens(&mut admin), 0);
}

/// Values and keys are state of the cluster: they survive the daemon, and a new node has them.
#[test]
fn values_and_approvers_survive_and_reach_new_nodes() {
    let mut world = World::new(2);
    let mut admin = world.officer("admin");
    admin.must(&set("quorum", 2));
    world.token(&mut admin, "quorum", "before.json", 2);
    drop(admin);
    world.cluster.kill();
    world.cluster.start_again();
    world.cluster.add_node();
    let mut admin = world.officer("admin");
    assert_eq!(admin.fails(&format!("{} --approval before.json", set("user", 2))), INVALID);
    let values = admin.must("quorum token-sign list-quorum-values");
    assert_eq!(values, json!({"user": 1, "quorum": 2}));
    // Nor does what a killed daemon had no time to end stand in the way of the next.
    assert_eq!(admin.must("quorum token-sign list")["tokens"], json!([]));
    let token = world.token(&mut admin, "quorum", "after.json", 2);
    let token: Value = serde_json::from_slice(&fs::read(token).expect("a file")).expect("JSON");
    // 80 bytes for each of three nodes, in base64.
    assert_eq!(token["approval_data"].as_str().map(str::len), Some(320));
    admin.must("quorum token-sign delete --scope user");
    // Whichever node is gone, the others know of all that.
    for (round, node) in [0, 1, 2].into_iter().enumerate() {
        world.cluster.stop_node(node);
        let mut admin = world.officer("admin");
        assert_eq!(admin.fails(&set("user", 2)), MISSING);
        let file = format!("without{round}.json");
        world.token(&mut admin, "quorum", &file, 2);
        admin.must(&format!("{} --approval {file}", set("user", 1)));
        world.cluster.start_node(node);
    }
}

/// A token is good until its program lets go of it. A node that crashes lets nobody's tokens end, and needs none of its own: the
/// program has its sessions with the others (cloudhsm.md 3.2 and 3.4: a part of the token for each node).
#[test]
fn a_node_that_crashes_ends_no_tokens() {
    let mut world = World::new(2);
    world.cluster.add_node();
    let mut o1 = world.officer("o1");
    o1.must(&set("user", 2));
    for (round, node) in [0, 1, 2, 0, 1, 2].into_iter().enumerate() {
        let mut admin = world.officer("admin");
        // A connection to each node.
        admin.must("user list");
        let file = format!("crash{round}.json");
        world.token(&mut admin, "user", &file, 2);
        world.cluster.stop_node(node);
        assert_eq!(tokens(&mut o1), 1, "round {round}");
        if round >= 3 {
            world.cluster.start_node(node);
        }
        admin.must(&format!("{} --approval {file}", create(&format!("user{round}"))));
        assert_eq!(tokens(&mut o1), 0, "it was used");
        // What ends a token is its program: the nodes that are left see that it goes.
        world.token(&mut admin, "user", &format!("left{round}.json"), 2);
        drop(admin);
        wait_until("the token is gone", Duration::from_secs(5), || tokens(&mut o1) == 0);
        if round < 3 {
            world.cluster.start_node(node);
        }
    }
}

/// Files that aren't tokens, in every way that files go wrong.
#[test]
fn files_that_went_wrong_are_named_and_change_nothing() {
    let world = World::new(2);
    let mut admin = world.officer("admin");
    admin.must(&set("user", 2));
    let good = world.token(&mut admin, "user", "good.json", 2);
    let bytes = fs::read(&good).expect("a file");
    let text = String::from_utf8(bytes.clone()).expect("text");
    let token: Value = serde_json::from_str(&text).expect("JSON");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut token = token.clone();
        change(&mut token);
        token.to_string().into_bytes()
    };
    let wrong: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("half", bytes[..bytes.len() / 2].to_vec()),
        ("one short", bytes[..bytes.len() - 1].to_vec()),
        ("twice", [bytes.clone(), bytes.clone()].concat()),
        ("no text", (0..=255).cycle().take(5000).collect()),
        ("huge", vec![b'['; 20 << 20]),
        ("a list", b"[]".to_vec()),
        ("nothing in it", b"{}".to_vec()),
        ("another version", with(&|token| token["version"] = "9.9".into())),
        ("no version", with(&|token| drop(token.as_object_mut().expect("an object").remove("version")))),
        ("no data", with(&|token| token["approval_data"] = "".into())),
        ("data of nobody", with(&|token| token["approval_data"] = "!!!".into())),
        ("another token", with(&|token| token["token"] = "AAAA".into())),
        ("no list", with(&|token| token["signatures"] = "x".into())),
        ("no names", with(&|token| token["signatures"][0]["username"] = Value::Null)),
        ("odd names", with(&|token| token["signatures"][0]["username"] = "a\u{0}b \u{1F511}:".into())),
        ("long names", with(&|token| token["signatures"][0]["username"] = "x".repeat(100_000).into())),
        ("no signature", with(&|token| token["signatures"][0]["signature"] = "".into())),
        (
            "half a signature",
            with(&|token| {
                let half = token["signatures"][0]["signature"].as_str().expect("text")[..172].to_string();
                token["signatures"][0]["signature"] = half.into();
            }),
        ),
        (
            "signatures exchanged",
            with(&|token| {
                let names = token["signatures"].clone();
                token["signatures"][0]["username"] = names[1]["username"].clone();
                token["signatures"][1]["username"] = names[0]["username"].clone();
            }),
        ),
        (
            "thousands",
            with(&|token| {
                let one = token["signatures"][0].clone();
                token["signatures"] = Value::Array(vec![one; 5000]);
            }),
        ),
    ];
    let command = |file: &Path| format!("{} --approval '{}'", create("carol"), file.display());
    for (what, contents) in wrong {
        let file = world.folder.join(format!("{what} é.json"));
        fs::write(&file, contents).expect("a file");
        let refused = admin.fails(&command(&file));
        eprintln!("{what}: {}", refused.chars().take(200).collect::<String>());
        assert!(refused.len() < 1000, "{what}: {} bytes", refused.len());
    }
    for (what, path) in [("a folder", world.folder.clone()), ("none", world.folder.join("none"))] {
        let refused = admin.fails(&command(&path));
        eprintln!("{what}: {refused}");
        assert!(refused.contains(&path.display().to_string()), "{refused}");
    }
    // In another order they are what they were.
    edit(&good, |token| token["signatures"].as_array_mut().expect("signatures").reverse());
    admin.must(&command(&good));
}

/// Two processes of one officer don't use each other's tokens; nor does one token serve twice that come at once.
#[test]
fn one_token_serves_once_however_many_come_at_once() {
    let world = World::new(2);
    let mut admin = world.officer("admin");
    admin.must(&set("user", 2));
    world.token(&mut admin, "user", "raced.json", 2);
    let mut second = world.officer("admin");
    let refused = second.fails("quorum token-sign generate --service user --token other.json");
    assert!(refused.contains("has a quorum token for user already"), "{refused}");
    assert_eq!(second.fails(&format!("{} --approval raced.json", create("carol"))), INVALID);
    let commands: Vec<String> =
        (0..20).map(|number| format!("{} --approval raced.json", create(&format!("n{number}")))).collect();
    let made = admin.say_all(&commands).into_iter().filter(Result::is_ok).count();
    assert_eq!(made, 1);
    // Officers who make the same user at once: one does.
    let strangers: Vec<_> = (0..2)
        .map(|number| {
            let mut command = world.cluster.strongroom(&["user", "create", "--username", "late"]);
            command.args(["--role", "crypto-user", "--password", "some-secret"]);
            command
                .env("STRONGROOM_ROLE", "admin")
                .env("STRONGROOM_PIN", ["admin:admins-secret", "o1:o1s-secret"][number]);
            thread::spawn(move || run_any(&mut command).stdout())
        })
        .collect();
    for stranger in strangers {
        assert!(stranger.join().expect("a thread").contains(MISSING));
    }
}
