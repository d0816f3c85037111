//! Starting and ending: the engine leaves sessions open and the module initialised when `openssl` ends.

use std::time::Instant;

use strongroom_testkit::{Cluster, run, run_any};
use strongroom_tests::openssl::OpenSsl;

#[test]
fn ten_processes_at_once_start_log_in_sign_and_end() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("rsa:2048", "rsa", "01");
    let message = openssl.file("message", "message");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let signed = run(openssl
                        .engine("dgst", &["-sha256", "-keyform", "engine", "-sign", &openssl.uri("rsa")])
                        .arg(&message));
                    assert_eq!(signed.stdout_bytes().len(), 256);
                    assert_eq!(signed.stderr(), "Engine \"pkcs11\" set.\n");
                }
            });
        }
    });
    let each = begun.elapsed().as_secs_f64() * 1000.0 / 50.0;
    println!("50 processes that log in and sign once, 10 at a time: {each:.0} ms each");
}

#[test]
fn an_error_in_the_middle_ends_without_a_crash() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("rsa:2048", "rsa", "01");
    let uri = openssl.uri("rsa");
    let input = openssl.file("input", [1; 300]);
    // Longer than the modulus; a digest of the wrong length; an EC option for an RSA key.
    let cases: [&[&str]; 3] = [
        &["-pkeyopt", "rsa_padding_mode:pkcs1"],
        &["-pkeyopt", "digest:sha256"],
        &["-pkeyopt", "ec_paramgen_curve:P-256"],
    ];
    for options in cases {
        let mut command = openssl.engine("pkeyutl", &["-sign", "-keyform", "engine", "-inkey", &uri]);
        let failed = run_any(command.args(options).arg("-in").arg(&input));
        assert_eq!(failed.status().code(), Some(1), "{}", failed.report());
    }
}

#[test]
fn without_a_daemon_it_fails_with_a_message_and_no_crash() {
    let mut cluster = Cluster::start();
    {
        let openssl = OpenSsl::new(&cluster);
        openssl.generate("EC:prime256v1", "ec", "01");
    }
    cluster.stop();
    {
        let openssl = OpenSsl::new(&cluster);
        let message = openssl.file("message", "message");
        let uri = openssl.uri("ec");
        let mut command = openssl.engine("dgst", &["-sha256", "-keyform", "engine", "-sign", &uri]);
        let failed = run_any(command.env("STRONGROOM_LOG", "warn").arg(&message));
        assert_eq!(failed.status().code(), Some(1), "{}", failed.report());
        assert!(failed.stderr().contains("strongroom up"), "{}", failed.report());
    }
    cluster.start_again();
    let openssl = OpenSsl::new(&cluster);
    let message = openssl.file("message", "message");
    run(openssl
        .engine("dgst", &["-sha256", "-keyform", "engine", "-sign", &openssl.uri("ec")])
        .arg(&message));
}
