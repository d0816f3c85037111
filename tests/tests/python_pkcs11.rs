//! What python-pkcs11 offers beyond RSA, ECDSA and AES, which `python.rs` has. The program is
//! `tests/python/newer_with_python_pkcs11.py`.

use std::path::Path;

use strongroom_testkit::{Cluster, python, run};

#[track_caller]
fn play(scenario: &str) {
    let cluster = Cluster::start();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/newer_with_python_pkcs11.py");
    let mut command = cluster.command(python());
    command.current_dir(cluster.folder()).env("PYTHONDONTWRITEBYTECODE", "1").arg(source).arg(scenario);
    command.env("MODULE", cluster.module()).env("TOKEN", cluster.token_label()).env("PIN", cluster.pin());
    run(&mut command);
}

#[test]
fn it_signs_on_edwards_curves() {
    play("edwards");
}

#[test]
fn it_agrees_by_diffie_hellman() {
    play("diffie_hellman");
}

#[test]
fn it_signs_by_dsa() {
    play("dsa");
}

#[test]
fn it_makes_domain_parameters() {
    play("domain_parameters");
}
