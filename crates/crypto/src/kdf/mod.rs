//! Key derivation: from secret keys, passwords and shared secrets.

mod agreement;
mod hkdf;
mod ike;
mod kbkdf;
mod password;
mod prf;
mod simple;
mod tls;

use strongroom_model::{Algorithm, Blob, Error, Params, Result, ReturnCode, limits};

pub(crate) use agreement::agreed;
pub use agreement::x963;

use crate::family::{Derived, Family, Job, Order, Wanted, no_params};
use crate::operation::Input;
use crate::secret::SecretKey;
use crate::stream::{self, Running, StreamKind};
use crate::{Key, random};

/// Derivation of secret keys from secret keys, and their generation from passwords.
pub(crate) struct Kdf;

impl Family for Kdf {
    fn derive_all(&self, job: &Job<'_>, wanted: &Wanted<'_>) -> Result<Derived> {
        let base = base(job)?;
        let value = &base.value;
        let key = match (job.spec.algorithm, job.params) {
            (
                Algorithm::KbkdfCounter | Algorithm::KbkdfFeedback | Algorithm::KbkdfDoublePipeline,
                Params::Kbkdf(params),
            ) => {
                return kbkdf::derive(job.spec.algorithm, base, params, wanted);
            }
            (Algorithm::HkdfDerive, Params::Hkdf(params)) => {
                hkdf::derive(value, params, wanted, limits::MAX_SECRET)?
            }
            (Algorithm::HkdfData, Params::Hkdf(params)) => {
                hkdf::derive(value, params, wanted, limits::MAX_ATTRIBUTE)?
            }
            (Algorithm::ConcatenateKey, Params::Key(_)) => simple::base_and_key(value, wanted)?,
            (Algorithm::ConcatenateData, Params::Data(data)) => {
                simple::base_and_data(value, data, wanted.len)?
            }
            (Algorithm::ConcatenateToData, Params::Data(data)) => {
                simple::data_and_base(value, data, wanted.len)?
            }
            (Algorithm::XorData, Params::Data(data)) => simple::xor(value, data, wanted.len)?,
            (Algorithm::ExtractBits, Params::Position(bit)) => simple::extract(value, *bit, wanted.len)?,
            (Algorithm::EncryptData, _) => simple::encrypt(job, wanted.len)?,
            (Algorithm::HashDerive, Params::None) => simple::hash(job.spec, value, wanted.len)?,
            (Algorithm::Shake128Derive | Algorithm::Shake256Derive, Params::None) => {
                simple::shake(job.spec, value, wanted.len)?
            }
            (_, Params::Tls(params)) => return tls::derive(job.spec, value, params, wanted),
            (_, Params::Ike(params)) => ike::derive(job.spec, base, params, wanted)?,
            _ => return Err(wrong_params(job.spec.name)),
        };
        Ok(Derived::of(key))
    }

    fn generate_all(&self, order: &Order<'_>, len: Option<usize>) -> Result<Derived> {
        match (order.spec.algorithm, order.params) {
            (Algorithm::HkdfKeyGen, params) => {
                no_params(params)?;
                let len = len.ok_or_else(no_len)?;
                order.check_len(len, (1..=limits::MAX_SECRET).contains(&len))?;
                Ok(Derived::of(random::blob(len)))
            }
            (Algorithm::Pbkdf2, Params::PasswordBased(params)) => {
                let len = len.ok_or_else(no_len)?;
                order.check_len(len, (1..=limits::MAX_SECRET).contains(&len))?;
                Ok(Derived::of(password::pbkdf2(params, len)?))
            }
            (Algorithm::Pkcs12Pbe, Params::PasswordBased(params)) => password::pkcs12(order, params, len),
            (Algorithm::TlsPreMasterGen, Params::Tls(params)) => tls::pre_master(order, params, len),
            _ => Err(wrong_params(order.spec.name)),
        }
    }

    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        let key = job.secret()?;
        let Input::Message(data) = input else {
            return Err(Error::new(
                ReturnCode::ARGUMENTS_BAD,
                "a MAC is made over the message, not over its digest",
            ));
        };
        tls::mac(job.spec, &key.value, job.params, data)
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        crate::mac::compare(&self.sign(job, input)?, signature)
    }

    fn check(&self, _kind: StreamKind, job: &Job<'_>) -> Result<()> {
        job.secret()?;
        tls::mac_params(job.spec, job.params).map(|_| ())
    }

    /// The hash of a MAC isn't one of the message alone.
    fn open(&self, kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        self.check(kind, job)?;
        Ok(stream::gathered(kind, job, self.most(job.spec)))
    }
}

/// The key that something is derived from.
fn base<'a>(job: &Job<'a>) -> Result<&'a SecretKey> {
    match job.key {
        Key::Secret(key) if job.spec.takes(key.key_type) => Ok(key),
        _ => Err(job.wrong_key()),
    }
}

/// The value of another key that the parameters name; its place among them.
fn other<'a>(wanted: &Wanted<'a>, at: usize) -> Result<&'a [u8]> {
    match wanted.others.get(at).map(|key| &**key) {
        Some(Key::Secret(key)) => Ok(&key.value),
        Some(key) => Err(Error::new(
            ReturnCode::KEY_TYPE_INCONSISTENT,
            format!("{key:?} has no value that goes into a derivation"),
        )),
        None => Err(Error::new(ReturnCode::KEY_HANDLE_INVALID, "a key that the parameters name is missing")),
    }
}

/// `len` bytes, by blocks that have a number each; they begin with 1.
fn counted(block: usize, len: usize, mut fill: impl FnMut(u32, &mut [u8])) -> Blob {
    let mut key = Blob::zeroed(len.next_multiple_of(block));
    for (counter, block) in (1u32..).zip(key.chunks_exact_mut(block)) {
        fill(counter, block);
    }
    key.truncate(len);
    key
}

/// Refuses a length that no secret key has.
fn check_len(len: usize, longest: usize) -> Result<usize> {
    if (1..=longest).contains(&len) {
        return Ok(len);
    }
    Err(Error::new(ReturnCode::KEY_SIZE_RANGE, format!("this gives 1 to {longest} bytes, not {len}")))
}

/// The first `len` bytes of what there is; without it, all.
fn leading(mut all: Blob, len: Option<usize>) -> Result<Blob> {
    let len = check_len(len.unwrap_or(all.len()), all.len().min(limits::MAX_SECRET))?;
    all.truncate(len);
    Ok(all)
}

fn no_len() -> Error {
    Error::new(
        ReturnCode::TEMPLATE_INCOMPLETE,
        "the new key's length must be given, by its type or by CKA_VALUE_LEN",
    )
}

fn wrong_params(name: &str) -> Error {
    Error::new(ReturnCode::MECHANISM_PARAM_INVALID, format!("{name} takes other parameters"))
}

#[cfg(test)]
mod tests;
