//! What works by TLS as it does by sockets.

use std::thread;
use std::time::{Duration, Instant};

use strongroom_testkit::{Cluster, run};
use strongroom_tests::alone;
use strongroom_tests::programs::{build, play};
use strongroom_tests::raw::Raw;
use strongroom_tests::workbench::Workbench;

use crate::signers::{Keys, sign_while};

#[test]
fn pkcs11_tool_signs_by_tls() {
    let cluster = Cluster::builder().by_tls().start();
    let text = std::fs::read_to_string(cluster.config()).expect("a configuration");
    assert!(text.contains("servers") && !text.contains("unix:"), "{text}");
    let bench = Workbench::new(&cluster);
    bench.tool("--keypairgen --key-type EC:prime256v1 --id 01 --label tls --usage-sign");
    bench.write("data", "signed far away");
    bench.tool("--sign -m ECDSA-SHA256 --signature-format openssl --id 01 -i data -o signature");
    let public = bench.public_key("01");
    bench.openssl(&format!("dgst -sha256 -verify {public} -signature signature data"));
    // More than a record of TLS, there and back.
    bench.tool("--keygen --key-type aes:32 --id 02 --label aes");
    let long: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    bench.write("long", &long);
    bench.tool("--encrypt -m AES-CBC-PAD --id 02 --iv 00000000000000000000000000000000 -i long -o sealed");
    bench.tool("--decrypt -m AES-CBC-PAD --id 02 --iv 00000000000000000000000000000000 -i sealed -o opened");
    bench.same("opened", "long");
}

#[test]
fn a_node_that_fails_costs_no_call_and_its_neighbour_takes_over() {
    alone(|| {
        let cluster = Cluster::builder().nodes(3).by_tls().start();
        let raw = Raw::start(&cluster);
        let keys = Keys::make(&raw.logged_in(&cluster));
        let (report, ()) = sign_while(&raw, keys, 4, || {
            for node in [0, 1, 2, 0] {
                thread::sleep(Duration::from_millis(200));
                cluster.stop_node(node);
                thread::sleep(Duration::from_millis(300));
                cluster.start_node(node);
            }
        });
        eprintln!("nodes stopped in turn, 4 threads signing by TLS: {report}");
        report.expect_no_failure();
        assert!(report.signatures() > 50, "{report}");
        // Node 0 has only just come back, and counts from its start.
        let nodes = cluster.nodes();
        assert!(
            nodes[1..].iter().all(|node| node.requests > 0),
            "those that came back have calls: {nodes:?}"
        );
    });
}

#[test]
fn members_come_and_go_without_an_edit() {
    alone(|| {
        let mut cluster = Cluster::builder().nodes(2).by_tls().start();
        let before = std::fs::read(cluster.config()).expect("a configuration");
        let raw = Raw::start(&cluster);
        let keys = Keys::make(&raw.logged_in(&cluster));
        let (report, ()) = sign_while(&raw, keys, 4, || {
            thread::sleep(Duration::from_millis(200));
            let node = cluster.add_node();
            assert!(cluster.node(node).address.is_some(), "it has an address of its own");
            let added = Instant::now();
            while cluster.node(node).requests == 0 {
                assert!(added.elapsed() < Duration::from_secs(5), "nobody comes to the new node");
            }
            // The one that the configuration names.
            cluster.remove_node(0);
            thread::sleep(Duration::from_millis(300));
        });
        report.expect_no_failure();
        assert_eq!(std::fs::read(cluster.config()).expect("a configuration"), before);
        assert_eq!(cluster.addresses().len(), 2);
    });
}

#[test]
fn a_daemon_that_was_killed_is_found_again_where_it_was() {
    alone(|| {
        let mut cluster = Cluster::builder().nodes(2).by_tls().start();
        let before: Vec<_> = cluster.addresses().into_iter().map(str::to_owned).collect();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let keys = Keys::make(&session);
        cluster.kill();
        cluster.start_again();
        assert_eq!(cluster.addresses(), before);
        (0..6).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
    });
}

/// Plays each scenario with a cluster of its own: they make keys by the same names.
fn play_all(program: &str, scenarios: &[&str]) {
    for scenario in scenarios {
        let cluster = Cluster::builder().by_tls().start();
        let program = build(program, cluster.folder());
        eprint!("{}", play(&cluster, &program, scenario).stdout());
    }
}

#[test]
fn children_go_on_by_connections_of_their_own() {
    play_all("fork", &["without", "with", "ending", "grandchildren", "many"]);
}

#[test]
fn exits_and_descriptors_are_as_by_sockets() {
    play_all(
        "exit",
        &[
            "no_finalize",
            "exit_in_thread",
            "atexit_after",
            "atexit_before",
            "dlclose_open",
            "closes_all",
            "interrupted",
        ],
    );
}

/// TLS brings C code along. Nothing of it may be seen from outside, or be run at exit (clients.md, traps 1 and 15).
#[test]
fn the_module_exports_and_leaves_nothing_more_than_without_tls() {
    let cluster = single_module();
    let symbols = run(std::process::Command::new("nm").args(["-D", "--defined-only"]).arg(&cluster)).stdout();
    let foreign: Vec<_> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|name| !name.starts_with("C_"))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let dynamic = run(std::process::Command::new("readelf").arg("-d").arg(&cluster)).stdout();
    let at_exit = dynamic.lines().find(|line| line.contains("FINI_ARRAYSZ")).expect("a FINI_ARRAYSZ");
    assert!(at_exit.contains(" 8 (bytes)"), "only the C runtime's own: {at_exit}");
}

fn single_module() -> std::path::PathBuf {
    crate::single().module().to_owned()
}
