//! Rows of attacks.md about keys, through the module under each profile: A1 to A14, A16 to A18, A20 to A27 and A38. A15 is in `wycheproof`
//! and `attacks_on_wrapping`, A15t in `crates/crypto/tests/contract/rsa_timing.rs`, A19 in `attacks`, A37 in `bad_input`.

mod deriving;
mod guards;
mod using;
mod wrapping;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, P256, Raw, Rv, Session, Template, Word};

const PROFILES: [&str; 3] = ["standard", "cloudhsm", "strict"];
const REFUSED: Rv<()> = Err(ReturnCode::TEMPLATE_INCONSISTENT);

/// Runs `attack` under each profile, in a session of the crypto user's.
fn under_each(attack: impl Fn(&str, &Session<'_>)) {
    for profile in PROFILES {
        let cluster = Cluster::builder().profile(profile).start();
        let raw = Raw::start(&cluster);
        attack(profile, &raw.logged_in(&cluster));
        raw.finalize().expect("C_Finalize");
    }
}

fn kwp() -> Mechanism {
    Mechanism::plain(CKM_AES_KEY_WRAP_KWP)
}

fn aes(session: &Session<'_>, more: Template) -> Rv<CK_OBJECT_HANDLE> {
    session.generate(CKM_AES_KEY_GEN, &more.number(CKA_VALUE_LEN, 32))
}

fn secret() -> Template {
    Template::key(CKO_SECRET_KEY, CKK_AES)
}

fn extractable() -> Template {
    Template::new().flag(CKA_EXTRACTABLE, true)
}

fn may(flags: &[CK_ATTRIBUTE_TYPE]) -> Template {
    Template::new().may(flags)
}
