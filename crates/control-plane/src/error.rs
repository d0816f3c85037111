//! The errors that the model of the API has.

use thiserror::Error;

/// Why an operation was refused: one of the model's seven exceptions, and a sentence for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ApiError {
    /// Which exception the client sees.
    pub kind: ErrorKind,
    /// What happened, to what, and what to do about it.
    pub message: String,
}

impl ApiError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The request can't be done as it stands: bad member, wrong state, wrong certificate.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// What the request names isn't there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceNotFound, message)
    }

    /// The resource has as many as it may have.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceLimitExceeded, message)
    }

    /// The tags aren't allowed.
    pub fn tag(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Tag, message)
    }

    /// Anything else on the caller's side.
    pub fn service(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Service, message)
    }

    /// The caller may not do this.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::AccessDenied, message)
    }

    /// Strongroom itself failed; clients try again.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InternalFailure, message)
    }
}

/// The exceptions of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller may not do this.
    AccessDenied,
    /// Strongroom failed: the one that is not the caller's fault.
    InternalFailure,
    /// A member is wrong, or the state of what it names.
    InvalidRequest,
    /// A cluster, an HSM, a backup that isn't there.
    ResourceNotFound,
    /// One tag too many.
    ResourceLimitExceeded,
    /// Anything else on the caller's side.
    Service,
    /// Tags that aren't allowed.
    Tag,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: [ErrorKind; 7] = [
        ErrorKind::AccessDenied,
        ErrorKind::InternalFailure,
        ErrorKind::InvalidRequest,
        ErrorKind::ResourceNotFound,
        ErrorKind::ResourceLimitExceeded,
        ErrorKind::Service,
        ErrorKind::Tag,
    ];

    /// The shape's name in the model, which clients make their exception classes of.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::AccessDenied => "CloudHsmAccessDeniedException",
            ErrorKind::InternalFailure => "CloudHsmInternalFailureException",
            ErrorKind::InvalidRequest => "CloudHsmInvalidRequestException",
            ErrorKind::ResourceNotFound => "CloudHsmResourceNotFoundException",
            ErrorKind::ResourceLimitExceeded => "CloudHsmResourceLimitExceededException",
            ErrorKind::Service => "CloudHsmServiceException",
            ErrorKind::Tag => "CloudHsmTagException",
        }
    }

    /// The HTTP status it travels with.
    pub fn status(self) -> u16 {
        match self {
            ErrorKind::InternalFailure => 500,
            _ => 400,
        }
    }
}
