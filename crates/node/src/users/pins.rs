//! What PKCS#11 does with PINs: `C_InitToken`, `C_InitPIN` and `C_SetPIN` (PKCS#11 3.2 sections 5.5.7 to 5.5.9).

use std::sync::Arc;

use strongroom_model::{Error, Profile, Result, ReturnCode, Role, Service, UserName};
use strongroom_wire::{Login, Response};

use super::OFFICER;
use crate::access::Caller;
use crate::state::{Change, Demand, Expect, Key, Policy, User};

/// The crypto user that `C_InitPIN` makes when there is none.
const FIRST_USER: &str = "app";

impl Caller<'_> {
    pub(crate) fn init_token(&self, password: &[u8], label: String) -> Result<Response> {
        self.must_be_standard("C_InitToken")?;
        self.check_new_password(password)?;
        if label.len() > 32 {
            return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "a token's label has at most 32 bytes"));
        }
        let officer = UserName::try_from(OFFICER.to_owned())?;
        let initialized = self.node.replica.read().is_initialized();
        let epoch = match initialized {
            true => Some(self.authenticate(Role::Admin, &officer, password, None)?),
            false => None,
        };
        let user = Arc::new(User::with_password(password)?);
        self.commit(|replica| {
            let present = replica.user(Role::Admin, &officer).map(|user| user.value.epoch);
            if replica.is_initialized() != initialized || present != epoch {
                return Err(Error::new(
                    ReturnCode::FUNCTION_FAILED,
                    "somebody else initialised the token meanwhile",
                ));
            }
            // It deletes all users, so it takes what deleting one takes; and `C_InitToken` brings no approvals.
            let approved = self.officers_approval(replica, Service::User)?;
            let policy = Policy {
                label: label.clone(),
                profile: Profile::Standard,
                variant: Default::default(),
                default_user: None,
                quorum: Default::default(),
            };
            let kept = Key::User(Role::Admin, officer.clone());
            let doomed = replica.keys().filter(|key| {
                matches!(key, Key::User(..) | Key::Object(_) | Key::Token(_) | Key::Failures(..))
                    && *key != kept
            });
            let change =
                doomed.fold(Change::default(), |change, key| change.and(key, Expect::Anything, None));
            let old = replica.user(Role::Admin, &officer);
            let change = change.and_policy(replica, policy).and_user(
                Role::Admin,
                &officer,
                old,
                Some(Arc::clone(&user)),
            );
            // What came meanwhile mustn't be left to whoever is made next.
            Ok((change.approved(approved).demanding(Demand::NothingBut(kept)), ()))
        })?;
        Ok(Response::Done)
    }

    pub(crate) fn init_pin(&self, user: Option<UserName>, password: &[u8]) -> Result<Response> {
        self.must_be_standard("C_InitPIN")?;
        self.must_know_the_rules()?;
        self.check_new_password(password)?;
        let name = match user.or_else(|| self.node.info().default_user) {
            Some(name) => name,
            None => UserName::try_from(FIRST_USER.to_owned())?,
        };
        if self.node.replica.read().user(Role::CryptoUser, &name).is_some() {
            self.replace_password(Role::CryptoUser, &name, password, None)?;
            return Ok(Response::Done);
        }
        self.create_user(&Login { role: Role::CryptoUser, user: Some(name), password: password.into() })
    }

    pub(crate) fn set_pin(&self, login: &Login, new: &[u8]) -> Result<Response> {
        let name = self.named(login.role, login.user.as_ref())?;
        self.check_new_password(new)?;
        let epoch = self.authenticate(login.role, &name, &login.password, None)?;
        self.replace_password(login.role, &name, new, Some(epoch))?;
        Ok(Response::Done)
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
