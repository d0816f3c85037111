//! Any function with anything, many times over.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::env;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::process::memory;
use strongroom_tests::raw::{Mechanism, Raw, Template};

use crate::pointers::harmless;
use crate::table::{Arg, Function, Memory};

const CALLS: usize = 60_000;

/// Mechanisms that take no parameters, or shouldn't get none.
const KINDS: [CK_MECHANISM_TYPE; 24] = [
    CKM_SHA256,
    CKM_SHA_1,
    CKM_SHA512,
    CKM_AES_ECB,
    CKM_AES_CBC,
    CKM_AES_CBC_PAD,
    CKM_AES_CTR,
    CKM_AES_GCM,
    CKM_AES_CMAC,
    CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_KWP,
    CKM_RSA_PKCS,
    CKM_RSA_X_509,
    CKM_SHA256_RSA_PKCS,
    CKM_RSA_PKCS_PSS,
    CKM_RSA_PKCS_OAEP,
    CKM_ECDSA,
    CKM_ECDSA_SHA256,
    CKM_ECDH1_DERIVE,
    CKM_SHA256_HMAC,
    CKM_AES_KEY_GEN,
    CKM_GENERIC_SECRET_KEY_GEN,
    CKM_EC_KEY_PAIR_GEN,
    0x7777_7777,
];

#[test]
fn sixty_thousand_calls_of_any_function_with_anything_crash_nothing_and_leak_nothing() {
    alone(|| {
        let seed = env::var("STRONGROOM_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed: u64 = seed.unwrap_or_else(rand::random);
        eprintln!("seed {seed}; STRONGROOM_SEED={seed} repeats it");
        let mut rng = StdRng::seed_from_u64(seed);
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let main = raw.logged_in(&cluster);
        let functions: Vec<_> =
            harmless(&raw).into_iter().filter(|function| !function.name.ends_with("PIN")).collect();
        let (own, daemon) = (std::process::id(), cluster.daemon_pid());
        let (mut before, mut answers) = ([0; 2], std::collections::BTreeMap::<_, usize>::new());
        let mut arguments = Arguments::new(&raw, main.handle);
        for call in 0..CALLS {
            if call == CALLS / 3 {
                before = [memory(own), memory(daemon)];
            }
            if call % 2000 == 0 {
                // What was made by chance goes, so that what remains is what leaked.
                raw.close_all().expect("C_CloseAllSessions");
                arguments = Arguments::new(&raw, raw.logged_in(&cluster).handle);
            }
            let function = &functions[rng.random_range(0..functions.len())];
            // Each costs a password's hash.
            if function.name.starts_with("C_Login") && rng.random_ratio(49, 50) {
                continue;
            }
            let values = arguments.choose(function, &mut rng);
            // Or else nearly all that follows would be about a session that's gone.
            if function.name == "C_CloseSession" && values[0] == arguments.sessions[0] {
                continue;
            }
            let code = function.call(&values);
            let wrong = [ReturnCode::GENERAL_ERROR, ReturnCode::HOST_MEMORY, ReturnCode::DEVICE_ERROR];
            assert!(!wrong.contains(&code), "call {call}: {} with {values:x?} answers {code}", function.name);
            assert!(code.name().is_some(), "call {call}: {} answers {code}", function.name);
            *answers.entry(code.to_string()).or_default() += 1;
        }
        eprintln!("{answers:?}");
        let grown = [memory(own).saturating_sub(before[0]), memory(daemon).saturating_sub(before[1])];
        assert!(
            grown.iter().all(|grown| *grown < 24 << 20),
            "client and daemon have grown by {grown:?} bytes"
        );
        let session = raw.open().expect("C_OpenSession");
        let pair = session.p256(false, "key").expect("a key pair");
        assert!(session.ecdsa(pair.private, &[1; 32]).is_ok(), "all is well after all that");
        assert!(!cluster.log().contains("a bug"), "{}", cluster.log());
    });
}

/// What arguments are chosen from.
struct Arguments {
    memory: Memory,
    sessions: Vec<u64>,
    objects: Vec<u64>,
    mechanisms: Vec<CK_MECHANISM>,
    templates: Vec<Vec<CK_ATTRIBUTE>>,
    _lent: (Vec<Mechanism>, Vec<Template>),
}

impl Arguments {
    fn new(raw: &Raw, main: u64) -> Self {
        let session = raw.session(main);
        let (ec, aes) =
            (session.p256(false, "ec").expect("a pair"), session.aes(false, "aes").expect("a key"));
        let generic = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_SIGN, CKA_VERIFY, CKA_DERIVE]);
        let generic = session.generate(CKM_GENERIC_SECRET_KEY_GEN, &generic).expect("a key");
        let mut mechanisms: Vec<_> = KINDS.iter().map(|kind| Mechanism::plain(*kind)).collect();
        mechanisms.push(Mechanism::with_bytes(CKM_AES_CBC, &[1; 16]));
        mechanisms.push(Mechanism::with_bytes(CKM_AES_CBC_PAD, &[1; 16]));
        mechanisms.push(Mechanism::with_bytes(CKM_AES_GCM, &[0; 48]));
        mechanisms.push(Mechanism::gcm(&[1; 12], b"aad", 128));
        mechanisms.push(Mechanism::ctr(64, [1; 16]));
        let templates = vec![
            Template::new(),
            Template::of(CKO_DATA).bytes(CKA_VALUE, b"data"),
            Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, [1; 32]).flag(CKA_TOKEN, false),
            Template::new().number(CKA_VALUE_LEN, 32),
            Template::new().number(CKA_VALUE_LEN, u64::MAX),
            Template::new().bytes(CKA_EC_PARAMS, strongroom_tests::raw::P256),
            Template::new().bytes(CKA_LABEL, "label").bytes(CKA_ID, []),
            Template::new().flag(CKA_SENSITIVE, false).flag(CKA_EXTRACTABLE, true),
            Template::new().number(CKA_MODULUS_BITS, 1 << 63).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]),
            Template::new().bytes(CKA_MODULUS_BITS, [1]).bytes(0x4000_0000, [0; 24]),
        ];
        Self {
            memory: Memory::new(),
            sessions: vec![main, raw.open().expect("C_OpenSession").handle, 0, u64::MAX],
            objects: vec![ec.private, ec.public, aes, generic, 0, u64::MAX, aes ^ 1, 1 << 62],
            mechanisms: mechanisms.iter().map(Mechanism::raw).collect(),
            templates: templates.iter().map(Template::raw).collect(),
            _lent: (mechanisms, templates),
        }
    }

    fn choose(&mut self, function: &Function, rng: &mut StdRng) -> Vec<u64> {
        let shift = if rng.random_ratio(1, 4) { rng.random_range(0..8) } else { 0 };
        let session =
            self.sessions[usize::from(rng.random_ratio(1, 3)) * rng.random_range(0..self.sessions.len())];
        let object = self.objects[rng.random_range(0..self.objects.len())];
        let mut values = self.memory.arguments(function, session, object, shift);
        for (at, arg) in function.args.iter().enumerate() {
            let absurd = rng.random_ratio(1, 20);
            match arg {
                Arg::Session | Arg::Object | Arg::Nothing | Arg::Label => {}
                Arg::Slot if absurd => values[at] = rng.random(),
                Arg::Number(_) if rng.random_ratio(1, 3) => {
                    values[at] = rng.random::<u64>() >> rng.random_range(0..64)
                }
                Arg::Len if absurd => values[at] = rng.random::<u64>() | 1 << 47,
                Arg::Len => values[at] = rng.random_range(0..=crate::table::DATA_LEN),
                Arg::Mechanism if rng.random_ratio(9, 10) => {
                    let which = rng.random_range(0..self.mechanisms.len());
                    values[at] = (&raw mut self.mechanisms[which]) as u64;
                }
                Arg::Template => {
                    let which = rng.random_range(0..self.templates.len());
                    // Questions are answered into their own memory.
                    if function.name != "C_GetAttributeValue" {
                        values[at] = self.templates[which].as_mut_ptr() as u64;
                        values[at + 1] = self.templates[which].len() as u64;
                    }
                }
                Arg::Count if absurd => values[at] = rng.random::<u64>() | 1 << 32,
                _ if arg.is_pointer() && absurd => values[at] = 0,
                _ => {}
            }
        }
        values
    }
}
