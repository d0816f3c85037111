//! NGINX with its keys in a cluster: a master and two workers, through libp11's engine.

#![allow(clippy::print_stdout, reason = "measured figures belong in the test's output")]

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use strongroom_testkit::{Cluster, wait_until};
use strongroom_tests::handshakes::shake_hands;
use strongroom_tests::nginx::{Nginx, Request, children, is_gone, signal};

const PROTOCOLS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];
const AT_ONCE: usize = 8;
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn two_workers_make_2000_full_handshakes_and_none_fails() {
    let cluster = Cluster::start();
    let nginx = Nginx::start(&cluster);
    let each = 500;
    for label in ["rsa", "ec"] {
        let site = nginx.site(label);
        for protocol in PROTOCOLS {
            let made = shake_hands(site, protocol, each, AT_ONCE);
            assert_eq!(made.failed, 0, "{label}, {protocol}: {}", nginx.errors());
            println!("NGINX, {label}, {protocol}: {:.0} full handshakes/s", made.rate);
            // What NGINX says must agree with what the client says.
            let is_mine = |request: &&Request| request.port == site.port && request.protocol == protocol;
            let requests = nginx.requests();
            let full =
                requests.iter().filter(is_mine).filter(|request| request.full && request.status == 200);
            assert_eq!(full.count(), each, "{label}, {protocol}");
        }
    }
    assert_eq!(nginx.requests().len(), 4 * each);
    let served: BTreeSet<u32> = nginx.requests().iter().map(|request| request.worker).collect();
    assert_eq!(served, nginx.workers(), "not every worker served");
    nginx.quit(&[]);
}

#[test]
fn each_worker_serves_alone_with_every_key() {
    let cluster = Cluster::start();
    let nginx = Nginx::start(&cluster);
    let workers = nginx.workers();
    for alone in &workers {
        let others: Vec<u32> = workers.iter().copied().filter(|worker| worker != alone).collect();
        others.iter().for_each(|other| signal(*other, Signal::STOP));
        let before = nginx.requests().len();
        for label in ["rsa", "ec"] {
            for protocol in PROTOCOLS {
                assert_eq!(shake_hands(nginx.site(label), protocol, 20, 2).failed, 0, "{label}, {protocol}");
            }
        }
        others.iter().for_each(|other| signal(*other, Signal::CONT));
        let requests = nginx.requests();
        assert_eq!(requests.len() - before, 80);
        assert!(requests[before..].iter().all(|request| request.worker == *alone));
    }
    nginx.quit(&[]);
}

#[test]
fn reloads_under_load_lose_no_handshake_and_end_the_old_workers() {
    let cluster = Cluster::start();
    let nginx = Nginx::start(&cluster);
    let requests = 3000;
    let mut reloads = 0;
    let mut seen = nginx.workers();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let loads: Vec<_> = ["rsa", "ec"]
            .into_iter()
            .zip(PROTOCOLS)
            .map(|(label, protocol)| {
                let site = nginx.site(label);
                scope.spawn(move || shake_hands(site, protocol, requests, 4))
            })
            .collect();
        while loads.iter().any(|load| !load.is_finished()) {
            nginx.signal(Signal::HUP);
            reloads += 1;
            wait_until("new workers have taken over from the old", LIMIT, || {
                let now = nginx.workers();
                now.len() == 2 && now.is_disjoint(&seen)
            });
            seen.extend(nginx.workers());
            std::thread::sleep(Duration::from_millis(150));
        }
        for load in loads {
            assert_eq!(load.join().expect("the load").failed, 0, "{}", nginx.errors());
        }
    });
    let rate = (2 * requests) as f64 / begun.elapsed().as_secs_f64();
    println!("NGINX: {reloads} reloads under {rate:.0} handshakes/s, none of {} failed", 2 * requests);
    assert!(reloads >= 4, "only {reloads} reloads: this shows little");
    assert_eq!(nginx.requests().len(), 2 * requests);
    nginx.quit(&[]);
}

#[test]
fn handshakes_go_on_after_the_daemon_was_restarted_without_a_reload() {
    let mut cluster = Cluster::start();
    let nginx = Nginx::start(&cluster);
    let all = |what: &str| {
        for label in ["rsa", "ec"] {
            for protocol in PROTOCOLS {
                let made = shake_hands(nginx.site(label), protocol, 40, 4);
                assert_eq!(made.failed, 0, "{what}, {label}, {protocol}: {}", nginx.errors());
            }
        }
    };
    all("before");
    let workers = nginx.workers();
    cluster.restart();
    all("after a restart");
    cluster.kill();
    cluster.start_again();
    all("after SIGKILL and a start");
    // Twice at once, and while handshakes go on.
    let site = nginx.site("ec").clone();
    let under_load = std::thread::spawn(move || shake_hands(&site, "TLSv1.3", 3000, AT_ONCE));
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    cluster.restart();
    let gap = begun.elapsed();
    let made = under_load.join().expect("the load");
    println!("NGINX: the daemon restarted in {gap:?} under load; {} of 3000 handshakes failed", made.failed);
    assert_eq!(made.failed, 0, "{}", nginx.errors());
    all("at the end");
    assert_eq!(nginx.workers(), workers, "a worker died");
    nginx.quit(&[]);
}

#[test]
fn without_a_daemon_handshakes_fail_and_workers_live_until_it_is_back() {
    let mut cluster = Cluster::start();
    let nginx = Nginx::start(&cluster);
    let workers = nginx.workers();
    let site = nginx.site("ec");
    assert_eq!(shake_hands(site, "TLSv1.3", 20, 4).failed, 0);
    cluster.stop();
    // Two at once: each waits for the daemon as long as the client's configuration says.
    assert_eq!(shake_hands(site, "TLSv1.3", 2, 2).good, 0);
    cluster.start_again();
    assert_eq!(shake_hands(site, "TLSv1.3", 100, 4).failed, 0, "{}", nginx.errors());
    assert_eq!(nginx.workers(), workers, "a worker died");
    nginx.quit(&["SSL_do_handshake() failed"]);
}

#[test]
fn a_killed_worker_is_replaced_and_the_others_notice_nothing() {
    let cluster = Cluster::start();
    let nginx = Nginx::start(&cluster);
    assert_eq!(shake_hands(nginx.site("rsa"), "TLSv1.3", 50, 4).failed, 0);
    let workers = nginx.workers();
    let victim = *workers.first().expect("a worker");
    signal(victim, Signal::KILL);
    wait_until("a new worker is there", LIMIT, || {
        let now = nginx.workers();
        now.len() == 2 && !now.contains(&victim)
    });
    for label in ["rsa", "ec"] {
        for protocol in PROTOCOLS {
            assert_eq!(shake_hands(nginx.site(label), protocol, 50, 4).failed, 0, "{label}, {protocol}");
        }
    }
    nginx.quit(&[&format!("worker process {victim} exited on signal 9")]);
}

#[test]
fn a_new_binary_takes_over_and_the_old_one_leaves() {
    let cluster = Cluster::start();
    let nginx = Nginx::start_detached(&cluster, &["PKCS11_MODULE_PATH", "STRONGROOM_CONFIG"]);
    let all = |what: &str| {
        for label in ["rsa", "ec"] {
            for protocol in PROTOCOLS {
                let made = shake_hands(nginx.site(label), protocol, 50, 4);
                assert_eq!(made.failed, 0, "{what}, {label}, {protocol}: {}", nginx.errors());
            }
        }
    };
    all("before");
    let (old, old_workers) = (nginx.master(), nginx.workers());
    nginx.signal(Signal::USR2);
    let mut new = old;
    wait_until("a new master has workers", LIMIT, || {
        new = nginx.pid_in_file().unwrap_or(old);
        new != old && children(new).len() == 2
    });
    nginx.signal(Signal::WINCH);
    wait_until("the old workers are gone", LIMIT, || nginx.workers().is_disjoint(&old_workers));
    all("with the new binary");
    let late: BTreeSet<u32> = nginx.requests().iter().rev().take(200).map(|request| request.worker).collect();
    assert_eq!(late, children(new), "not the new workers answered");
    nginx.signal(Signal::QUIT);
    wait_until("the old master is gone", LIMIT, || is_gone(old));
    all("without the old master");
    signal(new, Signal::QUIT);
    wait_until("the new master is gone", LIMIT, || is_gone(new));
    nginx.assert_no_complaints(&[]);
}

#[test]
fn a_wrong_pin_or_a_missing_key_fails_the_configuration_check_with_a_message() {
    let cluster = Cluster::start();
    let nginx = Nginx::start(&cluster);
    nginx.quit(&[]);
    assert!(Nginx::check_with_pin(&cluster, "rsa", cluster.pin()).success());
    let refused = Nginx::check_with_pin(&cluster, "rsa", "app:wrong");
    assert_eq!(refused.status().code(), Some(1), "{}", refused.report());
    assert!(refused.stderr().contains("PIN incorrect"), "{}", refused.report());
    fs::copy(cluster.folder().join("rsa.crt"), cluster.folder().join("none.crt")).expect("a copy");
    let refused = Nginx::check_with_pin(&cluster, "none", cluster.pin());
    assert_eq!(refused.status().code(), Some(1), "{}", refused.report());
    assert!(refused.stderr().contains("not found"), "{}", refused.report());
}
