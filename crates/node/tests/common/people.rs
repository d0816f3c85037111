//! Crypto users who approve: `ann`, `ben`, `cyd` and `dan`, each with a registered RSA key.

use std::sync::{Arc, OnceLock};

use strongroom_crypto::{Input, Key as CryptoKey};
use strongroom_model::{
    AttributeType, Attributes, Blob, Handle, Hash, KeyTerms, Mechanism, MechanismType, Profile, Role, Service,
};
use strongroom_node::state::{Key, Record, Revision, User};
use strongroom_wire::{Approval, Extras, Request, Response, Signature};

use super::{Client, World, world_of};

pub(crate) const NAMES: [&str; 4] = ["ann", "ben", "cyd", "dan"];
pub(crate) const PASSWORD: &str = "people-password";

struct Pair {
    key: CryptoKey,
    spki: Blob,
}

/// RSA keys take long to make: one for each name, for the whole test program.
fn pairs() -> &'static [Pair; 4] {
    static PAIRS: OnceLock<[Pair; 4]> = OnceLock::new();
    PAIRS.get_or_init(|| {
        NAMES.map(|_| {
            let mechanism = Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN);
            let public = Attributes::new().with(AttributeType::MODULUS_BITS, 2048);
            let pair = strongroom_crypto::generate_pair(&mechanism, &public).unwrap();
            Pair { spki: Blob::from(pair.public_key.public_key_info().unwrap()), key: pair.key }
        })
    })
}

fn number(name: &str) -> usize {
    NAMES.iter().position(|other| *other == name).unwrap()
}

/// The usual world with these people in it.
pub(crate) fn world_of_people(profile: Profile) -> World {
    let people = NAMES.iter().zip(pairs()).map(|(name, pair)| -> (Key, Revision, Record) {
        let mut user = User::with_password(PASSWORD.as_bytes()).unwrap();
        user.public_key = Some(pair.spki.clone());
        (Key::User(Role::CryptoUser, name.parse().unwrap()), 1, Record::User(Arc::new(user)))
    });
    world_of(profile, people.collect())
}

impl World {
    /// One of the people, in a process of its own.
    pub(crate) fn person(&self, name: &str) -> Client {
        let mut client = self.client(200 + u8::try_from(number(name)).unwrap());
        client.login(Role::CryptoUser, Some(name), PASSWORD).unwrap();
        client
    }
}

/// Terms: shared with these, and so many must agree to its management and to its use.
pub(crate) fn terms(share_with: &[&str], manage_quorum: u8, use_quorum: u8) -> Extras {
    let share_with = share_with.iter().map(|name| name.parse().unwrap()).collect();
    Extras { terms: KeyTerms { share_with, manage_quorum, use_quorum }, ..Extras::default() }
}

impl Client {
    /// A quorum token for a key, unsigned.
    pub(crate) fn key_token(&mut self, service: Service, key: Handle) -> Blob {
        match self.ask(Request::QuorumToken { service, key: Some(key) }) {
            Ok(Response::Bytes(data)) => data,
            other => panic!("{other:?}"),
        }
    }

    /// A quorum token for a key, approved by these people.
    pub(crate) fn approved_for(&mut self, service: Service, key: Handle, by: &[&str]) -> Extras {
        let data = self.key_token(service, key);
        Extras { approvals: vec![approval(data, by)], ..Extras::default() }
    }
}

/// What these people make of a token.
pub(crate) fn approval(data: Blob, by: &[&str]) -> Approval {
    let token = strongroom_crypto::digest::digest(Hash::Sha256, &[&data]);
    let signatures = by.iter().map(|name| {
        let mechanism = Mechanism::plain(MechanismType::SHA256_RSA_PKCS);
        let signature =
            strongroom_crypto::sign(&pairs()[number(name)].key, &mechanism, Input::Digest(&token)).unwrap();
        Signature { user: name.parse().unwrap(), role: None, signature }
    });
    Approval { signatures: signatures.collect(), data }
}
