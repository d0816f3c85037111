//! What a peer may send, without a fuzzer: the inputs that `fuzz/corpus` keeps, these with some bytes changed, and
//! random ones. Templates and parameters have the same in `pkcs11-shim/src/fuzzing/tests.rs`, since nothing else
//! enters the module there.

#[path = "../../fuzz/targets/decoding.rs"]
mod decoding;

use std::env;
use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// Random inputs.
const INPUTS: usize = 100_000;

#[test]
fn messages_of_any_bytes_are_decoded_or_refused() {
    replay("wire", decoding::wire);
}

#[test]
fn attributes_of_any_bytes_are_decoded_or_refused() {
    replay("attributes", decoding::attributes);
}

fn replay(corpus: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(corpus);
    let kept = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let kept: Vec<Vec<u8>> = kept
        .map(|entry| fs::read(entry.expect("a file of the corpus").path()).expect("a file of the corpus"))
        .collect();
    assert!(kept.len() > 20, "the corpus {corpus} has {} inputs", kept.len());
    kept.iter().for_each(|input| target(input));

    let seed =
        env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().expect("SEED is a number"));
    eprintln!("SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for at in 0..INPUTS {
        let mut input = if at % 2 == 0 {
            let mut input = vec![0; random.random_range(0..200)];
            random.fill_bytes(&mut input);
            input
        } else {
            kept[random.random_range(0..kept.len())].clone()
        };
        for _ in 0..random.random_range(0..4) {
            let place = random.random_range(0..input.len().max(1));
            if let Some(byte) = input.get_mut(place) {
                *byte = random.random();
            }
        }
        target(&input);
    }
}
