//! Big integers, for taking RSA keys apart and putting them together.

use std::cmp::Ordering;
use std::ptr::{self, NonNull};

use aws_lc_sys::{
    BIGNUM, BN_CTX, BN_CTX_free, BN_CTX_new, BN_add, BN_bin2bn, BN_bn2bin_padded, BN_clear_free, BN_cmp,
    BN_copy, BN_div, BN_gcd, BN_is_odd, BN_is_one, BN_mod_exp_mont_consttime, BN_mod_mul, BN_mul, BN_new,
    BN_nnmod, BN_num_bits, BN_num_bytes, BN_rshift1, BN_set_u64, BN_sub, BN_sub_word,
};
use strongroom_model::Blob;

use super::{Failed, check, non_null};

/// A non-negative big integer; wiped when dropped.
pub(crate) struct Number(NonNull<BIGNUM>);

// SAFETY: a BIGNUM is plain memory without ties to a thread; it's changed only through `&mut` or before it's shared.
unsafe impl Send for Number {}
// SAFETY: as above; reading a BIGNUM changes nothing in it.
unsafe impl Sync for Number {}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { BN_clear_free(self.0.as_ptr()) }
    }
}

impl Number {
    /// From big-endian bytes; leading zeros don't matter.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Failed> {
        // SAFETY: pointer and length belong together; a null result asks for a new number.
        non_null(unsafe { BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()) }).map(Self)
    }

    pub(crate) fn from_u64(value: u64) -> Result<Self, Failed> {
        let number = Self::zero()?;
        // SAFETY: a live number of ours.
        check(unsafe { BN_set_u64(number.0.as_ptr(), value) })?;
        Ok(number)
    }

    /// A copy of a number that belongs to somebody else; nothing for a null pointer.
    ///
    /// # Safety
    /// `number` must be null or live.
    pub(super) unsafe fn copied(number: *const BIGNUM) -> Result<Self, Failed> {
        let copy = Self::zero()?;
        if number.is_null() {
            return Err(Failed);
        }
        // SAFETY: both are live.
        non_null(unsafe { BN_copy(copy.0.as_ptr(), number) })?;
        Ok(copy)
    }

    /// Big-endian bytes without leading zeros (none for zero).
    pub(crate) fn to_bytes(&self) -> Blob {
        // SAFETY: a live number.
        let len = unsafe { BN_num_bytes(self.0.as_ptr()) } as usize;
        self.to_padded(len).unwrap_or_default()
    }

    /// Big-endian bytes, `len` of them; fails if it takes more.
    pub(crate) fn to_padded(&self, len: usize) -> Result<Blob, Failed> {
        let mut bytes = Blob::zeroed(len);
        // SAFETY: `bytes` has room for `len` bytes.
        check(unsafe { BN_bn2bin_padded(bytes.as_mut_ptr(), len, self.0.as_ptr()) })?;
        Ok(bytes)
    }

    pub(crate) fn bits(&self) -> u32 {
        // SAFETY: a live number.
        unsafe { BN_num_bits(self.0.as_ptr()) }
    }

    pub(crate) fn is_odd(&self) -> bool {
        // SAFETY: a live number.
        unsafe { BN_is_odd(self.0.as_ptr()) == 1 }
    }

    pub(crate) fn is_one(&self) -> bool {
        // SAFETY: a live number.
        unsafe { BN_is_one(self.0.as_ptr()) == 1 }
    }

    pub(crate) fn minus(&self, small: u64) -> Result<Self, Failed> {
        // SAFETY: `self` is live.
        let difference = unsafe { Self::copied(self.0.as_ptr()) }?;
        // SAFETY: a live number of ours.
        check(unsafe { BN_sub_word(difference.0.as_ptr(), small) })?;
        Ok(difference)
    }

    pub(crate) fn plus(&self, other: &Self) -> Result<Self, Failed> {
        let sum = Self::zero()?;
        // SAFETY: all are live.
        check(unsafe { BN_add(sum.0.as_ptr(), self.0.as_ptr(), other.0.as_ptr()) })?;
        Ok(sum)
    }

    /// The difference; `other` mustn't be more.
    pub(crate) fn less(&self, other: &Self) -> Result<Self, Failed> {
        let difference = Self::zero()?;
        // SAFETY: all are live.
        check(unsafe { BN_sub(difference.0.as_ptr(), self.0.as_ptr(), other.0.as_ptr()) })?;
        Ok(difference)
    }

    pub(crate) fn halved(&self) -> Result<Self, Failed> {
        let half = Self::zero()?;
        // SAFETY: both are live.
        check(unsafe { BN_rshift1(half.0.as_ptr(), self.0.as_ptr()) })?;
        Ok(half)
    }

    pub(crate) fn times(&self, other: &Self) -> Result<Self, Failed> {
        let (product, context) = (Self::zero()?, Context::new()?);
        // SAFETY: all are live.
        check(unsafe { BN_mul(product.0.as_ptr(), self.0.as_ptr(), other.0.as_ptr(), context.0.as_ptr()) })?;
        Ok(product)
    }

    /// The quotient, rounded down.
    pub(crate) fn over(&self, divisor: &Self) -> Result<Self, Failed> {
        let (quotient, context) = (Self::zero()?, Context::new()?);
        // SAFETY: all are live; a null remainder isn't wanted; a zero divisor is refused by the engine.
        check(unsafe {
            BN_div(
                quotient.0.as_ptr(),
                ptr::null_mut(),
                self.0.as_ptr(),
                divisor.0.as_ptr(),
                context.0.as_ptr(),
            )
        })?;
        Ok(quotient)
    }

    pub(crate) fn modulo(&self, modulus: &Self) -> Result<Self, Failed> {
        let (rest, context) = (Self::zero()?, Context::new()?);
        // SAFETY: all are live; a zero modulus is refused by the engine.
        check(unsafe { BN_nnmod(rest.0.as_ptr(), self.0.as_ptr(), modulus.0.as_ptr(), context.0.as_ptr()) })?;
        Ok(rest)
    }

    pub(crate) fn times_modulo(&self, other: &Self, modulus: &Self) -> Result<Self, Failed> {
        let (product, context) = (Self::zero()?, Context::new()?);
        // SAFETY: all are live; a zero modulus is refused by the engine.
        check(unsafe {
            BN_mod_mul(
                product.0.as_ptr(),
                self.0.as_ptr(),
                other.0.as_ptr(),
                modulus.0.as_ptr(),
                context.0.as_ptr(),
            )
        })?;
        Ok(product)
    }

    /// `self` to the power of `exponent`, in time that doesn't depend on either; the modulus must be
    /// odd and more than `self`.
    pub(crate) fn power_modulo(&self, exponent: &Self, modulus: &Self) -> Result<Self, Failed> {
        let (power, context) = (Self::zero()?, Context::new()?);
        // SAFETY: all are live; without a Montgomery context the engine makes one.
        check(unsafe {
            BN_mod_exp_mont_consttime(
                power.0.as_ptr(),
                self.0.as_ptr(),
                exponent.0.as_ptr(),
                modulus.0.as_ptr(),
                context.0.as_ptr(),
                ptr::null(),
            )
        })?;
        Ok(power)
    }

    pub(crate) fn common_divisor(&self, other: &Self) -> Result<Self, Failed> {
        let (divisor, context) = (Self::zero()?, Context::new()?);
        // SAFETY: all are live.
        check(unsafe { BN_gcd(divisor.0.as_ptr(), self.0.as_ptr(), other.0.as_ptr(), context.0.as_ptr()) })?;
        Ok(divisor)
    }

    /// For calls that read the number or, where they say so, take it over.
    pub(super) fn as_ptr(&self) -> *mut BIGNUM {
        self.0.as_ptr()
    }

    /// Gives the number away.
    pub(super) fn into_raw(self) -> *mut BIGNUM {
        let number = self.0.as_ptr();
        std::mem::forget(self);
        number
    }

    fn zero() -> Result<Self, Failed> {
        // SAFETY: no preconditions.
        non_null(unsafe { BN_new() }).map(Self)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        // SAFETY: both are live.
        unsafe { BN_cmp(self.0.as_ptr(), other.0.as_ptr()) }.cmp(&0)
    }
}

/// Scratch space for arithmetic.
struct Context(NonNull<BN_CTX>);

impl Context {
    fn new() -> Result<Self, Failed> {
        // SAFETY: no preconditions.
        non_null(unsafe { BN_CTX_new() }).map(Self)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { BN_CTX_free(self.0.as_ptr()) }
    }
}
