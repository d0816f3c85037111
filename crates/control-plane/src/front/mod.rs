//! One call, from the bytes of its request to those of its answer. No sockets here: [`crate::server`] has them.

mod access;
mod check;
mod dispatch;
mod model;
mod protocol;
mod repeats;
mod scope;
mod signature;
mod tokens;

use std::sync::Arc;

use hyper::HeaderMap;
use rand::RngExt;
use serde_json::Value;

pub(crate) use self::access::Access;
use self::dispatch::Operation;
pub(crate) use self::protocol::Protocol;
use self::repeats::Repeats;
use crate::{ApiError, Caller, Operations};

/// A request, complete.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// What goes back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) protocol: Protocol,
    /// The exception's name, if it's one.
    pub(crate) error: Option<&'static str>,
    pub(crate) body: Vec<u8>,
}

/// Why a call got no further than the front, or what an operation said.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) name: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into() }
    }

    fn unreadable(message: impl Into<String>) -> Self {
        Self::new(400, "SerializationException", message)
    }

    fn unknown_operation(message: impl Into<String>) -> Self {
        Self::new(400, "UnknownOperationException", message)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::new(error.kind.status(), error.kind.name(), error.message)
    }
}

/// What answers calls.
pub(crate) struct Front {
    access: Access,
    repeats: Repeats,
    operations: Arc<dyn Operations>,
}

impl Front {
    pub(crate) fn new(access: Access, operations: Arc<dyn Operations>) -> Self {
        Self { access, repeats: Repeats::default(), operations }
    }

    /// Answers a call. Blocks as long as the operation takes.
    pub(crate) fn answer(&self, call: &Call<'_>, request_id: &str) -> Answer {
        let protocol = Protocol::of(call.path, call.headers);
        self.attempt(call, protocol, request_id).unwrap_or_else(|refusal| {
            tracing::info!(request_id, error = refusal.name, message = refusal.message, "call refused");
            refused(protocol, &refusal)
        })
    }

    fn attempt(&self, call: &Call<'_>, protocol: Protocol, request_id: &str) -> Result<Answer, Refusal> {
        let caller = self.access.admit(call, request_id)?;
        let operation = protocol.operation(call)?;
        let mut input = protocol.read(call.body)?;
        check::check(operation.input(), &mut input)
            .map_err(|problems| ApiError::invalid(format!("{}: {problems}", operation.name())))?;
        let repeat = operation.changes().then(|| repeats::Key::of(call, &caller, operation)).flatten();
        self.repeats.once(repeat, || self.perform(operation, &caller, input, protocol))
    }

    fn perform(
        &self,
        operation: Operation,
        caller: &Caller,
        input: Value,
        protocol: Protocol,
    ) -> Result<Answer, Refusal> {
        let outcome = operation.perform(self.operations.as_ref(), caller, input, protocol);
        tracing::info!(
            request_id = caller.request_id,
            operation = operation.name(),
            account = %caller.account,
            region = %caller.region,
            error = outcome.as_ref().err().map(|error| error.kind.name()),
            "call"
        );
        let body = outcome?;
        Ok(Answer { status: 200, protocol, error: None, body })
    }
}

/// A refusal as an answer.
pub(crate) fn refused(protocol: Protocol, refusal: &Refusal) -> Answer {
    let body = protocol.error(refusal.name, &refusal.message);
    Answer { status: refusal.status, protocol, error: Some(refusal.name), body }
}

/// A new request id: a random UUID.
pub(crate) fn request_id() -> String {
    let random = rand::rng().random::<u128>();
    let uuid = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{uuid:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
