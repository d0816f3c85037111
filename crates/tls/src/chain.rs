//! Whether a certificate chains to one that is trusted.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer,
    TrustAnchor, UnixTime,
};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};
use webpki::{EndEntityCert, KeyUsage};

use crate::TlsError;
use crate::der::{Certificate, KeyInfo};
use crate::provider;

/// Certificates that are trusted, and the algorithms to check others by.
#[derive(Clone, Debug)]
pub(crate) struct Anchors {
    anchors: Vec<TrustAnchor<'static>>,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

impl Anchors {
    /// Of certificates in DER.
    pub(crate) fn new(certificates: &[Vec<u8>]) -> Result<Self, TlsError> {
        let anchor = |der: &Vec<u8>| {
            let der = CertificateDer::from(der.as_slice());
            webpki::anchor_from_trusted_cert(&der).map(|anchor| anchor.to_owned())
        };
        let anchors = certificates.iter().map(anchor).collect::<Result<_, _>>().map_err(|error| {
            TlsError::Unusable(format!("a certificate that is to be trusted isn't one of X.509 ({error:?})"))
        })?;
        Ok(Self { anchors, algorithms: provider().signature_verification_algorithms })
    }

    /// Checks that a certificate chains to one of these, and is valid now.
    pub(crate) fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<(), Error> {
        match EndEntityCert::try_from(certificate) {
            Ok(read) => read
                .verify_for_usage(self.algorithms.all, &self.anchors, between, now, usage, None, None)
                .map(drop)
                .map_err(|error| wrong(&error)),
            Err(webpki::Error::UnsupportedCertVersion) => self.verify_v1(certificate, now),
            Err(error) => Err(wrong(&error)),
        }
    }

    /// As [`Self::verify`], for a certificate of version 1: it must have been signed by one that is trusted, without any between.
    fn verify_v1(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
        let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
        let signed_by = |anchor: &&TrustAnchor<'_>| {
            anchor.subject.as_ref() == read.issuer
                && KeyInfo::read(anchor.subject_public_key_info.as_ref(), false).is_some_and(|key| {
                    is_signed(self.algorithms.all, &key, read.algorithm, read.signed, read.signature)
                })
        };
        if !self.anchors.iter().any(|anchor| signed_by(&anchor)) {
            return Err(CertificateError::UnknownIssuer.into());
        }
        match now.as_secs() {
            now if now < read.not_before => Err(CertificateError::NotValidYet.into()),
            now if now > read.not_after => Err(CertificateError::Expired.into()),
            _ => Ok(()),
        }
    }
}

/// Checks who holds a certificate's key, in TLS 1.2.
pub(crate) fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let key = KeyInfo::read(read.key_info, true).ok_or(CertificateError::BadEncoding)?;
    let (_, candidates) = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let right = |candidate: &&&dyn SignatureVerificationAlgorithm| {
        is(candidate.public_key_alg_id(), key.algorithm)
            && candidate.verify_signature(key.key, message, signed.signature()).is_ok()
    };
    match candidates.iter().any(|candidate| right(&candidate)) {
        true => Ok(HandshakeSignatureValid::assertion()),
        false => Err(CertificateError::BadSignature.into()),
    }
}

/// As [`verify_tls12`], in TLS 1.3.
pub(crate) fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let key = SubjectPublicKeyInfoDer::from(read.key_info);
    rustls::crypto::verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
}

fn is_signed(
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    key: &KeyInfo<'_>,
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    algorithms.iter().any(|candidate| {
        is(candidate.signature_alg_id(), algorithm)
            && is(candidate.public_key_alg_id(), key.algorithm)
            && candidate.verify_signature(key.key, message, signature).is_ok()
    })
}

fn is(known: AlgorithmIdentifier, found: &[u8]) -> bool {
    known.as_ref() == found
}

/// What rustls calls it, so that the other end gets the alert for it.
fn wrong(error: &webpki::Error) -> Error {
    use webpki::Error as Wrong;
    match error {
        Wrong::BadDer | Wrong::BadDerTime | Wrong::TrailingData(_) => CertificateError::BadEncoding,
        Wrong::CertNotValidYet { .. } => CertificateError::NotValidYet,
        Wrong::CertExpired { .. } => CertificateError::Expired,
        Wrong::UnknownIssuer => CertificateError::UnknownIssuer,
        Wrong::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Wrong::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        other => CertificateError::Other(rustls::OtherError(std::sync::Arc::new(other.clone()))),
    }
    .into()
}
