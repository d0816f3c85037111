//! Approvers' keys: RSA-2048 public keys whose signatures approve quorum tokens and answer challenges
//! (cloudhsm.md 2.5 and 3.4).

use std::fmt;

use ::rsa::pkcs1;
use p256::pkcs8::der::asn1::AnyRef;
use p256::pkcs8::der::{self, Decode};
use p256::pkcs8::spki::SubjectPublicKeyInfoRef;
use strongroom_model::{AttributeType, Attributes, Error, Hash, Result, ReturnCode};

use crate::rsa::RsaPublic;
use crate::spki;

/// An RSA-2048 public key that checks signatures by RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2).
#[derive(Clone, Debug)]
pub struct ApproverKey(RsaPublic);

impl ApproverKey {
    /// Bits of the modulus, no more and no fewer.
    pub const BITS: u32 = 2048;

    /// Parses a SubjectPublicKeyInfo in DER, with nothing behind it.
    ///
    /// # Errors
    /// `ARGUMENTS_BAD` for what isn't one, and for keys that aren't RSA, don't have [`Self::BITS`], or whose public
    /// exponent is below 65,537 (NIST SP 800-56B rev. 2 section 6.2) or even.
    pub fn from_spki(der: &[u8]) -> Result<Self> {
        let refused = |why: &str| Error::new(ReturnCode::ARGUMENTS_BAD, format!("the public key {why}"));
        let malformed = |_: der::Error| refused("isn't a SubjectPublicKeyInfo in DER");
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(malformed)?;
        if info.algorithm.oid != pkcs1::ALGORITHM_OID {
            return Err(refused("isn't an RSA key: make one by `openssl genrsa 2048`"));
        }
        if info.algorithm.parameters.is_some_and(|parameters| parameters != AnyRef::NULL) {
            return Err(refused("has algorithm parameters, which an RSA key doesn't have"));
        }
        let bits =
            info.subject_public_key.as_bytes().ok_or_else(|| refused("isn't a whole number of bytes"))?;
        let numbers = pkcs1::RsaPublicKeyRef::from_der(bits).map_err(malformed)?;
        let (modulus, exponent) = (numbers.modulus.as_bytes(), numbers.public_exponent.as_bytes());
        if modulus.len() * 8 != Self::BITS as usize || modulus[0] & 0x80 == 0 {
            return Err(refused("doesn't have exactly 2048 bits"));
        }
        let large = exponent.len() > 3 || (exponent.len() == 3 && exponent >= &[1, 0, 1][..]);
        if !large {
            return Err(refused("has a public exponent below 65537"));
        }
        let attributes = Attributes::new()
            .with(AttributeType::MODULUS, modulus)
            .with(AttributeType::PUBLIC_EXPONENT, exponent);
        let key = RsaPublic::from_attributes(&attributes)
            .map_err(|error| refused(&format!("can't be used: {}", error.message)))?;
        Ok(Self(key))
    }

    /// The key as SubjectPublicKeyInfo in DER: the same bytes for the same key, however it was encoded.
    ///
    /// # Errors
    /// `FUNCTION_FAILED` if it can't be encoded, which doesn't happen.
    pub fn to_spki(&self) -> Result<Vec<u8>> {
        spki::rsa(&self.0)
    }

    /// Whether it's a signature by this key over a message whose SHA-256 is `digest`, which is what
    /// `openssl pkeyutl -sign -pkeyopt digest:sha256` makes of a file with the digest in it.
    pub fn verifies(&self, digest: &[u8; 32], signature: &[u8]) -> bool {
        self.0.verifies_digest(Hash::Sha256, digest, signature)
    }
}

impl fmt::Display for ApproverKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RSA-{}", Self::BITS)
    }
}

#[cfg(test)]
mod tests {
    use ::rsa::pkcs1v15::Pkcs1v15Sign;
    use ::rsa::pkcs8::EncodePublicKey;
    use ::rsa::{RsaPrivateKey, RsaPublicKey};
    use sha2::{Digest, Sha256};

    use super::*;

    fn key(bits: usize) -> RsaPrivateKey {
        let mut rng = rand::rngs::ThreadRng::default();
        RsaPrivateKey::new(&mut rng, bits).unwrap()
    }

    fn spki(key: &RsaPublicKey) -> Vec<u8> {
        key.to_public_key_der().unwrap().as_bytes().to_vec()
    }

    #[test]
    fn its_signature_and_no_other() {
        let (ours, other) = (key(2048), key(2048));
        let approver = ApproverKey::from_spki(&spki(&ours.to_public_key())).unwrap();
        let digest: [u8; 32] = Sha256::digest(b"approval data").into();
        let sign =
            |key: &RsaPrivateKey, digest: &[u8]| key.sign(Pkcs1v15Sign::new::<Sha256>(), digest).unwrap();
        let good = sign(&ours, &digest);
        assert!(approver.verifies(&digest, &good));
        assert!(!approver.verifies(&digest, &sign(&other, &digest)));
        assert!(!approver.verifies(&[0; 32], &good));
        assert!(!approver.verifies(&digest, &good[..255]));
        assert!(!approver.verifies(&digest, &[&good[..], &[0]].concat()));
        assert!(!approver.verifies(&digest, &[]));
        assert!(!approver.verifies(&digest, &[0xff; 256]), "a number that isn't below the modulus");
        let unprefixed = ours.sign(Pkcs1v15Sign::new_unprefixed(), &digest).unwrap();
        assert!(!approver.verifies(&digest, &unprefixed), "no DigestInfo");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(!approver.verifies(&digest, &bad));
        }
    }

    #[test]
    fn only_rsa_2048_with_a_large_odd_exponent() {
        let good = key(2048).to_public_key();
        let refused = |der: &[u8]| ApproverKey::from_spki(der).unwrap_err().message;
        for bits in [1024, 2040, 3072] {
            assert!(refused(&spki(&key(bits).to_public_key())).contains("2048 bits"), "{bits}");
        }
        use ::rsa::traits::PublicKeyParts;
        for exponent in [3u64, 17, 65535] {
            let key = RsaPublicKey::new_unchecked(good.n().as_ref().clone(), exponent.into());
            assert!(refused(&spki(&key)).contains("below 65537"), "{exponent}");
        }
        let even = RsaPublicKey::new_unchecked(good.n().as_ref().clone(), 65538u64.into());
        assert!(refused(&spki(&even)).contains("can't be used"));
        let ec = p256::SecretKey::from_slice(&[7; 32]).unwrap().public_key();
        assert!(refused(ec.to_public_key_der().unwrap().as_bytes()).contains("isn't an RSA key"));
        let der = spki(&good);
        for len in 0..der.len() {
            assert!(ApproverKey::from_spki(&der[..len]).is_err(), "cut at {len}");
        }
        assert!(ApproverKey::from_spki(&[&der[..], &[0]].concat()).is_err());
        let again = ApproverKey::from_spki(&der).unwrap().to_spki().unwrap();
        assert_eq!(again, der);
    }
}
