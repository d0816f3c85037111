//! The two ways in which calls are written: AWS JSON 1.1, and Smithy RPC v2 in CBOR.

use ciborium::Value as Cbor;
use hyper::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::dispatch::Operation;
use super::{Call, Refusal};
use crate::ApiError;

/// A wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `X-Amz-Target: BaldrApiService.Operation`, JSON in and out.
    Json,
    /// `POST /service/BaldrApiService/operation/Operation`, CBOR in and out.
    Cbor,
}

/// What comes before the operation's name in `X-Amz-Target`.
const TARGET: &str = "BaldrApiService.";
/// The namespace of the model's shapes; the exceptions of CBOR answers are named with it.
const NAMESPACE: &str = "com.amazonaws.cloudhsmv2#";
/// The value of the header `smithy-protocol`.
pub(crate) const SMITHY: &str = "rpc-v2-cbor";
/// How deep documents nest; the API's own nest four deep.
const MAX_DEPTH: usize = 32;

impl Protocol {
    /// Which protocol a request speaks.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        if path.starts_with("/service/") || headers.contains_key("smithy-protocol") {
            Self::Cbor
        } else {
            Self::Json
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/cbor",
        }
    }

    /// Which operation is called.
    pub(super) fn operation(self, call: &Call<'_>) -> Result<Operation, Refusal> {
        if call.method != "POST" {
            return Err(Refusal::unknown_operation(format!(
                "Every call is a POST, and this is a {}. Point an AWS client at this address.",
                shown(call.method)
            )));
        }
        let name = match self {
            Self::Json => json_target(call)?,
            Self::Cbor => cbor_target(call)?,
        };
        Operation::named(name).ok_or_else(|| {
            Refusal::unknown_operation(format!("The API cloudhsmv2 has no operation {}.", shown(name)))
        })
    }

    /// The request's document.
    pub(super) fn read(self, body: &[u8]) -> Result<Value, Refusal> {
        if body.is_empty() {
            return Ok(Value::Object(Map::new()));
        }
        let document = match self {
            Self::Json => serde_json::from_slice(body)
                .map_err(|error| Refusal::unreadable(format!("The body is not JSON: {error}.")))?,
            Self::Cbor => read_cbor(body)?,
        };
        match document {
            Value::Object(_) => Ok(document),
            _ => Err(Refusal::unreadable("The body must be one object with the operation's members.")),
        }
    }

    /// An answer's document.
    pub(super) fn write<T: Serialize>(self, document: &T) -> Result<Vec<u8>, ApiError> {
        match self {
            Self::Json => serde_json::to_vec(document).map_err(|error| error.to_string()),
            Self::Cbor => {
                let mut body = Vec::new();
                ciborium::into_writer(document, &mut body).map(|()| body).map_err(|error| error.to_string())
            }
        }
        .map_err(|error| ApiError::internal(format!("The answer can't be written: {error}.")))
    }

    /// An exception's document. Clients read either spelling of the message.
    pub(super) fn error(self, name: &str, message: &str) -> Vec<u8> {
        let (kind, prefix) = ("__type", if self == Self::Cbor { NAMESPACE } else { "" });
        let document = Value::from_iter([
            (kind, format!("{prefix}{name}")),
            ("Message", message.to_owned()),
            ("message", message.to_owned()),
        ]);
        self.write(&document).unwrap_or_default()
    }
}

fn json_target<'a>(call: &Call<'a>) -> Result<&'a str, Refusal> {
    let unknown = |what: &str| {
        Refusal::unknown_operation(format!(
            "{what} A call is a POST to / with X-Amz-Target: {TARGET}OPERATION, or one to \
             /service/BaldrApiService/operation/OPERATION with smithy-protocol: {SMITHY}."
        ))
    };
    if call.path != "/" {
        return Err(unknown("There is nothing at this path."));
    }
    let target =
        call.headers.get("x-amz-target").ok_or_else(|| unknown("The header X-Amz-Target is missing."))?;
    let target = target.to_str().map_err(|_| unknown("The header X-Amz-Target is not text."))?;
    target.strip_prefix(TARGET).ok_or_else(|| unknown("The header X-Amz-Target is not for this service."))
}

/// Web pages can't send the header without this server's leave, which it doesn't give: so it's demanded.
fn cbor_target<'a>(call: &Call<'a>) -> Result<&'a str, Refusal> {
    if call.headers.get("smithy-protocol").is_none_or(|value| value != SMITHY) {
        return Err(Refusal::unknown_operation(format!("The header smithy-protocol must be {SMITHY}.")));
    }
    match call.path.split('/').collect::<Vec<_>>()[..] {
        ["", "service", _, "operation", name] => Ok(name),
        _ => Err(Refusal::unknown_operation(
            "The path must be /service/BaldrApiService/operation/OPERATION.".to_owned(),
        )),
    }
}

fn read_cbor(body: &[u8]) -> Result<Value, Refusal> {
    let mut rest = body;
    let value: Cbor = ciborium::de::from_reader_with_recursion_limit(&mut rest, MAX_DEPTH)
        .map_err(|error| Refusal::unreadable(format!("The body is not CBOR: {}.", cbor_fault(&error))))?;
    if !rest.is_empty() {
        return Err(Refusal::unreadable("The body goes on after its one CBOR map."));
    }
    plain(value)
}

fn cbor_fault(error: &ciborium::de::Error<std::io::Error>) -> String {
    match error {
        ciborium::de::Error::Io(_) => "it ends too early".to_owned(),
        ciborium::de::Error::Syntax(at) => format!("bad byte at {at}"),
        ciborium::de::Error::Semantic(_, what) => what.clone(),
        ciborium::de::Error::RecursionLimitExceeded => "it nests too deep".to_owned(),
    }
}

/// CBOR as what JSON would have been. No member of a request takes bytes, so they become what no member takes.
fn plain(value: Cbor) -> Result<Value, Refusal> {
    Ok(match value {
        Cbor::Bool(yes) => Value::Bool(yes),
        Cbor::Integer(number) => whole(i128::from(number)),
        Cbor::Float(number) => Number::from_f64(number).map_or(Value::Array(Vec::new()), Value::Number),
        Cbor::Text(text) => Value::String(text),
        Cbor::Bytes(_) => Value::Array(vec![Value::Array(Vec::new())]),
        Cbor::Tag(_, inner) => plain(*inner)?,
        Cbor::Array(items) => Value::Array(items.into_iter().map(plain).collect::<Result<_, _>>()?),
        Cbor::Map(members) => {
            let member = |(key, value)| match key {
                Cbor::Text(key) => Ok((key, plain(value)?)),
                _ => Err(Refusal::unreadable("The keys of CBOR maps must be text.")),
            };
            Value::Object(members.into_iter().map(member).collect::<Result<_, _>>()?)
        }
        _ => Value::Null,
    })
}

fn whole(number: i128) -> Value {
    i64::try_from(number).map(Value::from).or_else(|_| u64::try_from(number).map(Value::from)).unwrap_or_else(
        |_| {
            // Beyond 64 bits nothing is asked of numbers but to be refused.
            Value::from(i64::MIN)
        },
    )
}

/// A caller's text in a message: not too long, and nothing in it that could be taken for something else.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", &text[..end]),
    }
}
