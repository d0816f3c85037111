//! Logging in and out, and keeping the login alive.

use std::sync::atomic::Ordering;

use strongroom_model::{Blob, Result, ReturnCode, Role, UserName};
use strongroom_wire::{Login, Request, Response, SignedChallenge, Ticket};

use super::{NEVER, unexpected};
use crate::choice::Route;
use crate::client::Client;
use crate::conn::{Generation, NOBODY};
use crate::log::Level;
use crate::login;
use crate::state::State;

/// Who a login as officer without a name is.
const OFFICER: &str = "admin";
/// How long a renewal that failed isn't tried again, in milliseconds.
const RENEWAL_PAUSE_MS: u64 = 1000;

impl Client {
    /// Logs in. The node decides whether that's allowed now; the client keeps the ticket and presents it
    /// wherever it's needed.
    ///
    /// # Errors
    ///
    /// What the node says, such as `CKR_PIN_INCORRECT`, and those of [`Self::call`].
    pub fn login(&self, session: u64, login: Login) -> Result<()> {
        let (role, user) = (login.role, login.user.clone());
        self.log_in(session, role, user, &Request::Login(login))
    }

    /// As [`Self::login`], by a user with a second factor: challenges that nodes gave, signed.
    ///
    /// # Errors
    ///
    /// As [`Self::login`].
    pub fn login_with_key(&self, session: u64, login: Login, signed: Vec<SignedChallenge>) -> Result<()> {
        let (role, user) = (login.role, login.user.clone());
        self.log_in(session, role, user, &Request::LoginWithKey { login, signed })
    }

    fn log_in(&self, session: u64, role: Role, user: Option<UserName>, request: &Request) -> Result<()> {
        match self.call(Route::Any, session, request)? {
            Response::Ticket(ticket) => {
                self.state.write(|state| self.adopt(state, role, user, ticket));
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Changes the password of the user that `login` names and that its password proves (`C_SetPIN`). That voids the
    /// user's tickets; if it's who is logged in, the client logs in again with the new password.
    ///
    /// # Errors
    ///
    /// What the node says, such as `CKR_PIN_INCORRECT` or `CKR_PIN_LEN_RANGE`, and those of [`Self::call`].
    pub fn set_pin(&self, session: u64, login: Login, new: Blob) -> Result<()> {
        let (role, user) = (login.role, login.user.clone());
        let is_own = self.is_logged_in_as(role, user.as_ref());
        let again = Login { role, user, password: new.clone() };
        self.call(Route::Any, session, &Request::SetPin { login, new })?;
        if is_own {
            self.forget();
            // The password is changed, whatever becomes of the login.
            if let Err(error) = self.login(session, again) {
                self.log.say(
                    Level::Warn,
                    format_args!("no longer logged in since the password was changed: {error}"),
                );
            }
        }
        Ok(())
    }

    fn is_logged_in_as(&self, role: Role, user: Option<&UserName>) -> bool {
        let state = self.state.read();
        let default = match role {
            Role::CryptoUser => state.cluster.as_ref().and_then(|cluster| cluster.default_user.clone()),
            Role::Admin => OFFICER.parse().ok(),
            Role::UnactivatedAdmin | Role::Appliance => None,
        };
        let named = |user: Option<&UserName>| user.cloned().or_else(|| default.clone());
        let same = |login: &login::Login| login.role == role && named(login.user.as_ref()) == named(user);
        state.login.as_ref().is_some_and(same)
    }

    /// Logs out: has a node void the tickets of this process, and forgets ours. If no node can be told, it's
    /// forgotten all the same. A ticket that still is the parent's is only forgotten.
    ///
    /// # Errors
    ///
    /// `CKR_USER_NOT_LOGGED_IN`.
    pub fn logout(&self) -> Result<()> {
        let generation = self.generation.load(Ordering::Acquire);
        let inherited = match &self.state.read().login {
            Some(login) => login.inherited,
            None => return Err(ReturnCode::USER_NOT_LOGGED_IN.into()),
        };
        if !inherited && let Err(error) = self.deliver(Route::Any, 0, &Request::Logout, None) {
            self.log.say(Level::Warn, format_args!("the logout was not told to a node: {error}"));
        }
        self.forget_login(generation);
        Ok(())
    }

    /// The role of who is logged in.
    pub fn identity(&self) -> Option<Role> {
        if self.generation.load(Ordering::Acquire) == NOBODY {
            return None;
        }
        self.state.read().login.as_ref().map(|login| login.role)
    }

    /// Forgets the login without telling anybody. Connections stop speaking for the user with their next
    /// request.
    pub fn forget(&self) {
        self.forget_login(self.generation.load(Ordering::Acquire));
    }

    /// Forgets the login if it's still that one.
    pub(crate) fn forget_login(&self, generation: Generation) {
        self.state.write(|state| {
            if state.login.as_ref().is_some_and(|login| login.generation == generation) {
                state.login = None;
                self.generation.store(NOBODY, Ordering::Release);
                self.renew_at.store(NEVER, Ordering::Release);
            }
        });
    }

    fn adopt(&self, state: &mut State, role: Role, user: Option<UserName>, ticket: Ticket) {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        self.renew_at.store(login::renewal(&ticket, self.now_ms()), Ordering::Release);
        state.login = Some(login::Login { generation, role, user, ticket, inherited: false });
        self.generation.store(generation, Ordering::Release);
    }

    /// Exchanges the ticket for a fresh one when its time has come. One thread does it; the others go on
    /// with the old one.
    pub(super) fn renew_if_due(&self) {
        let due = self.renew_at.load(Ordering::Acquire);
        if due == NEVER {
            return;
        }
        let now = self.now_ms();
        let later = now + RENEWAL_PAUSE_MS;
        if now < due
            || self.renew_at.compare_exchange(due, later, Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            return;
        }
        let generation = self.generation.load(Ordering::Acquire);
        match self.deliver(Route::Any, 0, &Request::Renew, None) {
            Ok(Response::Ticket(ticket)) => self.state.write(|state| {
                if let Some(login) = state.login.take_if(|login| login.generation == generation) {
                    self.adopt(state, login.role, login.user, ticket);
                }
            }),
            Ok(other) => self.log.say(Level::Warn, format_args!("{}", unexpected(&other))),
            Err(error) => self.log.say(Level::Warn, format_args!("the login was not renewed: {error}")),
        }
    }
}
