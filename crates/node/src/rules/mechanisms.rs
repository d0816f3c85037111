//! Which mechanisms a profile has, for what, and with which keys.
//!
//! `standard` has every row of the mechanism table. `strict` has them too, but wraps only by those in [`STRICT_WRAPS`], and
//! derives by none that may give the old key away ([`is_reducing`]).
//! `cloudhsm` has those in [`VENDOR`] alone, so that what is added to the mechanism table later isn't there by mistake.

use strongroom_model::{
    Error, Hash, HsmType, KeyType, MECHANISMS, Mechanism, MechanismSpec, MechanismType, Mode, Params,
    Profile, Purposes, Quirk, Regime, Result, ReturnCode,
};

use super::heritage::is_reducing;

/// A mechanism as a profile has it.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Its row in the mechanism table.
    pub spec: &'static MechanismSpec,
    /// What it may be used for; some of the row's.
    pub purposes: Purposes,
    /// Smallest key, in the row's unit.
    pub min_key: u64,
    /// Largest key, in the row's unit.
    pub max_key: u64,
    /// The most data for one call, in bytes (cloudhsm.md 5.7).
    pub max_data: Option<usize>,
}

/// A mechanism of the vendor's (cloudhsm.md 5.3).
struct Vendor {
    kind: u64,
    /// What it's for in FIPS mode.
    fips: u64,
    /// And otherwise.
    non_fips: u64,
    /// Whether it's on `hsm2m.medium` only.
    newer: bool,
    /// In bytes (cloudhsm.md 5.7).
    max_data: Option<usize>,
    /// A quirk that it hangs on.
    quirk: Option<Quirk>,
}

const CIPHER: u64 = Purposes::ENCRYPT | Purposes::DECRYPT;
const SIGN: u64 = Purposes::SIGN | Purposes::VERIFY;
const WRAP: u64 = Purposes::WRAP | Purposes::UNWRAP;
const DERIVE: u64 = Purposes::DERIVE;
const DIGEST: u64 = Purposes::DIGEST;
const MAKE: u64 = Purposes::GENERATE;
const PAIR: u64 = Purposes::GENERATE_PAIR;
/// Everything that a mechanism can be for. The other flags tell of hardware and curves.
const USES: u64 = CIPHER
    | SIGN
    | WRAP
    | DERIVE
    | DIGEST
    | MAKE
    | PAIR
    | Purposes::ENCAPSULATE
    | Purposes::DECAPSULATE
    | cryptoki_sys::CKF_SIGN_RECOVER
    | cryptoki_sys::CKF_VERIFY_RECOVER
    | cryptoki_sys::CKF_MESSAGE_ENCRYPT
    | cryptoki_sys::CKF_MESSAGE_DECRYPT
    | cryptoki_sys::CKF_MESSAGE_SIGN
    | cryptoki_sys::CKF_MESSAGE_VERIFY;

/// The vendor's numbers (cloudhsm.md 5.4).
mod vendor {
    pub(super) const SP800_108_COUNTER_KDF: u64 = 0x8000_0001;
    pub(super) const AES_GCM: u64 = 0x8000_1087;
    pub(super) const AES_KEY_WRAP_NO_PAD: u64 = 0x8000_2109;
    pub(super) const AES_KEY_WRAP_PKCS5_PAD: u64 = 0x8000_210A;
    pub(super) const AES_KEY_WRAP_ZERO_PAD: u64 = 0x8000_216F;
}

#[rustfmt::skip]
static VENDOR: &[Vendor] = {
    use cryptoki_sys::*;
    &[
        both(CKM_RSA_PKCS_KEY_PAIR_GEN, PAIR),
        both(CKM_RSA_X9_31_KEY_PAIR_GEN, PAIR),
        both(CKM_EC_KEY_PAIR_GEN, PAIR),
        both(CKM_AES_KEY_GEN, MAKE),
        both(CKM_GENERIC_SECRET_KEY_GEN, MAKE),
        Vendor { fips: 0, ..both(CKM_DES3_KEY_GEN, MAKE) },
        both(CKM_RSA_X_509, SIGN | CIPHER),
        Vendor { fips: SIGN, ..both(CKM_RSA_PKCS, SIGN | CIPHER | WRAP) },
        both(CKM_SHA1_RSA_PKCS, SIGN),
        both(CKM_SHA224_RSA_PKCS, SIGN),
        both(CKM_SHA256_RSA_PKCS, SIGN),
        both(CKM_SHA384_RSA_PKCS, SIGN),
        both(CKM_SHA512_RSA_PKCS, SIGN),
        both(CKM_RSA_PKCS_PSS, SIGN),
        both(CKM_SHA1_RSA_PKCS_PSS, SIGN),
        both(CKM_SHA224_RSA_PKCS_PSS, SIGN),
        both(CKM_SHA256_RSA_PKCS_PSS, SIGN),
        both(CKM_SHA384_RSA_PKCS_PSS, SIGN),
        both(CKM_SHA512_RSA_PKCS_PSS, SIGN),
        both(CKM_ECDSA, SIGN),
        both(CKM_ECDSA_SHA1, SIGN),
        both(CKM_ECDSA_SHA224, SIGN),
        both(CKM_ECDSA_SHA256, SIGN),
        both(CKM_ECDSA_SHA384, SIGN),
        both(CKM_ECDSA_SHA512, SIGN),
        Vendor { fips: 0, newer: true, ..both(CKM_EC_EDWARDS_KEY_PAIR_GEN, PAIR) },
        Vendor { fips: 0, newer: true, ..limited(CKM_EDDSA, SIGN, 16_000) },
        limited(CKM_SHA_1_HMAC, SIGN, 16_288),
        limited(CKM_SHA224_HMAC, SIGN, 16_256),
        limited(CKM_SHA256_HMAC, SIGN, 16_288),
        limited(CKM_SHA384_HMAC, SIGN, 16_224),
        limited(CKM_SHA512_HMAC, SIGN, 16_224),
        both(CKM_AES_CMAC, SIGN),
        both(CKM_SHA_1, DIGEST),
        both(CKM_SHA224, DIGEST),
        both(CKM_SHA256, DIGEST),
        both(CKM_SHA384, DIGEST),
        both(CKM_SHA512, DIGEST),
        both(CKM_RSA_PKCS_OAEP, CIPHER | WRAP),
        both(CKM_AES_ECB, CIPHER),
        both(CKM_AES_CTR, CIPHER),
        limited(CKM_AES_CBC, CIPHER, 16_272),
        both(CKM_AES_CBC_PAD, CIPHER),
        Vendor { fips: 0, ..both(CKM_DES3_ECB, CIPHER) },
        Vendor { fips: 0, ..limited(CKM_DES3_CBC, CIPHER, 16_280) },
        Vendor { fips: 0, ..both(CKM_DES3_CBC_PAD, CIPHER) },
        limited(CKM_AES_GCM, CIPHER | WRAP, 16_224),
        limited(vendor::AES_GCM, CIPHER | WRAP, 16_224),
        both(CKM_RSA_AES_KEY_WRAP, WRAP),
        both(vendor::AES_KEY_WRAP_NO_PAD, WRAP),
        both(vendor::AES_KEY_WRAP_PKCS5_PAD, WRAP),
        both(vendor::AES_KEY_WRAP_ZERO_PAD, WRAP),
        Vendor { quirk: Some(Quirk::Sdk3Wraps), ..both(CKM_AES_KEY_WRAP, WRAP) },
        Vendor { quirk: Some(Quirk::Sdk3Wraps), ..both(CKM_AES_KEY_WRAP_PAD, WRAP) },
        Vendor { quirk: Some(Quirk::Sdk3Wraps), ..both(CKM_AES_KEY_WRAP_KWP, WRAP) },
        both(vendor::SP800_108_COUNTER_KDF, DERIVE),
        both(CKM_ECDH1_DERIVE, DERIVE),
    ]
};

/// The mechanisms that wrap under `strict`: those that notice when a wrapped key was changed or put together by somebody
/// who hasn't the wrapping key, and where padding tells nothing (attacks.md A15c and A18).
#[rustfmt::skip]
static STRICT_WRAPS: &[u64] = {
    use cryptoki_sys::*;
    &[
        CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PKCS7, CKM_AES_GCM, CKM_AES_CCM,
        CKM_CHACHA20_POLY1305, CKM_RSA_PKCS_OAEP, CKM_RSA_AES_KEY_WRAP, CKM_ECDH_AES_KEY_WRAP, CKM_ECDH_X_AES_KEY_WRAP,
        CKM_ECDH_COF_AES_KEY_WRAP, vendor::AES_GCM, vendor::AES_KEY_WRAP_NO_PAD, vendor::AES_KEY_WRAP_PKCS5_PAD,
        vendor::AES_KEY_WRAP_ZERO_PAD,
    ]
};

/// A mechanism as a profile has it, if it does.
pub fn allowed(regime: Regime, kind: MechanismType) -> Option<Allowed> {
    kind.spec().and_then(|spec| narrowed(regime, spec))
}

/// All that a profile has, in the order of the mechanism table.
pub fn all_allowed(regime: Regime) -> impl Iterator<Item = Allowed> {
    MECHANISMS.iter().filter_map(move |spec| narrowed(regime, spec))
}

/// A mechanism that is wanted for a purpose.
///
/// # Errors
///
/// `CKR_MECHANISM_INVALID`; `CKR_MECHANISM_PARAM_INVALID` for parameters that the profile doesn't allow.
pub(crate) fn wanted(regime: Regime, mechanism: &Mechanism, purpose: u64) -> Result<Allowed> {
    let allowed = allowed(regime, mechanism.kind).filter(|allowed| allowed.purposes.contains(purpose));
    let allowed = allowed.ok_or_else(|| {
        let known = mechanism.kind.spec().is_some_and(|spec| spec.purposes.contains(purpose));
        let why = if known {
            format!("the profile {} doesn't allow it", regime.profile)
        } else {
            "it's for other things".into()
        };
        Error::new(ReturnCode::MECHANISM_INVALID, format!("{} can't be used for this: {why}", mechanism.kind))
    })?;
    let refusal = match &mechanism.params {
        Params::Ecdh { kdf: None, .. } if regime.has(Quirk::KdfRequired) => {
            "the profile cloudhsm derives with an X9.63 KDF only, not with CKD_NULL"
        }
        // Attacks.md A25.
        Params::Gcm { iv, .. }
            if !iv.is_empty()
                && purpose & (Purposes::ENCRYPT | Purposes::WRAP) != 0
                && regime.has(Quirk::DrawnIv) =>
        {
            "the profile cloudhsm encrypts with initialisation vectors that the HSM draws"
        }
        // Two keys that are wrapped with one vector tell each other's values, and one of them may be known (A25).
        Params::Gcm { iv, .. }
            if !iv.is_empty() && purpose == cryptoki_sys::CKF_WRAP && regime.is_strict() =>
        {
            "the profile strict wraps with initialisation vectors that the node draws"
        }
        Params::Ccm { .. } if purpose == cryptoki_sys::CKF_WRAP && regime.is_strict() => {
            "the profile strict wraps by GCM, with initialisation vectors that the node draws, not by CCM"
        }
        Params::Pss { hash, mgf, .. }
        | Params::Oaep { hash, mgf, .. }
        | Params::RsaAesWrap { hash, mgf, .. }
            if regime.is_strict() && [hash, mgf].contains(&&Hash::Md5) =>
        {
            "the profile strict has no MD5"
        }
        Params::Oaep { hash, mgf, .. } | Params::RsaAesWrap { hash, mgf, .. }
            if hash != mgf && regime.has(Quirk::OaepSameHash) =>
        {
            "the profile cloudhsm wants the same hash for OAEP and its mask generation"
        }
        // Ed25519ph is what the vendor's manual names for messages of any length.
        Params::Eddsa { prehash: true, .. } => return Ok(Allowed { max_data: None, ..allowed }),
        _ => return Ok(allowed),
    };
    Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, refusal))
}

impl Allowed {
    fn is_of_use(&self) -> bool {
        self.purposes.0 & USES != 0
    }

    /// Refuses more data than one call may bring.
    ///
    /// # Errors
    ///
    /// `CKR_DATA_LEN_RANGE`.
    pub(crate) fn check_data(&self, len: usize) -> Result<()> {
        match self.max_data {
            Some(most) if len > most => Err(Error::new(
                ReturnCode::DATA_LEN_RANGE,
                format!(
                    "{} takes {most} bytes in one call under the profile cloudhsm, not {len}",
                    self.spec.name
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// MD5 and DES with a single key, which anybody can break.
fn is_broken(spec: &MechanismSpec) -> bool {
    spec.hash == Some(Hash::Md5) || spec.key_type == Some(KeyType::Des)
}

fn narrowed(regime: Regime, spec: &'static MechanismSpec) -> Option<Allowed> {
    let all = Allowed {
        spec,
        purposes: spec.purposes,
        min_key: spec.min_key,
        max_key: spec.max_key,
        max_data: None,
    };
    let without = |flags: u64| Purposes(spec.purposes.0 & !flags);
    match regime.profile {
        Profile::Standard => Some(all),
        Profile::Strict if STRICT_WRAPS.contains(&spec.kind.0) => Some(all),
        Profile::Strict if is_broken(spec) || is_reducing(spec.algorithm) => None,
        Profile::Strict => Some(Allowed { purposes: without(WRAP), ..all }).filter(Allowed::is_of_use),
        Profile::CloudHsm => {
            let variant = regime.variant;
            let row = VENDOR.iter().find(|row| row.kind == spec.kind.0)?;
            let wanted = if variant.mode == Mode::Fips { row.fips } else { row.non_fips };
            let there = (!row.newer || variant.hsm == HsmType::Hsm2m)
                && row.quirk.is_none_or(|quirk| regime.has(quirk));
            let purposes = without(USES & !wanted);
            let (min_key, max_key) = match spec.key_type.filter(|_| regime.has(Quirk::VendorSizes)) {
                Some(KeyType::Rsa) => (2048, 4096),
                Some(KeyType::GenericSecret) => (1, 800),
                Some(KeyType::Ec) => (224, 521),
                Some(KeyType::EcEdwards) => (255, 255),
                _ => (spec.min_key, spec.max_key),
            };
            let max_data = row.max_data.filter(|_| regime.has(Quirk::DataLimits));
            let allowed = Allowed { spec, purposes, min_key, max_key, max_data };
            Some(allowed).filter(|allowed| there && allowed.is_of_use())
        }
    }
}

const fn both(kind: u64, purposes: u64) -> Vendor {
    Vendor { kind, fips: purposes, non_fips: purposes, newer: false, max_data: None, quirk: None }
}

const fn limited(kind: u64, purposes: u64, most: usize) -> Vendor {
    Vendor { max_data: Some(most), ..both(kind, purposes) }
}

#[cfg(test)]
mod tests {
    use strongroom_model::Variant;

    use super::*;

    fn cloudhsm(hsm: HsmType, mode: Mode) -> Regime {
        Regime { profile: Profile::CloudHsm, variant: Variant { hsm, mode, ..Variant::default() } }
    }

    #[test]
    fn what_isnt_listed_is_under_standard_only() {
        for spec in MECHANISMS {
            assert!(allowed(Regime::of(Profile::Standard), spec.kind).is_some(), "{}", spec.name);
            let listed = VENDOR.iter().any(|row| row.kind == spec.kind.0);
            for regime in [cloudhsm(HsmType::Hsm1, Mode::NonFips), cloudhsm(HsmType::Hsm2m, Mode::Fips)] {
                assert!(listed || allowed(regime, spec.kind).is_none(), "{}", spec.name);
            }
        }
    }

    #[test]
    fn strict_has_neither_md5_nor_single_des() {
        let strict = Regime::of(Profile::Strict);
        for kind in [
            MechanismType::MD5,
            MechanismType::MD5_HMAC,
            MechanismType::MD5_HMAC_GENERAL,
            MechanismType::DES_KEY_GEN,
            MechanismType::DES_ECB,
            MechanismType::DES_CBC_PAD,
        ] {
            assert!(allowed(strict, kind).is_none(), "{kind}");
        }
        assert!(allowed(strict, MechanismType::SHA3_256_HMAC).is_some());
        let params = |hash| Params::Pss { hash, mgf: hash, salt: 0 };
        for (hash, wanted_code) in
            [(Hash::Md5, ReturnCode::MECHANISM_PARAM_INVALID), (Hash::Sha256, ReturnCode::OK)]
        {
            let pss = Mechanism { kind: MechanismType::RSA_PKCS_PSS, params: params(hash) };
            let code =
                wanted(strict, &pss, Purposes::SIGN).map_or_else(|error| error.code, |_| ReturnCode::OK);
            assert_eq!(code, wanted_code);
        }
    }

    /// RSA_AES_KEY_WRAP encrypts its key by OAEP, too.
    #[test]
    fn cloudhsm_has_one_hash_for_oaep() {
        let label = || Vec::new().into();
        let (hash, sha1) = (Hash::Sha256, Hash::Sha1);
        let oaep = |mgf| Mechanism {
            kind: MechanismType::RSA_PKCS_OAEP,
            params: Params::Oaep { hash, mgf, label: label() },
        };
        let hybrid = |mgf| Mechanism {
            kind: MechanismType::RSA_AES_KEY_WRAP,
            params: Params::RsaAesWrap { key_len: 32, hash, mgf, label: label() },
        };
        for (same, other) in [(oaep(hash), oaep(sha1)), (hybrid(hash), hybrid(sha1))] {
            let regime = cloudhsm(HsmType::Hsm2m, Mode::Fips);
            assert!(wanted(regime, &same, Purposes::WRAP).is_ok());
            let refused = wanted(regime, &other, Purposes::WRAP).unwrap_err();
            assert_eq!(refused.code, ReturnCode::MECHANISM_PARAM_INVALID);
            assert!(wanted(Regime::of(Profile::Standard), &other, Purposes::WRAP).is_ok());
        }
    }

    /// cloudhsm.md 5.5, attacks.md A25.
    #[test]
    fn cloudhsm_draws_the_initialisation_vectors_of_gcm() {
        let regime = cloudhsm(HsmType::Hsm2m, Mode::Fips);
        let gcm = |iv: Vec<u8>| Mechanism {
            kind: MechanismType::AES_GCM,
            params: Params::Gcm { iv: iv.into(), aad: Vec::new().into(), tag_bits: 128 },
        };
        for purpose in [Purposes::ENCRYPT, Purposes::WRAP] {
            let refused = wanted(regime, &gcm(vec![0; 12]), purpose).unwrap_err();
            assert_eq!(refused.code, ReturnCode::MECHANISM_PARAM_INVALID);
            assert!(wanted(regime, &gcm(Vec::new()), purpose).is_ok());
        }
        for purpose in [Purposes::DECRYPT, Purposes::UNWRAP] {
            assert!(wanted(regime, &gcm(vec![0; 12]), purpose).is_ok());
        }
        let quirks = Variant::default().quirks.with(Quirk::DrawnIv, false);
        let without =
            Regime { profile: Profile::CloudHsm, variant: Variant { quirks, ..Variant::default() } };
        assert!(wanted(without, &gcm(vec![0; 12]), Purposes::ENCRYPT).is_ok());
    }

    #[test]
    fn rows_are_there_once() {
        let mut kinds: Vec<_> = VENDOR.iter().map(|row| row.kind).collect();
        kinds.sort_unstable();
        assert!(kinds.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn fips_takes_pkcs1_encryption_away() {
        let purposes =
            |mode| allowed(cloudhsm(HsmType::Hsm2m, mode), MechanismType::RSA_PKCS).unwrap().purposes;
        assert!(purposes(Mode::NonFips).contains(CIPHER | SIGN | WRAP));
        assert!(purposes(Mode::Fips).contains(SIGN));
        assert!(
            !purposes(Mode::Fips).contains(Purposes::ENCRYPT)
                && !purposes(Mode::Fips).contains(Purposes::UNWRAP)
        );
    }

    #[test]
    fn strict_wraps_by_what_notices_changes() {
        let strict = Regime::of(Profile::Strict);
        for (kind, wraps) in [
            (MechanismType::AES_KEY_WRAP_KWP, true),
            (MechanismType::RSA_PKCS_OAEP, true),
            (MechanismType::AES_CBC_PAD, false),
            (MechanismType::RSA_PKCS, false),
            (MechanismType::RSA_X_509, false),
        ] {
            assert_eq!(allowed(strict, kind).unwrap().purposes.contains(Purposes::WRAP), wraps, "{kind}");
        }
    }
}
