//! Templates: arrays of `CK_ATTRIBUTE` in the caller's memory.

use std::marker::PhantomData;

use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG};
use strongroom_model::{Attributes, Result, ReturnCode};

/// Attributes that the caller passes in.
#[derive(Clone, Copy)]
pub(crate) struct Template<'a> {
    start: *const CK_ATTRIBUTE,
    count: CK_ULONG,
    life: PhantomData<&'a [u8]>,
}

impl Template<'_> {
    /// # Safety
    ///
    /// If `start` isn't null, `count` attributes can be read there, each with the bytes it points to.
    pub(crate) const unsafe fn new(start: *const CK_ATTRIBUTE, count: CK_ULONG) -> Self {
        Self { start, count, life: PhantomData }
    }

    /// The attributes, for making or changing an object.
    pub(crate) fn attributes(&self) -> Result<Attributes> {
        if self.start.is_null() && self.count > 0 {
            return Err(ReturnCode::ARGUMENTS_BAD.into());
        }
        Ok(Attributes::new())
    }
}

/// Attributes that the caller asks for.
pub(crate) struct AttributeQuery {
    start: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
}

impl AttributeQuery {
    /// # Safety
    ///
    /// If `start` isn't null, `count` attributes can be read and written there, each with a null
    /// pointer or a buffer of the length it says.
    pub(crate) const unsafe fn new(start: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Self {
        Self { start, count }
    }
}
