//! What CloudHSM's file says of the module's log (cloudhsm.md 8.1).

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Deserialize;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// What CloudHSM's file says of the module's log. `STRONGROOM_LOG` goes before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Logging {
    /// `term` or `file`.
    pub log_type: Option<String>,
    /// The file.
    pub log_file: Option<PathBuf>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: Option<String>,
    /// `daily` or `hourly`: a file for each day or hour, in UTC, whose name ends in it. Anything else: one file.
    pub log_interval: Option<String>,
}

impl Logging {
    /// The file for what is logged at an instant, in seconds since 1970; `None` if it goes to no file, or to one that
    /// isn't named from the root.
    pub fn file_at(&self, seconds: u64) -> Option<PathBuf> {
        let file = self.log_file.as_ref().filter(|_| self.log_type.as_deref() != Some("term"))?;
        let (year, month, day) = date(seconds);
        let period = match self.log_interval.as_deref() {
            Some("daily") => format!(".{year:04}-{month:02}-{day:02}"),
            Some("hourly") => format!(".{year:04}-{month:02}-{day:02}-{:02}", seconds % DAY / HOUR),
            _ => String::new(),
        };
        let mut name = OsString::from(file);
        name.push(period);
        Some(PathBuf::from(name)).filter(|file| file.is_absolute())
    }
}

/// Year, month and day of an instant, in seconds since 1970, in UTC.
pub fn date(seconds: u64) -> (u64, u64, u64) {
    // Years that begin in March have the leap day at their end; eras of 400 years are all alike.
    let days = seconds / DAY + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_has_a_file_of_its_own() {
        let log = |interval: Option<&str>, file: &str| Logging {
            log_file: Some(file.into()),
            log_interval: interval.map(str::to_owned),
            ..Logging::default()
        };
        // 2024-02-29 23:59:59.
        let at = 1_709_251_199;
        let name = |interval, at| log(interval, "/x/y.log").file_at(at).unwrap().display().to_string();
        assert_eq!(name(Some("daily"), at), "/x/y.log.2024-02-29");
        assert_eq!(name(Some("daily"), at + 1), "/x/y.log.2024-03-01");
        assert_eq!(name(Some("hourly"), at), "/x/y.log.2024-02-29-23");
        assert_eq!(name(Some("hourly"), at + 1), "/x/y.log.2024-03-01-00");
        for one in [Some("never"), Some("weekly"), None] {
            assert_eq!(name(one, at), "/x/y.log");
        }
        assert_eq!(log(None, "y.log").file_at(at), None);
        let term = Logging { log_type: Some("term".to_owned()), ..log(None, "/x/y.log") };
        assert_eq!(term.file_at(at), None);
    }
}
