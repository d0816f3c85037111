//! Making a cluster: all of it in one commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use strongroom_crypto::random;
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, NodeId, Profile, Role, UserName, Variant, limits};
use strongroom_node::state::{Change, Expect, Key, Policy, Record, Replica, User};
use strongroom_node::{PasswordLimits, check_name};
use strongroom_store::{Store, Write};

use crate::ClusterError;
use crate::batch::{Batch, Ground};
use crate::certificates::Issue;
use crate::draft::Draft;
use crate::keys::{BOOTS, HANDLES, MEMBERS, META};
use crate::lags::Lags;
use crate::members::{Members, check_numbers};
use crate::meta::Meta;
use crate::vault::{Fingerprint, Vault};

/// The longest name of a cluster: it's the token's label too, which has 32 bytes (PKCS#11 3.2, `CK_TOKEN_INFO`).
pub const MAX_NAME: usize = 32;
/// The officer that a new cluster has.
const OFFICER: &str = "admin";

/// A cluster to be made.
pub struct CreateOptions {
    /// Its name, and the token's first label: 1 to [`MAX_NAME`] letters, digits or the characters `_ -`,
    /// with a letter or digit in front. It names files too.
    pub name: String,
    /// How many nodes, 1 to [`limits::MAX_NODES`].
    pub nodes: u16,
    /// The number of the first node. Another than 0 is for a cluster of a name that there was: no node gets the number of
    /// an earlier one, whose audit log there may be.
    pub first_node: u16,
    /// What it allows.
    pub profile: Profile,
    /// Which HSM it plays under `cloudhsm`.
    pub variant: Variant,
    /// Password of the officer `admin`; `None` exactly if `uninitialized`.
    pub officer_password: Option<Blob>,
    /// Crypto users with their passwords; the first is the default user.
    pub crypto_users: Vec<(UserName, Blob)>,
    /// Leaves the token for `C_InitToken`: no users.
    pub uninitialized: bool,
    /// Who certifies the cluster's key.
    pub certificates: Issue,
}

impl CreateOptions {
    /// Checks all that can be known before anything is made.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Options`] with a sentence.
    pub fn check(&self) -> Result<(), ClusterError> {
        let refuse = |sentence: String| Err(ClusterError::Options(sentence));
        check_shape(&self.name, self.nodes)?;
        check_numbers(&self.name, self.first_node, self.nodes)?;
        let Some(officer) = &self.officer_password else {
            if self.uninitialized && self.crypto_users.is_empty() {
                return Ok(());
            }
            return refuse("a cluster with users needs a password for its officer".to_owned());
        };
        if self.uninitialized {
            return refuse("an uninitialized cluster has no users: leave out their passwords".to_owned());
        }
        let mut names = HashSet::from([OFFICER]);
        for (name, _) in &self.crypto_users {
            check_name(self.profile, name).or_else(|error| refuse(error.message))?;
            if !names.insert(name.as_str()) {
                return refuse(format!("there is more than one user {name}"));
            }
        }
        if self.crypto_users.len() >= limits::MAX_USERS {
            return refuse(format!("a cluster has {} users at most", limits::MAX_USERS));
        }
        let passwords = self.crypto_users.iter().map(|(name, password)| (name.as_str(), password));
        for (name, password) in passwords.chain([(OFFICER, officer)]) {
            let PasswordLimits { min, max, .. } = PasswordLimits::of(self.profile);
            if !(min as usize..=max as usize).contains(&password.len()) {
                return refuse(format!("the password of {name} must have {min} to {max} bytes"));
            }
        }
        Ok(())
    }

    /// The policy, the users, and the cluster's key.
    fn records(&self, serial: &str, masking: &SealingKey, now: u64) -> Result<Change, ClusterError> {
        let policy = Policy {
            label: self.name.clone(),
            profile: self.profile,
            variant: self.variant,
            default_user: self.crypto_users.first().map(|(name, _)| name.clone()),
            quorum: Default::default(),
        };
        let mut change = Change::of(Key::Policy, Expect::Absent, Some(Record::Policy(Arc::new(policy))));
        let user = |role, name, password: &Blob| -> Result<_, ClusterError> {
            let record = Record::User(Arc::new(User::with_password(password)?));
            Ok((Key::User(role, name), Expect::Absent, Some(record)))
        };
        if let Some(password) = &self.officer_password {
            let (key, expect, record) = user(Role::Admin, OFFICER.parse()?, password)?;
            change = change.and(key, expect, record);
        }
        for (name, password) in &self.crypto_users {
            let (key, expect, record) = user(Role::CryptoUser, name.clone(), password)?;
            change = change.and(key, expect, record);
        }
        if let Some(identity) = self.certificates.identity(serial, self.variant.mode, masking, now)? {
            let record = Record::Identity(Arc::new(identity));
            change = change.and(Key::Identity, Expect::Absent, Some(record));
        }
        Ok(change)
    }
}

/// Whether a cluster may have this name, and so many nodes.
pub(crate) fn check_shape(name: &str, nodes: u16) -> Result<(), ClusterError> {
    let valid = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        && name.as_bytes()[0].is_ascii_alphanumeric();
    if !valid {
        return Err(ClusterError::Options(format!(
            "a cluster's name has 1 to {MAX_NAME} letters, digits or the characters _ - and starts with a letter or digit"
        )));
    }
    if !(1..=limits::MAX_NODES).contains(&usize::from(nodes)) {
        return Err(ClusterError::Options(format!(
            "a cluster has 1 to {} nodes, not {nodes}",
            limits::MAX_NODES
        )));
    }
    Ok(())
}

/// A token's serial number: 16 hex digits.
pub(crate) fn new_serial() -> String {
    random::bytes::<8>().map(|byte| format!("{byte:02x}")).concat()
}

/// Writes a new cluster into an empty store.
pub(crate) fn create(
    store: &dyn Store,
    options: &CreateOptions,
    root: &SealingKey,
    now: u64,
) -> Result<(), ClusterError> {
    options.check()?;
    let snapshot = store.load()?;
    if snapshot.revision != 0 || !snapshot.records.is_empty() {
        return Err(ClusterError::Exists);
    }
    let masking = SealingKey::generate();
    let meta = Meta {
        name: options.name.clone(),
        serial: new_serial(),
        profile: options.profile,
        nodes: (0..options.nodes).map(|number| NodeId(options.first_node + number)).collect(),
        epoch: 1,
        masking: masking.to_bytes(),
    };
    let vault = Vault::new(&meta.serial, &masking);

    let version = snapshot.revision + 1;
    let mut fingerprint = Fingerprint::default();
    fingerprint.add(vault.mark(META, version));
    let draft = Draft::of(options.records(&meta.serial, &masking, now)?)?
        .and_note(BOOTS, &0u64)?
        .and_note(HANDLES, &1u64)?
        .and_note(MEMBERS, &Members::as_made(&meta))?;
    let (master, notes, lags) = (Replica::default(), HashMap::new(), Lags::default());
    let ground = Ground { vault: &vault, master: &master, notes: &notes, lags: &lags, away: &[] };
    let mut batch = Batch::new(ground, fingerprint);
    batch.add(draft);
    let mut sealed = batch.seal().ok_or(ClusterError::Empty)?;
    let meta = Write { key: META.to_owned(), value: Some(meta.seal(root, version)?) };
    sealed.changes[0].push(meta);
    store.commit(sealed.base, &sealed.changes)?;
    Ok(())
}
