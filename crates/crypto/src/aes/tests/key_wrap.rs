//! KW and KWP: lengths, changed bits, forged initial values.

use super::*;

#[test]
fn key_wrap_lengths() {
    let kw = spec(MechanismType::AES_KEY_WRAP);
    let kwp = spec(MechanismType::AES_KEY_WRAP_KWP);
    for len in 0..70 {
        let data = vec![0x77; len];
        if len >= 16 && len % 8 == 0 {
            let wrapped = wrap(&KEY, kw, &Params::None, &data).unwrap();
            assert_eq!(wrapped.len(), len + 8);
            assert_eq!(unwrap(&KEY, kw, &Params::None, &wrapped).unwrap().as_slice(), data);
        } else {
            let error = wrap(&KEY, kw, &Params::None, &data).unwrap_err();
            assert_eq!(error.code, ReturnCode::KEY_SIZE_RANGE, "{len}");
            let error = encrypt(&KEY, kw, &Params::None, &data).unwrap_err();
            assert_eq!(error.code, ReturnCode::DATA_LEN_RANGE, "{len}");
        }
        if len < 24 || len % 8 != 0 {
            let error = unwrap(&KEY, kw, &Params::None, &data).unwrap_err();
            assert_eq!(error.code, ReturnCode::WRAPPED_KEY_LEN_RANGE, "{len}");
            let error = decrypt(&KEY, kw, &Params::None, &data).unwrap_err();
            assert_eq!(error.code, ReturnCode::ENCRYPTED_DATA_LEN_RANGE, "{len}");
        }
        if len >= 1 {
            let wrapped = wrap(&KEY, kwp, &Params::None, &data).unwrap();
            assert_eq!(wrapped.len(), len.div_ceil(8) * 8 + 8);
            assert_eq!(unwrap(&KEY, kwp, &Params::None, &wrapped).unwrap().as_slice(), data);
        } else {
            let error = wrap(&KEY, kwp, &Params::None, &data).unwrap_err();
            assert_eq!(error.code, ReturnCode::KEY_SIZE_RANGE);
        }
        if len < 16 || len % 8 != 0 {
            let error = unwrap(&KEY, kwp, &Params::None, &data).unwrap_err();
            assert_eq!(error.code, ReturnCode::WRAPPED_KEY_LEN_RANGE, "{len}");
        }
    }
}

#[test]
fn key_wrap_notices_every_changed_bit() {
    for kind in [MechanismType::AES_KEY_WRAP, MechanismType::AES_KEY_WRAP_KWP] {
        for len in [16, 24, 40] {
            let wrapped = wrap(&KEY, spec(kind), &Params::None, &vec![1; len]).unwrap();
            for bit in 0..wrapped.len() * 8 {
                let mut bad = wrapped.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                let error = unwrap(&KEY, spec(kind), &Params::None, &bad).unwrap_err();
                assert_eq!(error.code, ReturnCode::WRAPPED_KEY_INVALID);
            }
        }
    }
}

/// KW's data with an initial value that says something else than KWP's: other constants, lengths that
/// don't fit, padding that isn't zero.
#[test]
fn kwp_checks_value_length_and_padding() {
    let kw = spec(MechanismType::AES_KEY_WRAP);
    let kwp = spec(MechanismType::AES_KEY_WRAP_KWP);
    let forge = |constant: [u8; 4], len: u32, data: &[u8; 24]| {
        let iv = [constant, len.to_be_bytes()].concat();
        let wrapped = wrap(&KEY, kw, &Params::Iv(Blob::from(iv)), data).unwrap();
        unwrap(&KEY, kwp, &Params::None, &wrapped).map_err(|error| error.code)
    };
    let good = [0xa6, 0x59, 0x59, 0xa6];
    let zeros = [0; 24];
    for len in 17..=24 {
        assert_eq!(forge(good, len, &zeros).unwrap().len(), len as usize);
    }
    for len in [0, 1, 16, 25, 32, 0x8000_0000, u32::MAX] {
        assert_eq!(forge(good, len, &zeros), Err(ReturnCode::WRAPPED_KEY_INVALID), "{len}");
    }
    assert_eq!(forge([0xa6; 4], 24, &zeros), Err(ReturnCode::WRAPPED_KEY_INVALID));
    for len in 17..24 {
        for place in 16..24 {
            let mut data = zeros;
            data[place] = 1;
            let expected = place < len as usize;
            assert_eq!(forge(good, len, &data).is_ok(), expected, "{len} {place}");
        }
    }
}

#[test]
fn key_wrap_with_an_initial_value_of_ones_own() {
    for (kind, own) in [
        (MechanismType::AES_KEY_WRAP, Params::Iv(Blob::from(*b"8 bytes!"))),
        (MechanismType::AES_KEY_WRAP_KWP, Params::Iv(Blob::from(*b"four"))),
    ] {
        for len in [16, 32] {
            let wrapped = wrap(&KEY, spec(kind), &own, &vec![1; len]).unwrap();
            assert_eq!(unwrap(&KEY, spec(kind), &own, &wrapped).unwrap().as_slice(), vec![1; len]);
            let error = unwrap(&KEY, spec(kind), &Params::None, &wrapped).unwrap_err();
            assert_eq!(error.code, ReturnCode::WRAPPED_KEY_INVALID);
        }
    }
}
