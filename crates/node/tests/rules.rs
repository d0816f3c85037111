//! The table of rules, cell by cell: for each attribute, class, operation, role and profile the node does what the table says.

mod common;

use common::{Client, P256, World, world_under};
use strongroom_model::{
    AgreementKdf, AttributeType as A, Attributes, Blob, Handle, Hash, HsmType, KeyType, Mechanism,
    MechanismType, Mode, ObjectClass, Params, Profile, Quirk, Quirks, Regime, ReturnCode, Shape, Value,
    Variant,
};
use strongroom_node::rules::{
    Fallback, Motion, Origin, Supply, cell, conflicts, difference, exists, is_told, motion,
};
use strongroom_wire::{Answer, Request, Response};

/// The profiles, and `cloudhsm` in its variants; the last knows all objects.
fn regimes() -> Vec<Regime> {
    let cloudhsm =
        |hsm, mode, quirks| Regime { profile: Profile::CloudHsm, variant: Variant { hsm, mode, quirks } };
    let stores = Quirks::default().with(Quirk::CertificateStorage, true);
    let lax = Quirks::default().with(Quirk::VendorTemplates, false);
    vec![
        Regime::of(Profile::Standard),
        Regime::of(Profile::Strict),
        Regime::of(Profile::CloudHsm),
        cloudhsm(HsmType::Hsm1, Mode::NonFips, stores),
        cloudhsm(HsmType::Hsm2m, Mode::Fips, lax),
    ]
}

/// A way to make an object of a class and type.
struct Way {
    origin: Origin,
    class: ObjectClass,
    key: Option<KeyType>,
    /// What such a template must have at least; class and type where they're given.
    base: Attributes,
}

/// What a cluster needs for the ways: a key that wraps, what it wrapped, and a key that derives.
struct Kit {
    world: World,
    app: Client,
    wrapping: Handle,
    wrapped_secret: Blob,
    wrapped_private: Option<Blob>,
    deriving: Handle,
    point: Blob,
}

impl Kit {
    fn new(regime: Regime) -> Self {
        let world = world_under(regime);
        let mut app = world.app(1);
        let set = |names: &[A]| names.iter().fold(Attributes::new(), |all, name| all.with(*name, true));
        let wrapping = app.aes(set(&[A::WRAP, A::UNWRAP]));
        let wrap = |app: &mut Client, key| app.bytes(Request::Wrap { mechanism: kwp(), wrapping, key });
        let secret = app.aes(set(&[A::EXTRACTABLE]));
        let wrapped_secret = wrap(&mut app, secret);
        let (public, deriving) = app.pair(
            Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
            Attributes::new().with(A::EC_PARAMS, P256),
            set(&[A::EXTRACTABLE, A::DERIVE]),
        );
        let wrapped_private =
            app.ask(Request::Wrap { mechanism: kwp(), wrapping, key: deriving }).ok().map(|response| {
                match response {
                    Response::Bytes(bytes) => bytes,
                    other => panic!("{other:?}"),
                }
            });
        let Answer::Value(Value::Bytes(point)) = app.attribute(public, A::EC_POINT) else {
            panic!("no point")
        };
        Self { world, app, wrapping, wrapped_secret, wrapped_private, deriving, point }
    }

    /// The request that makes an object of a template in some way; `None` where the kit has nothing for it.
    fn request(&self, way: &Way, template: Attributes) -> Option<Request> {
        Some(match (way.origin, way.class) {
            (Origin::Create, _) => Request::Create { template },
            (Origin::Generate, ObjectClass::SecretKey) => {
                let kind = match way.key {
                    Some(KeyType::Aes) => MechanismType::AES_KEY_GEN,
                    _ => MechanismType::GENERIC_SECRET_KEY_GEN,
                };
                Request::GenerateKey { mechanism: Mechanism::plain(kind), template }
            }
            (Origin::Generate, class) => {
                let curve = Attributes::new().with(A::EC_PARAMS, P256);
                let (public, private) = if class == ObjectClass::PublicKey {
                    (template, Attributes::new())
                } else {
                    (curve, template)
                };
                Request::GeneratePair {
                    mechanism: Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
                    public,
                    private,
                }
            }
            (Origin::Unwrap, class) => {
                let wrapped = match class {
                    ObjectClass::PrivateKey => self.wrapped_private.clone()?,
                    _ => self.wrapped_secret.clone(),
                };
                Request::Unwrap { mechanism: kwp(), unwrapping: self.wrapping, wrapped, template }
            }
            (Origin::Derive, _) => {
                let params = Params::Ecdh {
                    kdf: Some(AgreementKdf::X963(Hash::Sha256)),
                    shared: Blob::new(),
                    public: self.point.clone(),
                };
                let mechanism = Mechanism { kind: MechanismType::ECDH1_DERIVE, params };
                Request::Derive { mechanism, base: self.deriving, template }
            }
        })
    }

    fn make(&mut self, way: &Way, template: Attributes) -> Result<Handle, ReturnCode> {
        let request = self.request(way, template).expect("a way that the kit knows");
        match self.app.ask(request) {
            Ok(Response::Object(info)) => Ok(info.handle),
            Ok(Response::Pair { public, private }) => {
                Ok(if way.class == ObjectClass::PublicKey { public.handle } else { private.handle })
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.code),
        }
    }
}

fn kwp() -> Mechanism {
    Mechanism::plain(MechanismType::AES_KEY_WRAP_KWP)
}

fn ways() -> Vec<Way> {
    let key = |class: ObjectClass, key: KeyType| {
        Attributes::new().with(A::CLASS, class.to_ck()).with(A::KEY_TYPE, key.to_ck())
    };
    let (secret, private, public) = (ObjectClass::SecretKey, ObjectClass::PrivateKey, ObjectClass::PublicKey);
    let (aes, generic, ec) = (KeyType::Aes, KeyType::GenericSecret, KeyType::Ec);
    let way = |origin, class, key, base| Way { origin, class, key, base };
    let of = |class: ObjectClass| Attributes::new().with(A::CLASS, class.to_ck());
    let certificate = of(ObjectClass::Certificate)
        .with(A::CERTIFICATE_TYPE, cryptoki_sys::CKC_X_509)
        .with(A::SUBJECT, &[0x30, 0][..])
        .with(A::VALUE, &[0x30, 0][..]);
    let trust = of(ObjectClass::Trust).with(A::ISSUER, &[0x30, 0][..]).with(A::SERIAL_NUMBER, &[2, 1, 1][..]);
    let group = key(ObjectClass::DomainParameters, KeyType::Dh)
        .with(A::PRIME, &[0xff; 128][..])
        .with(A::BASE, &[2][..]);
    // The base point of P-256 belongs to the private key 1.
    let one = [&[0; 31][..], &[1]].concat();
    let mut ways = vec![
        way(Origin::Create, ObjectClass::Data, None, of(ObjectClass::Data)),
        way(Origin::Create, ObjectClass::Certificate, None, certificate),
        way(Origin::Create, ObjectClass::Trust, None, trust),
        way(Origin::Create, ObjectClass::DomainParameters, Some(KeyType::Dh), group),
        way(Origin::Create, secret, Some(aes), key(secret, aes).with(A::VALUE, &[7; 32][..])),
        way(Origin::Create, secret, Some(generic), key(secret, generic).with(A::VALUE, &[7; 20][..])),
        way(Origin::Create, private, Some(ec), key(private, ec).with(A::EC_PARAMS, P256).with(A::VALUE, one)),
        way(Origin::Generate, public, Some(ec), Attributes::new().with(A::EC_PARAMS, P256)),
        way(Origin::Generate, private, Some(ec), Attributes::new()),
        way(Origin::Unwrap, private, Some(ec), key(private, ec)),
    ];
    for kind in [aes, generic] {
        let long = |base: Attributes| base.with(A::VALUE_LEN, 32);
        ways.push(way(Origin::Generate, secret, Some(kind), long(Attributes::new())));
        ways.push(way(Origin::Unwrap, secret, Some(kind), key(secret, kind)));
        ways.push(way(Origin::Derive, secret, Some(kind), long(key(secret, kind))));
    }
    ways
}

/// Values to try: all of a boolean, one of anything else.
fn values(attribute: A) -> Vec<Value> {
    match attribute.shape().expect("a known attribute") {
        Shape::Bool => vec![Value::Bool(false), Value::Bool(true)],
        Shape::Ulong => vec![Value::Ulong(0)],
        Shape::Bytes => vec![Value::from(&b"x"[..])],
        Shape::Date => vec![Value::from(&b"20260101"[..])],
        Shape::Mechanisms => vec![Value::Mechanisms(vec![cryptoki_sys::CKM_AES_GCM])],
        Shape::Template => vec![Value::Template(Attributes::new().with(A::LABEL, &b"x"[..]))],
    }
}

/// Attributes whose value makes or describes the object: what is wrong with it is told by other tests.
fn describes(attribute: A) -> bool {
    use A as T;
    attribute.is_key_material()
        || [
            T::CLASS,
            T::KEY_TYPE,
            T::CERTIFICATE_TYPE,
            T::SUBJECT,
            T::OWNER,
            T::AC_ISSUER,
            T::ATTR_TYPES,
            T::EC_PARAMS,
            T::EC_POINT,
            T::VALUE_LEN,
            T::VALUE_BITS,
            T::CHECK_VALUE,
            T::PUBLIC_KEY_INFO,
            T::PRIME,
            T::BASE,
            T::SUBPRIME,
            T::MODULUS,
            T::PUBLIC_EXPONENT,
            T::ISSUER,
            T::SERIAL_NUMBER,
            T::URL,
        ]
        .contains(&attribute)
}

/// The codes that a template with one more attribute may get.
fn expected(
    regime: Regime,
    way: &Way,
    attribute: A,
    value: &Value,
    template: &Attributes,
) -> Vec<ReturnCode> {
    let Some(cell) = cell(regime, attribute, way.class, way.key, way.origin) else {
        return vec![ReturnCode::TEMPLATE_INCONSISTENT];
    };
    match cell.supply {
        Supply::Unsupported => return vec![ReturnCode::TEMPLATE_INCONSISTENT],
        Supply::Never => return vec![ReturnCode::ATTRIBUTE_READ_ONLY],
        Supply::Default => {
            let default = matches!(
                (cell.fallback, value),
                (Fallback::True, Value::Bool(true)) | (Fallback::False, Value::Bool(false))
            );
            return vec![if default { ReturnCode::OK } else { ReturnCode::ATTRIBUTE_VALUE_INVALID }];
        }
        Supply::Same | Supply::Must | Supply::May => {}
    }
    // Codes of their own are for lengths.
    if cell.supply == Supply::Same || describes(attribute) {
        return vec![
            ReturnCode::OK,
            ReturnCode::ATTRIBUTE_VALUE_INVALID,
            ReturnCode::TEMPLATE_INCONSISTENT,
            ReturnCode::DOMAIN_PARAMS_INVALID,
            ReturnCode::CURVE_NOT_SUPPORTED,
            ReturnCode::KEY_SIZE_RANGE,
            ReturnCode::WRAPPED_KEY_INVALID,
            ReturnCode::WRAPPED_KEY_LEN_RANGE,
        ];
    }
    if attribute == A::TRUSTED && *value == Value::Bool(true) {
        return vec![ReturnCode::ATTRIBUTE_READ_ONLY];
    }
    let says = |name, wanted| template.bool(name) == Some(wanted);
    let strict = regime.profile == Profile::Strict;
    let conflicts = conflicts().any(|(one, other)| says(one, true) && says(other, true))
        || (says(A::WRAP, true) && says(A::SENSITIVE, false))
        || (way.origin == Origin::Unwrap && says(A::SENSITIVE, false));
    let unauthenticated = says(A::ALWAYS_AUTHENTICATE, true) && says(A::PRIVATE, false);
    vec![if (strict && conflicts) || unauthenticated {
        ReturnCode::TEMPLATE_INCONSISTENT
    } else {
        ReturnCode::OK
    }]
}

/// Each attribute in each template, by a crypto user: the code, and what the object says of it then.
#[test]
fn templates_hold_what_the_table_says() {
    let (mut cells, mut wrong) = (0, Vec::new());
    for regime in regimes() {
        let mut kit = Kit::new(regime);
        for way in ways() {
            if kit.request(&way, way.base.clone()).is_none() {
                continue;
            }
            let made = kit.make(&way, way.base.clone());
            if !exists(regime, way.class, way.key) {
                assert_eq!(made, Err(ReturnCode::ATTRIBUTE_VALUE_INVALID), "{regime:?} {:?}", way.base);
                continue;
            }
            let plain =
                made.unwrap_or_else(|code| panic!("{regime:?} {:?} {:?}: {code}", way.origin, way.base));
            for &attribute in A::ALL {
                check_default(&mut kit, regime, &way, plain, attribute);
                for value in values(attribute) {
                    cells += 1;
                    let mut template = way.base.clone();
                    template.set(attribute, value.clone());
                    let wanted = expected(regime, &way, attribute, &value, &template);
                    let made = kit.make(&way, template);
                    let found = made.err().unwrap_or(ReturnCode::OK);
                    let place = format!(
                        "{:?} {:?} of a {:?} {:?}: {attribute} {value:?}",
                        regime.profile, way.origin, way.class, way.key
                    );
                    if !wanted.contains(&found) {
                        wrong.push(format!("{place}: {found}, not {wanted:?}"));
                    }
                    if let Ok(object) = made {
                        let told = is_told(regime, attribute, way.class, way.key);
                        let answer = kit.app.attribute(object, attribute);
                        let empty = attribute == A::CHECK_VALUE || attribute.is_key_material();
                        let right = match told {
                            true => empty || answer == Answer::Value(value.clone()),
                            false => answer == Answer::Invalid,
                        };
                        if !right {
                            wrong.push(format!("{place}: it says {answer:?}"));
                        }
                        let _ = kit.app.ask(Request::Destroy { handle: object });
                    }
                }
            }
            for (attribute, _) in way.base.iter() {
                let mut template = way.base.clone();
                template.remove(attribute);
                let must = cell(regime, attribute, way.class, way.key, way.origin)
                    .is_some_and(|cell| cell.supply == Supply::Must);
                let code = kit.make(&way, template).err().unwrap_or(ReturnCode::OK);
                let place = format!("{regime:?} {:?} {:?} without {attribute}", way.origin, way.class);
                // The mechanism implies the type of what it derives unless the table wants it said.
                if must && code != ReturnCode::TEMPLATE_INCOMPLETE {
                    wrong.push(format!("{place}: {code}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells > 5_000, "{cells}");
}

fn check_default(kit: &mut Kit, regime: Regime, way: &Way, object: Handle, attribute: A) {
    let answer = kit.app.attribute(object, attribute);
    let place =
        format!("{regime:?} {:?} {:?} {:?}: {attribute} is {answer:?}", way.origin, way.class, way.key);
    let Some(cell) = cell(regime, attribute, way.class, way.key, way.origin) else {
        assert_eq!(answer, Answer::Invalid, "{place}");
        return;
    };
    if !is_told(regime, attribute, way.class, way.key) {
        assert_eq!(answer, Answer::Invalid, "{place}");
        return;
    }
    let wanted = match cell.fallback {
        Fallback::True => Value::Bool(true),
        Fallback::False => Value::Bool(false),
        Fallback::Zero => Value::Ulong(0),
        Fallback::Absent | Fallback::Able | Fallback::Empty => return,
    };
    assert!(way.base.contains(attribute) || answer == Answer::Value(wanted), "{place}");
}

/// Each attribute of existing objects, changed and copied by their owner, and changed by an officer.
#[test]
fn attributes_change_as_the_table_says() {
    for regime in regimes() {
        let mut kit = Kit::new(regime);
        let mut officer = kit.world.officer(2);
        for way in
            ways().iter().filter(|way| way.origin == Origin::Create || way.class == ObjectClass::PublicKey)
        {
            if !exists(regime, way.class, way.key) {
                continue;
            }
            for &attribute in A::ALL {
                for value in values(attribute) {
                    let template = Attributes::new().with(attribute, value.clone());
                    let place = format!("{regime:?}\n{:?} {:?}: {attribute} {value:?}", way.class, way.key);
                    let object = kit.make(way, way.base.clone()).expect("an object");
                    let before = kit.app.attribute(object, attribute);
                    let same = before == Answer::Value(value.clone());
                    // Those are there, though they aren't told of.
                    let hidden = before == Answer::Invalid
                        && difference(regime, attribute, way.class, way.key).is_some();
                    let copied = kit.app.code(Request::Copy { handle: object, template: template.clone() });
                    check_move(
                        regime,
                        difference(regime, attribute, way.class, way.key),
                        &value,
                        same,
                        hidden,
                        false,
                        copied,
                        &format!("copy, {place}"),
                    );
                    if way.class != ObjectClass::Data {
                        let token = way.base.clone().with(A::TOKEN, true);
                        let shared = kit.make(way, token).expect("a token object");
                        let same = kit.app.attribute(shared, attribute) == Answer::Value(value.clone());
                        let moved = officer
                            .code(Request::SetAttributes { handle: shared, template: template.clone() });
                        check_move(
                            regime,
                            motion(regime, attribute, way.class, way.key),
                            &value,
                            same,
                            hidden,
                            true,
                            moved,
                            &format!("officer, {place}"),
                        );
                        kit.app.ask(Request::Destroy { handle: shared }).ok();
                    }
                    let moved = kit.app.code(Request::SetAttributes { handle: object, template });
                    check_move(
                        regime,
                        motion(regime, attribute, way.class, way.key),
                        &value,
                        same,
                        hidden,
                        false,
                        moved,
                        &place,
                    );
                    kit.app.ask(Request::Destroy { handle: object }).ok();
                }
            }
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "all that a change depends on")]
fn check_move(
    regime: Regime,
    motion: Option<Motion>,
    value: &Value,
    same: bool,
    hidden: bool,
    officer: bool,
    found: ReturnCode,
    place: &str,
) {
    let strict = regime.profile == Profile::Strict;
    let wanted = match motion {
        None => vec![ReturnCode::TEMPLATE_INCONSISTENT],
        Some(_) if same => vec![ReturnCode::OK],
        Some(Motion::Officer) if officer => vec![ReturnCode::OK],
        Some(Motion::Fixed | Motion::Officer) => vec![ReturnCode::ATTRIBUTE_READ_ONLY],
        Some(_) if officer => vec![ReturnCode::ATTRIBUTE_READ_ONLY],
        Some(Motion::Up) if *value == Value::Bool(false) => vec![ReturnCode::ATTRIBUTE_READ_ONLY],
        // Usages that conflict with others that the object has.
        Some(Motion::Down) if *value == Value::Bool(true) && strict => {
            vec![ReturnCode::ATTRIBUTE_READ_ONLY, ReturnCode::ATTRIBUTE_VALUE_INVALID]
        }
        Some(Motion::Down) if *value == Value::Bool(true) => vec![ReturnCode::ATTRIBUTE_READ_ONLY],
        Some(Motion::Free | Motion::Up | Motion::Down) => vec![ReturnCode::OK],
    };
    let stays = hidden && found == ReturnCode::OK;
    assert!(wanted.contains(&found) || stays, "{place}: {found}, not {wanted:?}");
}

/// Nobody makes nothing under `cloudhsm`, and no private objects elsewhere; officers make none but public ones under `standard`.
#[test]
fn roles_make_what_the_table_says() {
    for regime in regimes() {
        let mut kit = Kit::new(regime);
        let cloudhsm = regime.profile == Profile::CloudHsm;
        for way in ways().iter().filter(|way| way.origin == Origin::Create) {
            for private in [false, true] {
                let template = way.base.clone().with(A::PRIVATE, private);
                let mut nobody = kit.world.client(7);
                let code = nobody.code(Request::Create { template: template.clone() });
                let allowed = !cloudhsm && !private;
                let wanted = if allowed { ReturnCode::OK } else { ReturnCode::USER_NOT_LOGGED_IN };
                assert_eq!(code, wanted, "{regime:?} nobody {template:?}");
                let mut officer = kit.world.officer(8);
                let allowed = regime.profile == Profile::Standard && !private;
                let code = officer.code(Request::Create { template: template.clone() });
                let wanted = if allowed { ReturnCode::OK } else { ReturnCode::USER_NOT_LOGGED_IN };
                assert_eq!(code, wanted, "{regime:?} officer {template:?}");
            }
        }
        assert!(kit.app.ask(Request::Random { len: 1 }).is_ok());
    }
}
