//! Item 80 of cloudhsm.md 14: what a single command prints, the same command prints in interactive mode, line by line.
//!
//! Two clusters that are alike get the same commands, one by single commands, one in a session. Quorum tokens, second factors and
//! session keys take a session, so they aren't here.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use strongroom_testkit::{Cluster, run_with};

const LIMIT: Duration = Duration::from_secs(60);
const ALICE: (&str, &str, &str) = ("crypto-user", "alice", "alices-secret");
const OFFICER: (&str, &str, &str) = ("admin", "admin", "officers-secret");

const OF_ALICE: &[&str] = &[
    // Keys are made,
    "key generate-symmetric aes --label a --key-length-bytes 32 --attributes encrypt=true decrypt=true",
    "key generate-symmetric aes --label kek --key-length-bytes 32 --attributes wrap=true unwrap=true",
    "key generate-symmetric aes --label odd --key-length-bytes 31",
    "key generate-symmetric generic-secret --label mac --key-length-bytes 64",
    "key generate-asymmetric-pair ec --public-label e --private-label e --curve secp256r1 \
     --public-attributes verify=true --private-attributes sign=true",
    "key generate-asymmetric-pair rsa --public-label r --private-label r --modulus-size-bits 2048 --public-exponent 65537",
    "key generate-asymmetric-pair ec --public-label e --private-label e --curve secp256r9",
    "key generate-symmetric aes --label ours --key-length-bytes 32 --share-crypto-users bob --manage-key-quorum-value 2 \
     --use-key-quorum-value 2",
    "key generate-symmetric aes --label ours --key-length-bytes 32 --manage-key-quorum-value 2 --use-key-quorum-value 2",
    // listed,
    "key list",
    "key list --verbose",
    "key list --human",
    "key list --verbose --filter attr.label=e attr.class=private-key",
    "key list --filter attr.label=nothing",
    "key list --filter nonsense",
    // changed,
    "key set-attribute --filter attr.label=a --name label --value aes",
    "key set-attribute --filter attr.label=aes --name sensitive --value false",
    "key set-attribute --filter attr.label=aes --name trusted --value true",
    "key set-attribute --filter attr.label=aes --name nonsense --value true",
    // shared,
    "key share --filter attr.label=aes --username bob --role crypto-user",
    "key list --verbose --filter attr.label=aes",
    "key share --filter attr.label=aes --username nobody --role crypto-user",
    "key share --filter attr.label=aes --username bob",
    "key unshare --filter attr.label=aes --username bob --role crypto-user",
    "key unshare --filter attr.label=aes --username bob --role crypto-user",
    // moved,
    "key generate-file --encoding pem --path public.pem --filter attr.label=e attr.class=public-key",
    "key generate-file --encoding reference-pem --path private.pem --filter attr.label=e attr.class=private-key",
    "key generate-file --encoding pem --path private.pem --filter attr.label=e attr.class=private-key",
    "key import pem --path public.pem --label imported --key-type-class ec-public --attributes verify=true",
    "key import pem --path missing.pem --label imported --key-type-class ec-public",
    "key wrap aes-zero-pad --payload-filter attr.label=aes --wrapping-filter attr.label=kek --path wrapped.bin",
    "key wrap aes-gcm --payload-filter attr.label=aes --wrapping-filter attr.label=kek --tag-length-bits 128 --aad 0x10",
    "key wrap aes-zero-pad --payload-filter attr.label=aes --wrapping-filter attr.label=mac",
    "key unwrap aes-zero-pad --filter attr.label=kek --data-path wrapped.bin --key-type-class aes --label back",
    "key unwrap aes-zero-pad --filter attr.label=kek --data AAAA --key-type-class aes --label back",
    "key replicate --filter attr.label=back",
    // used,
    "crypto sign ecdsa --key-filter attr.label=e attr.class=private-key --hash-function sha256 --data eA==",
    "crypto sign ecdsa --key-filter attr.label=r attr.class=private-key --hash-function sha256 --data eA==",
    "crypto sign rsa-pkcs --key-filter attr.label=r attr.class=private-key --hash-function sha256 --data eA==",
    "crypto verify ecdsa --key-filter attr.label=e attr.class=public-key --hash-function sha256 --data eA== --signature AAAA",
    "crypto sign ecdsa --key-filter attr.label=ours --hash-function sha256 --data eA==",
    // and deleted.
    "key delete --filter attr.label=back",
    "key delete --filter attr.label=back",
    "key delete --filter attr.class=secret-key",
    // What needs no login, and what isn't a crypto user's.
    "cluster hsm-info",
    "user list",
    "user list --human",
    "quorum token-sign list-quorum-values",
    "quorum token-sign list-timeouts",
    "quorum token-sign list",
    "user create --username eve --role crypto-user --password eves-secret",
    "quorum token-sign set-quorum-value --service user --value 2",
    // What isn't a command.
    "nonsense",
    "key nonsense",
    "key share",
    "key list --nonsense",
    "user change-password --username alice --role king --password x",
    // One's own password: the last of alice's, since single commands go on with the old one.
    "user change-password --username alice --role crypto-user --password alices-next-secret",
];

const OF_THE_OFFICER: &[&str] = &[
    "user list",
    "user create --username Eve --role crypto-user --password eves-secret",
    "user create --username eve --role admin --password eves-secret",
    "user create --username e:e --role crypto-user --password eves-secret",
    "user create --username olga --role admin --password x",
    "user create --username olga --role admin --password olgas-secret",
    "user change-password --username eve --role crypto-user --password eves-next-secret",
    "user change-password --username nobody --role crypto-user --password eves-next-secret",
    "user change-mfa token-sign --username eve --role crypto-user --deregister",
    "user replicate --username eve --role crypto-user",
    "user delete --username eve --role crypto-user",
    "user delete --username eve --role crypto-user",
    "user delete --username alice --role crypto-user",
    "user list --human",
    "quorum token-sign set-quorum-value --service user --value 1",
    "quorum token-sign set-quorum-value --service user --value 2",
    "quorum token-sign set-quorum-value --service user --value 9",
    "quorum token-sign set-quorum-value --service key-usage --value 2",
    "quorum token-sign set-timeout --generated 300 --approved 120",
    "quorum token-sign set-timeout --generated 0",
    "quorum token-sign list-timeouts",
    "quorum token-sign delete --scope all",
    "key list",
    "key list --verbose --filter attr.label=kek",
    "key set-attribute --filter attr.label=kek --name trusted --value true",
    "key set-attribute --filter attr.label=kek --name label --value officers",
    "key generate-symmetric aes --label no --key-length-bytes 32",
    "key delete --filter attr.label=kek",
    "crypto sign ecdsa --key-filter attr.label=e --hash-function sha256 --data eA==",
    "cluster activate --password another-secret",
    "user change-password --username admin --role admin --password officers-next-secret",
];

/// A cluster and a folder, alike for each profile.
struct Stage {
    cluster: Cluster,
    folder: PathBuf,
}

impl Stage {
    fn new(profile: &str) -> Self {
        let people = Cluster::builder().officer_password(OFFICER.2).crypto_user(ALICE.1, ALICE.2);
        let cluster = people.crypto_user("bob", "bobs-secret").profile(profile).start();
        let folder = cluster.folder().join("w");
        fs::create_dir(&folder).expect("a folder");
        Self { cluster, folder }
    }

    /// What each command prints by itself, for a user whom these variables name.
    fn single(
        &self,
        (role, name, password): (&str, &str, &str),
        variables: [&str; 2],
        commands: &[&str],
    ) -> Vec<String> {
        let print = |command: &&str| {
            let mut program = self.cluster.strongroom(&command.split_whitespace().collect::<Vec<_>>());
            program.current_dir(&self.folder);
            program.env(variables[0], role).env(variables[1], format!("{name}:{password}"));
            run_with(&mut program, b"", LIMIT).stdout()
        };
        commands.iter().map(print).collect()
    }

    /// What each command prints in one session.
    fn session(&self, (role, name, password): (&str, &str, &str), commands: &[&str]) -> Vec<String> {
        let mut lines = format!("login --username {name} --role {role} --password {password}\n");
        // A line that can't be in any answer stands between them.
        let marked = commands.iter().flat_map(|command| [command, "\n", "'\n"]);
        lines.extend(marked);
        let mut program = self.cluster.strongroom(&["interactive"]);
        program.current_dir(&self.folder);
        let said = run_with(&mut program, lines.as_bytes(), LIMIT).stdout();
        let mark = "{\"error_code\":1,\"data\":\"the line has a ' without the one that closes it\"}\n";
        let (login, rest) = said.split_once('\n').expect("a line for the login");
        assert!(login.contains("\"error_code\":0"), "{login}");
        let mut printed: Vec<_> = rest.split(mark).map(str::to_string).collect();
        assert_eq!(printed.pop().as_deref(), Some(""));
        assert_eq!(printed.len(), commands.len(), "{rest}");
        printed
    }
}

/// What differs between clusters that are alike, by the order in which it comes: references, key material, signatures; and where
/// one is, as far as it's told how to get help.
#[derive(Default)]
struct Alike(BTreeMap<String, String>);

impl Alike {
    fn of(&mut self, stage: &Stage, text: &str) -> String {
        let text = text.replace(&stage.cluster.folder().display().to_string(), "FOLDER");
        let text = helped(&text);
        let mut alike = String::new();
        let mut word = String::new();
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        for c in text.chars().chain(['\n']) {
            if is_of_word(c) {
                word.push(c);
                continue;
            }
            let number = self.0.len();
            if is_random(&word) {
                alike += self.0.entry(word.clone()).or_insert_with(|| format!("<{number}>"));
            } else {
                alike += &word;
            }
            word.clear();
            alike.push(c);
        }
        alike
    }
}

/// References, serial numbers, key material: hex or base64 that nobody would write.
fn is_random(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or("");
    (digits.len() >= 6 && digits.chars().all(|c| c.is_ascii_hexdigit()))
        || (word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit()))
        || (word.len() >= 40 && word.chars().any(|c| c.is_ascii_digit()))
}

/// `strongroom key list --help` is `help key list` in a session, and what's typed there has no `strongroom` in front.
fn helped(text: &str) -> String {
    let text = match text.split_once("see `strongroom ") {
        Some((before, command)) => format!("{before}see `help {}", command.replace(" --help`", "`")),
        None => text.to_string(),
    };
    let text = text.replace("`help --help`", "`help`").replace("[OPTIONS] <COMMAND>", "<COMMAND>");
    text.replace("Usage: strongroom> ", "Usage: ").replace("Usage: strongroom ", "Usage: ")
}

fn compare(profile: &str, variables: [&str; 2]) {
    let (by_itself, together) = (Stage::new(profile), Stage::new(profile));
    let (mut one, mut other) = (Alike::default(), Alike::default());
    for (who, commands) in [(ALICE, OF_ALICE), (OFFICER, OF_THE_OFFICER)] {
        let single = by_itself.single(who, variables, commands);
        let session = together.session(who, commands);
        let mut fine = 0;
        for ((command, single), session) in commands.iter().zip(single).zip(session) {
            let (single, session) = (one.of(&by_itself, &single), other.of(&together, &session));
            assert_eq!(single, session, "{profile}: {command}");
            if !command.contains("--human") {
                assert_eq!(single.trim_end().lines().count(), 1, "{profile}: {command}: {single}");
                assert!(single.starts_with("{\"error_code\":"), "{profile}: {command}: {single}");
            }
            fine += usize::from(single.starts_with("{\"error_code\":0"));
        }
        assert!(fine > commands.len() / 3, "{profile}: only {fine} commands of {} succeeded", commands.len());
    }
}

#[test]
fn single_commands_and_sessions_print_the_same_under_standard() {
    compare("standard", ["STRONGROOM_ROLE", "STRONGROOM_PIN"]);
}

#[test]
fn single_commands_and_sessions_print_the_same_under_cloudhsm() {
    compare("cloudhsm", ["CLOUDHSM_ROLE", "CLOUDHSM_PIN"]);
}
