//! What the entry points on messages call. An error ends a message, but not that there are many of them.

use cryptoki_sys::{CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use strongroom_model::{Handle, Result, ReturnCode};
use strongroom_wire::StreamKind;

use super::lengths::Direction;
use super::message_signing::Signers;
use super::messages::Messages;
use super::{After, Nodes, begin, begin_unparsed};
use crate::abi::{Block, In, Out, Src};
use crate::module::Module;
use crate::sync::lock;

/// Functions that begin something with messages of a kind (the field of [`super::Operations`]).
macro_rules! inits {
    ($($name:ident => $kind:ident by $begin:ident |$nodes:ident, $mechanism:ident, $key:ident| $new:expr;)*) => {$(
        pub(crate) fn $name(
            module: &Module,
            session: CK_SESSION_HANDLE,
            mechanism: Src<CK_MECHANISM>,
            key: CK_OBJECT_HANDLE,
        ) -> Result<()> {
            let session = module.session(session)?;
            let ($nodes, $key): (&dyn Nodes, _) = (&*session, Handle(key));
            $begin(&mut lock(&session.ops).$kind, $nodes, mechanism, |$mechanism| $new)
        }
    )*};
}

inits! {
    message_encrypt_init => message_encrypt by begin_unparsed |nodes, mechanism, key|
        Messages::new(nodes, Direction::Encrypt, mechanism, key);
    message_decrypt_init => message_decrypt by begin_unparsed |nodes, mechanism, key|
        Messages::new(nodes, Direction::Decrypt, mechanism, key);
    message_sign_init => message_sign by begin |nodes, parsed, key|
        Signers::new(nodes, StreamKind::Sign, parsed, key);
    message_verify_init => message_verify by begin |nodes, parsed, key|
        Signers::new(nodes, StreamKind::Verify, parsed, key);
}

/// Functions that do something to a message.
macro_rules! steps {
    ($($name:ident($($argument:ident: $type:ty),*) => $kind:ident |$running:ident, $nodes:ident| $call:expr;)*) => {$(
        pub(crate) fn $name(
            module: &Module,
            session: CK_SESSION_HANDLE,
            $($argument: $type,)*
        ) -> Result<()> {
            let session = module.session(session)?;
            let $nodes: &dyn Nodes = &*session;
            let slot = &mut lock(&session.ops).$kind;
            let $running = slot.as_mut().ok_or(ReturnCode::OPERATION_NOT_INITIALIZED)?;
            $call.map(|_| ())
        }
    )*};
}

steps! {
    encrypt_message(parameter: Block, associated: In<'_>, data: In<'_>, out: Out) => message_encrypt
        |running, nodes| running.whole(nodes, parameter, [associated, data], &out);
    encrypt_message_begin(parameter: Block, associated: In<'_>) => message_encrypt
        |running, nodes| running.begin(nodes, parameter, associated);
    encrypt_message_next(parameter: Block, part: In<'_>, out: Out, last: bool) => message_encrypt
        |running, nodes| running.next(nodes, parameter, part, &out, last);
    decrypt_message(parameter: Block, associated: In<'_>, data: In<'_>, out: Out) => message_decrypt
        |running, nodes| running.whole(nodes, parameter, [associated, data], &out);
    decrypt_message_begin(parameter: Block, associated: In<'_>) => message_decrypt
        |running, nodes| running.begin(nodes, parameter, associated);
    decrypt_message_next(parameter: Block, part: In<'_>, out: Out, last: bool) => message_decrypt
        |running, nodes| running.next(nodes, parameter, part, &out, last);
    sign_message(parameter: Block, data: In<'_>, out: Out) => message_sign
        |running, nodes| running.sign(nodes, parameter, data, &out);
    sign_message_begin(parameter: Block) => message_sign |running, _nodes| running.begin(parameter);
    sign_message_next(parameter: Block, part: In<'_>, out: Out) => message_sign
        |running, nodes| running.sign_next(nodes, parameter, part, &out);
    verify_message(parameter: Block, data: In<'_>, signature: In<'_>) => message_verify
        |running, nodes| running.verify(nodes, parameter, data, signature);
    verify_message_begin(parameter: Block) => message_verify |running, _nodes| running.begin(parameter);
    verify_message_next(parameter: Block, part: In<'_>, signature: In<'_>) => message_verify
        |running, nodes| running.verify_next(nodes, parameter, part, signature);
}

/// Functions after which there are no more messages.
macro_rules! finals {
    ($($name:ident => $kind:ident;)*) => {$(
        pub(crate) fn $name(module: &Module, session: CK_SESSION_HANDLE) -> Result<()> {
            let session = module.session(session)?;
            let slot = &mut lock(&session.ops).$kind;
            if let After::Over = slot.as_mut().ok_or(ReturnCode::OPERATION_NOT_INITIALIZED)?.last()? {
                *slot = None;
            }
            Ok(())
        }
    )*};
}

finals! {
    message_encrypt_final => message_encrypt;
    message_decrypt_final => message_decrypt;
    message_sign_final => message_sign;
    message_verify_final => message_verify;
}
