//! OpenSC's `pkcs11-tool` with keys in a cluster.
//!
//! Whatever a key in the cluster makes is checked by an `openssl` that knows nothing of PKCS#11, and what that one
//! makes is used with the cluster's keys.

mod ciphers;
mod derivation;
mod generation;
mod import;
mod pins;
mod self_tests;
mod signatures;
mod wrapping;

/// The digests as `openssl` calls them, and as they are called in names of PKCS#11's mechanisms of their own.
const DIGESTS: [(&str, &str); 5] = [
    ("SHA1", "SHA-1"),
    ("SHA224", "SHA224"),
    ("SHA256", "SHA256"),
    ("SHA384", "SHA384"),
    ("SHA512", "SHA512"),
];

/// The curves as `openssl` calls them.
const CURVES: [&str; 5] = ["secp224r1", "prime256v1", "secp384r1", "secp521r1", "secp256k1"];

/// A line of what the tool said, without what goes before a colon.
#[track_caller]
fn value<'a>(said: &'a str, name: &str) -> &'a str {
    let found = said.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("there is no {name} in: {said}")).trim()
}
