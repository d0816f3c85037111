//! The same without a fuzzer: what is kept in `fuzz/corpus`, and random bytes whose seed is printed.

use std::collections::hash_map::RandomState;
use std::env;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

use cryptoki_sys::{CK_MECHANISM, CK_MECHANISM_TYPE};
use strongroom_model::MECHANISMS;

use super::layouts;

/// Random inputs.
const INPUTS: u32 = 200_000;
/// No structure of parameters is longer, in bytes.
const LONGEST: usize = 512;

/// A structure without a layout would be filled with numbers, of which the module takes some for pointers.
#[test]
fn each_structure_of_parameters_has_its_layout() {
    let mut wrong = Vec::new();
    for row in MECHANISMS {
        let mut known: Vec<usize> = layouts::of(row.kind.0).iter().map(|layout| layout.len() * 8).collect();
        known.sort_unstable();
        // What isn't longer than a word is a number.
        let taken: Vec<usize> = structures(row.kind.0).into_iter().filter(|len| *len > 8).collect();
        if known != taken {
            wrong.push(format!("{}: layouts of {known:?} bytes, and structures of {taken:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lengths of the structures that a mechanism takes. Zeros are numbers and pointers to nothing alike.
fn structures(mechanism: CK_MECHANISM_TYPE) -> Vec<usize> {
    let mut zeros = [0u64; LONGEST / 8];
    let refusal = |len: usize| {
        let ck =
            CK_MECHANISM { mechanism, pParameter: zeros.as_mut_ptr().cast(), ulParameterLen: len as u64 };
        // SAFETY: as many bytes are readable, and each pointer in them is NULL.
        unsafe { crate::params::parse(ck) }.map_or_else(|error| error.message, |_| String::new())
    };
    let refusals: Vec<String> = (1..=LONGEST).map(refusal).collect();
    let refused = |refusal: &str| refusal.contains("takes a structure of another length");
    if !refusals.iter().any(|refusal| refused(refusal)) {
        return Vec::new();
    }
    (1..=LONGEST).filter(|len| !refused(&refusals[len - 1])).collect()
}

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
