//! Parameters of the mechanisms of TLS and SSL 3.0 (PKCS#11 3.2 sections 6.39 and 6.40).

use cryptoki_sys::*;
use strongroom_model::{
    Algorithm, ConnectionSizes, Hash, MechanismSpec, Params, Randoms, Result, Tls, limits,
};

use super::{Parameter, bytes};
use crate::abi::Src;

/// The most random data, label, seed or context in bytes.
const MAX_PIECE: usize = 64 * 1024;
/// `ulServerOrClient`.
const SERVER: u64 = 1;
const CLIENT: u64 = 2;

/// # Safety
///
/// As for all of [`Parameter`].
impl Parameter {
    pub(super) unsafe fn tls(self, spec: &MechanismSpec) -> Result<Params> {
        use Algorithm as Al;
        // SAFETY: see the type.
        let params = unsafe {
            match spec.algorithm {
                Al::TlsPreMasterGen => {
                    let ck: CK_VERSION = self.structure()?;
                    Tls::Version([ck.major, ck.minor])
                }
                Al::Ssl3Master | Al::Ssl3MasterDh | Al::TlsMaster | Al::TlsMasterDh => {
                    let ck: CK_SSL3_MASTER_KEY_DERIVE_PARAMS = self.structure()?;
                    Tls::Master { hash: None, randoms: randoms(ck.RandomInfo)? }
                }
                Al::Tls12Master | Al::Tls12MasterDh => {
                    let ck: CK_TLS12_MASTER_KEY_DERIVE_PARAMS = self.structure()?;
                    Tls::Master {
                        hash: Some(self.hash(ck.prfHashMechanism)?),
                        randoms: randoms(ck.RandomInfo)?,
                    }
                }
                Al::Tls12ExtendedMaster | Al::Tls12ExtendedMasterDh => {
                    let ck: CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS = self.structure()?;
                    Tls::ExtendedMaster {
                        hash: Some(self.hash(ck.prfHashMechanism)?),
                        session_hash: bytes(ck.pSessionHash, ck.ulSessionHashLen, MAX_PIECE)?,
                    }
                }
                Al::Ssl3KeyAndMac | Al::TlsKeyAndMac => {
                    let ck: CK_SSL3_KEY_MAT_PARAMS = self.structure()?;
                    self.connection(ck, None)?
                }
                Al::Tls12KeyAndMac | Al::Tls12KeySafe => {
                    let ck: CK_TLS12_KEY_MAT_PARAMS = self.structure()?;
                    let common = CK_SSL3_KEY_MAT_PARAMS {
                        ulMacSizeInBits: ck.ulMacSizeInBits,
                        ulKeySizeInBits: ck.ulKeySizeInBits,
                        ulIVSizeInBits: if spec.algorithm == Al::Tls12KeySafe {
                            0
                        } else {
                            ck.ulIVSizeInBits
                        },
                        bIsExport: ck.bIsExport,
                        RandomInfo: ck.RandomInfo,
                        pReturnedKeyMaterial: ck.pReturnedKeyMaterial,
                    };
                    self.connection(common, Some(self.hash(ck.prfHashMechanism)?))?
                }
                Al::TlsPrf => {
                    let ck: CK_TLS_PRF_PARAMS = self.structure()?;
                    let len = Src::new(ck.pulOutputLen.cast_const()).get();
                    Tls::Prf {
                        label: bytes(ck.pLabel, ck.ulLabelLen, MAX_PIECE)?,
                        seed: bytes(ck.pSeed, ck.ulSeedLen, MAX_PIECE)?,
                        len: self.small(len.unwrap_or(0))?,
                    }
                }
                Al::TlsKdf => {
                    let ck: CK_TLS_KDF_PARAMS = self.structure()?;
                    let context = bytes(ck.pContextData, ck.ulContextDataLength, usize::from(u16::MAX))?;
                    Tls::Exporter {
                        hash: self.prf_hash(ck.prfMechanism)?,
                        label: bytes(ck.pLabel, ck.ulLabelLength, MAX_PIECE)?,
                        randoms: randoms(ck.RandomInfo)?,
                        context: (!ck.pContextData.is_null()).then_some(context),
                    }
                }
                _ => {
                    let ck: CK_TLS_MAC_PARAMS = self.structure()?;
                    let server = match ck.ulServerOrClient {
                        SERVER => true,
                        CLIENT => false,
                        _ => return Err(self.refusal("is for the server (1) or the client (2)")),
                    };
                    if ck.ulMacLength < 12 {
                        return Err(self.refusal("gives 12 bytes at least"));
                    }
                    let hash = self.prf_hash(ck.prfHashMechanism)?;
                    Tls::Finished { hash, len: self.small(ck.ulMacLength)?, server }
                }
            }
        };
        Ok(Params::Tls(params))
    }

    unsafe fn connection(self, ck: CK_SSL3_KEY_MAT_PARAMS, hash: Option<Hash>) -> Result<Tls> {
        if ck.bIsExport != CK_FALSE {
            return Err(self.refusal("doesn't derive keys of 40 bits for export"));
        }
        let whole = |bits: u64| {
            if bits.is_multiple_of(8) {
                // 0 stands for none.
                if bits == 0 { Ok(0) } else { self.small(bits / 8) }
            } else {
                Err(self.refusal("takes sizes of whole bytes"))
            }
        };
        let sizes = ConnectionSizes {
            mac: whole(ck.ulMacSizeInBits)?,
            key: whole(ck.ulKeySizeInBits)?,
            iv: whole(ck.ulIVSizeInBits)?,
        };
        // SAFETY: see the type.
        Ok(Tls::Connection { hash, randoms: unsafe { randoms(ck.RandomInfo)? }, sizes })
    }

    /// The hash of TLS 1.2's PRF, or none for the PRF of TLS 1.0 and 1.1.
    fn prf_hash(self, kind: u64) -> Result<Option<Hash>> {
        if kind == CKM_TLS_PRF { Ok(None) } else { self.hash(kind).map(Some) }
    }

    fn small(self, len: u64) -> Result<u32> {
        match u32::try_from(len) {
            Ok(len) if len > 0 && len as usize <= limits::MAX_SECRET => Ok(len),
            _ => Err(self.refusal("gives 1 to 4,096 bytes")),
        }
    }
}

/// # Safety
///
/// As for all of [`Parameter`].
unsafe fn randoms(ck: CK_SSL3_RANDOM_DATA) -> Result<Randoms> {
    // SAFETY: as the caller vouches.
    unsafe {
        Ok(Randoms {
            client: bytes(ck.pClientRandom, ck.ulClientRandomLen, MAX_PIECE)?,
            server: bytes(ck.pServerRandom, ck.ulServerRandomLen, MAX_PIECE)?,
        })
    }
}
