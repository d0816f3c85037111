//! The vendor's templates, cell by cell, through the module under `cloudhsm` (cloudhsm.md 4.9; items 60 to 62): what each call
//! takes, refuses, wants and fills in for each attribute of each kind of key.

use cryptoki_sys::*;
use p256::elliptic_curve::sec1::ToSec1Point;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, P256, Raw, Rv, Session, Template};

/// A kind of key: a column of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind(&'static str, CK_OBJECT_CLASS, CK_KEY_TYPE);

const EC_PRIVATE: Kind = Kind("private EC", CKO_PRIVATE_KEY, CKK_EC);
const EC_PUBLIC: Kind = Kind("public EC", CKO_PUBLIC_KEY, CKK_EC);
const RSA_PRIVATE: Kind = Kind("private RSA", CKO_PRIVATE_KEY, CKK_RSA);
const RSA_PUBLIC: Kind = Kind("public RSA", CKO_PUBLIC_KEY, CKK_RSA);
const AES: Kind = Kind("AES", CKO_SECRET_KEY, CKK_AES);
const GENERIC: Kind = Kind("generic", CKO_SECRET_KEY, CKK_GENERIC_SECRET);

/// Attributes and a letter for each column: Y settable, N not supported, R read-only, 1 only the default, 2 mandatory. Triple DES
/// has its letters from AES's column everywhere but for lengths, and is left out in FIPS mode, which this is.
type Rows = &'static [(&'static [CK_ATTRIBUTE_TYPE], &'static str)];

const PAIR: [Kind; 4] = [EC_PRIVATE, EC_PUBLIC, RSA_PRIVATE, RSA_PUBLIC];
const GENERATE_PAIR: Rows = &[
    (&[CKA_CLASS, CKA_KEY_TYPE, CKA_LABEL, CKA_ID], "YYYY"),
    (&[CKA_LOCAL], "RRRR"),
    (&[CKA_TOKEN, CKA_DERIVE, CKA_DESTROYABLE], "YYYY"),
    (&[CKA_PRIVATE, CKA_MODIFIABLE], "1111"),
    (&[CKA_ENCRYPT, CKA_VERIFY, CKA_WRAP, CKA_WRAP_TEMPLATE, CKA_TRUSTED], "NYNY"),
    (&[CKA_DECRYPT, CKA_SIGN, CKA_UNWRAP, CKA_UNWRAP_TEMPLATE], "YNYN"),
    (&[CKA_WRAP_WITH_TRUSTED, CKA_SENSITIVE, CKA_EXTRACTABLE], "YNYN"),
    (&[CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE], "RNRN"),
    (&[CKA_CHECK_VALUE], "RRRR"),
    (&[CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT], "NNN2"),
    (&[CKA_EC_PARAMS], "N2NN"),
    (&[CKA_MODULUS, CKA_PRIME_1, CKA_EC_POINT, CKA_VALUE, CKA_VALUE_LEN], "NNNN"),
];

const SECRETS: [Kind; 2] = [AES, GENERIC];
const GENERATE: Rows = &[
    (&[CKA_CLASS, CKA_KEY_TYPE, CKA_LABEL, CKA_ID], "YY"),
    (&[CKA_LOCAL], "RR"),
    (&[CKA_TOKEN, CKA_DERIVE, CKA_DESTROYABLE, CKA_SIGN, CKA_VERIFY], "YY"),
    (&[CKA_PRIVATE, CKA_MODIFIABLE], "11"),
    (&[CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_TRUSTED], "YN"),
    (&[CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE], "YN"),
    (&[CKA_WRAP_WITH_TRUSTED, CKA_SENSITIVE, CKA_EXTRACTABLE], "YY"),
    (&[CKA_ALWAYS_SENSITIVE], "NN"),
    (&[CKA_NEVER_EXTRACTABLE, CKA_CHECK_VALUE], "RR"),
    (&[CKA_VALUE_LEN], "22"),
];

const ALL: [Kind; 6] = [EC_PRIVATE, EC_PUBLIC, RSA_PRIVATE, RSA_PUBLIC, AES, GENERIC];
const CREATE: Rows = &[
    (&[CKA_CLASS, CKA_KEY_TYPE], "222222"),
    (&[CKA_LABEL, CKA_ID, CKA_TOKEN, CKA_DERIVE, CKA_DESTROYABLE], "YYYYYY"),
    (&[CKA_LOCAL, CKA_CHECK_VALUE], "RRRRRR"),
    (&[CKA_PRIVATE, CKA_MODIFIABLE], "111111"),
    (&[CKA_ENCRYPT, CKA_WRAP], "NNNYYN"),
    (&[CKA_DECRYPT, CKA_UNWRAP], "NNYNYN"),
    (&[CKA_SIGN], "YNYNYY"),
    (&[CKA_VERIFY], "NYNYYY"),
    (&[CKA_WRAP_TEMPLATE], "NYNYYN"),
    (&[CKA_UNWRAP_TEMPLATE], "YNYNYN"),
    (&[CKA_TRUSTED], "NYNYYN"),
    (&[CKA_WRAP_WITH_TRUSTED, CKA_SENSITIVE, CKA_EXTRACTABLE], "YNYNYY"),
    (&[CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE], "RNRNRR"),
    (&[CKA_MODULUS, CKA_PUBLIC_EXPONENT], "NN22NN"),
    (&[CKA_PRIVATE_EXPONENT], "NN2NNN"),
    (&[CKA_MODULUS_BITS, CKA_VALUE_LEN], "NNNNNN"),
    (&[CKA_EC_PARAMS], "22NNNN"),
    (&[CKA_EC_POINT], "N2NNNN"),
    (&[CKA_VALUE], "2NNN22"),
];

const WRAPPED: [Kind; 4] = [EC_PRIVATE, RSA_PRIVATE, AES, GENERIC];
const UNWRAP: Rows = &[
    (&[CKA_CLASS, CKA_KEY_TYPE], "2222"),
    (&[CKA_LABEL, CKA_ID, CKA_TOKEN, CKA_DERIVE, CKA_DESTROYABLE, CKA_SIGN], "YYYY"),
    (&[CKA_LOCAL, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_CHECK_VALUE], "RRRR"),
    (&[CKA_PRIVATE, CKA_MODIFIABLE], "1111"),
    (&[CKA_ENCRYPT, CKA_WRAP], "NNYN"),
    (&[CKA_DECRYPT, CKA_UNWRAP], "NYYN"),
    (&[CKA_VERIFY], "NNYY"),
    (&[CKA_SENSITIVE, CKA_EXTRACTABLE], "YYYY"),
    (&[CKA_VALUE, CKA_VALUE_LEN, CKA_MODULUS, CKA_EC_PARAMS, CKA_EC_POINT], "NNNN"),
];

const DERIVE: Rows = &[
    (&[CKA_CLASS, CKA_KEY_TYPE], "22"),
    (&[CKA_LABEL, CKA_ID, CKA_TOKEN, CKA_DERIVE, CKA_SIGN, CKA_VERIFY], "YY"),
    (&[CKA_LOCAL, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_CHECK_VALUE], "RR"),
    (&[CKA_PRIVATE, CKA_MODIFIABLE, CKA_DESTROYABLE], "11"),
    (&[CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP], "YN"),
    (&[CKA_SENSITIVE, CKA_EXTRACTABLE], "YY"),
    (&[CKA_VALUE_LEN], "22"),
];

/// `C_GetAttributeValue`: Y and R are told, S only of what isn't sensitive, N isn't known.
const GET: Rows = &[
    (&[CKA_CLASS, CKA_KEY_TYPE, CKA_LABEL, CKA_ID, CKA_LOCAL, CKA_TOKEN, CKA_DERIVE], "YYYYYY"),
    (&[CKA_MODIFIABLE, CKA_DESTROYABLE, CKA_PRIVATE], "YYYYYY"),
    (&[CKA_ENCRYPT, CKA_WRAP], "NNNYYN"),
    (&[CKA_DECRYPT, CKA_UNWRAP], "NNYNYN"),
    (&[CKA_SIGN], "YNYNYY"),
    (&[CKA_VERIFY], "NYNYYY"),
    (&[CKA_TRUSTED], "NYNYYY"),
    (&[CKA_WRAP_WITH_TRUSTED, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE], "YNYNYY"),
    (&[CKA_ALWAYS_SENSITIVE], "RNRNRR"),
    (&[CKA_MODULUS, CKA_PUBLIC_EXPONENT], "NNYYNN"),
    (&[CKA_MODULUS_BITS], "NNNYNN"),
    (&[CKA_PRIME_1, CKA_PRIME_2, CKA_COEFFICIENT, CKA_EXPONENT_1, CKA_EXPONENT_2], "NNSNNN"),
    (&[CKA_PRIVATE_EXPONENT], "NNSNNN"),
    (&[CKA_EC_PARAMS], "YYNNNN"),
    (&[CKA_EC_POINT], "NYNNNN"),
    (&[CKA_VALUE], "SNNNSS"),
    (&[CKA_VALUE_LEN], "NNNNYY"),
    (&[CKA_CHECK_VALUE], "YYYYYN"),
];

/// A key's numbers.
type Material = Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>;

/// What keys of other making are made from.
struct World<'a> {
    session: Session<'a>,
    material: Vec<(Kind, Material)>,
    wrapped: Vec<(Kind, Vec<u8>)>,
    kek: CK_OBJECT_HANDLE,
    base: CK_OBJECT_HANDLE,
    peer: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Generate,
    Create,
    Unwrap,
    Derive,
}

type Attribute = (CK_ATTRIBUTE_TYPE, Vec<u8>);

impl<'a> World<'a> {
    fn new(session: Session<'a>) -> Self {
        let random = &mut rand::rng();
        let rsa = rsa::RsaPrivateKey::new(random, 2048).expect("an RSA key");
        let ec = p256::SecretKey::from_slice(&[7; 32]).expect("an EC key");
        let point = ec.public_key().to_sec1_point(false);
        let point = [&[4, 65], point.as_bytes()].concat();
        let bytes = |number: &rsa::BoxedUint| {
            let bytes = number.to_be_bytes();
            bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(0)..].to_vec()
        };
        let public = vec![(CKA_MODULUS, bytes(rsa.n().as_ref())), (CKA_PUBLIC_EXPONENT, bytes(rsa.e()))];
        let coefficient = rsa.crt_coefficient().expect("a coefficient");
        let private = [
            (CKA_PRIVATE_EXPONENT, bytes(rsa.d())),
            (CKA_PRIME_1, bytes(&rsa.primes()[0])),
            (CKA_PRIME_2, bytes(&rsa.primes()[1])),
            (CKA_EXPONENT_1, bytes(rsa.dp().expect("dp"))),
            (CKA_EXPONENT_2, bytes(rsa.dq().expect("dq"))),
            (CKA_COEFFICIENT, bytes(&coefficient)),
        ];
        let material = vec![
            (EC_PRIVATE, vec![(CKA_EC_PARAMS, P256.to_vec()), (CKA_VALUE, vec![7; 32])]),
            (EC_PUBLIC, vec![(CKA_EC_PARAMS, P256.to_vec()), (CKA_EC_POINT, point.clone())]),
            (RSA_PRIVATE, public.iter().cloned().chain(private).collect()),
            (RSA_PUBLIC, public),
            (AES, vec![(CKA_VALUE, vec![8; 32])]),
            (GENERIC, vec![(CKA_VALUE, vec![9; 32])]),
        ];
        let kek = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_WRAP, CKA_UNWRAP]);
        let kek = session.generate(CKM_AES_KEY_GEN, &kek).expect("a wrapping key");
        let base = session.generate_pair(
            CKM_EC_KEY_PAIR_GEN,
            &Template::new().bytes(CKA_EC_PARAMS, P256),
            &Template::new().may(&[CKA_DERIVE]),
        );
        let base = base.expect("a pair").private;
        let mut world = Self { session, material, wrapped: Vec::new(), kek, base, peer: point };
        for kind in WRAPPED {
            let key = world.make(Call::Create, kind, &[], None).expect("a key");
            world.wrapped.push((kind, session.wrap(&kwp(), kek, key).expect("C_WrapKey")));
        }
        world
    }

    /// What a call needs at least.
    fn least(&self, call: Call, kind: Kind) -> Vec<Attribute> {
        let Kind(_, class, key_type) = kind;
        let identity =
            [(CKA_CLASS, class.to_ne_bytes().to_vec()), (CKA_KEY_TYPE, key_type.to_ne_bytes().to_vec())];
        let material = || self.material.iter().find(|(of, _)| *of == kind).expect("material").1.clone();
        match (call, kind) {
            (Call::Generate, EC_PUBLIC) => vec![(CKA_EC_PARAMS, P256.to_vec())],
            (Call::Generate, RSA_PUBLIC) => {
                vec![(CKA_MODULUS_BITS, 2048u64.to_ne_bytes().to_vec()), (CKA_PUBLIC_EXPONENT, vec![1, 0, 1])]
            }
            (Call::Generate, AES | GENERIC) => vec![(CKA_VALUE_LEN, 32u64.to_ne_bytes().to_vec())],
            (Call::Generate, _) => Vec::new(),
            (Call::Create, _) => identity.into_iter().chain(material()).collect(),
            (Call::Unwrap, _) => identity.into(),
            (Call::Derive, _) => {
                identity.into_iter().chain([(CKA_VALUE_LEN, 32u64.to_ne_bytes().to_vec())]).collect()
            }
        }
    }

    /// Makes a key with these attributes in the place of, or besides, what it takes at least; without one of them.
    fn make(
        &self,
        call: Call,
        kind: Kind,
        more: &[Attribute],
        without: Option<CK_ATTRIBUTE_TYPE>,
    ) -> Rv<CK_OBJECT_HANDLE> {
        let least = self.least(call, kind);
        let kept = least.iter().filter(|(attribute, _)| {
            Some(*attribute) != without && !more.iter().any(|(other, _)| other == attribute)
        });
        let template = template(kept.chain(more));
        let session = &self.session;
        let mechanism = match (call, kind) {
            (Call::Create, _) => return session.create(&template),
            (Call::Unwrap, _) => {
                let wrapped = &self.wrapped.iter().find(|(of, _)| *of == kind).expect("a wrapped key").1;
                return session.unwrap(&kwp(), self.kek, wrapped, &template);
            }
            (Call::Derive, _) => return session.derive(&self.agreement(), self.base, &template),
            (_, AES) => return session.generate(CKM_AES_KEY_GEN, &template),
            (_, GENERIC) => return session.generate(CKM_GENERIC_SECRET_KEY_GEN, &template),
            (_, EC_PRIVATE | EC_PUBLIC) => CKM_EC_KEY_PAIR_GEN,
            _ => CKM_RSA_X9_31_KEY_PAIR_GEN,
        };
        let other = match kind {
            EC_PRIVATE => EC_PUBLIC,
            EC_PUBLIC => EC_PRIVATE,
            RSA_PRIVATE => RSA_PUBLIC,
            _ => RSA_PRIVATE,
        };
        let other = self::template(self.least(call, other).iter());
        match kind.1 {
            CKO_PUBLIC_KEY => session.generate_pair(mechanism, &template, &other).map(|pair| pair.public),
            _ => session.generate_pair(mechanism, &other, &template).map(|pair| pair.private),
        }
    }

    fn agreement(&self) -> Mechanism {
        Mechanism::ecdh(CKD_SHA256_KDF, &self.peer[2..])
    }

    /// Values for an attribute that a template may have where it's settable: those that keys of a kind may have.
    fn values(&self, kind: Kind, attribute: CK_ATTRIBUTE_TYPE) -> Vec<Vec<u8>> {
        let of_least = [Call::Create, Call::Generate, Call::Derive].into_iter().find_map(|call| {
            let supported = call != Call::Derive || SECRETS.contains(&kind);
            let least = if supported { self.least(call, kind) } else { Vec::new() };
            least.into_iter().find(|(of, _)| *of == attribute).map(|(_, value)| value)
        });
        match attribute {
            CKA_LABEL => vec![b"a label".to_vec(), Vec::new()],
            CKA_ID => vec![rand::random::<[u8; 16]>().to_vec()],
            CKA_CHECK_VALUE => vec![vec![1, 2, 3]],
            CKA_WRAP_TEMPLATE | CKA_UNWRAP_TEMPLATE => vec![Vec::new()],
            // Only an officer says so (attacks.md A9).
            CKA_TRUSTED => vec![vec![0]],
            CKA_MODULUS_BITS => vec![2048u64.to_ne_bytes().to_vec()],
            CKA_VALUE_LEN => vec![32u64.to_ne_bytes().to_vec()],
            CKA_EC_PARAMS => vec![P256.to_vec()],
            CKA_EC_POINT => vec![self.peer.clone()],
            // Never of public keys (cloudhsm.md 4.8).
            CKA_DERIVE if kind.1 == CKO_PUBLIC_KEY => vec![vec![0]],
            _ => of_least.map_or_else(|| vec![vec![1], vec![0]], |value| vec![value]),
        }
    }
}

fn template<'t>(attributes: impl Iterator<Item = &'t Attribute>) -> Template {
    attributes.fold(Template::new(), |template, (attribute, value)| template.bytes(*attribute, value))
}

fn kwp() -> Mechanism {
    Mechanism::plain(CKM_AES_KEY_WRAP_KWP)
}

/// Checks one table; returns how many cells it has.
fn check(world: &World<'_>, call: Call, kinds: &[Kind], rows: Rows) -> usize {
    let mut cells = 0;
    for (attributes, letters) in rows {
        assert_eq!(letters.len(), kinds.len());
        for (attribute, (letter, kind)) in attributes
            .iter()
            .flat_map(|attribute| letters.chars().zip(kinds).map(move |cell| (*attribute, cell)))
        {
            let at = format!("{call:?} of a {} key with {attribute:#x}, which is {letter}", kind.0);
            let with = |value: &[u8]| world.make(call, *kind, &[(attribute, value.to_vec())], None);
            match letter {
                'Y' | '2' => {
                    for value in world.values(*kind, attribute) {
                        let key = with(&value).unwrap_or_else(|code| panic!("{at}: {code}: {value:?}"));
                        if let Ok(read) = world.session.attribute(key, attribute) {
                            assert_eq!(read, value, "{at}");
                        }
                    }
                    if letter == '2' {
                        let without = world.make(call, *kind, &[], Some(attribute));
                        assert_eq!(without, Err(ReturnCode::TEMPLATE_INCOMPLETE), "{at}: without it");
                    }
                }
                '1' => {
                    with(&[1]).unwrap_or_else(|code| panic!("{at}: {code}"));
                    let refused = with(&[0]).expect_err(&at);
                    let codes = [ReturnCode::ATTRIBUTE_VALUE_INVALID, ReturnCode::TEMPLATE_INCONSISTENT];
                    assert!(codes.contains(&refused), "{at}: {refused}");
                }
                _ => {
                    let code = match letter {
                        'R' => ReturnCode::ATTRIBUTE_READ_ONLY,
                        _ => ReturnCode::TEMPLATE_INCONSISTENT,
                    };
                    for value in world.values(*kind, attribute) {
                        assert_eq!(with(&value), Err(code), "{at}: {value:?}");
                    }
                }
            }
            cells += 1;
        }
    }
    cells
}

/// What keys are when a template says nothing.
fn defaults(call: Call, kind: Kind) -> Vec<(CK_ATTRIBUTE_TYPE, bool)> {
    let signs = call == Call::Generate && kind.1 == CKO_SECRET_KEY;
    let mut all = vec![
        (CKA_TOKEN, false),
        (CKA_PRIVATE, true),
        (CKA_MODIFIABLE, true),
        (CKA_DESTROYABLE, true),
        (CKA_DERIVE, false),
        (CKA_ENCRYPT, false),
        (CKA_DECRYPT, false),
        (CKA_WRAP, false),
        (CKA_UNWRAP, false),
        (CKA_TRUSTED, false),
        (CKA_WRAP_WITH_TRUSTED, false),
        (CKA_SENSITIVE, true),
        (CKA_EXTRACTABLE, true),
        (CKA_SIGN, signs),
        (CKA_VERIFY, signs),
        (CKA_LOCAL, matches!(call, Call::Generate | Call::Derive)),
        (CKA_NEVER_EXTRACTABLE, false),
    ];
    let told = |attribute: CK_ATTRIBUTE_TYPE| {
        let at = ALL.iter().position(|other| *other == kind).expect("a column");
        let row = GET.iter().find(|(attributes, _)| attributes.contains(&attribute)).expect("a row");
        row.1.as_bytes()[at] != b'N'
    };
    all.retain(|(attribute, _)| told(*attribute));
    all
}

#[test]
fn every_cell_of_the_vendors_templates_holds() {
    alone(|| {
        let cluster = Cluster::builder().profile("cloudhsm").crypto_user("alice", "alices-secret").start();
        let raw = Raw::start(&cluster);
        let world = World::new(raw.logged_in(&cluster));
        let tables: [(Call, &[Kind], Rows); 5] = [
            (Call::Generate, &PAIR, GENERATE_PAIR),
            (Call::Generate, &SECRETS, GENERATE),
            (Call::Create, &ALL, CREATE),
            (Call::Unwrap, &WRAPPED, UNWRAP),
            (Call::Derive, &SECRETS, DERIVE),
        ];
        let mut cells = 0;
        for (call, kinds, rows) in tables {
            cells += check(&world, call, kinds, rows);
            for kind in kinds {
                let key = world.make(call, *kind, &[], None).expect("a key");
                for (attribute, value) in defaults(call, *kind) {
                    let read = world.session.attribute(key, attribute);
                    assert_eq!(
                        read,
                        Ok(vec![u8::from(value)]),
                        "{call:?} of a {} key: {attribute:#x}",
                        kind.0
                    );
                }
            }
        }
        assert!(cells > 300, "{cells} cells");
        raw.finalize().expect("C_Finalize");
    });
}

#[test]
fn every_cell_of_what_is_told_of_keys_holds() {
    alone(|| {
        let cluster = Cluster::builder().profile("cloudhsm").crypto_user("alice", "alices-secret").start();
        let raw = Raw::start(&cluster);
        let world = World::new(raw.logged_in(&cluster));
        for (at, kind) in ALL.into_iter().enumerate() {
            let sensitive = world.make(Call::Generate, kind, &[], None).expect("a key");
            let open: Vec<_> = match kind.1 {
                CKO_SECRET_KEY => vec![(CKA_SENSITIVE, vec![0])],
                _ => Vec::new(),
            };
            let open = world.make(Call::Generate, kind, &open, None).expect("a key");
            for (attributes, letters) in GET {
                for attribute in *attributes {
                    let said = world.session.attribute(sensitive, *attribute).map(drop);
                    let wanted = match letters.as_bytes()[at] {
                        b'N' => Err(ReturnCode::ATTRIBUTE_TYPE_INVALID),
                        b'S' => Err(ReturnCode::ATTRIBUTE_SENSITIVE),
                        _ => Ok(()),
                    };
                    assert_eq!(said, wanted, "{attribute:#x} of a {} key", kind.0);
                }
            }
            if kind.1 == CKO_SECRET_KEY {
                assert_eq!(world.session.attribute(open, CKA_VALUE).expect("a value").len(), 32);
            }
        }
        raw.finalize().expect("C_Finalize");
    });
}
