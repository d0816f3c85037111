//! The first officer (cloudhsm.md 1.3, 2.1).

use std::sync::Arc;

use strongroom_model::{Error, Profile, Result, ReturnCode, Role, UserName};
use strongroom_wire::Response;

use super::OFFICER;
use crate::access::Caller;
use crate::state::{Change, Policy, User};

impl Caller<'_> {
    /// Gives the unactivated admin a password, which makes it the officer `admin`.
    ///
    /// # Errors
    ///
    /// `CKR_ACTION_PROHIBITED` when there is an officer, or the cluster waits for its customer's certificate; `CKR_PIN_LEN_RANGE`.
    pub(crate) fn activate(&self, password: &[u8]) -> Result<Response> {
        let active =
            || Error::new(ReturnCode::ACTION_PROHIBITED, "the cluster is active already: it has an officer");
        if self.node.replica.read().is_initialized() {
            return Err(active());
        }
        if self.node.replica.read().identity().is_some_and(|identity| identity.is_awaiting()) {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                "the cluster isn't initialized: sign its request and give it the certificate first, by `strongroom cluster \
                 initialize` or the API's InitializeCluster",
            ));
        }
        self.check_new_password(password)?;
        let officer = UserName::try_from(OFFICER.to_owned())?;
        let user = Arc::new(User::with_password(password)?);
        let first = self.first_policy();
        self.commit(|replica| {
            if replica.is_initialized() {
                return Err(active());
            }
            let change = Change::default().and_user(Role::Admin, &officer, None, Some(Arc::clone(&user)));
            // Only a cluster that somebody made without one has no policy yet.
            let change = match replica.policy() {
                Some(_) => change,
                None => change.and_policy(replica, first.clone()),
            };
            Ok((change, ()))
        })?;
        Ok(Response::Done)
    }

    fn first_policy(&self) -> Policy {
        let label = self.node.info().label;
        Policy {
            label,
            profile: Profile::Standard,
            variant: Default::default(),
            default_user: None,
            quorum: Default::default(),
        }
    }
}
