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
    /// AES key wrap with padding under a new AES key, which goes before it in RSAES-OAEP.
    RsaAesKeyWrap,
    /// Elliptic-curve key-pair generation.
    EcKeyPairGen,
    /// ECDSA; signatures are r and s, each of the order's length, one after the other.
    Ecdsa,
    /// Elliptic-curve Diffie-Hellman, on Montgomery curves too (RFC 7748); with cofactor for `CKM_ECDH1_COFACTOR_DERIVE`
    /// (short Weierstrass curves here have cofactor 1).
    Ecdh,
    /// AES key wrap with padding under an AES key agreed on with a new key pair, whose public key goes before it.
    EcdhAesKeyWrap,
    /// Key-pair generation on an Edwards curve.
    EdwardsKeyPairGen,
    /// EdDSA (RFC 8032).
    Eddsa,
    /// Key-pair generation on a Montgomery curve.
    MontgomeryKeyPairGen,
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
    /// AES-CCM (RFC 3610); the MAC follows the ciphertext.
    AesCcm,
    /// AES-XTS (NIST SP 800-38E).
    AesXts,
    /// AES-XTS key generation.
    AesXtsKeyGen,
    /// AES-OFB (NIST SP 800-38A).
    AesOfb,
    /// AES-CFB with segments of 1 bit.
    AesCfb1,
    /// AES-CFB with segments of 8 bits.
    AesCfb8,
    /// AES-CFB with segments of 64 bits.
    AesCfb64,
    /// AES-CFB with segments of 128 bits.
    AesCfb128,
    /// AES-CBC with ciphertext stealing (CBC-CS1 of the addendum to NIST SP 800-38A).
    AesCts,
    /// AES key wrap, RFC 3394.
    AesKw,
    /// AES key wrap of what was padded to half blocks by PKCS#7.
    AesKwPkcs7,
    /// AES key wrap with padding, RFC 5649.
    AesKwp,
    /// AES-CMAC.
    AesCmac,
    /// AES-CMAC of a given length.
    AesCmacGeneral,
    /// AES-CBC-MAC (FIPS 113 with AES), half a block of it.
    AesMac,
    /// AES-CBC-MAC of a given length.
    AesMacGeneral,
    /// AES-XCBC-MAC (RFC 3566).
    AesXcbcMac,
    /// AES-XCBC-MAC-96.
    AesXcbcMac96,
    /// AES-GMAC (NIST SP 800-38D).
    AesGmac,
    /// Generation of a DES key of single, double or triple length, with odd parity.
    DesKeyGen,
    /// DES-ECB, with keys of any of the three lengths; so with those that follow.
    DesEcb,
    /// DES-CBC.
    DesCbc,
    /// DES-CBC with PKCS#7 padding.
    DesCbcPad,
    /// CMAC with triple DES.
    DesCmac,
    /// CMAC with triple DES, of a given length.
    DesCmacGeneral,
    /// CBC-MAC with DES (FIPS 113), half a block of it.
    DesMac,
    /// CBC-MAC with DES of a given length.
    DesMacGeneral,
    /// Generation of a key for ChaCha20 or for Poly1305.
    ChaChaKeyGen,
    /// ChaCha20 (RFC 8439; as first published; with a nonce of 192 bits).
    ChaCha20,
    /// ChaCha20-Poly1305 (RFC 8439); the tag follows the ciphertext.
    ChaCha20Poly1305,
    /// Poly1305 (RFC 8439). A key makes one MAC.
    Poly1305,
    /// Generation of a generic secret.
    GenericKeyGen,
    /// HMAC.
    Hmac,
    /// HMAC of a given length.
    HmacGeneral,
    /// ML-KEM key-pair generation (FIPS 203).
    MlKemKeyPairGen,
    /// ML-KEM encapsulation and decapsulation.
    MlKem,
    /// ML-DSA key-pair generation (FIPS 204).
    MlDsaKeyPairGen,
    /// ML-DSA of a message.
    MlDsa,
    /// HashML-DSA, of a message; the mechanism's name has the hash.
    HashMlDsa,
    /// HashML-DSA, of a digest.
    MlDsaOfDigest,
    /// ML-DSA of mu.
    MlDsaMu,
    /// SLH-DSA key-pair generation (FIPS 205).
    SlhDsaKeyPairGen,
    /// SLH-DSA of a message.
    SlhDsa,
    /// HashSLH-DSA, of a message; the mechanism's name has the hash.
    HashSlhDsa,
    /// HashSLH-DSA, of a digest.
    SlhDsaOfDigest,
    /// HSS (RFC 8554); verification.
    Hss,
    /// XMSS (RFC 8391); verification.
    Xmss,
    /// XMSS^MT; verification.
    XmssMt,
    /// Generation of domain parameters.
    ParameterGen,
    /// Diffie-Hellman key-pair generation.
    DhKeyPairGen,
    /// Diffie-Hellman by PKCS #3.
    DhDerive,
    /// Diffie-Hellman by X9.42.
    X942Derive,
    /// DES in OFB with segments of 64 bits.
    DesOfb64,
    /// DES in OFB with segments of 8 bits.
    DesOfb8,
    /// DES in CFB with segments of 64 bits.
    DesCfb64,
    /// DES in CFB with segments of 8 bits.
    DesCfb8,
    /// RSA with the padding of ANSI X9.31.
    RsaX931,
    /// Generation of domain parameters from a seed that proves how they were made (FIPS 186-4 appendix A.1.1.2).
    SeededParameterGen,
    /// DSA key-pair generation.
    DsaKeyPairGen,
    /// DSA.
    Dsa,
    /// The public key of a private one.
    PublicFromPrivate,
    /// NIST SP 800-108, counter mode.
    KbkdfCounter,
    /// NIST SP 800-108, feedback mode.
    KbkdfFeedback,
    /// NIST SP 800-108, double-pipeline mode.
    KbkdfDoublePipeline,
    /// HKDF; makes a key.
    HkdfDerive,
    /// HKDF; makes a data object.
    HkdfData,
    /// Generation of a key for HKDF.
    HkdfKeyGen,
    /// PBKDF2; makes a key of any type.
    Pbkdf2,
    /// PKCS #12's generation of a key, and for ciphers of an initialisation vector.
    Pkcs12Pbe,
    /// A key and another one after it.
    ConcatenateKey,
    /// A key and data after it.
    ConcatenateData,
    /// Data and a key after it.
    ConcatenateToData,
    /// A key XORed with data.
    XorData,
    /// Bits of a key.
    ExtractBits,
    /// What encrypting data gives, in ECB or CBC.
    EncryptData,
    /// The hash of a key.
    HashDerive,
    /// SHAKE128 of a key.
    Shake128Derive,
    /// SHAKE256 of a key.
    Shake256Derive,
    /// Generation of a premaster secret for RSA.
    TlsPreMasterGen,
    /// Master secret of SSL 3.0, from a premaster secret for RSA.
    Ssl3Master,
    /// The same, from one of Diffie-Hellman.
    Ssl3MasterDh,
    /// Keys of a connection of SSL 3.0.
    Ssl3KeyAndMac,
    /// The MAC of SSL 3.0's records, of a length that is asked for.
    Ssl3Mac,
    /// Master secret of TLS 1.0 and 1.1, from a premaster secret for RSA.
    TlsMaster,
    /// The same, from one of Diffie-Hellman.
    TlsMasterDh,
    /// Keys of a connection of TLS 1.0 and 1.1.
    TlsKeyAndMac,
    /// The PRF of TLS 1.0 and 1.1, whose output the caller gets.
    TlsPrf,
    /// Master secret of TLS 1.2, from a premaster secret for RSA.
    Tls12Master,
    /// The same, from one of Diffie-Hellman.
    Tls12MasterDh,
    /// Extended master secret (RFC 7627), from a premaster secret for RSA.
    Tls12ExtendedMaster,
    /// The same, from one of Diffie-Hellman.
    Tls12ExtendedMasterDh,
    /// Keys of a connection of TLS 1.2.
    Tls12KeyAndMac,
    /// The same, without initialisation vectors.
    Tls12KeySafe,
    /// What a `Finished` message of TLS verifies.
    TlsMac,
    /// Key material exporter of TLS (RFC 5705).
    TlsKdf,
    /// IKEv2's prf+.
    Ike2PrfPlus,
    /// IKE's first PRF.
    IkePrf,
    /// IKEv1's keys from SKEYID.
    Ike1Prf,
    /// IKEv1's longer keys.
    Ike1Extended,
    /// A hash.
    Digest,
}

impl Algorithm {
    /// Whether it derives from secret keys of any type.
    pub const fn takes_any_secret(self) -> bool {
        matches!(
            self,
            Self::KbkdfCounter
                | Self::KbkdfFeedback
                | Self::KbkdfDoublePipeline
                | Self::HkdfDerive
                | Self::HkdfData
                | Self::ConcatenateKey
                | Self::ConcatenateData
                | Self::ConcatenateToData
                | Self::XorData
                | Self::ExtractBits
                | Self::HashDerive
                | Self::Shake128Derive
                | Self::Shake256Derive
                | Self::Ike2PrfPlus
                | Self::IkePrf
                | Self::Ike1Prf
                | Self::Ike1Extended
        )
    }
}
