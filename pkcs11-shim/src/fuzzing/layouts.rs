//! Which words of a mechanism's structure are pointers. A structure that is missing here shows at once: the module
//! follows numbers that were meant for bytes.

use cryptoki_sys::*;
use strongroom_model::MechanismType;

/// A word of a structure. Where a pair of words belongs together, the first says so and `Length` stands for the second.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// Any number.
    Number,
    /// A pointer, then its length.
    Pointer,
    /// A length, then its pointer.
    LengthFirst,
    /// The second word of a pair.
    Length,
    /// A pointer to room for what is written back.
    Place,
    /// A pointer to a structure.
    Structure(&'static [Part]),
    /// A number of structures, then a pointer to them.
    Array(&'static [Part]),
    /// A pointer to attributes, then their number.
    Template,
}

/// A structure's words.
pub(super) type Layout = &'static [Part];

use Part::{Array, Length, LengthFirst, Number, Place, Pointer, Structure, Template};

/// `CK_GCM_MESSAGE_PARAMS` and `CK_CCM_MESSAGE_PARAMS`. Rooms are as long as they say: 64 bytes.
pub(super) const MESSAGE: &[Layout] = &[
    &[Pointer, Length, Number, Number, Place, Number],
    &[Number, Pointer, Length, Number, Number, Place, Number],
    &[Pointer, Length, Place],
];

/// Mechanisms of CloudHSM (cloudhsm.md 5.4).
const CLOUDHSM_AES_GCM: u64 = CKM_VENDOR_DEFINED | 0x1087;
const CLOUDHSM_KDF: u64 = CKM_VENDOR_DEFINED | 1;
/// A mechanism of this module's own.
const EXTERNAL_MU: u64 = MechanismType::STRONGROOM_ML_DSA_EXTERNAL_MU.0;

const FIELD: Layout = &[Number, Pointer, Length];
const FURTHER: Layout = &[Template, Length, Place];
const OAEP: Layout = &[Number, Number, Number, Pointer, Length];
/// `CK_SSL3_KEY_MAT_OUT`.
const CONNECTION: Layout = &[Number, Number, Number, Number, Place, Place];

/// The structures that a mechanism takes; none, if it takes bytes or nothing.
pub(super) fn of(kind: CK_MECHANISM_TYPE) -> &'static [Layout] {
    match kind {
        CKM_AES_CTR => &[&[Number, Number, Number]],
        CKM_AES_GCM | CKM_AES_GMAC | CLOUDHSM_AES_GCM => &[
            &[Pointer, Length, Number, Pointer, Length, Number],
            &[Pointer, Length, Pointer, Length, Number],
        ],
        CKM_AES_CCM => &[&[Number, Pointer, Length, Pointer, Length, Number]],
        CKM_CHACHA20_POLY1305 | CKM_SALSA20_POLY1305 => &[&[Pointer, Length, Pointer, Length]],
        // The counter's width and the nonce's are in bits.
        CKM_CHACHA20 => &[&[Place, Number, Place, Number]],
        CKM_RSA_PKCS_PSS
        | CKM_SHA1_RSA_PKCS_PSS
        | CKM_SHA224_RSA_PKCS_PSS
        | CKM_SHA256_RSA_PKCS_PSS
        | CKM_SHA384_RSA_PKCS_PSS
        | CKM_SHA512_RSA_PKCS_PSS
        | CKM_SHA3_224_RSA_PKCS_PSS
        | CKM_SHA3_256_RSA_PKCS_PSS
        | CKM_SHA3_384_RSA_PKCS_PSS
        | CKM_SHA3_512_RSA_PKCS_PSS => &[&[Number, Number, Number]],
        CKM_RSA_PKCS_OAEP => &[OAEP],
        CKM_RSA_AES_KEY_WRAP => &[&[Number, Structure(OAEP)]],
        CKM_ECDH_AES_KEY_WRAP | CKM_ECDH_X_AES_KEY_WRAP | CKM_ECDH_COF_AES_KEY_WRAP => {
            &[&[Number, Number, LengthFirst, Length]]
        }
        CKM_ECDH1_DERIVE | CKM_ECDH1_COFACTOR_DERIVE | CKM_X9_42_DH_DERIVE => {
            &[&[Number, LengthFirst, Length, LengthFirst, Length]]
        }
        CKM_EDDSA => &[&[Number, LengthFirst, Length]],
        CKM_ML_DSA
        | EXTERNAL_MU
        | CKM_HASH_ML_DSA_SHA224
        | CKM_HASH_ML_DSA_SHA256
        | CKM_HASH_ML_DSA_SHA384
        | CKM_HASH_ML_DSA_SHA512
        | CKM_HASH_ML_DSA_SHA3_224
        | CKM_HASH_ML_DSA_SHA3_256
        | CKM_HASH_ML_DSA_SHA3_384
        | CKM_HASH_ML_DSA_SHA3_512
        | CKM_HASH_ML_DSA_SHAKE128
        | CKM_HASH_ML_DSA_SHAKE256
        | CKM_SLH_DSA
        | CKM_HASH_SLH_DSA_SHA224
        | CKM_HASH_SLH_DSA_SHA256
        | CKM_HASH_SLH_DSA_SHA384
        | CKM_HASH_SLH_DSA_SHA512
        | CKM_HASH_SLH_DSA_SHA3_224
        | CKM_HASH_SLH_DSA_SHA3_256
        | CKM_HASH_SLH_DSA_SHA3_384
        | CKM_HASH_SLH_DSA_SHA3_512
        | CKM_HASH_SLH_DSA_SHAKE128
        | CKM_HASH_SLH_DSA_SHAKE256 => &[&[Number, Pointer, Length]],
        CKM_HASH_ML_DSA | CKM_HASH_SLH_DSA => &[&[Number, Pointer, Length, Number]],
        _ => derivation(kind),
    }
}

fn derivation(kind: CK_MECHANISM_TYPE) -> &'static [Layout] {
    match kind {
        CKM_SP800_108_COUNTER_KDF | CKM_SP800_108_DOUBLE_PIPELINE_KDF => {
            &[&[Number, Array(FIELD), Length, Array(FURTHER), Length]]
        }
        CKM_SP800_108_FEEDBACK_KDF => {
            &[&[Number, Array(FIELD), Length, LengthFirst, Length, Array(FURTHER), Length]]
        }
        CLOUDHSM_KDF => &[&[Number, Array(FIELD), Length]],
        CKM_HKDF_DERIVE | CKM_HKDF_DATA => {
            &[&[Number, Number, Number, Pointer, Length, Number, Pointer, Length]]
        }
        CKM_DSA_PROBABILISTIC_PARAMETER_GEN => &[&[Number, Place, Number, Number]],
        CKM_PKCS5_PBKD2 => &[&[Number, Pointer, Length, Number, Number, Pointer, Length, Pointer, Length]],
        CKM_PBE_SHA1_DES3_EDE_CBC | CKM_PBE_SHA1_DES2_EDE_CBC | CKM_PBA_SHA1_WITH_SHA1_HMAC => {
            &[&[Place, Pointer, Length, Pointer, Length, Number]]
        }
        CKM_CONCATENATE_BASE_AND_DATA
        | CKM_CONCATENATE_DATA_AND_BASE
        | CKM_XOR_BASE_AND_DATA
        | CKM_AES_ECB_ENCRYPT_DATA
        | CKM_DES_ECB_ENCRYPT_DATA
        | CKM_DES3_ECB_ENCRYPT_DATA => &[&[Pointer, Length]],
        CKM_AES_CBC_ENCRYPT_DATA => &[&[Number, Number, Pointer, Length]],
        CKM_DES_CBC_ENCRYPT_DATA | CKM_DES3_CBC_ENCRYPT_DATA => &[&[Number, Pointer, Length]],
        CKM_SSL3_MASTER_KEY_DERIVE
        | CKM_SSL3_MASTER_KEY_DERIVE_DH
        | CKM_TLS_MASTER_KEY_DERIVE
        | CKM_TLS_MASTER_KEY_DERIVE_DH => &[&[Pointer, Length, Pointer, Length, Place]],
        CKM_TLS12_MASTER_KEY_DERIVE | CKM_TLS12_MASTER_KEY_DERIVE_DH => {
            &[&[Pointer, Length, Pointer, Length, Place, Number]]
        }
        CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE | CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH => {
            &[&[Number, Pointer, Length, Place]]
        }
        CKM_SSL3_KEY_AND_MAC_DERIVE | CKM_TLS_KEY_AND_MAC_DERIVE => {
            &[&[Number, Number, Number, Number, Pointer, Length, Pointer, Length, Structure(CONNECTION)]]
        }
        CKM_TLS12_KEY_AND_MAC_DERIVE | CKM_TLS12_KEY_SAFE_DERIVE => &[&[
            Number,
            Number,
            Number,
            Number,
            Pointer,
            Length,
            Pointer,
            Length,
            Structure(CONNECTION),
            Number,
        ]],
        CKM_TLS_PRF => &[&[Pointer, Length, Pointer, Length, Place, Structure(&[Number])]],
        CKM_TLS_MAC | CKM_TLS12_MAC => &[&[Number, Number, Number]],
        CKM_TLS_KDF | CKM_TLS12_KDF => {
            &[&[Number, Pointer, Length, Pointer, Length, Pointer, Length, Pointer, Length]]
        }
        CKM_IKE2_PRF_PLUS_DERIVE => &[&[Number, Number, Number, Pointer, Length]],
        CKM_IKE_PRF_DERIVE => &[&[Number, Number, Pointer, Length, Pointer, Length, Number]],
        CKM_IKE1_PRF_DERIVE => &[&[Number, Number, Number, Number, Pointer, Length, Pointer, Length, Number]],
        CKM_IKE1_EXTENDED_DERIVE => &[&[Number, Number, Number, Pointer, Length]],
        _ => &[],
    }
}
