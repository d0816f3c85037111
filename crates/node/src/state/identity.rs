//! Who a cluster is to its clients, and which clients it accepts.

use std::fmt;

use serde::{Deserialize, Serialize};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, Result};

/// A cluster's key and the certificates of it, in DER. There is a request while it waits for its customer's certificate.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The key, as SubjectPublicKeyInfo.
    #[serde(with = "serde_bytes")]
    pub public_key_info: Vec<u8>,
    /// The private key in PKCS#8, sealed under the cluster's masking key and bound to the public one.
    #[serde(with = "serde_bytes")]
    sealed: Vec<u8>,
    /// The request for a certificate (PKCS #10).
    pub request: Option<Vec<u8>>,
    /// The key's certificate by the first HSM's hardware.
    pub hsm: Option<Vec<u8>>,
    /// The hardware's certificate by the service's root.
    pub aws_hardware: Option<Vec<u8>>,
    /// The hardware's certificate by the maker's root.
    pub manufacturer_hardware: Option<Vec<u8>>,
    /// The key's certificate by the customer.
    pub cluster: Option<Vec<u8>>,
    /// The customer's certificate.
    pub trust_anchor: Option<Vec<u8>>,
}

impl Identity {
    /// A key without certificates.
    pub fn new(masking: &SealingKey, public_key_info: Vec<u8>, pkcs8: &Blob) -> Self {
        let sealed = sealing(masking).seal(&public_key_info, pkcs8);
        Self {
            public_key_info,
            sealed,
            request: None,
            hsm: None,
            aws_hardware: None,
            manufacturer_hardware: None,
            cluster: None,
            trust_anchor: None,
        }
    }

    /// The private key in PKCS#8.
    ///
    /// # Errors
    ///
    /// `CKR_DEVICE_ERROR` if it was changed, or the masking key is another cluster's.
    pub fn private_key(&self, masking: &SealingKey) -> Result<Blob> {
        sealing(masking).open(&self.public_key_info, &self.sealed)
    }

    /// Whether it waits for the customer's certificate.
    pub fn is_awaiting(&self) -> bool {
        self.request.is_some() && self.cluster.is_none()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("awaiting", &self.is_awaiting())
            .field("cluster", &self.cluster.is_some())
            .finish_non_exhaustive()
    }
}

fn sealing(masking: &SealingKey) -> SealingKey {
    masking.derive("cluster identity")
}

/// The certificates that clients' certificates must come from, and whether clients must have one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientTrust {
    /// In the order in which they were registered.
    pub anchors: Vec<TrustAnchor>,
    /// The last number that was given.
    pub last: u32,
    /// Whether clients without a certificate are refused.
    pub enforced: bool,
}

/// A certificate that clients' certificates may come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustAnchor {
    /// What it's called by; no other has had the number.
    pub reference: u32,
    /// The certificate, in DER.
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
}
