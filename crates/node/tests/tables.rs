//! `docs/attributes.md` and `docs/mechanisms.md` are made from the tables. To renew them after a change of a table:
//! `STRONGROOM_RENEW=1 cargo test --release -p strongroom-node --test tables`.

use std::fmt::Write as _;
use std::{env, fs};

use strongroom_model::{
    HsmType, KeyType, MECHANISMS, MechanismSpec, Mode, ObjectClass, Profile, Purposes, Quirk, Regime, Variant,
};
use strongroom_node::rules::{
    COLUMNS, Fallback, Kind, Motion, RULES, Supply, UNLIKE_WRAPPING, allowed, letters, motion,
};

#[test]
fn the_page_on_attributes_is_current() {
    compare("attributes.md", &attributes());
}

#[test]
fn the_page_on_mechanisms_is_current() {
    compare("mechanisms.md", &mechanisms());
}

#[track_caller]
fn compare(name: &str, wanted: &str) {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    if env::var_os("STRONGROOM_RENEW").is_some() {
        fs::write(&path, wanted).expect("the documentation can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
    assert!(
        found == wanted,
        "docs/{name} isn't what the tables say: {differs:?}. Renew it with `STRONGROOM_RENEW=1 cargo test --release \
         -p strongroom-node --test tables`"
    );
}

fn attributes() -> String {
    let mut page = String::from(
        "# Attributes\n\n\
         Which objects have which attributes, who gives them when, and how they change. This page is made from the tables in\n\
         `crates/node/src/rules/`, which the nodes go by; don't edit it (`crates/node/tests/tables.rs` says how to renew it).\n\n\
         | word | meaning |\n|---|---|\n\
         | must | the template must have it: `CKR_TEMPLATE_INCOMPLETE` |\n\
         | may | the template may have it |\n\
         | same | the template may say what it is anyway: `CKR_ATTRIBUTE_VALUE_INVALID` if it says otherwise |\n\
         | no | the template mustn't have it: `CKR_ATTRIBUTE_READ_ONLY` |\n\
         | fixed, free | it stays as it is (`CKR_ATTRIBUTE_READ_ONLY`), or changes at will |\n\
         | up, down | from false to true only, from true to false only |\n\
         | officer | only a crypto officer changes it |\n\
         | if able | true under `standard` if keys of the type can do it, else false |\n\n\
         An attribute that such objects don't have gets `CKR_TEMPLATE_INCONSISTENT` in a template and\n\
         `CKR_ATTRIBUTE_TYPE_INVALID` when it's read. What an object keeps to itself (the value of a key that is sensitive or not\n\
         extractable) gets `CKR_ATTRIBUTE_SENSITIVE`. An object with `CKA_MODIFIABLE`, `CKA_COPYABLE` or `CKA_DESTROYABLE` false\n\
         isn't changed, copied or destroyed: `CKR_ACTION_PROHIBITED`.\n\n\
         ## Under `standard`\n\n\
         | attribute | objects | create | generate | unwrap | derive | set | copy | default |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for rule in RULES {
        let supplies = [rule.create, rule.generate, rule.unwrap, rule.derive].map(supply);
        let motions = [rule.set, rule.copy].map(movement);
        let objects = objects(rule.classes, rule.keys);
        let default = fallback(rule.fallback);
        let cells = [&supplies[..], &motions[..]].concat().join(" | ");
        let _ = writeln!(page, "| `{}` | {objects} | {cells} | {default} |", rule.attribute);
    }
    page += "\n## Under `strict`\n\nAs under `standard`, but:\n\n";
    let unlike: Vec<String> = UNLIKE_WRAPPING.iter().map(|attribute| format!("`{attribute}`")).collect();
    let _ = writeln!(
        page,
        "- a key that has `CKA_WRAP`, and the private half of a pair whose public half has it, have none of\n  {}:\n  \
         they unwrap, and do nothing else;\n- no key has both `CKA_UNWRAP` and `CKA_ENCRYPT`;",
        unlike.join(", ")
    );
    page += "- no key that isn't `CKA_SENSITIVE` has `CKA_WRAP`;\n\
             - usages are false unless the template says otherwise, and go one way, down: what a key can't do when it's made\n  \
               it never does, nor do its copies;\n\
             - a key wraps only if it was generated here at random, or if an officer marked it `CKA_TRUSTED`\n  \
               (`CKR_KEY_FUNCTION_NOT_PERMITTED`), and only keys that aren't stronger than itself (`CKR_WRAPPING_KEY_SIZE_RANGE`);\n\
             - what a trusted key unwraps has `CKA_WRAP_WITH_TRUSTED`;\n\
             - unwrapped keys are sensitive, and a wrapped private key isn't unwrapped as a secret one;\n\
             - RSA keys have the public exponent 65,537.\n\n\
             What the first three forbid is refused with `CKR_TEMPLATE_INCONSISTENT` in a new object, with\n\
             `CKR_ATTRIBUTE_VALUE_INVALID` in a change. `strongroom key generate-symmetric` has cloudhsm-cli's defaults, so that it makes\n\
             a wrapping key by `--attributes wrap=true sign=false verify=false extractable=false`.\n\n\
             A wrapped key's bytes have its value, and no attributes: other HSMs must be able to read them. So what comes out of\n\
             a blob is sensitive, wraps nothing (it wasn't generated here), and is a private key if it was one. Which of the types\n\
             of secret keys it is and what it's for, the template says; who would settle that gives the unwrapping key a\n\
             `CKA_UNWRAP_TEMPLATE` with `CKA_KEY_TYPE` and usages, which nobody changes later.\n\n\
             ## Under `cloudhsm`\n\n\
             `strongroom up --profile cloudhsm` plays an `hsm2m.medium` in FIPS mode; `--hsm-type hsm1.medium` and `--mode NON_FIPS`\n\
             choose others. There are keys of these kinds, and certificates if the quirk is on; no other objects. One letter for each\n\
             kind, in this order: ";
    page += &COLUMNS.join(", ");
    page += ".\n\n\
             Y settable; N not supported (`CKR_TEMPLATE_INCONSISTENT`; when read `CKR_ATTRIBUTE_TYPE_INVALID`); R read-only\n\
             (`CKR_ATTRIBUTE_READ_ONLY`); 1 only the default is accepted (`CKR_ATTRIBUTE_VALUE_INVALID`); 2 mandatory\n\
             (`CKR_TEMPLATE_INCOMPLETE`); S not told if the key is sensitive; - as under `standard`.\n\n\
             | attribute | create | generate | unwrap | derive | get | changed by `strongroom key set-attribute` |\n\
             |---|---|---|---|---|---|---|\n";
    for row in letters() {
        let letters =
            row.of.map(|letters| format!("`{}`", letters.iter().map(|l| char::from(*l)).collect::<String>()));
        let of = |hsm, class, key| {
            let variant = Variant { hsm, ..Variant::default() };
            motion(Regime { profile: Profile::CloudHsm, variant }, row.attribute, class, Some(key))
        };
        let all = [HsmType::Hsm2m, HsmType::Hsm1].map(|hsm| {
            let secret = of(hsm, ObjectClass::SecretKey, KeyType::Aes);
            let private = of(hsm, ObjectClass::PrivateKey, KeyType::Rsa);
            secret.or(private).or_else(|| of(hsm, ObjectClass::PublicKey, KeyType::Rsa))
        });
        let words = all.map(|found| found.map_or("fixed", movement));
        let changed = match words {
            [newer, older] if newer == older => newer.to_owned(),
            [newer, older] => format!("{newer} (hsm1.medium: {older})"),
        };
        let _ = writeln!(page, "| `{}` | {} | {changed} |", row.attribute, letters.join(" | "));
    }
    page += "\n`CKA_PRIVATE` and `CKA_EXTRACTABLE` are true by default, and `CKA_SIGN` and `CKA_VERIFY` of secret keys that are\n\
             generated; `CKA_DERIVE` of public keys doesn't change. The vendor's module changes no keys: `C_SetAttributeValue` is for\n\
             certificates.\n\n\
             Each of the vendor's habits is switched by `--quirk NAME=on` or `=off`:\n\n\
             | quirk | usual | what it does |\n|---|---|---|\n";
    for quirk in Quirk::ALL {
        let usual = if quirk.is_usual() { "on" } else { "off" };
        let _ = writeln!(page, "| `{}` | {usual} | {} |", quirk.word(), quirk.meaning().trim());
    }
    page
}

fn mechanisms() -> String {
    let mut page = String::from(
        "# Mechanisms\n\n\
         What each profile has, and for what. This page is made from the tables in `crates/model/src/mechanism/` and\n\
         `crates/node/src/rules/mechanisms.rs`, which the nodes go by; don't edit it (`crates/node/tests/tables.rs` says how to renew\n\
         it). `C_GetMechanismList` and `C_GetMechanismInfo` answer the same.\n\n\
         G generates keys, S signs and verifies, R does so with recovery, D digests, E encrypts and decrypts, W wraps and unwraps,\n\
         V derives, K encapsulates and decapsulates; a lower-case letter stands for the public half alone (verifies, encrypts).\n\
         `=` is what `standard` has. Sizes are as `C_GetMechanismInfo` tells them under `standard`: bits of RSA, EC and finite-field\n\
         keys, bytes of others; under `cloudhsm` RSA keys have 2,048 to 4,096 bits in steps of 256, generic secrets 1 to 800 bytes.\n\n\
         | mechanism | number | keys | sizes | standard | strict | cloudhsm, FIPS | cloudhsm, NON_FIPS | most data for one call there |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    let cloudhsm =
        |mode| Regime { profile: Profile::CloudHsm, variant: Variant { mode, ..Variant::default() } };
    for spec in MECHANISMS {
        let standard = uses(spec.purposes);
        let under = |regime| match allowed(regime, spec.kind) {
            None => "-".to_owned(),
            Some(allowed) if uses(allowed.purposes) == standard => "=".to_owned(),
            Some(allowed) => uses(allowed.purposes),
        };
        let most = allowed(cloudhsm(Mode::NonFips), spec.kind).and_then(|allowed| allowed.max_data);
        let _ = writeln!(
            page,
            "| `{}` | {:#x} | {} | {} | {standard} | {} | {} | {} | {} |",
            spec.name,
            spec.kind.0,
            spec.key_type.map_or("-".to_owned(), |key| format!("{key:?}")),
            sizes(spec),
            under(Regime::of(Profile::Strict)),
            under(cloudhsm(Mode::Fips)),
            under(cloudhsm(Mode::NonFips)),
            most.map_or(String::new(), |most| most.to_string()),
        );
    }
    page += "\nEdDSA under `cloudhsm` is on `hsm2m.medium` alone. `CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS` draws private keys as\n\
             `CKM_EC_KEY_PAIR_GEN` does, from the same distribution. GCM decrypts 16 MiB in one operation at most\n\
             (`CKR_ENCRYPTED_DATA_LEN_RANGE`), since nothing may come out before the tag was verified. Under `strict` AES-GCM wraps\n\
             with initialisation vectors that the node draws: by `CKM_CLOUDHSM_AES_GCM`, or `C_WrapKeyAuthenticated` and `CKG_GENERATE`\n\
             or `CKG_GENERATE_RANDOM`; and AES-CCM unwraps only (`CKR_MECHANISM_PARAM_INVALID`). Two keys that are wrapped with one\n\
             vector tell each other's values.\n\n\
             ## Not offered\n\n\
             Mechanisms of the standard, and of the tokens that people come from: SoftHSM 2.7, kryoptic 1.5, openCryptoki's soft\n\
             token and the vendor's Client SDK 5 (`crates/node/tests/peers/` has what they offer).\n\n\
             | mechanisms | why |\n|---|---|\n";
    for (which, why) in NOT_OFFERED {
        let _ = writeln!(page, "| {which} | {why} |");
    }
    page += "\n## Not used so\n\n\
             What other tokens use mechanisms for that nodes have, and these don't.\n\n\
             | mechanisms | not for | why |\n|---|---|---|\n";
    for (which, what, why) in NOT_USED_SO {
        let _ = writeln!(page, "| {which} | {what} | {why} |");
    }
    page
}

/// Uses that peers make of mechanisms and nodes don't.
const NOT_USED_SO: [(&str, &str, &str); 1] = [(
    "`CKM_AES_ECB`, `CKM_AES_CBC`, `CKM_AES_CTR`, `CKM_AES_CTS`, `CKM_AES_OFB`, `CKM_AES_CFB*`, `CKM_AES_XTS`, `CKM_DES_*`, \
     `CKM_DES3_ECB`, `CKM_DES3_CBC`",
    "W",
    "who changes a wrapped key unnoticed swaps its blocks or finds it out piece by piece (Clulow 2003, \"key binding\"); \
     AES-KW, KWP and GCM notice. Keys that another token wrapped so are decrypted and imported, if they may be known",
)];

/// What the standard or a peer has and no node does.
const NOT_OFFERED: &[(&str, &str)] = &[
    (
        "`CKM_RSA_9796`",
        "ISO/IEC 9796:1991 was broken in 1999 and withdrawn: who sees a few signatures forges others. No engine has it",
    ),
    (
        "`CKM_X9_42_DH_HYBRID_DERIVE`, `CKM_X9_42_MQV_DERIVE`, `CKM_ECMQV_DERIVE`",
        "no engine has them in time that doesn't depend on the key; protocols agree by two derivations and a KDF",
    ),
    (
        "`CKM_DSA_SHAWE_TAYLOR_PARAMETER_GEN`, `CKM_DSA_FIPS_G_GEN`",
        "no peer has them; `CKM_DSA_PROBABILISTIC_PARAMETER_GEN` gives a seed that proves how primes were made, and a base beside them",
    ),
    ("`CKM_SALSA20*`", "ChaCha20 took its place; no peer has it"),
    ("`CKM_WTLS_*`", "the protocol is gone"),
    ("`CKM_RSA_PKCS_TPM_1_1`, `CKM_RSA_PKCS_OAEP_TPM_1_1`", "for TPMs of a version that is gone"),
    ("`CKM_XEDDSA`, `CKM_X2RATCHET_*`, `CKM_X3DH_*`", "a messenger's protocol; no engine has it"),
    ("`CKM_BLAKE2B_*`, `CKM_RIPEMD*`, `CKM_FASTHASH`", "no peer has them, nor the engine"),
    (
        "`CKM_SHA512_T*`",
        "the two lengths that anybody uses have mechanisms of their own: `CKM_SHA512_224`, `CKM_SHA512_256`",
    ),
    (
        "`CKM_RC2_*`, `CKM_RC4*`, `CKM_RC5_*`, `CKM_CAST*`, `CKM_IDEA_*`, `CKM_BLOWFISH_*`, `CKM_TWOFISH_*`, `CKM_DES_MAC`, \
         `CKM_DES_MAC_GENERAL`, and passwords for them: `CKM_PBE_MD*`, `CKM_PBE_SHA1_CAST*`, `CKM_PBE_SHA1_RC*`",
        "ciphers that nobody should use, and no peer has",
    ),
    (
        "`CKM_SKIPJACK_*`, `CKM_KEA_*`, `CKM_FORTEZZA_*`, `CKM_BATON_*`, `CKM_JUNIPER_*`, `CKM_KEY_WRAP_LYNKS`, \
         `CKM_KEY_WRAP_SET_OAEP`",
        "for hardware and protocols that are gone; no peer has them",
    ),
    (
        "`CKM_CMS_SIG`, `CKM_NULL`",
        "applications make CMS and have it signed; what changes nothing needs no token. No peer has them",
    ),
    (
        "`CKM_CAMELLIA_*`, `CKM_ARIA_*`, `CKM_SEED_*`, `CKM_GOST28147*`",
        "national ciphers: no peer has them, nor the engine",
    ),
    (
        "`CKM_HOTP*`, `CKM_SECURID*`, `CKM_ACTI*`, `CKM_KIP_*`",
        "one-time passwords, and how their keys are brought out: no peer of these versions has them. HOTP is `CKM_SHA_1_HMAC`, cut short",
    ),
    (
        "`CKM_HSS_KEY_PAIR_GEN`, `CKM_XMSS_KEY_PAIR_GEN`, `CKM_XMSSMT_KEY_PAIR_GEN`",
        "a key that must never sign twice from one state can't be on several nodes and in backups (NIST SP 800-208); nodes verify",
    ),
    (
        "`CKM_TLS10_MAC_SERVER`, `CKM_TLS10_MAC_CLIENT`",
        "`CKM_TLS_MAC` with `CKM_TLS_PRF` is both (PKCS#11 3.2 section 6.40)",
    ),
    (
        "`CKM_GOSTR3410*`, `CKM_GOSTR3411*`",
        "SoftHSM has them if its OpenSSL does. The algorithms, of 1994 and 2001, were replaced in 2012; no engine has either",
    ),
    (
        "`CKM_MD2*`, `CKM_CDMF_*`",
        "a hash that is broken and a DES of 40 bits: openCryptoki alone has them, if built for it",
    ),
    (
        "`CKM_IBM_*`",
        "openCryptoki's own numbers. SHA-3, ML-DSA and ML-KEM have the standard's here; Dilithium is what ML-DSA was before FIPS 204",
    ),
    ("`KRM_SSHKDF_DERIVE`", "kryoptic's own number and structure, of which no client is known"),
    (
        "`CKM_CLOUDHSM_ML_DSA*`, `CKM_CLOUDHSM_DES3_NIST_WRAP`",
        "the vendor hasn't published the numbers of the first, and `standard` has `CKM_ML_DSA`; Client SDK 5 dropped the second",
    ),
];

fn uses(purposes: Purposes) -> String {
    const PAIRS: [(char, u64, u64); 5] = [
        ('S', cryptoki_sys::CKF_SIGN, cryptoki_sys::CKF_VERIFY),
        ('R', cryptoki_sys::CKF_SIGN_RECOVER, cryptoki_sys::CKF_VERIFY_RECOVER),
        ('E', cryptoki_sys::CKF_DECRYPT, cryptoki_sys::CKF_ENCRYPT),
        ('W', cryptoki_sys::CKF_UNWRAP, cryptoki_sys::CKF_WRAP),
        ('K', cryptoki_sys::CKF_DECAPSULATE, cryptoki_sys::CKF_ENCAPSULATE),
    ];
    const SINGLE: [(char, u64); 4] = [
        ('G', cryptoki_sys::CKF_GENERATE),
        ('G', cryptoki_sys::CKF_GENERATE_KEY_PAIR),
        ('D', cryptoki_sys::CKF_DIGEST),
        ('V', cryptoki_sys::CKF_DERIVE),
    ];
    let single = SINGLE.into_iter().filter(|(_, flag)| purposes.contains(*flag)).map(|(letter, _)| letter);
    let pairs = PAIRS.into_iter().filter_map(|(letter, secret, public)| {
        match (purposes.contains(secret), purposes.contains(public)) {
            (true, _) => Some(letter),
            (false, true) => Some(letter.to_ascii_lowercase()),
            (false, false) => None,
        }
    });
    single.chain(pairs).collect()
}

fn sizes(spec: &MechanismSpec) -> String {
    match (spec.min_key, spec.max_key) {
        (0, 0) => "-".to_owned(),
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min} to {max}"),
    }
}

fn supply(supply: Supply) -> &'static str {
    match supply {
        Supply::Must => "must",
        Supply::May => "may",
        Supply::Same => "same",
        Supply::Never => "no",
        Supply::Default => "default",
        Supply::Unsupported => "unsupported",
    }
}

fn movement(motion: Motion) -> &'static str {
    match motion {
        Motion::Fixed => "fixed",
        Motion::Free => "free",
        Motion::Up => "up",
        Motion::Down => "down",
        Motion::Officer => "officer",
    }
}

fn fallback(fallback: Fallback) -> &'static str {
    match fallback {
        Fallback::Absent => "none",
        Fallback::False => "false",
        Fallback::True => "true",
        Fallback::Able => "if able",
        Fallback::Empty => "empty",
        Fallback::Zero => "0",
    }
}

fn objects(classes: &[ObjectClass], kinds: &[Kind]) -> String {
    let names = |class: &ObjectClass| match class {
        ObjectClass::Data => "data",
        ObjectClass::Certificate => "certificates",
        ObjectClass::PublicKey => "public keys",
        ObjectClass::PrivateKey => "private keys",
        ObjectClass::SecretKey => "secret keys",
        ObjectClass::DomainParameters => "domain parameters",
        ObjectClass::Trust => "trust",
        ObjectClass::HwFeature => "hardware features",
        ObjectClass::Mechanism => "mechanisms",
        ObjectClass::Profile => "profiles",
        ObjectClass::Validation => "validations",
    };
    let kinds: Vec<_> = kinds
        .iter()
        .map(|kind| match kind {
            Kind::Rsa => "RSA",
            Kind::Ec => "EC",
            Kind::ParameterSet => "ML-DSA, ML-KEM, SLH-DSA",
            Kind::HashBased => "HSS, XMSS, XMSS^MT",
            Kind::Dsa => "DSA",
            Kind::Dh => "DH",
            Kind::X942Dh => "X9.42 DH",
            Kind::Secret => "secret",
        })
        .collect();
    let classes = if classes.len() == ObjectClass::ALL.len() {
        "all".to_owned()
    } else {
        classes.iter().map(names).collect::<Vec<_>>().join(", ")
    };
    if kinds.is_empty() { classes } else { format!("{classes}: {}", kinds.join(", ")) }
}
