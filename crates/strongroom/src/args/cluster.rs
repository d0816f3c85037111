//! `strongroom cluster ...`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use strongroom_model::{Error, MtlsEnforcement, ReturnCode};

use super::access::login_help;
use super::{Access, ApprovalOption, Place, parse};
use crate::password::Given;

pub(super) const HELP: &str = concat!(
    "\
Examples:
  strongroom up --uninitialized             a cluster with nobody in it but an unactivated admin
  strongroom cluster activate               sets the admin's password, which makes it the first officer
  strongroom cluster hsm-info --human       the nodes that answer

With a certificate of your own authority, as on CloudHSM (docs/certificates.md):
  strongroom up --own-ca
  strongroom cluster certificates --save pems
  openssl x509 -req -sha256 -days 3652 -in pems/cluster.csr -CA customerCA.crt -CAkey customerCA.key \\
      -CAcreateserial -out signed.crt
  strongroom cluster initialize --signed-cert signed.crt --trust-anchor customerCA.crt
  strongroom cluster mtls register-trust-anchor --path clients.crt

",
    login_help!()
);

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Set the password of the unactivated admin, who becomes the first officer
    Activate {
        #[command(flatten)]
        place: Place,
        /// The password; - reads it from standard input [default: asked for]
        #[arg(long, value_name = "P")]
        password: Option<Given>,
    },
    /// Print the request for the cluster's certificate, and the certificates that there are
    Certificates {
        #[command(flatten)]
        place: Place,
        /// Write them into this folder, too: cluster.csr, hsm.crt, aws_hardware.crt ...
        #[arg(long, value_name = "DIR")]
        save: Option<PathBuf>,
    },
    /// Give the cluster the certificate of its key that your authority has signed
    Initialize(Initialize),
    /// Say which clients are accepted by their certificates
    #[command(subcommand, after_help = HELP)]
    Mtls(MtlsCommand),
    /// Say what the cluster's nodes are; anybody may ask
    HsmInfo {
        #[command(flatten)]
        place: Place,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
}

/// What the customer has signed.
#[derive(Debug, Args)]
pub(crate) struct Initialize {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The certificate of the cluster's request, as PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) signed_cert: PathBuf,
    /// The self-signed certificate of the authority that signed it, as PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) trust_anchor: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MtlsCommand {
    /// Let clients in whose certificates come from this one
    RegisterTrustAnchor {
        #[command(flatten)]
        access: Access,
        /// The certificate, as PEM
        #[arg(long, value_name = "FILE")]
        path: PathBuf,
        #[command(flatten)]
        approval: ApprovalOption,
    },
    /// Take one of these certificates away
    DeregisterTrustAnchor {
        #[command(flatten)]
        access: Access,
        /// Its reference, as `list-trust-anchors` has it: 0x01, or 1
        #[arg(long, value_name = "REFERENCE", value_parser = parse::<Reference>)]
        certificate_reference: Reference,
        #[command(flatten)]
        approval: ApprovalOption,
    },
    /// List these certificates; anybody may ask
    ListTrustAnchors {
        #[command(flatten)]
        place: Place,
    },
    /// Say whether clients must have such a certificate; by `admin`
    SetEnforcement {
        #[command(flatten)]
        access: Access,
        /// none or cluster
        #[arg(long, value_name = "LEVEL", value_parser = parse::<MtlsEnforcement>)]
        level: MtlsEnforcement,
        #[command(flatten)]
        approval: ApprovalOption,
    },
    /// Tell whether clients must have such a certificate
    GetEnforcement {
        #[command(flatten)]
        access: Access,
    },
}

/// The number of a trust anchor, in hexadecimal or decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference(pub(crate) u32);

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.map(Self).map_err(|_| {
            let message =
                format!("{text:?} is no reference of a trust anchor: those are numbers such as 0x01");
            Error::new(ReturnCode::ARGUMENTS_BAD, message)
        })
    }
}
