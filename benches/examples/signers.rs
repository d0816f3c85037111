//! Signs with P-256 as fast as it goes, to look at with a profiler.
//!
//! `cargo run --release -p strongroom-benches --example signers -- MODULE PIN THREADS SECONDS session|token`
#![allow(clippy::print_stdout, reason = "its output is the rate")]

use std::path::Path;
use std::time::Duration;

use cryptoki_sys::CKM_ECDSA;
use strongroom_benches::{Peer, rate};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, pin, threads, seconds, place] = arguments.as_slice() else {
        panic!("MODULE PIN THREADS SECONDS session|token");
    };
    let threads = threads.parse().expect("a number of threads");
    let seconds = Duration::from_secs_f64(seconds.parse().expect("a number of seconds"));
    let peer = Peer::of("module", Path::new(module), pin);
    let session = peer.session();
    let key = session.p256(place == "token", "signers");
    let rate = rate(&peer, threads, seconds, |_| {
        move |session| {
            session.sign(CKM_ECDSA, key, &[1; 32], &mut [0; 64]);
        }
    });
    session.destroy(key);
    println!("{rate:.0}/s");
}
