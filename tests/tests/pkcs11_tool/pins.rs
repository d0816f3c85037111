//! Logins, changes of PINs, and a token that begins without users.

use strongroom_testkit::{Cluster, run, run_any};
use strongroom_tests::workbench::Workbench;

#[test]
fn a_wrong_pin_is_refused_and_the_right_one_still_works() {
    let cluster = Cluster::builder().crypto_user("app", "right:secret").start();
    let right = Workbench::new(&cluster);
    right.tool("--keypairgen --key-type EC:prime256v1 --id 01 --label mine");
    for pin in
        ["app:wrong-secret", "wrong-secret", "nobody:right:secret", "app:right:secre", "app:right:secret "]
    {
        let said = run_any(right.tool_as_nobody("--login --list-objects --pin").arg(pin)).expect_failure();
        assert!(said.output().contains("CKR_PIN_INCORRECT"), "{pin}: {}", said.report());
        assert_eq!(right.objects().len(), 2);
    }
}

#[test]
fn a_changed_pin_replaces_the_old_one() {
    let cluster = Cluster::builder().crypto_user("app", "first-secret").start();
    let first = Workbench::new(&cluster);
    first.tool("--keypairgen --key-type EC:prime256v1 --id 01 --label mine");
    let said = first.tool("--change-pin --new-pin app:second-secret");
    assert!(said.contains("PIN successfully changed"), "{said}");
    let refused = first.tool_fails("--list-objects");
    assert!(refused.contains("CKR_PIN_INCORRECT"), "{refused}");

    let second = Workbench::with_pin(&cluster, "app:second-secret");
    assert_eq!(second.objects().len(), 2);
    // A PIN without a name is the first crypto user's, as of a token that has one user.
    second.tool("--change-pin --new-pin third-secret");
    assert_eq!(Workbench::with_pin(&cluster, "third-secret").objects().len(), 2);
    assert_eq!(Workbench::with_pin(&cluster, "app:third-secret").objects().len(), 2);
    let short = Workbench::with_pin(&cluster, "third-secret").tool_fails("--change-pin --new-pin x");
    assert!(short.contains("CKR_PIN_LEN_RANGE"), "{short}");
}

#[test]
fn an_uninitialized_token_is_initialised_and_used() {
    let cluster = Cluster::uninitialized();
    let user = Workbench::with_pin(&cluster, "user-secret");
    let ask = |words: &str| run(&mut user.tool_as_nobody(words)).output();
    let refuse = |words: &str| run_any(&mut user.tool_as_nobody(words)).expect_failure().output();
    assert!(ask("--list-slots").contains("uninitialized"));
    user.tool_fails("--list-objects");

    ask("--init-token --label fresh --so-pin officer-secret");
    let slots = ask("--list-slots");
    assert!(slots.contains(": fresh\n") && !slots.contains("PIN initialized"), "{slots}");
    ask("--init-pin --login --so-pin officer-secret --new-pin user-secret");
    assert!(ask("--list-slots").contains("PIN initialized"));
    user.tool("--keypairgen --key-type rsa:2048 --id 01 --label mine");
    let tested = user.tool("--test");
    assert!(tested.contains("No errors"), "{tested}");

    // Again: only by the officer, and everything goes.
    let wrong = refuse("--init-token --label again --so-pin wrong-secret");
    assert!(wrong.contains("CKR_PIN_INCORRECT"), "{wrong}");
    assert_eq!(user.objects().len(), 2);
    ask("--init-token --label again --so-pin officer-secret");
    let nobody = user.tool_fails("--list-objects");
    assert!(nobody.contains("CKR_USER_PIN_NOT_INITIALIZED"), "{nobody}");
    let wrong = refuse("--init-pin --login --so-pin user-secret --new-pin other-secret");
    assert!(wrong.contains("CKR_PIN_INCORRECT"), "{wrong}");
    ask("--init-pin --login --so-pin officer-secret --new-pin other-secret");
    let other = Workbench::with_pin(&cluster, "other-secret");
    assert_eq!(other.objects().len(), 0);
    assert!(ask("--list-slots").contains(": again\n"));
}

#[test]
fn the_officer_sets_the_users_pin_and_changes_their_own() {
    let cluster =
        Cluster::builder().officer_password("officer-secret").crypto_user("app", "user-secret").start();
    let user = Workbench::new(&cluster);
    let ask = |words: &str| run(&mut user.tool_as_nobody(words)).output();
    ask("--login --login-type so --so-pin officer-secret --init-pin --new-pin reset-secret");
    let refused = user.tool_fails("--list-objects");
    assert!(refused.contains("CKR_PIN_INCORRECT"), "{refused}");
    assert_eq!(Workbench::with_pin(&cluster, "app:reset-secret").objects().len(), 0);

    ask("--login --login-type so --so-pin admin:officer-secret --change-pin --new-pin admin:new-secret");
    let old = "--login --login-type so --so-pin officer-secret --init-pin --new-pin again-secret";
    let refused = run_any(&mut user.tool_as_nobody(old)).expect_failure().output();
    assert!(refused.contains("CKR_PIN_INCORRECT"), "{refused}");
    ask(&old.replace("officer-secret", "new-secret"));
    assert_eq!(Workbench::with_pin(&cluster, "app:again-secret").objects().len(), 0);
}
