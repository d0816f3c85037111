//! Published answers.

use strongroom_model::{Blob, MechanismSpec, MechanismType, Params};

use super::{decrypt, encrypt, unwrap, wrap};
use crate::digest::hex::{hex, unhex};

const KEY_128: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const KEY_192: &str = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
const KEY_256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
/// The four blocks that all examples of NIST SP 800-38A encrypt.
const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                     30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

fn spec(kind: MechanismType) -> &'static MechanismSpec {
    kind.spec().unwrap()
}

fn iv(text: &str) -> Params {
    Params::Iv(Blob::from(unhex(text)))
}

fn both_ways(kind: MechanismType, key: &str, params: &Params, plain: &str, cipher: &str) {
    let (key, plain, cipher) = (unhex(key), unhex(plain), unhex(cipher));
    let name = spec(kind).name;
    assert_eq!(hex(&encrypt(&key, spec(kind), params, &plain).unwrap()), hex(&cipher), "{name}");
    assert_eq!(hex(&decrypt(&key, spec(kind), params, &cipher).unwrap()), hex(&plain), "{name}");
}

/// NIST SP 800-38A, F.1.
#[test]
fn ecb() {
    let answers = [
        (
            KEY_128,
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf\
             43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
        ),
        (
            KEY_192,
            "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef\
             ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e",
        ),
        (
            KEY_256,
            "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870\
             b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7",
        ),
    ];
    for (key, cipher) in answers {
        both_ways(MechanismType::AES_ECB, key, &Params::None, PLAIN, cipher);
    }
}

/// NIST SP 800-38A, F.2.
#[test]
fn cbc() {
    let params = iv("000102030405060708090a0b0c0d0e0f");
    let answers = [
        (
            KEY_128,
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2\
             73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
        ),
        (
            KEY_192,
            "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a\
             571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
        ),
        (
            KEY_256,
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
             39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
        ),
    ];
    for (key, cipher) in answers {
        both_ways(MechanismType::AES_CBC, key, &params, PLAIN, cipher);
        // With padding, the same blocks and one more.
        let padded = encrypt(&unhex(key), spec(MechanismType::AES_CBC_PAD), &params, &unhex(PLAIN)).unwrap();
        assert_eq!(hex(&padded[..64]), hex(&unhex(cipher)));
        assert_eq!(padded.len(), 80);
    }
}

/// The padding of RFC 5652 section 6.3, made by hand and encrypted without padding.
#[test]
fn cbc_pad_is_cbc_over_padded_data() {
    let (key, params) = (unhex(KEY_128), iv("000102030405060708090a0b0c0d0e0f"));
    for len in 0..=48_u8 {
        let data: Vec<u8> = (0..len).collect();
        let fill = 16 - len % 16;
        let mut by_hand = data.clone();
        by_hand.resize(usize::from(len + fill), fill);
        let expected = encrypt(&key, spec(MechanismType::AES_CBC), &params, &by_hand).unwrap();
        let padded = encrypt(&key, spec(MechanismType::AES_CBC_PAD), &params, &data).unwrap();
        assert_eq!(padded, expected, "{len}");
        let plain = decrypt(&key, spec(MechanismType::AES_CBC_PAD), &params, &padded).unwrap();
        assert_eq!(plain.as_slice(), data, "{len}");
    }
}

/// NIST SP 800-38A, F.5.
#[test]
fn ctr() {
    let block = unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
    let answers = [
        (
            KEY_128,
            "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff\
             5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
        ),
        (
            KEY_192,
            "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94\
             1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
        ),
        (
            KEY_256,
            "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
             2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
        ),
    ];
    for (key, cipher) in answers {
        both_ways(MechanismType::AES_CTR, key, &Params::Ctr { bits: 128, block }, PLAIN, cipher);
        // 16 bits suffice for the four blocks that start at 0xfeff.
        both_ways(MechanismType::AES_CTR, key, &Params::Ctr { bits: 16, block }, PLAIN, cipher);
        // A partial block at the end.
        both_ways(MechanismType::AES_CTR, key, &Params::Ctr { bits: 64, block }, &PLAIN[..50], &cipher[..50]);
    }
}

/// The test cases of the GCM specification (McGrew and Viega, appendix B).
#[test]
fn gcm() {
    const PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
    const LONG_IV: &str = "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728\
                           c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b";
    const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    const KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";
    const CASE_4: &str = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
                          21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091";
    let cases = [
        // Cases 1, 2: key, IV, additional data, plaintext, ciphertext and tag.
        (&ZERO[..32], &ZERO[..24], "", "", "58e2fccefa7e3061367f1d57a4e7455a".to_string()),
        (
            &ZERO[..32],
            &ZERO[..24],
            "",
            &ZERO[..32],
            "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf".into(),
        ),
        // Case 3.
        (
            &KEY[..32],
            "cafebabefacedbaddecaf888",
            "",
            PLAIN,
            CASE_4.to_string() + "473f59854d5c2af327cd64a62cf35abd2ba6fab4",
        ),
        // Case 4: additional data.
        (
            &KEY[..32],
            "cafebabefacedbaddecaf888",
            AAD,
            &PLAIN[..120],
            CASE_4.to_string() + "5bc94fbc3221a5db94fae95ae7121a47",
        ),
        // Case 5: an IV of 8 bytes.
        (
            &KEY[..32],
            "cafebabefacedbad",
            AAD,
            &PLAIN[..120],
            "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423\
             73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598\
             3612d2e79e3b0785561be14aaca2fccb"
                .into(),
        ),
        // Case 6: an IV of 60 bytes.
        (
            &KEY[..32],
            LONG_IV,
            AAD,
            &PLAIN[..120],
            "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7\
             01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5\
             619cc5aefffe0bfa462af43c1699d050"
                .into(),
        ),
        // Case 8: 192 bits.
        (
            &ZERO[..48],
            &ZERO[..24],
            "",
            &ZERO[..32],
            "98e7247c07f0fe411c267e4384b0f6002ff58d80033927ab8ef4d4587514f0fb".into(),
        ),
        // Cases 13, 14: 256 bits.
        (ZERO, &ZERO[..24], "", "", "530f8afbc74536b9a963b4f1c4cb738b".into()),
        (
            ZERO,
            &ZERO[..24],
            "",
            &ZERO[..32],
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919".into(),
        ),
        // Case 16: 256 bits, additional data.
        (
            KEY,
            "cafebabefacedbaddecaf888",
            AAD,
            &PLAIN[..120],
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
             76fc6ece0f4e1768cddf8853bb2d551b"
                .into(),
        ),
        // Case 18: 256 bits, an IV of 60 bytes.
        (
            KEY,
            LONG_IV,
            AAD,
            &PLAIN[..120],
            "5a8def2f0c9e53f1f75d7853659e2a20eeb2b22aafde6419a058ab4f6f746bf4\
             0fc0c3b780f244452da3ebf1c5d82cdea2418997200ef82e44ae7e3f\
             a44a8266ee1c8eb0c8b5d4cf5ae9f19a"
                .into(),
        ),
    ];
    for (key, iv, aad, plain, sealed) in cases {
        let params =
            |tag_bits| Params::Gcm { iv: Blob::from(unhex(iv)), aad: Blob::from(unhex(aad)), tag_bits };
        both_ways(MechanismType::AES_GCM, key, &params(128), plain, &sealed);
        // A shorter tag is the longer one's beginning.
        for tag_bits in (8..128).step_by(8) {
            let cut = sealed.len() - 32 + usize::from(tag_bits) / 4;
            both_ways(MechanismType::AES_GCM, key, &params(tag_bits), plain, &sealed[..cut]);
        }
    }
}

/// RFC 3394 section 4.
#[test]
fn kw() {
    const KEK: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const DATA: &str = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
    let cases = [
        (32, 32, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        (48, 32, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
        (64, 32, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"),
        (48, 48, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"),
        (64, 48, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"),
        (64, 64, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"),
    ];
    for (key, data, wrapped) in cases {
        let (key, data) = (&KEK[..key], &DATA[..data]);
        both_ways(MechanismType::AES_KEY_WRAP, key, &Params::None, data, wrapped);
        both_ways(MechanismType::AES_KEY_WRAP, key, &iv("a6a6a6a6a6a6a6a6"), data, wrapped);
        let kw = spec(MechanismType::AES_KEY_WRAP);
        assert_eq!(hex(&wrap(&unhex(key), kw, &Params::None, &unhex(data)).unwrap()), wrapped);
        assert_eq!(hex(&unwrap(&unhex(key), kw, &Params::None, &unhex(wrapped)).unwrap()), data);
    }
}

/// RFC 5649 section 6.
#[test]
fn kwp() {
    const KEK: &str = "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8";
    let cases = [
        (
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ];
    for (data, wrapped) in cases {
        for kind in [MechanismType::AES_KEY_WRAP_KWP, MechanismType::AES_KEY_WRAP_PAD] {
            both_ways(kind, KEK, &Params::None, data, wrapped);
            both_ways(kind, KEK, &iv("a65959a6"), data, wrapped);
            assert_eq!(hex(&wrap(&unhex(KEK), spec(kind), &Params::None, &unhex(data)).unwrap()), wrapped);
            assert_eq!(hex(&unwrap(&unhex(KEK), spec(kind), &Params::None, &unhex(wrapped)).unwrap()), data);
        }
    }
}
