//! Certificates and requests that are made here.

use std::str::FromStr;
use std::time::Duration;

use ::rsa::signature::Keypair;
use strongroom_model::{Error, Result, ReturnCode};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{BitString, GeneralizedTime, Ia5StringRef};
use x509_cert::der::{Decode, Document, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey, ObjectIdentifier,
    SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use super::{Certificate, signature};
use crate::operation::{Input, sign};
use crate::{Key, random};

/// id-kp-serverAuth and id-kp-clientAuth (RFC 5280 section 4.2.1.12).
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// What a certificate's key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// To sign certificates. So many authorities may stand between it and the last one; `None`: any number.
    Authority(Option<u8>),
    /// To be a TLS server by these DNS names.
    Server(Vec<String>),
    /// To be a TLS client.
    Client,
}

/// A certificate to be made.
#[derive(Clone, Debug)]
pub struct CertificateOrder<'a> {
    /// Whom it's of, as RFC 4514 writes it: the last part first.
    pub subject: &'a str,
    /// The DER SubjectPublicKeyInfo of its key.
    pub public_key_info: &'a [u8],
    /// What it's for.
    pub usage: Usage,
    /// Since when it's valid, in seconds since 1970.
    pub not_before: u64,
    /// Until when.
    pub not_after: u64,
}

/// Who signs certificates.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// The private key, RSA or EC.
    pub key: &'a Key,
    /// The certificate; `None` for one that signs itself.
    pub certificate: Option<&'a Certificate>,
}

impl Issuer<'_> {
    /// Makes a certificate, signed with SHA-256.
    ///
    /// # Errors
    /// `ARGUMENTS_BAD` for a subject that can't be read; those of the engine.
    pub fn issue(&self, order: &CertificateOrder<'_>) -> Result<Certificate> {
        let subject = name(order.subject)?;
        let issuer = self
            .certificate
            .map_or_else(|| subject.clone(), |by| by.parsed().tbs_certificate().subject().clone());
        let profile = Profile { subject, issuer, usage: &order.usage };
        let validity = Validity::new(time(order.not_before)?, time(order.not_after)?);
        let serial: [u8; 16] = random::bytes();
        let make = || -> x509_cert::builder::Result<_> {
            let key = SubjectPublicKeyInfoOwned::from_der(order.public_key_info)?;
            // A positive number of the same length always.
            let serial = SerialNumber::new(&[&[0x40 | serial[0] >> 2], &serial[1..]].concat())?;
            let mut builder = CertificateBuilder::new(profile, serial, validity, key)?;
            let signer = Signer::new(self.key)?;
            let signed = builder.finalize(&signer)?;
            builder.assemble(signer.sign(&signed)?, &signer)
        };
        let made = make().map_err(failed)?;
        Certificate::from_der(&made.to_der().map_err(failed)?)
    }
}

/// A request for a certificate, in DER: who asks, and the key, which signs it with SHA-256.
///
/// # Errors
/// As [`Issuer::issue`].
pub fn request(key: &Key, subject: &str) -> Result<Vec<u8>> {
    let subject = name(subject)?;
    let make = || -> x509_cert::builder::Result<_> {
        let signer = Signer::new(key)?;
        let public_key = SubjectPublicKeyInfoOwned::from_der(&signer.public.0)?;
        let info =
            CertReqInfo { version: Default::default(), subject, public_key, attributes: Default::default() };
        let signature = signer.sign(&info.to_der()?)?;
        Ok(CertReq { info, algorithm: signer.algorithm.clone(), signature }.to_der()?)
    };
    make().map_err(failed)
}

/// Which extensions a certificate has (RFC 5280 section 4.2.1).
struct Profile<'a> {
    subject: Name,
    issuer: Name,
    usage: &'a Usage,
}

impl BuilderProfile for Profile<'_> {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        own: SubjectPublicKeyInfoRef<'_>,
        issuers: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let mut all = Vec::new();
        let (ca, path_len_constraint) = match self.usage {
            Usage::Authority(path) => (true, *path),
            Usage::Server(_) | Usage::Client => (false, None),
        };
        let usages = match ca {
            true => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            false => KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
        };
        let mut add = |extension: Extension| all.push(extension);
        add(BasicConstraints { ca, path_len_constraint }.to_extension(&self.subject, &[])?);
        add(KeyUsage(usages).to_extension(&self.subject, &[])?);
        add(SubjectKeyIdentifier::try_from(own)?.to_extension(&self.subject, &[])?);
        add(AuthorityKeyIdentifier::try_from(issuers)?.to_extension(&self.subject, &[])?);
        let purpose = match self.usage {
            Usage::Authority(_) => return Ok(all),
            Usage::Server(_) => SERVER_AUTH,
            Usage::Client => CLIENT_AUTH,
        };
        add(ExtendedKeyUsage(vec![purpose]).to_extension(&self.subject, &[])?);
        if let Usage::Server(names) = self.usage
            && !names.is_empty()
        {
            let names = names.iter().map(|name| Ok(GeneralName::DnsName(Ia5StringRef::new(name)?.into())));
            let names = names.collect::<x509_cert::der::Result<Vec<_>>>()?;
            add(SubjectAltName(names).to_extension(&self.subject, &[])?);
        }
        Ok(all)
    }
}

/// The engine's key, as the builder wants to see who signs.
struct Signer<'a> {
    key: &'a Key,
    public: PublicKeyInfo,
    algorithm: AlgorithmIdentifierOwned,
    mechanism: strongroom_model::Mechanism,
}

#[derive(Clone)]
struct PublicKeyInfo(Vec<u8>);

impl<'a> Signer<'a> {
    fn new(key: &'a Key) -> x509_cert::builder::Result<Self> {
        let (algorithm, mechanism) = signature::algorithm_of(key).map_err(refused_by_engine)?;
        Ok(Self {
            key,
            public: PublicKeyInfo(key.public_key_info().map_err(refused_by_engine)?),
            algorithm,
            mechanism,
        })
    }

    fn sign(&self, message: &[u8]) -> x509_cert::builder::Result<BitString> {
        let signature =
            sign(self.key, &self.mechanism, Input::Message(message)).map_err(refused_by_engine)?;
        let signature = match self.key {
            Key::EcPrivate(_) => signature::to_der(&signature)?,
            _ => signature.to_vec(),
        };
        Ok(BitString::from_bytes(&signature)?)
    }
}

impl Keypair for Signer<'_> {
    type VerifyingKey = PublicKeyInfo;

    fn verifying_key(&self) -> PublicKeyInfo {
        self.public.clone()
    }
}

impl EncodePublicKey for PublicKeyInfo {
    fn to_public_key_der(&self) -> x509_cert::spki::Result<Document> {
        Ok(Document::try_from(self.0.as_slice())?)
    }
}

impl DynSignatureAlgorithmIdentifier for Signer<'_> {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        Ok(self.algorithm.clone())
    }
}

fn name(text: &str) -> Result<Name> {
    let unreadable =
        |error| Error::new(ReturnCode::ARGUMENTS_BAD, format!("the name {text:?} can't be read: {error}"));
    Name::from_str(text).map_err(unreadable)
}

fn time(seconds: u64) -> Result<Time> {
    let time = GeneralizedTime::from_unix_duration(Duration::from_secs(seconds)).map_err(failed)?;
    // Builder and encoder write years before 2050 as RFC 5280 wants them.
    Ok(Time::GeneralTime(time))
}

/// The builder has no variant for what somebody else's engine says; the sentence is kept in the log of who calls.
fn refused_by_engine(error: Error) -> x509_cert::builder::Error {
    x509_cert::builder::Error::Signature(::rsa::signature::Error::from_source(error.message))
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(ReturnCode::FUNCTION_FAILED, format!("a certificate couldn't be made: {error}"))
}
