//! How long calls take while nodes stop and start.

use std::env;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use strongroom_testkit::{Cluster, wait_until};
use strongroom_tests::alone;
use strongroom_tests::raw::Raw;

use crate::signers::{Keys, sign_while};

/// Seconds that nodes are stopped and started for, instead of [`USUAL`].
const SECONDS: &str = "STRONGROOM_FAILOVER_SECONDS";
const USUAL: u64 = 60;
const NODES: u16 = 3;
const THREADS: usize = 32;
/// How long a call may take at most, on a machine that has other things to do, too.
const LONGEST: Duration = Duration::from_secs(3);

#[test]
fn no_call_fails_while_a_node_is_stopped_and_started_every_second() {
    alone(|| {
        let seconds = env::var(SECONDS).map_or(USUAL, |seconds| seconds.parse().expect(SECONDS));
        let cluster = Cluster::builder().nodes(NODES).start();
        let raw = Raw::start(&cluster);
        let keys = Keys::make(&raw.logged_in(&cluster));

        let load = fs::read_to_string("/proc/loadavg").expect("the machine's load");
        let (calm, ()) = sign_while(&raw, keys, THREADS, || thread::sleep(Duration::from_secs(5)));
        let (report, stops) = sign_while(&raw, keys, THREADS, || {
            let begun = Instant::now();
            let mut stops = 0;
            while begun.elapsed() < Duration::from_secs(seconds) {
                let node = stops % NODES;
                cluster.stop_node(node);
                thread::sleep(Duration::from_millis(500));
                cluster.start_node(node);
                stops += 1;
                let next = Duration::from_secs(stops.into());
                thread::sleep(next.saturating_sub(begun.elapsed()));
            }
            wait_until("every node gets calls again", Duration::from_secs(20), || {
                cluster.nodes().iter().all(|node| node.requests > 0)
            });
            stops
        });
        eprintln!("load of the machine before: {}", load.trim());
        eprintln!("{THREADS} threads, {NODES} nodes, nothing stopped: {calm}");
        eprintln!("{THREADS} threads, {NODES} nodes, {stops} stops in {seconds} s: {report}");
        calm.expect_no_failure();
        report.expect_no_failure();
        assert!(u64::from(stops) >= seconds / 2, "{stops} stops are too few to show anything");
        assert!(report.slowest() < LONGEST && report.longest_gap < LONGEST, "{report}");
        assert!(report.signatures() > calm.signatures(), "{report}, but without stops {calm}");
    });
}
