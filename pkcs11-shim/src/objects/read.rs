//! `C_GetAttributeValue`: one question to a node for the whole template.

use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use strongroom_model::{AttributeType, Handle, Result, Value};
use strongroom_wire::{Answer, Request, Response};

use super::{ask, existing};
use crate::module::Module;
use crate::session::Session;
use crate::slot::unexpected;
use crate::sync::lock;
use crate::template::AttributeQuery;

/// Answers to a question for sizes. Clients ask for sizes first and for values next; the second question is
/// answered from here, once, if nothing is known to have changed since.
pub(crate) struct Answered {
    handle: Handle,
    edition: (u64, u64),
    answers: Vec<(AttributeType, Answer)>,
}

/// More bytes than this aren't kept for the second question.
const MAX_KEPT: usize = 16 * 1024;

/// `C_GetAttributeValue`.
pub(crate) fn get_attributes(
    module: &Module,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    query: AttributeQuery,
) -> Result<()> {
    let session = module.session(session)?;
    let handle = existing(object)?;
    let mut types = query.types()?;
    types.sort_unstable();
    types.dedup();
    let earlier = lock(&session.answered).take().filter(|earlier| earlier.serves(&session, handle, &types));
    let answered = match earlier {
        Some(answered) => answered,
        None => Answered::ask(&session, handle, types)?,
    };
    let result = query.answer(|kind| answered.to(kind).cloned());
    if query.asks_for_sizes() && answered.may_be_kept() {
        *lock(&session.answered) = Some(answered);
    }
    result
}

impl Answered {
    /// Asks a node; `types` are sorted.
    fn ask(session: &Session, handle: Handle, types: Vec<AttributeType>) -> Result<Self> {
        let edition = session.slot().edition();
        let request = Request::GetAttributes { handle, types };
        let response = ask(session, handle, &request)?;
        match (request, response) {
            (Request::GetAttributes { types, .. }, Response::Answers(answers))
                if types.len() == answers.len() =>
            {
                Ok(Self { handle, edition, answers: types.into_iter().zip(answers).collect() })
            }
            _ => Err(unexpected()),
        }
    }

    fn to(&self, kind: AttributeType) -> Option<&Answer> {
        let at = self.answers.binary_search_by_key(&kind, |(kind, _)| *kind).ok()?;
        Some(&self.answers[at].1)
    }

    fn serves(&self, session: &Session, handle: Handle, types: &[AttributeType]) -> bool {
        self.handle == handle
            && self.edition == session.slot().edition()
            && self.answers.iter().map(|(kind, _)| *kind).eq(types.iter().copied())
    }

    /// Key material isn't kept about, and neither is what takes much room.
    fn may_be_kept(&self) -> bool {
        let bytes = |answer: &Answer| match answer {
            Answer::Value(Value::Bytes(bytes)) => bytes.len(),
            _ => 0,
        };
        !self.answers.iter().any(|(kind, _)| kind.is_key_material())
            && self.answers.iter().map(|(_, answer)| bytes(answer)).sum::<usize>() <= MAX_KEPT
    }
}
