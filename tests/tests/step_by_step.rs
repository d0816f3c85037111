//! `docs/lifecycle.md` from nothing to a signature: what it tells to type, in one shell, as it stands there.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::time::Duration;

use strongroom_testkit::{bin_dir, run_any, run_with};
use strongroom_tests::alone_with_own_network;
use strongroom_tests::pages::{blocks, page};

/// What comes between the page's operator and its application: from here on there are no sockets to go by.
const NO_SOCKETS: &str = "mv \"$STRONGROOM_HOME/s\" \"$STRONGROOM_HOME/elsewhere\"\n";

/// What an application finds that has no certificate of a client. Its own shell: the page's is as the page leaves it.
const WITHOUT_A_PAIR: &str = r#"(
export STRONGROOM_CONFIG=$PWD/bare.toml STRONGROOM_LOG=warn
strongroom configure --cluster-id $ID --endpoint http://127.0.0.1:5556 --hsm-ca-cert customerCA.crt
if p11 --sign --id 01 --mechanism ECDSA-SHA256 --input-file letter --output-file bare.sig > bare.log 2>&1; then
    echo 'signed without a pair' && exit 1
fi
)
"#;

/// What the page's application had in its environment, and the client that still works behind all that.
const AFTERWARDS: &str = r#"
env > environment
p11 --sign --id 01 --mechanism ECDSA-SHA256 --signature-format openssl --input-file letter --output-file again.sig
openssl dgst -sha256 -verify letters.der -keyform DER -signature again.sig letter
STRONGROOM_ROLE=crypto-user STRONGROOM_PIN=$PIN strongroom key list > keys
"#;

#[test]
fn from_nothing_to_a_signature_by_the_page_as_it_stands() {
    // The page has the API at its usual port, and nodes at theirs.
    alone_with_own_network(|| {
        let steps = blocks(&page("docs/lifecycle.md"), "## Step by step", "sh");
        let (application, operator) = steps.split_last().expect("the page's steps");
        assert!(operator.len() > 4 && application.contains("p11 --sign"), "{steps:?}");
        let script = [&operator.concat(), NO_SOCKETS, application, WITHOUT_A_PAIR, AFTERWARDS].concat();

        let folder = tempfile::Builder::new().prefix("sr").tempdir().expect("a temporary folder");
        let folder = folder.path();
        let command = |program: &str| {
            let mut command = Command::new(program);
            command.current_dir(folder).env_clear();
            // Debian's `aws`, not another in the path.
            command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin_dir().display()));
            command.env("MODULE", bin_dir().join("libstrongroom_pkcs11.so")).env("HOME", folder);
            command.env("STRONGROOM_HOME", folder.join("h"));
            command
        };
        let typed = ["-euo", "pipefail", "-c", &script];
        let ended = run_with(command("bash").args(typed), b"", Duration::from_secs(150));
        let read = |name: &str| {
            fs::read_to_string(folder.join(name))
                .unwrap_or_else(|error| panic!("{name}: {error}: {}", ended.report()))
        };
        let checked = || {
            assert!(ended.success(), "{}", ended.report());
            assert_eq!(ended.stdout().matches("Verified OK").count(), 2, "{}", ended.report());
            let configured = read("client.toml");
            assert!(configured.contains("client_cert") && configured.contains("servers"), "{configured}");
            assert!(!configured.contains("unix:"), "{configured}");
            let environment = read("environment");
            assert!(
                environment.contains("STRONGROOM_CONFIG=") && !environment.contains("STRONGROOM_HOME"),
                "{environment}"
            );
            let refused = read("bare.log");
            assert!(refused.contains("without a client certificate"), "{refused}");
            assert!(!folder.join("bare.sig").exists());
            assert!(read("keys").contains("\"total_key_count\":2"), "{}", read("keys"));
        };
        let checked = catch_unwind(AssertUnwindSafe(checked));
        run_any(command(&bin_dir().join("strongroom").display().to_string()).arg("down")).expect_success();
        checked.unwrap_or_else(|panic| resume_unwind(panic));
    });
}
