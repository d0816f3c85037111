//! Users' names, passwords and number, and officers who change them at once: by the command line and through the module
//! (cloudhsm.md 2.3; items 19 to 21 and 24 to 26).

use std::thread;
use std::time::Duration;

use serde_json::Value;
use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run_any, wait_until};
use strongroom_tests::alone;
use strongroom_tests::conversation::{Answer, Conversation};
use strongroom_tests::raw::Raw;

const PROFILES: [&str; 3] = ["standard", "strict", "cloudhsm"];

fn cluster(profile: &str) -> Cluster {
    let people = Cluster::builder().officer_password("officers-secret").crypto_user("alice", "alices-secret");
    people.profile(profile).start()
}

fn officer(cluster: &Cluster) -> Conversation {
    Conversation::of(cluster, cluster.folder(), "admin", "admin", "officers-secret")
}

/// What `strongroom WORD...` prints for the officer, whose words may have anything in them.
fn by_officer(cluster: &Cluster, words: &[&str]) -> Answer {
    let mut command = cluster.strongroom(words);
    command.env("STRONGROOM_ROLE", "admin").env("STRONGROOM_PIN", "admin:officers-secret");
    let finished = run_any(&mut command);
    let mut printed: Value = serde_json::from_str(&finished.stdout())
        .unwrap_or_else(|error| panic!("{words:?}: {error}: {}", finished.report()));
    match finished.success() {
        true => Ok(printed["data"].take()),
        false => Err(printed["data"].as_str().expect("a sentence").to_string()),
    }
}

fn create(cluster: &Cluster, name: &str, password: &str) -> Answer {
    let words = ["user", "create", "--username", name, "--role", "crypto-user", "--password", password];
    by_officer(cluster, &words)
}

fn names(cluster: &Cluster) -> Vec<String> {
    let listed = by_officer(cluster, &["user", "list"]).expect("the users");
    let users = listed["users"].as_array().expect("users").iter();
    users.map(|user| user["username"].as_str().expect("a name").to_string()).collect()
}

/// Every character of ASCII but NUL, which no argument can have, and some that aren't.
fn odd_characters() -> Vec<char> {
    let fine = |c: &char| c.is_ascii_alphanumeric() || "_-.".contains(*c);
    let ascii = (1..128u8).map(char::from).filter(|c| !fine(c));
    ascii.chain("\u{80}é߀ａ😀\u{200b}\u{202e}\u{feff}\u{fffd}\u{301}".chars()).collect()
}

/// Item 19. A name that isn't one is refused with a sentence, printed on one line, and nothing has changed.
#[test]
fn names_with_odd_characters_are_refused() {
    let cluster = cluster("standard");
    let before = names(&cluster);
    let odd = odd_characters();
    assert!(odd.len() > 70);
    for c in &odd {
        for name in [format!("{c}"), format!("a{c}b")] {
            let refused = create(&cluster, &name, "some-secret").expect_err(&name);
            assert!(!refused.is_empty() && refused.len() < 400, "{name:?}: {refused}");
            assert!(refused.contains("a user name has 1 to 31 letters") || c == &'-', "{name:?}: {refused}");
        }
    }
    for name in ["", "a23456789012345678901234567890bc", &"x".repeat(10_000)] {
        assert!(create(&cluster, name, "some-secret").unwrap_err().contains("1 to 31"), "{name:?}");
    }
    assert_eq!(names(&cluster), before);
    // What is fine, in any case; shown in lower case.
    for name in ["a23456789012345678901234567890b", "B_b", "0", "x.y-z"] {
        assert_eq!(create(&cluster, name, "some-secret").expect(name)["username"], name.to_lowercase());
        assert!(names(&cluster).contains(&name.to_lowercase()));
        assert!(create(&cluster, &name.to_uppercase(), "some-secret").is_err(), "{name} twice");
    }
}

/// The same names, and no names at all, in PINs: nobody has one, and nothing breaks.
#[test]
fn odd_names_in_pins_are_wrong_pins() {
    alone(|| {
        let cluster = cluster("cloudhsm");
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        for c in odd_characters() {
            for pin in
                [format!("{c}:alices-secret"), format!("alice{c}:alices-secret"), format!("al{c}ice:x")]
            {
                assert_eq!(session.login(&pin), Err(ReturnCode::PIN_INCORRECT), "{pin:?}");
            }
        }
        for pin in
            ["", ":", "alice", "alice:", ":alices-secret", "alice:alices-secret\0", "alice\0:alices-secret"]
        {
            assert_eq!(session.login(pin), Err(ReturnCode::PIN_INCORRECT), "{pin:?}");
        }
        assert_eq!(
            session.login_as(cryptoki_sys::CKU_USER, b"al\xffice:alices-secret"),
            Err(ReturnCode::PIN_INCORRECT)
        );
        // The empty ones after `alice:` count as guesses, and are fewer than lock.
        session.login("ALICE:alices-secret").expect("alice's login");
    });
}

/// Item 20, and A40: everything behind the first colon is the password, byte for byte.
#[test]
fn passwords_may_have_colons_spaces_and_letters_of_any_language() {
    const ODD: [&str; 9] = [
        "with:colons::in:it",
        ":begins-with-one",
        "  blanks around it  ",
        "tab\tand \"quotes' $HOME `id`",
        "back\\slash\\n%s{}",
        "Käse-Öl-ẞ-пароль",
        "パスワード秘密",
        "🔑🔑🔑",
        "-begins-with-a-dash",
    ];
    alone(|| {
        for profile in PROFILES {
            let cluster = cluster(profile);
            let fits = |password: &&&str| profile != "cloudhsm" || (8..=32).contains(&password.len());
            for (number, password) in ODD.iter().filter(fits).enumerate() {
                let name = format!("u{number}");
                let given = format!("--password={password}");
                let words = ["user", "create", "--username", &name, "--role", "crypto-user", &given];
                by_officer(&cluster, &words).unwrap_or_else(|why| panic!("{profile}: {password}: {why}"));
            }
            let raw = Raw::start(&cluster);
            let session = raw.open().expect("C_OpenSession");
            for (number, password) in ODD.iter().filter(fits).enumerate() {
                let pin = format!("u{number}:{password}");
                for wrong in [format!("{pin} "), format!("{pin}\u{1}"), pin.to_uppercase()] {
                    if wrong != pin && wrong.to_lowercase() != pin {
                        assert_eq!(session.login(&wrong), Err(ReturnCode::PIN_INCORRECT), "{wrong:?}");
                    }
                }
                session.login(&pin).unwrap_or_else(|code| panic!("{profile}: {pin:?}: {code}"));
                session.logout().expect("C_Logout");
                // And by the command, in the environment.
                let mut command = cluster.strongroom(&["key", "list"]);
                command.env("STRONGROOM_ROLE", "crypto-user").env("STRONGROOM_PIN", &pin);
                run_any(&mut command).expect_success();
            }
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// Item 20: the limits; and it's the case that counts.
#[test]
fn passwords_have_limits() {
    let cluster = cluster("cloudhsm");
    for (len, may) in [(0, false), (6, false), (32, true), (33, false), (10_000, false)] {
        let outcome = create(&cluster, &format!("p{len}"), &"Aa1".repeat(len)[..len]);
        assert_eq!(outcome.is_ok(), may, "{len} bytes: {outcome:?}");
    }
    assert!(names(&cluster).contains(&"p32".to_string()) && !names(&cluster).contains(&"p33".to_string()));
}

/// Two officers set a user's password at the same time, again and again: each is told what came of it, and one of the
/// two passwords is the user's then.
#[test]
fn two_officers_change_one_user_at_once() {
    let cluster = cluster("standard");
    let words = ["user", "create", "--username", "otto", "--role", "admin", "--password", "ottos-secret"];
    by_officer(&cluster, &words).expect("an officer");
    let logged_in =
        |name: &str, password: &str| Conversation::of(&cluster, cluster.folder(), "admin", name, password);
    let mut officers = [logged_in("admin", "officers-secret"), logged_in("otto", "ottos-secret")];
    let user = "--username alice --role crypto-user";
    let mut succeeded = 0;
    for round in 0..15 {
        let answers: Vec<Answer> = thread::scope(|scope| {
            let asked: Vec<_> = officers
                .iter_mut()
                .enumerate()
                .map(|(number, officer)| {
                    let command = format!("user change-password {user} --password secret-{round}-{number}");
                    scope.spawn(move || officer.say(&command))
                })
                .collect();
            asked.into_iter().map(|one| one.join().expect("an officer")).collect()
        });
        for answer in &answers {
            match answer {
                Ok(data) => assert_eq!(data["username"], "alice"),
                Err(refusal) => {
                    assert!(refusal.contains("meanwhile") || refusal.contains("CKR_"), "{refusal}")
                }
            }
        }
        succeeded += answers.iter().filter(|answer| answer.is_ok()).count();
        let works = |number: usize| {
            let mut command = cluster.strongroom(&["key", "list"]);
            let pin = format!("alice:secret-{round}-{number}");
            command.env("STRONGROOM_ROLE", "crypto-user").env("STRONGROOM_PIN", pin);
            run_any(&mut command).success()
        };
        let working: Vec<usize> = (0..2).filter(|number| works(*number)).collect();
        assert_eq!(working.len(), 1, "round {round}: {answers:?}");
        assert!(answers[working[0]].is_ok(), "round {round}: the password of who was refused holds");
    }
    assert!(succeeded >= 15);
    // One deletes, the other changes: whatever comes first, the end is a whole state.
    let [first, second] = &mut officers;
    let (deleted, changed) = thread::scope(|scope| {
        let deleting = scope.spawn(|| first.say(&format!("user delete {user}")));
        let changing =
            scope.spawn(|| second.say(&format!("user change-password {user} --password another-one")));
        (deleting.join().expect("an officer"), changing.join().expect("an officer"))
    });
    let is_there = names(&cluster).contains(&"alice".to_string());
    assert_eq!(deleted.is_err(), is_there, "{deleted:?}, {changed:?}");
    assert!(deleted.is_ok() || changed.is_ok(), "{deleted:?}, {changed:?}");
}

/// Item 25: under `cloudhsm` nobody changes or deletes a user who is logged in through the module.
#[test]
fn under_cloudhsm_who_is_logged_in_through_the_module_stays_as_it_is() {
    alone(|| {
        let cluster = cluster("cloudhsm");
        let mut admin = officer(&cluster);
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        let user = "--username alice --role crypto-user";
        let change = format!("user change-password {user} --password another-secret");
        let delete = format!("user delete {user}");
        for again in 0..2 {
            session.login(cluster.pin_of("alice")).expect("alice's login");
            let key = session.aes(false, "a session key").expect("a key");
            for command in [&change, &delete] {
                let refused = admin.fails(command);
                assert!(refused.contains("alice is logged in: wait until it has logged out"), "{refused}");
            }
            session.attribute(key, cryptoki_sys::CKA_LABEL).expect("the login is as it was");
            if again == 0 {
                session.logout().expect("C_Logout");
            }
        }
        // A program that ends has logged out, as soon as the node has seen that it's gone.
        raw.finalize().expect("C_Finalize");
        wait_until("alice to be logged out", Duration::from_secs(10), || admin.say(&change).is_ok());
        raw.initialize().expect("C_Initialize");
        let session = raw.open().expect("C_OpenSession");
        assert_eq!(session.login(cluster.pin_of("alice")), Err(ReturnCode::PIN_INCORRECT));
        session.login("alice:another-secret").expect("alice's login");
        session.logout().expect("C_Logout");
        admin.must(&delete);
        assert_eq!(session.login("alice:another-secret"), Err(ReturnCode::PIN_INCORRECT));
    });
}

/// Items 24 and 26 through the module: `C_SetPIN` takes the old one, an officer doesn't need it; who owns keys stays.
#[test]
fn passwords_change_and_owners_stay() {
    alone(|| {
        for profile in PROFILES {
            let cluster = cluster(profile);
            let mut admin = officer(&cluster);
            let raw = Raw::start(&cluster);
            let session = raw.open().expect("C_OpenSession");
            session.login(cluster.pin_of("alice")).expect("alice's login");
            let key = session.aes(true, "hers").expect("a key");
            session.logout().expect("C_Logout");
            let user = "--username alice --role crypto-user";
            let refused = admin.fails(&format!("user delete {user}"));
            assert!(refused.contains("alice owns keys"), "{refused}");
            admin.must(&format!("user change-password {user} --password another-secret"));
            assert_eq!(session.login(cluster.pin_of("alice")), Err(ReturnCode::PIN_INCORRECT), "{profile}");
            session.login("alice:another-secret").expect("alice's login");
            session.destroy(key).expect("C_DestroyObject");
            session.logout().expect("C_Logout");
            admin.must(&format!("user delete {user}"));
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// Item 21: user number 1,025 is refused, also when several officers make users at once, and there's room again when one goes.
#[test]
fn there_are_1024_users_at_most() {
    const OFFICERS: usize = 4;
    let cluster = cluster("standard");
    // The officer and alice are there.
    let wanted = strongroom_model::limits::MAX_USERS - 2;
    let made: usize = thread::scope(|scope| {
        let making: Vec<_> = (0..OFFICERS)
            .map(|part| {
                let cluster = &cluster;
                scope.spawn(move || {
                    let mut admin = officer(cluster);
                    let commands: Vec<String> = (part..wanted + OFFICERS)
                        .step_by(OFFICERS)
                        .map(|number| {
                            format!(
                                "user create --username u{number} --role crypto-user --password some-secret"
                            )
                        })
                        .collect();
                    let answers = admin.say_all(&commands);
                    let refused = |answer: &Answer| {
                        answer
                            .as_ref()
                            .is_err_and(|why| why.contains("the cluster has 1024 users: delete some"))
                    };
                    assert!(answers.iter().all(|answer| answer.is_ok() || refused(answer)));
                    answers.into_iter().filter(Result::is_ok).count()
                })
            })
            .collect();
        making.into_iter().map(|part| part.join().expect("an officer")).sum()
    });
    assert_eq!(made, wanted);
    // The appliance user doesn't count.
    assert_eq!(names(&cluster).len(), 1025);
    assert!(create(&cluster, "late", "some-secret").unwrap_err().contains("1024 users"));
    let words = ["user", "delete", "--username", "u0", "--role", "crypto-user"];
    by_officer(&cluster, &words).expect("a deletion");
    create(&cluster, "late", "some-secret").expect("room for one");
    assert!(create(&cluster, "later", "some-secret").is_err());
}
