//! More connections than a node takes.

use std::time::Duration;

use strongroom_model::{ReturnCode, limits};
use strongroom_testkit::{Cluster, run_any, wait_until};
use strongroom_tests::process::{descriptors, memory};
use strongroom_tests::raw::Raw;
use strongroom_tests::{alone, programs};

use crate::wire::{BYSTANDERS, Stranger, beside_others};

#[test]
fn past_the_limit_of_connections_newcomers_are_turned_away_and_told_and_then_let_in() {
    alone(|| {
        let needed = 2 * limits::MAX_CONNECTIONS as u64 + 200;
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert!(
            limit.maximum.is_none_or(|maximum| maximum >= needed),
            "this test needs {needed} open files: raise the limit with `ulimit -Hn`"
        );
        let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("a limit");

        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let program = programs::build("exit", cluster.folder());
        let daemon = cluster.daemon_pid();
        let mut crowd = Vec::new();
        // Who is in already isn't sent away: this session has its connections.
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "token").expect("a key pair");
        beside_others(&raw, &cluster, || {
            let before = (descriptors(daemon), memory(daemon));
            for (node, socket) in cluster.sockets().into_iter().enumerate() {
                for number in 0..limits::MAX_CONNECTIONS {
                    let [high, low] = [(number >> 8) as u8, number as u8];
                    match Stranger::welcomed(
                        socket,
                        [high, low, node as u8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
                    ) {
                        Ok(stranger) => crowd.push(stranger),
                        // The others have the last places.
                        Err(_) if number > limits::MAX_CONNECTIONS - 100 => break,
                        Err(error) => panic!("connection {number} to node {node}: {error}"),
                    }
                }
                let one_more = Stranger::welcomed(socket, [2; 16]).err();
                let why = one_more.expect("one more than the limit was let in").to_string();
                assert!(why.contains("4096 connections already"), "{why}");
            }
            let each = (memory(daemon) - before.1) / crowd.len() as u64;
            eprintln!("{} connections, {each} bytes of the daemon's memory for each", crowd.len());
            assert!(each < 64 << 10);

            let mut newcomer = programs::prepare(&cluster, &program, "client");
            let turned_away = run_any(newcomer.env("STRONGROOM_LOG", "warn")).expect_failure();
            assert!(turned_away.stderr().contains("4096 connections already"), "{}", turned_away.report());
            let code = format!("{:#x}", ReturnCode::DEVICE_MEMORY.0);
            assert!(turned_away.stderr().contains(&code), "{}", turned_away.report());
            assert!(session.ecdsa(pair.private, &[1; 32]).is_ok());
            assert!(cluster.log().contains("connections already"), "the daemon's log says nothing of it");

            crowd.clear();
            wait_until("the crowd's connections are closed", Duration::from_secs(20), || {
                descriptors(daemon) <= before.0 + BYSTANDERS
            });
            programs::play(&cluster, &program, "client");
        });
    });
}
