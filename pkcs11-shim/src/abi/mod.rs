//! The C ABI: the one macro that makes every entry point, and what passes through it.

mod functions;
mod input;
mod interfaces;
mod lists;
mod messages;
mod newer;
mod output;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use cryptoki_sys::{CK_RV, CK_SESSION_HANDLE};
use strongroom_model::{Error, Result, ReturnCode};

use crate::log::{self, Level};
use crate::module::Module;
use crate::state;

pub(crate) use input::{Block, In, Src};
pub(crate) use output::{Dest, List, Out, Room};

/// Makes entry points. `with` ones answer `CKR_CRYPTOKI_NOT_INITIALIZED` before `C_Initialize` and
/// get the module; `beyond(session)` ones also answer `CKR_FUNCTION_NOT_SUPPORTED` in sessions with a
/// cluster whose vendor's module doesn't have them; `bare` ones work without `C_Initialize`. The body is evaluated
/// inside `unsafe`: it may make [`In`], [`Out`], [`Src`], [`Dest`] and templates of the arguments, on the
/// caller's word.
macro_rules! entry_points {
    ($($(#[$doc:meta])* $kind:ident $(($session:ident))? fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:expr;)*) => {
        $(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// The caller keeps to PKCS#11: each pointer is null or points to memory of the type and
        /// length that the standard says, which nobody else changes during the call.
        #[unsafe(no_mangle)]
        #[allow(non_snake_case, unused_unsafe)]
        pub(crate) unsafe extern "C" fn $name($($argument: $type),*) -> cryptoki_sys::CK_RV {
            // SAFETY: the constructors used in bodies demand what PKCS#11 demands of the caller.
            $crate::abi::$kind(stringify!($name), $($session,)? unsafe { $body })
        }
        )*
    };
}
pub(crate) use entry_points;

/// Runs the body of an entry point that the vendor's module lacks, in a session.
pub(crate) fn beyond(
    name: &'static str,
    session: CK_SESSION_HANDLE,
    body: impl FnOnce(&Module) -> Result<()>,
) -> CK_RV {
    with(name, |module| {
        module.session(session)?.slot().must_go_beyond_cloudhsm(name)?;
        body(module)
    })
}

/// Runs the body of an entry point that needs the module to be initialised.
pub(crate) fn with(name: &'static str, body: impl FnOnce(&Module) -> Result<()>) -> CK_RV {
    bare(name, || body(&*state::module()?))
}

/// Runs the body of an entry point that works before `C_Initialize`.
pub(crate) fn bare(name: &'static str, body: impl FnOnce() -> Result<()>) -> CK_RV {
    let started = log::enabled(Level::Trace).then(Instant::now);
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(Error::new(ReturnCode::GENERAL_ERROR, "this is a bug in the module; the line before says where"))
    });
    let code = match &result {
        Ok(()) => ReturnCode::OK,
        Err(error) => {
            log::failure(name, error);
            error.code
        }
    };
    if let Some(started) = started {
        log::write(Level::Trace, format_args!("{name} -> {code} in {:?}", started.elapsed()));
    }
    code.0
}
