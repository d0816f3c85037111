//! The node's side: it shows the cluster's certificate, and asks clients for theirs.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ServerConfig, ServerConnection};
use rustls::sign::SingleCertAndKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::KeyUsage;

use crate::chain::{Anchors, verify_tls12, verify_tls13};
use crate::{Pair, Session, TlsError, provider, versions};

/// Whom a node takes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTrust {
    /// The certificates, in DER, that clients' certificates chain to.
    pub anchors: Vec<Vec<u8>>,
    /// Whether a client without such a certificate is refused.
    pub enforced: bool,
}

/// What a node shows, and asks of clients.
#[derive(Clone, Debug)]
pub struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// Shows `own`; takes in whom `trust` says. `tls12`: clients may speak TLS 1.2.
    ///
    /// # Errors
    ///
    /// [`TlsError::Unusable`] for what isn't a certificate.
    pub fn new(own: Pair, trust: &ClientTrust, tls12: bool) -> Result<Self, TlsError> {
        let verifier =
            Arc::new(ClientVerifier { anchors: Anchors::new(&trust.anchors)?, enforced: trust.enforced });
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(tls12))
            .map_err(|error| TlsError::Unusable(error.to_string()))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(own.0)));
        // Connections last; nothing is kept of those that are gone, and a client's certificate is looked at each time.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self(Arc::new(config)))
    }

    /// A session with a client.
    ///
    /// # Errors
    ///
    /// [`TlsError::Unusable`] if the system gives no randomness.
    pub fn session(&self) -> Result<Session, TlsError> {
        ServerConnection::new(Arc::clone(&self.0))
            .map(|connection| Session::new(connection.into()))
            .map_err(|error| TlsError::Unusable(error.to_string()))
    }
}

#[derive(Debug)]
struct ClientVerifier {
    anchors: Anchors,
    enforced: bool,
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.enforced
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // None: clients show what they have, and strangers don't learn whom the cluster trusts.
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Unless it's enforced, any certificate will do, as with CloudHSM's own pair that every client has.
        if self.enforced {
            self.anchors.verify(certificate, between, now, KeyUsage::client_auth())?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12(message, certificate, signed, &self.anchors.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, certificate, signed, &self.anchors.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.anchors.algorithms.supported_schemes()
    }
}
