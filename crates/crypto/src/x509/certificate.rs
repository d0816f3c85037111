//! A certificate as it was read.

use std::fmt;

use strongroom_model::{Error, Hash, KeyType, Result, ReturnCode};
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

use super::signature;
use super::{PemKind, from_pem, to_pem};
use crate::{Key, digest, from_public_key_info};

/// The longest certificate in bytes.
pub const MAX_CERTIFICATE: usize = 16 * 1024;

/// A certificate. Errors are words that go behind the name of what was given: "isn't a certificate".
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    /// What is signed, byte for byte as it was given.
    signed: Vec<u8>,
    parsed: x509_cert::Certificate,
}

impl Certificate {
    /// Reads a DER encoding with nothing behind it.
    ///
    /// # Errors
    /// `ARGUMENTS_BAD`.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        if der.len() > MAX_CERTIFICATE {
            return Err(refused(format!(
                "has {} bytes, and a certificate no more than {MAX_CERTIFICATE}",
                der.len()
            )));
        }
        let malformed = |error: x509_cert::der::Error| {
            refused(format!(
                "isn't an X.509 certificate, or was changed or cut short on its way ({error}): give it as it was made"
            ))
        };
        let parsed = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        if parsed.signature_algorithm() != parsed.tbs_certificate().signature() {
            return Err(refused("names two algorithms for its signature".to_owned()));
        }
        let mut reader = SliceReader::new(der).map_err(malformed)?;
        let read = |reader: &mut SliceReader<'_>| -> x509_cert::der::Result<Vec<u8>> {
            let signed = reader.tlv_bytes()?.to_vec();
            reader.tlv_bytes()?;
            reader.tlv_bytes()?;
            Ok(signed)
        };
        let signed = reader.sequence(read).map_err(malformed)?;
        let certificate = Self { der: der.to_vec(), signed, parsed };
        // What can't be told of later is refused now.
        certificate.constraints()?;
        certificate.usage()?;
        Ok(certificate)
    }

    /// Reads a PEM text with this one certificate.
    ///
    /// # Errors
    /// `ARGUMENTS_BAD`.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::from_der(&from_pem(PemKind::Certificate, text)?)
    }

    /// Its DER encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its PEM text.
    pub fn to_pem(&self) -> String {
        to_pem(PemKind::Certificate, &self.der)
    }

    /// Whom it's of, as RFC 4514 writes it.
    pub fn subject(&self) -> String {
        self.parsed.tbs_certificate().subject().to_string()
    }

    /// Who made it.
    pub fn issuer(&self) -> String {
        self.parsed.tbs_certificate().issuer().to_string()
    }

    /// Whether another certificate's subject is its issuer, byte for byte.
    pub fn names_as_issuer(&self, other: &Self) -> bool {
        self.parsed.tbs_certificate().issuer() == other.parsed.tbs_certificate().subject()
    }

    /// Since when it's valid, in seconds since 1970.
    pub fn not_before(&self) -> u64 {
        self.parsed.tbs_certificate().validity().not_before.to_unix_duration().as_secs()
    }

    /// Until when, that second included.
    pub fn not_after(&self) -> u64 {
        self.parsed.tbs_certificate().validity().not_after.to_unix_duration().as_secs()
    }

    /// Both, in words: "valid from ... to ...".
    pub fn validity(&self) -> String {
        let validity = self.parsed.tbs_certificate().validity();
        format!("valid from {} to {}", validity.not_before, validity.not_after)
    }

    /// The DER SubjectPublicKeyInfo of its key.
    ///
    /// # Errors
    /// `FUNCTION_FAILED`, which doesn't happen.
    pub fn public_key_info(&self) -> Result<Vec<u8>> {
        self.parsed.tbs_certificate().subject_public_key_info().to_der().map_err(|error| {
            Error::new(ReturnCode::FUNCTION_FAILED, format!("has a key that can't be encoded: {error}"))
        })
    }

    /// Its key, ready to verify with, and the type.
    ///
    /// # Errors
    /// Those of [`from_public_key_info`].
    pub fn public_key(&self) -> Result<(KeyType, Key)> {
        let (key_type, attributes) = from_public_key_info(&self.public_key_info()?)?;
        let key = Key::from_attributes(strongroom_model::ObjectClass::PublicKey, key_type, &attributes)?;
        Ok((key_type, key))
    }

    /// Whether it has extensions.
    pub fn has_extensions(&self) -> bool {
        self.parsed.tbs_certificate().extensions().is_some_and(|extensions| !extensions.is_empty())
    }

    /// Whether it's an authority's by its BasicConstraints; `None` if it doesn't say.
    pub fn is_authority(&self) -> Option<bool> {
        self.constraints().ok().flatten().map(|constraints| constraints.ca)
    }

    /// Whether its KeyUsage, if there is one, lets its key sign certificates.
    pub fn may_sign_certificates(&self) -> bool {
        self.usage().ok().flatten().is_none_or(|usage| usage.key_cert_sign())
    }

    /// SHA-256 of its DER encoding.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(&digest::digest(Hash::Sha256, &[&self.der]));
        fingerprint
    }

    /// Checks that another certificate's key has signed it.
    ///
    /// # Errors
    /// `MECHANISM_INVALID` if the algorithm is too weak or isn't known, `SIGNATURE_INVALID`; those of the key.
    pub fn check_signature(&self, by: &Self) -> Result<()> {
        let signature = self.parsed.signature().as_bytes().unwrap_or_default();
        signature::check(&by.public_key_info()?, self.parsed.signature_algorithm(), &self.signed, signature)
    }

    pub(super) fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    fn constraints(&self) -> Result<Option<BasicConstraints>> {
        let found = self.parsed.tbs_certificate().get_extension::<BasicConstraints>();
        let unreadable = |error| refused(format!("has BasicConstraints that can't be read: {error}"));
        Ok(found.map_err(unreadable)?.map(|(_, constraints)| constraints))
    }

    fn usage(&self) -> Result<Option<KeyUsage>> {
        let found = self.parsed.tbs_certificate().get_extension::<KeyUsage>();
        let unreadable = |error| refused(format!("has a KeyUsage that can't be read: {error}"));
        Ok(found.map_err(unreadable)?.map(|(_, usage)| usage))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate of {} by {}", self.subject(), self.issuer())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

fn refused(why: String) -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, why)
}
