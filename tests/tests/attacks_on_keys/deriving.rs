//! Keys made from keys.

use super::*;

/// A21: points that aren't on the curve.
#[test]
fn a_point_off_the_curve_derives_nothing() {
    alone(|| {
        under_each(|profile, session| {
            let public = Template::new().bytes(CKA_EC_PARAMS, P256);
            let private = may(&[CKA_DERIVE]);
            let pair = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &private).expect("a pair");
            let point = session.attribute(pair.public, CKA_EC_POINT).expect("a point")[2..].to_vec();
            let derive = |point: &[u8]| {
                let mechanism = Mechanism::ecdh(CKD_SHA256_KDF, point);
                session.derive(&mechanism, pair.private, &secret().number(CKA_VALUE_LEN, 32)).map(drop)
            };
            assert_eq!(derive(&point), Ok(()), "{profile}");
            let mut off = point.clone();
            off[64] ^= 1;
            let twist = [&[4][..], &[0; 31], &[5], &[0; 31], &[1]].concat();
            for bad in
                [&off[..], &[0], &point[..64], &[point.clone(), vec![0]].concat(), &twist, &[4], &[0xff; 65]]
            {
                assert_eq!(
                    derive(bad),
                    Err(ReturnCode::MECHANISM_PARAM_INVALID),
                    "{profile} {} bytes",
                    bad.len()
                );
            }
        });
    });
}

/// A derivation of the standard's that makes a key of bytes of another, and its parameter.
fn reducing(kind: CK_MECHANISM_TYPE) -> Mechanism {
    match kind {
        // The first bit.
        CKM_EXTRACT_KEY_FROM_KEY => Mechanism::structured(kind, &[Word::Number(0)]),
        _ => Mechanism::structured(kind, &[Word::Pointer(&[0; 16]), Word::Number(16)]),
    }
}

/// A13: keys that are so short a part of another that it's found out byte by byte.
#[test]
fn no_short_pieces_are_cut_out_of_a_key() {
    let cuts = [CKM_EXTRACT_KEY_FROM_KEY, CKM_XOR_BASE_AND_DATA, CKM_CONCATENATE_BASE_AND_DATA];
    alone(|| {
        under_each(|profile, session| {
            let base = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_DERIVE, CKA_SENSITIVE]);
            let base = session.generate(CKM_GENERIC_SECRET_KEY_GEN, &base).expect("a key");
            for kind in cuts {
                let piece = |len, more: Template| {
                    let wanted = Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET).number(CKA_VALUE_LEN, len);
                    session.derive(&reducing(kind), base, &wanted.and(&more))
                };
                if profile != "standard" {
                    for len in [1, 16, 32] {
                        let refused = piece(len, Template::new());
                        assert_eq!(refused, Err(ReturnCode::MECHANISM_INVALID), "{profile} {kind:#x} {len}");
                    }
                    continue;
                }
                for len in [1, 2, 8, 13] {
                    let refused = piece(len, Template::new());
                    assert_eq!(refused, Err(ReturnCode::KEY_SIZE_RANGE), "{kind:#x} {len}");
                }
                let key = piece(14, Template::new()).expect("a key");
                assert_eq!(
                    session.attribute(key, CKA_VALUE),
                    Err(ReturnCode::ATTRIBUTE_SENSITIVE),
                    "{kind:#x}"
                );
                let open = piece(32, Template::new().flag(CKA_SENSITIVE, false));
                assert_eq!(open, Err(ReturnCode::TEMPLATE_INCONSISTENT), "{kind:#x}");
            }
            // Nor out of a longer one that has little of it.
            let joined = Mechanism::structured(
                CKM_CONCATENATE_DATA_AND_BASE,
                &[Word::Pointer(&[0; 31]), Word::Number(31)],
            );
            let wanted = Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET).number(CKA_VALUE_LEN, 32);
            let code = if profile == "standard" {
                ReturnCode::KEY_SIZE_RANGE
            } else {
                ReturnCode::MECHANISM_INVALID
            };
            assert_eq!(session.derive(&joined, base, &wanted), Err(code), "{profile}");
        });
    });
}

/// A14: a derivation that encrypts would be an oracle for who may only derive, if what it makes could be read.
#[test]
fn a_derivation_that_encrypts_tells_nothing() {
    alone(|| {
        under_each(|profile, session| {
            let base = aes(session, may(&[CKA_DERIVE, CKA_SENSITIVE])).expect("a key");
            let mut with_iv = vec![Word::Number(0); 2];
            with_iv.extend([Word::Pointer(&[7; 32]), Word::Number(32)]);
            let ways = [
                Mechanism::structured(CKM_AES_ECB_ENCRYPT_DATA, &[Word::Pointer(&[7; 32]), Word::Number(32)]),
                Mechanism::structured(CKM_AES_CBC_ENCRYPT_DATA, &with_iv),
            ];
            for mechanism in &ways {
                let wanted = || Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET).number(CKA_VALUE_LEN, 32);
                let open = session.derive(mechanism, base, &wanted().flag(CKA_SENSITIVE, false));
                let kept = session.derive(mechanism, base, &wanted());
                if profile == "standard" {
                    assert_eq!(open, Err(ReturnCode::TEMPLATE_INCONSISTENT));
                    let kept = kept.expect("a key");
                    assert_eq!(session.attribute(kept, CKA_VALUE), Err(ReturnCode::ATTRIBUTE_SENSITIVE));
                    // Nor can it be made readable later.
                    let lowered = session.set(kept, &Template::new().flag(CKA_SENSITIVE, false));
                    assert_eq!(lowered, Err(ReturnCode::ATTRIBUTE_READ_ONLY));
                } else {
                    let absent = Err(ReturnCode::MECHANISM_INVALID);
                    assert_eq!((open, kept), (absent, absent), "{profile}");
                }
            }
        });
    });
}
