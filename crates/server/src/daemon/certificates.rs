//! Clusters' certificates.

use super::Daemon;
use crate::control::{ClusterCertificates, Refusal};

impl Daemon {
    /// A cluster's certificates, and the roots that vouch for its hardware while it waits for its customer's.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: there is no such cluster, or it has no key of its own.
    pub fn certificates(&self, cluster: &str) -> Result<ClusterCertificates, Refusal> {
        let none = || format!("cluster {cluster} has no key of its own: it was made by an earlier version");
        let known = self.with(cluster, |served| served.certificates().ok_or_else(none))?;
        let roots = if known.csr.is_some() {
            Some(self.authorities.hardware().map_err(|error| Refusal::Failed(error.to_string()))?)
        } else {
            None
        };
        Ok(ClusterCertificates {
            csr: known.csr,
            hsm: known.hsm,
            aws_hardware: known.aws_hardware,
            manufacturer_hardware: known.manufacturer_hardware,
            aws_root: roots.as_ref().map(|roots| roots.aws.certificate().to_pem()),
            manufacturer_root: roots.as_ref().map(|roots| roots.manufacturer.certificate().to_pem()),
            cluster: known.cluster,
            trust_anchor: known.trust_anchor,
        })
    }

    /// Gives a cluster the certificate of its key that its customer has signed; its certificates then.
    ///
    /// # Errors
    ///
    /// [`Refusal`] with what is to be mended; nothing has changed then.
    pub fn initialize_cluster(
        &self,
        cluster: &str,
        signed_cert: &str,
        trust_anchor: &str,
    ) -> Result<ClusterCertificates, Refusal> {
        self.with(cluster, |served| served.initialize(signed_cert, trust_anchor))?;
        tracing::info!("cluster {cluster} was initialized by its customer's certificate");
        self.certificates(cluster)
    }
}
