//! The quirk `unique-ids` through the module: no two keys have the same `CKA_ID` (cloudhsm.md 4.2; 14, item 64).

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{P256, Raw, Rv, Session, Template};

const TAKEN: Rv<()> = Err(ReturnCode::ATTRIBUTE_VALUE_INVALID);

fn aes(session: &Session<'_>, token: bool, id: &[u8]) -> Rv<CK_OBJECT_HANDLE> {
    let template = Template::new().placed(token, "key").bytes(CKA_ID, id).number(CKA_VALUE_LEN, 32);
    session.generate(CKM_AES_KEY_GEN, &template)
}

fn imported(session: &Session<'_>, id: &[u8]) -> Rv<()> {
    let template = Template::key(CKO_SECRET_KEY, CKK_AES).placed(true, "imported").bytes(CKA_VALUE, [1; 32]);
    session.create(&template.bytes(CKA_ID, id)).map(drop)
}

fn pair(session: &Session<'_>, id: &[u8]) -> Rv<()> {
    let half = || Template::new().placed(true, "pair").bytes(CKA_ID, id);
    session.generate_pair(CKM_EC_KEY_PAIR_GEN, &half().bytes(CKA_EC_PARAMS, P256), &half()).map(drop)
}

#[test]
fn a_second_key_with_an_id_is_refused() {
    alone(|| {
        let cluster =
            Cluster::builder().profile("cloudhsm").option("--quirk", "unique-ids=on").nodes(2).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let first = aes(&session, true, b"one").expect("a key");
        assert_eq!(aes(&session, true, b"one").map(drop), TAKEN);
        assert_eq!(aes(&session, false, b"one").map(drop), TAKEN);
        assert_eq!(imported(&session, b"one"), TAKEN);
        assert_eq!(pair(&session, b"one"), TAKEN);
        pair(&session, b"two").expect("both halves have the same id");
        assert_eq!(pair(&session, b"two"), TAKEN);
        aes(&session, true, b"").expect("a key without an id");
        aes(&session, true, b"").expect("another");
        // Nothing came of what was refused, and what is free again can be taken.
        assert_eq!(session.find(&Template::new().bytes(CKA_ID, b"one")).map(|found| found.len()), Ok(1));
        session.destroy(first).expect("C_DestroyObject");
        imported(&session, b"one").expect("an id that is free again");
        raw.finalize().expect("C_Finalize");
    });
}
