//! Login and logout.

use strongroom_crypto::{ApproverKey, password};
use strongroom_model::{
    AttributeType as A, Error, Handle, Profile, Result, ReturnCode, Role, UserName, limits,
};
use strongroom_wire::{ChallengeKind, Login, Response, SignedChallenge};

use super::OFFICER;
use super::guesses::Guess;
use crate::access::Caller;
use crate::node::PasswordLimits;
use crate::state::{Change, Expect, Key, Record, Replica, Revocation, User};
use crate::ticket::Principal;
use crate::using::Part;

impl Caller<'_> {
    /// Checks a password, counts failures, and says who it is.
    pub(crate) fn login(&self, login: &Login) -> Result<Principal> {
        let name = self.named(login.role, login.user.as_ref())?;
        let epoch = self.authenticate(login.role, &name, &login.password, None)?;
        self.principal_of(login.role, &name, epoch)
    }

    /// As [`Self::login`], with a second factor. A user without one needs none: the signatures aren't looked at.
    pub(crate) fn login_with_key(&self, login: &Login, signed: &[SignedChallenge]) -> Result<Principal> {
        let name = self.named(login.role, login.user.as_ref())?;
        let epoch = self.authenticate(login.role, &name, &login.password, Some(signed))?;
        self.principal_of(login.role, &name, epoch)
    }

    /// A fresh ticket for this instance, for who holds one.
    pub(crate) fn renew(&self) -> Result<Principal> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let replica = self.node.replica.read();
        // It may have become void since it was looked at.
        principal
            .renewed(&replica, self.hello, self.node.clock.now())
            .ok_or_else(|| ReturnCode::USER_NOT_LOGGED_IN.into())
    }

    pub(crate) fn logout(&self) -> Result<()> {
        if self.principal.is_none() {
            return Err(ReturnCode::USER_NOT_LOGGED_IN.into());
        }
        let instance = self.session.instance;
        self.family.log_out(instance);
        let expires = self.node.clock.now() + limits::TICKET_SECONDS;
        self.commit(|replica| {
            let record = Record::Revocation(Revocation { expires });
            let change = Change::of(Key::Revocation(instance), Expect::Anything, Some(record));
            Ok((change.without_tokens(replica, |token| token.instance == instance), ()))
        })
    }

    /// Who a PIN is for: the name in it, else the officer or the default crypto user.
    pub(super) fn named(&self, role: Role, user: Option<&UserName>) -> Result<UserName> {
        if matches!(role, Role::UnactivatedAdmin | Role::Appliance) {
            return Err(Error::new(ReturnCode::USER_TYPE_INVALID, format!("nobody logs in as {role}")));
        }
        if let Some(name) = user {
            return Ok(name.clone());
        }
        let info = self.node.info();
        if info.profile == Profile::CloudHsm {
            return Err(Error::new(ReturnCode::PIN_INCORRECT, "the PIN must be user:password"));
        }
        if role == Role::CryptoUser {
            return info.default_user.ok_or_else(|| {
                Error::new(
                    ReturnCode::USER_PIN_NOT_INITIALIZED,
                    "there is no crypto user: C_InitPIN or `strongroom user create`",
                )
            });
        }
        if info.initialized {
            UserName::try_from(OFFICER.to_owned())
        } else {
            Err(Error::new(
                ReturnCode::USER_PIN_NOT_INITIALIZED,
                "the token isn't initialised: C_InitToken, or `strongroom cluster activate`",
            ))
        }
    }

    /// Takes the password of who is logged in, for one use of a key that wants that (PKCS#11 3.2 sections 4.10 and 5.6.8).
    ///
    /// # Errors
    ///
    /// `CKR_USER_NOT_LOGGED_IN`, `CKR_OPERATION_NOT_INITIALIZED` for a key that wants no such thing, and those of a login.
    pub(crate) fn confirm(&self, key: Handle, password: &[u8]) -> Result<Response> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let located = self.locate(key).map_err(|error| Part::Key.absent(error))?;
        if !located.object.is(A::ALWAYS_AUTHENTICATE) {
            let message = "the key doesn't want a login for each use";
            return Err(Error::new(ReturnCode::OPERATION_NOT_INITIALIZED, message));
        }
        let epoch = self.authenticate(principal.role, &principal.user, password, None)?;
        if epoch != principal.epoch() {
            return Err(ReturnCode::USER_NOT_LOGGED_IN.into());
        }
        self.family.confirm(self.session, key);
        Ok(Response::Done)
    }

    /// Checks a password and, where the user has a second factor, the answer to a challenge; returns the user's epoch. An
    /// unknown user costs the same time and gets the same answer; so does a wrong answer.
    pub(super) fn authenticate(
        &self,
        role: Role,
        name: &UserName,
        given: &[u8],
        signed: Option<&[SignedChallenge]>,
    ) -> Result<u64> {
        let (user, limit) = {
            let replica = self.node.replica.read();
            (replica.user(role, name).cloned(), PasswordLimits::of(replica.profile()).failures)
        };
        let Some(user) = user.map(|user| user.value) else {
            password::verify_dummy(given);
            return Err(incorrect(role, name));
        };
        // Everybody may list who has one, so that this tells nothing; and nothing was guessed.
        if user.mfa && signed.is_none() {
            return Err(Error::new(
                ReturnCode::PIN_INCORRECT,
                format!(
                    "{role} {name} logs in with a second factor, which a PIN can't bring along: `strongroom login mfa-token-sign`"
                ),
            ));
        }
        let recorded = || self.node.recorded_failures(&self.node.replica.read(), role, name);
        let guess = self.node.desk.guesses.begin(role, name, user.epoch, limit, recorded);
        let Some(guess) = guess else {
            self.commit_count(role, name, user.epoch);
            return Err(locked(role, name));
        };
        let right_password = password::verify(given, &user.password);
        let right_answer = !user.mfa || self.answers(role, name, &user, signed.unwrap_or_default());
        if right_password & right_answer {
            self.conclude_right(&guess, role, name, limit)?;
            Ok(user.epoch)
        } else {
            self.conclude_wrong(&guess, role, name, limit)?;
            Err(incorrect(role, name))
        }
    }

    fn answers(&self, role: Role, name: &UserName, user: &User, signed: &[SignedChallenge]) -> bool {
        let key = user.public_key.as_ref().map(|key| ApproverKey::from_spki(key));
        let Some(Ok(key)) = key else { return false };
        self.answered(ChallengeKind::Login, role, name, &key, signed).is_ok()
    }

    /// A right password starts the count anew, unless others have locked the user meanwhile.
    fn conclude_right(&self, guess: &Guess<'_>, role: Role, name: &UserName, limit: u32) -> Result<()> {
        let recorded = self.node.recorded_failures(&self.node.replica.read(), role, name);
        if recorded >= limit {
            return Err(locked(role, name));
        }
        if recorded == 0 && guess.uncommitted() == 0 {
            return Ok(());
        }
        let _one_by_one = guess.settle();
        let reset = self.commit_if_possible(|replica| {
            let count = self.node.recorded_failures(replica, role, name);
            if count >= limit {
                return Err(locked(role, name));
            }
            let change = if count == 0 {
                Some(Change::default())
            } else {
                self.counted(replica, guess, role, name, 0)
            };
            Ok((change.ok_or_else(|| incorrect(role, name))?, ()))
        });
        match reset {
            Ok(()) => guess.leave(0),
            Err(error) if matches!(error.code, ReturnCode::PIN_LOCKED | ReturnCode::PIN_INCORRECT) => {
                return Err(error);
            }
            // The count stays as it is, which harms nobody.
            Err(error) => tracing::warn!(user = %name, %role, "wrong passwords aren't forgotten: {error}"),
        }
        Ok(())
    }

    /// Counts a wrong password: in the cluster, else in memory.
    fn conclude_wrong(&self, guess: &Guess<'_>, role: Role, name: &UserName, limit: u32) -> Result<()> {
        let _one_by_one = guess.settle();
        let uncommitted = guess.uncommitted().saturating_add(1);
        let counted = self.commit_if_possible(|replica| {
            let count = self.node.recorded_failures(replica, role, name);
            if count >= limit {
                return Err(locked(role, name));
            }
            let count = count.saturating_add(uncommitted);
            let change = self.counted(replica, guess, role, name, count);
            Ok((change.ok_or_else(|| incorrect(role, name))?, count))
        });
        match counted {
            Ok(failures) => {
                guess.leave(0);
                tracing::warn!(user = %name, %role, failures, "wrong password");
                Ok(())
            }
            Err(error) if matches!(error.code, ReturnCode::PIN_LOCKED | ReturnCode::PIN_INCORRECT) => {
                Err(error)
            }
            Err(error) => {
                guess.leave(uncommitted);
                tracing::warn!(user = %name, %role, uncommitted, "wrong password, counted in memory: {error}");
                Ok(())
            }
        }
    }

    /// Tries again to commit wrong passwords that couldn't be: a lock mustn't open by a restart of the node.
    fn commit_count(&self, role: Role, name: &UserName, epoch: u64) {
        let Some(guess) = self.node.desk.guesses.unsettled(role, name, epoch) else { return };
        let _one_by_one = guess.settle();
        let uncommitted = guess.uncommitted();
        let committed = self.commit_if_possible(|replica| {
            let count = self.node.recorded_failures(replica, role, name).saturating_add(uncommitted);
            let change = self.counted(replica, &guess, role, name, count);
            Ok((change.ok_or_else(|| incorrect(role, name))?, ()))
        });
        match committed {
            Ok(()) => guess.leave(0),
            Err(error) => tracing::warn!(user = %name, %role, uncommitted, "locked in memory only: {error}"),
        }
    }

    /// The change that sets a user's count; `None` when the password that was guessed at is no longer the user's.
    fn counted(
        &self,
        replica: &Replica,
        guess: &Guess<'_>,
        role: Role,
        name: &UserName,
        count: u32,
    ) -> Option<Change> {
        let user = replica.user(role, name).filter(|user| user.value.epoch == guess.epoch)?;
        if replica.profile() != Profile::CloudHsm {
            let counted = User { failures: count, ..(*user.value).clone() };
            return Some(Change::default().and_user(role, name, Some(user), Some(counted.into())));
        }
        let node = self.node.id;
        let old = replica.failures_on(node, role, name);
        let expect = old.map_or(Expect::Absent, |old| Expect::Version(old.version));
        let record = (count > 0).then_some(Record::Failures(count));
        Some(Change::of(Key::Failures(node, role, name.clone()), expect, record))
    }

    fn principal_of(&self, role: Role, name: &UserName, epoch: u64) -> Result<Principal> {
        let now = self.node.clock.now();
        Principal::new(&self.node.replica.read(), self.hello, role, name, now)
            .filter(|principal| principal.epoch() == epoch)
            .ok_or_else(|| incorrect(role, name))
    }
}

fn incorrect(role: Role, name: &UserName) -> Error {
    Error::new(ReturnCode::PIN_INCORRECT, format!("wrong user or password for {role} {name}"))
}

fn locked(role: Role, name: &UserName) -> Error {
    Error::new(
        ReturnCode::PIN_LOCKED,
        format!(
            "{role} {name} is locked after too many wrong passwords: an officer unlocks it by `strongroom user change-password`"
        ),
    )
}
