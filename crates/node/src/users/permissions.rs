//! Who may ask for what: the permission table (cloudhsm.md 2.2), asked on every request before anything else.
//!
//! What an operation may be done *to* (one's own objects, keys that are shared, which attributes) is decided where it's
//! carried out.

use strongroom_model::{Error, Profile, Result, ReturnCode, Role, UserName};
use strongroom_wire::{ChallengeKind, Request};

use crate::ticket::Principal;

/// What is asked, as far as roles matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// To know the cluster, its users, its quorum values and its trust anchors; random bytes; to let go of what one has begun.
    Inform,
    /// To show who one is, by a password.
    Identify,
    /// To make the first officer.
    Begin,
    /// To log out, or to go on with a login.
    Remain,
    /// To change one's own password.
    OwnPassword,
    /// To register one's own key, as approver or second factor, or to give it up.
    OwnKey,
    /// To register somebody else's key.
    ForeignKey,
    /// To make, change, unlock and delete users, and bring them to all nodes.
    ManageUsers,
    /// To set quorum values and how long tokens live.
    SetQuorum,
    /// To know whether clients must have certificates.
    KnowTrust,
    /// To say which clients are accepted.
    SetTrust,
    /// To ask for a token for what officers do.
    AskOfficers,
    /// To ask for a token for a key.
    AskSharers,
    /// To list and delete one's own tokens.
    OwnTokens,
    /// To delete everybody's tokens.
    AllTokens,
    /// To find objects and read their open attributes.
    FindObjects,
    /// To change attributes; which ones hangs on the role (`rules/table.rs`): `CKA_TRUSTED` is the officer's, all else
    /// the owner's.
    ChangeObjects,
    /// To make, copy and destroy objects. Nobody and officers only make public ones.
    MakeObjects,
    /// To encrypt, decrypt, sign, verify, wrap, unwrap, derive and encapsulate. Nobody only uses public keys.
    UseKeys,
    /// To share keys.
    ShareKeys,
    /// To take masked objects to a clone of the cluster. Which ones hangs on the role: a crypto user's own, or for an officer
    /// all keys.
    MoveObjects,
}

/// Where a role may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Under every profile.
    Yes,
    /// Under none.
    No,
    /// Under `standard` and `strict`: PKCS#11 has public objects, which take no login.
    Lax,
    /// Under `standard`: PKCS#11's officer makes public objects.
    Standard,
}

impl Operation {
    /// The table: nobody, officer, crypto user. The appliance user has no column, since it never logs in.
    #[rustfmt::skip]
    const fn row(self) -> [May; 3] {
        use May::{Lax, No, Standard, Yes};
        match self {
            //                     nobody    officer   crypto user
            Self::Inform        => [Yes,      Yes,      Yes],
            Self::Identify      => [Yes,      Yes,      Yes],
            Self::Begin         => [Yes,      Yes,      Yes],
            Self::Remain        => [No,       Yes,      Yes],
            Self::OwnPassword   => [No,       Yes,      Yes],
            Self::OwnKey        => [No,       Yes,      Yes],
            Self::ForeignKey    => [No,       No,       No],
            Self::ManageUsers   => [No,       Yes,      No],
            Self::SetQuorum     => [No,       Yes,      No],
            Self::KnowTrust     => [No,       Yes,      Yes],
            Self::SetTrust      => [No,       Yes,      No],
            Self::AskOfficers   => [No,       Yes,      No],
            Self::AskSharers    => [No,       No,       Yes],
            Self::OwnTokens     => [No,       Yes,      Yes],
            Self::AllTokens     => [No,       Yes,      No],
            Self::FindObjects   => [Lax,      Yes,      Yes],
            Self::ChangeObjects => [Lax,      Yes,      Yes],
            Self::MakeObjects   => [Lax,      Standard, Yes],
            Self::UseKeys       => [Lax,      No,       Yes],
            Self::ShareKeys     => [No,       No,       Yes],
            Self::MoveObjects   => [No,       Yes,      Yes],
        }
    }

    fn of(request: &Request, principal: Option<&Principal>) -> Self {
        let own = |role: &Role, user: &UserName| {
            principal.is_some_and(|principal| principal.role == *role && principal.user == *user)
        };
        match request {
            Request::Info
            | Request::Mechanisms
            | Request::Random { .. }
            | Request::ListUsers
            | Request::QuorumSettings
            | Request::TrustAnchors
            | Request::CloseSession
            | Request::Abandon { .. } => Self::Inform,
            Request::Login(_) | Request::LoginWithKey { .. } | Request::SetPin { .. } => Self::Identify,
            Request::Challenge { kind: ChallengeKind::Login, .. } => Self::Identify,
            Request::Activate { .. } | Request::InitToken { .. } => Self::Begin,
            Request::Logout | Request::Renew => Self::Remain,
            Request::ChangePassword(login) => match &login.user {
                Some(user) if !own(&login.role, user) => Self::ManageUsers,
                _ => Self::OwnPassword,
            },
            Request::Challenge { kind: ChallengeKind::Registration, role, user } => match own(role, user) {
                true => Self::OwnKey,
                false => Self::ForeignKey,
            },
            Request::RegisterQuorumKey(_) => Self::OwnKey,
            Request::ChangeMfa { role, user, key } => match (own(role, user), key) {
                (true, _) => Self::OwnKey,
                (false, Some(_)) => Self::ForeignKey,
                (false, None) => Self::ManageUsers,
            },
            Request::CreateUser(_)
            | Request::DeleteUser { .. }
            | Request::InitPin { .. }
            | Request::ReplicateUser { .. }
            | Request::ExtractMaskedUser { .. }
            | Request::InsertMaskedUser { .. } => Self::ManageUsers,
            Request::SetQuorumValue { .. } | Request::SetQuorumTimeouts { .. } => Self::SetQuorum,
            Request::MtlsEnforcement => Self::KnowTrust,
            Request::RegisterTrustAnchor { .. }
            | Request::DeregisterTrustAnchor { .. }
            | Request::SetMtlsEnforcement { .. } => Self::SetTrust,
            Request::QuorumToken { service, .. } if service.is_for_a_key() => Self::AskSharers,
            Request::QuorumToken { .. } => Self::AskOfficers,
            Request::ListQuorumTokens | Request::DeleteQuorumTokens { all: false } => Self::OwnTokens,
            Request::DeleteQuorumTokens { all: true } => Self::AllTokens,
            Request::Find { .. }
            | Request::Object { .. }
            | Request::GetAttributes { .. }
            | Request::ObjectSize { .. }
            | Request::Ownership { .. } => Self::FindObjects,
            Request::SetAttributes { .. } => Self::ChangeObjects,
            Request::Create { .. }
            | Request::Copy { .. }
            | Request::Destroy { .. }
            | Request::GenerateKey { .. }
            | Request::GeneratePair { .. }
            | Request::Persist { .. } => Self::MakeObjects,
            Request::Sign { .. }
            | Request::Verify { .. }
            | Request::SignRecover(_)
            | Request::VerifyRecover(_)
            | Request::Encrypt(_)
            | Request::Decrypt(_)
            | Request::Wrap { .. }
            | Request::Unwrap { .. }
            | Request::Derive { .. }
            | Request::Encapsulate { .. }
            | Request::Decapsulate { .. }
            | Request::Open { .. }
            | Request::Update { .. }
            | Request::Finish { .. }
            | Request::Confirm { .. } => Self::UseKeys,
            Request::Share { .. } => Self::ShareKeys,
            Request::ExtractMasked { .. } | Request::InsertMasked { .. } => Self::MoveObjects,
        }
    }
}

impl May {
    const fn under(self, profile: Profile) -> bool {
        match self {
            Self::Yes => true,
            Self::No => false,
            Self::Lax => !matches!(profile, Profile::CloudHsm),
            Self::Standard => matches!(profile, Profile::Standard),
        }
    }
}

/// Refuses what the table doesn't allow.
///
/// # Errors
///
/// `CKR_USER_NOT_LOGGED_IN`: it takes another login.
pub(crate) fn check(request: &Request, principal: Option<&Principal>, profile: Profile) -> Result<()> {
    let operation = Operation::of(request, principal);
    let [nobody, officer, crypto_user] = operation.row();
    let (cell, refusal) = match principal.map(|principal| principal.role) {
        Some(Role::CryptoUser) => (crypto_user, "only a crypto officer may do this: log in as one"),
        Some(Role::Admin) => (officer, "a crypto officer can't make or use keys: log in as a crypto user"),
        // Nobody logs in as these.
        None | Some(Role::UnactivatedAdmin | Role::Appliance) => (nobody, "this takes a login: log in first"),
    };
    if cell.under(profile) {
        return Ok(());
    }
    let refusal = if principal.is_some() && operation == Operation::ForeignKey {
        "a user registers its own key: log in as that user"
    } else {
        refusal
    };
    Err(Error::new(ReturnCode::USER_NOT_LOGGED_IN, refusal))
}
