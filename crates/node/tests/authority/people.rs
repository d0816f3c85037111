//! What the people of a cluster do: their keys, tokens and requests.

use std::sync::OnceLock;

use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::DecodePrivateKey;
use sha2::{Digest, Sha256};
use strongroom_model::{
    AttributeType, Attributes, Blob, Mechanism, MechanismType, Result, Role, Service, UserName,
};
use strongroom_wire::*;

use crate::common::{Client, OTHER};

impl Client {
    pub(crate) fn with(&mut self, approvals: Vec<Approval>, request: Request) -> Result<Response> {
        let extras = Some(Box::new(Extras { approvals, ..Extras::default() }));
        self.connection.handle(Envelope { attach: None, session: 1, extras, request }).result
    }

    pub(crate) fn challenge(&mut self, kind: ChallengeKind, role: Role, user: &str) -> Blob {
        self.bytes(Request::Challenge { kind, role, user: name(user) })
    }

    /// One's own key with an answered challenge of this node.
    pub(crate) fn own_key(&mut self, role: Role, user: &str, signer: &Signer) -> OwnKey {
        let data = self.challenge(ChallengeKind::Registration, role, user);
        let signature = signer.sign(&data);
        OwnKey { public_key: signer.spki.clone(), proof: vec![SignedChallenge { data, signature }] }
    }

    pub(crate) fn register(&mut self, role: Role, user: &str, signer: &Signer) -> Result<Response> {
        let own = self.own_key(role, user, signer);
        self.ask(Request::RegisterQuorumKey(own))
    }

    pub(crate) fn token(&mut self, service: Service) -> Blob {
        self.bytes(Request::QuorumToken { service, key: None })
    }

    pub(crate) fn tokens(&mut self) -> Vec<QuorumTokenInfo> {
        match self.ask(Request::ListQuorumTokens) {
            Ok(Response::QuorumTokens(tokens)) => tokens,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn users(&mut self) -> Vec<UserInfo> {
        match self.ask(Request::ListUsers) {
            Ok(Response::Users(users)) => users,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn user(&mut self, user: &str) -> UserInfo {
        let mut users = self.users();
        users.retain(|info| info.name == name(user));
        assert_eq!(users.len(), 1, "{user}");
        users.remove(0)
    }

    pub(crate) fn settings(&mut self) -> QuorumSettings {
        match self.ask(Request::QuorumSettings) {
            Ok(Response::QuorumSettings(settings)) => settings,
            other => panic!("{other:?}"),
        }
    }
}

/// A user's key pair.
pub(crate) struct Signer {
    key: rsa::RsaPrivateKey,
    pub(crate) spki: Blob,
}

impl Signer {
    /// What `openssl pkeyutl -sign -pkeyopt digest:sha256` makes of the SHA-256 of some data.
    pub(crate) fn sign(&self, data: &[u8]) -> Blob {
        let digest = Sha256::digest(data);
        Blob::from(self.key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest).unwrap())
    }
}

/// Each has one, whatever the test: `spare` is nobody's.
pub(crate) const SIGNERS: [&str; 7] = ["admin", "olga", "otto", "oscar", "app", "other", "spare"];

pub(crate) fn signer(user: &str) -> &'static Signer {
    static SIGNERS_MADE: OnceLock<Vec<Signer>> = OnceLock::new();
    let signers = SIGNERS_MADE.get_or_init(|| SIGNERS.iter().map(|_| new_signer(2048)).collect());
    &signers[SIGNERS.iter().position(|other| *other == user).unwrap()]
}

pub(crate) fn new_signer(bits: u64) -> Signer {
    let mechanism = Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN);
    let template = Attributes::new().with(AttributeType::MODULUS_BITS, bits);
    let pair = strongroom_crypto::generate_pair(&mechanism, &template).unwrap();
    let spki = Blob::from(pair.public_key.public_key_info().unwrap());
    let key = rsa::RsaPrivateKey::from_pkcs8_der(&strongroom_crypto::to_pkcs8(&pair.key).unwrap()).unwrap();
    Signer { key, spki }
}

/// A token with the signatures of these users.
pub(crate) fn approved(data: &Blob, by: &[&str]) -> Approval {
    let signatures =
        by.iter().map(|user| Signature { user: name(user), role: None, signature: signer(user).sign(data) });
    Approval { data: data.clone(), signatures: signatures.collect() }
}

pub(crate) fn name(user: &str) -> UserName {
    user.parse().unwrap()
}

pub(crate) fn login(role: Role, user: &str, password: &str) -> Login {
    Login { role, user: Some(name(user)), password: Blob::from(password.as_bytes()) }
}

pub(crate) fn create(user: &str) -> Request {
    Request::CreateUser(login(Role::CryptoUser, user, OTHER))
}

pub(crate) fn change_password(role: Role, user: &str, password: &str) -> Request {
    Request::ChangePassword(login(role, user, password))
}

/// The sentence of a refusal.
pub(crate) fn sentence(result: Result<Response>) -> String {
    result.unwrap_err().message
}

pub(crate) fn delete(role: Role, user: &str) -> Request {
    Request::DeleteUser { role, user: name(user) }
}
