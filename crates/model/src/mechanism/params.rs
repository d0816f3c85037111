//! The parameters of mechanisms.

use serde::{Deserialize, Serialize};

use super::Hash;
use crate::Blob;

/// The parameters of a mechanism. Which variant a mechanism takes follows from its [`Algorithm`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Params {
    /// None.
    None,
    /// An initialisation vector: 16 bytes for AES-CBC; 8 for AES-KW and 4 for AES-KWP, where it may be
    /// left out (then `None`).
    Iv(Blob),
    /// `CK_AES_CTR_PARAMS`.
    Ctr {
        /// How many low bits of the block count (1 to 128).
        bits: u8,
        /// The first counter block.
        block: [u8; 16],
    },
    /// `CK_GCM_PARAMS`.
    Gcm {
        /// 1 to 1,024 bytes.
        iv: Blob,
        /// Additional authenticated data.
        aad: Blob,
        /// 8 to 128, in steps of 8.
        tag_bits: u8,
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
    /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh {
        /// `None` is `CKD_NULL`; otherwise the X9.63 KDF with that hash.
        kdf: Option<Hash>,
        /// Shared data for the KDF.
        shared: Blob,
        /// The other side's public point: SEC 1 uncompressed or compressed, raw or in a DER OCTET STRING.
        public: Blob,
    },
}
