//! Objects: making, changing, reading and finding them.

use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};
use strongroom_model::{Result, ReturnCode};

use crate::abi::Dest;
use crate::module::Module;
use crate::template::{AttributeQuery, Template};

macro_rules! pending {
    ($($name:ident($($type:ty),*);)*) => {$(
        pub(crate) fn $name(module: &Module, session: CK_SESSION_HANDLE $(, _: $type)*) -> Result<()> {
            module.session(session)?;
            Err(ReturnCode::FUNCTION_NOT_SUPPORTED.into())
        }
    )*};
}

pending! {
    create(Template<'_>, Dest<CK_OBJECT_HANDLE>);
    copy(CK_OBJECT_HANDLE, Template<'_>, Dest<CK_OBJECT_HANDLE>);
    destroy(CK_OBJECT_HANDLE);
    size(CK_OBJECT_HANDLE, Dest<CK_ULONG>);
    get_attributes(CK_OBJECT_HANDLE, AttributeQuery);
    set_attributes(CK_OBJECT_HANDLE, Template<'_>);
    find_init(Template<'_>);
    find(Dest<CK_OBJECT_HANDLE>, CK_ULONG, Dest<CK_ULONG>);
    find_final();
}
