//! What the modes refuse, and how.

use super::*;

#[test]
fn incomplete_blocks() {
    for kind in [MechanismType::AES_ECB, MechanismType::AES_CBC, MechanismType::AES_CBC_PAD] {
        for len in (1..50).filter(|len| len % 16 != 0) {
            let data = vec![1; len];
            if whole_blocks(kind) {
                let error = encrypt(&KEY, spec(kind), &params(kind), &data).unwrap_err();
                assert_eq!(error.code, ReturnCode::DATA_LEN_RANGE);
                let error = in_parts(true, kind, [data.as_slice()]).unwrap_err();
                assert_eq!(error.code, ReturnCode::DATA_LEN_RANGE);
            }
            let error = decrypt(&KEY, spec(kind), &params(kind), &data).unwrap_err();
            assert_eq!(error.code, ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
            let error = in_parts(false, kind, [data.as_slice()]).unwrap_err();
            assert_eq!(error.code, ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
        }
    }
}

#[test]
fn keys_of_wrong_length() {
    for len in [0, 1, 15, 17, 23, 25, 31, 33, 64] {
        let key = vec![0; len];
        for kind in STREAMED.into_iter().chain([MechanismType::AES_KEY_WRAP, MechanismType::AES_KEY_WRAP_KWP])
        {
            let (spec, params) = (spec(kind), params(kind));
            assert_eq!(encrypt(&key, spec, &params, &[0; 32]).unwrap_err().code, ReturnCode::KEY_SIZE_RANGE);
            assert_eq!(decrypt(&key, spec, &params, &[0; 32]).unwrap_err().code, ReturnCode::KEY_SIZE_RANGE);
        }
        for kind in STREAMED {
            let error = AesStream::open(true, &key, spec(kind), &params(kind)).err().unwrap();
            assert_eq!(error.code, ReturnCode::KEY_SIZE_RANGE);
        }
        let kw = spec(MechanismType::AES_KEY_WRAP);
        let error = wrap(&key, kw, &Params::None, &[0; 32]).unwrap_err();
        assert_eq!(error.code, ReturnCode::WRAPPING_KEY_SIZE_RANGE);
        let error = unwrap(&key, kw, &Params::None, &[0; 32]).unwrap_err();
        assert_eq!(error.code, ReturnCode::UNWRAPPING_KEY_SIZE_RANGE);
    }
}

#[test]
fn wrong_parameters() {
    let iv = |len| Params::Iv(Blob::zeroed(len));
    let wrong = [
        (MechanismType::AES_ECB, vec![iv(16), iv(0), ctr(64, [0; 16]), gcm(12, 128)]),
        (MechanismType::AES_CBC, vec![Params::None, iv(0), iv(15), iv(17), gcm(12, 128)]),
        (MechanismType::AES_CBC_PAD, vec![Params::None, iv(0), iv(15), iv(17), ctr(64, [0; 16])]),
        (MechanismType::AES_CTR, vec![Params::None, iv(16), ctr(0, [0; 16]), ctr(129, [0; 16])]),
        (
            MechanismType::AES_GCM,
            vec![
                Params::None,
                iv(12),
                gcm(1025, 128),
                gcm(12, 0),
                gcm(12, 4),
                gcm(12, 127),
                gcm(12, 129),
                gcm(12, 136),
            ],
        ),
        (MechanismType::AES_KEY_WRAP, vec![iv(0), iv(4), iv(7), iv(9), iv(16), gcm(12, 128)]),
        (MechanismType::AES_KEY_WRAP_KWP, vec![iv(0), iv(3), iv(5), iv(8), ctr(64, [0; 16])]),
    ];
    for (kind, all) in wrong {
        for params in all {
            for result in
                [encrypt(&KEY, spec(kind), &params, &[0; 32]), decrypt(&KEY, spec(kind), &params, &[0; 32])]
            {
                let error = result.unwrap_err();
                assert_eq!(error.code, ReturnCode::MECHANISM_PARAM_INVALID, "{kind} {params:?}");
            }
        }
    }
}

#[test]
fn mechanisms_that_are_something_else() {
    let code = |result: strongroom_model::Result<Blob>| result.unwrap_err().code;
    for kind in [MechanismType::AES_CMAC, MechanismType::AES_KEY_GEN, MechanismType::RSA_PKCS] {
        let (spec, params) = (spec(kind), Params::None);
        assert_eq!(code(encrypt(&KEY, spec, &params, &[0; 16])), ReturnCode::MECHANISM_INVALID);
        assert_eq!(code(decrypt(&KEY, spec, &params, &[0; 16])), ReturnCode::MECHANISM_INVALID);
    }
    for kind in [MechanismType::AES_ECB, MechanismType::AES_CBC, MechanismType::AES_CTR] {
        assert_eq!(code(wrap(&KEY, spec(kind), &params(kind), &[0; 16])), ReturnCode::MECHANISM_INVALID);
        assert_eq!(code(unwrap(&KEY, spec(kind), &params(kind), &[0; 16])), ReturnCode::MECHANISM_INVALID);
    }
    for kind in [MechanismType::AES_KEY_WRAP, MechanismType::AES_KEY_WRAP_KWP, MechanismType::AES_CMAC] {
        let error = AesStream::open(true, &KEY, spec(kind), &Params::None).err().unwrap();
        assert_eq!(error.code, ReturnCode::MECHANISM_INVALID);
    }
}

#[test]
fn a_counter_never_wraps_around() {
    let kind = spec(MechanismType::AES_CTR);
    let mut nearly = [0xff; 16];
    nearly[15] = 0xfe;
    // The first counter block, its bits, and how many blocks it's good for.
    let cases =
        [([0; 16], 1, 2), ([0xff; 16], 1, 1), ([0; 16], 4, 16), ([0xff; 16], 128, 1), (nearly, 128, 2)];
    for (block, bits, blocks) in cases {
        let params = ctr(bits, block);
        let fits = vec![0; blocks * 16];
        let sealed = encrypt(&KEY, kind, &params, &fits).unwrap();
        assert_eq!(decrypt(&KEY, kind, &params, &sealed).unwrap().as_slice(), fits);
        let too_long = vec![0; blocks * 16 + 1];
        let error = encrypt(&KEY, kind, &params, &too_long).unwrap_err();
        assert_eq!(error.code, ReturnCode::DATA_LEN_RANGE);
        let error = decrypt(&KEY, kind, &params, &too_long).unwrap_err();
        assert_eq!(error.code, ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
        // The same, byte by byte.
        let mut stream = AesStream::open(true, &KEY, kind, &params).unwrap();
        for byte in &fits {
            stream.update(&[*byte]).unwrap();
        }
        assert_eq!(stream.update(&[]).unwrap().len(), 0);
        assert_eq!(stream.update(&[0]).unwrap_err().code, ReturnCode::DATA_LEN_RANGE);
    }
    let all = ctr(128, [0; 16]);
    assert_eq!(encrypt(&KEY, kind, &all, &[0; 1000]).unwrap().len(), 1000);
}

/// Counter blocks are told apart by the counter's bits alone; the others stay as they are.
#[test]
fn key_streams_of_one_counter_do_not_repeat() {
    let zeros = vec![0; 16 * 256];
    let stream = encrypt(&KEY, spec(MechanismType::AES_CTR), &ctr(8, [0; 16]), &zeros).unwrap();
    let mut blocks: Vec<&[u8]> = stream.chunks(16).collect();
    blocks.sort_unstable();
    blocks.dedup();
    assert_eq!(blocks.len(), 256);
}

#[test]
fn gcm_notices_every_changed_bit() {
    let (kind, params) = (MechanismType::AES_GCM, params(MechanismType::AES_GCM));
    let sealed = encrypt(&KEY, spec(kind), &params, b"some data").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut bad = sealed.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let error = decrypt(&KEY, spec(kind), &params, &bad).unwrap_err();
        assert_eq!(error.code, ReturnCode::ENCRYPTED_DATA_INVALID);
        assert_eq!(in_parts(false, kind, [&bad[..5], &bad[5..]]).unwrap_err(), error);
        let error = unwrap(&KEY, spec(kind), &params, &bad).unwrap_err();
        assert_eq!(error.code, ReturnCode::WRAPPED_KEY_INVALID);
    }
    for len in 0..16 {
        let error = decrypt(&KEY, spec(kind), &params, &sealed[..len]).unwrap_err();
        assert_eq!(error.code, ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
        let error = unwrap(&KEY, spec(kind), &params, &sealed[..len]).unwrap_err();
        assert_eq!(error.code, ReturnCode::WRAPPED_KEY_LEN_RANGE);
    }
    for other in [gcm(13, 128), gcm(12, 120)] {
        let error = decrypt(&KEY, spec(kind), &other, &sealed).unwrap_err();
        assert_eq!(error.code, ReturnCode::ENCRYPTED_DATA_INVALID);
    }
}

#[test]
fn gcm_takes_ivs_of_1_to_1024_bytes() {
    for len in [1, 8, 11, 12, 13, 16, 17, 60, 1023, 1024] {
        let params = gcm(len, 128);
        let sealed = encrypt(&KEY, spec(MechanismType::AES_GCM), &params, b"data").unwrap();
        let plain = decrypt(&KEY, spec(MechanismType::AES_GCM), &params, &sealed).unwrap();
        assert_eq!(plain.as_slice(), b"data");
    }
}

#[test]
fn unpadding_takes_exactly_the_right_padding() {
    for last in 0..=255_u8 {
        for filler in [0, 1, last, 0xff] {
            let mut block = [filler; 16];
            block[15] = last;
            let valid =
                (1..=16).contains(&last) && block[16 - usize::from(last)..].iter().all(|byte| *byte == last);
            let expected = valid.then(|| 16 - usize::from(last));
            assert_eq!(padding::unpad(&block), expected, "{block:?}");
        }
    }
    for count in 1..=16_u8 {
        let mut block = [0xee; 16];
        block[16 - usize::from(count)..].fill(count);
        assert_eq!(padding::unpad(&block), Some(16 - usize::from(count)));
        for place in 16 - usize::from(count)..15 {
            let mut bad = block;
            bad[place] ^= 0x80;
            assert_eq!(padding::unpad(&bad), None, "{bad:?}");
        }
    }
}

#[test]
fn every_wrong_padding_is_the_same_error() {
    let (cbc, pad) = (spec(MechanismType::AES_CBC), spec(MechanismType::AES_CBC_PAD));
    let iv = params(MechanismType::AES_CBC);
    let mut errors = Vec::new();
    for tail in [[0, 0], [2, 3], [1, 2], [0, 17], [0, 0xff], [16, 16], [5, 5]] {
        let mut block = [0x41; 32];
        block[30..].copy_from_slice(&tail);
        let sealed = encrypt(&KEY, cbc, &iv, &block).unwrap();
        errors.push(decrypt(&KEY, pad, &iv, &sealed).unwrap_err());
        let error = in_parts(false, MechanismType::AES_CBC_PAD, sealed.chunks(7)).unwrap_err();
        errors.push(error);
        let error = unwrap(&KEY, pad, &iv, &sealed).unwrap_err();
        assert_eq!(error.code, ReturnCode::WRAPPED_KEY_INVALID);
    }
    errors.dedup();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code, ReturnCode::ENCRYPTED_DATA_INVALID);
}
