//! Every cell of the permission table (cloudhsm.md 2.2, item 27), asked of a node.

use strongroom_model::{
    AttributeType as A, Attributes, Blob, Handle, Mechanism, MechanismType, MtlsEnforcement, Profile,
    ReturnCode, Role, Service,
};
use strongroom_wire::{
    Attach, ChallengeKind, Envelope, Operation, OwnKey, Request, Response, StreamKind, Ticket,
};

use crate::common::{APP, Client, OFFICER};
use crate::people::{change_password, login, name, signer};
use crate::world::{Cluster, cluster};

/// Requests that change nothing when they're allowed, and who may ask for them: nobody, an officer, a crypto user.
/// `Y` under every profile, `-` under none, `L` under `standard` and `strict`, `S` under `standard`.
fn table() -> Vec<(&'static str, Request)> {
    let (key, absent) = (Handle(999_999), || name("ghost"));
    let kind = || Mechanism::plain(MechanismType::ECDSA);
    let operation = || Operation { key, mechanism: kind(), data: Blob::from([0; 32]) };
    let short = || Blob::from(*b"x");
    let ghost = |role| login(role, "ghost", "x");
    let template = Attributes::new;
    let bad_key = || OwnKey { public_key: Blob::from(*b"no key"), proof: Vec::new() };
    let registration =
        |role, user: &str| Request::Challenge { kind: ChallengeKind::Registration, role, user: name(user) };
    let mfa = |role, user: &str, key| Request::ChangeMfa { role, user: name(user), key };
    vec![
        // Basic information, users, quorum values and timeouts: anybody (item 29).
        ("YYY", Request::Info),
        ("YYY", Request::Mechanisms),
        ("YYY", Request::ListUsers),
        ("YYY", Request::QuorumSettings),
        ("YYY", Request::Random { len: 1 }),
        ("YYY", Request::CloseSession),
        ("YYY", Request::Abandon { stream: 0 }),
        // Showing who one is.
        ("YYY", Request::Login(ghost(Role::CryptoUser))),
        ("YYY", Request::LoginWithKey { login: ghost(Role::Admin), signed: Vec::new() }),
        ("YYY", Request::SetPin { login: ghost(Role::Admin), new: short() }),
        ("YYY", Request::Challenge { kind: ChallengeKind::Login, role: Role::Admin, user: absent() }),
        ("YYY", Request::Activate { password: short() }),
        ("YYY", Request::InitToken { password: short(), label: String::new() }),
        ("-YY", Request::Renew),
        // One's own password and key.
        ("-Y-", change_password(Role::Admin, "admin", "x")),
        ("-YY", change_password(Role::CryptoUser, "app", "x")),
        ("-Y-", change_password(Role::CryptoUser, "other", "x")),
        ("-Y-", registration(Role::Admin, "admin")),
        ("--Y", registration(Role::CryptoUser, "app")),
        ("---", registration(Role::CryptoUser, "other")),
        ("-YY", Request::RegisterQuorumKey(bad_key())),
        ("-Y-", mfa(Role::Admin, "admin", Some(bad_key()))),
        ("--Y", mfa(Role::CryptoUser, "app", Some(bad_key()))),
        ("---", mfa(Role::CryptoUser, "other", Some(bad_key()))),
        ("-Y-", mfa(Role::CryptoUser, "other", None)),
        // Users and quorum values: officers.
        ("-Y-", Request::CreateUser(ghost(Role::CryptoUser))),
        ("-Y-", Request::DeleteUser { role: Role::CryptoUser, user: absent() }),
        ("-Y-", Request::InitPin { user: None, password: short() }),
        ("-Y-", Request::ReplicateUser { role: Role::CryptoUser, user: absent() }),
        ("-Y-", Request::ExtractMaskedUser { role: Role::CryptoUser, user: absent(), to: String::new() }),
        ("-Y-", Request::InsertMaskedUser { role: Role::CryptoUser, user: absent(), masked: Blob::new() }),
        ("-Y-", Request::SetQuorumValue { service: Service::User, value: 9 }),
        ("-Y-", Request::SetQuorumTimeouts { generated: Some(0), approved: None }),
        // Clients' certificates: officers say which, anybody may see them.
        ("YYY", Request::TrustAnchors),
        ("-YY", Request::MtlsEnforcement),
        ("-Y-", Request::RegisterTrustAnchor { certificate: short() }),
        ("-Y-", Request::DeregisterTrustAnchor { reference: 9 }),
        ("-Y-", Request::SetMtlsEnforcement { level: MtlsEnforcement::Cluster }),
        // Tokens.
        ("-Y-", Request::QuorumToken { service: Service::User, key: Some(key) }),
        ("-Y-", Request::QuorumToken { service: Service::Quorum, key: Some(key) }),
        ("-Y-", Request::QuorumToken { service: Service::Cluster, key: Some(key) }),
        ("--Y", Request::QuorumToken { service: Service::KeyManagement, key: None }),
        ("--Y", Request::QuorumToken { service: Service::KeyUsage, key: None }),
        ("-YY", Request::ListQuorumTokens),
        ("-YY", Request::DeleteQuorumTokens { all: false }),
        ("-Y-", Request::DeleteQuorumTokens { all: true }),
        // Finding keys and marking them as trusted: officers, too.
        ("LYY", Request::Find { template: template(), after: None, limit: 1 }),
        ("LYY", Request::Object { handle: key }),
        ("LYY", Request::GetAttributes { handle: key, types: Vec::new() }),
        ("LYY", Request::ObjectSize { handle: key }),
        ("LYY", Request::Ownership { handle: key }),
        ("LYY", Request::SetAttributes { handle: key, template: template().with(A::TRUSTED, true) }),
        // Key management.
        ("LSY", Request::Create { template: template() }),
        ("LSY", Request::Copy { handle: key, template: template() }),
        ("LSY", Request::Destroy { handle: key }),
        ("LSY", Request::GenerateKey { mechanism: kind(), template: template() }),
        ("LSY", Request::GeneratePair { mechanism: kind(), public: template(), private: template() }),
        ("LSY", Request::Persist { handle: key }),
        ("--Y", Request::Share { handle: key, user: absent(), shared: true }),
        ("-YY", Request::ExtractMasked { handle: key, to: String::new() }),
        ("-YY", Request::InsertMasked { masked: Blob::new() }),
        // Encrypting, decrypting, signing, verifying, HMAC.
        ("L-Y", Request::Encrypt(operation())),
        ("L-Y", Request::Decrypt(operation())),
        ("L-Y", Request::Sign { operation: operation(), digested: false }),
        ("L-Y", Request::Verify { operation: operation(), digested: false, signature: Blob::new() }),
        ("L-Y", Request::SignRecover(operation())),
        ("L-Y", Request::VerifyRecover(operation())),
        ("L-Y", Request::Wrap { mechanism: kind(), wrapping: key, key }),
        (
            "L-Y",
            Request::Unwrap { mechanism: kind(), unwrapping: key, wrapped: short(), template: template() },
        ),
        ("L-Y", Request::Derive { mechanism: kind(), base: key, template: template() }),
        ("L-Y", Request::Open { kind: StreamKind::Sign, operation: operation() }),
        ("L-Y", Request::Update { stream: 0, data: Blob::new() }),
        ("L-Y", Request::Finish { stream: 0, signature: Blob::new() }),
        // Last, since it ends the login.
        ("-YY", Request::Logout),
    ]
}

const SENTENCES: [&str; 4] = [
    "this takes a login: log in first",
    "a crypto officer can't make or use keys: log in as a crypto user",
    "only a crypto officer may do this: log in as one",
    "a user registers its own key: log in as that user",
];

fn refused(client: &mut Client, ticket: Option<&Ticket>, request: Request) -> bool {
    let attach = Some(ticket.map_or(Attach::Nobody, |ticket| Attach::Ticket(ticket.clone())));
    let reply = client.connection.handle(Envelope { attach, session: 1, extras: None, request });
    assert!(!reply.detached);
    reply.result.is_err_and(|error| {
        let by_the_table = SENTENCES.contains(&error.message.as_str());
        assert!(!by_the_table || error.code == ReturnCode::USER_NOT_LOGGED_IN);
        by_the_table
    })
}

#[test]
fn every_cell_holds() {
    for profile in [Profile::Standard, Profile::CloudHsm, Profile::Strict] {
        let cluster = cluster(profile, 1);
        let (mut nobody, mut officer, mut app) =
            (cluster.client(0, 1), cluster.client(0, 2), cluster.client(0, 3));
        let officers = officer.login(Role::Admin, Some("admin"), OFFICER).unwrap();
        let apps = app.login(Role::CryptoUser, Some("app"), APP).unwrap();
        for (cells, request) in table() {
            let asked = format!("{request:?}");
            let outcomes = [
                refused(&mut nobody, None, request.clone()),
                refused(&mut officer, Some(&officers), request.clone()),
                refused(&mut app, Some(&apps), request),
            ];
            for ((cell, refused), role) in cells.chars().zip(outcomes).zip(["nobody", "officer", "user"]) {
                let may = match cell {
                    'Y' => true,
                    '-' => false,
                    'L' => profile != Profile::CloudHsm,
                    'S' => profile == Profile::Standard,
                    other => panic!("{other}"),
                };
                assert_eq!(refused, !may, "{profile}: {role} asks for {asked}");
            }
        }
    }
}

/// "set TRUSTED on a key": officers only; and nothing else of a key.
#[test]
fn officers_mark_keys_as_trusted_and_change_nothing_else() {
    let (cluster, key) = with_key();
    let mut officer = cluster.officer("admin", 2);
    let set = |template| Request::SetAttributes { handle: key, template };
    assert_eq!(officer.code(set(Attributes::new().with(A::TRUSTED, true))), ReturnCode::OK);
    let label = Attributes::new().with(A::LABEL, b"mine".as_slice());
    assert_eq!(officer.code(set(label.clone())), ReturnCode::ATTRIBUTE_READ_ONLY);
    let mut app = cluster.app(3);
    assert_eq!(app.code(set(Attributes::new().with(A::TRUSTED, false))), ReturnCode::ATTRIBUTE_READ_ONLY);
    assert_eq!(app.code(set(label)), ReturnCode::OK);
}

/// "findAllKeys": officers find what they can't use, and read no secret.
#[test]
fn officers_find_keys_and_read_no_secrets() {
    let (cluster, key) = with_key();
    let mut officer = cluster.officer("admin", 2);
    assert!(officer.find(Attributes::new()).contains(&key));
    assert_eq!(officer.attribute(key, A::VALUE), strongroom_wire::Answer::Sensitive);
}

fn with_key() -> (Cluster, Handle) {
    let cluster = cluster(Profile::CloudHsm, 1);
    let key = cluster.app(1).aes(Attributes::new().with(A::TOKEN, true));
    (cluster, key)
}

/// What one may says nothing of whom one is allowed to approve for.
#[test]
fn crypto_users_register_keys_too() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut app = cluster.app(1);
    assert!(matches!(app.register(Role::CryptoUser, "app", signer("app")), Ok(Response::Done)));
    assert!(app.user("app").quorum && !app.user("app").mfa);
}
