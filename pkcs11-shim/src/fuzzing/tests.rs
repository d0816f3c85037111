//! The same without a fuzzer: what is kept in `fuzz/corpus`, and random bytes whose seed is printed.

use std::collections::hash_map::RandomState;
use std::env;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

/// Random inputs.
const INPUTS: u32 = 200_000;

#[test]
fn templates_in_any_memory_are_read_or_refused() {
    replay("template", super::template);
}

#[test]
fn parameters_in_any_memory_are_read_or_refused() {
    replay("parameters", super::parameters);
}

fn replay(corpus: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(corpus);
    let kept = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let kept: Vec<Vec<u8>> = kept
        .map(|entry| fs::read(entry.expect("a file of the corpus").path()).expect("a file of the corpus"))
        .collect();
    assert!(kept.len() > 20, "the corpus {corpus} has {} inputs", kept.len());
    kept.iter().for_each(|input| target(input));

    let seed = match env::var("SEED") {
        Ok(seed) => seed.parse().expect("SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    eprintln!("SEED={seed}");
    let mut random = Random(seed | 1);
    for at in 0..INPUTS {
        // Every other input is one of the corpus with a few bytes changed.
        let mut input = if at % 2 == 0 {
            let len = random.next() as usize % 200;
            (0..len).map(|_| random.next() as u8).collect()
        } else {
            kept[random.next() as usize % kept.len()].clone()
        };
        for _ in 0..random.next() % 4 {
            let len = input.len().max(1);
            if let Some(byte) = input.get_mut(random.next() as usize % len) {
                *byte = random.next() as u8;
            }
        }
        target(&input);
    }
}

/// Xorshift: good enough to choose bytes by, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }
}
