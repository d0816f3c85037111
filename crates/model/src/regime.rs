//! What a cluster allows in full: its profile and, under `cloudhsm`, which HSM it plays and with which quirks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Profile, Result, ReturnCode};

/// The rules that hold in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Regime {
    /// The profile.
    pub profile: Profile,
    /// Means something under `cloudhsm` only.
    pub variant: Variant,
}

/// Which HSM a cluster plays under `cloudhsm`. By default `hsm2m.medium` in FIPS mode, with the vendor's quirks as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Variant {
    /// The type of the HSMs.
    pub hsm: HsmType,
    /// The mode of the cluster.
    pub mode: Mode,
    /// Which quirks it has.
    pub quirks: Quirks,
}

/// The type of a cluster's HSMs (cloudhsm.md 1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HsmType {
    /// `hsm1.medium`.
    Hsm1,
    /// `hsm2m.medium`.
    #[default]
    Hsm2m,
}

/// The mode of a cluster (cloudhsm.md 1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// `FIPS`.
    #[default]
    Fips,
    /// `NON_FIPS`.
    NonFips,
}

macro_rules! quirks {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal, $default:literal;)*) => {
        /// A habit of CloudHSM that can be switched on and off, since it isn't known well or hinders clients of other HSMs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Quirk {
            $($(#[doc = $doc])* $name,)*
        }

        impl Quirk {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it's called on the command line.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Whether a cluster has it when nobody says.
            pub const fn is_usual(self) -> bool {
                match self { $(Self::$name => $default,)* }
            }

            /// What it does, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }
        }
    };
}

quirks! {
    /// Templates follow the vendor's tables: what they may hold, must hold and default to (cloudhsm.md 4.9).
    VendorTemplates = "vendor-templates", true;
    /// Functions that the vendor's library lacks answer CKR_FUNCTION_NOT_SUPPORTED (cloudhsm.md 5.1).
    MissingFunctions = "missing-functions", true;
    /// Read-only sessions are refused with CKR_FUNCTION_FAILED (cloudhsm.md 5.8).
    NoReadOnlySessions = "no-read-only-sessions", true;
    /// Keys have the vendor's types and sizes only (cloudhsm.md 5.2).
    VendorSizes = "vendor-sizes", true;
    /// Data for one call with a key are bounded: some 16 kB (cloudhsm.md 5.7).
    DataLimits = "data-limits", true;
    /// ECDH takes an X9.63 KDF: there is no CKD_NULL (cloudhsm.md 5.3).
    KdfRequired = "kdf-required", true;
    /// OAEP's hash and that of its mask generation must be the same (cloudhsm.md 5.3).
    OaepSameHash = "oaep-same-hash", true;
    /// Derived keys say CKA_LOCAL true (cloudhsm.md 4.9).
    DerivedIsLocal = "derived-is-local", true;
    /// Certificates can be kept: 60 of them, on hsm2m.medium (cloudhsm.md 5.9).
    CertificateStorage = "certificate-storage", false;
    /// The wraps of Client SDK 3, CKM_AES_KEY_WRAP and its kin with padding, can be used (cloudhsm.md 5.3).
    Sdk3Wraps = "sdk3-wraps", true;
    /// No two keys but the halves of a pair have the same CKA_ID, unless it's empty (cloudhsm.md 4.2).
    UniqueIds = "unique-ids", false;
    /// AES-GCM encrypts and wraps with initialisation vectors that the HSM draws, in one part (cloudhsm.md 5.5).
    DrawnIv = "drawn-iv", true;
    /// CKM_ECDSA, CKM_RSA_PKCS and CKM_RSA_PKCS_PSS sign and verify in one part only (cloudhsm.md 5.3).
    OnePart = "one-part", true;
}

/// A set of quirks. What is kept are the differences from what is usual.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quirks(u32);

impl Regime {
    /// A profile with its usual variant.
    pub const fn of(profile: Profile) -> Self {
        let variant = Variant { hsm: HsmType::Hsm2m, mode: Mode::Fips, quirks: Quirks(0) };
        Self { profile, variant }
    }

    /// Whether the cluster is one of CloudHSM's and has a quirk.
    pub fn has(self, quirk: Quirk) -> bool {
        self.profile == Profile::CloudHsm && self.variant.quirks.has(quirk)
    }

    /// Whether the profile is `strict`.
    pub fn is_strict(self) -> bool {
        self.profile == Profile::Strict
    }
}

impl Quirks {
    /// Whether a quirk is among them.
    pub fn has(self, quirk: Quirk) -> bool {
        quirk.is_usual() != (self.0 & Self::bit(quirk) != 0)
    }

    /// The same with a quirk, or without.
    #[must_use]
    pub fn with(self, quirk: Quirk, on: bool) -> Self {
        if on == quirk.is_usual() {
            Self(self.0 & !Self::bit(quirk))
        } else {
            Self(self.0 | Self::bit(quirk))
        }
    }

    const fn bit(quirk: Quirk) -> u32 {
        1 << quirk as u32
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Quirk::ALL.iter().filter(|quirk| self.has(**quirk))).finish()
    }
}

impl fmt::Display for HsmType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hsm1 => "hsm1.medium",
            Self::Hsm2m => "hsm2m.medium",
        })
    }
}

impl FromStr for HsmType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "hsm1.medium" => Ok(Self::Hsm1),
            "hsm2m.medium" => Ok(Self::Hsm2m),
            _ => Err(bad(format!("there is no HSM type {text:?}; types are hsm1.medium and hsm2m.medium"))),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fips => "FIPS",
            Self::NonFips => "NON_FIPS",
        })
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "FIPS" => Ok(Self::Fips),
            "NON_FIPS" => Ok(Self::NonFips),
            _ => Err(bad(format!("there is no mode {text:?}; modes are FIPS and NON_FIPS"))),
        }
    }
}

impl FromStr for Quirk {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|quirk| quirk.word() == text).ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|quirk| quirk.word()).collect();
            bad(format!("there is no quirk {text:?}; quirks are {}", words.join(", ")))
        })
    }
}

fn bad(message: String) -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_are_switched_one_by_one() {
        for &quirk in Quirk::ALL {
            assert_eq!(quirk.word().parse(), Ok(quirk));
            assert_eq!(Quirks::default().has(quirk), quirk.is_usual());
            for on in [true, false] {
                let quirks = Quirks::default().with(quirk, on);
                assert_eq!(quirks.has(quirk), on);
                let others = Quirk::ALL.iter().filter(|other| **other != quirk);
                assert!(others.into_iter().all(|other| quirks.has(*other) == other.is_usual()));
                assert_eq!(quirks.with(quirk, quirk.is_usual()), Quirks::default());
            }
        }
        assert!(!Regime::of(Profile::Standard).has(Quirk::VendorTemplates));
        assert!(Regime::of(Profile::CloudHsm).has(Quirk::VendorTemplates));
    }

    #[test]
    fn names_are_the_vendors() {
        for text in ["hsm1.medium", "hsm2m.medium"] {
            assert_eq!(text.parse::<HsmType>().unwrap().to_string(), text);
        }
        for text in ["FIPS", "NON_FIPS"] {
            assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
        }
        assert!("fips".parse::<Mode>().is_err());
    }
}
