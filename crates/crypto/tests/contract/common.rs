//! What the tests share.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use strongroom_crypto::{Key, KeyPair, generate_pair, to_pkcs8};
use strongroom_model::{
    AttributeType, Attributes, Error, Hash, Mechanism, MechanismType, Result, ReturnCode,
};

pub(crate) type A = AttributeType;
pub(crate) type M = MechanismType;

/// A pair that many tests use, since RSA pairs take their time.
pub(crate) static RSA: LazyLock<KeyPair> = LazyLock::new(|| rsa_pair(2048));

/// Curves: OpenSSL's name, the DER encoding of the OID, bytes of the order.
pub(crate) const CURVES: [(&str, &[u8], usize); 5] = [
    ("secp224r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21], 28),
    ("prime256v1", &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], 32),
    ("secp384r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], 48),
    ("secp521r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23], 66),
    ("secp256k1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a], 32),
];

pub(crate) fn rsa_pair(bits: u64) -> KeyPair {
    let template = Attributes::new().with(A::MODULUS_BITS, bits);
    generate_pair(&Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN), &template).unwrap()
}

pub(crate) fn ec_pair(params: &[u8]) -> KeyPair {
    let template = Attributes::new().with(A::EC_PARAMS, params);
    generate_pair(&Mechanism::plain(M::EC_KEY_PAIR_GEN), &template).unwrap()
}

/// The same key in RustCrypto's hands.
pub(crate) fn other_rsa(key: &Key) -> rsa::RsaPrivateKey {
    rsa::pkcs8::DecodePrivateKey::from_pkcs8_der(&to_pkcs8(key).unwrap()).unwrap()
}

pub(crate) fn code<T>(result: Result<T>) -> ReturnCode {
    match result {
        Ok(_) => ReturnCode::OK,
        Err(Error { code, .. }) => code,
    }
}

pub(crate) fn hash_name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => "sha1",
        Hash::Sha224 => "sha224",
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
        Hash::Sha512_224 => "sha512-224",
        Hash::Sha512_256 => "sha512-256",
        Hash::Sha3_224 => "sha3-224",
        Hash::Sha3_256 => "sha3-256",
        Hash::Sha3_384 => "sha3-384",
        Hash::Sha3_512 => "sha3-512",
        Hash::Md5 => "md5",
    }
}

/// Vectors are published in hexadecimal.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte in {text:?}");
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
    (0..text.len()).step_by(2).map(byte).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder for the files that a command reads, removed at the end.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn put(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs `openssl` in the folder, and gives its output if it succeeds.
    pub(crate) fn try_openssl(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .expect("these tests need the command `openssl` (Debian package openssl)");
        output.status.success().then_some(output.stdout)
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        self.try_openssl(arguments).unwrap_or_else(|| panic!("openssl {arguments:?} failed"))
    }
}
