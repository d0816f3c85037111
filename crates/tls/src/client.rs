//! The client's side: it trusts nodes whose certificate the customer's CA signed.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use webpki::KeyUsage;

use crate::chain::{Anchors, verify_tls12, verify_tls13};
use crate::{Pair, Session, TlsError, provider, versions};

/// What a client asks of a node's certificate, and shows of its own.
///
/// The node's certificate must chain to the customer's CA and be valid now. The name or address in it isn't looked at: a cluster
/// has one certificate for all nodes, wherever they are (cloudhsm.md 1.2).
#[derive(Clone, Debug)]
pub struct ClientTls(Arc<ClientConfig>);

impl ClientTls {
    /// Trusts the certificates in `anchors`, in DER, and shows those of `own` to nodes that ask. `tls12`: nodes may speak TLS 1.2.
    ///
    /// # Errors
    ///
    /// [`TlsError::Unusable`] for what isn't a certificate.
    pub fn new(anchors: &[Vec<u8>], own: Option<Pair>, tls12: bool) -> Result<Self, TlsError> {
        let unusable = |error: Error| TlsError::Unusable(error.to_string());
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(tls12))
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NodeVerifier(Anchors::new(anchors)?)));
        let mut config = match own {
            Some(Pair(own)) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own))),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Ok(Self(Arc::new(config)))
    }

    /// A session with a node.
    ///
    /// # Errors
    ///
    /// [`TlsError::Unusable`] if the system gives no randomness.
    pub fn session(&self, node: IpAddr) -> Result<Session, TlsError> {
        let name = ServerName::IpAddress(node.into());
        ClientConnection::new(Arc::clone(&self.0), name)
            .map(|connection| Session::new(connection.into()))
            .map_err(|error| TlsError::Unusable(error.to_string()))
    }
}

#[derive(Debug)]
struct NodeVerifier(Anchors);

impl ServerCertVerifier for NodeVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.verify(certificate, between, now, KeyUsage::server_auth())?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12(message, certificate, signed, &self.0.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, certificate, signed, &self.0.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.algorithms.supported_schemes()
    }
}
