//! Errors: a PKCS#11 return code, and a sentence for the log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A PKCS#11 return value (`CK_RV`, PKCS#11 3.2 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReturnCode(pub u64);

macro_rules! return_codes {
    ($($name:ident = $source:ident;)*) => {
        impl ReturnCode {
            $(#[doc = concat!("`", stringify!($source), "`.")] pub const $name: Self = Self(cryptoki_sys::$source);)*

            /// The standard's name of the code, where this project uses it.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($source)),)*
                    _ => None,
                }
            }
        }
    };
}

return_codes! {
    OK = CKR_OK;
    HOST_MEMORY = CKR_HOST_MEMORY;
    SLOT_ID_INVALID = CKR_SLOT_ID_INVALID;
    GENERAL_ERROR = CKR_GENERAL_ERROR;
    FUNCTION_FAILED = CKR_FUNCTION_FAILED;
    ARGUMENTS_BAD = CKR_ARGUMENTS_BAD;
    CANT_LOCK = CKR_CANT_LOCK;
    ACTION_PROHIBITED = CKR_ACTION_PROHIBITED;
    AEAD_DECRYPT_FAILED = CKR_AEAD_DECRYPT_FAILED;
    ATTRIBUTE_READ_ONLY = CKR_ATTRIBUTE_READ_ONLY;
    ATTRIBUTE_SENSITIVE = CKR_ATTRIBUTE_SENSITIVE;
    ATTRIBUTE_TYPE_INVALID = CKR_ATTRIBUTE_TYPE_INVALID;
    ATTRIBUTE_VALUE_INVALID = CKR_ATTRIBUTE_VALUE_INVALID;
    BUFFER_TOO_SMALL = CKR_BUFFER_TOO_SMALL;
    CRYPTOKI_ALREADY_INITIALIZED = CKR_CRYPTOKI_ALREADY_INITIALIZED;
    CRYPTOKI_NOT_INITIALIZED = CKR_CRYPTOKI_NOT_INITIALIZED;
    CURVE_NOT_SUPPORTED = CKR_CURVE_NOT_SUPPORTED;
    DATA_INVALID = CKR_DATA_INVALID;
    DATA_LEN_RANGE = CKR_DATA_LEN_RANGE;
    DEVICE_ERROR = CKR_DEVICE_ERROR;
    DEVICE_MEMORY = CKR_DEVICE_MEMORY;
    DEVICE_REMOVED = CKR_DEVICE_REMOVED;
    DOMAIN_PARAMS_INVALID = CKR_DOMAIN_PARAMS_INVALID;
    ENCRYPTED_DATA_INVALID = CKR_ENCRYPTED_DATA_INVALID;
    ENCRYPTED_DATA_LEN_RANGE = CKR_ENCRYPTED_DATA_LEN_RANGE;
    FUNCTION_NOT_PARALLEL = CKR_FUNCTION_NOT_PARALLEL;
    FUNCTION_NOT_SUPPORTED = CKR_FUNCTION_NOT_SUPPORTED;
    FUNCTION_REJECTED = CKR_FUNCTION_REJECTED;
    KEY_FUNCTION_NOT_PERMITTED = CKR_KEY_FUNCTION_NOT_PERMITTED;
    KEY_HANDLE_INVALID = CKR_KEY_HANDLE_INVALID;
    KEY_INDIGESTIBLE = CKR_KEY_INDIGESTIBLE;
    KEY_NOT_NEEDED = CKR_KEY_NOT_NEEDED;
    KEY_NOT_WRAPPABLE = CKR_KEY_NOT_WRAPPABLE;
    KEY_SIZE_RANGE = CKR_KEY_SIZE_RANGE;
    KEY_TYPE_INCONSISTENT = CKR_KEY_TYPE_INCONSISTENT;
    KEY_UNEXTRACTABLE = CKR_KEY_UNEXTRACTABLE;
    MECHANISM_INVALID = CKR_MECHANISM_INVALID;
    MECHANISM_PARAM_INVALID = CKR_MECHANISM_PARAM_INVALID;
    NEED_TO_CREATE_THREADS = CKR_NEED_TO_CREATE_THREADS;
    NO_EVENT = CKR_NO_EVENT;
    OBJECT_HANDLE_INVALID = CKR_OBJECT_HANDLE_INVALID;
    OPERATION_ACTIVE = CKR_OPERATION_ACTIVE;
    OPERATION_NOT_INITIALIZED = CKR_OPERATION_NOT_INITIALIZED;
    PARAMETER_SET_NOT_SUPPORTED = CKR_PARAMETER_SET_NOT_SUPPORTED;
    PIN_EXPIRED = CKR_PIN_EXPIRED;
    PIN_INCORRECT = CKR_PIN_INCORRECT;
    PIN_INVALID = CKR_PIN_INVALID;
    PIN_LEN_RANGE = CKR_PIN_LEN_RANGE;
    PIN_LOCKED = CKR_PIN_LOCKED;
    RANDOM_SEED_NOT_SUPPORTED = CKR_RANDOM_SEED_NOT_SUPPORTED;
    SAVED_STATE_INVALID = CKR_SAVED_STATE_INVALID;
    SESSION_ASYNC_NOT_SUPPORTED = CKR_SESSION_ASYNC_NOT_SUPPORTED;
    SESSION_CLOSED = CKR_SESSION_CLOSED;
    SESSION_COUNT = CKR_SESSION_COUNT;
    SESSION_EXISTS = CKR_SESSION_EXISTS;
    SESSION_HANDLE_INVALID = CKR_SESSION_HANDLE_INVALID;
    SESSION_PARALLEL_NOT_SUPPORTED = CKR_SESSION_PARALLEL_NOT_SUPPORTED;
    SESSION_READ_ONLY = CKR_SESSION_READ_ONLY;
    SESSION_READ_ONLY_EXISTS = CKR_SESSION_READ_ONLY_EXISTS;
    SESSION_READ_WRITE_SO_EXISTS = CKR_SESSION_READ_WRITE_SO_EXISTS;
    SIGNATURE_INVALID = CKR_SIGNATURE_INVALID;
    SIGNATURE_LEN_RANGE = CKR_SIGNATURE_LEN_RANGE;
    STATE_UNSAVEABLE = CKR_STATE_UNSAVEABLE;
    TEMPLATE_INCOMPLETE = CKR_TEMPLATE_INCOMPLETE;
    TEMPLATE_INCONSISTENT = CKR_TEMPLATE_INCONSISTENT;
    TOKEN_NOT_PRESENT = CKR_TOKEN_NOT_PRESENT;
    TOKEN_NOT_RECOGNIZED = CKR_TOKEN_NOT_RECOGNIZED;
    TOKEN_WRITE_PROTECTED = CKR_TOKEN_WRITE_PROTECTED;
    UNWRAPPING_KEY_HANDLE_INVALID = CKR_UNWRAPPING_KEY_HANDLE_INVALID;
    UNWRAPPING_KEY_SIZE_RANGE = CKR_UNWRAPPING_KEY_SIZE_RANGE;
    UNWRAPPING_KEY_TYPE_INCONSISTENT = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT;
    USER_ALREADY_LOGGED_IN = CKR_USER_ALREADY_LOGGED_IN;
    USER_ANOTHER_ALREADY_LOGGED_IN = CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    USER_NOT_LOGGED_IN = CKR_USER_NOT_LOGGED_IN;
    USER_PIN_NOT_INITIALIZED = CKR_USER_PIN_NOT_INITIALIZED;
    USER_TYPE_INVALID = CKR_USER_TYPE_INVALID;
    WRAPPED_KEY_INVALID = CKR_WRAPPED_KEY_INVALID;
    WRAPPED_KEY_LEN_RANGE = CKR_WRAPPED_KEY_LEN_RANGE;
    WRAPPING_KEY_HANDLE_INVALID = CKR_WRAPPING_KEY_HANDLE_INVALID;
    WRAPPING_KEY_SIZE_RANGE = CKR_WRAPPING_KEY_SIZE_RANGE;
    WRAPPING_KEY_TYPE_INCONSISTENT = CKR_WRAPPING_KEY_TYPE_INCONSISTENT;
}

impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "CKR_{:#x}", self.0),
        }
    }
}

impl fmt::Debug for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A refusal or a failure: the code a PKCS#11 caller gets, and what a person needs to know.
///
/// The message says what happened, to what, and what to do. It never contains key material,
/// passwords, or anything that the caller may not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What the caller of the PKCS#11 function gets.
    pub code: ReturnCode,
    /// A sentence for the log; empty where the code says it all.
    pub message: String,
}

/// The result of everything that ends in a PKCS#11 return code.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a sentence for the log.
    pub fn new(code: ReturnCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<ReturnCode> for Error {
    fn from(code: ReturnCode) -> Self {
        Self { code, message: String::new() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            write!(f, "{}", self.code)
        } else {
            write!(f, "{}: {}", self.code, self.message)
        }
    }
}

impl std::error::Error for Error {}
