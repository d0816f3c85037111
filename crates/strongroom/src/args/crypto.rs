//! `strongroom crypto ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use strongroom_model::Hash;

use super::access::login_help;
use super::{Access, ApprovalOption, HashName, MgfName};

pub(super) const HELP: &str = concat!(
    "\
Examples:
  strongroom crypto sign ecdsa --key-filter attr.label=web attr.class=private-key \\
      --hash-function sha256 --data-path letter.txt
  strongroom crypto verify ecdsa --key-filter attr.label=web attr.class=public-key \\
      --hash-function sha256 --data-path letter.txt --signature BASE64
  strongroom crypto sign rsa-pkcs --key-filter attr.label=rsa attr.class=private-key \\
      --hash-function sha256 --data-type digest --data BASE64
  strongroom crypto sign rsa-pkcs-pss --key-filter attr.label=rsa attr.class=private-key \\
      --hash-function sha256 --mgf mgf1-sha256 --salt-length 32 --data BASE64

--data and --signature are base64; --data-path and --signature-path name files with the bytes themselves.

",
    login_help!()
);

#[derive(Debug, Subcommand)]
pub(crate) enum CryptoCommand {
    /// Sign data with a private key
    #[command(subcommand)]
    Sign(SignCommand),
    /// Verify a signature with a public key
    #[command(subcommand)]
    Verify(VerifyCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignCommand {
    /// ECDSA; the signature is r and s, each of the curve's length
    Ecdsa(Sign),
    /// RSASSA-PKCS1-v1_5
    RsaPkcs(Sign),
    /// RSASSA-PSS
    RsaPkcsPss {
        #[command(flatten)]
        sign: Sign,
        #[command(flatten)]
        pss: Pss,
    },
    /// Ed25519: the message itself is signed (RFC 8032)
    Ed25519(SignWhole),
    /// Ed25519ph: the message's SHA-512 is signed, with an empty context (RFC 8032)
    Ed25519ph {
        #[command(flatten)]
        sign: SignWhole,
        #[command(flatten)]
        prehash: Prehash,
    },
    /// ML-DSA, with an empty context; the signature is hedged
    MlDsa(SignWhole),
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// ECDSA; the signature is r and s, each of the curve's length
    Ecdsa(Verify),
    /// RSASSA-PKCS1-v1_5
    RsaPkcs(Verify),
    /// RSASSA-PSS
    RsaPkcsPss {
        #[command(flatten)]
        verify: Verify,
        #[command(flatten)]
        pss: Pss,
    },
    /// Ed25519: the message itself was signed (RFC 8032)
    Ed25519(VerifyWhole),
    /// Ed25519ph: the message's SHA-512 was signed, with an empty context (RFC 8032)
    Ed25519ph {
        #[command(flatten)]
        verify: VerifyWhole,
        #[command(flatten)]
        prehash: Prehash,
    },
    /// ML-DSA, with an empty context
    MlDsa(VerifyWhole),
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) message: Message,
    #[command(flatten)]
    pub(crate) approval: ApprovalOption,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) message: Message,
    #[command(flatten)]
    pub(crate) signature: SignatureOption,
}

/// A signature over a message as it is.
#[derive(Debug, Args)]
pub(crate) struct SignWhole {
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) message: WholeMessage,
    #[command(flatten)]
    pub(crate) approval: ApprovalOption,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyWhole {
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) message: WholeMessage,
    #[command(flatten)]
    pub(crate) signature: SignatureOption,
}

/// Which hash Ed25519ph takes; there is one.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Prehash {
    /// The hash: sha512
    #[arg(long, value_name = "HASH", default_value = "sha512")]
    pub(crate) hash_function: HashName,
}

#[derive(Debug, Args)]
pub(crate) struct SignatureOption {
    /// The signature, in base64
    #[arg(long, value_name = "BASE64", required_unless_present = "signature_path")]
    pub(crate) signature: Option<String>,
    /// A file that has the signature
    #[arg(long, value_name = "FILE", conflicts_with = "signature")]
    pub(crate) signature_path: Option<PathBuf>,
}

/// With which key, over what, for algorithms that take the message as it is.
#[derive(Debug, Args)]
pub(crate) struct WholeMessage {
    /// The key: attr.NAME=VALUE or key-reference=0x...; exactly one key must match
    #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
    pub(crate) key_filter: Vec<String>,
    #[command(flatten)]
    pub(crate) data: DataOption,
    /// Whether the data is the message, or the 64 bytes that stand for it: ML-DSA's mu (FIPS 204 algorithm 7), Ed25519ph's SHA-512
    #[arg(long, value_name = "TYPE", default_value = "raw")]
    pub(crate) data_type: DataType,
}

#[derive(Debug, Args)]
pub(crate) struct DataOption {
    /// The data, in base64
    #[arg(long, value_name = "BASE64", required_unless_present = "data_path")]
    pub(crate) data: Option<String>,
    /// A file that has the data
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub(crate) data_path: Option<PathBuf>,
}

/// With which key, over what.
#[derive(Debug, Args)]
pub(crate) struct Message {
    /// The key: attr.NAME=VALUE or key-reference=0x...; exactly one key must match
    #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
    pub(crate) key_filter: Vec<String>,
    /// The hash: sha1, sha224, sha256, sha384 or sha512
    #[arg(long, value_name = "HASH")]
    pub(crate) hash_function: HashName,
    #[command(flatten)]
    pub(crate) data: DataOption,
    /// Whether the data is to be hashed, or is the hash
    #[arg(long, value_name = "TYPE", default_value = "raw")]
    pub(crate) data_type: DataType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataType {
    /// The message itself
    Raw,
    /// Its digest
    Digest,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Pss {
    /// The mask generation function: mgf1-sha1 to mgf1-sha512 [default: with the hash of the data]
    #[arg(long, value_name = "MGF")]
    mgf: Option<MgfName>,
    /// The salt's length in bytes [default: the hash's]
    #[arg(long, value_name = "N")]
    salt_length: Option<u32>,
}

impl Pss {
    /// The mask generation function's hash, and the salt's length.
    pub(crate) fn complete(self, hash: Hash) -> (Hash, u32) {
        let usual = u32::try_from(hash.len()).unwrap_or_default();
        (self.mgf.map_or(hash, MgfName::hash), self.salt_length.unwrap_or(usual))
    }
}
