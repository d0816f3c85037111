//! Authorities that an installation has: the two that vouch for its hardware, and one that stands in for a customer's.

use std::fmt;

use strongroom_crypto::x509::{Certificate, CertificateOrder, Issuer, Usage};
use strongroom_crypto::{Key, from_pkcs8, generate_pair, to_pkcs8};
use strongroom_model::{
    AttributeType, Attributes, Blob, Error, Mechanism, MechanismType, ObjectClass, Result, ReturnCode,
};

/// How long what they sign is good, in days: ten years (cloudhsm.md 1.3 has the same for a customer's).
const DAYS: u64 = 3652;
/// How long they are themselves.
const ROOT_DAYS: u64 = 2 * DAYS;
const DAY: u64 = 24 * 3600;
/// Clocks differ: certificates are good since an hour before they were made.
const EARLIER: u64 = 3600;
/// Bits of RSA keys (cloudhsm.md 1.3).
const RSA_BITS: u64 = 2048;
/// secp256r1's OID, as `CKA_EC_PARAMS` has it.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// In every name, so that nobody takes it for somebody else's.
pub(super) const ORGANIZATION: &str = "O=Strongroom EMULATOR";

/// Which authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityKind {
    /// In the place of AWS's root of CloudHSM's hardware.
    AwsRoot,
    /// In the place of the hardware maker's root.
    ManufacturerRoot,
    /// In the place of a customer's.
    Customer,
}

/// An authority: its key and its own certificate, which it signed itself.
pub struct Authority {
    key: Key,
    certificate: Certificate,
}

impl AuthorityKind {
    fn subject(self) -> String {
        let name = match self {
            Self::AwsRoot => "CloudHSM Root-G1 EMULATOR",
            Self::ManufacturerRoot => "HSM manufacturer root EMULATOR",
            Self::Customer => "customer CA of this installation",
        };
        format!("CN=Strongroom {name},OU={},{ORGANIZATION}", super::new_id())
    }

    fn new_key(self) -> Result<Key> {
        match self {
            Self::AwsRoot | Self::ManufacturerRoot => new_rsa_key(),
            Self::Customer => new_ec_key(),
        }
    }
}

impl Authority {
    /// Makes one. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn make(kind: AuthorityKind, now: u64) -> Result<Self> {
        let key = kind.new_key()?;
        let public_key_info = key.public_key_info()?;
        let order = CertificateOrder {
            subject: &kind.subject(),
            public_key_info: &public_key_info,
            usage: Usage::Authority(None),
            not_before: now.saturating_sub(EARLIER),
            not_after: now + ROOT_DAYS * DAY,
        };
        let certificate = Issuer { key: &key, certificate: None }.issue(&order)?;
        Ok(Self { key, certificate })
    }

    /// Certificate and private key in one, to be kept where nobody else can read it.
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn to_bytes(&self) -> Result<Blob> {
        let der = self.certificate.der();
        let mut bytes = Blob::from((der.len() as u32).to_le_bytes());
        bytes.extend(der);
        bytes.extend(&to_pkcs8(&self.key)?);
        Ok(bytes)
    }

    /// The one that [`Self::to_bytes`] gave.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let bad = || Error::new(ReturnCode::ARGUMENTS_BAD, "it isn't an authority's certificate and key");
        let (len, rest) = bytes.split_first_chunk::<4>().ok_or_else(bad)?;
        let (der, pkcs8) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(bad)?;
        let certificate = Certificate::from_der(der)?;
        let (key_type, attributes) = from_pkcs8(pkcs8)?;
        let key = Key::from_attributes(ObjectClass::PrivateKey, key_type, &attributes)?;
        if key.public_key_info()? != certificate.public_key_info()? {
            return Err(bad());
        }
        Ok(Self { key, certificate })
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Certifies a key that is an authority itself.
    pub(super) fn certify_authority(&self, key: &Key, subject: &str, now: u64) -> Result<Certificate> {
        self.certify(key, subject, Usage::Authority(Some(0)), now)
    }

    /// Certifies a cluster's key, in DER.
    pub(super) fn certify_cluster(&self, key: &Key, serial: &str, now: u64) -> Result<Vec<u8>> {
        let subject = format!("CN=Strongroom cluster {serial},{ORGANIZATION}");
        Ok(self.certify(key, &subject, Usage::Server(Vec::new()), now)?.der().to_vec())
    }

    fn certify(&self, key: &Key, subject: &str, usage: Usage, now: u64) -> Result<Certificate> {
        certify(Issuer { key: &self.key, certificate: Some(&self.certificate) }, key, subject, usage, now)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority {}", self.certificate.subject())
    }
}

/// A certificate for ten years.
pub(super) fn certify(
    issuer: Issuer<'_>,
    key: &Key,
    subject: &str,
    usage: Usage,
    now: u64,
) -> Result<Certificate> {
    let public_key_info = key.public_key_info()?;
    issuer.issue(&CertificateOrder {
        subject,
        public_key_info: &public_key_info,
        usage,
        not_before: now.saturating_sub(EARLIER),
        not_after: now + DAYS * DAY,
    })
}

pub(super) fn new_rsa_key() -> Result<Key> {
    let template = Attributes::new().with(AttributeType::MODULUS_BITS, RSA_BITS);
    Ok(generate_pair(&Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN), &template)?.key)
}

pub(super) fn new_ec_key() -> Result<Key> {
    let template = Attributes::new().with(AttributeType::EC_PARAMS, &P256[..]);
    Ok(generate_pair(&Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN), &template)?.key)
}
