//! Logging in with a second factor (cloudhsm.md 2.5; items 30 to 32; attacks.md A40).

use strongroom_model::{Blob, Error, Profile, Result, ReturnCode, Role, Service, limits};
use strongroom_wire::{Attach, ChallengeKind, Envelope, Login, Request, Response, SignedChallenge};

use crate::common::{APP, Client, OFFICER};
use crate::people::{Signer, approved, change_password, create, login, name, sentence, signer};
use crate::world::{Cluster, cluster};

fn enable(client: &mut Client, role: Role, user: &str, signer: &Signer) -> Result<Response> {
    let key = Some(client.own_key(role, user, signer));
    client.ask(Request::ChangeMfa { role, user: name(user), key })
}

fn disable(role: Role, user: &str) -> Request {
    Request::ChangeMfa { role, user: name(user), key: None }
}

/// `app` with a second factor.
fn with_factor(profile: Profile) -> Cluster {
    let cluster = cluster(profile, 2);
    let mut app = cluster.app(1);
    enable(&mut app, Role::CryptoUser, "app", signer("app")).unwrap();
    app.ask(Request::Logout).unwrap();
    cluster
}

fn answer(client: &mut Client, signer: &Signer) -> Vec<SignedChallenge> {
    let data = client.challenge(ChallengeKind::Login, Role::CryptoUser, "app");
    let signature = signer.sign(&data);
    vec![SignedChallenge { data, signature }]
}

fn enter(client: &mut Client, password: &str, signed: Vec<SignedChallenge>) -> ReturnCode {
    client.code(Request::LoginWithKey { login: login(Role::CryptoUser, "app", password), signed })
}

/// Items 30 and 32.
#[test]
fn a_login_takes_the_password_and_the_key() {
    let cluster = with_factor(Profile::CloudHsm);
    let mut client = cluster.client(1, 2);
    let info = client.user("app");
    assert!(info.mfa && info.quorum, "item 31: registered for quorum, too");
    let alone: Error = client.ask(Request::Login(login(Role::CryptoUser, "app", APP))).unwrap_err();
    assert_eq!(alone.code, ReturnCode::PIN_INCORRECT);
    assert!(alone.message.contains("login mfa-token-sign"), "{alone}");
    let wrong = ReturnCode::PIN_INCORRECT;
    assert_eq!(enter(&mut client, APP, Vec::new()), wrong);
    let bad = answer(&mut client, signer("spare"));
    assert_eq!(enter(&mut client, APP, bad), wrong, "another key");
    let mut unsigned = answer(&mut client, signer("app"));
    unsigned[0].signature = Blob::new();
    assert_eq!(enter(&mut client, APP, unsigned), wrong);
    let good = answer(&mut client, signer("app"));
    assert_eq!(good[0].data.len(), 80);
    assert_eq!(enter(&mut client, APP, good), ReturnCode::OK);
    client.aes(strongroom_model::Attributes::new());
}

/// A40: an answer is good once, even if the password was wrong that time.
#[test]
fn an_answer_isnt_good_twice() {
    let cluster = with_factor(Profile::CloudHsm);
    let mut client = cluster.client(0, 2);
    let signed = answer(&mut client, signer("app"));
    assert_eq!(enter(&mut client, APP, signed.clone()), ReturnCode::OK);
    assert_eq!(enter(&mut client, APP, signed), ReturnCode::PIN_INCORRECT);
    let signed = answer(&mut client, signer("app"));
    assert_eq!(enter(&mut client, "not-the-password", signed.clone()), ReturnCode::PIN_INCORRECT);
    assert_eq!(enter(&mut client, APP, signed), ReturnCode::PIN_INCORRECT);
    let signed = answer(&mut client, signer("app"));
    assert_eq!(enter(&mut cluster.client(0, 3), APP, signed.clone()), ReturnCode::PIN_INCORRECT, "elsewhere");
    assert_eq!(
        enter(&mut cluster.client(1, 2), APP, signed.clone()),
        ReturnCode::PIN_INCORRECT,
        "another node"
    );
    cluster.pass(600);
    assert_eq!(enter(&mut client, APP, signed), ReturnCode::PIN_INCORRECT, "too old");
}

#[test]
fn one_answer_at_the_same_time_logs_in_once() {
    let cluster = with_factor(Profile::Standard);
    let signed = answer(&mut cluster.client(0, 2), signer("app"));
    let entered: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4)
            .map(|_| {
                let (cluster, signed) = (&cluster, signed.clone());
                scope.spawn(move || enter(&mut cluster.client(0, 2), APP, signed))
            })
            .collect();
        let codes = tries.into_iter().map(|one| one.join().unwrap());
        codes.filter(|code| *code == ReturnCode::OK).count()
    });
    assert_eq!(entered, 1);
}

/// Wrong answers count as wrong passwords do; a password alone isn't even looked at.
#[test]
fn wrong_answers_lock_and_passwords_alone_dont() {
    let cluster = with_factor(Profile::CloudHsm);
    let mut client = cluster.client(0, 2);
    for _ in 0..20 {
        let alone = client.ask(Request::Login(login(Role::CryptoUser, "app", "guess-it"))).unwrap_err();
        assert!(alone.message.contains("mfa-token-sign"), "it doesn't tell whether the password was right");
    }
    for _ in 0..6 {
        assert_eq!(enter(&mut client, APP, Vec::new()), ReturnCode::PIN_INCORRECT);
    }
    let good = answer(&mut client, signer("app"));
    assert_eq!(enter(&mut client, APP, good), ReturnCode::PIN_LOCKED);
}

/// Neither `C_SetPIN` nor `C_InitToken` looks at a password alone.
#[test]
fn pins_are_no_way_around_the_second_factor() {
    let cluster = with_factor(Profile::Standard);
    let mut client = cluster.client(0, 2);
    let set = Request::SetPin {
        login: Login { role: Role::CryptoUser, user: None, password: Blob::from(APP.as_bytes()) },
        new: Blob::from(*b"next-password"),
    };
    assert!(sentence(client.ask(set)).contains("mfa-token-sign"));
    let mut admin = cluster.officer("admin", 3);
    enable(&mut admin, Role::Admin, "admin", signer("admin")).unwrap();
    let init = Request::InitToken { password: Blob::from(OFFICER.as_bytes()), label: "x".into() };
    assert!(sentence(client.ask(init)).contains("mfa-token-sign"));
}

/// What anybody may ask for, about anybody, tells nothing and costs nothing.
#[test]
fn challenges_are_for_the_asking_and_leave_nothing() {
    let cluster = with_factor(Profile::CloudHsm);
    let mut client = cluster.client(0, 2);
    for user in ["app", "other", "nobody_at_all"] {
        let one = client.challenge(ChallengeKind::Login, Role::CryptoUser, user);
        let two = client.challenge(ChallengeKind::Login, Role::CryptoUser, user);
        assert_eq!((one.len(), two.len()), (80, 80));
        assert_ne!(one, two);
    }
    let kept = answer(&mut client, signer("app"));
    for _ in 0..100_000 {
        client.challenge(ChallengeKind::Login, Role::CryptoUser, "app");
    }
    assert_eq!(enter(&mut client, APP, kept), ReturnCode::OK, "others' asking ends nobody's challenge");
}

/// A user without a second factor needs none.
#[test]
fn who_has_none_needs_none() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut client = cluster.client(0, 1);
    assert_eq!(enter(&mut client, APP, Vec::new()), ReturnCode::OK);
    assert_eq!(enter(&mut client, "wrong-password", Vec::new()), ReturnCode::PIN_INCORRECT);
}

/// Item 32: the quorum key is the second factor; it's changed as that.
#[test]
fn the_quorum_key_isnt_rotated_on_its_own() {
    let cluster = with_factor(Profile::CloudHsm);
    let mut app = cluster.client(0, 2);
    let signed = answer(&mut app, signer("app"));
    assert_eq!(enter(&mut app, APP, signed), ReturnCode::OK);
    let refused = app.register(Role::CryptoUser, "app", signer("spare")).unwrap_err();
    assert_eq!(refused.code, ReturnCode::ACTION_PROHIBITED);
    enable(&mut app, Role::CryptoUser, "app", signer("spare")).unwrap();
    let mut again = cluster.client(0, 3);
    let old = answer(&mut again, signer("app"));
    assert_eq!(enter(&mut again, APP, old), ReturnCode::PIN_INCORRECT);
    let new = answer(&mut again, signer("spare"));
    assert_eq!(enter(&mut again, APP, new), ReturnCode::OK);
}

/// Item 31: removing it, or an officer's reset, removes both.
#[test]
fn second_factor_and_registration_go_together() {
    for by_officer in [false, true] {
        let cluster = with_factor(Profile::Standard);
        if by_officer {
            cluster.officer("admin", 2).ask(disable(Role::CryptoUser, "app")).unwrap();
        } else {
            let mut app = cluster.client(0, 2);
            let signed = answer(&mut app, signer("app"));
            assert_eq!(enter(&mut app, APP, signed), ReturnCode::OK);
            app.ask(disable(Role::CryptoUser, "app")).unwrap();
            let again = app.code(disable(Role::CryptoUser, "app"));
            assert_eq!(again, ReturnCode::ARGUMENTS_BAD, "there is nothing left to take away");
        }
        let info = cluster.client(0, 3).user("app");
        assert!(!info.mfa && !info.quorum);
        cluster.app(4);
    }
    let cluster = with_factor(Profile::Standard);
    let mut officer = cluster.officer("admin", 2);
    officer.ask(change_password(Role::CryptoUser, "app", APP)).unwrap();
    let info = officer.user("app");
    assert!(!info.mfa && !info.quorum, "an officer's reset");
    cluster.app(4);
    // Whoever has only registered as approver stays registered.
    cluster.register(&["olga"]);
    officer.ask(change_password(Role::Admin, "olga", OFFICER)).unwrap();
    assert!(officer.user("olga").quorum);
}

#[test]
fn ones_own_password_change_keeps_the_second_factor() {
    let cluster = with_factor(Profile::Standard);
    let mut app = cluster.client(0, 2);
    let signed = answer(&mut app, signer("app"));
    assert_eq!(enter(&mut app, APP, signed), ReturnCode::OK);
    app.ask(change_password(Role::CryptoUser, "app", "next-password")).unwrap();
    assert!(app.user("app").mfa);
    let mut again = cluster.client(0, 3);
    let signed = answer(&mut again, signer("app"));
    assert_eq!(enter(&mut again, "next-password", signed), ReturnCode::OK);
}

/// The key of a second factor approves, as any registered one.
#[test]
fn who_has_a_second_factor_approves_with_it() {
    let cluster = cluster(Profile::Standard, 1);
    let mut olga = cluster.officer("olga", 2);
    enable(&mut olga, Role::Admin, "olga", signer("olga")).unwrap();
    cluster.register(&["admin", "otto"]);
    let mut admin = cluster.officer("admin", 1);
    admin.ask(Request::SetQuorumValue { service: Service::User, value: 2 }).unwrap();
    let data = admin.token(Service::User);
    admin.with(vec![approved(&data, &["admin", "olga"])], create("new")).unwrap();
}

/// A login isn't cut short by its own second factor: tickets go on as others do.
#[test]
fn tickets_are_renewed_without_the_key() {
    let cluster = with_factor(Profile::Standard);
    let mut app = cluster.client(0, 2);
    let signed = answer(&mut app, signer("app"));
    let request = Request::LoginWithKey { login: login(Role::CryptoUser, "app", APP), signed };
    let Ok(Response::Ticket(ticket)) = app.ask(request) else { panic!() };
    cluster.pass(limits::TICKET_SECONDS / 2);
    let mut elsewhere = cluster.client(1, 2);
    let attach = Some(Attach::Ticket(ticket));
    let envelope = Envelope { attach, session: 1, extras: None, request: Request::Renew };
    assert!(elsewhere.connection.handle(envelope).result.is_ok());
}

/// Whoever could take approvers' keys away could leave too few, and with them nobody to manage users or set values.
#[test]
fn approvers_keys_arent_taken_below_what_a_service_asks_for() {
    let cluster = cluster(Profile::Standard, 1);
    cluster.register(&["admin"]);
    let mut olga = cluster.officer("olga", 2);
    enable(&mut olga, Role::Admin, "olga", signer("olga")).unwrap();
    let mut admin = cluster.officer("admin", 1);
    admin.ask(Request::SetQuorumValue { service: Service::User, value: 2 }).unwrap();
    let reset = || change_password(Role::Admin, "olga", OFFICER);
    for request in [disable(Role::Admin, "olga"), reset(), disable(Role::Admin, "admin")] {
        let data = admin.token(Service::User);
        let refused = admin.with(vec![approved(&data, &["admin", "olga"])], request).unwrap_err();
        assert_eq!(refused.code, ReturnCode::ACTION_PROHIBITED);
        for word in ["there would be 1 officers", "takes 2", "register another", "lower quorum values"] {
            assert!(refused.message.contains(word), "{refused}");
        }
        admin.ask(Request::DeleteQuorumTokens { all: false }).unwrap();
    }
    assert_eq!(olga.code(disable(Role::Admin, "olga")), ReturnCode::ACTION_PROHIBITED, "one's own doing");
    assert!(olga.user("olga").mfa && olga.user("admin").quorum, "nothing was changed");

    cluster.register(&["otto"]);
    let data = admin.token(Service::User);
    admin.with(vec![approved(&data, &["admin", "olga"])], reset()).unwrap();
    assert!(!admin.user("olga").mfa && !admin.user("olga").quorum);
}
