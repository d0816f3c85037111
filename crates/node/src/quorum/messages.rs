//! What is said when approvals are missing or wrong: the vendor's sentences where they're known (cloudhsm.md 3.2, 3.4, 3.6).

use strongroom_model::{Error, ReturnCode, Service, UserName};

/// Nothing came along, where officers must agree (cloudhsm.md 3.2).
const NEEDED: &str = "Quorum approval is required for this operation";
/// Nothing came along, for the use of a key (cloudhsm.md 3.6).
const FAILED: &str = "Quorum Failed";
/// A token that isn't there (used, deleted, another's), or a signature that isn't one (cloudhsm.md 3.6).
const INVALID_PAIR: &str = "Invalid username-signature pair for quorum authorization";
/// A value that there are too few users for, or that is out of range (cloudhsm.md 3.6).
const INVALID_VALUE: &str = "Invalid quorum value provided.";
/// What isn't `approval_data`, or too many signatures (cloudhsm.md 3.4).
const INVALID_SIGNATURE: &str = "InvalidQuorumSignature";
/// A token that nobody has signed (cloudhsm.md 3.4).
const UNSIGNED: &str = "No token signatures provided";

/// No approval came along.
pub(super) fn missing(service: Service) -> Error {
    rejected(if service == Service::KeyUsage { FAILED } else { NEEDED })
}

/// The token or one of its signatures is no good.
pub(super) fn invalid_pair() -> Error {
    rejected(INVALID_PAIR)
}

/// Whatever came along isn't an approval.
pub(super) fn malformed() -> Error {
    rejected(INVALID_SIGNATURE)
}

/// Nobody signed.
pub(super) fn unsigned() -> Error {
    rejected(UNSIGNED)
}

/// Good signatures, but not enough of them (cloudhsm.md 3.6).
pub(super) fn too_few(count: usize, needed: u8) -> Error {
    rejected(format!(
        "Too few quorum approvals: currently {count} approvals, but {needed} approvals required"
    ))
}

/// The requester's own token, of another service or key.
pub(super) fn mismatch(made_for: Service, used_for: Service) -> Error {
    rejected(if made_for == used_for {
        format!(
            "the quorum token was made for another key: ask for one with this key's reference ({used_for})"
        )
    } else {
        format!("the quorum token was made for the service {made_for}: ask for one for {used_for}")
    })
}

/// The requester's own token, too late.
pub(super) fn expired() -> Error {
    rejected(
        "the quorum token has expired: ask for another by `quorum token-sign generate` and let it be signed",
    )
}

/// One token for one service of officers at a time.
pub(super) fn second_token(user: &UserName, service: Service) -> Error {
    rejected(format!(
        "{user} has a quorum token for {service} already: use it, or `strongroom quorum token-sign delete`"
    ))
}

/// A quorum value that can't be.
pub(crate) fn invalid_value() -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, INVALID_VALUE)
}

/// All of quorum's refusals have one code.
fn rejected(message: impl Into<String>) -> Error {
    Error::new(ReturnCode::FUNCTION_REJECTED, message)
}
