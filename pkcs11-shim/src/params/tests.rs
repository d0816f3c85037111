//! Parameters as applications give them: right, short, misaligned, missing, lying.

use std::ffi::c_void;
use std::ptr::null_mut;

use cryptoki_sys::*;
use strongroom_model::MECHANISMS;

use super::*;

/// Parses a mechanism whose parameter is the first `len` bytes of `parameter`, at an odd address.
fn parse_with<T: Copy>(kind: MechanismType, parameter: &T, len: usize) -> Result<Params> {
    assert!(len <= size_of::<T>());
    let mut memory = vec![0xa5_u8; size_of::<T>() + 2];
    let odd = memory.as_mut_ptr().wrapping_add(1 - memory.as_ptr() as usize % 2);
    let ck = CK_MECHANISM { mechanism: kind.0, pParameter: odd.cast(), ulParameterLen: len as u64 };
    // SAFETY: the parameter fits into `memory`, which outlives the call.
    unsafe {
        odd.cast::<T>().write_unaligned(*parameter);
        parse(ck).map(|parsed| parsed.mechanism.params)
    }
}

fn whole<T: Copy>(kind: MechanismType, parameter: &T) -> Result<Params> {
    parse_with(kind, parameter, size_of::<T>())
}

fn bare(kind: u64, pointer: *mut c_void, len: u64) -> Result<Parsed> {
    let ck = CK_MECHANISM { mechanism: kind, pParameter: pointer, ulParameterLen: len };
    // SAFETY: the tests pass pointers that are NULL, or lengths that are refused before reading.
    unsafe { parse(ck) }
}

fn refused(result: Result<Params>) -> bool {
    result.is_err_and(|error| error.code == ReturnCode::MECHANISM_PARAM_INVALID)
}

fn gcm(iv: &mut [u8], aad: &mut [u8]) -> CK_GCM_PARAMS {
    CK_GCM_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: iv.len() as u64,
        ulIvBits: 0,
        pAAD: aad.as_mut_ptr(),
        ulAADLen: aad.len() as u64,
        ulTagBits: 128,
    }
}

#[test]
fn a_mechanism_that_is_not_in_the_table_is_invalid() {
    assert_eq!(bare(0x7fff_ffff, null_mut(), 0).unwrap_err().code, ReturnCode::MECHANISM_INVALID);
}

#[test]
fn every_mechanism_refuses_null_with_a_length_and_absurd_lengths() {
    for row in MECHANISMS {
        for len in [1, 4, 8, 16, 24, 40, 48, u64::MAX] {
            let refusal = bare(row.kind.0, null_mut(), len).unwrap_err();
            assert_eq!(refusal.code, ReturnCode::MECHANISM_PARAM_INVALID, "{} with {len}", row.name);
        }
    }
}

#[test]
fn mechanisms_without_parameters_tolerate_a_pointer_to_nothing() {
    let mut junk = 7_u64;
    for kind in [MechanismType::ECDSA, MechanismType::RSA_PKCS, MechanismType::SHA256, MechanismType::AES_ECB]
    {
        let parsed = bare(kind.0, (&raw mut junk).cast(), 0).unwrap();
        assert_eq!(parsed.mechanism, Mechanism::plain(kind));
        assert_eq!(parsed.spec.kind, kind);
        assert!(refused(whole(kind, &junk)));
    }
}

#[test]
fn cbc_takes_16_bytes_and_key_wrap_what_is_its_own_or_nothing() {
    let iv = [9_u8; 17];
    assert_eq!(parse_with(MechanismType::AES_CBC, &iv, 16).unwrap(), Params::Iv(Blob::from([9; 16])));
    for len in [0, 8, 15, 17] {
        assert!(refused(parse_with(MechanismType::AES_CBC_PAD, &iv, len)), "{len}");
    }
    assert_eq!(parse_with(MechanismType::AES_KEY_WRAP, &iv, 8).unwrap(), Params::Iv(Blob::from([9; 8])));
    assert_eq!(parse_with(MechanismType::AES_KEY_WRAP_KWP, &iv, 4).unwrap(), Params::Iv(Blob::from([9; 4])));
    assert_eq!(bare(CKM_AES_KEY_WRAP, null_mut(), 0).unwrap().mechanism.params, Params::None);
    assert!(refused(parse_with(MechanismType::AES_KEY_WRAP, &iv, 4)));
    assert!(refused(parse_with(MechanismType::AES_KEY_WRAP_PAD, &iv, 8)));
}

#[test]
fn ctr_counts_1_to_128_bits() {
    let params = |bits| CK_AES_CTR_PARAMS { ulCounterBits: bits, cb: [3; 16] };
    assert_eq!(
        whole(MechanismType::AES_CTR, &params(128)).unwrap(),
        Params::Ctr { bits: 128, block: [3; 16] }
    );
    assert!(whole(MechanismType::AES_CTR, &params(1)).is_ok());
    for bits in [0, 129, 256 + 64, u64::MAX] {
        assert!(refused(whole(MechanismType::AES_CTR, &params(bits))), "{bits}");
    }
    assert!(refused(parse_with(MechanismType::AES_CTR, &params(64), 16)));
}

#[test]
fn gcm_takes_both_layouts() {
    let (mut iv, mut aad) = ([1_u8; 12], [2_u8; 5]);
    let long = gcm(&mut iv, &mut aad);
    // Without `ulIvBits`.
    let short = [long.pIv as u64, long.ulIvLen, long.pAAD as u64, long.ulAADLen, long.ulTagBits];
    let wanted = Params::Gcm { iv: Blob::from([1; 12]), aad: Blob::from([2; 5]), tag_bits: 128 };
    assert_eq!((size_of_val(&short), size_of_val(&long)), (40, 48));
    assert_eq!(whole(MechanismType::AES_GCM, &long).unwrap(), wanted);
    assert_eq!(whole(MechanismType::AES_GCM, &short).unwrap(), wanted);
    for len in [0, 1, 8, 24, 39, 41, 47] {
        assert!(refused(parse_with(MechanismType::AES_GCM, &long, len)), "{len}");
    }
}

#[test]
fn gcm_refuses_lengths_that_cannot_be() {
    let (mut iv, mut aad) = ([1_u8; 12], [2_u8; 5]);
    let good = gcm(&mut iv, &mut aad);
    let bad = [
        CK_GCM_PARAMS { ulIvLen: 0, ..good },
        CK_GCM_PARAMS { ulIvLen: 1025, ..good },
        CK_GCM_PARAMS { ulIvLen: u64::MAX, ..good },
        CK_GCM_PARAMS { pIv: null_mut(), ..good },
        CK_GCM_PARAMS { pAAD: null_mut(), ..good },
        CK_GCM_PARAMS { ulAADLen: u64::MAX, ..good },
        CK_GCM_PARAMS { ulTagBits: 0, ..good },
        CK_GCM_PARAMS { ulTagBits: 12, ..good },
        CK_GCM_PARAMS { ulTagBits: 136, ..good },
        CK_GCM_PARAMS { ulTagBits: 256 + 128, ..good },
    ];
    for params in bad {
        assert!(refused(whole(MechanismType::AES_GCM, &params)), "{params:?}");
    }
    let without_aad = CK_GCM_PARAMS { pAAD: null_mut(), ulAADLen: 0, ..good };
    assert!(whole(MechanismType::AES_GCM, &without_aad).is_ok());
}

#[test]
fn pss_takes_known_hashes_and_the_one_in_the_name() {
    let good = CK_RSA_PKCS_PSS_PARAMS { hashAlg: CKM_SHA256, mgf: CKG_MGF1_SHA256, sLen: 32 };
    let wanted = Params::Pss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 };
    assert_eq!(whole(MechanismType::RSA_PKCS_PSS, &good).unwrap(), wanted);
    assert_eq!(whole(MechanismType::SHA256_RSA_PKCS_PSS, &good).unwrap(), wanted);
    assert!(refused(whole(MechanismType::SHA384_RSA_PKCS_PSS, &good)));
    let bad = [
        CK_RSA_PKCS_PSS_PARAMS { hashAlg: 0, ..good },
        CK_RSA_PKCS_PSS_PARAMS { hashAlg: CKM_SHA256_HMAC, ..good },
        CK_RSA_PKCS_PSS_PARAMS { mgf: 0, ..good },
        CK_RSA_PKCS_PSS_PARAMS { sLen: u64::MAX, ..good },
    ];
    for params in bad {
        assert!(refused(whole(MechanismType::RSA_PKCS_PSS, &params)), "{params:?}");
    }
}

#[test]
fn oaep_takes_a_label_or_none() {
    let mut label = *b"label";
    let good = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA_1,
        mgf: CKG_MGF1_SHA256,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: label.as_mut_ptr().cast(),
        ulSourceDataLen: 5,
    };
    let oaep = |params: &CK_RSA_PKCS_OAEP_PARAMS| whole(MechanismType::RSA_PKCS_OAEP, params);
    let wanted =
        |label: &[u8]| Params::Oaep { hash: Hash::Sha1, mgf: Hash::Sha256, label: Blob::from(label) };
    assert_eq!(oaep(&good).unwrap(), wanted(b"label"));
    let none = CK_RSA_PKCS_OAEP_PARAMS { source: 0, pSourceData: null_mut(), ulSourceDataLen: 0, ..good };
    assert_eq!(oaep(&none).unwrap(), wanted(b""));
    let bad = [
        CK_RSA_PKCS_OAEP_PARAMS { hashAlg: 0, mgf: 0, ..good },
        CK_RSA_PKCS_OAEP_PARAMS { mgf: 77, ..good },
        CK_RSA_PKCS_OAEP_PARAMS { source: 0, ..good },
        CK_RSA_PKCS_OAEP_PARAMS { source: 2, ..good },
        CK_RSA_PKCS_OAEP_PARAMS { pSourceData: null_mut(), ..good },
        CK_RSA_PKCS_OAEP_PARAMS { ulSourceDataLen: u64::MAX, ..good },
    ];
    for params in bad {
        assert!(refused(oaep(&params)), "{params:?}");
    }
}

#[test]
fn ecdh_takes_shared_data_only_with_a_kdf() {
    let (mut point, mut shared) = ([4_u8; 65], [5_u8; 3]);
    let good = CK_ECDH1_DERIVE_PARAMS {
        kdf: CKD_SHA256_KDF,
        ulSharedDataLen: 3,
        pSharedData: shared.as_mut_ptr(),
        ulPublicDataLen: 65,
        pPublicData: point.as_mut_ptr(),
    };
    let ecdh = |params: &CK_ECDH1_DERIVE_PARAMS| whole(MechanismType::ECDH1_DERIVE, params);
    assert_eq!(
        ecdh(&good).unwrap(),
        Params::Ecdh {
            kdf: Some(Hash::Sha256.into()),
            shared: Blob::from([5; 3]),
            public: Blob::from([4; 65])
        }
    );
    let plain = CK_ECDH1_DERIVE_PARAMS { kdf: CKD_NULL, ulSharedDataLen: 0, pSharedData: null_mut(), ..good };
    assert!(matches!(ecdh(&plain).unwrap(), Params::Ecdh { kdf: None, .. }));
    let bad = [
        CK_ECDH1_DERIVE_PARAMS { kdf: CKD_NULL, ..good },
        CK_ECDH1_DERIVE_PARAMS { kdf: 0, ..good },
        CK_ECDH1_DERIVE_PARAMS { pPublicData: null_mut(), ..good },
        CK_ECDH1_DERIVE_PARAMS { ulPublicDataLen: 0, ..good },
        CK_ECDH1_DERIVE_PARAMS { ulPublicDataLen: u64::MAX, ..good },
        CK_ECDH1_DERIVE_PARAMS { pSharedData: null_mut(), ..good },
    ];
    for params in bad {
        assert!(refused(ecdh(&params)), "{params:?}");
    }
}

#[test]
fn eddsa_takes_a_flag_and_a_context_or_nothing() {
    let mut context = [5_u8; 256];
    let good = CK_EDDSA_PARAMS { phFlag: CK_TRUE, ulContextDataLen: 255, pContextData: context.as_mut_ptr() };
    let eddsa = |params: &CK_EDDSA_PARAMS| whole(MechanismType::EDDSA, params);
    assert_eq!(eddsa(&good).unwrap(), Params::Eddsa { prehash: true, context: Blob::from([5; 255]) });
    let empty = CK_EDDSA_PARAMS { phFlag: CK_FALSE, ulContextDataLen: 0, pContextData: null_mut() };
    assert_eq!(eddsa(&empty).unwrap(), Params::Eddsa { prehash: false, context: Blob::new() });
    assert_eq!(bare(CKM_EDDSA, null_mut(), 0).unwrap().mechanism.params, Params::None);
    for bad in [
        CK_EDDSA_PARAMS { phFlag: 2, ..good },
        CK_EDDSA_PARAMS { ulContextDataLen: 256, ..good },
        CK_EDDSA_PARAMS { pContextData: null_mut(), ..good },
        CK_EDDSA_PARAMS { ulContextDataLen: u64::MAX, ..good },
    ] {
        assert!(refused(eddsa(&bad)));
    }
}

#[test]
fn key_wraps_with_public_keys_say_how_long_the_aes_key_is() {
    let mut label = *b"label";
    let mut oaep = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA256,
        mgf: CKG_MGF1_SHA1,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: label.as_mut_ptr().cast(),
        ulSourceDataLen: 5,
    };
    let good = CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 192, pOAEPParams: &raw mut oaep };
    let rsa = |params: &CK_RSA_AES_KEY_WRAP_PARAMS| whole(MechanismType::RSA_AES_KEY_WRAP, params);
    let (hash, mgf) = (Hash::Sha256, Hash::Sha1);
    assert_eq!(rsa(&good).unwrap(), Params::RsaAesWrap { key_len: 24, hash, mgf, label: Blob::from(label) });
    let mut other = CK_RSA_PKCS_OAEP_PARAMS { mgf: 77, ..oaep };
    for bad in [
        CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 0, ..good },
        CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: u64::MAX, ..good },
        CK_RSA_AES_KEY_WRAP_PARAMS { pOAEPParams: null_mut(), ..good },
        CK_RSA_AES_KEY_WRAP_PARAMS { pOAEPParams: &raw mut other, ..good },
    ] {
        assert!(refused(rsa(&bad)));
    }
    let good = CK_ECDH_AES_KEY_WRAP_PARAMS {
        ulAESKeyBits: 256,
        kdf: CKD_SHA256_KDF,
        ulSharedDataLen: 5,
        pSharedData: label.as_mut_ptr(),
    };
    for kind in [MechanismType::ECDH_AES_KEY_WRAP, MechanismType::ECDH_X_AES_KEY_WRAP] {
        let ecdh = |params: &CK_ECDH_AES_KEY_WRAP_PARAMS| whole(kind, params);
        let wanted =
            Params::EcdhAesWrap { key_len: 32, kdf: Some(Hash::Sha256.into()), shared: Blob::from(label) };
        assert_eq!(ecdh(&good).unwrap(), wanted);
        for bad in [
            CK_ECDH_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 255, ..good },
            CK_ECDH_AES_KEY_WRAP_PARAMS { kdf: CKD_NULL, ..good },
            CK_ECDH_AES_KEY_WRAP_PARAMS { kdf: 0, ..good },
            CK_ECDH_AES_KEY_WRAP_PARAMS { pSharedData: null_mut(), ..good },
        ] {
            assert!(refused(ecdh(&bad)));
        }
    }
}
