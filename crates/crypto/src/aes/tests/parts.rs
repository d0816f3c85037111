//! Data in parts gives what it gives in one go.

use super::*;

#[test]
fn every_split_gives_the_same() {
    let data: Vec<u8> = (0..80).collect();
    for kind in STREAMED {
        let whole = encrypt(&KEY, spec(kind), &params(kind), &data).unwrap();
        for split in 0..=data.len() {
            let (first, second) = data.split_at(split);
            assert_eq!(in_parts(true, kind, [first, second]).unwrap(), *whole, "{kind} at {split}");
        }
        for split in 0..=whole.len() {
            let (first, second) = whole.split_at(split);
            assert_eq!(in_parts(false, kind, [first, second]).unwrap(), data, "{kind} at {split}");
        }
    }
}

#[test]
fn no_data_at_all() {
    for kind in STREAMED {
        let sealed = in_parts(true, kind, []).unwrap();
        let expected = match kind {
            MechanismType::AES_CBC_PAD | MechanismType::AES_GCM => 16,
            _ => 0,
        };
        assert_eq!(sealed.len(), expected, "{kind}");
        assert_eq!(encrypt(&KEY, spec(kind), &params(kind), &[]).unwrap().as_slice(), sealed);
        assert!(in_parts(false, kind, [sealed.as_slice()]).unwrap().is_empty());
        assert!(decrypt(&KEY, spec(kind), &params(kind), &sealed).unwrap().is_empty());
    }
    let code = |result: strongroom_model::Result<Vec<u8>>| result.unwrap_err().code;
    for kind in [MechanismType::AES_CBC_PAD, MechanismType::AES_GCM] {
        assert_eq!(code(in_parts(false, kind, [])), ReturnCode::ENCRYPTED_DATA_LEN_RANGE, "{kind}");
    }
}

#[test]
fn gcm_gives_out_nothing_before_the_tag_is_verified() {
    let kind = MechanismType::AES_GCM;
    let mut sealed = encrypt(&KEY, spec(kind), &params(kind), &[7; 1000]).unwrap();
    let mut stream = AesStream::open(false, &KEY, spec(kind), &params(kind)).unwrap();
    for chunk in sealed.chunks(100) {
        assert!(stream.update(chunk).unwrap().is_empty());
    }
    assert_eq!(stream.finish().unwrap().as_slice(), [7; 1000]);
    sealed[0] ^= 1;
    assert_eq!(
        in_parts(false, kind, sealed.chunks(100)).unwrap_err().code,
        ReturnCode::ENCRYPTED_DATA_INVALID
    );
}

#[test]
fn gcm_keeps_only_so_much() {
    let kind = MechanismType::AES_GCM;
    let data = vec![1; limits::MAX_DATA];
    let sealed = encrypt(&KEY, spec(kind), &params(kind), &data).unwrap();
    assert_eq!(in_parts(false, kind, sealed.chunks(1 << 20)).unwrap(), data);
    let mut stream = AesStream::open(false, &KEY, spec(kind), &params(kind)).unwrap();
    stream.update(&sealed).unwrap();
    assert_eq!(stream.update(&[0]).unwrap_err().code, ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
}

#[test]
fn streams_move_between_threads() {
    let kind = MechanismType::AES_CBC_PAD;
    let mut stream = AesStream::open(true, &KEY, spec(kind), &params(kind)).unwrap();
    let mut out = stream.update(&[1; 20]).unwrap();
    let rest = std::thread::spawn(move || {
        let mut out = stream.update(&[1; 20]).unwrap();
        out.extend(&stream.finish().unwrap());
        out
    });
    out.extend(&rest.join().unwrap());
    assert_eq!(out, encrypt(&KEY, spec(kind), &params(kind), &[1; 40]).unwrap());
}

proptest! {
    #[test]
    fn any_parts_give_the_same(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..70), 0..10),
        cuts in proptest::collection::vec(1_usize..60, 1..10),
    ) {
        for kind in STREAMED {
            let mut data = parts.concat();
            let mut parts = parts.clone();
            if whole_blocks(kind) {
                let fill = vec![0; data.len().next_multiple_of(16) - data.len()];
                data.extend_from_slice(&fill);
                parts.push(fill);
            }
            let whole = encrypt(&KEY, spec(kind), &params(kind), &data).unwrap();
            let sealed = in_parts(true, kind, parts.iter().map(Vec::as_slice)).unwrap();
            prop_assert_eq!(&sealed, whole.as_slice());
            let plain = decrypt(&KEY, spec(kind), &params(kind), &sealed).unwrap();
            prop_assert_eq!(plain.as_slice(), &data);
            let mut rest = sealed.as_slice();
            let pieces = cuts.iter().cycle().map_while(|cut| {
                let piece;
                (piece, rest) = rest.split_at((*cut).min(rest.len()));
                (!piece.is_empty()).then_some(piece)
            });
            prop_assert_eq!(in_parts(false, kind, pieces).unwrap(), data);
        }
    }

    #[test]
    fn garbage_is_refused_without_a_panic(
        data in proptest::collection::vec(any::<u8>(), 0..200),
        value in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        for kind in STREAMED.into_iter().chain([MechanismType::AES_KEY_WRAP, MechanismType::AES_KEY_WRAP_KWP]) {
            let (spec, params) = (spec(kind), params(kind));
            let _ = encrypt(&value, spec, &params, &data);
            let _ = decrypt(&value, spec, &params, &data);
            let _ = wrap(&value, spec, &params, &data);
            let opened = unwrap(&KEY, spec, &params, &data);
            if kind != MechanismType::AES_CBC_PAD {
                // Unpadding garbage succeeds once in 255 times; a forged tag doesn't.
                prop_assert!(opened.is_err());
            }
        }
    }
}

proptest! {
    /// The second opinion: RustCrypto's AES and GCM.
    #[test]
    fn another_implementation_agrees(
        data in proptest::collection::vec(any::<u8>(), 0..300),
        aad in proptest::collection::vec(any::<u8>(), 0..40),
        key in any::<[u8; 32]>(),
        iv in any::<[u8; 12]>(),
    ) {
        use aes_gcm::aead::{Aead, Payload};
        use aes_gcm::aes::cipher::BlockCipherEncrypt;
        use aes_gcm::{Aes256Gcm, KeyInit, aes::Aes256};

        let payload = Payload { msg: &data, aad: &aad };
        let expected = Aes256Gcm::new((&key).into()).encrypt((&iv).into(), payload).unwrap();
        let params = Params::Gcm { iv: Blob::from(iv), aad: Blob::from(aad), tag_bits: 128 };
        let sealed = encrypt(&key, spec(MechanismType::AES_GCM), &params, &data).unwrap();
        prop_assert_eq!(sealed.as_slice(), expected);

        let mut blocks = data[..data.len() / 16 * 16].to_vec();
        let sealed = encrypt(&key, spec(MechanismType::AES_ECB), &Params::None, &blocks).unwrap();
        let cipher = Aes256::new((&key).into());
        for block in blocks.chunks_exact_mut(16) {
            cipher.encrypt_block(block.try_into().unwrap());
        }
        prop_assert_eq!(sealed.as_slice(), blocks);
    }
}
