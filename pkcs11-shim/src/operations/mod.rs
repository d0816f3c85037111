//! Cryptographic operations: what a session has under way, and the functions that work on it.
//!
//! An `Init` is answered from what is known of the key; the work is one message to a node, sent when
//! the last part of the data is in. Hashes are computed here. What is long goes to one node in parts.

mod asynchronous;
mod authenticated;
mod calls;
mod ciphering;
mod digesting;
mod drawn;
mod dual;
mod hasher;
mod keyed;
mod keys;
mod lengths;
mod message_calls;
mod message_signing;
mod messages;
mod nonces;
mod pledged;
mod recovering;
mod saved;
mod signing;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cryptoki_sys::{CK_FLAGS, CK_MECHANISM};
use strongroom_client::Route;
use strongroom_model::{
    Attributes, Handle, MechanismType, NodeId, ObjectInfo, Profile, Quirk, Result, ReturnCode,
};
use strongroom_wire::{MechanismEntry, Request, Response};

use crate::abi::Src;
use crate::params::{self, Parsed, Places};
use crate::session::Session;

pub(crate) use asynchronous::*;
pub(crate) use calls::*;
pub(crate) use dual::*;
pub(crate) use lengths::mac_len;
pub(crate) use message_calls::*;
pub(crate) use saved::*;

use ciphering::Ciphering;
use digesting::Digesting;
use message_signing::Signers;
use messages::Messages;
use pledged::Pledged;
use recovering::Recovering;
use signing::Signing;

/// Makes [`Operations`]: each kind of operation with the flag that `C_SessionCancel` calls it by.
macro_rules! operations {
    ($($kind:ident: $type:ty = $flag:ident;)*) => {
        /// What a session has under way: at most one operation of each kind.
        #[derive(Default)]
        pub(crate) struct Operations {
            $($kind: Option<$type>,)*
        }

        impl Operations {
            /// What a forked child makes of its copy of these.
            pub(crate) fn in_child(self) -> Self {
                Self { $($kind: self.$kind.filter(Running::survives_fork),)* }
            }

            /// The first key among those at work that wants a login for each use.
            pub(crate) fn wants_login(&self) -> Option<Handle> {
                [$(self.$kind.as_ref().and_then(Running::wants_login),)*].into_iter().flatten().next()
            }

            /// Gives up the operations that `flags` name.
            fn cancel(&mut self, nodes: &dyn Nodes, flags: CK_FLAGS) {
                $(
                if flags & cryptoki_sys::$flag != 0 && let Some(mut running) = self.$kind.take() {
                    running.abandon(nodes);
                }
                )*
            }
        }
    };
}

operations! {
    encrypt: Ciphering = CKF_ENCRYPT;
    decrypt: Ciphering = CKF_DECRYPT;
    digest: Digesting = CKF_DIGEST;
    sign: Signing = CKF_SIGN;
    sign_recover: Recovering = CKF_SIGN_RECOVER;
    verify: Signing = CKF_VERIFY;
    verify_recover: Recovering = CKF_VERIFY_RECOVER;
    verify_signature: Pledged = CKF_VERIFY;
    message_encrypt: Messages = CKF_MESSAGE_ENCRYPT;
    message_decrypt: Messages = CKF_MESSAGE_DECRYPT;
    message_sign: Signers = CKF_MESSAGE_SIGN;
    message_verify: Signers = CKF_MESSAGE_VERIFY;
}

impl Operations {
    /// Gives up everything.
    fn abandon(&mut self, nodes: &dyn Nodes) {
        self.cancel(nodes, CK_FLAGS::MAX);
    }

    /// Whether anything but a digest is under way.
    fn uses_a_key(&self) -> bool {
        let Self { digest: _, encrypt, decrypt, sign, sign_recover, verify, verify_recover, .. } = self;
        let Self { verify_signature, message_encrypt, message_decrypt, message_sign, message_verify, .. } =
            self;
        encrypt.is_some()
            || decrypt.is_some()
            || sign.is_some()
            || sign_recover.is_some()
            || verify.is_some()
            || verify_recover.is_some()
            || verify_signature.is_some()
            || message_encrypt.is_some()
            || message_decrypt.is_some()
            || message_sign.is_some()
            || message_verify.is_some()
    }
}

/// What operations need of the cluster.
trait Nodes {
    /// What is known of a key.
    ///
    /// # Errors
    ///
    /// `CKR_KEY_HANDLE_INVALID` if there is no such key, or nobody may see it.
    fn key(&self, handle: Handle) -> Result<Arc<ObjectInfo>>;

    /// Whether the cluster's profile is known to leave a mechanism out for this purpose. A node would say so, too, but only
    /// when it's used.
    fn lacks(&self, _mechanism: MechanismType, _purpose: CK_FLAGS) -> bool {
        false
    }

    /// Whether what signs digests takes them in one part only.
    fn wants_one_part(&self) -> bool {
        false
    }

    /// Has a node make objects of `templates` with the help of the objects in `uses`.
    ///
    /// # Errors
    ///
    /// `CKR_SESSION_READ_ONLY` for a token object in a read-only session; what the node says.
    fn make(&self, templates: &[&Attributes], uses: &[Handle], request: &Request) -> Result<Response>;

    /// Asks a node.
    fn call(&self, route: Route, request: &Request) -> Result<Response>;

    /// Asks a node, and tells which one answered.
    fn call_noting_node(&self, route: Route, request: &Request) -> Result<(NodeId, Response)>;
}

/// Whether an operation is over after a call that succeeded.
enum After {
    GoesOn,
    Over,
}

/// An operation that is under way.
trait Running {
    /// Whether a forked child can go on with a copy. What a node has begun stays with the parent.
    fn survives_fork(&self) -> bool {
        true
    }

    /// Gives up what a node has begun.
    fn abandon(&mut self, _nodes: &dyn Nodes) {}

    /// The key, if it wants a login for each use.
    fn wants_login(&self) -> Option<Handle> {
        None
    }
}

/// An `Init`. Without a mechanism it gives up the operation that is under way (PKCS#11 3.2 section 5.8.1).
fn begin<T: Running>(
    slot: &mut Option<T>,
    nodes: &dyn Nodes,
    mechanism: Src<CK_MECHANISM>,
    new: impl FnOnce(Parsed) -> Result<T>,
) -> Result<()> {
    begin_unparsed(slot, nodes, mechanism, |mechanism| new(parsed(mechanism)?))
}

/// As [`begin`], with a mechanism whose parameters are nobody's business here.
fn begin_unparsed<T: Running>(
    slot: &mut Option<T>,
    nodes: &dyn Nodes,
    mechanism: Src<CK_MECHANISM>,
    new: impl FnOnce(CK_MECHANISM) -> Result<T>,
) -> Result<()> {
    match (mechanism.get(), slot.as_mut()) {
        (Some(mechanism), None) => *slot = Some(new(mechanism)?),
        (Some(_), Some(_)) => return Err(ReturnCode::OPERATION_ACTIVE.into()),
        (None, Some(running)) => {
            running.abandon(nodes);
            *slot = None;
        }
        (None, None) => return Err(ReturnCode::ARGUMENTS_BAD.into()),
    }
    Ok(())
}

/// A call for an operation that is under way. Any error but a too small buffer ends it
/// (PKCS#11 3.2 section 5.2 and throughout).
fn step<T: Running>(
    slot: &mut Option<T>,
    nodes: &dyn Nodes,
    call: impl FnOnce(&mut T) -> Result<After>,
) -> Result<()> {
    let running = slot.as_mut().ok_or(ReturnCode::OPERATION_NOT_INITIALIZED)?;
    match call(running) {
        Ok(After::GoesOn) => Ok(()),
        Err(error) if error.code == ReturnCode::BUFFER_TOO_SMALL => Err(error),
        over => {
            running.abandon(nodes);
            *slot = None;
            over.map(|_| ())
        }
    }
}

/// What becomes of the message that comes in parts: its last part ends it, and any error but a too small buffer.
fn end_message<T: Running>(
    current: &mut Option<T>,
    nodes: &dyn Nodes,
    result: Result<After>,
) -> Result<After> {
    let goes_on = match &result {
        Ok(After::GoesOn) => true,
        Ok(After::Over) => false,
        Err(error) => error.code == ReturnCode::BUFFER_TOO_SMALL,
    };
    if !goes_on && let Some(mut ended) = current.take() {
        ended.abandon(nodes);
    }
    result
}

/// A mechanism with its parameters.
fn parsed(mechanism: CK_MECHANISM) -> Result<Parsed> {
    // SAFETY: by the contract of the entry points, the caller has filled it in as the standard says.
    unsafe { params::parse(mechanism) }
}

/// As [`parsed`], with the places that the parameters have for results.
fn parsed_with_places(mechanism: CK_MECHANISM) -> Result<(Parsed, Places)> {
    let known = parsed(mechanism)?;
    // SAFETY: as above.
    let places = unsafe { Places::of(mechanism, &known)? };
    Ok((known, places))
}

impl Nodes for Session {
    fn key(&self, handle: Handle) -> Result<Arc<ObjectInfo>> {
        self.key_info(handle)
    }

    fn lacks(&self, mechanism: MechanismType, purpose: CK_FLAGS) -> bool {
        // `standard` has all that this module knows, so that it needn't be asked.
        if self.slot().regime().profile == Profile::Standard {
            return false;
        }
        let has = |entry: &MechanismEntry| entry.kind == mechanism.0 && entry.flags & purpose != 0;
        self.slot().mechanisms().is_ok_and(|known| !known.iter().any(has))
    }

    fn wants_one_part(&self) -> bool {
        self.slot().regime().has(Quirk::OnePart)
    }

    fn make(&self, templates: &[&Attributes], uses: &[Handle], request: &Request) -> Result<Response> {
        templates.iter().try_for_each(|template| self.may_make(template))?;
        self.call_with(uses, request)
    }

    fn call(&self, route: Route, request: &Request) -> Result<Response> {
        Session::call(self, route, request)
    }

    fn call_noting_node(&self, route: Route, request: &Request) -> Result<(NodeId, Response)> {
        Session::call_noting_node(self, route, request)
    }
}
