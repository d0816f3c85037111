//! Strongroom, across a process boundary, beside SoftHSM2 inside the process, in one run.
//!
//! `cargo bench -p strongroom-benches --bench side_by_side` prints a table of rates and their ratios, marks those that
//! miss their bound, and then exits with 1. Words behind `--` choose rows by name.
#![allow(clippy::print_stdout, reason = "its output is the table")]

use std::process::ExitCode;
use std::time::Duration;

use cryptoki_sys::{CKM_ECDSA, CKM_RSA_PKCS, CKM_SHA256_HMAC};
use strongroom_benches::{Key, Peer, Rates, Session, compare};
use strongroom_testkit::Cluster;

/// Odd, and many, since a neighbour on the machine takes a core for a second or two now and then.
const ROUNDS: usize = 15;
const SLICE: Duration = Duration::from_millis(400);
/// Among how many keys the searches are.
const CROWD: usize = 1000;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let cluster = Cluster::builder().nodes(2).start();
    cluster.configure_this_process();
    let folder = tempfile::tempdir().expect("a folder for SoftHSM");
    let softhsm = Peer::softhsm(folder.path());
    let strongroom = Peer::strongroom(&cluster);
    let mut table = Table { peers: [&strongroom, &softhsm], wanted, missed: 0 };
    println!("| operation | threads | strongroom/s | softhsm/s | ratio | at least |");
    println!("|---|---|---|---|---|---|");
    for token in [false, true] {
        table.keyed(
            "RSA-2048 sign",
            token,
            &[(1, 1.8), (16, 1.8)],
            |s| s.rsa(2048, token, "r"),
            |s, key| {
                s.sign(CKM_RSA_PKCS, key, &[1; 51], &mut [0; 256]);
            },
        );
        table.keyed(
            "P-256 sign",
            token,
            &[(1, 1.0), (2, 1.0), (16, 2.0)],
            |s| s.p256(token, "e"),
            |s, key| {
                s.sign(CKM_ECDSA, key, &[1; 32], &mut [0; 64]);
            },
        );
        table.keyed(
            "HMAC-SHA256 64 B",
            token,
            &[(1, 0.0), (16, 0.0)],
            |s| s.generic(token, "h"),
            |s, key| {
                s.sign(CKM_SHA256_HMAC, key, &[1; 64], &mut [0; 32]);
            },
        );
        table.keyed(
            "AES-GCM 1 KiB",
            token,
            &[(1, 0.0), (16, 0.0)],
            |s| s.aes(token, "a"),
            |s, key| {
                s.encrypt_gcm(key, &[1; 1024], &mut [0; 1040]);
            },
        );
    }
    table.keyed("AES-GCM 1 MiB", false, &[(1, 0.0), (16, 0.0)], |s| s.aes(false, "b"), {
        let data = vec![1; 1 << 20];
        move |s, key| {
            s.encrypt_gcm(key, &data, &mut vec![0; (1 << 20) + 16]);
        }
    });
    table.plain("random 32 B", 1, 0.0, |s| s.random(&mut [0; 32]));
    table.plain("SHA-256 1 KiB", 1, 0.0, |s| s.sha256(&[1; 1024]));
    for threads in [1, 16] {
        table.plain("token P-256 pair: generate, destroy", threads, 5.0, |s| {
            let key = s.p256(true, "g");
            s.destroy(key);
        });
    }
    table.crowd();
    table.plain("find by label among 1,000 keys", 1, 50.0, |s| assert_eq!(s.find("crowd 500"), 2));
    if table.missed > 0 {
        println!("{} ratios are below their bounds", table.missed);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

struct Table<'a> {
    peers: [&'a Peer; 2],
    wanted: Vec<String>,
    missed: usize,
}

impl<'a> Table<'a> {
    /// Rows for an operation with a key that each thread makes for itself (session keys) or shares (token keys).
    fn keyed(
        &mut self,
        name: &str,
        token: bool,
        bounds: &[(usize, f64)],
        make: impl Fn(&Session<'a>) -> Key + Sync,
        work: impl Fn(&Session<'a>, Key) + Sync,
    ) {
        let name = format!("{name}, {} key", if token { "token" } else { "session" });
        if !self.wants(&name) {
            return;
        }
        let sessions = self.peers.map(Peer::session);
        let shared = [make(&sessions[0]), make(&sessions[1])];
        for (threads, bound) in bounds {
            let work = &work;
            let rates = compare(self.peers, *threads, ROUNDS, SLICE, |peer, _| {
                move |session: &Session<'a>| work(session, shared[peer])
            });
            self.row(&name, *threads, *bound, rates);
        }
        for (session, key) in sessions.iter().zip(shared) {
            session.destroy(key);
        }
    }

    fn plain(&mut self, name: &str, threads: usize, bound: f64, work: impl Fn(&Session<'a>) + Sync) {
        if self.wants(name) {
            let work = &work;
            let rates = compare(self.peers, threads, ROUNDS, SLICE, |_, _| {
                move |session: &Session<'a>| work(session)
            });
            self.row(name, threads, bound, rates);
        }
    }

    /// Fills both tokens.
    fn crowd(&self) {
        if self.wants("find by label") {
            for session in self.peers.map(Peer::session) {
                for number in 0..CROWD / 2 + 1 {
                    session.p256(true, &format!("crowd {number}"));
                }
            }
        }
    }

    fn row(&mut self, name: &str, threads: usize, bound: f64, rates: Rates) {
        let Rates { ours, theirs } = rates;
        let verdict = match bound {
            0.0 => String::new(),
            bound if rates.ratio() >= bound => format!("{bound}"),
            bound => {
                self.missed += 1;
                format!("{bound} MISSED")
            }
        };
        println!("| {name} | {threads} | {ours:.0} | {theirs:.0} | {:.2} | {verdict} |", rates.ratio());
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.contains(word.as_str()))
    }
}
