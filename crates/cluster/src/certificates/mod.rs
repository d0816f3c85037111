//! Who a cluster is: its key, what certifies the key, and which clients it accepts (cloudhsm.md 1.2, 1.6).
//!
//! Every cluster that speaks TLS has a key of its own, made with it. Either a customer certifies it, as on CloudHSM: there is a
//! request to sign, and certificates that lead from the key over the hardware to its makers; [`Cluster::initialize`] takes the
//! signed certificate. Or an authority of the installation's own does at once. `docs/certificates.md` is for users.

mod authority;
mod check;
mod hardware;

use std::sync::Arc;

use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::x509::{PemKind, to_pem};
use strongroom_crypto::{random, to_pkcs8};
use strongroom_model::{Blob, Mode};
use strongroom_node::state::{Change, CommitError, Expect, Identity, Key, Record};

pub use authority::{Authority, AuthorityKind};
pub use hardware::HardwareRoots;

use crate::{Cluster, ClusterError};

/// Who certifies a new cluster's key.
#[derive(Clone, Default)]
pub enum Issue {
    /// Nobody: there is no key, and the cluster is reached by its sockets only.
    #[default]
    Nothing,
    /// The customer, by [`Cluster::initialize`]. Until then these vouch for it.
    Awaiting(Arc<HardwareRoots>),
    /// An authority of the installation's own, at once.
    SelfIssued(Arc<Authority>),
}

/// What there is of a cluster's certificates, each a PEM text (cloudhsm.md 1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// The request for a certificate of the cluster's key; until the cluster is initialised.
    pub csr: Option<String>,
    /// The cluster's key, certified by the first HSM's hardware.
    pub hsm: Option<String>,
    /// The hardware's key, certified by the service's root.
    pub aws_hardware: Option<String>,
    /// The hardware's key, certified by the maker's root.
    pub manufacturer_hardware: Option<String>,
    /// The cluster's key, certified by the customer; once the cluster is initialised.
    pub cluster: Option<String>,
    /// The customer's own certificate, which clients trust.
    pub trust_anchor: Option<String>,
}

/// What a node shows to clients that come by TLS.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    /// The cluster's certificate, in DER.
    pub chain: Vec<Vec<u8>>,
    /// Its private key, in PKCS#8.
    pub key: Blob,
    /// The customer's certificate, which signed it, in DER.
    pub trust_anchor: Vec<u8>,
}

/// Which clients a cluster accepts by their certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTrust {
    /// Certificates that clients' certificates must come from, in DER. Where there are none, any certificate will do.
    pub anchors: Vec<Vec<u8>>,
    /// Whether a client without a certificate from one of these is refused.
    pub enforced: bool,
}

impl Issue {
    /// A new cluster's key, and the certificates that it begins with.
    pub(crate) fn identity(
        &self,
        serial: &str,
        mode: Mode,
        masking: &SealingKey,
        now: u64,
    ) -> Result<Option<Identity>, ClusterError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Awaiting(roots) => {
                let key = authority::new_rsa_key()?;
                let mut identity = Identity::new(masking, key.public_key_info()?, &to_pkcs8(&key)?);
                roots.vouch(&key, &mut identity, &hardware::subject(serial, mode), now)?;
                Ok(Some(identity))
            }
            Self::SelfIssued(authority) => {
                let key = authority::new_ec_key()?;
                let mut identity = Identity::new(masking, key.public_key_info()?, &to_pkcs8(&key)?);
                identity.cluster = Some(authority.certify_cluster(&key, serial, now)?);
                identity.trust_anchor = Some(authority.certificate().der().to_vec());
                Ok(Some(identity))
            }
        }
    }
}

impl Cluster {
    /// What there is of its certificates; `None` for a cluster without a key of its own.
    pub fn certificates(&self) -> Option<Certificates> {
        let identity = self.identity()?;
        let pem = |der: &Option<Vec<u8>>| der.as_ref().map(|der| to_pem(PemKind::Certificate, der));
        Some(Certificates {
            csr: identity.request.as_ref().map(|der| to_pem(PemKind::Request, der)),
            hsm: pem(&identity.hsm),
            aws_hardware: pem(&identity.aws_hardware),
            manufacturer_hardware: pem(&identity.manufacturer_hardware),
            cluster: pem(&identity.cluster),
            trust_anchor: pem(&identity.trust_anchor),
        })
    }

    /// Takes the certificate of its key that the customer has signed, and the customer's own, as PEM (control-plane.md 3.4).
    /// The request is gone then, and nodes have something to show to clients.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] with a sentence that says what to mend; nothing has changed.
    pub fn initialize(&self, signed: &str, trust_anchor: &str) -> Result<(), ClusterError> {
        let refuse = |sentence: String| Err(ClusterError::Refused(sentence));
        let Some((version, Record::Identity(identity))) = self.ledger.read(|state| state.get(&Key::Identity))
        else {
            return refuse(format!("cluster {} has no key to certify: it isn't reached by TLS", self.name()));
        };
        if !identity.is_awaiting() {
            return refuse(format!(
                "cluster {} is initialized already: its certificate can't be changed",
                self.name()
            ));
        }
        let (signed, anchor) =
            check::check(&identity.public_key_info, signed, trust_anchor, self.nodes.clock.now())
                .map_err(ClusterError::Refused)?;
        let mut initialized = (*identity).clone();
        initialized.request = None;
        initialized.cluster = Some(signed.der().to_vec());
        initialized.trust_anchor = Some(anchor.der().to_vec());
        let record = Record::Identity(Arc::new(initialized));
        match self.ledger.commit(Change::of(Key::Identity, Expect::Version(version), Some(record))) {
            Ok(_) => Ok(()),
            Err(CommitError::Failed(error)) => Err(error.into()),
            Err(CommitError::Conflict) => {
                refuse(format!("cluster {} was initialized by somebody else at the same time", self.name()))
            }
        }
    }

    /// What nodes show to clients that come by TLS; `None` while there's no certificate of the customer's.
    pub fn tls_identity(&self) -> Option<TlsIdentity> {
        let identity = self.identity()?;
        let (cluster, trust_anchor) = (identity.cluster.as_ref()?, identity.trust_anchor.as_ref()?);
        let key = identity.private_key(&self.nodes.masking);
        // The record was opened whole, so its key doesn't open only if somebody has made it under another masking key.
        let key = key
            .inspect_err(|error| tracing::error!("cluster {}: its private key: {error}", self.name()))
            .ok()?;
        Some(TlsIdentity { chain: vec![cluster.clone()], key, trust_anchor: trust_anchor.clone() })
    }

    /// Which clients it accepts. It's asked at every handshake.
    pub fn client_trust(&self) -> ClientTrust {
        let trust = self.ledger.read(|state| state.client_trust().cloned());
        trust.map_or_else(ClientTrust::default, |trust| ClientTrust {
            anchors: trust.anchors.iter().map(|anchor| anchor.certificate.clone()).collect(),
            enforced: trust.enforced,
        })
    }

    fn identity(&self) -> Option<Arc<Identity>> {
        self.ledger.read(|state| state.identity().cloned())
    }
}

/// Eight bytes that tell hardware apart, in hex.
fn new_id() -> String {
    random::bytes::<8>().map(|byte| format!("{byte:02x}")).concat()
}
