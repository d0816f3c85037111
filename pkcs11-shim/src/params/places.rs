//! Where parameters want something written back: versions, initialisation vectors, handles of further keys, output.

use cryptoki_sys::*;
use strongroom_model::{Algorithm, Error, Handle, KeyType, Result, ReturnCode};

use super::{Parameter, Parsed};
use crate::abi::{Dest, Out, Src};

/// The places that a mechanism's parameters name.
pub(crate) enum Places {
    /// None: the call itself has a place for the new key.
    Usual,
    /// For further keys.
    Further(Vec<Dest<CK_OBJECT_HANDLE>>),
    /// For the version in a premaster secret; nobody need want it.
    Version(Dest<CK_VERSION>),
    /// For the initialisation vector that comes with a key from a password, and the seed of domain parameters.
    Iv(Dest<u8>),
    /// For the keys and initialisation vectors of a connection.
    Connection { out: Dest<CK_SSL3_KEY_MAT_OUT>, ivs: [*mut u8; 2], macs: bool, keys: bool },
    /// For output; the length is where it was asked for.
    Output(Out),
}

impl Places {
    /// # Errors
    ///
    /// `CKR_MECHANISM_PARAM_INVALID` where a place is missing.
    ///
    /// # Safety
    ///
    /// As for [`super::parse`], which must have accepted the mechanism; places that aren't NULL can be written to.
    pub(crate) unsafe fn of(ck: CK_MECHANISM, parsed: &Parsed) -> Result<Self> {
        let parameter = Parameter { pointer: ck.pParameter.cast(), len: ck.ulParameterLen };
        // SAFETY: as the caller vouches.
        unsafe {
            Ok(match parsed.spec.algorithm {
                // CloudHSM's has no further keys.
                Algorithm::KbkdfCounter | Algorithm::KbkdfDoublePipeline
                    if parameter.len == size_of::<CK_SP800_108_KDF_PARAMS>() as u64 =>
                {
                    let ck: CK_SP800_108_KDF_PARAMS = parameter.structure()?;
                    further(parameter, ck.pAdditionalDerivedKeys, ck.ulAdditionalDerivedKeys)?
                }
                Algorithm::KbkdfFeedback => {
                    let ck: CK_SP800_108_FEEDBACK_KDF_PARAMS = parameter.structure()?;
                    further(parameter, ck.pAdditionalDerivedKeys, ck.ulAdditionalDerivedKeys)?
                }
                Algorithm::Pkcs12Pbe
                    if matches!(parsed.spec.key_type, Some(KeyType::Des2 | KeyType::Des3)) =>
                {
                    let ck: CK_PBE_PARAMS = parameter.structure()?;
                    Self::Iv(Dest::new(ck.pInitVector))
                }
                Algorithm::SeededParameterGen => {
                    let ck: CK_DSA_PARAMETER_GEN_PARAM = parameter.structure()?;
                    if ck.pSeed.is_null() {
                        return Err(missing("the seed"));
                    }
                    Self::Iv(Dest::new(ck.pSeed))
                }
                Algorithm::Ssl3Master | Algorithm::TlsMaster => {
                    let ck: CK_SSL3_MASTER_KEY_DERIVE_PARAMS = parameter.structure()?;
                    Self::Version(Dest::new(ck.pVersion))
                }
                Algorithm::Tls12Master => {
                    let ck: CK_TLS12_MASTER_KEY_DERIVE_PARAMS = parameter.structure()?;
                    Self::Version(Dest::new(ck.pVersion))
                }
                Algorithm::Tls12ExtendedMaster => {
                    let ck: CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS = parameter.structure()?;
                    Self::Version(Dest::new(ck.pVersion))
                }
                Algorithm::Ssl3KeyAndMac | Algorithm::TlsKeyAndMac => {
                    let ck: CK_SSL3_KEY_MAT_PARAMS = parameter.structure()?;
                    connection(
                        parameter,
                        ck.pReturnedKeyMaterial,
                        [ck.ulMacSizeInBits, ck.ulKeySizeInBits, ck.ulIVSizeInBits],
                    )?
                }
                Algorithm::Tls12KeyAndMac | Algorithm::Tls12KeySafe => {
                    let ck: CK_TLS12_KEY_MAT_PARAMS = parameter.structure()?;
                    let iv =
                        if parsed.spec.algorithm == Algorithm::Tls12KeySafe { 0 } else { ck.ulIVSizeInBits };
                    connection(
                        parameter,
                        ck.pReturnedKeyMaterial,
                        [ck.ulMacSizeInBits, ck.ulKeySizeInBits, iv],
                    )?
                }
                Algorithm::TlsPrf => {
                    let ck: CK_TLS_PRF_PARAMS = parameter.structure()?;
                    if ck.pOutput.is_null() || ck.pulOutputLen.is_null() {
                        return Err(missing("the output"));
                    }
                    Self::Output(Out::new(ck.pOutput, ck.pulOutputLen))
                }
                _ => Self::Usual,
            })
        }
    }

    /// Whether the call's own place gets a key.
    pub(crate) fn gives_key(&self) -> bool {
        !matches!(self, Self::Connection { .. } | Self::Output(_))
    }

    /// Tells whoever looks that further keys weren't made (PKCS#11 3.2 section 6.42): all are, or none.
    pub(crate) fn void(&self) -> Result<()> {
        match self {
            Self::Further(places) => places.iter().try_for_each(|place| place.put(CK_INVALID_HANDLE)),
            _ => Ok(()),
        }
    }

    /// Writes what belongs there. `keys` are those that the call's own place doesn't get.
    pub(crate) fn fill(&self, keys: &[Handle], written: &[u8]) -> Result<()> {
        match self {
            Self::Usual => Ok(()),
            Self::Further(places) => {
                places.iter().zip(keys).try_for_each(|(place, handle)| place.put(handle.0))
            }
            Self::Version(place) if place.is_null() => Ok(()),
            Self::Version(place) => match written {
                [major, minor, ..] => place.put(CK_VERSION { major: *major, minor: *minor }),
                _ => Ok(()),
            },
            Self::Iv(place) if place.is_null() => Ok(()),
            Self::Iv(place) => place.put_all(written),
            Self::Connection { out, ivs, macs, keys: ciphers } => {
                let mut handles = keys.iter().map(|handle| handle.0);
                let mut next = |there: bool| if there { handles.next().unwrap_or(0) } else { 0 };
                let [client_mac, server_mac] = [next(*macs), next(*macs)];
                let [client_key, server_key] = [next(*ciphers), next(*ciphers)];
                out.put(CK_SSL3_KEY_MAT_OUT {
                    hClientMacSecret: client_mac,
                    hServerMacSecret: server_mac,
                    hClientKey: client_key,
                    hServerKey: server_key,
                    pIVClient: ivs[0],
                    pIVServer: ivs[1],
                })?;
                if written.is_empty() {
                    return Ok(());
                }
                let (client, server) = written.split_at(written.len() / 2);
                // SAFETY: these were looked at by `connection`; the caller has room for as much as it asked for.
                let [client_place, server_place] = ivs.map(|place| unsafe { Dest::new(place) });
                client_place.put_all(client)?;
                server_place.put_all(server)
            }
            Self::Output(out) => out.fill(written),
        }
    }
}

unsafe fn further(parameter: Parameter, keys: *const CK_DERIVED_KEY, count: u64) -> Result<Places> {
    // SAFETY: as the caller of `of` vouches.
    let keys = unsafe { parameter.array(keys, count, strongroom_model::limits::MAX_FURTHER_KEYS)? };
    if keys.iter().any(|key| key.phKey.is_null()) {
        return Err(missing("a further key's handle"));
    }
    // SAFETY: as above.
    Ok(Places::Further(keys.iter().map(|key| unsafe { Dest::new(key.phKey) }).collect()))
}

unsafe fn connection(
    parameter: Parameter,
    out: *mut CK_SSL3_KEY_MAT_OUT,
    [mac, key, iv]: [u64; 3],
) -> Result<Places> {
    // SAFETY: as the caller of `of` vouches.
    let given = unsafe { Src::new(out.cast_const()).get() };
    let Some(given) = given else { return Err(parameter.refusal("takes a place for the new keys")) };
    let ivs = [given.pIVClient, given.pIVServer];
    if iv > 0 && ivs.iter().any(|place| place.is_null()) {
        return Err(missing("an initialisation vector"));
    }
    // SAFETY: as above.
    Ok(Places::Connection { out: unsafe { Dest::new(out) }, ivs, macs: mac > 0, keys: key > 0 })
}

fn missing(what: &str) -> Error {
    Error::new(ReturnCode::MECHANISM_PARAM_INVALID, format!("the parameters have no place for {what}"))
}
