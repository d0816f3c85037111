//! What is refused when something behind the API fails, or somebody brings papers that won't do: nothing has changed then.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use strongroom_testkit::run;

use crate::api::*;

#[test]
fn an_hsm_that_can_not_be_backed_up_stays_and_serves_be_it_the_last_or_not() {
    let daemon = daemon();
    let (id, hsms) = active(&daemon);
    make_key(&daemon, &id, "letters");
    let before = signature(&daemon, &id, ANN, "letters");
    let (folder, aside) = (daemon.home().join("backups"), daemon.home().join("aside"));
    let of = json!({"clusterIds": [id]});
    for (place, (hsm, address)) in hsms.iter().enumerate() {
        let shown = cluster(&daemon, HERE, &id);
        let count = backups(&daemon, HERE, of.clone()).len();
        // Nothing can be written there.
        fs::rename(&folder, &aside).unwrap();
        fs::write(&folder, "no folder").unwrap();
        let input = json!({"ClusterId": id, "HsmId": hsm});
        let (status, answer) = call(&daemon, HERE, "DeleteHsm", &input);
        assert_eq!(
            (status, &answer["__type"]),
            (500, &json!("CloudHsmInternalFailureException")),
            "{answer}"
        );
        assert!(answer["Message"].as_str().unwrap().contains("backup"), "{answer}");
        assert_eq!(cluster(&daemon, HERE, &id), shown);
        if place == 0 {
            verify(&daemon, &id, "letters", &signature(&daemon, &id, ANN, "letters"));
        } else {
            // The last: its node had been closed for the backup, and listens again, at its address, too.
            let keys = data(&mut as_user(&daemon, &id, ANN, &["key", "list"]));
            assert_eq!(keys["total_key_count"], 2, "{keys}");
            TcpStream::connect((address.as_str(), 2223)).expect("a node that listens");
        }
        fs::remove_file(&folder).unwrap();
        fs::rename(&aside, &folder).unwrap();
        done(&daemon, HERE, "DeleteHsm", input);
        assert_eq!(backups(&daemon, HERE, of.clone()).len(), count + 1);
    }
    add_hsm(&daemon, HERE, &id, None);
    add_hsm(&daemon, HERE, &id, None);
    verify(&daemon, &id, "letters", &before);
}

/// Runs `openssl` in a folder; arguments are split at blanks.
fn openssl(folder: &Path, arguments: &str) {
    run(Command::new("openssl").current_dir(folder).args(arguments.split(' ')));
}

#[test]
fn papers_that_will_not_do_are_refused_each_with_what_to_mend_and_the_cluster_waits_for_better_ones() {
    let daemon = daemon();
    let id = create(&daemon, HERE, None);
    add_hsm(&daemon, HERE, &id, None);
    let waiting = cluster(&daemon, HERE, &id);
    let csr = waiting["Certificates"]["ClusterCsr"].as_str().expect("a request to sign").to_owned();
    let folder = daemon.folder();
    let (signed, anchor) = sign(folder, &csr);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let by = "-CA customerCA.crt -CAkey customerCA.key -CAcreateserial";
    openssl(folder, "req -newkey rsa:2048 -nodes -keyout other.key -out other.csr -subj /CN=other");
    openssl(folder, &format!("x509 -req -days 30 -in other.csr {by} -out other-key.crt"));
    // `openssl x509` makes none that has expired, but one whose end is before its beginning it does.
    openssl(folder, &format!("x509 -req -days -1 -in cluster.csr {by} -out expired.crt"));
    openssl(folder, &format!("x509 -req -sha1 -days 30 -in cluster.csr {by} -out weak.crt"));
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -days 30 -keyout stranger.key -out stranger.crt -subj /CN=customer",
    );
    openssl(
        folder,
        "x509 -req -days 30 -in cluster.csr -CA stranger.crt -CAkey stranger.key -CAcreateserial -out by-stranger.crt",
    );
    openssl(folder, "req -new -key customerCA.key -out old.csr -subj /CN=customer");
    openssl(folder, "x509 -req -days -1 -in old.csr -signkey customerCA.key -out old-anchor.crt");
    openssl(
        folder,
        "req -x509 -newkey rsa:1024 -nodes -days 30 -keyout small.key -out small.crt -subj /CN=customer",
    );

    let cut = &signed[..signed.len() / 2];
    let garbled = signed.replacen("MII", "MIJ", 1);
    let two = format!("{signed}{signed}");
    for (what, signed, anchor, words) in [
        ("another key", read("other-key.crt"), anchor.clone(), "key"),
        ("expired", read("expired.crt"), anchor.clone(), "valid"),
        ("a weak digest", read("weak.crt"), anchor.clone(), "SHA-256"),
        ("by a stranger of the anchor's name", read("by-stranger.crt"), anchor.clone(), "sign"),
        ("an anchor that has expired", signed.clone(), read("old-anchor.crt"), "valid"),
        ("an anchor with a small key", signed.clone(), read("small.crt"), "2048"),
        ("another's anchor", signed.clone(), read("stranger.crt"), "sign"),
        ("an anchor that isn't self-signed", signed.clone(), read("other-key.crt"), "self-signed"),
        ("the wrong way round", anchor.clone(), signed.clone(), ""),
        ("the request", csr.clone(), anchor.clone(), "PEM"),
        ("cut short", cut.to_owned(), anchor.clone(), "-----END CERTIFICATE-----"),
        ("garbled", garbled, anchor.clone(), "give it as it was made"),
        ("two in one", two, anchor.clone(), "give the one"),
        ("no PEM", "certificate".to_owned(), anchor.clone(), "PEM"),
        ("an anchor that's none", signed.clone(), "certificate".to_owned(), "PEM"),
    ] {
        let input = json!({"ClusterId": id, "SignedCert": signed, "TrustAnchor": anchor});
        let (status, answer) = call(&daemon, HERE, "InitializeCluster", &input);
        let message = answer["Message"].as_str().unwrap_or_default();
        eprintln!("{what}: {message}");
        let is_refused = (status, &answer["__type"]) == (400, &json!("CloudHsmInvalidRequestException"));
        assert!(is_refused && message.contains(words) && message.len() > 30, "{what}: {status} {answer}");
        assert_eq!(cluster(&daemon, HERE, &id), waiting, "{what}");
    }
    done(
        &daemon,
        HERE,
        "InitializeCluster",
        json!({"ClusterId": id, "SignedCert": signed, "TrustAnchor": anchor}),
    );
}
