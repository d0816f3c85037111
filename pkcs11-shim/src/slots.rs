//! Slots, tokens and mechanisms.

use cryptoki_sys::{
    CK_INFO, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_SLOT_ID, CK_SLOT_INFO, CK_TOKEN_INFO, CK_VERSION,
};
use strongroom_model::{Result, ReturnCode};

use crate::abi::{Dest, List};
use crate::module::Module;

/// For `C_GetInfo`.
pub(crate) fn module_info() -> CK_INFO {
    CK_INFO {
        cryptokiVersion: CK_VERSION { major: 2, minor: 40 },
        manufacturerID: padded("Strongroom"),
        flags: 0,
        libraryDescription: padded("Strongroom software HSM cluster"),
        libraryVersion: CK_VERSION { major: 0, minor: 1 },
    }
}

/// `C_GetSlotList`.
pub(crate) fn list(module: &Module, _present: bool, list: List<CK_SLOT_ID>) -> Result<()> {
    let ids: Vec<_> = module.slots().iter().map(|slot| slot.id() as CK_SLOT_ID).collect();
    list.fill(&ids)
}

/// `C_GetSlotInfo`.
pub(crate) fn slot_info(module: &Module, slot: CK_SLOT_ID, _info: Dest<CK_SLOT_INFO>) -> Result<()> {
    module.slot(slot)?;
    Err(ReturnCode::TOKEN_NOT_PRESENT.into())
}

/// `C_GetTokenInfo`.
pub(crate) fn token_info(module: &Module, slot: CK_SLOT_ID, _info: Dest<CK_TOKEN_INFO>) -> Result<()> {
    module.slot(slot)?;
    Err(ReturnCode::TOKEN_NOT_PRESENT.into())
}

/// `C_GetMechanismList`.
pub(crate) fn mechanisms(module: &Module, slot: CK_SLOT_ID, list: List<CK_MECHANISM_TYPE>) -> Result<()> {
    module.slot(slot)?;
    list.fill(&[])
}

/// `C_GetMechanismInfo`.
pub(crate) fn mechanism_info(
    module: &Module,
    slot: CK_SLOT_ID,
    _kind: CK_MECHANISM_TYPE,
    _info: Dest<CK_MECHANISM_INFO>,
) -> Result<()> {
    module.slot(slot)?;
    Err(ReturnCode::MECHANISM_INVALID.into())
}

/// A text padded with spaces, cut if it's too long.
fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    field
}
