//! How the log calls the outcome of a command.

use std::borrow::Cow;

use strongroom_model::{Error, Profile, ReturnCode};

/// The outcome of a command: an HSM's return code and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// 0 for success.
    pub code: u32,
    /// `HSM Return: SUCCESS`, or `HSM Error:` and what.
    pub text: Cow<'static, str>,
}

/// Codes of ours begin here: a PKCS#11 code for which no HSM code is published is this plus the PKCS#11 code.
const OURS: u32 = 0x5000_0000;
/// `RET_MXN_AUTH_FAILED` has a published name and no published number.
const NO_QUORUM: u32 = 0x5001_0000;

impl Outcome {
    /// It was done.
    pub const SUCCESS: Self = Self { code: 0, text: Cow::Borrowed("HSM Return: SUCCESS") };

    /// How an error is called (cloudhsm.md 12). `unknown_user` is whether it's about somebody who doesn't exist, which
    /// the error itself doesn't give away.
    pub(crate) fn of(error: &Error, unknown_user: bool, profile: Profile) -> Self {
        let (code, text) = match error.code {
            ReturnCode::PIN_INCORRECT | ReturnCode::USER_PIN_NOT_INITIALIZED if unknown_user => UNKNOWN_USER,
            ReturnCode::PIN_INCORRECT => (0xa3, "RET_USER_LOGIN_FAILURE"),
            ReturnCode::USER_PIN_NOT_INITIALIZED => UNKNOWN_USER,
            ReturnCode::OBJECT_HANDLE_INVALID
            | ReturnCode::KEY_HANDLE_INVALID
            | ReturnCode::WRAPPING_KEY_HANDLE_INVALID
            | ReturnCode::UNWRAPPING_KEY_HANDLE_INVALID => (0xa8, "invalid object handle"),
            ReturnCode::MECHANISM_INVALID | ReturnCode::CURVE_NOT_SUPPORTED
                if profile == Profile::CloudHsm =>
            {
                (0xb3, "this operation violates the current configured/FIPS policies")
            }
            ReturnCode::FUNCTION_REJECTED => (NO_QUORUM, "RET_MXN_AUTH_FAILED"),
            ReturnCode::ACTION_PROHIBITED => (0xc6, "key access is denied"),
            ReturnCode::USER_TYPE_INVALID => (0xdb, "invalid user type"),
            code => return Self::ours(code),
        };
        Self { code, text: Cow::Owned(format!("HSM Error: {text}")) }
    }

    fn ours(code: ReturnCode) -> Self {
        let number = u32::try_from(code.0).map_or(u32::MAX, |number| OURS.saturating_add(number));
        Self { code: number, text: Cow::Owned(format!("HSM Error: {code}")) }
    }

    /// Whether it was done.
    pub const fn is_success(&self) -> bool {
        self.code == 0
    }
}

const UNKNOWN_USER: (u32, &str) = (0x9d, "user isn't initialized or user with this name doesn't exist");

#[cfg(test)]
mod tests {
    use super::*;

    fn code(code: ReturnCode, unknown_user: bool) -> u32 {
        Outcome::of(&code.into(), unknown_user, Profile::CloudHsm).code
    }

    #[test]
    fn published_codes_are_the_vendors() {
        assert_eq!(code(ReturnCode::PIN_INCORRECT, false), 163);
        assert_eq!(code(ReturnCode::PIN_INCORRECT, true), 157);
        assert_eq!(code(ReturnCode::OBJECT_HANDLE_INVALID, false), 168);
        assert_eq!(code(ReturnCode::CURVE_NOT_SUPPORTED, false), 179);
        assert_eq!(code(ReturnCode::ACTION_PROHIBITED, false), 198);
        assert_eq!(code(ReturnCode::USER_TYPE_INVALID, false), 219);
        assert_eq!(code(ReturnCode::FUNCTION_REJECTED, false), NO_QUORUM);
    }

    #[test]
    fn other_codes_are_recognisably_ours() {
        let outcome = Outcome::of(&ReturnCode::TEMPLATE_INCOMPLETE.into(), false, Profile::Standard);
        assert_eq!(outcome.code, 0x5000_00d0);
        assert_eq!(outcome.text, "HSM Error: CKR_TEMPLATE_INCOMPLETE");
        assert!(!outcome.is_success() && Outcome::SUCCESS.is_success());
    }
}
