//! Wrong passwords (cloudhsm.md 2.3, items 22 and 23; attacks.md A19).

use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_model::{Profile, ReturnCode, Role, limits};
use strongroom_node::PasswordLimits;
use strongroom_wire::{Attach, Envelope, Request};

use crate::common::{APP, Client, OFFICER};
use crate::people::{change_password, login};
use crate::world::cluster;

const WRONG: &str = "wrong-password";

fn guess(client: &mut Client, password: &str) -> ReturnCode {
    client.code(Request::Login(login(Role::CryptoUser, "app", password)))
}

fn guess_wrong(client: &mut Client, times: u32) {
    for _ in 0..times {
        assert_eq!(guess(client, WRONG), ReturnCode::PIN_INCORRECT);
    }
}

/// Item 22: more than five lock the user on that node; others may still accept.
#[test]
fn under_cloudhsm_each_node_counts_for_itself() {
    let cluster = cluster(Profile::CloudHsm, 3);
    let limit = PasswordLimits::of(Profile::CloudHsm).failures;
    assert_eq!(limit, 6);
    let (mut one, mut two) = (cluster.client(0, 1), cluster.client(1, 2));
    guess_wrong(&mut one, 5);
    assert_eq!(guess(&mut one, APP), ReturnCode::OK, "five don't");
    guess_wrong(&mut one, limit);
    assert_eq!(guess(&mut one, APP), ReturnCode::PIN_LOCKED, "item 23: the right one fails, too");
    assert!(one.user("app").locked && !two.user("app").locked, "each node lists its own view");
    assert_eq!(guess(&mut two, APP), ReturnCode::OK);
    assert_eq!(guess(&mut one, APP), ReturnCode::PIN_LOCKED, "which unlocks it nowhere else");
    let mut three = cluster.client(2, 3);
    guess_wrong(&mut three, limit);
    drop((one, two, three));
    // Item 23: an officer's change unlocks everywhere.
    let mut officer = cluster.officer("admin", 4);
    officer.ask(change_password(Role::CryptoUser, "app", APP)).unwrap();
    for node in 0..3 {
        let mut client = cluster.client(node, 10 + node as u8);
        assert!(!client.user("app").locked);
        guess_wrong(&mut client, limit - 1);
        assert_eq!(guess(&mut client, APP), ReturnCode::OK);
    }
}

#[test]
fn under_the_other_profiles_all_nodes_count_together() {
    for profile in [Profile::Standard, Profile::Strict] {
        let cluster = cluster(profile, 2);
        let (mut one, mut two) = (cluster.client(0, 1), cluster.client(1, 2));
        guess_wrong(&mut one, limits::MAX_LOGIN_FAILURES / 2);
        guess_wrong(&mut two, limits::MAX_LOGIN_FAILURES / 2);
        for client in [&mut one, &mut two] {
            assert_eq!(guess(client, APP), ReturnCode::PIN_LOCKED);
            assert!(client.user("app").locked);
        }
    }
}

/// What is counted on a node that is cut off isn't forgotten when it's back, and the limit holds meanwhile.
#[test]
fn a_node_that_is_cut_off_counts_in_memory_and_brings_it_along() {
    let cluster = cluster(Profile::CloudHsm, 2);
    let mut client = cluster.client(1, 1);
    guess_wrong(&mut client, 2);
    cluster.cut(1);
    guess_wrong(&mut client, 2);
    assert!(!client.user("app").locked);
    cluster.heal(1);
    guess_wrong(&mut client, 1);
    let committed = |cluster: &crate::world::Cluster| {
        let key = strongroom_node::state::Key::Failures(
            strongroom_model::NodeId(1),
            Role::CryptoUser,
            crate::people::name("app"),
        );
        match cluster.ledger.read(|state| state.get(&key)) {
            Some((_, strongroom_node::state::Record::Failures(count))) => count,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(committed(&cluster), 5);
    cluster.cut(1);
    guess_wrong(&mut client, 1);
    assert_eq!(guess(&mut client, APP), ReturnCode::PIN_LOCKED);
    assert!(client.user("app").locked);
    cluster.heal(1);
    assert_eq!(guess(&mut client, APP), ReturnCode::PIN_LOCKED, "still");
    let mut officer = cluster.officer("admin", 4);
    officer.ask(change_password(Role::CryptoUser, "app", APP)).unwrap();
    assert_eq!(guess(&mut client, APP), ReturnCode::OK, "a new password ends what is in memory, too");
}

/// A right password tells nothing on a store that refuses to count the wrong ones.
#[test]
fn guesses_are_counted_when_nothing_can_be_committed() {
    let cluster = cluster(Profile::Standard, 1);
    let mut client = cluster.client(0, 1);
    guess_wrong(&mut client, 3);
    cluster.ledger.broken.store(true, Ordering::Relaxed);
    guess_wrong(&mut client, limits::MAX_LOGIN_FAILURES - 3);
    assert_eq!(guess(&mut client, APP), ReturnCode::PIN_LOCKED);
    cluster.ledger.broken.store(false, Ordering::Relaxed);
    assert_eq!(guess(&mut client, APP), ReturnCode::PIN_LOCKED);
}

#[test]
fn a_right_password_still_works_when_nothing_can_be_committed_and_resets_nothing() {
    let cluster = cluster(Profile::Standard, 1);
    let mut client = cluster.client(0, 1);
    guess_wrong(&mut client, 3);
    cluster.ledger.broken.store(true, Ordering::Relaxed);
    assert_eq!(guess(&mut client, APP), ReturnCode::OK);
    cluster.ledger.broken.store(false, Ordering::Relaxed);
    guess_wrong(&mut client, limits::MAX_LOGIN_FAILURES - 3);
    assert_eq!(guess(&mut client, APP), ReturnCode::PIN_LOCKED);
}

/// Many guesses at once: no more wrong ones are told apart from right ones than the limit says.
#[test]
fn many_guesses_at_once_are_counted_each() {
    for profile in [Profile::CloudHsm, Profile::Standard] {
        let cluster = cluster(profile, 1);
        let told = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..16 {
                let (cluster, told) = (&cluster, &told);
                scope.spawn(move || {
                    let mut client = cluster.client(0, thread);
                    for _ in 0..4 {
                        match guess(&mut client, WRONG) {
                            ReturnCode::PIN_INCORRECT => told.fetch_add(1, Ordering::Relaxed),
                            code => {
                                assert_eq!(code, ReturnCode::PIN_LOCKED);
                                0
                            }
                        };
                    }
                });
            }
        });
        assert_eq!(told.into_inner(), PasswordLimits::of(profile).failures as usize, "{profile}");
    }
}

#[test]
fn right_passwords_at_once_lock_nobody_out() {
    let cluster = cluster(Profile::CloudHsm, 1);
    guess_wrong(&mut cluster.client(0, 99), 5);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let cluster = &cluster;
            scope.spawn(move || assert_eq!(guess(&mut cluster.client(0, thread), APP), ReturnCode::OK));
        }
    });
    assert!(!cluster.client(0, 99).user("app").locked);
}

/// One's own change of password isn't an officer's.
#[test]
fn a_locked_user_doesnt_unlock_itself() {
    let cluster = cluster(Profile::Standard, 1);
    let mut app = cluster.app(1);
    guess_wrong(&mut cluster.client(0, 2), limits::MAX_LOGIN_FAILURES);
    app.ask(change_password(Role::CryptoUser, "app", "next-password")).unwrap();
    assert_eq!(guess(&mut cluster.client(0, 2), "next-password"), ReturnCode::PIN_LOCKED);
    cluster.officer("admin", 3).ask(change_password(Role::CryptoUser, "app", APP)).unwrap();
    assert_eq!(guess(&mut cluster.client(0, 2), APP), ReturnCode::OK);
}

#[test]
fn officers_are_locked_and_unlocked_by_another() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut client = cluster.client(0, 1);
    for _ in 0..6 {
        assert_eq!(client.code(Request::Login(login(Role::Admin, "olga", WRONG))), ReturnCode::PIN_INCORRECT);
    }
    let right = Request::Login(login(Role::Admin, "olga", OFFICER));
    assert_eq!(client.code(right.clone()), ReturnCode::PIN_LOCKED);
    cluster.officer("admin", 2).ask(change_password(Role::Admin, "olga", OFFICER)).unwrap();
    assert_eq!(client.code(right), ReturnCode::OK);
}

/// The old password's ticket isn't renewed into the new password's time.
#[test]
fn a_ticket_of_the_old_password_is_void_on_every_node() {
    let cluster = cluster(Profile::Standard, 2);
    let mut app = cluster.client(0, 1);
    let ticket = app.login(Role::CryptoUser, Some("app"), APP).unwrap();
    cluster.officer("admin", 2).ask(change_password(Role::CryptoUser, "app", "next-password")).unwrap();
    for node in 0..2 {
        let mut client = cluster.client(node, 1);
        let attach = Some(Attach::Ticket(ticket.clone()));
        let envelope = Envelope { attach, session: 1, extras: None, request: Request::Renew };
        let reply = client.connection.handle(envelope);
        assert!(reply.detached);
        assert_eq!(reply.result.unwrap_err().code, ReturnCode::USER_NOT_LOGGED_IN);
    }
}
