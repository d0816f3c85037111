//! `strongroom key wrap` and `key unwrap`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::key_make::{Fresh, Terms};
use super::names::KeyTypeClass;
use super::{Access, HashName, MgfName};

#[derive(Debug, Subcommand)]
pub(crate) enum WrapCommand {
    /// AES-GCM; a fresh IV is told beside the wrapped key
    AesGcm {
        #[command(flatten)]
        wrap: Wrap,
        #[command(flatten)]
        gcm: Gcm,
    },
    /// AES-GCM with the fresh IV in front of the wrapped key
    CloudhsmAesGcm {
        #[command(flatten)]
        wrap: Wrap,
        #[command(flatten)]
        gcm: Gcm,
    },
    /// AES key wrap (RFC 3394): the key must be a whole number of 8-byte blocks
    AesNoPad(Wrap),
    /// AES key wrap after PKCS#5 padding: any key of 8 bytes or more
    AesPkcs5Pad(Wrap),
    /// AES key wrap with padding (RFC 5649): any key
    AesZeroPad(Wrap),
    /// A fresh AES-256 key by RSA-OAEP, and the key by that (RFC 5649): any key
    RsaAes {
        #[command(flatten)]
        wrap: Wrap,
        #[command(flatten)]
        oaep: Oaep,
    },
    /// RSA-OAEP
    RsaOaep {
        #[command(flatten)]
        wrap: Wrap,
        #[command(flatten)]
        oaep: Oaep,
    },
    /// RSAES-PKCS1-v1_5
    RsaPkcs(Wrap),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UnwrapCommand {
    /// AES-GCM
    AesGcm {
        #[command(flatten)]
        unwrap: Unwrap,
        #[command(flatten)]
        gcm: Gcm,
        /// The IV that `wrap` told, in hexadecimal
        #[arg(long, value_name = "HEX")]
        initial_vector: String,
    },
    /// AES-GCM with the IV in front of the wrapped key
    CloudhsmAesGcm {
        #[command(flatten)]
        unwrap: Unwrap,
        #[command(flatten)]
        gcm: Gcm,
    },
    /// AES key wrap (RFC 3394)
    AesNoPad(Unwrap),
    /// AES key wrap after PKCS#5 padding: any key of 8 bytes or more
    AesPkcs5Pad(Unwrap),
    /// AES key wrap with padding (RFC 5649)
    AesZeroPad(Unwrap),
    /// A fresh AES-256 key by RSA-OAEP, and the key by that (RFC 5649): any key
    RsaAes {
        #[command(flatten)]
        unwrap: Unwrap,
        #[command(flatten)]
        oaep: Oaep,
    },
    /// RSA-OAEP
    RsaOaep {
        #[command(flatten)]
        unwrap: Unwrap,
        #[command(flatten)]
        oaep: Oaep,
    },
    /// RSAES-PKCS1-v1_5
    RsaPkcs(Unwrap),
}

#[derive(Debug, Args)]
pub(crate) struct Wrap {
    #[command(flatten)]
    pub(crate) access: Access,
    /// The key to wrap; exactly one must match
    #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
    pub(crate) payload_filter: Vec<String>,
    /// The key to wrap it with; exactly one must match
    #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
    pub(crate) wrapping_filter: Vec<String>,
    /// A file to write the wrapped key to, instead of showing it in base64; it mustn't exist
    #[arg(long, value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
    /// An approved token for the management of the key to wrap
    #[arg(long, value_name = "FILE")]
    pub(crate) payload_approval: Option<PathBuf>,
    /// An approved token for the management of the wrapping key
    #[arg(long, value_name = "FILE")]
    pub(crate) wrapping_approval: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Unwrap {
    #[command(flatten)]
    pub(crate) fresh: Fresh,
    /// The key to unwrap with; exactly one must match
    #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
    pub(crate) filter: Vec<String>,
    /// What was wrapped: aes, generic-secret, rsa-private, ec-private, ec-edwards-private or ec-montgomery-private
    #[arg(long, value_name = "KIND")]
    pub(crate) key_type_class: KeyTypeClass,
    /// The wrapped key, in base64
    #[arg(long, value_name = "BASE64", required_unless_present = "data_path")]
    pub(crate) data: Option<String>,
    /// A file that has the wrapped key
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub(crate) data_path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// An approved token for the management of the key to unwrap with
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Gcm {
    /// The tag's length: 64 to 128 bits, in steps of 8
    #[arg(long, value_name = "BITS", default_value_t = 128)]
    pub(crate) tag_length_bits: u8,
    /// Additional authenticated data, in hexadecimal
    #[arg(long, value_name = "HEX")]
    pub(crate) aad: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Oaep {
    /// The hash
    #[arg(long, value_name = "HASH")]
    pub(crate) hash_function: HashName,
    /// The mask generation function [default: with the same hash]
    #[arg(long, value_name = "MGF")]
    pub(crate) mgf: Option<MgfName>,
}
