//! Asynchronous operations (PKCS#11 3.2 section 5.21), which there are none of: `C_OpenSession` refuses `CKF_ASYNC_SESSION`,
//! so that no function is ever pending. These functions answer what the standard has for that.

use cryptoki_sys::{CK_ULONG, CK_UTF8CHAR};
use strongroom_model::{Error, Result, ReturnCode};

use crate::abi::{Dest, Src};

/// `C_AsyncComplete`.
pub(crate) fn async_complete(function: Src<CK_UTF8CHAR>) -> Result<()> {
    function.demand()?;
    Err(none_pending())
}

/// `C_AsyncGetID`.
pub(crate) fn async_id(function: Src<CK_UTF8CHAR>, id: &Dest<CK_ULONG>) -> Result<()> {
    function.demand()?;
    id.check()?;
    Err(none_pending())
}

/// `C_AsyncJoin`.
pub(crate) fn async_join(function: Src<CK_UTF8CHAR>) -> Result<()> {
    function.demand()?;
    Err(Error::new(ReturnCode::SAVED_STATE_INVALID, "no operation has an ID, since none is asynchronous"))
}

fn none_pending() -> Error {
    let message = "no function is pending, since sessions aren't asynchronous";
    Error::new(ReturnCode::OPERATION_NOT_INITIALIZED, message)
}
