//! Users: login and logout, PINs as PKCS#11 has them, and their management by officers.

use std::sync::Arc;

use strongroom_crypto::password;
use strongroom_model::{Error, Profile, Result, ReturnCode, Role, UserName, limits};
use strongroom_wire::{Login, Response, UserInfo};

use crate::access::Caller;
use crate::node::PasswordLimits;
use crate::state::{Change, Expect, Key, Policy, Record, Replica, Revocation, User, Versioned};
use crate::ticket::Principal;

/// The officer that `C_InitToken` makes and that `CKU_SO` means.
const OFFICER: &str = "admin";
/// The crypto user that `C_InitPIN` makes when there is none.
const FIRST_USER: &str = "app";

impl Caller<'_> {
    /// Checks a password, counts failures, and says who it is.
    pub(crate) fn login(&self, login: &Login) -> Result<Principal> {
        let name = self.named(login.role, login.user.as_ref())?;
        self.check_password(login.role, &name, &login.password)?;
        self.principal_of(login.role, &name)
    }

    /// A fresh ticket for this instance, for who holds one.
    pub(crate) fn renew(&self) -> Result<Principal> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        self.principal_of(principal.role, &principal.user)
    }

    pub(crate) fn logout(&self) -> Result<()> {
        if self.principal.is_none() {
            return Err(ReturnCode::USER_NOT_LOGGED_IN.into());
        }
        self.family.log_out(self.session.instance);
        let expires = self.node.clock.now() + limits::TICKET_SECONDS;
        let key = Key::Revocation(self.session.instance);
        self.commit(|_| {
            let record = Record::Revocation(Revocation { expires });
            Ok((Change::of(key.clone(), Expect::Anything, Some(record)), ()))
        })
    }

    pub(crate) fn init_token(&self, password: &[u8], label: String) -> Result<Response> {
        self.must_be_standard("C_InitToken")?;
        self.check_new_password(password)?;
        if label.len() > 32 {
            return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "a token's label has at most 32 bytes"));
        }
        let officer = UserName::try_from(OFFICER.to_owned())?;
        let initialized = self.node.replica.read().is_initialized();
        if initialized {
            self.check_password(Role::Admin, &officer, password)?;
        }
        let user = Arc::new(User::with_password(password)?);
        self.commit(|replica| {
            if replica.is_initialized() != initialized {
                return Err(Error::new(
                    ReturnCode::FUNCTION_FAILED,
                    "somebody else initialised the token meanwhile",
                ));
            }
            let policy = Policy {
                label: label.clone(),
                profile: Profile::Standard,
                default_user: None,
                quorum: Default::default(),
            };
            let kept = Key::User(Role::Admin, officer.clone());
            let doomed =
                replica.keys().filter(|key| matches!(key, Key::User(..) | Key::Object(_)) && *key != kept);
            let change =
                doomed.fold(Change::default(), |change, key| change.and(key, Expect::Anything, None));
            let change = change
                .and(Key::Policy, policy_expected(replica), Some(Record::Policy(Arc::new(policy))))
                .and(kept, Expect::Anything, Some(Record::User(Arc::clone(&user))));
            Ok((change, ()))
        })?;
        Ok(Response::Done)
    }

    pub(crate) fn init_pin(&self, user: Option<UserName>, password: &[u8]) -> Result<Response> {
        self.must_be_standard("C_InitPIN")?;
        self.must_be_officer()?;
        self.check_new_password(password)?;
        let name = match user.or_else(|| self.node.info().default_user) {
            Some(name) => name,
            None => UserName::try_from(FIRST_USER.to_owned())?,
        };
        let fresh = Arc::new(User::with_password(password)?);
        self.commit(|replica| {
            let expect = expected(replica.user(Role::CryptoUser, &name));
            let change = Change::of(
                Key::User(Role::CryptoUser, name.clone()),
                expect,
                Some(Record::User(Arc::clone(&fresh))),
            );
            Ok((with_default_user(replica, change, &name), ()))
        })?;
        Ok(Response::Done)
    }

    pub(crate) fn set_pin(&self, login: &Login, new: &[u8]) -> Result<Response> {
        let name = self.named(login.role, login.user.as_ref())?;
        self.check_new_password(new)?;
        self.check_password(login.role, &name, &login.password)?;
        self.replace_password(login.role, &name, new)?;
        Ok(Response::Done)
    }

    pub(crate) fn create_user(&self, login: &Login) -> Result<Response> {
        self.must_be_officer()?;
        let name =
            login.user.clone().ok_or_else(|| Error::new(ReturnCode::ARGUMENTS_BAD, "a user needs a name"))?;
        self.check_new_password(&login.password)?;
        let user = Arc::new(User::with_password(&login.password)?);
        self.commit(|replica| {
            if replica.users().any(|(_, taken, _)| *taken == name) {
                return Err(Error::new(ReturnCode::ARGUMENTS_BAD, format!("there is a user {name} already")));
            }
            if replica.users().count() >= limits::MAX_USERS {
                return Err(Error::new(
                    ReturnCode::DEVICE_MEMORY,
                    format!("the cluster has {} users: delete some", limits::MAX_USERS),
                ));
            }
            let key = Key::User(login.role, name.clone());
            let change = Change::of(key, Expect::Absent, Some(Record::User(Arc::clone(&user))));
            Ok((
                if login.role == Role::CryptoUser {
                    with_default_user(replica, change, &name)
                } else {
                    change
                },
                (),
            ))
        })?;
        Ok(Response::Done)
    }

    pub(crate) fn delete_user(&self, role: Role, name: &UserName) -> Result<Response> {
        self.must_be_officer()?;
        self.commit(|replica| {
            let user = replica.user(role, name).ok_or_else(|| unknown(role, name))?;
            if role == Role::Admin && replica.users().filter(|(role, ..)| *role == Role::Admin).count() == 1 {
                return Err(Error::new(ReturnCode::ACTION_PROHIBITED, "the last officer can't be deleted"));
            }
            if role == Role::CryptoUser
                && replica.objects().any(|(_, object)| object.value.owner.as_ref() == Some(name))
            {
                return Err(Error::new(
                    ReturnCode::ACTION_PROHIBITED,
                    format!("{name} owns keys or other objects: destroy them first"),
                ));
            }
            let mut change = Change::of(Key::User(role, name.clone()), Expect::Version(user.version), None);
            if let Some(policy) = replica.policy()
                && role == Role::CryptoUser
                && policy.default_user.as_ref() == Some(name)
            {
                let next =
                    replica.users().find(|(role, other, _)| *role == Role::CryptoUser && *other != name);
                let policy =
                    Policy { default_user: next.map(|(_, other, _)| other.clone()), ..(**policy).clone() };
                change =
                    change.and(Key::Policy, policy_expected(replica), Some(Record::Policy(Arc::new(policy))));
            }
            Ok((change, ()))
        })?;
        Ok(Response::Done)
    }

    pub(crate) fn change_password(&self, login: &Login) -> Result<Response> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let name = login.user.clone().unwrap_or_else(|| principal.user.clone());
        if principal.role != Role::Admin && (principal.role, &principal.user) != (login.role, &name) {
            return Err(Error::new(
                ReturnCode::USER_NOT_LOGGED_IN,
                "only an officer changes the passwords of others",
            ));
        }
        self.check_new_password(&login.password)?;
        self.replace_password(login.role, &name, &login.password)?;
        Ok(Response::Done)
    }

    pub(crate) fn list_users(&self) -> Response {
        let replica = self.node.replica.read();
        let limits = PasswordLimits::of(replica.profile());
        let users = replica.users().map(|(role, name, user)| UserInfo {
            name: name.clone(),
            role,
            locked: user.value.failures >= limits.failures,
            mfa: user.value.mfa,
            quorum: user.value.public_key.is_some(),
        });
        Response::Users(users.collect())
    }

    /// Who a PIN is for: the name in it, else the officer or the default crypto user.
    fn named(&self, role: Role, user: Option<&UserName>) -> Result<UserName> {
        if let Some(name) = user {
            return Ok(name.clone());
        }
        let info = self.node.info();
        if info.profile == Profile::CloudHsm {
            return Err(Error::new(ReturnCode::PIN_INCORRECT, "the PIN must be user:password"));
        }
        match role {
            Role::Admin if info.initialized => UserName::try_from(OFFICER.to_owned()),
            Role::Admin => Err(Error::new(
                ReturnCode::USER_PIN_NOT_INITIALIZED,
                "the token isn't initialised: C_InitToken",
            )),
            Role::UnactivatedAdmin | Role::Appliance => {
                Err(Error::new(ReturnCode::USER_TYPE_INVALID, format!("nobody logs in as {role}")))
            }
            Role::CryptoUser => info.default_user.ok_or_else(|| {
                Error::new(
                    ReturnCode::USER_PIN_NOT_INITIALIZED,
                    "there is no crypto user: C_InitPIN or `strongroom user create`",
                )
            }),
        }
    }

    /// Checks a password; an unknown user costs the same time and gets the same answer.
    fn check_password(&self, role: Role, name: &UserName, given: &[u8]) -> Result<()> {
        let incorrect =
            || Error::new(ReturnCode::PIN_INCORRECT, format!("wrong user or password for {role} {name}"));
        let (user, limits) = {
            let replica = self.node.replica.read();
            (replica.user(role, name).cloned(), PasswordLimits::of(replica.profile()))
        };
        let Some(user) = user else {
            password::verify_dummy(given);
            return Err(incorrect());
        };
        let locked = || {
            Error::new(
                ReturnCode::PIN_LOCKED,
                format!(
                    "{role} {name} is locked after too many wrong passwords: an officer unlocks it by `strongroom user change-password`"
                ),
            )
        };
        if user.value.failures >= limits.failures {
            return Err(locked());
        }
        let right = password::verify(given, &user.value.password);
        if right && user.value.failures == 0 {
            return Ok(());
        }
        let failures = self.commit(|replica| {
            let now = replica.user(role, name).ok_or_else(incorrect)?;
            // Many guesses at once must not be counted as one, nor a right one undo a lock.
            if now.value.failures >= limits.failures {
                return Err(locked());
            }
            let failures = if right { 0 } else { now.value.failures + 1 };
            let record = Record::User(Arc::new(User { failures, ..(*now.value).clone() }));
            Ok((
                Change::of(Key::User(role, name.clone()), Expect::Version(now.version), Some(record)),
                failures,
            ))
        })?;
        if right {
            return Ok(());
        }
        tracing::warn!(user = %name, %role, failures, "wrong password");
        Err(incorrect())
    }

    /// Sets a password, which voids the user's tickets and unlocks the user.
    fn replace_password(&self, role: Role, name: &UserName, new: &[u8]) -> Result<()> {
        let fresh = Arc::new(User::with_password(new)?);
        self.commit(|replica| {
            let user = replica.user(role, name).ok_or_else(|| unknown(role, name))?;
            let key = Key::User(role, name.clone());
            Ok((Change::of(key, Expect::Version(user.version), Some(Record::User(Arc::clone(&fresh)))), ()))
        })
    }

    fn principal_of(&self, role: Role, name: &UserName) -> Result<Principal> {
        let now = self.node.clock.now();
        Principal::new(&self.node.replica.read(), self.hello, role, name, now)
            .ok_or_else(|| ReturnCode::USER_NOT_LOGGED_IN.into())
    }

    fn check_new_password(&self, password: &[u8]) -> Result<()> {
        let limits = PasswordLimits::of(self.node.profile());
        if (limits.min as usize..=limits.max as usize).contains(&password.len()) {
            Ok(())
        } else {
            Err(Error::new(
                ReturnCode::PIN_LEN_RANGE,
                format!("a password has {} to {} bytes here", limits.min, limits.max),
            ))
        }
    }

    fn must_be_officer(&self) -> Result<()> {
        if self.role() == Some(Role::Admin) {
            Ok(())
        } else {
            Err(Error::new(
                ReturnCode::USER_NOT_LOGGED_IN,
                "only a crypto officer may do this: log in as one",
            ))
        }
    }

    fn must_be_standard(&self, what: &str) -> Result<()> {
        if self.node.profile() == Profile::Standard {
            Ok(())
        } else {
            Err(Error::new(
                ReturnCode::FUNCTION_NOT_SUPPORTED,
                format!("{what} works under the profile `standard` only: use `strongroom user`"),
            ))
        }
    }
}

/// Makes the first crypto user the one whom a PIN without a colon is for.
fn with_default_user(replica: &Replica, change: Change, name: &UserName) -> Change {
    match replica.policy() {
        Some(policy) if policy.default_user.is_none() => {
            let policy = Policy { default_user: Some(name.clone()), ..(**policy).clone() };
            change.and(Key::Policy, policy_expected(replica), Some(Record::Policy(Arc::new(policy))))
        }
        _ => change,
    }
}

fn policy_expected(replica: &Replica) -> Expect {
    replica.policy_version().map_or(Expect::Absent, Expect::Version)
}

fn expected<T>(record: Option<&Versioned<T>>) -> Expect {
    record.map_or(Expect::Absent, |record| Expect::Version(record.version))
}

fn unknown(role: Role, name: &UserName) -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, format!("there is no {role} {name}"))
}
