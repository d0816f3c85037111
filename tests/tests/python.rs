//! Python with keys in a cluster: python-pkcs11 and PyKCS11, as PyPI has them. The programs are in `tests/python`.

use std::path::Path;
use std::process::Command;

use strongroom_testkit::{Cluster, python, run};
use strongroom_tests::programs::Partner;
use strongroom_tests::workbench::Workbench;

/// A scenario of one of the programs, ready to run.
#[track_caller]
fn prepare(cluster: &Cluster, program: &str, scenario: &str) -> Command {
    let mut command = cluster.command(python());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(program).with_extension("py");
    command.current_dir(cluster.folder()).env("PYTHONDONTWRITEBYTECODE", "1").arg(source).arg(scenario);
    command.env("MODULE", cluster.module()).env("TOKEN", cluster.token_label());
    command
}

/// Plays a scenario; the program checks by itself.
#[track_caller]
fn play_on(cluster: &Cluster, program: &str, scenario: &str) {
    run(prepare(cluster, program, scenario).env("PIN", cluster.pin()));
}

/// Plays a scenario on a cluster of its own.
#[track_caller]
fn play(program: &str, scenario: &str) {
    play_on(&Cluster::start(), program, scenario);
}

/// A cluster with a certificate beside it.
#[track_caller]
fn with_certificate() -> Cluster {
    let cluster = Cluster::start();
    Workbench::new(&cluster).openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout key -subj /CN=mine -days 9 -outform DER -out certificate.der",
    );
    cluster
}

/// Tests that play the scenario of their name.
macro_rules! scenarios {
    ($($module:ident plays $program:literal: $($scenario:ident),* $(,)?;)*) => {$(
        mod $module {
            $(#[test]
            fn $scenario() {
                super::play($program, stringify!($scenario));
            })*
        }
    )*};
}

scenarios! {
    python_pkcs11 plays "with_python_pkcs11":
        rsa_signs, rsa_encrypts, elliptic_curves, aes_encrypts, macs_and_digests, wraps, objects, imports, logins,
        usage, describes;
    pykcs11 plays "with_pykcs11":
        signs, encrypts, hashes_and_macs, wraps_and_derives, attributes, objects, logins, describes, threads, forks;
}

#[test]
fn certificates_come_and_go_with_both() {
    play_on(&with_certificate(), "with_python_pkcs11", "certificates");
    play_on(&with_certificate(), "with_pykcs11", "imports_and_certificates");
}

#[test]
fn pykcs11_initialises_a_token() {
    let cluster = Cluster::uninitialized();
    run(prepare(&cluster, "with_pykcs11", "initialises").env("PIN", "nobody:has-one"));
}

#[test]
fn a_loop_goes_on_across_restarts_of_the_daemon() {
    let mut cluster = Cluster::start();
    let mut partner = Partner::start(prepare(&cluster, "with_pykcs11", "loop").env("PIN", cluster.pin()));
    for round in 0..6 {
        match round {
            2 => cluster.restart(),
            4 => {
                cluster.kill();
                cluster.start_again();
            }
            _ => {}
        }
        partner.say("go on");
        assert_eq!(partner.hear().as_deref(), Some("done"), "round {round}");
    }
    partner.say("stop");
    partner.end();
}
