//! The header `Authorization` of AWS signature version 4.

use std::fmt;

use crate::signature::{ALGORITHM, TERMINATOR};

/// What the header says. Nothing of it is verified.
pub(super) struct Authorization<'a> {
    pub(super) access_key: &'a str,
    /// The day of the signing key, `YYYYMMDD`.
    pub(super) day: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// The names of the headers that are signed, in lower case and in order.
    pub(super) signed_headers: Vec<&'a str>,
    /// The signature in hexadecimal.
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// What it lacks.
    pub(super) fn parse(header: &'a str) -> Result<Self, String> {
        let fields =
            header.strip_prefix(ALGORITHM).ok_or_else(|| format!("doesn't begin with {ALGORITHM}"))?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| format!("has no {name}"))
        };
        let credential = field("Credential")?;
        let [access_key, day, region, service, TERMINATOR] = credential.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(format!("has a Credential that isn't KEY/DAY/REGION/SERVICE/{TERMINATOR}"));
        };
        Ok(Self {
            access_key,
            day,
            region,
            service,
            signed_headers: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}/{}/{}", self.access_key, self.day, self.region, self.service)
    }
}
