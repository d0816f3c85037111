//! The numbers of mechanisms: the standard's, and those of the vendor whose clusters are modelled here.

pub(super) use cryptoki_sys::*;

/// SP 800-108 in counter mode, with CloudHSM's structures (cloudhsm.md 5.4).
pub(super) const CKM_CLOUDHSM_SP800_108_COUNTER_KDF: u64 = CKM_VENDOR_DEFINED | 1;

/// GCM whose initialisation vector the HSM makes and puts before the ciphertext (cloudhsm.md 5.4, 5.5).
pub(super) const CKM_CLOUDHSM_AES_GCM: u64 = CKM_VENDOR_DEFINED | 0x1087;
/// RFC 3394 of what is whole half blocks (cloudhsm.md 5.6); so are the two that follow.
pub(super) const CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD: u64 = CKM_VENDOR_DEFINED | 0x2109;
/// RFC 3394 of what was padded by PKCS#5.
pub(super) const CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD: u64 = CKM_VENDOR_DEFINED | 0x210a;
/// RFC 5649.
pub(super) const CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD: u64 = CKM_VENDOR_DEFINED | 0x216f;

/// ML-DSA of mu, 64 bytes that the caller has made (FIPS 204 algorithm 7, line 6). CloudHSM has such a mechanism, whose
/// number isn't published; this one is Strongroom's own.
pub(super) const CKM_STRONGROOM_ML_DSA_EXTERNAL_MU: u64 = CKM_VENDOR_DEFINED | 0x5352_0001;
