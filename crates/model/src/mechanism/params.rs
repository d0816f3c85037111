//! The parameters of mechanisms.

use serde::{Deserialize, Serialize};

use super::{AgreementKdf, Hash, Hkdf, Ike, Kbkdf, PasswordBased, SignContext, Tls};
use crate::{Blob, Handle};

/// The parameters of a mechanism. Which variant a mechanism takes follows from its [`Algorithm`](super::Algorithm).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Params {
    /// None.
    None,
    /// An initialisation vector: a block for CBC, CTS, OFB and CFB, and for XTS, where it's the number of the data unit;
    /// 8 bytes for AES-KW and 4 for AES-KWP, where it may be left out (then `None`).
    Iv(Blob),
    /// `CK_MAC_GENERAL_PARAMS`: the length of the MAC in bytes.
    MacLen(u32),
    /// `CK_AES_CTR_PARAMS`.
    Ctr {
        /// How many low bits of the block count (1 to 128).
        bits: u8,
        /// The first counter block.
        block: [u8; 16],
    },
    /// `CK_GCM_PARAMS`; of GMAC too, which has no additional data.
    Gcm {
        /// 1 to 1,024 bytes. None at all: the node makes 12 and puts them before the ciphertext, and there it finds them
        /// to decrypt.
        iv: Blob,
        /// Additional authenticated data.
        aad: Blob,
        /// 8 to 128, in steps of 8.
        tag_bits: u8,
    },
    /// `CK_CCM_PARAMS`.
    Ccm {
        /// Length of the data, without the MAC, in bytes. Wrapping and unwrapping don't look at it.
        data_len: u64,
        /// 7 to 13 bytes.
        nonce: Blob,
        /// Additional authenticated data.
        aad: Blob,
        /// 4 to 16, in steps of 2.
        mac_len: u8,
    },
    /// `CK_CHACHA20_PARAMS`.
    ChaCha20 {
        /// Number of the first block.
        counter: u64,
        /// 12 bytes with a counter of 32 bits; 8 or 24 with one of 64.
        nonce: Blob,
    },
    /// `CK_SALSA20_CHACHA20_POLY1305_PARAMS`.
    ChaCha20Poly1305 {
        /// 12 or 24 bytes.
        nonce: Blob,
        /// Additional authenticated data.
        aad: Blob,
    },
    /// `CK_RSA_PKCS_PSS_PARAMS`.
    Pss {
        /// Of the message.
        hash: Hash,
        /// Of the mask generation function.
        mgf: Hash,
        /// Length of the salt in bytes.
        salt: u32,
    },
    /// `CK_RSA_PKCS_OAEP_PARAMS`.
    Oaep {
        /// Of the label.
        hash: Hash,
        /// Of the mask generation function.
        mgf: Hash,
        /// The label.
        label: Blob,
    },
    /// `CK_RSA_AES_KEY_WRAP_PARAMS`.
    RsaAesWrap {
        /// Length of the new AES key in bytes: 16, 24 or 32.
        key_len: u8,
        /// Of the label.
        hash: Hash,
        /// Of the mask generation function.
        mgf: Hash,
        /// The label.
        label: Blob,
    },
    /// `CK_ECDH_AES_KEY_WRAP_PARAMS`.
    EcdhAesWrap {
        /// Length of the AES key in bytes: 16, 24 or 32.
        key_len: u8,
        /// `None` is `CKD_NULL`.
        kdf: Option<AgreementKdf>,
        /// Shared data for the KDF.
        shared: Blob,
    },
    /// `CK_EDDSA_PARAMS`. Without parameters EdDSA is pure, with no context.
    Eddsa {
        /// Whether the message is hashed first (Ed25519ph, Ed448ph).
        prehash: bool,
        /// Up to 255 bytes; for Ed25519 without prehash at least 1.
        context: Blob,
    },
    /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh {
        /// `None` is `CKD_NULL`.
        kdf: Option<AgreementKdf>,
        /// Shared data for the KDF.
        shared: Blob,
        /// The other side's public point: SEC 1 uncompressed or compressed, raw or in a DER OCTET STRING; for Montgomery
        /// curves RFC 7748's bytes.
        public: Blob,
    },
    /// Bytes: what is joined to a key, XORed with it or encrypted by it (`CK_KEY_DERIVATION_STRING_DATA`), or the other
    /// side's public value in Diffie-Hellman.
    Data(Blob),
    /// As [`Self::Data`], with an initialisation vector (`CK_AES_CBC_ENCRYPT_DATA_PARAMS`).
    IvAndData {
        /// A block.
        iv: Blob,
        /// Whole blocks.
        data: Blob,
    },
    /// The first bit, counted from the most significant of the first byte (`CK_EXTRACT_PARAMS`).
    Position(u64),
    /// Another key.
    Key(Handle),
    /// NIST SP 800-108.
    Kbkdf(Kbkdf),
    /// HKDF.
    Hkdf(Hkdf),
    /// A password, a salt and a number of iterations.
    PasswordBased(PasswordBased),
    /// `CK_X9_42_DH1_DERIVE_PARAMS`.
    X942 {
        /// `None` is `CKD_NULL`.
        kdf: Option<AgreementKdf>,
        /// `OtherInfo`.
        shared: Blob,
        /// The other side's public value.
        public: Blob,
    },
    /// TLS and SSL 3.0.
    Tls(Tls),
    /// IKE.
    Ike(Ike),
    /// A context, and whether to hedge (`CK_SIGN_ADDITIONAL_CONTEXT`).
    Context(SignContext),
    /// `CK_DSA_PARAMETER_GEN_PARAM`.
    ParameterSeed {
        /// What makes numbers of the seed.
        hash: Hash,
        /// Length of the seed in bytes.
        len: u8,
    },
}
