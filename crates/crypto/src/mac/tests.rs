//! Published answers, refusals, and that data in parts gives what it gives in one go.

use proptest::prelude::*;
use strongroom_model::MechanismType;

use super::*;
use crate::digest::hex::{hex, unhex};

const HMACS: [MechanismType; 5] = [
    MechanismType::SHA_1_HMAC,
    MechanismType::SHA224_HMAC,
    MechanismType::SHA256_HMAC,
    MechanismType::SHA384_HMAC,
    MechanismType::SHA512_HMAC,
];

fn spec(kind: MechanismType) -> &'static MechanismSpec {
    kind.spec().unwrap()
}

/// Signs in one go and in parts, and verifies.
fn check(kind: MechanismType, key: &[u8], data: &[u8], expected: &str) {
    let code = sign(key, spec(kind), data).unwrap();
    assert_eq!(hex(&code), hex(&unhex(expected)), "{kind}");
    verify(key, spec(kind), data, &code).unwrap();
    for split in 0..=data.len() {
        let mut stream = MacStream::open(key, spec(kind)).unwrap();
        stream.update(&data[..split]).unwrap();
        stream.update(&data[split..]).unwrap();
        assert_eq!(stream.finish().unwrap(), code, "{kind} at {split}");
    }
}

/// RFC 4231 sections 4.2, 4.3 and 4.7 (a key longer than a block).
#[test]
fn hmac_sha2_known_answers() {
    let long_key = [0xaa; 131];
    let long_data = b"Test Using Larger Than Block-Size Key - Hash Key First";
    let cases: [(&[u8], &[u8], [&str; 4]); 3] = [
        (
            &[0x0b; 20],
            b"Hi There",
            [
                "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c\
                 faea9ea9076ede7f4af152e8b2fa9cb6",
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
                 daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ],
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            [
                "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
                 8e2240ca5e69e2c78b3239ecfab21649",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
                 9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ],
        ),
        (
            &long_key,
            long_data,
            [
                "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6\
                 0c2ef6ab4030fe8296248df163f44952",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
                 6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ],
        ),
    ];
    for (key, data, answers) in cases {
        for (kind, answer) in HMACS[1..].iter().zip(answers) {
            check(*kind, key, data, answer);
        }
    }
}

/// RFC 2202 section 3.
#[test]
fn hmac_sha1_known_answers() {
    let kind = MechanismType::SHA_1_HMAC;
    check(kind, &[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00");
    check(kind, b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

/// RFC 4493 section 4, and NIST SP 800-38B appendix D for the longer keys.
#[test]
fn cmac_known_answers() {
    let data = unhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    let cases = [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            [
                "bb1d6929e95937287fa37d129b756746",
                "070a16b46b4d4144f79bdd9dd04a287c",
                "dfa66747de9ae63030ca32611497c827",
                "51f0bebf7e3b9d92fc49741779363cfe",
            ],
        ),
        (
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            [
                "d17ddf46adaacde531cac483de7a9367",
                "9e99a7bf31e710900662f65e617c5184",
                "8a1de5be2eb31aad089a82e6ee908b0e",
                "a1d5df0eed790f794d77589659f39a11",
            ],
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            [
                "028962f61b7bf89efc6b551f4667d983",
                "28a7023f452e8f82bd4bf28d8c37c35c",
                "aaf3d8f1de5640c232f5b169b9c911e6",
                "e1992190549f6ed5696a2c056c315410",
            ],
        ),
    ];
    for (key, answers) in cases {
        for (len, answer) in [0, 16, 40, 64].into_iter().zip(answers) {
            check(MechanismType::AES_CMAC, &unhex(key), &data[..len], answer);
        }
    }
}

#[test]
fn wrong_codes_are_refused() {
    for kind in HMACS.into_iter().chain([MechanismType::AES_CMAC]) {
        let (key, data) = ([7; 16], b"data");
        let good = sign(&key, spec(kind), data).unwrap();
        let code = |signature: &[u8]| {
            let one_shot = verify(&key, spec(kind), data, signature).unwrap_err().code;
            let mut stream = MacStream::open(&key, spec(kind)).unwrap();
            stream.update(data).unwrap();
            assert_eq!(stream.verify(signature).unwrap_err().code, one_shot);
            one_shot
        };
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(code(&bad), ReturnCode::SIGNATURE_INVALID);
        }
        assert_eq!(code(&good[1..]), ReturnCode::SIGNATURE_LEN_RANGE);
        assert_eq!(code(&[]), ReturnCode::SIGNATURE_LEN_RANGE);
        assert_eq!(code(&[&good, &[0][..]].concat()), ReturnCode::SIGNATURE_LEN_RANGE);
        assert_eq!(verify(&key, spec(kind), b"date", &good).unwrap_err().code, ReturnCode::SIGNATURE_INVALID);
    }
}

#[test]
fn keys_and_mechanisms_that_do_not_fit() {
    let code = |key: &[u8], kind| {
        let one_shot = sign(key, spec(kind), b"").unwrap_err().code;
        assert_eq!(MacStream::open(key, spec(kind)).err().unwrap().code, one_shot);
        one_shot
    };
    assert_eq!(code(&[], MechanismType::SHA256_HMAC), ReturnCode::KEY_SIZE_RANGE);
    assert_eq!(code(&[0; 4097], MechanismType::SHA256_HMAC), ReturnCode::KEY_SIZE_RANGE);
    for len in [0, 15, 17, 31, 33] {
        assert_eq!(code(&vec![0; len], MechanismType::AES_CMAC), ReturnCode::KEY_SIZE_RANGE);
    }
    assert_eq!(code(&[0; 16], MechanismType::SHA256), ReturnCode::MECHANISM_INVALID);
    assert_eq!(code(&[0; 16], MechanismType::AES_GCM), ReturnCode::MECHANISM_INVALID);
}

#[test]
fn hmac_of_parts_is_that_of_the_whole() {
    for hash in Hash::ALL {
        assert_eq!(hmac(hash, b"", &[b"ab", b"", b"c"]), hmac(hash, b"", &[b"abc"]));
        assert_eq!(hmac(hash, b"k", &[]), hmac(hash, b"k", &[b""]));
    }
}

#[test]
fn streams_move_between_threads() {
    let mut stream = MacStream::open(&[1; 16], spec(MechanismType::AES_CMAC)).unwrap();
    stream.update(b"da").unwrap();
    let there = std::thread::spawn(move || {
        stream.update(b"ta").unwrap();
        stream.finish().unwrap()
    });
    assert_eq!(there.join().unwrap(), sign(&[1; 16], spec(MechanismType::AES_CMAC), b"data").unwrap());
}

proptest! {
    #[test]
    fn parts_of_any_size_give_the_same(
        key in proptest::collection::vec(any::<u8>(), 32),
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..8),
    ) {
        for kind in HMACS.into_iter().chain([MechanismType::AES_CMAC]) {
            let mut stream = MacStream::open(&key, spec(kind)).unwrap();
            for part in &parts {
                stream.update(part).unwrap();
            }
            prop_assert_eq!(stream.finish().unwrap(), sign(&key, spec(kind), &parts.concat()).unwrap());
        }
    }
}
