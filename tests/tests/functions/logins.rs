//! `C_LoginUser`: the user's name apart from the PIN.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Rv, Session, call};

fn log_in(raw: &Raw, session: Session<'_>, user: CK_USER_TYPE, pin: &str, name: &str) -> Rv<()> {
    let (pin_at, pin_len) = (pin.as_ptr().cast_mut(), pin.len() as u64);
    let (name_at, name_len) = (name.as_ptr().cast_mut(), name.len() as u64);
    call!(raw.newest(), C_LoginUser(session.handle, user, pin_at, pin_len, name_at, name_len))
}

#[test]
fn a_name_of_its_own_goes_with_a_password_that_may_have_colons() {
    alone(|| {
        let cluster = Cluster::builder().crypto_user("app", "a:b:c").crypto_user("other", "other").start();
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        let log_in = |user, pin, name| log_in(&raw, session, user, pin, name);
        assert_eq!(log_in(CKU_USER, "a:b:c", "nobody"), Err(ReturnCode::PIN_INCORRECT));
        assert_eq!(log_in(CKU_USER, "app:a:b:c", "app"), Err(ReturnCode::PIN_INCORRECT));
        assert_eq!(log_in(CKU_USER, "a:b:c", "not a name"), Err(ReturnCode::PIN_INCORRECT));
        assert_eq!(log_in(77, "a:b:c", "app"), Err(ReturnCode::USER_TYPE_INVALID));
        log_in(CKU_USER, "a:b:c", "app").expect("C_LoginUser");
        assert_eq!(session.state(), Ok(CKS_RW_USER_FUNCTIONS));
        assert_eq!(log_in(CKU_USER, "a:b:c", "app"), Err(ReturnCode::USER_ALREADY_LOGGED_IN));
        assert_eq!(log_in(CKU_USER, "other", "other"), Err(ReturnCode::USER_ANOTHER_ALREADY_LOGGED_IN));
        session.logout().expect("C_Logout");
        log_in(CKU_USER, "other", "OTHER").expect("names are spelled in any case");
        session.logout().expect("C_Logout");
        log_in(CKU_USER, "other:other", "").expect("without a name it's C_Login");
        session.logout().expect("C_Logout");
        log_in(CKU_SO, cluster.officer_password(), "admin").expect("the officer");
        assert_eq!(session.state(), Ok(CKS_RW_SO_FUNCTIONS));
    });
}
