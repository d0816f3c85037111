//! Built-in objects: what a token says of itself by objects that nobody makes (PKCS#11 3.2 sections 4.3, 4.13 to 4.15).
//!
//! A profile object for each OASIS profile that the token meets, a mechanism object for each mechanism, and the node's clock. There
//! are no validation objects, since nobody has validated anything. They're found only by searches that name their class, so that
//! programs of older days don't stumble over them. The vendor's library is of version 2.40 and has none.

use cryptoki_sys::{
    CKH_CLOCK, CKP_AUTHENTICATION_TOKEN, CKP_BASELINE_PROVIDER, CKP_EXTENDED_PROVIDER,
    CKP_PUBLIC_CERTIFICATES_TOKEN,
};
use strongroom_model::{AttributeType as A, Attributes, Handle, ObjectClass, Profile, Regime};

use crate::rules::all_allowed;

/// The OASIS profiles that a token meets (PKCS #11 Profiles 3.1, section 2), under other profiles of ours than `cloudhsm`.
const PROFILES: [(u64, &str); 4] = [
    (CKP_BASELINE_PROVIDER, "Baseline Provider"),
    (CKP_EXTENDED_PROVIDER, "Extended Provider"),
    (CKP_AUTHENTICATION_TOKEN, "Authentication Token"),
    (CKP_PUBLIC_CERTIFICATES_TOKEN, "Public Certificates Token"),
];

/// All of them, by ascending handle. `now` is in seconds since 1970.
pub(crate) fn objects(regime: Regime, now: u64) -> Vec<(Handle, Attributes)> {
    if regime.profile == Profile::CloudHsm {
        return Vec::new();
    }
    let clock = (
        CKH_CLOCK,
        "Clock",
        Attributes::new().with(A::HW_FEATURE_TYPE, CKH_CLOCK).with(A::VALUE, date(now).as_bytes()),
    );
    let mut all = vec![built(ObjectClass::HwFeature, clock)];
    all.extend(all_allowed(regime).map(|allowed| {
        let kind = allowed.spec.kind.0;
        let attributes = Attributes::new().with(A::MECHANISM_TYPE, kind);
        built(ObjectClass::Mechanism, (kind, allowed.spec.name, attributes))
    }));
    all.extend(PROFILES.map(|(id, name)| {
        let attributes = Attributes::new().with(A::PROFILE_ID, id);
        built(ObjectClass::Profile, (id, name, attributes))
    }));
    all.sort_unstable_by_key(|(handle, _)| *handle);
    all
}

fn built(class: ObjectClass, (number, name, attributes): (u64, &str, Attributes)) -> (Handle, Attributes) {
    let handle = Handle(Handle::FIRST_BUILT_IN | class.to_ck() << 40 | number);
    let attributes = attributes
        .with(A::CLASS, class.to_ck())
        .with(A::TOKEN, true)
        .with(A::PRIVATE, false)
        .with(A::MODIFIABLE, false)
        .with(A::COPYABLE, false)
        .with(A::DESTROYABLE, false)
        .with(A::LABEL, name.as_bytes())
        .with(A::UNIQUE_ID, format!("{:032x}", handle.0).as_bytes());
    (handle, attributes)
}

/// `YYYYMMDDhhmmss00`, in UTC.
fn date(seconds: u64) -> String {
    let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let in_year = |year| if is_leap(year) { 366 } else { 365 };
    while days >= in_year(year) {
        days -= in_year(year);
        year += 1;
        if year > 9999 {
            return "9999123123595900".to_owned();
        }
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for len in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < len {
            break;
        }
        days -= len;
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{:02}{hour:02}{minute:02}{second:02}00", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_right() {
        assert_eq!(date(0), "1970010100000000");
        assert_eq!(date(951_782_399), "2000022823595900");
        assert_eq!(date(951_782_400), "2000022900000000");
        assert_eq!(date(1_735_689_599), "2024123123595900");
        assert_eq!(date(u64::MAX), "9999123123595900");
    }

    #[test]
    fn handles_are_one_of_a_kind_and_below_those_of_sessions() {
        let all = objects(Regime::of(Profile::Standard), 0);
        assert!(all.is_sorted_by(|one, other| one.0 < other.0));
        assert!(
            all.iter().all(|(handle, _)| (Handle::FIRST_BUILT_IN..Handle::MAX_TOKEN).contains(&handle.0))
        );
        assert!(objects(Regime::of(Profile::CloudHsm), 0).is_empty());
    }
}
