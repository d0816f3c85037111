//! Logging in and out, and passwords. A PIN is `user:password`, split at the first colon; without a
//! colon it's the password of the default user of the role.

use cryptoki_sys::{CK_SESSION_HANDLE, CK_SLOT_ID, CK_USER_TYPE, CKU_CONTEXT_SPECIFIC, CKU_SO, CKU_USER};
use strongroom_client::Route;
use strongroom_model::{Blob, Error, Profile, Result, ReturnCode, Role, UserName, limits};
use strongroom_wire::{Login, Request};

use crate::abi::In;
use crate::module::Module;
use crate::session::Session;
use crate::slot::Slot;
use crate::sync::lock;

/// The longest PIN: a user's name, a colon, a password.
pub(crate) const MAX_PIN: usize = UserName::MAX_LEN + 1 + limits::MAX_PASSWORD;
/// The officer that `C_InitToken` makes.
const OFFICER: &str = "admin";

/// `C_Login`.
pub(crate) fn login(
    module: &Module,
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: In<'_>,
) -> Result<()> {
    log_in(module, session, user, || {
        Pin::read(&pin, ReturnCode::PIN_INCORRECT)?.into_parts(ReturnCode::PIN_INCORRECT)
    })
}

/// `C_LoginUser`. With a name, the PIN is the password; without one, it's as with `C_Login`.
pub(crate) fn login_user(
    module: &Module,
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: In<'_>,
    name: In<'_>,
) -> Result<()> {
    log_in(module, session, user, || {
        let pin = Pin::read(&pin, ReturnCode::PIN_INCORRECT)?;
        let name = name.bytes()?;
        if name.is_empty() {
            return pin.into_parts(ReturnCode::PIN_INCORRECT);
        }
        let name = std::str::from_utf8(name)
            .ok()
            .and_then(|name| name.parse().ok())
            .ok_or_else(|| Error::new(ReturnCode::PIN_INCORRECT, "there can't be a user of that name"))?;
        Ok((Some(name), Blob::from(pin.0)))
    })
}

/// Logs in with a name, or as the role's default user, and a password.
fn log_in(
    module: &Module,
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    credentials: impl FnOnce() -> Result<(Option<UserName>, Blob)>,
) -> Result<()> {
    let session = module.session(session)?;
    let role = match user {
        CKU_USER => Role::CryptoUser,
        CKU_SO => Role::Admin,
        CKU_CONTEXT_SPECIFIC => {
            let (name, password) = credentials()?;
            return confirm(&session, name, password);
        }
        _ => return Err(Error::new(ReturnCode::USER_TYPE_INVALID, format!("there is no user type {user}"))),
    };
    let (name, password) = credentials()?;
    let slot = session.slot();
    let _turn = lock(&slot.login_turn);
    refuse_second(slot, role, name.as_ref())?;
    if role == Role::Admin {
        refuse_officers(slot)?;
        slot.desk.officer_enters()?;
    }
    let result = session.client().login(session.handle(), Login { role, user: name.clone(), password });
    slot.set_user(result.is_ok().then_some((role, name)));
    result
}

/// Logs in for the operation under way, whose key wants that for each use. Only who is logged in can.
fn confirm(session: &Session, name: Option<UserName>, password: Blob) -> Result<()> {
    let Some(key) = lock(&session.ops).wants_login() else {
        let message = "no operation under way asks for a login of its own";
        return Err(Error::new(ReturnCode::OPERATION_NOT_INITIALIZED, message));
    };
    let slot = session.slot();
    let (_, present) = slot.user().ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
    let default = || session.client().cluster().and_then(|cluster| cluster.default_user.clone());
    if name.is_some() && name != present.or_else(default) {
        let message = "the login for one operation is that of who is logged in";
        return Err(Error::new(ReturnCode::PIN_INCORRECT, message));
    }
    session.confirm(key, password)
}

/// Under `cloudhsm` officers work by the command: `CKU_SO` is nobody there (cloudhsm.md 5.8).
fn refuse_officers(slot: &Slot) -> Result<()> {
    if slot.profile()? != Profile::CloudHsm {
        return Ok(());
    }
    let message =
        "under the profile cloudhsm there is no CKU_SO: officers use `strongroom login --role admin`";
    Err(Error::new(ReturnCode::USER_TYPE_INVALID, message))
}

/// `C_Logout`.
pub(crate) fn logout(module: &Module, session: CK_SESSION_HANDLE) -> Result<()> {
    let session = module.session(session)?;
    let slot = session.slot();
    let _turn = lock(&slot.login_turn);
    let result = session.client().logout();
    slot.set_user(None);
    result
}

/// Ends the login when the last session of a slot has been closed.
pub(crate) fn end_with_last_session(slot: &Slot) {
    let _turn = lock(&slot.login_turn);
    // A session may have been opened since.
    if slot.desk.sessions() == (0, 0)
        && let Some(client) = slot.connected()
    {
        // It fails if nobody is logged in any more, which is what's wanted.
        let _ = client.logout();
        slot.set_user(None);
    }
}

/// `C_InitToken`. The label is 32 bytes, padded with spaces.
pub(crate) fn init_token(module: &Module, slot: CK_SLOT_ID, pin: In<'_>, label: In<'_>) -> Result<()> {
    let slot = module.slot(slot)?;
    slot.must_go_beyond_cloudhsm("C_InitToken")?;
    let password = Pin::read(&pin, ReturnCode::PIN_LEN_RANGE)?.of_officer()?;
    if label.is_null() {
        return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "no label"));
    }
    // PyKCS11 passes a C string of any length; what follows its end isn't part of the label.
    let label = label.bytes()?.split(|byte| *byte == 0).next().unwrap_or_default();
    let label = String::from_utf8_lossy(label).trim_end_matches(' ').to_owned();
    let _turn = lock(&slot.login_turn);
    if slot.desk.sessions() != (0, 0) {
        let message = "close all sessions before the token is initialised";
        return Err(Error::new(ReturnCode::SESSION_EXISTS, message));
    }
    let client = slot.client()?;
    client.call(Route::Any, 0, &Request::InitToken { password, label })?;
    slot.forget_all();
    // So that what clients are told next is what they have just made.
    client.probe()?;
    Ok(())
}

/// `C_InitPIN`.
pub(crate) fn init_pin(module: &Module, session: CK_SESSION_HANDLE, pin: In<'_>) -> Result<()> {
    let session = module.session(session)?;
    let (user, password) = Pin::read(&pin, ReturnCode::PIN_LEN_RANGE)?.into_parts(ReturnCode::PIN_INVALID)?;
    if session.slot().role() != Some(Role::Admin) {
        return Err(Error::new(ReturnCode::USER_NOT_LOGGED_IN, "only the officer sets a user's first PIN"));
    }
    session.call(Route::Any, &Request::InitPin { user, password })?;
    refresh(&session);
    Ok(())
}

/// `C_SetPIN`. The new PIN may repeat the user's name.
pub(crate) fn set_pin(module: &Module, session: CK_SESSION_HANDLE, old: In<'_>, new: In<'_>) -> Result<()> {
    let session = module.session(session)?;
    let old = Pin::read(&old, ReturnCode::PIN_INCORRECT)?;
    let new = Pin::read(&new, ReturnCode::PIN_LEN_RANGE)?;
    if !session.is_read_write() {
        return Err(Error::new(ReturnCode::SESSION_READ_ONLY, "a PIN is changed in a read-write session"));
    }
    let slot = session.slot();
    let _turn = lock(&slot.login_turn);
    let role = slot.role().unwrap_or(Role::CryptoUser);
    let (user, password) = old.into_parts(ReturnCode::PIN_INCORRECT)?;
    let new = new.of(user.as_ref());
    session.client().set_pin(session.handle(), Login { role, user, password }, new)?;
    refresh(&session);
    Ok(())
}

/// `USER_ALREADY_LOGGED_IN` or `USER_ANOTHER_ALREADY_LOGGED_IN`, if so.
fn refuse_second(slot: &Slot, role: Role, name: Option<&UserName>) -> Result<()> {
    let Some((present, present_name)) = slot.user() else { return Ok(()) };
    // A PIN without a name may belong to anybody.
    let same_name = name.is_none() || present_name.is_none() || name == present_name.as_ref();
    let code = if present == role && same_name {
        ReturnCode::USER_ALREADY_LOGGED_IN
    } else {
        ReturnCode::USER_ANOTHER_ALREADY_LOGGED_IN
    };
    Err(Error::new(code, "log out first"))
}

/// Learns what has changed of the token. That it has changed is certain already.
fn refresh(session: &Session) {
    let _ = session.client().probe();
}

/// A PIN as the application gave it.
struct Pin<'a>(&'a [u8]);

impl<'a> Pin<'a> {
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for a null pointer, since there's no other way to type a PIN; `too_long` past [`MAX_PIN`].
    fn read(pin: &In<'a>, too_long: ReturnCode) -> Result<Self> {
        if pin.is_null() {
            return Err(Error::new(
                ReturnCode::ARGUMENTS_BAD,
                "no PIN; it can't be entered in any other way",
            ));
        }
        let pin = pin.bytes()?;
        if pin.len() > MAX_PIN {
            return Err(Error::new(too_long, format!("a PIN has at most {MAX_PIN} bytes")));
        }
        Ok(Self(pin))
    }

    /// The name before the first colon and the password behind it.
    ///
    /// # Errors
    ///
    /// `invalid` for what can't be a name.
    fn into_parts(self, invalid: ReturnCode) -> Result<(Option<UserName>, Blob)> {
        let Some(colon) = self.0.iter().position(|byte| *byte == b':') else {
            return Ok((None, Blob::from(self.0)));
        };
        let name = std::str::from_utf8(&self.0[..colon]).ok().and_then(|name| name.parse().ok());
        match name {
            Some(name) => Ok((Some(name), Blob::from(&self.0[colon + 1..]))),
            None => {
                let message =
                    "what is before the PIN's first colon can't be a user's name; a PIN is user:password";
                Err(Error::new(invalid, message))
            }
        }
    }

    /// The password of the officer whom `C_InitToken` makes.
    ///
    /// # Errors
    ///
    /// `PIN_INVALID` for another user's PIN.
    fn of_officer(self) -> Result<Blob> {
        match self.into_parts(ReturnCode::PIN_INVALID)? {
            (Some(name), _) if name.as_str() != OFFICER => {
                let message = format!(
                    "the officer of a new token is {OFFICER:?}; give the PIN as {OFFICER}:password, or a password \
                     without a colon"
                );
                Err(Error::new(ReturnCode::PIN_INVALID, message))
            }
            (_, password) => Ok(password),
        }
    }

    /// The password, without `name` and a colon in front of it.
    fn of(self, name: Option<&UserName>) -> Blob {
        let password = name.and_then(|name| {
            let (prefix, rest) = self.0.split_at_checked(name.as_str().len())?;
            rest.strip_prefix(b":").filter(|_| prefix.eq_ignore_ascii_case(name.as_str().as_bytes()))
        });
        Blob::from(password.unwrap_or(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(pin: &str) -> Result<(Option<String>, String)> {
        let (name, password) = Pin(pin.as_bytes()).into_parts(ReturnCode::PIN_INCORRECT)?;
        Ok((name.map(String::from), String::from_utf8(password.to_vec()).unwrap()))
    }

    #[test]
    fn a_pin_is_split_at_its_first_colon() {
        let named = |name: &str, password: &str| (Some(name.to_owned()), password.to_owned());
        assert_eq!(parts("app:secret").unwrap(), named("app", "secret"));
        assert_eq!(parts("App:a:b: ").unwrap(), named("app", "a:b: "));
        assert_eq!(parts("app:").unwrap(), named("app", ""));
        assert_eq!(parts("1234").unwrap(), (None, "1234".to_owned()));
        assert_eq!(parts("").unwrap(), (None, String::new()));
        for pin in [":x", "no spaces:x", "\u{e4}:x"] {
            assert_eq!(parts(pin).unwrap_err().code, ReturnCode::PIN_INCORRECT, "{pin}");
        }
    }

    #[test]
    fn a_new_pin_may_repeat_the_name() {
        let app: UserName = "app".parse().unwrap();
        let new = |pin: &'static str, name: Option<&UserName>| Pin(pin.as_bytes()).of(name);
        assert_eq!(new("app:new", Some(&app)), Blob::from(*b"new"));
        assert_eq!(new("APP:new", Some(&app)), Blob::from(*b"new"));
        assert_eq!(new("new", Some(&app)), Blob::from(*b"new"));
        assert_eq!(new("apple:new", Some(&app)), Blob::from(*b"apple:new"));
        assert_eq!(new("app:new", None), Blob::from(*b"app:new"));
    }

    #[test]
    fn a_token_is_initialised_by_its_officer() {
        assert_eq!(Pin(b"admin:x").of_officer().unwrap(), Blob::from(*b"x"));
        assert_eq!(Pin(b"12345678").of_officer().unwrap(), Blob::from(*b"12345678"));
        assert_eq!(Pin(b"app:x").of_officer().unwrap_err().code, ReturnCode::PIN_INVALID);
    }

    #[test]
    fn a_pin_must_be_there() {
        // SAFETY: a null pointer isn't read.
        let none = unsafe { In::new(std::ptr::null(), 0) };
        assert_eq!(
            Pin::read(&none, ReturnCode::PIN_LEN_RANGE).err().map(|error| error.code),
            Some(ReturnCode::ARGUMENTS_BAD)
        );
        let long = vec![b'x'; MAX_PIN + 1];
        // SAFETY: the bytes are there.
        let long = unsafe { In::new(long.as_ptr(), long.len() as u64) };
        assert_eq!(
            Pin::read(&long, ReturnCode::PIN_LEN_RANGE).err().map(|error| error.code),
            Some(ReturnCode::PIN_LEN_RANGE)
        );
    }
}
