//! Signs with P-256 or RSA-2048 as fast as it goes, to look at with a profiler.
//!
//! `cargo run --release -p strongroom-benches --example signers -- MODULE PIN THREADS SECONDS session|token p256|rsa`
#![allow(clippy::print_stdout, reason = "its output is the rate")]

use std::path::Path;
use std::time::Duration;

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
    let rate = rate(&peer, threads, seconds, |_| {
        move |session| {
            session.sign(mechanism, key, &[1; 32], &mut [0; 256]);
        }
    });
    session.destroy(key);
    println!("{rate:.0}/s");
}
