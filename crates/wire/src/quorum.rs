//! What is said of quorum tokens, approvals, challenges, and of keys' owners (cloudhsm.md 2.5, 3 and 4.1).

use serde::{Deserialize, Serialize};
use strongroom_model::{Blob, Handle, KeyTerms, Role, Service, UserName, at_most, limits};

/// What goes along with a request, now and then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// Approved quorum tokens; each is for the one gated operation that needs it.
    #[serde(deserialize_with = "at_most::<{ limits::MAX_APPROVALS_SENT }, _, _>")]
    pub approvals: Vec<Approval>,
    /// For the key that the request makes.
    pub terms: KeyTerms,
}

impl Extras {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A quorum token and what its approvers signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The token's `approval_data`, whole: 80 bytes for each node that there was (cloudhsm.md 3.4).
    pub data: Blob,
    /// Who approved.
    #[serde(deserialize_with = "at_most::<{ limits::MAX_SIGNATURES_SENT }, _, _>")]
    pub signatures: Vec<Signature>,
}

/// One approver's signature: RSASSA-PKCS1-v1_5 with SHA-256 under an RSA-2048 key, where the "digest" signed is
/// SHA-256 of `approval_data` (`openssl pkeyutl -sign -pkeyopt digest:sha256` over the file's `token`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The approver.
    pub user: UserName,
    /// Its role, where the file says it.
    pub role: Option<Role>,
    /// The signature.
    pub signature: Blob,
}

/// What a challenge is for: one's own key, proved by signing what one node drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChallengeKind {
    /// To register a key as approver, or a second factor. Asked for when logged in.
    Registration,
    /// To log in with a second factor. Asked for by anybody.
    Login,
}

/// A node's challenge and its answer: a signature as for [`Signature`], over SHA-256 of `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedChallenge {
    /// The 80 bytes that the node drew.
    pub data: Blob,
    /// The signature.
    pub signature: Blob,
}

/// A public key that one registers, and the proof that one has its private half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnKey {
    /// RSA-2048, as SubjectPublicKeyInfo in DER.
    pub public_key: Blob,
    /// One of the node's challenges ([`ChallengeKind::Registration`]) with its answer is enough.
    #[serde(deserialize_with = "at_most::<{ limits::MAX_CHALLENGES_SENT }, _, _>")]
    pub proof: Vec<SignedChallenge>,
}

/// A quorum token that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumTokenInfo {
    /// Who asked for it.
    pub user: UserName,
    /// Its role.
    pub role: Role,
    /// What it's for.
    pub service: Service,
    /// The key, for the services of keys.
    pub key: Option<Handle>,
    /// How many approvals it needs.
    pub required: u8,
    /// How many it has had; always 0 where approvals come with the operation.
    pub approvals: u8,
    /// Seconds until it expires.
    pub seconds_left: u32,
}

/// How many approvals each service needs, and how long tokens live (cloudhsm.md 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumSettings {
    /// For `user`; 1 is off.
    pub user: u8,
    /// For `quorum`.
    pub quorum: u8,
    /// For `cluster`.
    pub cluster: u8,
    /// Seconds that a token has to be approved.
    pub generated: u32,
    /// Seconds that an approved token has to be used.
    pub approved: u32,
}

impl QuorumSettings {
    /// The most approvals that can be asked for.
    pub const MAX: u8 = 8;

    /// How many approvals a service needs; `None` for those of keys.
    pub const fn of(&self, service: Service) -> Option<u8> {
        match service {
            Service::User => Some(self.user),
            Service::Quorum => Some(self.quorum),
            Service::Cluster => Some(self.cluster),
            Service::KeyManagement | Service::KeyUsage => None,
        }
    }
}

impl Default for QuorumSettings {
    fn default() -> Self {
        Self { user: 1, quorum: 1, cluster: 1, generated: 600, approved: 600 }
    }
}

/// Whose an object is, who may use it, and how many must agree, as one node has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The crypto user that made it; `None` for what was made without a login.
    pub owner: Option<UserName>,
    /// Crypto users it is shared with, and the quorum values.
    pub terms: KeyTerms,
}
