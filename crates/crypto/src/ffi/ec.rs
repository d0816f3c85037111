//! Elliptic-curve keys and points that are parsed and ready, and the operations on them.

use std::ptr::{self, NonNull};

use aws_lc_sys::{
    BN_bn2bin_padded, EC_GROUP, EC_GROUP_new_by_curve_name, EC_KEY, EC_KEY_free, EC_KEY_generate_key,
    EC_KEY_get0_private_key, EC_KEY_get0_public_key, EC_KEY_new, EC_KEY_set_group, EC_KEY_set_private_key,
    EC_KEY_set_public_key, EC_POINT, EC_POINT_free, EC_POINT_mul, EC_POINT_new, EC_POINT_oct2point,
    EC_POINT_point2oct, ECDH_compute_key, ECDSA_SIG, ECDSA_SIG_free, ECDSA_SIG_get0_r, ECDSA_SIG_get0_s,
    ECDSA_SIG_new, ECDSA_SIG_set0, ECDSA_do_sign, ECDSA_do_verify, NID_X9_62_prime256v1, NID_secp224r1,
    NID_secp256k1, NID_secp384r1, NID_secp521r1, point_conversion_form_t,
};
use strongroom_model::Blob;

use super::bignum::Number;
use super::ec_told::Told;
use super::{Failed, check, failed, non_null};

/// A curve that the engine knows.
#[derive(Clone, Copy)]
pub(crate) enum Group {
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
    /// One that it's told of.
    Told(&'static Told),
}

impl Group {
    /// Length in bytes of a field element, and of a number below the order: for these curves the same.
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
            Self::Told(curve) => curve.len,
        }
    }

    /// The engine's number for a curve that it has.
    const fn nid(self) -> Option<i32> {
        Some(match self {
            Self::P224 => NID_secp224r1,
            Self::P256 => NID_X9_62_prime256v1,
            Self::P384 => NID_secp384r1,
            Self::P521 => NID_secp521r1,
            Self::Secp256k1 => NID_secp256k1,
            Self::Told(_) => return None,
        })
    }

    /// The engine's group, which lives for ever.
    fn raw(self) -> Result<*const EC_GROUP, Failed> {
        match (self, self.nid()) {
            (Self::Told(curve), _) => curve.group(),
            (_, Some(nid)) => {
                // SAFETY: no preconditions; what is returned for a built-in curve is static and needn't be freed.
                non_null(unsafe { EC_GROUP_new_by_curve_name(nid) }).map(|group| group.as_ptr().cast_const())
            }
            _ => Err(Failed),
        }
    }
}

/// A public or private key. A private one holds its public point too.
pub(crate) struct EcKey {
    key: NonNull<EC_KEY>,
    group: Group,
}

// SAFETY: a key isn't changed after construction and isn't tied to a thread; the engine counts references atomically.
unsafe impl Send for EcKey {}
// SAFETY: as above.
unsafe impl Sync for EcKey {}

impl Drop for EcKey {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { EC_KEY_free(self.key.as_ptr()) }
    }
}

impl EcKey {
    /// A private key; fails unless 0 < `value` < order.
    pub(crate) fn from_private(group: Group, value: &Number) -> Result<Self, Failed> {
        let key = Self::empty(group)?;
        let point = Point::new(group)?;
        // SAFETY: all are live and of the same curve; the engine copies number and point.
        unsafe {
            check(EC_KEY_set_private_key(key.key.as_ptr(), value.as_ptr()))?;
            check(EC_POINT_mul(
                group.raw()?,
                point.point.as_ptr(),
                value.as_ptr(),
                ptr::null(),
                ptr::null(),
                ptr::null_mut(),
            ))?;
            check(EC_KEY_set_public_key(key.key.as_ptr(), point.point.as_ptr()))?;
        }
        Ok(key)
    }

    /// A public key.
    pub(crate) fn from_public(point: &Point) -> Result<Self, Failed> {
        let key = Self::empty(point.group)?;
        // SAFETY: both are live and of the same curve; the engine copies the point and refuses infinity.
        check(unsafe { EC_KEY_set_public_key(key.key.as_ptr(), point.point.as_ptr()) })?;
        Ok(key)
    }

    pub(crate) fn generate(group: Group) -> Result<Self, Failed> {
        let key = Self::empty(group)?;
        // SAFETY: the key is ours alone.
        check(unsafe { EC_KEY_generate_key(key.key.as_ptr()) })?;
        Ok(key)
    }

    /// The public point, uncompressed.
    pub(crate) fn public_point(&self) -> Result<Vec<u8>, Failed> {
        let mut bytes = vec![0; 1 + 2 * self.group.len()];
        // SAFETY: the key is live and has a public point, which lives as long; the length belongs to the buffer.
        let len = unsafe {
            let point = EC_KEY_get0_public_key(self.key.as_ptr());
            if point.is_null() {
                return Err(failed());
            }
            EC_POINT_point2oct(
                self.group.raw()?,
                point,
                point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED,
                bytes.as_mut_ptr(),
                bytes.len(),
                ptr::null_mut(),
            )
        };
        if len == bytes.len() { Ok(bytes) } else { Err(failed()) }
    }

    /// The private value, as long as the order; fails for a public key.
    pub(crate) fn private_value(&self) -> Result<Blob, Failed> {
        // SAFETY: the key is live; a key without a private value answers null, which is refused.
        let value = unsafe { Number::copied(EC_KEY_get0_private_key(self.key.as_ptr())) }?;
        value.to_padded(self.group.len())
    }

    /// An ECDSA signature: r and s, each as long as the order. A digest longer than the order is cut.
    pub(crate) fn sign(&self, digest: &[u8]) -> Result<Blob, Failed> {
        // SAFETY: the key is live and, by the type that wraps it, private; pointer and length belong together.
        let signature =
            Signature(non_null(unsafe { ECDSA_do_sign(digest.as_ptr(), digest.len(), self.key.as_ptr()) })?);
        let half = self.group.len();
        let mut output = Blob::zeroed(2 * half);
        // SAFETY: r and s live as long as the signature; each half has room for `half` bytes.
        unsafe {
            let (r, s) = (ECDSA_SIG_get0_r(signature.0.as_ptr()), ECDSA_SIG_get0_s(signature.0.as_ptr()));
            check(BN_bn2bin_padded(output.as_mut_ptr(), half, r))?;
            check(BN_bn2bin_padded(output[half..].as_mut_ptr(), half, s))?;
        }
        Ok(output)
    }

    /// Whether r and s are a signature over the digest.
    pub(crate) fn verify(&self, digest: &[u8], r: Number, s: Number) -> bool {
        // SAFETY: no preconditions.
        let Ok(signature) = non_null(unsafe { ECDSA_SIG_new() }).map(Signature) else { return false };
        // SAFETY: all are live; neither number is null, so the call succeeds and takes them over.
        let set = check(unsafe { ECDSA_SIG_set0(signature.0.as_ptr(), r.into_raw(), s.into_raw()) });
        // SAFETY: all are live; pointer and length belong together.
        set.is_ok()
            && check(unsafe {
                ECDSA_do_verify(digest.as_ptr(), digest.len(), signature.0.as_ptr(), self.key.as_ptr())
            })
            .is_ok()
    }

    /// The x coordinate of the shared point, as long as the field.
    pub(crate) fn agree(&self, peer: &Point) -> Result<Blob, Failed> {
        let mut secret = Blob::zeroed(self.group.len());
        // SAFETY: both are live, the engine refuses a point of another curve; the length belongs to the buffer.
        let len = unsafe {
            ECDH_compute_key(
                secret.as_mut_ptr().cast(),
                secret.len(),
                peer.point.as_ptr(),
                self.key.as_ptr(),
                None,
            )
        };
        if usize::try_from(len) == Ok(secret.len()) { Ok(secret) } else { Err(failed()) }
    }

    fn empty(group: Group) -> Result<Self, Failed> {
        // SAFETY: no preconditions.
        let key = Self { key: non_null(unsafe { EC_KEY_new() })?, group };
        // SAFETY: both are live; the engine copies a group that isn't static.
        check(unsafe { EC_KEY_set_group(key.key.as_ptr(), group.raw()?) })?;
        Ok(key)
    }
}

/// A point on a curve.
pub(crate) struct Point {
    point: NonNull<EC_POINT>,
    group: Group,
}

impl Drop for Point {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { EC_POINT_free(self.point.as_ptr()) }
    }
}

impl Point {
    /// From SEC 1 bytes; fails for what isn't on the curve. The caller has checked the form (the engine
    /// would take infinity and hybrid points too).
    pub(crate) fn from_bytes(group: Group, bytes: &[u8]) -> Result<Self, Failed> {
        let point = Self::new(group)?;
        // SAFETY: all are live; pointer and length belong together.
        check(unsafe {
            EC_POINT_oct2point(
                group.raw()?,
                point.point.as_ptr(),
                bytes.as_ptr(),
                bytes.len(),
                ptr::null_mut(),
            )
        })?;
        Ok(point)
    }

    fn new(group: Group) -> Result<Self, Failed> {
        // SAFETY: the group is static.
        let point = non_null(unsafe { EC_POINT_new(group.raw()?) })?;
        Ok(Self { point, group })
    }
}

struct Signature(NonNull<ECDSA_SIG>);

impl Drop for Signature {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { ECDSA_SIG_free(self.0.as_ptr()) }
    }
}
