//! What is asked of a node.

use serde::{Deserialize, Serialize};
use strongroom_model::{
    AttributeType, Attributes, Blob, Handle, Mechanism, MtlsEnforcement, Role, Service, UserName, at_most,
    limits,
};

use crate::quorum::{ChallengeKind, OwnKey, SignedChallenge};

/// A user's name, or the default user, and a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// The role to log in as.
    pub role: Role,
    /// Under `standard`, `None` is the default crypto user, or the officer `admin`.
    pub user: Option<UserName>,
    /// The password.
    pub password: Blob,
}

/// What is asked of a node.
///
/// Template attributes are the caller's own; the node applies defaults and rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// [`Response::Cluster`](crate::Response::Cluster).
    Info,
    /// Which mechanisms the profile has: [`Response::Mechanisms`](crate::Response::Mechanisms).
    Mechanisms,
    /// [`Response::Ticket`](crate::Response::Ticket); the connection speaks for the user from then on.
    Login(Login),
    /// Voids all tickets of this client instance; the connection speaks for nobody from then on.
    Logout,
    /// A fresh ticket for who the connection speaks for, made for this instance: [`Response::Ticket`](crate::Response::Ticket).
    Renew,
    /// `C_InitToken`: destroys all objects and users and makes the officer `admin`.
    InitToken {
        /// The officer's password; on an initialised token it must be the present one.
        password: Blob,
        /// The label, without padding.
        label: String,
    },
    /// `C_InitPIN`, by the officer: makes the default crypto user or sets its password.
    InitPin {
        /// `None`: the default user.
        user: Option<UserName>,
        /// The new password.
        password: Blob,
    },
    /// `C_SetPIN`: changes one's own password.
    SetPin {
        /// Whose, with the present password. Nobody needs to be logged in.
        login: Login,
        /// The new password.
        new: Blob,
    },
    /// Random bytes, at most `limits::MAX_RANDOM`: [`Response::Bytes`](crate::Response::Bytes).
    Random {
        /// How many.
        len: u32,
    },
    /// Objects one may see that have all these attributes, in order of handles: [`Response::Found`](crate::Response::Found).
    Find {
        /// What they must have; empty finds all.
        template: Attributes,
        /// Only those behind this handle.
        after: Option<Handle>,
        /// How many at most; the node may send fewer.
        limit: u32,
    },
    /// [`Response::Object`](crate::Response::Object).
    Object {
        /// The object.
        handle: Handle,
    },
    /// [`Response::Answers`](crate::Response::Answers), one per type asked for, in order.
    GetAttributes {
        /// The object.
        handle: Handle,
        /// Which attributes.
        #[serde(deserialize_with = "at_most::<{ limits::MAX_ASKED }, _, _>")]
        types: Vec<AttributeType>,
    },
    /// `C_SetAttributeValue`: [`Response::Object`](crate::Response::Object).
    SetAttributes {
        /// The object.
        handle: Handle,
        /// The new values.
        template: Attributes,
    },
    /// Size of an object in bytes: [`Response::Size`](crate::Response::Size).
    ObjectSize {
        /// The object.
        handle: Handle,
    },
    /// `C_CreateObject`: [`Response::Object`](crate::Response::Object).
    Create {
        /// All the object is made of.
        template: Attributes,
    },
    /// `C_CopyObject`: [`Response::Object`](crate::Response::Object).
    Copy {
        /// The object.
        handle: Handle,
        /// What is different in the copy.
        template: Attributes,
    },
    /// `C_DestroyObject`.
    Destroy {
        /// The object.
        handle: Handle,
    },
    /// `C_GenerateKey`: [`Response::Object`](crate::Response::Object).
    GenerateKey {
        /// How.
        mechanism: Mechanism,
        /// For the key.
        template: Attributes,
    },
    /// `C_GenerateKeyPair`: [`Response::Pair`](crate::Response::Pair).
    GeneratePair {
        /// How.
        mechanism: Mechanism,
        /// For the public key.
        public: Attributes,
        /// For the private key.
        private: Attributes,
    },
    /// [`Response::Bytes`](crate::Response::Bytes).
    Sign {
        /// With what and how, over what.
        operation: Operation,
        /// Whether `data` is the digest that the mechanism's hash gives of the message.
        digested: bool,
    },
    /// [`Response::Done`](crate::Response::Done), or `CKR_SIGNATURE_INVALID`.
    Verify {
        /// With what and how, over what.
        operation: Operation,
        /// As for signing.
        digested: bool,
        /// The signature.
        signature: Blob,
    },
    /// A signature that holds what is signed: [`Response::Bytes`](crate::Response::Bytes).
    SignRecover(Operation),
    /// What was signed, from the signature that is the operation's data: [`Response::Bytes`](crate::Response::Bytes), or
    /// `CKR_SIGNATURE_INVALID`.
    VerifyRecover(Operation),
    /// [`Response::Bytes`](crate::Response::Bytes).
    Encrypt(Operation),
    /// [`Response::Bytes`](crate::Response::Bytes).
    Decrypt(Operation),
    /// [`Response::Bytes`](crate::Response::Bytes).
    Wrap {
        /// How.
        mechanism: Mechanism,
        /// With what.
        wrapping: Handle,
        /// What.
        key: Handle,
    },
    /// [`Response::Object`](crate::Response::Object).
    Unwrap {
        /// How.
        mechanism: Mechanism,
        /// With what.
        unwrapping: Handle,
        /// The wrapped key.
        wrapped: Blob,
        /// For the new key.
        template: Attributes,
    },
    /// [`Response::Object`](crate::Response::Object).
    Derive {
        /// How.
        mechanism: Mechanism,
        /// From what.
        base: Handle,
        /// For the new key.
        template: Attributes,
    },
    /// `C_EncapsulateKey`: [`Response::Encapsulated`](crate::Response::Encapsulated). How long the ciphertext will be
    /// follows from what a client knows of the public key, so that asking for it costs no key.
    Encapsulate {
        /// How.
        mechanism: Mechanism,
        /// Whose public key.
        public: Handle,
        /// For the new key.
        template: Attributes,
    },
    /// `C_DecapsulateKey`: [`Response::Object`](crate::Response::Object).
    Decapsulate {
        /// How.
        mechanism: Mechanism,
        /// With which private key.
        private: Handle,
        /// From [`Response::Encapsulated`](crate::Response::Encapsulated).
        ciphertext: Blob,
        /// For the new key.
        template: Attributes,
    },
    /// Starts a multi-part operation with its first part: [`Response::Streaming`](crate::Response::Streaming). The operation lives on this node,
    /// until its last part, an error, the end of its session or of the client instance.
    Open {
        /// What kind.
        kind: StreamKind,
        /// With what and how; and the first part of the data.
        operation: Operation,
    },
    /// The next part: [`Response::Bytes`](crate::Response::Bytes), what the operation gives out by now.
    Update {
        /// From [`Response::Streaming`](crate::Response::Streaming).
        stream: u64,
        /// The part.
        data: Blob,
    },
    /// Ends a multi-part operation: [`Response::Bytes`](crate::Response::Bytes) (the rest, or the signature), or [`Response::Done`](crate::Response::Done) for verification.
    Finish {
        /// From [`Response::Streaming`](crate::Response::Streaming).
        stream: u64,
        /// The signature to verify; empty for other kinds.
        signature: Blob,
    },
    /// Gives up a multi-part operation; fine if it's gone.
    Abandon {
        /// From [`Response::Streaming`](crate::Response::Streaming).
        stream: u64,
    },
    /// The session is closed: its objects and operations on this node go.
    CloseSession,
    /// `C_Login` as `CKU_CONTEXT_SPECIFIC`: lets this session use a key once, on this node, that wants a login for each use.
    Confirm {
        /// The key.
        key: Handle,
        /// The password of who is logged in.
        password: Blob,
    },
    /// Makes a user; by an officer.
    CreateUser(Login),
    /// Deletes a user; by an officer.
    DeleteUser {
        /// Its role.
        role: Role,
        /// Its name.
        user: UserName,
    },
    /// Sets a password, one's own or, for an officer, anybody's; unlocks the user.
    ChangePassword(Login),
    /// [`Response::Users`](crate::Response::Users).
    ListUsers,
    /// Sets the password of the unactivated admin, who becomes the first officer; by anybody, once.
    Activate {
        /// The password.
        password: Blob,
    },
    /// As [`Request::Login`], by a user with a second factor: [`Response::Ticket`](crate::Response::Ticket).
    LoginWithKey {
        /// Who, and the password.
        login: Login,
        /// Challenges with their answers; the node looks for its own.
        #[serde(deserialize_with = "at_most::<{ limits::MAX_CHALLENGES_SENT }, _, _>")]
        signed: Vec<SignedChallenge>,
    },
    /// Something to sign: [`Response::Bytes`](crate::Response::Bytes), 80 of them, good on this node, once, for 600 seconds.
    Challenge {
        /// What for.
        kind: ChallengeKind,
        /// Who will sign it.
        role: Role,
        /// Its name.
        user: UserName,
    },
    /// Registers a key as approver's; for oneself.
    RegisterQuorumKey(OwnKey),
    /// Sets a second factor for oneself, with which comes the approver's registration; or, with `None`, takes both away:
    /// one's own, or as an officer anybody's, which is gated by the service `user`.
    ChangeMfa {
        /// Whose role.
        role: Role,
        /// Whose.
        user: UserName,
        /// The key.
        key: Option<OwnKey>,
    },
    /// Asks for a quorum token: [`Response::Bytes`](crate::Response::Bytes), its `approval_data`.
    QuorumToken {
        /// For what.
        service: Service,
        /// For which key, where it's a service of keys.
        key: Option<Handle>,
    },
    /// [`Response::QuorumTokens`](crate::Response::QuorumTokens).
    ListQuorumTokens,
    /// Deletes one's own quorum tokens or, as an officer, all.
    DeleteQuorumTokens {
        /// All.
        all: bool,
    },
    /// [`Response::QuorumSettings`](crate::Response::QuorumSettings); by anybody.
    QuorumSettings,
    /// Sets how many approvals a service needs; by an officer, gated by the service `quorum`.
    SetQuorumValue {
        /// `user`, `quorum` or `cluster`.
        service: Service,
        /// 1 to 8.
        value: u8,
    },
    /// Sets how long tokens live, in seconds; by an officer.
    SetQuorumTimeouts {
        /// To be approved.
        generated: Option<u32>,
        /// To be used once approved.
        approved: Option<u32>,
    },
    /// Lets another crypto user use a key, or no longer; by its owner.
    Share {
        /// The key.
        handle: Handle,
        /// The crypto user.
        user: UserName,
        /// Whether it may.
        shared: bool,
    },
    /// [`Response::Ownership`](crate::Response::Ownership).
    Ownership {
        /// The object.
        handle: Handle,
    },
    /// Makes a token object of a session object, which is gone then: [`Response::Object`](crate::Response::Object).
    Persist {
        /// The session object.
        handle: Handle,
    },
    /// Brings a user, and with it the policy, to the nodes that missed its changes; by an officer.
    ReplicateUser {
        /// Its role.
        role: Role,
        /// Its name.
        user: UserName,
    },
    /// [`Response::TrustAnchors`](crate::Response::TrustAnchors); by anybody.
    TrustAnchors,
    /// Lets clients in whose certificates come from this one: [`Response::TrustAnchors`](crate::Response::TrustAnchors), the one; by
    /// an officer, gated by the service `cluster`, as the next ones that change something.
    RegisterTrustAnchor {
        /// In DER.
        certificate: Blob,
    },
    /// Takes one of these away.
    DeregisterTrustAnchor {
        /// What it's called by.
        reference: u32,
    },
    /// [`Response::MtlsEnforcement`](crate::Response::MtlsEnforcement); by who is logged in.
    MtlsEnforcement,
    /// Says whether clients must come with such a certificate; by the officer `admin`.
    SetMtlsEnforcement {
        /// Whether.
        level: MtlsEnforcement,
    },
    /// A token object as only clones of its cluster can read it: [`Response::Bytes`](crate::Response::Bytes); by its owner
    /// or an officer.
    ExtractMasked {
        /// The object.
        handle: Handle,
        /// The serial number of the cluster that it's for.
        to: String,
    },
    /// Takes a masked object in: [`Response::Object`](crate::Response::Object); by its owner or an officer.
    InsertMasked {
        /// From [`Request::ExtractMasked`].
        masked: Blob,
    },
    /// A user as only clones of its cluster can read it: [`Response::Bytes`](crate::Response::Bytes); by an officer.
    ExtractMaskedUser {
        /// Its role.
        role: Role,
        /// Its name.
        user: UserName,
        /// The serial number of the cluster that it's for.
        to: String,
    },
    /// Takes a masked user in; by an officer, gated by the service `user`.
    InsertMaskedUser {
        /// Its role.
        role: Role,
        /// Its name.
        user: UserName,
        /// From [`Request::ExtractMaskedUser`].
        masked: Blob,
    },
}

/// A key, a mechanism, and data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Operation {
    /// The key.
    pub key: Handle,
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The data.
    pub data: Blob,
}

/// The kinds of multi-part operation that run on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamKind {
    /// `C_EncryptUpdate`.
    Encrypt,
    /// `C_DecryptUpdate`.
    Decrypt,
    /// `C_SignUpdate`.
    Sign,
    /// `C_VerifyUpdate`.
    Verify,
}

#[cfg(test)]
mod tests {
    use strongroom_model::{KeyTerms, Value};

    use super::*;
    use crate::{Approval, Envelope, Extras, Signature, SignedChallenge, decode, encode};

    /// Elements of two bytes each that take fifty in memory: whoever may send messages could fill it.
    #[test]
    fn lists_in_messages_are_bounded() {
        let decodes = |extras: Extras, request: Request| {
            let mut frame = Vec::new();
            let extras = Some(Box::new(extras));
            encode(&Envelope { attach: None, session: 1, extras, request }, &mut frame).unwrap();
            decode::<Envelope>(&frame[4..]).is_ok()
        };
        let info = |extras| decodes(extras, Request::Info);
        let user: UserName = "a".parse().unwrap();
        let empty = Approval { data: Blob::default(), signatures: Vec::new() };
        let approvals = |len| Extras { approvals: vec![empty.clone(); len], ..Extras::default() };
        assert!(info(approvals(64)) && !info(approvals(65)));
        let signature = Signature { user: user.clone(), role: None, signature: Blob::default() };
        let signed = |len| {
            let signatures = vec![signature.clone(); len];
            Extras { approvals: vec![Approval { signatures, ..empty.clone() }], ..Extras::default() }
        };
        assert!(info(signed(128)) && !info(signed(129)));
        let shared = |len| {
            let terms = KeyTerms { share_with: vec![user.clone(); len], ..KeyTerms::default() };
            Extras { terms, ..Extras::default() }
        };
        assert!(info(shared(1024)) && !info(shared(1025)));

        let ask = |request| decodes(Extras::default(), request);
        let challenge = SignedChallenge { data: Blob::default(), signature: Blob::default() };
        let login = || Login { role: Role::Admin, user: None, password: Blob::default() };
        let with_key = |len| Request::LoginWithKey { login: login(), signed: vec![challenge.clone(); len] };
        assert!(ask(with_key(112)) && !ask(with_key(113)));
        let own = |len| OwnKey { public_key: Blob::default(), proof: vec![challenge.clone(); len] };
        assert!(ask(Request::RegisterQuorumKey(own(112))) && !ask(Request::RegisterQuorumKey(own(113))));
        let types =
            |len| Request::GetAttributes { handle: Handle(1), types: vec![AttributeType::LABEL; len] };
        assert!(ask(types(4096)) && !ask(types(4097)));
        let find = |template| Request::Find { template, after: None, limit: 1 };
        let many =
            |len| (0..len).map(|kind| (AttributeType(0x8000_0000 + kind), Value::Bool(true))).collect();
        assert!(ask(find(many(128))) && !ask(find(many(129))));
        let kinds =
            |len| Attributes::new().with(AttributeType::ALLOWED_MECHANISMS, Value::Mechanisms(vec![1; len]));
        assert!(ask(find(kinds(32_768))) && !ask(find(kinds(32_769))));
    }
}
