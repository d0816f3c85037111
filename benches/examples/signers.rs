//! Signs with P-256 or RSA-2048 as fast as it goes, to look at with a profiler, and tells how long calls took.
//!
//! `cargo run --release -p strongroom-benches --example signers -- MODULE PIN THREADS SECONDS session|token p256|rsa`
#![allow(clippy::print_stdout, reason = "its output is the rate")]

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cryptoki_sys::{CKM_ECDSA, CKM_RSA_PKCS};
use strongroom_benches::{Peer, rate};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, pin, threads, seconds, place, kind] = arguments.as_slice() else {
        panic!("MODULE PIN THREADS SECONDS session|token p256|rsa");
    };
    let threads = threads.parse().expect("a number of threads");
    let seconds = Duration::from_secs_f64(seconds.parse().expect("a number of seconds"));
    let peer = Peer::of("module", Path::new(module), pin);
    let session = peer.session();
    let token = place == "token";
    let (key, mechanism) = match kind.as_str() {
        "rsa" => (session.rsa(2048, token, "signers"), CKM_RSA_PKCS),
        _ => (session.p256(token, "signers"), CKM_ECDSA),
    };
    let all = Mutex::new(Vec::new());
    let rate = rate(&peer, threads, seconds, |_| {
        let mut calls = Calls { took: Vec::new(), all: &all };
        move |session| {
            let begun = Instant::now();
            session.sign(mechanism, key, &[1; 32], &mut [0; 256]);
            calls.took.push(begun.elapsed());
        }
    });
    session.destroy(key);
    let mut took = all.into_inner().expect("no thread has panicked");
    took.sort_unstable();
    let within = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_micros();
    let (half, most, nearly_all, all) = (within(0.5), within(0.99), within(0.999), within(1.0));
    println!("{rate:.0}/s, in us: p50 {half}, p99 {most}, p99.9 {nearly_all}, longest {all}");
}

/// How long one thread's calls took; told to all when the thread is done.
struct Calls<'a> {
    took: Vec<Duration>,
    all: &'a Mutex<Vec<Duration>>,
}

impl Drop for Calls<'_> {
    fn drop(&mut self) {
        self.all.lock().expect("no thread has panicked").append(&mut self.took);
    }
}
