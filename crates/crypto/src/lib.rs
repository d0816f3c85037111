//! Algorithms over key material, one module per family. No policy: what is asked of this crate is
//! done, whoever asks; that it may be asked is the node's business.
//!
//! The engine is AWS-LC, behind the safe face of the module `ffi`. Keys are parsed once, into [`Key`],
//! and kept ready, because parsing costs as much as signing. What a mechanism does follows from its row
//! in the mechanism table ([`strongroom_model::MECHANISMS`]).

#![deny(unsafe_code)]

pub mod aes;
mod approver;
mod chacha;
mod des;
mod dh;
pub mod digest;
mod dsa;
mod ec;
mod edwards;
mod family;
#[allow(unsafe_code, reason = "the one room of this crate that calls C")]
mod ffi;
mod framing;
mod generate;
mod hashbased;
mod hybrid;
pub mod kdf;
mod key;
pub mod mac;
mod mldsa;
mod mlkem;
mod montgomery;
mod octets;
mod operation;
pub mod password;
mod pkcs8;
pub mod random;
mod roomy;
mod rsa;
pub mod seal;
mod secret;
mod seeded;
mod sets;
mod slhdsa;
mod spki;
mod stream;
pub mod x509;

pub use approver::ApproverKey;
pub use dh::{DhPrivate, DhPublic};
pub use dsa::{DsaPrivate, DsaPublic};
pub use ec::{Curve, EcPrivate, EcPublic};
pub use edwards::{EdwardsPrivate, EdwardsPublic};
pub use family::{Derived, Encapsulated, Parameters, Wanted};
pub use generate::{KeyPair, generate_key, generate_pair, generate_parameters, generate_secret};
pub use hashbased::HashBasedPublic;
pub use key::{Key, complete_import, curve_bits};
pub use mldsa::{MlDsaPrivate, MlDsaPublic};
pub use mlkem::{MlKemPrivate, MlKemPublic};
pub use montgomery::{MontgomeryPrivate, MontgomeryPublic};
pub use octets::ByteCurve;
pub use operation::{
    Input, decapsulate, decrypt, derive, derive_all, encapsulate, encrypt, sign, sign_recover, unwrap,
    unwrap_secret, verify, verify_recover, wrap,
};
pub use pkcs8::{from_pkcs8, to_pkcs8};
pub use rsa::{RsaPrivate, RsaPublic};
pub use secret::SecretKey;
pub use slhdsa::{SlhDsaPrivate, SlhDsaPublic};
pub use spki::from_public_key_info;
pub use stream::{Stream, StreamKind};
