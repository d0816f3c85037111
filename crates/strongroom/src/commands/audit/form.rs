//! Records in CloudHSM's form.

use std::fmt::Write;

use strongroom_server::audit::Record;

/// The lines of a record (cloudhsm.md 9), with an empty one behind them.
pub(super) fn text(record: &Record) -> String {
    let mut text = format!("Time: {}, usecs:{}\n", time(record.time_usecs), record.time_usecs);
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(text, "{name} : {value}");
    };
    field("Version No", &record.version);
    field("Sequence No", &format!("{:#x}", record.sequence));
    field("Reboot counter", &format!("{:#x}", record.reboot_counter));
    field("Command Type(hex)", &record.command_type);
    field("Opcode", &record.opcode);
    if let Some(id) = record.user_id {
        field("User id", &id.to_string());
    }
    field("Session Handle", &format!("{:#x}", record.session_handle));
    field("Response", &record.response);
    field("Log type", &record.log_type);
    if let Some(name) = &record.user_name {
        field("User Name", name);
    }
    if let Some(kind) = &record.user_type {
        field("User Type", kind);
    }
    if let Some(handle) = record.secret_key_handle {
        field("Priv/Secret Key Handle", &handle.to_string());
    }
    if let Some(handle) = record.public_key_handle {
        field("Public Key Handle", &handle.to_string());
    }
    if let Some(note) = &record.note {
        field("Note", note);
    }
    text.push('\n');
    text
}

/// `MM/DD/YY HH:MM:SS.ffffff` in UTC.
pub(super) fn time(usecs: u64) -> String {
    let (seconds, fraction) = (usecs / 1_000_000, usecs % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!(
        "{month:02}/{day:02}/{:02} {:02}:{:02}:{:02}.{fraction:06}",
        year % 100,
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of a day since 1970, in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is a year's last; 400 of them have 146,097 days.
    let since_march_of_year_0 = days + 719_468;
    let (era, day_of_era) = (since_march_of_year_0 / 146_097, since_march_of_year_0 % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_the_vendor_writes_them() {
        assert_eq!(time(1_513_717_277_140_812), "12/19/17 21:01:17.140812");
        assert_eq!(time(0), "01/01/70 00:00:00.000000");
        assert_eq!(time(951_782_399_000_001), "02/28/00 23:59:59.000001");
        assert_eq!(time(951_782_400_000_000), "02/29/00 00:00:00.000000");
        assert_eq!(time(4_107_542_400_000_000), "03/01/00 00:00:00.000000");
    }

    #[test]
    fn a_record_has_the_vendors_lines() {
        let record = Record {
            hsm: "0123456789abcdef-0".into(),
            time_usecs: 1_513_717_277_140_812,
            version: "1.0".into(),
            sequence: 28,
            reboot_counter: 232,
            command_type: "CN_MGMT_CMD (0x0)".into(),
            opcode: "CN_LOGIN (0xd)".into(),
            user_id: Some(1),
            session_user: Some("admin:admin".into()),
            session_handle: 0x0100_4002,
            response: "0:HSM Return: SUCCESS".into(),
            log_type: "MGMT_USER_DETAILS_LOG (2)".into(),
            user_name: Some("admin".into()),
            user_type: Some("CN_CRYPTO_OFFICER (2)".into()),
            secret_key_handle: None,
            public_key_handle: None,
            note: None,
            previous: String::new(),
        };
        let expected = "\
Time: 12/19/17 21:01:17.140812, usecs:1513717277140812
Version No : 1.0
Sequence No : 0x1c
Reboot counter : 0xe8
Command Type(hex) : CN_MGMT_CMD (0x0)
Opcode : CN_LOGIN (0xd)
User id : 1
Session Handle : 0x1004002
Response : 0:HSM Return: SUCCESS
Log type : MGMT_USER_DETAILS_LOG (2)
User Name : admin
User Type : CN_CRYPTO_OFFICER (2)

";
        assert_eq!(text(&record), expected);
    }
}
