//! The daemon's memory: keys that are destroyed are gone from it (attacks.md, A39), and so are passwords.

use strongroom_testkit::Cluster;
use strongroom_tests::alone_with_own_mounts;
use strongroom_tests::raw::{Raw, Session};

use crate::keys::KnownKeys;
use crate::scan::Secrets;

fn assert_clean(secrets: &Secrets, cluster: &Cluster, when: &str) {
    let found = secrets.find_in_memory(cluster.daemon_pid());
    assert!(
        found.is_empty(),
        "{when}, {} remains are in the daemon's memory:\n{}",
        found.len(),
        found.join("\n")
    );
}

/// Requests that go over the same connections and buffers as those before.
fn go_on(session: Session<'_>) {
    for _ in 0..4 {
        session.random(&mut [0; 64]).expect("C_GenerateRandom");
    }
}

#[test]
fn destroyed_keys_are_gone_from_the_daemons_memory() {
    alone_with_own_mounts(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let known = KnownKeys::new();
        let mut secrets = Secrets::default();
        known.add_to(&mut secrets);
        for token in [true, false] {
            let keys = known.import(session, token);
            known.use_all(session, &keys);
            let living = secrets.find_in_memory(cluster.daemon_pid());
            assert!(living.len() >= 4, "the search finds too little where keys are: {living:?}");
            for key in keys {
                session.destroy(key).expect("C_DestroyObject");
            }
            go_on(session);
            assert_clean(&secrets, &cluster, "after C_DestroyObject");
        }
    });
}

#[test]
fn session_keys_go_from_the_daemons_memory_with_their_session_login_and_client() {
    alone_with_own_mounts(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let known = KnownKeys::new();
        let mut secrets = Secrets::default();
        known.add_to(&mut secrets);
        let main = raw.logged_in(&cluster);

        let session = raw.open().expect("C_OpenSession");
        known.use_all(session, &known.import(session, false));
        session.close().expect("C_CloseSession");
        go_on(main);
        assert_clean(&secrets, &cluster, "after C_CloseSession");

        known.use_all(main, &known.import(main, false));
        main.logout().expect("C_Logout");
        go_on(main);
        assert_clean(&secrets, &cluster, "after C_Logout");

        main.login(cluster.pin()).expect("C_Login");
        known.use_all(main, &known.import(main, false));
        raw.finalize().expect("C_Finalize");
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_clean(&secrets, &cluster, "after C_Finalize");
    });
}

#[test]
fn the_daemon_remembers_no_passwords() {
    alone_with_own_mounts(|| {
        let (app, officer) = ("the-app's-pass-word", "the-officer's-pass-word");
        let mut cluster = Cluster::builder().crypto_user("app", app).officer_password(officer).start();
        let raw = Raw::start(&cluster);
        let mut secrets = Secrets::default();
        secrets.add_text("the app's password", app);
        secrets.add_text("the officer's password", officer);
        secrets.add_text("a wrong password", "quite-another-word");
        for start in ["the one that made the cluster", "the next one"] {
            let session = raw.open().expect("C_OpenSession");
            assert!(session.login("app:quite-another-word").is_err());
            assert!(session.login("quite-another-word").is_err());
            session.login(cluster.pin()).expect("C_Login");
            session.logout().expect("C_Logout");
            session.login_as(cryptoki_sys::CKU_SO, officer.as_bytes()).expect("C_Login");
            go_on(session);
            assert_clean(&secrets, &cluster, start);
            session.logout().expect("C_Logout");
            cluster.restart();
        }
    });
}
