//! An example for each command, shown by its `--help`. A test reads each as a command line.

use std::fmt::Write;

use clap::Command;

/// A command, and what one types; several may be for the same command. Without `strongroom` in front it's for interactive mode.
const EXAMPLES: &[(&str, &str)] = &[
    ("down", "strongroom down"),
    ("status", "strongroom status --human"),
    ("serve", "strongroom serve --home /var/lib/strongroom"),
    ("logout", "logout"),
    ("quit", "quit"),
    ("node list", "strongroom node list --human"),
    ("node add", "strongroom node add --cluster payments"),
    ("node remove", "strongroom node remove 1"),
    ("fault node stop", "strongroom fault node stop 1"),
    ("fault node start", "strongroom fault node start 1"),
    ("fault node cut", "strongroom fault node cut 0"),
    ("fault node heal", "strongroom fault node heal 0"),
    ("fault node delay", "strongroom fault node delay 1 200"),
    ("fault node drop", "strongroom fault node drop 1 5"),
    ("fault node throttle", "strongroom fault node throttle 1 50"),
    ("fault node hang", "strongroom fault node hang 1"),
    ("fault node clear", "strongroom fault node clear 1"),
    ("audit show", "strongroom audit show --node 0 --from 0x1c --human"),
    ("audit show", "strongroom audit show --follow --format json"),
    ("audit verify", "strongroom audit verify"),
    ("audit verify", "strongroom audit verify --since audit.jsonl"),
    ("audit export", "strongroom audit export > audit.jsonl"),
    ("audit export", "strongroom audit export --to archive"),
    ("backup create", "strongroom backup create --cluster payments"),
    ("backup list", "strongroom backup list --human"),
    ("backup verify", "strongroom backup verify --file /mnt/safe/monday.image"),
    ("backup copy", "strongroom backup copy --id backup-ax3qyx2kzt7mfo4b --to /mnt/safe/monday.image"),
    ("backup delete", "strongroom backup delete --id backup-ax3qyx2kzt7mfo4b"),
    ("backup undelete", "strongroom backup undelete --id backup-ax3qyx2kzt7mfo4b"),
    ("backup keep", "strongroom backup keep --id backup-ax3qyx2kzt7mfo4b"),
    ("backup restore", "strongroom backup restore --id backup-ax3qyx2kzt7mfo4b --name clone --nodes 3"),
    ("backup restore", "strongroom backup restore --file /mnt/safe/monday.image --name monday"),
    ("completions", "strongroom completions bash > /etc/bash_completion.d/strongroom"),
    ("configure", "strongroom configure -a 127.83.4.10 --hsm-ca-cert customerCA.crt"),
    (
        "configure add-cluster",
        "strongroom configure add-cluster --cluster-id cluster-7xanmpleid2 -a 10.0.3.5 --hsm-ca-cert customerCA.crt",
    ),
    ("configure remove-cluster", "strongroom configure remove-cluster --cluster-id cluster-7xanmpleid2"),
    ("cluster activate", "strongroom cluster activate"),
    ("cluster hsm-info", "strongroom cluster hsm-info --human"),
    ("cluster certificates", "strongroom cluster certificates --save pems"),
    (
        "cluster initialize",
        "strongroom cluster initialize --signed-cert signed.crt --trust-anchor customerCA.crt",
    ),
    (
        "cluster mtls register-trust-anchor",
        "strongroom cluster mtls register-trust-anchor --path clients.crt",
    ),
    (
        "cluster mtls deregister-trust-anchor",
        "strongroom cluster mtls deregister-trust-anchor --certificate-reference 0x01",
    ),
    ("cluster mtls list-trust-anchors", "strongroom cluster mtls list-trust-anchors"),
    ("cluster mtls set-enforcement", "strongroom cluster mtls set-enforcement --level cluster"),
    ("cluster mtls get-enforcement", "strongroom cluster mtls get-enforcement"),
    ("user create", "strongroom user create --username bob --role crypto-user"),
    (
        "user create",
        "strongroom user create --username bob --role crypto-user --password - --approval token.json < file",
    ),
    ("user delete", "strongroom user delete --username bob --role crypto-user"),
    ("user list", "strongroom user list --human"),
    (
        "user change-password",
        "strongroom user change-password --username bob --role crypto-user --password - < file",
    ),
    (
        "user change-mfa token-sign",
        "user change-mfa token-sign --username bob --role crypto-user --token mfa.json",
    ),
    (
        "user change-mfa token-sign",
        "strongroom user change-mfa token-sign --username bob --role crypto-user --deregister",
    ),
    (
        "user change-quorum token-sign register",
        "user change-quorum token-sign register --public-key mine.pem --signed-token register.json",
    ),
    ("user replicate", "strongroom user replicate --username bob --role crypto-user"),
    (
        "user replicate",
        "strongroom user replicate --username bob --role crypto-user --source-cluster-id default --destination-cluster-id clone",
    ),
    ("key list", "strongroom key list --human"),
    ("key list", "strongroom key list --verbose --filter attr.class=private-key attr.key-type=rsa"),
    ("key delete", "strongroom key delete --filter key-reference=0x000000000000002a"),
    (
        "key generate-asymmetric-pair rsa",
        "strongroom key generate-asymmetric-pair rsa --public-label web --private-label web --modulus-size-bits 2048 \
         --public-exponent 65537 --public-attributes verify=true --private-attributes sign=true",
    ),
    (
        "key generate-asymmetric-pair ec",
        "strongroom key generate-asymmetric-pair ec --public-label tls --private-label tls --curve secp256r1 \
         --public-attributes verify=true --private-attributes sign=true",
    ),
    (
        "key generate-asymmetric-pair ml-dsa",
        "strongroom key generate-asymmetric-pair ml-dsa --public-label pq --private-label pq --mldsa-algorithm ml-dsa-65 \
         --public-attributes verify=true --private-attributes sign=true",
    ),
    (
        "key generate-symmetric aes",
        "strongroom key generate-symmetric aes --label payments --key-length-bytes 32 --attributes encrypt=true decrypt=true",
    ),
    (
        "key generate-symmetric aes",
        "strongroom key generate-symmetric aes --label ours --key-length-bytes 32 --share-crypto-users bob carol \
         --manage-key-quorum-value 2 --use-key-quorum-value 2",
    ),
    (
        "key generate-symmetric generic-secret",
        "strongroom key generate-symmetric generic-secret --label mac --key-length-bytes 64",
    ),
    (
        "key generate-file",
        "strongroom key generate-file --encoding pem --path web.pem --filter attr.label=web attr.class=public-key",
    ),
    (
        "key generate-file",
        "strongroom key generate-file --encoding reference-pem --path web.key --filter attr.label=web attr.class=private-key",
    ),
    (
        "key import pem",
        "strongroom key import pem --path ec.pub --label ec --key-type-class ec-public --attributes verify=true",
    ),
    (
        "key import pem",
        "strongroom key import pem --path ec.pem --label ec --key-type-class ec-private --attributes sign=true \
         --wrapping-filter attr.label=gate",
    ),
    (
        "key set-attribute",
        "strongroom key set-attribute --filter attr.label=payments --name label --value invoices",
    ),
    (
        "key set-attribute",
        "strongroom key set-attribute --filter attr.label=kek --name trusted --value true --login-role admin",
    ),
    ("key share", "strongroom key share --filter attr.label=payments --username bob --role crypto-user"),
    ("key unshare", "strongroom key unshare --filter attr.label=payments --username bob --role crypto-user"),
    (
        "key wrap aes-gcm",
        "strongroom key wrap aes-gcm --payload-filter attr.label=payments --wrapping-filter attr.label=kek",
    ),
    (
        "key wrap cloudhsm-aes-gcm",
        "strongroom key wrap cloudhsm-aes-gcm --payload-filter attr.label=payments --wrapping-filter attr.label=kek",
    ),
    (
        "key wrap aes-no-pad",
        "strongroom key wrap aes-no-pad --payload-filter attr.label=payments --wrapping-filter attr.label=kek",
    ),
    (
        "key wrap aes-pkcs5-pad",
        "strongroom key wrap aes-pkcs5-pad --payload-filter attr.label=payments --wrapping-filter attr.label=kek --path out.bin",
    ),
    (
        "key wrap aes-zero-pad",
        "strongroom key wrap aes-zero-pad --payload-filter attr.label=payments --wrapping-filter attr.label=kek --path out.bin",
    ),
    (
        "key wrap rsa-oaep",
        "strongroom key wrap rsa-oaep --payload-filter attr.label=payments --wrapping-filter attr.label=rsa \
         attr.class=public-key --hash-function sha256",
    ),
    (
        "key wrap rsa-aes",
        "strongroom key wrap rsa-aes --payload-filter attr.label=payments --wrapping-filter attr.label=rsa \
         attr.class=public-key --hash-function sha256",
    ),
    (
        "key wrap rsa-pkcs",
        "strongroom key wrap rsa-pkcs --payload-filter attr.label=payments --wrapping-filter attr.label=rsa attr.class=public-key",
    ),
    (
        "key unwrap aes-gcm",
        "strongroom key unwrap aes-gcm --filter attr.label=kek --data BASE64 --initial-vector 0x0102 --key-type-class aes --label again",
    ),
    (
        "key unwrap cloudhsm-aes-gcm",
        "strongroom key unwrap cloudhsm-aes-gcm --filter attr.label=kek --data BASE64 --key-type-class aes --label again",
    ),
    (
        "key unwrap aes-no-pad",
        "strongroom key unwrap aes-no-pad --filter attr.label=kek --data BASE64 --key-type-class aes --label again",
    ),
    (
        "key unwrap aes-pkcs5-pad",
        "strongroom key unwrap aes-pkcs5-pad --filter attr.label=kek --data-path out.bin --key-type-class aes --label again",
    ),
    (
        "key unwrap aes-zero-pad",
        "strongroom key unwrap aes-zero-pad --filter attr.label=kek --data-path out.bin --key-type-class aes --label again \
         --attributes encrypt=true decrypt=true",
    ),
    (
        "key unwrap rsa-oaep",
        "strongroom key unwrap rsa-oaep --filter attr.label=rsa attr.class=private-key --data BASE64 --hash-function sha256 \
         --key-type-class aes --label again",
    ),
    (
        "key unwrap rsa-aes",
        "strongroom key unwrap rsa-aes --filter attr.label=rsa attr.class=private-key --data-path out.bin --hash-function sha256 \
         --key-type-class aes --label again",
    ),
    (
        "key unwrap rsa-pkcs",
        "strongroom key unwrap rsa-pkcs --filter attr.label=rsa attr.class=private-key --data BASE64 --key-type-class aes --label again",
    ),
    ("key replicate", "strongroom key replicate --filter attr.label=payments"),
    (
        "key replicate",
        "strongroom key replicate --filter attr.label=payments --source-cluster-id default --destination-cluster-id clone",
    ),
    (
        "crypto sign ecdsa",
        "strongroom crypto sign ecdsa --key-filter attr.label=tls --hash-function sha256 --data-path letter",
    ),
    (
        "crypto sign rsa-pkcs",
        "strongroom crypto sign rsa-pkcs --key-filter attr.label=web --hash-function sha256 --data BASE64",
    ),
    (
        "crypto sign rsa-pkcs-pss",
        "strongroom crypto sign rsa-pkcs-pss --key-filter attr.label=web --hash-function sha256 --mgf mgf1-sha256 --salt-length 32 \
         --data BASE64",
    ),
    ("crypto sign ed25519", "strongroom crypto sign ed25519 --key-filter attr.label=ed --data-path letter"),
    (
        "crypto sign ed25519ph",
        "strongroom crypto sign ed25519ph --key-filter attr.label=ed --hash-function sha512 --data-path letter",
    ),
    ("crypto sign ml-dsa", "strongroom crypto sign ml-dsa --key-filter attr.label=pq --data-path letter"),
    (
        "crypto verify ecdsa",
        "strongroom crypto verify ecdsa --key-filter attr.label=tls --hash-function sha256 --data-path letter --signature BASE64",
    ),
    (
        "crypto verify rsa-pkcs",
        "strongroom crypto verify rsa-pkcs --key-filter attr.label=web --hash-function sha256 --data-path letter --signature-path letter.sig",
    ),
    (
        "crypto verify rsa-pkcs-pss",
        "strongroom crypto verify rsa-pkcs-pss --key-filter attr.label=web --hash-function sha256 --data-path letter --signature BASE64",
    ),
    (
        "crypto verify ed25519",
        "strongroom crypto verify ed25519 --key-filter attr.label=ed --data-path letter --signature-path letter.sig",
    ),
    (
        "crypto verify ed25519ph",
        "strongroom crypto verify ed25519ph --key-filter attr.label=ed --data-type digest --data BASE64 --signature BASE64",
    ),
    (
        "crypto verify ml-dsa",
        "strongroom crypto verify ml-dsa --key-filter attr.label=pq --data-path letter --signature-path letter.sig",
    ),
    ("quorum token-sign generate", "quorum token-sign generate --service registration --token register.json"),
    ("quorum token-sign generate", "quorum token-sign generate --service user --token token.json"),
    (
        "quorum token-sign generate",
        "quorum token-sign generate --service key-usage --token use.json --filter attr.label=payments",
    ),
    ("quorum token-sign list", "quorum token-sign list --human"),
    ("quorum token-sign delete", "quorum token-sign delete --scope user"),
    ("quorum token-sign list-quorum-values", "strongroom quorum token-sign list-quorum-values --human"),
    ("quorum token-sign list-timeouts", "strongroom quorum token-sign list-timeouts"),
    (
        "quorum token-sign set-quorum-value",
        "strongroom quorum token-sign set-quorum-value --service user --value 2",
    ),
    (
        "quorum token-sign set-timeout",
        "strongroom quorum token-sign set-timeout --generated 300 --approved 120",
    ),
    ("login mfa-token-sign", "login --username bob --role crypto-user mfa-token-sign --token login.json"),
];

/// A command with its examples, and so on below it. What has other text there keeps it.
pub(super) fn attach(command: Command, path: &str) -> Command {
    let mut command = command.mut_subcommands(|inner| {
        let below = format!("{path} {}", inner.get_name());
        attach(inner, below.trim_start())
    });
    let mine: Vec<&str> =
        EXAMPLES.iter().filter(|(of, _)| *of == path).map(|(_, example)| *example).collect();
    if command.get_after_help().is_none() && !mine.is_empty() {
        let mut text = String::from(if mine.len() == 1 { "Example:" } else { "Examples:" });
        for example in mine {
            // Writing to a string can't fail.
            let _ = write!(text, "\n  {example}");
        }
        if !text.contains("strongroom") {
            text += "\n\nIn `strongroom interactive`.";
        }
        command = command.after_help(text);
    }
    command
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::CommandFactory;

    use super::*;
    use crate::args::Arguments;

    #[test]
    fn every_example_is_a_command_of_its_place() {
        for (path, example) in EXAMPLES {
            assert!(
                path.split(' ').all(|word| words(example).contains(&word)),
                "{example} isn't about {path}"
            );
            check_line(example);
        }
    }

    /// The words for our command in what is typed for a shell.
    fn words(line: &str) -> Vec<&str> {
        let typed = line.split_whitespace().take_while(|word| !matches!(*word, "<" | ">"));
        typed.skip_while(|word| *word == "strongroom").collect()
    }

    fn check_line(line: &str) {
        let words = words(line);
        if let Err(error) = Arguments::command().try_get_matches_from(["strongroom"].iter().chain(&words)) {
            panic!("{line}: {error}");
        }
    }

    fn docs() -> PathBuf {
        // As cargo says now: the workspace may have moved since this was built.
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        here.join("../../docs")
    }

    #[test]
    fn what_the_documentation_tells_to_type_are_commands() {
        let mut count = 0;
        for file in std::fs::read_dir(docs()).expect("the documentation") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("a text");
            let text = text.replace("\\\n", " ");
            let typed = text.lines().filter_map(|line| {
                line.strip_prefix("strongroom> ").or_else(|| line.strip_prefix("strongroom "))
            });
            for line in typed {
                // What is said of it stands behind.
                let line = line.split(" #").next().unwrap_or(line);
                let line = line.split_once("   ").map_or(line, |(line, _)| line.trim_end());
                if !line.contains("<<") && !line.contains('|') {
                    check_line(line);
                    count += 1;
                }
            }
        }
        assert!(count > 30, "only {count} lines were found");
    }

    #[test]
    fn the_page_about_the_command_line_has_every_command_and_no_other() {
        fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
            found.extend((!command.has_subcommands()).then(|| path.trim_start().to_string()));
            for inner in command.get_subcommands() {
                leaves(inner, &format!("{path} {}", inner.get_name()), found);
            }
        }
        let page = std::fs::read_to_string(docs().join("command-line.md")).expect("the page");
        let mut commands = Vec::new();
        leaves(&Arguments::command(), "", &mut commands);
        for command in commands {
            let last = command.rsplit(' ').next().expect("a word");
            assert!(
                page.contains(&format!("{last}`")) || page.contains(&format!(" {last} ")),
                "{command} isn't on the page"
            );
        }
        let examples =
            page.split('`').filter(|text| text.starts_with("strongroom ") && !text.contains("COMMAND"));
        let count = examples.map(check_line).count();
        assert!(count > 30, "only {count} examples were found");
    }

    #[test]
    fn every_command_teaches_by_examples() {
        fn check(command: &Command, path: &str) {
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                check(inner, &format!("{path} {}", inner.get_name()));
            }
            // What `login` is for stands in a help of its own.
            if command.has_subcommands() || path.ends_with("login") {
                return;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{path} has no example");
        }
        check(&crate::args::command(), "");
    }
}
