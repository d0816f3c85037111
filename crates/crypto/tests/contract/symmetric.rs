//! Ciphers and MACs with secret keys: known answers, and the same in parts of any size.

use strongroom_crypto::{
    Input, Key, Stream, StreamKind, decrypt, encrypt, generate_secret, sign, unwrap, verify, wrap,
};
use strongroom_model::{
    Attributes, Blob, KeyType, Mechanism, MechanismType, ObjectClass, Params, Result, ReturnCode,
};

use crate::common::{A, M, code, hex, unhex};

fn key(key_type: KeyType, value: &[u8]) -> Key {
    imported(key_type, value).unwrap()
}

fn imported(key_type: KeyType, value: &[u8]) -> Result<Key> {
    Key::from_attributes(ObjectClass::SecretKey, key_type, &Attributes::new().with(A::VALUE, value.to_vec()))
}

fn with(kind: MechanismType, params: Params) -> Mechanism {
    Mechanism { kind, params }
}

fn iv(bytes: &[u8]) -> Params {
    Params::Iv(bytes.into())
}

/// Encrypts and decrypts, in one go and in parts of some sizes; what comes back is the ciphertext.
fn both_ways(key: &Key, mechanism: &Mechanism, plain: &[u8]) -> Blob {
    let encrypted = encrypt(key, mechanism, plain).unwrap();
    assert_eq!(decrypt(key, mechanism, &encrypted).unwrap().as_slice(), plain, "{mechanism:?}");
    for size in [1, 7, 8, 15, 16, 17, 33, 5000] {
        for (kind, given, wanted) in
            [(StreamKind::Encrypt, plain, &encrypted[..]), (StreamKind::Decrypt, &encrypted[..], plain)]
        {
            let mut stream = Stream::open(kind, key, mechanism).unwrap();
            let mut out = Blob::new();
            for part in given.chunks(size) {
                out.extend(&stream.update(part).unwrap());
            }
            out.extend(&stream.finish().unwrap());
            assert_eq!(out.as_slice(), wanted, "{mechanism:?}, {kind:?} by {size} of {}", given.len());
        }
    }
    encrypted
}

fn refused(key: &Key, mechanism: &Mechanism, plain: &[u8], encrypted: &[u8]) {
    assert_eq!(code(encrypt(key, mechanism, plain)), ReturnCode::DATA_LEN_RANGE, "{mechanism:?}");
    assert_eq!(
        code(decrypt(key, mechanism, encrypted)),
        ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
        "{mechanism:?}"
    );
}

const AES128: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const BLOCKS: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
const IV: &str = "000102030405060708090a0b0c0d0e0f";

/// NIST SP 800-38A, sections F.3 and F.4.
#[test]
fn feedback_modes() {
    let key = key(KeyType::Aes, &unhex(AES128));
    let plain = unhex(BLOCKS);
    for (kind, len, expected) in [
        (M::AES_OFB, 32, "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"),
        (M::AES_CFB128, 32, "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"),
        (M::AES_CFB8, 18, "3b79424c9c0dd436bace9e0ed4586a4f32b9"),
        (M::AES_CFB1, 2, "68b3"),
    ] {
        let encrypted = both_ways(&key, &with(kind, iv(&unhex(IV))), &plain[..len]);
        assert_eq!(hex(&encrypted), expected, "{kind}");
    }
    // CFB-64 begins as CFB-128 does, and its second segment is made from the first.
    let encrypted = both_ways(&key, &with(M::AES_CFB64, iv(&unhex(IV))), &plain);
    assert_eq!(hex(&encrypted[..8]), "3b3fd92eb72dad20");
    let second = [&unhex(IV)[8..], &encrypted[..8]].concat();
    let stream = encrypt(&key, &Mechanism::plain(M::AES_ECB), &second).unwrap();
    let expected: Vec<u8> = stream.iter().zip(&plain[8..16]).map(|(a, b)| a ^ b).collect();
    assert_eq!(encrypted[8..16], expected[..]);
    for kind in [M::AES_OFB, M::AES_CFB1, M::AES_CFB8, M::AES_CFB64, M::AES_CFB128, M::AES_CTS] {
        for wrong in [Params::None, iv(&[0; 15])] {
            let mechanism = with(kind, wrong);
            assert_eq!(
                code(encrypt(&key, &mechanism, &plain)),
                ReturnCode::MECHANISM_PARAM_INVALID,
                "{kind}"
            );
            let opened = code(Stream::open(StreamKind::Decrypt, &key, &mechanism));
            assert_eq!(opened, ReturnCode::MECHANISM_PARAM_INVALID, "{kind}");
        }
    }
}

/// Addendum to NIST SP 800-38A: CBC-CS1 is CBC where there is nothing to steal, and else ends in the encryption of the padded
/// rest, before which so many bytes are missing.
#[test]
fn ciphertext_stealing() {
    let key = key(KeyType::Aes, &unhex(AES128));
    let (cts, cbc) = (with(M::AES_CTS, iv(&unhex(IV))), with(M::AES_CBC, iv(&unhex(IV))));
    for len in 16..100_usize {
        let plain: Vec<u8> = (0..len as u8).collect();
        let mut padded = plain.clone();
        padded.resize(len.next_multiple_of(16), 0);
        let mut expected = encrypt(&key, &cbc, &padded).unwrap().to_vec();
        let missing = padded.len() - len;
        expected.drain(padded.len() - 16 - missing..padded.len() - 16);
        assert_eq!(both_ways(&key, &cts, &plain)[..], expected[..], "{len}");
    }
    for len in [0, 1, 15] {
        refused(&key, &cts, &vec![0; len], &vec![0; len]);
    }
}

/// IEEE 1619, appendix B, vector 2.
#[test]
fn xts() {
    let both = [[0x11; 16], [0x22; 16]].concat();
    let unit = unhex("33333333330000000000000000000000");
    let mechanism = with(M::AES_XTS, iv(&unit));
    let value = key(KeyType::AesXts, &both);
    assert_eq!(
        hex(&both_ways(&value, &mechanism, &[0x44; 32])),
        "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0"
    );
    for len in [16, 17, 31, 32, 33, 47, 48, 4096, 4097, 10_000] {
        both_ways(&value, &mechanism, &vec![len as u8; len]);
        both_ways(&key(KeyType::AesXts, &(0..64).collect::<Vec<u8>>()), &mechanism, &vec![7; len]);
    }
    for len in [0, 15] {
        refused(&value, &mechanism, &vec![0; len], &vec![0; len]);
    }
    let unit = vec![0; (1 << 24) + 1];
    assert_eq!(encrypt(&value, &mechanism, &unit[1..]).unwrap().len(), 1 << 24);
    refused(&value, &mechanism, &unit, &unit);
    assert_eq!(code(imported(KeyType::AesXts, &[1; 32])), ReturnCode::ATTRIBUTE_VALUE_INVALID);
    for len in [16, 31, 33, 48, 63] {
        let value: Vec<u8> = (0..len).collect();
        assert_eq!(code(imported(KeyType::AesXts, &value)), ReturnCode::ATTRIBUTE_VALUE_INVALID, "{len}");
    }
    for len in [32, 64] {
        let made = generate_secret(&Mechanism::plain(M::AES_XTS_KEY_GEN), len).unwrap();
        assert_ne!(made[..len / 2], made[len / 2..]);
    }
    assert_eq!(code(generate_secret(&Mechanism::plain(M::AES_XTS_KEY_GEN), 48)), ReturnCode::KEY_SIZE_RANGE);
}

/// NIST SP 800-38C, example 1.
#[test]
fn ccm() {
    let value = key(KeyType::Aes, &unhex("404142434445464748494a4b4c4d4e4f"));
    let params = |data_len, nonce: &[u8], aad: &[u8], mac_len| Params::Ccm {
        data_len,
        nonce: nonce.into(),
        aad: aad.into(),
        mac_len,
    };
    let (nonce, aad) = (unhex("10111213141516"), unhex("0001020304050607"));
    let mechanism = with(M::AES_CCM, params(4, &nonce, &aad, 4));
    assert_eq!(hex(&both_ways(&value, &mechanism, &unhex("20212223"))), "7162015b4dac255d");
    for (len, nonce_len, mac_len) in
        [(0, 13, 16), (1, 12, 14), (15, 11, 12), (64, 10, 10), (5000, 9, 8), (70_000, 8, 6)]
    {
        let mechanism = with(M::AES_CCM, params(len as u64, &vec![1; nonce_len], b"", mac_len));
        let encrypted = both_ways(&value, &mechanism, &vec![2; len]);
        let mut damaged = encrypted.to_vec();
        damaged[len / 2] ^= 0x10;
        assert_eq!(code(decrypt(&value, &mechanism, &damaged)), ReturnCode::ENCRYPTED_DATA_INVALID);
        refused(&value, &mechanism, &vec![2; len + 1], &encrypted[1..]);
    }
    // Two bytes are left to the length.
    let short = with(M::AES_CCM, params(65_536, &[1; 13], b"", 16));
    assert_eq!(code(encrypt(&value, &short, &vec![0; 65_536])), ReturnCode::DATA_LEN_RANGE);
    for (nonce_len, mac_len) in [(6, 16), (14, 16), (13, 2), (13, 5), (13, 18)] {
        let mechanism = with(M::AES_CCM, params(4, &vec![1; nonce_len], b"", mac_len));
        assert_eq!(code(encrypt(&value, &mechanism, &[0; 4])), ReturnCode::MECHANISM_PARAM_INVALID);
        assert_eq!(
            code(Stream::open(StreamKind::Encrypt, &value, &mechanism)),
            ReturnCode::MECHANISM_PARAM_INVALID
        );
    }
    // Who wraps says nothing of the length.
    let mechanism = with(M::AES_CCM, params(0, &nonce, b"", 16));
    let wrapped = wrap(&value, &mechanism, &[5; 24]).unwrap();
    assert_eq!(unwrap(&value, &mechanism, &wrapped).unwrap()[..], [5; 24]);
    assert_eq!(code(unwrap(&value, &mechanism, &wrapped[1..])), ReturnCode::WRAPPED_KEY_INVALID);
    assert_eq!(code(unwrap(&value, &mechanism, &[0; 15])), ReturnCode::WRAPPED_KEY_LEN_RANGE);
}

/// RFC 8439 section 2.4.2; streams with a counter of 64 bits; what comes after the last block.
#[test]
fn chacha20() {
    let value = key(KeyType::ChaCha20, &(0..32).collect::<Vec<u8>>());
    let params = |counter, nonce: &[u8]| Params::ChaCha20 { counter, nonce: nonce.into() };
    let nonce = unhex("000000000000004a00000000");
    let plain: &[u8] =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                         sunscreen would be it.";
    let encrypted = both_ways(&value, &with(M::CHACHA20, params(1, &nonce)), plain);
    assert_eq!(
        hex(&encrypted),
        "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b357\
         1639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736\
         5af90bbf74a35be6b40b8eedf2785e42874d"
    );
    // With the high half of the counter where the nonce of 96 bits begins, the original is the same cipher.
    for high in [0_u64, 1, 0xffff_ffff] {
        let counter = (high << 32) | 0xffff_fffe;
        let original = encrypt(&value, &with(M::CHACHA20, params(counter, &[9; 8])), &[0; 128]).unwrap();
        let same = [&(high as u32).to_le_bytes()[..], &[9; 8]].concat();
        let ietf = encrypt(&value, &with(M::CHACHA20, params(0xffff_fffe, &same)), &[0; 128]).unwrap();
        assert_eq!(original, ietf);
    }
    // It goes on where the low half wraps around.
    let across = both_ways(&value, &with(M::CHACHA20, params(0xffff_ffff, &[9; 8])), &[0; 256]);
    let after = encrypt(&value, &with(M::CHACHA20, params(1 << 32, &[9; 8])), &[0; 192]).unwrap();
    assert_eq!(across[64..], after[..]);
    // Two blocks are left.
    let last = with(M::CHACHA20, params(0xffff_fffe, &nonce));
    both_ways(&value, &last, &[0; 128]);
    refused(&value, &last, &[0; 129], &[0; 129]);
    let last = with(M::CHACHA20, params(u64::MAX, &[0; 24]));
    both_ways(&value, &last, &[0; 64]);
    refused(&value, &last, &[0; 65], &[0; 65]);
    for wrong in [params(1 << 32, &nonce), params(0, &[0; 11]), Params::None] {
        assert_eq!(
            code(encrypt(&value, &with(M::CHACHA20, wrong), b"")),
            ReturnCode::MECHANISM_PARAM_INVALID
        );
    }
}

/// RFC 8439 section 2.8.2.
#[test]
fn chacha20_poly1305() {
    let value = key(KeyType::ChaCha20, &(0x80..0xa0).collect::<Vec<u8>>());
    let params = |nonce: &[u8]| {
        let aad = unhex("50515253c0c1c2c3c4c5c6c7");
        with(M::CHACHA20_POLY1305, Params::ChaCha20Poly1305 { nonce: nonce.into(), aad: aad.into() })
    };
    let plain: &[u8] =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                         sunscreen would be it.";
    let mechanism = params(&unhex("070000004041424344454647"));
    let encrypted = both_ways(&value, &mechanism, plain);
    assert_eq!(hex(&encrypted[..16]), "d31a8d34648e60db7b86afbc53ef7ec2");
    assert_eq!(hex(&encrypted[plain.len()..]), "1ae10b594f09e26a7e902ecbd0600691");
    for mechanism in [&mechanism, &params(&[3; 24])] {
        both_ways(&value, mechanism, b"");
        both_ways(&value, mechanism, &[1; 70_000]);
        let mut damaged = encrypt(&value, mechanism, plain).unwrap().to_vec();
        damaged[7] ^= 1;
        assert_eq!(code(decrypt(&value, mechanism, &damaged)), ReturnCode::ENCRYPTED_DATA_INVALID);
        assert_eq!(code(decrypt(&value, mechanism, &damaged[..15])), ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
    }
    for len in [0, 8, 11, 13] {
        let mechanism = params(&vec![0; len]);
        assert_eq!(code(encrypt(&value, &mechanism, b"")), ReturnCode::MECHANISM_PARAM_INVALID);
        assert_eq!(
            code(Stream::open(StreamKind::Decrypt, &value, &mechanism)),
            ReturnCode::MECHANISM_PARAM_INVALID
        );
    }
}

/// FIPS 81, table B1 and C1; keys of double and triple length whose parts are the same make single DES.
#[test]
fn des() {
    let single = unhex("0123456789abcdef");
    let iv8 = unhex("1234567890abcdef");
    let plain = b"Now is the time for all ";
    for (key_type, times, ecb, cbc, pad) in [
        (KeyType::Des, 1, M::DES_ECB, M::DES_CBC, M::DES_CBC_PAD),
        (KeyType::Des2, 2, M::DES3_ECB, M::DES3_CBC, M::DES3_CBC_PAD),
        (KeyType::Des3, 3, M::DES3_ECB, M::DES3_CBC, M::DES3_CBC_PAD),
    ] {
        let value = key(key_type, &single.repeat(times));
        assert_eq!(
            hex(&both_ways(&value, &Mechanism::plain(ecb), plain)),
            "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53"
        );
        let chained = both_ways(&value, &with(cbc, iv(&iv8)), plain);
        assert_eq!(hex(&chained), "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6");
        for len in 0..24 {
            let padded = both_ways(&value, &with(pad, iv(&iv8)), &plain[..len]);
            assert_eq!(padded.len(), len / 8 * 8 + 8);
            assert_eq!(padded[..len / 8 * 8], chained[..len / 8 * 8]);
        }
        assert_eq!(code(decrypt(&value, &with(pad, iv(&iv8)), &chained)), ReturnCode::ENCRYPTED_DATA_INVALID);
        refused(&value, &with(cbc, iv(&iv8)), &plain[1..], &plain[1..]);
        assert_eq!(value.check_value().unwrap(), [0xd5, 0xd4, 0x4f]);
    }
    // A byte of even parity, and lengths of the others.
    for (key_type, value) in [
        (KeyType::Des, unhex("0023456789abcdef")),
        (KeyType::Des3, single.repeat(2)),
        (KeyType::Des2, single.repeat(3)),
        (KeyType::Des, single.repeat(2)),
    ] {
        assert_eq!(code(imported(key_type, &value)), ReturnCode::ATTRIBUTE_VALUE_INVALID, "{key_type:?}");
    }
    for (kind, key_type, len) in [
        (M::DES_KEY_GEN, KeyType::Des, 8),
        (M::DES2_KEY_GEN, KeyType::Des2, 16),
        (M::DES3_KEY_GEN, KeyType::Des3, 24),
    ] {
        let made = generate_secret(&Mechanism::plain(kind), len).unwrap();
        imported(key_type, &made).unwrap();
        assert_eq!(code(generate_secret(&Mechanism::plain(kind), len + 8)), ReturnCode::KEY_SIZE_RANGE);
    }
}

/// A MAC's first bytes, one after the other, and what verifies.
fn mac(key: &Key, mechanism: &Mechanism, message: &[u8], expected: &str) {
    let made = sign(key, mechanism, Input::Message(message)).unwrap();
    assert_eq!(hex(&made), expected, "{mechanism:?} of {} bytes", message.len());
    verify(key, mechanism, Input::Message(message), &made).unwrap();
    let mut wrong = made.to_vec();
    wrong[0] ^= 1;
    assert_eq!(code(verify(key, mechanism, Input::Message(message), &wrong)), ReturnCode::SIGNATURE_INVALID);
    let longer = [&made[..], &[0]].concat();
    assert_eq!(
        code(verify(key, mechanism, Input::Message(message), &longer)),
        ReturnCode::SIGNATURE_LEN_RANGE
    );
    for size in [1, 7, 16, 17] {
        let mut stream = Stream::open(StreamKind::Sign, key, mechanism).unwrap();
        for part in message.chunks(size) {
            assert!(stream.update(part).unwrap().is_empty());
        }
        assert_eq!(stream.finish().unwrap(), made);
    }
}

/// RFC 3566 section 4.
#[test]
fn xcbc_mac() {
    let value = key(KeyType::Aes, &(0..16).collect::<Vec<u8>>());
    for (len, expected) in [
        (0_u8, "75f0251d528ac01c4573dfd584d79f29"),
        (3, "5b376580ae2f19afe7219ceef172756f"),
        (16, "d2a246fa349b68a79998a4394ff7a263"),
        (20, "47f51b4564966215b8985c63055ed308"),
        (32, "f54f0ec8d2b9f3d36807734bd5283fd4"),
        (34, "becbb3bccdb518a30677d5481fb6b4d8"),
    ] {
        let message: Vec<u8> = (0..len).collect();
        mac(&value, &Mechanism::plain(M::AES_XCBC_MAC), &message, expected);
        mac(&value, &Mechanism::plain(M::AES_XCBC_MAC_96), &message, &expected[..24]);
    }
    let longer = key(KeyType::Aes, &[1; 32]);
    let refusal = code(sign(&longer, &Mechanism::plain(M::AES_XCBC_MAC), Input::Message(b"")));
    assert_eq!(refusal, ReturnCode::KEY_SIZE_RANGE);
}

/// NIST SP 800-38B, examples for AES-128 and three-key TDEA; RFC 8439 section 2.5.2; FIPS 113's CBC-MAC by its definition.
#[test]
fn macs() {
    let aes = key(KeyType::Aes, &unhex(AES128));
    let general = |kind, len| with(kind, Params::MacLen(len));
    mac(&aes, &Mechanism::plain(M::AES_CMAC), &unhex(BLOCKS)[..16], "070a16b46b4d4144f79bdd9dd04a287c");
    mac(&aes, &general(M::AES_CMAC_GENERAL, 5), &unhex(BLOCKS)[..16], "070a16b46b");
    let des = key(KeyType::Des3, &unhex("8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5"));
    mac(&des, &Mechanism::plain(M::DES3_CMAC), b"", "b7a688e122ffaf95");
    mac(&des, &Mechanism::plain(M::DES3_CMAC), &unhex(BLOCKS)[..8], "8e8f293136283797");
    mac(&des, &general(M::DES3_CMAC_GENERAL, 3), b"", "b7a688");
    let poly =
        key(KeyType::Poly1305, &unhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"));
    let message = b"Cryptographic Forum Research Group";
    mac(&poly, &Mechanism::plain(M::POLY1305), message, "a8061dc1305136c6c22b8baf0c0127a9");
    for len in [0, 1, 16, 17, 32, 100, 9000_usize] {
        let message = vec![3; len];
        let mut padded = message.clone();
        padded.resize(len.next_multiple_of(16).max(16), 0);
        let chained = encrypt(&aes, &with(M::AES_CBC, iv(&[0; 16])), &padded).unwrap();
        let whole = hex(&chained[padded.len() - 16..]);
        mac(&aes, &general(M::AES_MAC_GENERAL, 16), &message, &whole);
        mac(&aes, &Mechanism::plain(M::AES_MAC), &message, &whole[..16]);
        padded.truncate(len.next_multiple_of(8).max(8));
        let chained = encrypt(&des, &with(M::DES3_CBC, iv(&[0; 8])), &padded).unwrap();
        let whole = hex(&chained[padded.len() - 8..]);
        mac(&des, &general(M::DES3_MAC_GENERAL, 8), &message, &whole);
        mac(&des, &Mechanism::plain(M::DES3_MAC), &message, &whole[..8]);
    }
    for (value, kind, longest) in [
        (&aes, M::AES_CMAC_GENERAL, 16),
        (&aes, M::AES_MAC_GENERAL, 16),
        (&des, M::DES3_CMAC_GENERAL, 8),
        (&des, M::DES3_MAC_GENERAL, 8),
    ] {
        for params in [Params::None, Params::MacLen(0), Params::MacLen(longest + 1)] {
            let refusal = code(sign(value, &with(kind, params), Input::Message(b"m")));
            assert_eq!(refusal, ReturnCode::MECHANISM_PARAM_INVALID, "{kind}");
        }
    }
}

/// GMAC is the tag of GCM over additional data alone (NIST SP 800-38D).
#[test]
fn gmac() {
    let value = key(KeyType::Aes, &unhex(AES128));
    for (len, iv_len, tag_bits) in [(0, 12, 128), (1, 12, 96), (17, 1, 32), (5000, 60, 104)] {
        let message = vec![4; len];
        let gcm = |aad: &[u8]| Params::Gcm { iv: vec![6; iv_len].into(), aad: aad.into(), tag_bits };
        let tag = encrypt(&value, &with(M::AES_GCM, gcm(&message)), b"").unwrap();
        mac(&value, &with(M::AES_GMAC, gcm(b"")), &message, &hex(&tag));
        let refusal = code(sign(&value, &with(M::AES_GMAC, gcm(b"a")), Input::Message(&message)));
        assert_eq!(refusal, ReturnCode::MECHANISM_PARAM_INVALID);
    }
}

/// cloudhsm.md 5.5 and 5.6.
#[test]
fn the_vendors_own() {
    let value = key(KeyType::Aes, &[7; 32]);
    let made = |kind| with(kind, Params::Gcm { iv: vec![].into(), aad: (*b"aad").into(), tag_bits: 128 });
    for kind in [M::CLOUDHSM_AES_GCM, M::AES_GCM] {
        let one = encrypt(&value, &made(kind), b"data").unwrap();
        let other = encrypt(&value, &made(kind), b"data").unwrap();
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one[..12], other[..12], "the IV is made anew");
        assert_eq!(decrypt(&value, &made(kind), &one).unwrap()[..], *b"data");
        let params = Params::Gcm { iv: one[..12].into(), aad: (*b"aad").into(), tag_bits: 128 };
        assert_eq!(decrypt(&value, &with(M::AES_GCM, params), &one[12..]).unwrap()[..], *b"data");
        assert_eq!(code(decrypt(&value, &made(kind), &one[..27])), ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
        assert_eq!(code(decrypt(&value, &made(kind), &one[..11])), ReturnCode::ENCRYPTED_DATA_LEN_RANGE);
        let wrapped = wrap(&value, &made(kind), &[5; 32]).unwrap();
        assert_eq!(unwrap(&value, &made(kind), &wrapped).unwrap()[..], [5; 32]);
    }
    let given = Params::Gcm { iv: [1; 12].into(), aad: vec![].into(), tag_bits: 128 };
    let refusal = code(encrypt(&value, &with(M::CLOUDHSM_AES_GCM, given), b"data"));
    assert_eq!(refusal, ReturnCode::MECHANISM_PARAM_INVALID);
    for (kind, like, len) in [
        (M::CLOUDHSM_AES_KEY_WRAP_NO_PAD, M::AES_KEY_WRAP, 40),
        (M::CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD, M::AES_KEY_WRAP_PKCS7, 48),
        (M::CLOUDHSM_AES_KEY_WRAP_ZERO_PAD, M::AES_KEY_WRAP_KWP, 40),
    ] {
        let wrapped = wrap(&value, &Mechanism::plain(kind), &[5; 32]).unwrap();
        assert_eq!(
            (wrapped.len(), &wrapped),
            (len, &wrap(&value, &Mechanism::plain(like), &[5; 32]).unwrap())
        );
        assert_eq!(unwrap(&value, &Mechanism::plain(kind), &wrapped).unwrap()[..], [5; 32]);
        let refusal = code(wrap(&value, &with(kind, iv(&[1; 8])), &[5; 32]));
        assert_eq!(refusal, ReturnCode::MECHANISM_PARAM_INVALID, "{kind}");
        let usual = code(wrap(&value, &with(kind, iv(&[0xa6; 8])), &[5; 32]));
        let takes = kind != M::CLOUDHSM_AES_KEY_WRAP_ZERO_PAD;
        assert_eq!(usual, if takes { ReturnCode::OK } else { ReturnCode::MECHANISM_PARAM_INVALID }, "{kind}");
    }
    let unaligned = code(wrap(&value, &Mechanism::plain(M::CLOUDHSM_AES_KEY_WRAP_NO_PAD), &[5; 33]));
    assert_eq!(unaligned, ReturnCode::KEY_SIZE_RANGE);
}

/// PKCS#11 3.2 section 6.16: what KW wraps is padded by PKCS#7 to half blocks.
#[test]
fn key_wrap_with_pkcs7() {
    let value = key(KeyType::Aes, &[7; 16]);
    let (pkcs7, kw) = (Mechanism::plain(M::AES_KEY_WRAP_PKCS7), Mechanism::plain(M::AES_KEY_WRAP));
    for len in 8..40 {
        let plain = vec![9; len];
        let count = 8 - len % 8;
        let padded = [&plain[..], &vec![count as u8; count]].concat();
        let wrapped = wrap(&value, &pkcs7, &plain).unwrap();
        assert_eq!(wrapped, wrap(&value, &kw, &padded).unwrap());
        assert_eq!(unwrap(&value, &pkcs7, &wrapped).unwrap()[..], plain[..]);
        assert_eq!(
            decrypt(&value, &pkcs7, &encrypt(&value, &pkcs7, &plain).unwrap()).unwrap()[..],
            plain[..]
        );
    }
    assert_eq!(code(wrap(&value, &pkcs7, &[0; 7])), ReturnCode::KEY_SIZE_RANGE);
    let badly_padded = wrap(&value, &kw, &[9; 16]).unwrap();
    assert_eq!(code(unwrap(&value, &pkcs7, &badly_padded)), ReturnCode::WRAPPED_KEY_INVALID);
}
