//! boto3, in JSON as it comes and in CBOR as it will.

use std::process::Command;
use std::time::Duration;

use strongroom_testkit::{run, run_with};

use crate::service::Service;

macro_rules! scenarios {
    ($($scenario:ident)*) => {
        mod json {
            $(#[test]
            fn $scenario() {
                super::Service::start().play(stringify!($scenario), "json");
            })*
        }
        mod cbor {
            $(#[test]
            fn $scenario() {
                super::Service::start().play(stringify!($scenario), "smithy-rpc-v2-cbor");
            })*
        }
    };
}

scenarios! { lifecycle backups clones tags policies pages refusals wrong_certificates }

/// What was done before a crash is there after it.
#[test]
fn a_crash() {
    let mut service = Service::start();
    service.play("before_a_crash", "json");
    service.crash();
    service.play("after_a_crash", "json");
}

#[test]
fn signed_calls() {
    let service = Service::configured(
        "[[aws.credentials]]\naccess_key = \"AKIDEXAMPLE\"\nsecret_key = \"wJalrXUtnFEMI/K7MDENG+bPxRfi\"\n\
         account = \"111122223333\"\n",
    );
    let play = |key: &str, secret: &str, protocol: &str| {
        let mut program = service.python("with_boto3.py");
        program.arg("who_am_i").env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
        run(program.env("PROTOCOL", protocol)).stdout().trim().to_owned()
    };
    for protocol in ["json", "smithy-rpc-v2-cbor"] {
        assert_eq!(play("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfi", protocol), "welcome");
        assert_eq!(play("AKIDEXAMPLE", "wrong", protocol), "InvalidSignatureException");
        assert_eq!(
            play("AKIDOTHER", "wJalrXUtnFEMI/K7MDENG+bPxRfi", protocol),
            "UnrecognizedClientException"
        );
    }
}

/// A script in the style of the one in the vendor's blog: it pages through a cluster's backups, the oldest first, and deletes
/// those older than a date. Nothing in it knows of Strongroom.
#[test]
fn a_script_that_deletes_old_backups() {
    let service = Service::start();
    let cluster = service.play("active_cluster", "json").stdout().trim().to_owned();
    let backup = || service.strongroom(&["backup", "create", "--cluster", &cluster]);
    (0..30).for_each(|_| drop(backup()));
    std::thread::sleep(Duration::from_millis(2100));
    let date = run(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S"])).stdout().trim().to_owned();
    (0..30).for_each(|_| drop(backup()));
    let script = |more: &[&str]| {
        let mut script = service.python("delete_old_backups.py");
        run_with(
            script.args(["--cluster", &cluster, "--before", &date]).args(more),
            b"",
            Duration::from_secs(60),
        )
        .expect_success()
        .stdout()
    };
    let dry = script(&["--dry-run"]);
    // One more was made when the cluster was activated.
    assert!(dry.contains("31 of 61 backups are older"), "{dry}");
    assert!(script(&[]).contains("31 deleted"));
    run(service.python("with_boto3.py").args(["older_ones_are_gone", &cluster, &date]));
    // A second run has nothing left to do.
    assert!(script(&[]).contains("0 deleted"));
}
