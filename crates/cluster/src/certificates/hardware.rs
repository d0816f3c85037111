//! The chains by which a customer can tell that a request comes from the hardware: two of them, from two roots over the
//! hardware's key to the cluster's (cloudhsm.md 1.2). There is no hardware here, and each name says so.

use strongroom_crypto::Key;
use strongroom_crypto::x509::{Issuer, Usage, request};
use strongroom_model::{Mode, Result};
use strongroom_node::state::Identity;

use super::authority::{Authority, AuthorityKind, ORGANIZATION, certify, new_rsa_key};

/// The two roots that vouch for hardware.
#[derive(Debug)]
pub struct HardwareRoots {
    /// In the place of AWS's.
    pub aws: Authority,
    /// In the place of the maker's.
    pub manufacturer: Authority,
}

impl HardwareRoots {
    /// Makes both. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub fn make(now: u64) -> Result<Self> {
        Ok(Self {
            aws: Authority::make(AuthorityKind::AwsRoot, now)?,
            manufacturer: Authority::make(AuthorityKind::ManufacturerRoot, now)?,
        })
    }

    /// Gives a cluster's key its request and the certificates of both chains. The hardware's own key isn't kept: nothing else is
    /// ever signed by it.
    pub(super) fn vouch(&self, key: &Key, identity: &mut Identity, subject: &str, now: u64) -> Result<()> {
        let hardware = new_rsa_key()?;
        let name = format!("CN=Strongroom EMULATOR hardware {},OU=EMULATOR,{ORGANIZATION}", super::new_id());
        let by_aws = self.aws.certify_authority(&hardware, &name, now)?;
        let by_manufacturer = self.manufacturer.certify_authority(&hardware, &name, now)?;
        let issuer = Issuer { key: &hardware, certificate: Some(&by_aws) };
        let hsm = certify(issuer, key, subject, Usage::Server(Vec::new()), now)?;
        identity.request = Some(request(key, subject)?);
        identity.hsm = Some(hsm.der().to_vec());
        identity.aws_hardware = Some(by_aws.der().to_vec());
        identity.manufacturer_hardware = Some(by_manufacturer.der().to_vec());
        Ok(())
    }
}

/// Whom a cluster's request is of, after the vendor's sample (cloudhsm.md 1.2).
pub(super) fn subject(serial: &str, mode: Mode) -> String {
    let mode = match mode {
        Mode::Fips => "for FIPS mode",
        Mode::NonFips => "for non-FIPS mode",
    };
    format!("CN=HSM:{serial}:PARTN:1\\, {mode},L=Loopback,OU=EMULATOR,{ORGANIZATION},ST=CA,C=US")
}
