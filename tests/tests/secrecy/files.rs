//! Files: the home, the logs of both sides at their loudest, what clients leave behind.

use std::path::Path;

use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run};
use strongroom_tests::alone;
use strongroom_tests::raw::Raw;

use crate::keys::KnownKeys;
use crate::scan::Secrets;

const APP: &str = "the-app's-pass-word";
const OFFICER: &str = "the-officer's-pass-word";

/// Starts the daemon again, logging all it can.
fn log_everything(cluster: &mut Cluster) {
    cluster.stop();
    run(cluster.strongroom(&["up"]).env("STRONGROOM_LOG", "trace"));
}

#[test]
fn no_file_has_private_bytes_or_passwords() {
    alone(|| {
        let mut cluster = Cluster::builder().crypto_user("app", APP).officer_password(OFFICER).start();
        log_everything(&mut cluster);
        let folder = cluster.folder();
        let raw = start_logging(&cluster, &folder.join("module.log"));
        let session = raw.open().expect("C_OpenSession");
        let wrong = [format!("app:{APP}!"), format!("{APP}!"), format!("{APP}:app"), format!("app {APP}")];
        for pin in wrong {
            assert_eq!(session.login(&pin).unwrap_err(), ReturnCode::PIN_INCORRECT);
        }
        session.login(cluster.pin()).expect("C_Login");
        let known = KnownKeys::new();
        for token in [true, false] {
            let keys = known.import(session, token);
            known.use_all(session, &keys);
        }

        let (mut private, mut passwords) = (Secrets::default(), Secrets::default());
        known.add_to(&mut private);
        passwords.add_text("the app's password", APP);
        passwords.add_text("the officer's password", OFFICER);
        let logs = [cluster.log(), std::fs::read_to_string(folder.join("module.log")).expect("a log")];
        assert!(logs.iter().all(|log| log.len() > 1000), "the logs are too short to show anything");
        assert_eq!(private.find_in_files(folder, |_| false), Vec::<String>::new());
        let is_for_passwords = |file: &Path| file == cluster.home().join("secrets.json");
        assert_eq!(passwords.find_in_files(folder, is_for_passwords), Vec::<String>::new());
        assert_eq!(
            passwords.find_in_files(folder, |_| false).len(),
            2,
            "what the search finds where they are"
        );
    });
}

/// The module, logging all it can.
fn start_logging(cluster: &Cluster, log: &Path) -> Raw {
    let raw = Raw::load(cluster);
    for (name, value) in [("STRONGROOM_LOG", "trace".as_ref()), ("STRONGROOM_LOG_FILE", log.as_os_str())] {
        // SAFETY: no other thread of this process runs yet.
        unsafe { std::env::set_var(name, value) };
    }
    raw.initialize().expect("C_Initialize");
    raw
}
