//! The mechanism table.

use super::{Algorithm, Hash, MechanismSpec, MechanismType, Purposes, numbers};
use crate::KeyType;

const ENCRYPT: u64 = cryptoki_sys::CKF_ENCRYPT | cryptoki_sys::CKF_DECRYPT;
const SIGN: u64 = cryptoki_sys::CKF_SIGN | cryptoki_sys::CKF_VERIFY;
const RECOVER: u64 = cryptoki_sys::CKF_SIGN_RECOVER | cryptoki_sys::CKF_VERIFY_RECOVER;
const WRAP: u64 = cryptoki_sys::CKF_WRAP | cryptoki_sys::CKF_UNWRAP;
const DERIVE: u64 = cryptoki_sys::CKF_DERIVE;
const GENERATE: u64 = cryptoki_sys::CKF_GENERATE;
const PAIR: u64 = cryptoki_sys::CKF_GENERATE_KEY_PAIR;
const ENCAPSULATE: u64 = cryptoki_sys::CKF_ENCAPSULATE | cryptoki_sys::CKF_DECAPSULATE;
const DIGEST: u64 = cryptoki_sys::CKF_DIGEST;
const EC: u64 = cryptoki_sys::CKF_EC_F_P
    | cryptoki_sys::CKF_EC_NAMEDCURVE
    | cryptoki_sys::CKF_EC_UNCOMPRESS
    | cryptoki_sys::CKF_EC_COMPRESS;

macro_rules! mechanisms {
    ($($name:ident = $source:ident: $algorithm:ident, $hash:expr, $key:expr, $min:literal..=$max:literal, $flags:expr;)*) => {
        impl MechanismType {
            $(#[doc = concat!("`", stringify!($source), "`.")] pub const $name: Self = Self(numbers::$source);)*
        }

        /// The mechanism table: every mechanism there is, in the order in which they are listed.
        pub static MECHANISMS: &[MechanismSpec] = &[$(MechanismSpec {
            kind: MechanismType::$name,
            name: stringify!($source),
            algorithm: Algorithm::$algorithm,
            hash: $hash,
            key_type: $key,
            min_key: $min,
            max_key: $max,
            purposes: Purposes($flags),
        },)*];

        impl MechanismType {
            /// The mechanism's row in the table.
            pub fn spec(self) -> Option<&'static MechanismSpec> {
                // A chain of comparisons that the compiler turns into a search.
                let mut at = 0;
                $(if self == Self::$name { return Some(&MECHANISMS[at]); } at += 1;)*
                let _ = at;
                None
            }
        }
    };
}

const RSA: Option<KeyType> = Some(KeyType::Rsa);
const ECK: Option<KeyType> = Some(KeyType::Ec);
const AES: Option<KeyType> = Some(KeyType::Aes);
const KEM: Option<KeyType> = Some(KeyType::MlKem);
const GEN: Option<KeyType> = Some(KeyType::GenericSecret);
const SHA1: Option<Hash> = Some(Hash::Sha1);
const SHA224: Option<Hash> = Some(Hash::Sha224);
const SHA256: Option<Hash> = Some(Hash::Sha256);
const SHA384: Option<Hash> = Some(Hash::Sha384);
const SHA512: Option<Hash> = Some(Hash::Sha512);
const SHA512_224: Option<Hash> = Some(Hash::Sha512_224);
const SHA512_256: Option<Hash> = Some(Hash::Sha512_256);
const SHA3_224: Option<Hash> = Some(Hash::Sha3_224);
const SHA3_256: Option<Hash> = Some(Hash::Sha3_256);
const SHA3_384: Option<Hash> = Some(Hash::Sha3_384);
const SHA3_512: Option<Hash> = Some(Hash::Sha3_512);
const MD5: Option<Hash> = Some(Hash::Md5);

mechanisms! {
    RSA_PKCS_KEY_PAIR_GEN = CKM_RSA_PKCS_KEY_PAIR_GEN: RsaKeyPairGen, None, RSA, 1024..=8192, PAIR;
    RSA_X9_31_KEY_PAIR_GEN = CKM_RSA_X9_31_KEY_PAIR_GEN: RsaKeyPairGen, None, RSA, 1024..=8192, PAIR;
    RSA_PKCS = CKM_RSA_PKCS: RsaPkcs, None, RSA, 1024..=8192, ENCRYPT | SIGN | RECOVER | WRAP;
    RSA_X_509 = CKM_RSA_X_509: RsaX509, None, RSA, 1024..=8192, ENCRYPT | SIGN | RECOVER | WRAP;
    SHA1_RSA_PKCS = CKM_SHA1_RSA_PKCS: RsaPkcs, SHA1, RSA, 1024..=8192, SIGN;
    SHA224_RSA_PKCS = CKM_SHA224_RSA_PKCS: RsaPkcs, SHA224, RSA, 1024..=8192, SIGN;
    SHA256_RSA_PKCS = CKM_SHA256_RSA_PKCS: RsaPkcs, SHA256, RSA, 1024..=8192, SIGN;
    SHA384_RSA_PKCS = CKM_SHA384_RSA_PKCS: RsaPkcs, SHA384, RSA, 1024..=8192, SIGN;
    SHA512_RSA_PKCS = CKM_SHA512_RSA_PKCS: RsaPkcs, SHA512, RSA, 1024..=8192, SIGN;
    RSA_PKCS_PSS = CKM_RSA_PKCS_PSS: RsaPss, None, RSA, 1024..=8192, SIGN;
    SHA1_RSA_PKCS_PSS = CKM_SHA1_RSA_PKCS_PSS: RsaPss, SHA1, RSA, 1024..=8192, SIGN;
    SHA224_RSA_PKCS_PSS = CKM_SHA224_RSA_PKCS_PSS: RsaPss, SHA224, RSA, 1024..=8192, SIGN;
    SHA256_RSA_PKCS_PSS = CKM_SHA256_RSA_PKCS_PSS: RsaPss, SHA256, RSA, 1024..=8192, SIGN;
    SHA384_RSA_PKCS_PSS = CKM_SHA384_RSA_PKCS_PSS: RsaPss, SHA384, RSA, 1024..=8192, SIGN;
    SHA512_RSA_PKCS_PSS = CKM_SHA512_RSA_PKCS_PSS: RsaPss, SHA512, RSA, 1024..=8192, SIGN;
    RSA_PKCS_OAEP = CKM_RSA_PKCS_OAEP: RsaOaep, None, RSA, 1024..=8192, ENCRYPT | WRAP;
    EC_KEY_PAIR_GEN = CKM_EC_KEY_PAIR_GEN: EcKeyPairGen, None, ECK, 224..=521, PAIR | EC;
    ECDSA = CKM_ECDSA: Ecdsa, None, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA1 = CKM_ECDSA_SHA1: Ecdsa, SHA1, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA224 = CKM_ECDSA_SHA224: Ecdsa, SHA224, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA256 = CKM_ECDSA_SHA256: Ecdsa, SHA256, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA384 = CKM_ECDSA_SHA384: Ecdsa, SHA384, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA512 = CKM_ECDSA_SHA512: Ecdsa, SHA512, ECK, 224..=521, SIGN | EC;
    ECDH1_DERIVE = CKM_ECDH1_DERIVE: Ecdh, None, ECK, 224..=521, DERIVE | EC;
    ECDH1_COFACTOR_DERIVE = CKM_ECDH1_COFACTOR_DERIVE: Ecdh, None, ECK, 224..=521, DERIVE | EC;
    AES_KEY_GEN = CKM_AES_KEY_GEN: AesKeyGen, None, AES, 16..=32, GENERATE;
    AES_ECB = CKM_AES_ECB: AesEcb, None, AES, 16..=32, ENCRYPT;
    AES_CBC = CKM_AES_CBC: AesCbc, None, AES, 16..=32, ENCRYPT;
    AES_CBC_PAD = CKM_AES_CBC_PAD: AesCbcPad, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_CTR = CKM_AES_CTR: AesCtr, None, AES, 16..=32, ENCRYPT;
    AES_GCM = CKM_AES_GCM: AesGcm, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_KEY_WRAP = CKM_AES_KEY_WRAP: AesKw, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_KEY_WRAP_PAD = CKM_AES_KEY_WRAP_PAD: AesKwp, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_KEY_WRAP_KWP = CKM_AES_KEY_WRAP_KWP: AesKwp, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_CMAC = CKM_AES_CMAC: AesCmac, None, AES, 16..=32, SIGN;
    GENERIC_SECRET_KEY_GEN = CKM_GENERIC_SECRET_KEY_GEN: GenericKeyGen, None, GEN, 1..=4096, GENERATE;
    SHA_1_HMAC = CKM_SHA_1_HMAC: Hmac, SHA1, GEN, 1..=4096, SIGN;
    SHA224_HMAC = CKM_SHA224_HMAC: Hmac, SHA224, GEN, 1..=4096, SIGN;
    SHA256_HMAC = CKM_SHA256_HMAC: Hmac, SHA256, GEN, 1..=4096, SIGN;
    SHA384_HMAC = CKM_SHA384_HMAC: Hmac, SHA384, GEN, 1..=4096, SIGN;
    SHA512_HMAC = CKM_SHA512_HMAC: Hmac, SHA512, GEN, 1..=4096, SIGN;
    SHA512_224_HMAC = CKM_SHA512_224_HMAC: Hmac, SHA512_224, GEN, 1..=4096, SIGN;
    SHA512_256_HMAC = CKM_SHA512_256_HMAC: Hmac, SHA512_256, GEN, 1..=4096, SIGN;
    SHA3_224_HMAC = CKM_SHA3_224_HMAC: Hmac, SHA3_224, GEN, 1..=4096, SIGN;
    SHA3_256_HMAC = CKM_SHA3_256_HMAC: Hmac, SHA3_256, GEN, 1..=4096, SIGN;
    SHA3_384_HMAC = CKM_SHA3_384_HMAC: Hmac, SHA3_384, GEN, 1..=4096, SIGN;
    SHA3_512_HMAC = CKM_SHA3_512_HMAC: Hmac, SHA3_512, GEN, 1..=4096, SIGN;
    MD5_HMAC = CKM_MD5_HMAC: Hmac, MD5, GEN, 1..=4096, SIGN;
    ML_KEM_KEY_PAIR_GEN = CKM_ML_KEM_KEY_PAIR_GEN: MlKemKeyPairGen, None, KEM, 800..=1568, PAIR;
    ML_KEM = CKM_ML_KEM: MlKem, None, KEM, 800..=1568, ENCAPSULATE;
    SHA_1 = CKM_SHA_1: Digest, SHA1, None, 0..=0, DIGEST;
    SHA224 = CKM_SHA224: Digest, SHA224, None, 0..=0, DIGEST;
    SHA256 = CKM_SHA256: Digest, SHA256, None, 0..=0, DIGEST;
    SHA384 = CKM_SHA384: Digest, SHA384, None, 0..=0, DIGEST;
    SHA512 = CKM_SHA512: Digest, SHA512, None, 0..=0, DIGEST;
    SHA512_224 = CKM_SHA512_224: Digest, SHA512_224, None, 0..=0, DIGEST;
    SHA512_256 = CKM_SHA512_256: Digest, SHA512_256, None, 0..=0, DIGEST;
    SHA3_224 = CKM_SHA3_224: Digest, SHA3_224, None, 0..=0, DIGEST;
    SHA3_256 = CKM_SHA3_256: Digest, SHA3_256, None, 0..=0, DIGEST;
    SHA3_384 = CKM_SHA3_384: Digest, SHA3_384, None, 0..=0, DIGEST;
    SHA3_512 = CKM_SHA3_512: Digest, SHA3_512, None, 0..=0, DIGEST;
    MD5 = CKM_MD5: Digest, MD5, None, 0..=0, DIGEST;
}
