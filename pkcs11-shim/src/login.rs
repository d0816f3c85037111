//! Logging in and out, and passwords.

use cryptoki_sys::{CK_SESSION_HANDLE, CK_SLOT_ID, CK_USER_TYPE};
use strongroom_model::{Result, ReturnCode};

use crate::abi::In;
use crate::module::Module;

/// `C_Login`.
pub(crate) fn login(
    module: &Module,
    session: CK_SESSION_HANDLE,
    _user: CK_USER_TYPE,
    pin: In<'_>,
) -> Result<()> {
    module.session(session)?;
    pin.bytes()?;
    Err(ReturnCode::TOKEN_NOT_PRESENT.into())
}

/// `C_Logout`.
pub(crate) fn logout(module: &Module, session: CK_SESSION_HANDLE) -> Result<()> {
    module.session(session)?.client().logout()
}

/// `C_InitToken`.
pub(crate) fn init_token(module: &Module, slot: CK_SLOT_ID, _pin: In<'_>, _label: In<'_>) -> Result<()> {
    module.slot(slot)?;
    Err(ReturnCode::TOKEN_NOT_PRESENT.into())
}

/// `C_InitPIN`.
pub(crate) fn init_pin(module: &Module, session: CK_SESSION_HANDLE, _pin: In<'_>) -> Result<()> {
    module.session(session)?;
    Err(ReturnCode::TOKEN_NOT_PRESENT.into())
}

/// `C_SetPIN`.
pub(crate) fn set_pin(module: &Module, session: CK_SESSION_HANDLE, _old: In<'_>, _new: In<'_>) -> Result<()> {
    module.session(session)?;
    Err(ReturnCode::TOKEN_NOT_PRESENT.into())
}
