//! Slots, tokens and mechanisms.

use cryptoki_sys::{
    CK_FLAGS, CK_INFO, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_SLOT_ID, CK_SLOT_INFO, CK_TOKEN_INFO,
    CK_UNAVAILABLE_INFORMATION, CK_VERSION, CKF_HW_SLOT, CKF_LOGIN_REQUIRED, CKF_REMOVABLE_DEVICE, CKF_RNG,
    CKF_TOKEN_INITIALIZED, CKF_TOKEN_PRESENT, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_INITIALIZED,
    CKF_USER_PIN_LOCKED,
};
use strongroom_model::{Error, Limits, Profile, Result, ReturnCode};
use strongroom_wire::ClusterInfo;

use crate::abi::{Dest, List};
use crate::login::MAX_PIN;
use crate::module::Module;

const MANUFACTURER: &str = "Strongroom";
/// Of the module and of the software that nodes run, which come together.
const VERSION: CK_VERSION = CK_VERSION {
    major: decimal(env!("CARGO_PKG_VERSION_MAJOR")),
    minor: decimal(env!("CARGO_PKG_VERSION_MINOR")),
};

/// For `C_GetInfo`.
pub(crate) fn module_info() -> CK_INFO {
    CK_INFO {
        cryptokiVersion: CK_VERSION { major: 3, minor: 2 },
        manufacturerID: padded(MANUFACTURER),
        flags: 0,
        libraryDescription: padded("Strongroom software HSM cluster"),
        libraryVersion: VERSION,
    }
}

/// `C_GetSlotList`.
pub(crate) fn list(module: &Module, present: bool, list: List<CK_SLOT_ID>) -> Result<()> {
    list.check()?;
    let slots = module.slots().iter().filter(|slot| !present || slot.is_present());
    let ids: Vec<_> = slots.map(|slot| slot.id() as CK_SLOT_ID).collect();
    list.fill(&ids)
}

/// `C_GetSlotInfo`.
pub(crate) fn slot_info(module: &Module, slot: CK_SLOT_ID, info: Dest<CK_SLOT_INFO>) -> Result<()> {
    info.check()?;
    let slot = module.slot(slot)?;
    // A token that can't be taken out is always there, says the standard. Clients poll slots that are
    // called removable, so one is called that only as long as there is something to wait for.
    let presence = if slot.is_present() { CKF_TOKEN_PRESENT } else { CKF_REMOVABLE_DEVICE };
    let name = slot.connected().map_or("no configuration", |client| client.config().name.as_str());
    info.put(CK_SLOT_INFO {
        slotDescription: padded(&format!("Strongroom cluster {name}")),
        manufacturerID: padded(MANUFACTURER),
        flags: CKF_HW_SLOT | presence,
        hardwareVersion: VERSION,
        firmwareVersion: VERSION,
    })
}

/// `C_GetTokenInfo`.
pub(crate) fn token_info(module: &Module, slot: CK_SLOT_ID, info: Dest<CK_TOKEN_INFO>) -> Result<()> {
    info.check()?;
    let slot = module.slot(slot)?;
    let cluster = slot.probe()?;
    let (read_only, read_write) = slot.desk.sessions();
    let limits = Limits::of(cluster.profile);
    info.put(CK_TOKEN_INFO {
        label: padded(&cluster.label),
        manufacturerID: padded(MANUFACTURER),
        model: padded("HSM cluster"),
        serialNumber: padded(&cluster.serial),
        flags: token_flags(&cluster),
        ulMaxSessionCount: limits.sessions as u64,
        ulSessionCount: (read_only + read_write) as u64,
        ulMaxRwSessionCount: limits.sessions as u64,
        ulRwSessionCount: read_write as u64,
        ulMaxPinLen: MAX_PIN as u64,
        ulMinPinLen: cluster.min_password.into(),
        ulTotalPublicMemory: CK_UNAVAILABLE_INFORMATION,
        ulFreePublicMemory: CK_UNAVAILABLE_INFORMATION,
        ulTotalPrivateMemory: CK_UNAVAILABLE_INFORMATION,
        ulFreePrivateMemory: CK_UNAVAILABLE_INFORMATION,
        hardwareVersion: VERSION,
        firmwareVersion: VERSION,
        // There is no CKF_CLOCK_ON_TOKEN.
        utcTime: padded(""),
    })
}

/// `C_GetMechanismList`.
pub(crate) fn mechanisms(module: &Module, slot: CK_SLOT_ID, list: List<CK_MECHANISM_TYPE>) -> Result<()> {
    list.check()?;
    let kinds: Vec<_> = module.slot(slot)?.mechanisms()?.iter().map(|entry| entry.kind).collect();
    list.fill(&kinds)
}

/// `C_GetMechanismInfo`.
pub(crate) fn mechanism_info(
    module: &Module,
    slot: CK_SLOT_ID,
    kind: CK_MECHANISM_TYPE,
    info: Dest<CK_MECHANISM_INFO>,
) -> Result<()> {
    info.check()?;
    let entries = module.slot(slot)?.mechanisms()?;
    let Some(entry) = entries.iter().find(|entry| entry.kind == kind) else {
        let message = format!("the cluster has no mechanism {kind:#x}");
        return Err(Error::new(ReturnCode::MECHANISM_INVALID, message));
    };
    info.put(CK_MECHANISM_INFO {
        ulMinKeySize: entry.min_key,
        ulMaxKeySize: entry.max_key,
        flags: entry.flags,
    })
}

/// What a token may be told by (clients.md, trap 7).
fn token_flags(cluster: &ClusterInfo) -> CK_FLAGS {
    let has_users = cluster.default_user.is_some() || cluster.profile == Profile::CloudHsm;
    let flags = [
        (true, CKF_RNG | CKF_LOGIN_REQUIRED),
        (cluster.initialized, CKF_TOKEN_INITIALIZED),
        (cluster.initialized && has_users, CKF_USER_PIN_INITIALIZED),
        (cluster.default_user_failing, CKF_USER_PIN_COUNT_LOW),
        (cluster.default_user_locked, CKF_USER_PIN_LOCKED),
    ];
    flags.into_iter().filter(|(holds, _)| *holds).fold(0, |all, (_, flag)| all | flag)
}

/// A text padded with spaces; what doesn't fit is cut off between characters.
fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    let ends = text.char_indices().map(|(start, character)| start + character.len_utf8());
    let len = ends.take_while(|end| *end <= N).last().unwrap_or(0);
    field[..len].copy_from_slice(&text.as_bytes()[..len]);
    field
}

const fn decimal(digits: &str) -> u8 {
    let digits = digits.as_bytes();
    let (mut number, mut at) = (0, 0);
    while at < digits.len() {
        number = number * 10 + (digits[at] - b'0');
        at += 1;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_padded_with_spaces() {
        assert_eq!(&padded::<6>("abc"), b"abc   ");
        assert_eq!(&padded::<2>("abc"), b"ab");
        assert_eq!(&padded::<4>("ab\u{20ac}"), b"ab  ");
        assert_eq!(decimal("12"), 12);
    }

    #[test]
    fn a_token_says_what_it_needs() {
        let mut cluster = ClusterInfo {
            name: "default".to_owned(),
            label: "default".to_owned(),
            serial: "0123456789abcdef".to_owned(),
            profile: Profile::Standard,
            variant: Default::default(),
            initialized: false,
            default_user: None,
            default_user_failing: false,
            default_user_locked: false,
            min_password: 4,
            max_password: 255,
            members: Vec::new(),
            epoch: 0,
        };
        assert_eq!(token_flags(&cluster), CKF_RNG | CKF_LOGIN_REQUIRED);
        cluster.initialized = true;
        assert_eq!(token_flags(&cluster) & CKF_USER_PIN_INITIALIZED, 0);
        cluster.profile = Profile::CloudHsm;
        let ready = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;
        assert_eq!(token_flags(&cluster), ready);
        cluster.default_user = "app".parse().ok();
        cluster.default_user_locked = true;
        assert_eq!(token_flags(&cluster), ready | CKF_USER_PIN_LOCKED);
    }
}
