//! TLS 1.0 to 1.2 and SSL 3.0: secrets, keys of connections, `Finished` messages (RFC 2246, 5246, 5705, 6101, 7627;
//! PKCS#11 3.2 sections 6.39 and 6.40).

use strongroom_model::{
    Algorithm, Blob, ConnectionSizes, Error, Hash, MechanismSpec, Params, Randoms, Result, ReturnCode, Tls,
    limits,
};

use super::{check_len, no_len, wrong_params};
use crate::digest::digest_into;
use crate::family::{Derived, Order, Wanted};
use crate::ffi::derive as ffi;
use crate::random;

/// Length of premaster secrets for RSA, and of all master secrets.
const SECRET: usize = 48;
/// The shortest that a `Finished` message has.
const MIN_FINISHED: u32 = 12;
/// The shortest MAC of a record of SSL 3.0 (PKCS#11 3.2 section 6.39).
const MIN_RECORD: u32 = 4;
/// The most that SSL 3.0's function gives: 26 letters.
const MAX_SSL3: usize = 26 * 16;

pub(super) fn derive(
    spec: &MechanismSpec,
    base: &[u8],
    params: &Tls,
    wanted: &Wanted<'_>,
) -> Result<Derived> {
    use Algorithm as Al;
    match (spec.algorithm, params) {
        (Al::Ssl3Master | Al::TlsMaster | Al::Tls12Master, Tls::Master { hash, randoms }) => {
            check_hash(spec, *hash)?;
            master(spec, base, Some(wanted), |key| {
                secret(spec, *hash, base, &[&randoms.client, &randoms.server], key)
            })
        }
        (Al::Ssl3MasterDh | Al::TlsMasterDh | Al::Tls12MasterDh, Tls::Master { hash, randoms }) => {
            check_hash(spec, *hash)?;
            let derived = master(spec, base, None, |key| {
                secret(spec, *hash, base, &[&randoms.client, &randoms.server], key)
            });
            checked_len(wanted, derived)
        }
        (Al::Tls12ExtendedMaster, Tls::ExtendedMaster { hash, session_hash }) => {
            check_hash(spec, *hash)?;
            master(spec, base, Some(wanted), |key| {
                prf(*hash, base, b"extended master secret", &[session_hash], key)
            })
        }
        (Al::Tls12ExtendedMasterDh, Tls::ExtendedMaster { hash, session_hash }) => {
            check_hash(spec, *hash)?;
            let derived = master(spec, base, None, |key| {
                prf(*hash, base, b"extended master secret", &[session_hash], key)
            });
            checked_len(wanted, derived)
        }
        (
            Al::Ssl3KeyAndMac | Al::TlsKeyAndMac | Al::Tls12KeyAndMac | Al::Tls12KeySafe,
            Tls::Connection { hash, randoms, sizes },
        ) => {
            check_hash(spec, *hash)?;
            connection(spec, *hash, base, randoms, *sizes)
        }
        (Al::TlsPrf, Tls::Prf { label, seed, len }) => {
            let mut written = Blob::zeroed(check_len(*len as usize, limits::MAX_SECRET)?);
            prf(None, base, label, &[seed], &mut written)?;
            Ok(Derived { keys: Vec::new(), written })
        }
        (Al::TlsKdf, Tls::Exporter { hash, label, randoms, context }) => {
            let mut key = Blob::zeroed(check_len(wanted.len.ok_or_else(no_len)?, limits::MAX_SECRET)?);
            let mut seed = Blob::from(randoms.client.as_slice());
            seed.extend(&randoms.server);
            if let Some(context) = context {
                let len = u16::try_from(context.len()).map_err(|_| wrong_params(spec.name))?;
                seed.extend(&len.to_be_bytes());
                seed.extend(context);
            }
            prf(*hash, base, label, &[&seed], &mut key)?;
            Ok(Derived::of(key))
        }
        _ => Err(wrong_params(spec.name)),
    }
}

/// A premaster secret for RSA: the client's version, and random bytes.
pub(super) fn pre_master(order: &Order<'_>, params: &Tls, len: Option<usize>) -> Result<Derived> {
    let Tls::Version(version) = params else { return Err(wrong_params(order.spec.name)) };
    order.check_len(len.unwrap_or(SECRET), len.is_none_or(|len| len == SECRET))?;
    let mut key = random::blob(SECRET);
    key[..2].copy_from_slice(version);
    Ok(Derived::of(key))
}

/// What a MAC is made with.
pub(super) enum Mac {
    /// What a `Finished` message verifies; the hash is the PRF's.
    Finished { hash: Option<Hash>, len: u32, server: bool },
    /// Of a record of SSL 3.0.
    Record { hash: Hash, len: u32 },
}

pub(super) fn mac_params(spec: &MechanismSpec, params: &Params) -> Result<Mac> {
    match (spec.algorithm, spec.hash, params) {
        (Algorithm::TlsMac, _, Params::Tls(Tls::Finished { hash, len, server }))
            if (MIN_FINISHED..=limits::MAX_SECRET as u32).contains(len) =>
        {
            Ok(Mac::Finished { hash: *hash, len: *len, server: *server })
        }
        (Algorithm::Ssl3Mac, Some(hash), Params::MacLen(len))
            if (MIN_RECORD..=hash.len() as u32).contains(len) =>
        {
            Ok(Mac::Record { hash, len: *len })
        }
        _ => Err(wrong_params(spec.name)),
    }
}

/// The MAC of a record of SSL 3.0 (RFC 6101 section 5.2.3.1), or what a `Finished` message verifies, over the hash of the
/// handshake.
pub(super) fn mac(spec: &MechanismSpec, secret: &[u8], params: &Params, data: &[u8]) -> Result<Blob> {
    match mac_params(spec, params)? {
        Mac::Finished { hash, len, server } => {
            let mut mac = Blob::zeroed(len as usize);
            let label: &[u8] = if server { b"server finished" } else { b"client finished" };
            prf(hash, secret, label, &[data], &mut mac)?;
            Ok(mac)
        }
        Mac::Record { hash, len } => {
            let pad = if hash == Hash::Md5 { 48 } else { 40 };
            let mut inner = Blob::zeroed(hash.len());
            digest_into(hash, &[secret, &[0x36; 48][..pad], data], &mut inner);
            let mut mac = Blob::zeroed(hash.len());
            digest_into(hash, &[secret, &[0x5c; 48][..pad], &inner], &mut mac);
            mac.truncate(len as usize);
            Ok(mac)
        }
    }
}

/// The mechanisms of TLS 1.2 name a hash, and others none: a key that is limited to some mechanisms must not be used as
/// with others.
fn check_hash(spec: &MechanismSpec, hash: Option<Hash>) -> Result<()> {
    use Algorithm as Al;
    let tls12 = matches!(
        spec.algorithm,
        Al::Tls12Master
            | Al::Tls12MasterDh
            | Al::Tls12ExtendedMaster
            | Al::Tls12ExtendedMasterDh
            | Al::Tls12KeyAndMac
            | Al::Tls12KeySafe
    );
    if hash.is_some() == tls12 { Ok(()) } else { Err(wrong_params(spec.name)) }
}

/// A master secret. From a premaster secret for RSA, of which `wanted` is given, the version is told, too.
fn master(
    spec: &MechanismSpec,
    base: &[u8],
    wanted: Option<&Wanted<'_>>,
    fill: impl FnOnce(&mut [u8]) -> Result<()>,
) -> Result<Derived> {
    let written = match wanted {
        Some(_) if base.len() != SECRET => {
            return Err(Error::new(
                ReturnCode::KEY_SIZE_RANGE,
                format!("{} takes a premaster secret of {SECRET} bytes, not {}", spec.name, base.len()),
            ));
        }
        Some(_) => Blob::from(&base[..2]),
        None => Blob::new(),
    };
    let mut key = Blob::zeroed(SECRET);
    fill(&mut key)?;
    let derived = Derived { keys: vec![key], written };
    match wanted {
        Some(wanted) => checked_len(wanted, Ok(derived)),
        None => Ok(derived),
    }
}

fn checked_len(wanted: &Wanted<'_>, derived: Result<Derived>) -> Result<Derived> {
    match wanted.len {
        Some(len) if len != SECRET => Err(Error::new(
            ReturnCode::KEY_SIZE_RANGE,
            format!("a master secret has {SECRET} bytes, not {len}"),
        )),
        _ => derived,
    }
}

/// Keys of a connection: client's and server's for MACs, client's and server's for the cipher; and their
/// initialisation vectors, which are told.
fn connection(
    spec: &MechanismSpec,
    hash: Option<Hash>,
    base: &[u8],
    randoms: &Randoms,
    sizes: ConnectionSizes,
) -> Result<Derived> {
    let safe = spec.algorithm == Algorithm::Tls12KeySafe;
    let iv = if safe { 0 } else { sizes.iv as usize };
    let sizes = [sizes.mac as usize, sizes.key as usize, iv];
    let [mac, key, iv] = sizes;
    if sizes.iter().any(|size| *size > limits::MAX_SECRET) || mac + key == 0 {
        return Err(Error::new(
            ReturnCode::MECHANISM_PARAM_INVALID,
            format!("keys of a connection have 1 to {} bytes", limits::MAX_SECRET),
        ));
    }
    let mut block = Blob::zeroed(2 * (mac + key + iv));
    let seeds: [&[u8]; 2] = [&randoms.server, &randoms.client];
    match spec.algorithm {
        Algorithm::Ssl3KeyAndMac => ssl3(base, &seeds, &mut block)?,
        _ => prf(hash, base, b"key expansion", &seeds, &mut block)?,
    }
    let mut rest = &block[..];
    let mut keys = Vec::new();
    for len in [mac, mac, key, key].into_iter().filter(|len| *len > 0) {
        let (first, others) = rest.split_at(len);
        keys.push(Blob::from(first));
        rest = others;
    }
    Ok(Derived { keys, written: Blob::from(rest) })
}

fn secret(
    spec: &MechanismSpec,
    hash: Option<Hash>,
    base: &[u8],
    seeds: &[&[u8]],
    key: &mut [u8],
) -> Result<()> {
    match spec.algorithm {
        Algorithm::Ssl3Master | Algorithm::Ssl3MasterDh => ssl3(base, seeds, key),
        _ => prf(hash, base, b"master secret", seeds, key),
    }
}

/// The PRF of TLS 1.2 with a hash, or that of TLS 1.0 and 1.1.
fn prf(hash: Option<Hash>, secret: &[u8], label: &[u8], seeds: &[&[u8]], out: &mut [u8]) -> Result<()> {
    let (first, second) = match seeds {
        [first, second] => (*first, *second),
        [first] => (*first, &[][..]),
        _ => return Err(ReturnCode::FUNCTION_FAILED.into()),
    };
    Ok(ffi::tls_prf(hash, secret, label, first, second, out)?)
}

/// RFC 6101 sections 6.1 and 6.2.2: MD5(secret + SHA(letters + secret + seeds)) for A, BB, CCC and so on.
fn ssl3(secret: &[u8], seeds: &[&[u8]], out: &mut [u8]) -> Result<()> {
    if out.len() > MAX_SSL3 {
        return Err(Error::new(
            ReturnCode::KEY_SIZE_RANGE,
            format!("SSL 3.0 gives {MAX_SSL3} bytes for a connection at most, not {}", out.len()),
        ));
    }
    for (count, chunk) in (1..).zip(out.chunks_mut(Hash::Md5.len())) {
        let letters = vec![b'A' + count as u8 - 1; count];
        let mut inner = Blob::zeroed(Hash::Sha1.len());
        let parts: Vec<&[u8]> = [&letters[..], secret].into_iter().chain(seeds.iter().copied()).collect();
        digest_into(Hash::Sha1, &parts, &mut inner);
        let mut outer = Blob::zeroed(Hash::Md5.len());
        digest_into(Hash::Md5, &[secret, &inner], &mut outer);
        chunk.copy_from_slice(&outer[..chunk.len()]);
    }
    Ok(())
}
