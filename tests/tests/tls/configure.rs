//! `strongroom configure`: what it says and what it writes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};
use strongroom_testkit::{Cluster, Finished, run_any};
use strongroom_tests::workbench::Workbench;

use crate::{single, users, without_home};

/// `strongroom configure ARGUMENTS`, in an environment that names no home.
fn configure(cluster: &Cluster, arguments: &[&str]) -> Finished {
    let mut command = cluster.strongroom(&[&["configure"], arguments].concat());
    let mut command = without_home(&mut command);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"] {
        command.env_remove(name);
    }
    run_any(&mut command)
}

fn data(finished: Finished) -> Value {
    let said: Value = serde_json::from_str(&finished.expect_success().stdout()).expect("JSON");
    said["data"].clone()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

#[test]
fn what_it_writes_of_cloudhsms_form_is_what_the_module_reads() {
    let cluster = single();
    let file = cluster.folder().join("cloudhsm-pkcs11.cfg");
    let ca = cluster.ca();
    let said = data(configure(
        &cluster,
        &[
            "-a",
            cluster.addresses()[0],
            "--hsm-ca-cert",
            text(&ca),
            "--cluster-id",
            "default",
            "--config",
            text(&file),
        ],
    ));
    assert_eq!(said["clusters"][0]["cluster_id"], "default");
    data(configure(&cluster, &["--disable-key-availability-check", "--config", text(&file)]));
    let log = cluster.folder().join("module.log");
    data(configure(
        &cluster,
        &[
            "--log-level",
            "debug",
            "--log-file",
            text(&log),
            "--log-rotation",
            "daily",
            "--default-retry-mode",
            "off",
            "--config",
            text(&file),
        ],
    ));
    let (host, port) = cluster.addresses()[0].rsplit_once(':').expect("an address");
    let written: Value = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON");
    let expected = json!({
        "clusters": [{ "type": "hsm1", "cluster": {
            "hsm_ca_file": ca,
            "cluster_id": "default",
            "options": { "disable_key_availability_check": true, "retry_mode": "off" },
            "servers": [{ "hostname": host, "port": port.parse::<u16>().expect("a port"), "enable": true }],
        }}],
        "logging": { "log_type": "file", "log_file": log, "log_level": "debug", "log_interval": "daily" },
    });
    assert_eq!(written, expected);

    users(&cluster, &file).expect_success();
    let bench = Workbench::new(&cluster);
    let mut tool = cluster.command("pkcs11-tool");
    tool.env("STRONGROOM_CONFIG", &file).arg("--module").arg(cluster.module());
    let made = run_any(tool.args([
        "--login",
        "--pin",
        cluster.pin(),
        "--keypairgen",
        "--key-type",
        "EC:prime256v1",
        "--id",
        "07",
    ]));
    made.expect_success();
    assert!(bench.tool("--list-objects").contains("ID:         07"), "it's in the cluster");
    // A file for each day, which may have passed by now: its name ends in the day.
    let logs = |interval: &str, period: &str| {
        let rotation = ["--log-rotation", interval, "--log-level", "trace", "--config", text(&file)];
        data(configure(&cluster, &rotation));
        let mut tool = cluster.command("pkcs11-tool");
        run_any(tool.env("STRONGROOM_CONFIG", &file).arg("--module").arg(cluster.module()).arg("-L"));
        let day = run_any(cluster.command("date").args(["-u", period])).stdout();
        let named = cluster.folder().join(format!("module.log{}", day.trim()));
        fs::read_to_string(&named).is_ok_and(|logged| logged.contains("trace: C_"))
    };
    for (interval, period) in [("daily", "+.%Y-%m-%d"), ("hourly", "+.%Y-%m-%d-%H"), ("never", "+")] {
        // The clock may strike in between, once.
        assert!(logs(interval, period) || logs(interval, period), "{interval}");
    }
}

#[test]
fn client_toml_keeps_what_isnt_said_and_has_clusters_by_name() {
    let cluster = single();
    let file = cluster.folder().join("new/client.toml");
    let (ca, config) = (cluster.ca(), ["--config", text(&file)].map(str::to_owned));
    let config: Vec<&str> = config.iter().map(String::as_str).collect();
    let at = cluster.addresses()[0];
    data(configure(&cluster, &[&["-a", at, "--hsm-ca-cert", text(&ca)], &config[..]].concat()));
    users(&cluster, &file).expect_success();
    let by_hand =
        fs::read_to_string(&file).expect("a file").replace("[[cluster]]\n", "[[cluster]]\nspin_us = 7\n");
    fs::write(&file, &by_hand).expect("a file");
    data(configure(&cluster, &[&["--enable-key-availability-check"], &config[..]].concat()));
    let now = fs::read_to_string(&file).expect("a file");
    assert!(now.contains("spin_us = 7") && now.contains("key_availability_check = true"), "{now}");

    let add = |id: &str| {
        configure(
            &cluster,
            &[&["add-cluster", "--cluster-id", id, "-a", at, "--hsm-ca-cert", text(&ca)], &config[..]]
                .concat(),
        )
    };
    data(add("default"));
    assert!(add("default").expect_failure().stdout().contains("is there already"));
    let vague = configure(&cluster, &[&["-a", at], &config[..]].concat()).expect_failure().stdout();
    assert!(vague.contains("name the one to change, with --cluster-id"), "{vague}");
    let unknown = configure(&cluster, &[&["-a", at, "--cluster-id", "x"], &config[..]].concat())
        .expect_failure()
        .stdout();
    assert!(unknown.contains("there is no cluster x"), "{unknown}");
    data(configure(&cluster, &[&["remove-cluster", "--cluster-id", "default"], &config[..]].concat()));
    assert!(!fs::read_to_string(&file).expect("a file").contains("cluster_id"));
}

#[test]
fn what_the_module_could_not_use_is_not_written() {
    let cluster = single();
    let file = cluster.folder().join("client2.toml");
    let ca = cluster.ca();
    for (arguments, expected) in [
        (&["-a", "127.0.0.9"][..], "no ca_file"),
        (&["-a", "not an address", "--hsm-ca-cert", text(&ca)], "is no address of a node"),
        (&["-a", "127.0.0.9", "--hsm-ca-cert", "/none.crt"], "/none.crt can't be read"),
        (
            &["-a", "127.0.0.9", "--hsm-ca-cert", text(&ca), "--server-client-cert-file", "x"],
            "--server-client-key-file",
        ),
        (&["-a", "127.0.0.9", "--hsm-ca-cert", text(&ca), "--log-level", "info"], "STRONGROOM_LOG"),
        (&["--cluster-id", "c", "--endpoint", "https://127.0.0.1:1"], "speaks HTTP"),
        (&["--cluster-id", "c", "--endpoint", "http://127.0.0.1:1"], "can't be reached"),
        (&["--cluster-id", "c", "--endpoint", "http://192.0.2.1:1"], "AWS_ACCESS_KEY_ID"),
        (&["remove-cluster", "--cluster-id", "c"], "there is no cluster c"),
        (
            &["-a", "127.0.0.9", "--hsm-ca-cert", text(&ca), "--enable-certificate-storage"],
            "--quirk certificate-storage=on",
        ),
        (&["-a", "127.0.0.9", "--enable-ecdh-without-kdf"], "--quirk kdf-required=off"),
        (&["-a", "127.0.0.9", "--disable-validate-key-at-init"], "it costs no call"),
        (&["-a", "127.0.0.9", "--enable-clear-key-extraction-in-software"], "SunPKCS11"),
        (&["-a", "127.0.0.9", "--hsm-ca-cert", text(&ca), "--log-rotation", "daily"], "CloudHSM's form"),
    ] {
        let said =
            configure(&cluster, &[arguments, &["--config", text(&file)]].concat()).expect_failure().stdout();
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!file.exists(), "{arguments:?}");
    }
}

#[test]
fn the_control_plane_is_asked_for_addresses() {
    let cluster = single();
    let file = cluster.folder().join("asked.toml");
    let (host, _) = cluster.addresses()[0].rsplit_once(':').expect("an address");
    let answer =
        json!({ "Clusters": [{ "ClusterId": "default", "Hsms": [{ "State": "ACTIVE", "EniIp": host }] }] })
            .to_string();
    let api = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", api.local_addr().expect("an address"));
    let asked = std::thread::spawn(move || {
        let (mut client, _) = api.accept().expect("a client");
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !String::from_utf8_lossy(&request).contains("}}") {
            let read = client.read(&mut part).expect("a request");
            request.extend_from_slice(&part[..read]);
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
        client.write_all((head + &answer).as_bytes()).expect("a client that reads");
        String::from_utf8(request).expect("text")
    });
    let ca = cluster.ca();
    data(configure(
        &cluster,
        &[
            "--cluster-id",
            "default",
            "--endpoint",
            &endpoint,
            "--hsm-ca-cert",
            text(&ca),
            "--config",
            text(&file),
        ],
    ));
    let request = asked.join().expect("a request");
    assert!(request.contains("x-amz-target: BaldrApiService.DescribeClusters"), "{request}");
    assert!(request.ends_with(r#"{"Filters":{"clusterIds":["default"]}}"#), "{request}");
    assert!(!request.contains("authorization"), "nobody has signed it: {request}");
    users(&cluster, &file).expect_success();
}
