//! A15t of attacks.md: how long PKCS #1 v1.5 decryption and unwrapping take doesn't tell whether the padding was good.
//!
//! Ciphertexts of all classes are taken in turns, so that whatever else the machine does falls on all of them alike, and the
//! lower quartiles of many rounds are compared. They may differ by [`BOUND`] of the time. That is far above what an attacker
//! could measure over many hours on a quiet machine, and far below what a branch on the padding costs that skips a hash or
//! tells another error. A class that does a little more work on purpose shows that such a difference would be seen.

use std::hint::black_box;
use std::time::{Duration, Instant};

use strongroom_crypto::{Key, decrypt, digest, encrypt, generate_pair, random, unwrap_secret};
use strongroom_model::{AttributeType, Attributes, Hash, Mechanism, MechanismType};

/// The part of the time by which classes may differ.
const BOUND: f64 = 0.03;
/// Decryptions of each class that are timed.
const ROUNDS: usize = 1500;
/// Ciphertexts of each class.
const EACH: usize = 16;
/// A machine under load may need several.
const ATTEMPTS: usize = 12;

/// Changes a padded block.
type Spoil = fn(&mut [u8]);

/// What is wrong with a padded block; none of them is secret from who made it.
const CLASSES: [(&str, Spoil); 6] = [
    ("good padding", |_| ()),
    ("a first byte that isn't 0", |block| block[0] = 1),
    ("another type", |block| block[1] = 1),
    ("a separator too early", |block| block[5] = 0),
    ("no separator", |block| block.iter_mut().skip(2).filter(|byte| **byte == 0).for_each(|byte| *byte = 7)),
    ("a message of another length", |block| block[20] = 0),
];

fn plain(kind: MechanismType) -> Mechanism {
    Mechanism::plain(kind)
}

/// Sixteen bytes, padded, with something wrong.
fn ciphertext(public: &Key, spoil: Spoil) -> Vec<u8> {
    let mut block = random::blob(128).to_vec();
    block.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 1);
    block[0] = 0;
    block[1] = 2;
    block[128 - 17] = 0;
    spoil(&mut block);
    // The first byte stays below the modulus's, whose highest bit is set.
    encrypt(public, &plain(MechanismType::RSA_X_509), &block).unwrap().to_vec()
}

fn quartile(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 4].as_secs_f64()
}

/// The quartiles of all classes, and last that of good padding with more work behind it.
fn measured(ciphertexts: &[Vec<Vec<u8>>], run: &dyn Fn(&[u8])) -> Vec<f64> {
    let ballast = vec![0; 8 * 1024];
    let mut times = vec![Vec::with_capacity(ROUNDS); ciphertexts.len() + 1];
    for round in 0..ROUNDS {
        for turn in 0..times.len() {
            let class = (turn + round) % times.len();
            let controls = class == ciphertexts.len();
            let given = &ciphertexts[if controls { 0 } else { class }][round % EACH];
            let start = Instant::now();
            run(given);
            if controls {
                black_box(digest::digest(Hash::Sha256, &[&ballast]));
            }
            times[class].push(start.elapsed());
        }
    }
    times.into_iter().map(quartile).collect()
}

#[track_caller]
fn takes_as_long_for_all(public: &Key, run: &dyn Fn(&[u8])) {
    let made = |(_, spoil): &(_, Spoil)| (0..EACH).map(|_| ciphertext(public, *spoil)).collect();
    let ciphertexts: Vec<Vec<Vec<u8>>> = CLASSES.iter().map(made).collect();
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        let times = measured(&ciphertexts, run);
        let (control, classes) = times.split_last().unwrap();
        let least = classes.iter().copied().fold(f64::INFINITY, f64::min);
        let most = classes.iter().copied().fold(0.0, f64::max);
        if most <= least * (1.0 + BOUND) && *control > least * (1.0 + BOUND) {
            return;
        }
        said = format!("{said}{times:?}\n");
    }
    panic!("seconds for {:?}, and for a class with more work:\n{said}", CLASSES.map(|(name, _)| name));
}

#[test]
fn bad_padding_takes_as_long_as_good() {
    let template = Attributes::new().with(AttributeType::MODULUS_BITS, 1024);
    let pair = generate_pair(&plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN), &template).unwrap();
    let mechanism = plain(MechanismType::RSA_PKCS);
    takes_as_long_for_all(&pair.public_key, &|given| {
        black_box(decrypt(&pair.key, &mechanism, given).unwrap());
    });
    takes_as_long_for_all(&pair.public_key, &|given| {
        black_box(unwrap_secret(&pair.key, &mechanism, given, &[16, 24, 32]).unwrap());
    });
}
