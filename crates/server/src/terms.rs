//! What a cluster's nodes show to clients that come by TLS, and whom they take in.

use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_cluster::{ClientTrust, Cluster};
use strongroom_tls::{ClientTrust as Trust, Pair, ServerTls};

use crate::tls::Terms;

/// Asked at each handshake: who is trusted may have changed since the last.
pub(crate) fn of(cluster: &Arc<Cluster>, tls12: bool) -> Arc<Terms> {
    let cluster = Arc::clone(cluster);
    let last: Mutex<Option<(ClientTrust, ServerTls)>> = Mutex::default();
    Arc::new(move || {
        let trust = cluster.client_trust();
        let mut last = last.lock();
        // The cluster's certificate is there for good when it's there.
        if let Some((_, tls)) = last.as_ref().filter(|(known, _)| *known == trust) {
            return Ok(tls.clone());
        }
        let tls = make(&cluster, &trust, tls12)?;
        *last = Some((trust, tls.clone()));
        Ok(tls)
    })
}

fn make(cluster: &Cluster, trust: &ClientTrust, tls12: bool) -> Result<ServerTls, String> {
    let identity = cluster.tls_identity().ok_or_else(|| {
        format!(
            "cluster {} has no certificate yet: it's to be initialized with one that its customer has signed",
            cluster.name()
        )
    })?;
    let failed = |error: strongroom_tls::TlsError| {
        format!("cluster {} can't be reached by TLS: {error}", cluster.name())
    };
    let pair = Pair::new(identity.chain, identity.key.as_ref()).map_err(failed)?;
    let trust = Trust { anchors: trust.anchors.clone(), enforced: trust.enforced };
    ServerTls::new(pair, &trust, tls12).map_err(failed)
}
