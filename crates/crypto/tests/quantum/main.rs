//! Post-quantum algorithms, compared with second implementations on keys and messages made up anew each time.

mod common;
mod hashbased;
mod known;
mod mldsa;
mod mlkem;
mod slhdsa;
