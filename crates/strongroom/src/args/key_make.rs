//! `strongroom key generate-...` and `key import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use strongroom_model::UserName;

use super::names::{KeyTypeClass, MlDsaName};
use super::{Access, parse};

#[derive(Debug, Subcommand)]
pub(crate) enum PairCommand {
    /// An RSA key pair
    Rsa {
        #[command(flatten)]
        pair: Pair,
        /// The size of the modulus: 2048 to 4096, in steps of 256 under `cloudhsm`
        #[arg(long, value_name = "BITS")]
        modulus_size_bits: u32,
        /// The public exponent, odd; usually 65537
        #[arg(long, value_name = "E")]
        public_exponent: u64,
    },
    /// A key pair on an elliptic curve
    Ec {
        #[command(flatten)]
        pair: Pair,
        /// The curve: secp224r1, secp256r1 (prime256v1), secp384r1, secp521r1, secp256k1 or ed25519; under `standard` and
        /// `strict` also ed448, x25519, x448, brainpoolP256r1, brainpoolP384r1 and brainpoolP512r1
        #[arg(long, value_name = "CURVE")]
        curve: String,
    },
    /// An ML-DSA key pair (FIPS 204)
    MlDsa {
        #[command(flatten)]
        pair: Pair,
        /// The parameter set: ml-dsa-44, ml-dsa-65 or ml-dsa-87
        #[arg(long, value_name = "SET")]
        mldsa_algorithm: MlDsaName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Pair {
    #[command(flatten)]
    pub(crate) access: Access,
    /// The public key's label
    #[arg(long, value_name = "LABEL")]
    pub(crate) public_label: String,
    /// The private key's label
    #[arg(long, value_name = "LABEL")]
    pub(crate) private_label: String,
    /// Make session keys, which end with `quit`; only in interactive mode
    #[arg(long)]
    pub(crate) session: bool,
    /// The public key's attributes
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub(crate) public_attributes: Vec<String>,
    /// The private key's attributes
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub(crate) private_attributes: Vec<String>,
    /// Crypto users that may use the private key
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = parse::<UserName>)]
    pub(crate) share_crypto_users: Vec<UserName>,
    /// How many must agree before the private key is wrapped, shared or changed
    #[arg(long, value_name = "M", default_value_t = 0)]
    pub(crate) manage_private_key_quorum_value: u8,
    /// How many must agree to each use of the private key
    #[arg(long, value_name = "M", default_value_t = 0)]
    pub(crate) use_private_key_quorum_value: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SymmetricCommand {
    /// An AES key of 16, 24 or 32 bytes
    Aes(Symmetric),
    /// A generic secret, for HMAC and derivation
    GenericSecret(Symmetric),
}

#[derive(Debug, Args)]
pub(crate) struct Symmetric {
    #[command(flatten)]
    pub(crate) fresh: Fresh,
    /// The key's length in bytes
    #[arg(long, value_name = "N")]
    pub(crate) key_length_bytes: u32,
    #[command(flatten)]
    pub(crate) terms: Terms,
}

/// What any one new key is given.
#[derive(Debug, Args)]
pub(crate) struct Fresh {
    #[command(flatten)]
    pub(crate) access: Access,
    /// The key's label
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: String,
    /// Make a session key, which ends with `quit`; only in interactive mode
    #[arg(long)]
    pub(crate) session: bool,
    /// The key's attributes
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub(crate) attributes: Vec<String>,
}

/// Who else may use the key, and how many must agree.
#[derive(Debug, Args)]
pub(crate) struct Terms {
    /// Crypto users that may use the key
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = parse::<UserName>)]
    pub(crate) share_crypto_users: Vec<UserName>,
    /// How many must agree before the key is wrapped, shared or changed
    #[arg(long, value_name = "M", default_value_t = 0)]
    pub(crate) manage_key_quorum_value: u8,
    /// How many must agree to each use of the key
    #[arg(long, value_name = "M", default_value_t = 0)]
    pub(crate) use_key_quorum_value: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// From a PEM file: a public key, or a private key in PKCS#8
    ///
    /// A private key is encrypted under the AES key that --wrapping-filter names, and unwrapped with it in the cluster; the AES key
    /// needs encrypt=true and unwrap=true.
    Pem {
        #[command(flatten)]
        fresh: Fresh,
        /// The file
        #[arg(long, value_name = "FILE")]
        path: PathBuf,
        /// What it has: ec-public, rsa-public, ec-private or rsa-private
        #[arg(long, value_name = "KIND")]
        key_type_class: KeyTypeClass,
        /// The AES key that brings a private key in; exactly one must match
        #[arg(long, value_name = "FILTER", num_args = 1..)]
        wrapping_filter: Vec<String>,
    },
}
