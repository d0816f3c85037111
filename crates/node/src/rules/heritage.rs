//! What a derived key has of the keys that it was derived from: one table over all derivations (PKCS#11 3.2 chapter 6, the
//! rules about sensitivity and extractability of each mechanism; attacks.md A13 and A14).

use strongroom_model::{Algorithm, AttributeType as A, Attributes, Error, Result, ReturnCode};

/// What is inherited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heritage {
    /// The template says how the key is guarded, and defaults do: nobody gets back from it to the old key.
    Free,
    /// The same, but what the template doesn't say is as with the base key (NIST SP 800-108).
    Proposed,
    /// Guarded at least as well as every old key: who has the new one knows something of these.
    Kept,
    /// Guarded as the base key, neither better nor worse (the keys of a TLS connection).
    Same,
}

/// The attributes that guard a key, with the value that guards it best.
const GUARDS: [(A, bool); 3] = [(A::SENSITIVE, true), (A::EXTRACTABLE, false), (A::WRAP_WITH_TRUSTED, true)];

/// Whether the mechanism may give away the old key piece by piece, or stand for encryption with it (attacks.md A13 and
/// A14): `strict` has none of these.
pub(crate) fn is_reducing(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::ConcatenateKey
            | Algorithm::ConcatenateData
            | Algorithm::ConcatenateToData
            | Algorithm::XorData
            | Algorithm::ExtractBits
            | Algorithm::EncryptData
            // Sizes of zero make initialisation vectors, which are told, of what would be keys.
            | Algorithm::Ssl3KeyAndMac
            | Algorithm::TlsKeyAndMac
            | Algorithm::Tls12KeyAndMac
            | Algorithm::TlsPrf
    )
}

impl Heritage {
    /// The row of a derivation.
    pub(crate) fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::ConcatenateKey
            | Algorithm::ConcatenateData
            | Algorithm::ConcatenateToData
            | Algorithm::XorData
            | Algorithm::ExtractBits
            | Algorithm::EncryptData
            | Algorithm::TlsKdf
            | Algorithm::Ike1Extended => Self::Kept,
            Algorithm::KbkdfCounter | Algorithm::KbkdfFeedback | Algorithm::KbkdfDoublePipeline => {
                Self::Proposed
            }
            Algorithm::Ssl3KeyAndMac
            | Algorithm::TlsKeyAndMac
            | Algorithm::Tls12KeyAndMac
            | Algorithm::Tls12KeySafe => Self::Same,
            _ => Self::Free,
        }
    }

    /// Completes a template with what is inherited. The first of `bases` is the base key.
    ///
    /// # Errors
    ///
    /// `CKR_TEMPLATE_INCONSISTENT` for a template that contradicts that.
    pub(crate) fn bequeath(self, bases: &[&Attributes], template: &mut Attributes) -> Result<()> {
        for (attribute, best) in GUARDS {
            let of_base = bases.first().and_then(|base| base.bool(attribute));
            let any_best = bases.iter().any(|base| base.bool(attribute) == Some(best));
            let (inherited, binding) = match self {
                Self::Free => (None, false),
                Self::Proposed => (of_base, false),
                Self::Kept => (any_best.then_some(best), true),
                Self::Same => (of_base, true),
            };
            let Some(inherited) = inherited else { continue };
            match template.bool(attribute) {
                None => {
                    template.set(attribute, inherited);
                }
                Some(given) if binding && given != inherited => {
                    return Err(Error::new(
                        ReturnCode::TEMPLATE_INCONSISTENT,
                        format!(
                            "{attribute} is {inherited} with the key that this one is derived from, and stays so"
                        ),
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// `CKA_ALWAYS_SENSITIVE` and `CKA_NEVER_EXTRACTABLE` of a new key that is as sensitive and extractable now as stated.
    pub(crate) fn history(self, bases: &[&Attributes], sensitive: bool, extractable: bool) -> (bool, bool) {
        let had = |history| {
            let mut bases = bases.iter().map(|base: &&Attributes| base.bool(history) == Some(true));
            if self == Self::Proposed { bases.any(|had| had) } else { bases.all(|had| had) }
        };
        (sensitive && had(A::ALWAYS_SENSITIVE), !extractable && had(A::NEVER_EXTRACTABLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sensitive: bool, extractable: bool) -> Attributes {
        Attributes::new()
            .with(A::SENSITIVE, sensitive)
            .with(A::EXTRACTABLE, extractable)
            .with(A::ALWAYS_SENSITIVE, sensitive)
            .with(A::NEVER_EXTRACTABLE, !extractable)
    }

    #[test]
    fn what_tells_of_the_old_key_is_guarded_like_it() {
        let (guarded, open) = (key(true, false), key(false, true));
        for algorithm in [Algorithm::ConcatenateKey, Algorithm::ExtractBits, Algorithm::EncryptData] {
            let heritage = Heritage::of(algorithm);
            // One guarded key among several is enough.
            for bases in [[&guarded, &open], [&open, &guarded]] {
                let mut template = Attributes::new();
                heritage.bequeath(&bases, &mut template).unwrap();
                assert_eq!(template.bool(A::SENSITIVE), Some(true));
                assert_eq!(template.bool(A::EXTRACTABLE), Some(false));
                for contradiction in [(A::SENSITIVE, false), (A::EXTRACTABLE, true)] {
                    let mut template = Attributes::new().with(contradiction.0, contradiction.1);
                    let error = heritage.bequeath(&bases, &mut template).unwrap_err();
                    assert_eq!(error.code, ReturnCode::TEMPLATE_INCONSISTENT);
                }
                assert_eq!(heritage.history(&bases, true, false), (false, false));
            }
            assert_eq!(heritage.history(&[&guarded], true, false), (true, true));
            let mut template = Attributes::new();
            heritage.bequeath(&[&open], &mut template).unwrap();
            assert!(template.is_empty());
        }
    }

    #[test]
    fn keys_of_a_connection_are_as_their_secret() {
        let mut template = Attributes::new();
        Heritage::Same.bequeath(&[&key(false, true)], &mut template).unwrap();
        assert_eq!((template.bool(A::SENSITIVE), template.bool(A::EXTRACTABLE)), (Some(false), Some(true)));
        let mut better = Attributes::new().with(A::SENSITIVE, true);
        assert!(Heritage::Same.bequeath(&[&key(false, true)], &mut better).is_err());
    }

    #[test]
    fn sp800_108_proposes() {
        let heritage = Heritage::of(Algorithm::KbkdfCounter);
        let mut template = Attributes::new().with(A::SENSITIVE, false);
        heritage.bequeath(&[&key(true, true)], &mut template).unwrap();
        assert_eq!((template.bool(A::SENSITIVE), template.bool(A::EXTRACTABLE)), (Some(false), Some(true)));
        assert_eq!(heritage.history(&[&key(false, true), &key(true, false)], true, false), (true, true));
    }

    /// attacks.md A13 and A14.
    #[test]
    fn strict_has_no_derivation_that_gives_the_old_key_away() {
        use strongroom_model::{MECHANISMS, Profile, Regime};

        let there = |profile, kind| crate::rules::allowed(Regime::of(profile), kind).is_some();
        let reducing: Vec<_> = MECHANISMS.iter().filter(|spec| is_reducing(spec.algorithm)).collect();
        assert!(reducing.len() >= 13, "{}", reducing.len());
        for spec in reducing {
            assert!(there(Profile::Standard, spec.kind), "{}", spec.name);
            assert!(!there(Profile::Strict, spec.kind), "{}", spec.name);
            assert!(!there(Profile::CloudHsm, spec.kind), "{}", spec.name);
        }
    }
}
