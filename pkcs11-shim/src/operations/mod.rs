//! Cryptographic operations: what a session has under way, and the functions that work on it.

use cryptoki_sys::{CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use strongroom_model::{Result, ReturnCode};

use crate::abi::{Dest, In, Out, Room, Src};
use crate::module::Module;
use crate::template::Template;

/// What a session has under way.
#[derive(Default)]
pub(crate) struct Operations {}

macro_rules! pending {
    ($($name:ident($($type:ty),*);)*) => {$(
        pub(crate) fn $name(module: &Module, session: CK_SESSION_HANDLE $(, _: $type)*) -> Result<()> {
            module.session(session)?;
            Err(ReturnCode::FUNCTION_NOT_SUPPORTED.into())
        }
    )*};
}

pending! {
    encrypt_init(Src<CK_MECHANISM>, CK_OBJECT_HANDLE);
    encrypt(In<'_>, Out);
    encrypt_update(In<'_>, Out);
    encrypt_final(Out);
    decrypt_init(Src<CK_MECHANISM>, CK_OBJECT_HANDLE);
    decrypt(In<'_>, Out);
    decrypt_update(In<'_>, Out);
    decrypt_final(Out);
    digest_init(Src<CK_MECHANISM>);
    digest(In<'_>, Out);
    digest_update(In<'_>);
    digest_key(CK_OBJECT_HANDLE);
    digest_final(Out);
    sign_init(Src<CK_MECHANISM>, CK_OBJECT_HANDLE);
    sign(In<'_>, Out);
    sign_update(In<'_>);
    sign_final(Out);
    verify_init(Src<CK_MECHANISM>, CK_OBJECT_HANDLE);
    verify(In<'_>, In<'_>);
    verify_update(In<'_>);
    verify_final(In<'_>);
    generate_key(Src<CK_MECHANISM>, Template<'_>, Dest<CK_OBJECT_HANDLE>);
    generate_key_pair(
        Src<CK_MECHANISM>, Template<'_>, Template<'_>, Dest<CK_OBJECT_HANDLE>, Dest<CK_OBJECT_HANDLE>
    );
    wrap_key(Src<CK_MECHANISM>, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE, Out);
    unwrap_key(Src<CK_MECHANISM>, CK_OBJECT_HANDLE, In<'_>, Template<'_>, Dest<CK_OBJECT_HANDLE>);
    derive_key(Src<CK_MECHANISM>, CK_OBJECT_HANDLE, Template<'_>, Dest<CK_OBJECT_HANDLE>);
    seed_random(In<'_>);
    generate_random(Room);
}
