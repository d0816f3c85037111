//! What mechanisms do.

/// What a mechanism does, apart from the hash it does it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA key-pair generation.
    RsaKeyPairGen,
    /// RSASSA-PKCS1-v1_5 and RSAES-PKCS1-v1_5.
    RsaPkcs,
    /// RSASSA-PSS.
    RsaPss,
    /// RSAES-OAEP.
    RsaOaep,
    /// Raw RSA.
    RsaX509,
    /// Elliptic-curve key-pair generation.
    EcKeyPairGen,
    /// ECDSA; signatures are r and s, each of the order's length, one after the other.
    Ecdsa,
    /// Elliptic-curve Diffie-Hellman; with cofactor for `CKM_ECDH1_COFACTOR_DERIVE` (all curves here have cofactor 1).
    Ecdh,
    /// AES key generation.
    AesKeyGen,
    /// AES-ECB.
    AesEcb,
    /// AES-CBC.
    AesCbc,
    /// AES-CBC with PKCS#7 padding.
    AesCbcPad,
    /// AES-CTR.
    AesCtr,
    /// AES-GCM; the tag follows the ciphertext.
    AesGcm,
    /// AES key wrap, RFC 3394.
    AesKw,
    /// AES key wrap with padding, RFC 5649.
    AesKwp,
    /// AES-CMAC.
    AesCmac,
    /// Generation of a generic secret.
    GenericKeyGen,
    /// HMAC.
    Hmac,
    /// ML-KEM key-pair generation (FIPS 203).
    MlKemKeyPairGen,
    /// ML-KEM encapsulation and decapsulation.
    MlKem,
    /// A hash.
    Digest,
}
