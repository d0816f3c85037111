//! Plays a case, call by call.

use std::collections::BTreeMap;
use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Template, call};
use strongroom_tests::workbench::{hex, unhex};

use super::case::{Item, Step};
use super::names::{attribute, flags, mechanism, value};

/// What calls give out: numbers, or bytes in hex; more than one thing may have the same name.
type Results = Vec<(String, String)>;

/// A case under way.
pub(crate) struct Player<'a> {
    functions: &'a CK_FUNCTION_LIST_3_2,
    known: BTreeMap<String, String>,
}

impl<'a> Player<'a> {
    /// With the 3.2 function list, and values that the case doesn't say.
    pub(crate) fn new<const N: usize>(raw: &'a Raw, given: [(&str, &str); N]) -> Self {
        let known = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { functions: raw.functions_3_2(), known }
    }

    /// A value that came out under a name.
    pub(crate) fn value(&self, name: &str) -> &str {
        &self.known[name]
    }

    /// Plays all steps.
    ///
    /// # Panics
    ///
    /// When one answers something else than the case says.
    pub(crate) fn play(&mut self, steps: &[Step]) {
        for step in steps {
            let said = self.call(step);
            let code = said.as_ref().map_or_else(|code| *code, |_| ReturnCode(CKR_OK));
            assert_eq!(code.to_string(), format!("CKR_{}", step.code), "{step:?}");
            for wanted in &step.results {
                self.compare(step, wanted, said.as_deref().unwrap_or_default());
            }
        }
    }

    fn compare(&mut self, step: &Step, wanted: &Item, results: &[(String, String)]) {
        let mut given = results.iter().filter(|(name, _)| *name == wanted.name).map(|(_, value)| value);
        if wanted.name == "has" {
            let kind = mechanism(&wanted.value).to_string();
            assert!(given.any(|value| *value == kind), "{} isn't listed", wanted.value);
            return;
        }
        let given = given.next().unwrap_or_else(|| panic!("{step:?} gave no {}", wanted.name)).clone();
        let given = if wanted.is_length && attribute(&wanted.name).is_some() {
            // A question for a length is answered with one; a value is as long as it is.
            given.strip_prefix("length ").map_or((given.len() / 2).to_string(), str::to_owned)
        } else {
            given
        };
        if let Some(name) = wanted.value.strip_prefix('$') {
            self.known.insert(name.to_owned(), given);
        } else if wanted.name == "Flags" && !wanted.value.starts_with("0x") {
            let (has, needs) = (number(&given), flags(&step.function, &wanted.value));
            assert_eq!(has & needs, needs, "{step:?}: the flags are {has:#x}");
        } else if let Some(digits) = wanted.value.strip_prefix("0x") {
            assert_eq!(Ok(number(&given)), u64::from_str_radix(digits, 16), "{step:?}");
        } else {
            assert_eq!(given, wanted.value, "{step:?}");
        }
    }

    fn call(&self, step: &Step) -> Rv<Results> {
        let (functions, none) = (self.functions, Vec::new());
        let session = || self.number(step, "Session");
        let slot = || self.number(step, "SlotID");
        match step.function.as_str() {
            "C_Initialize" => call!(functions, C_Initialize(ptr::null_mut())).map(|()| none),
            "C_Finalize" => call!(functions, C_Finalize(ptr::null_mut())).map(|()| none),
            "C_GetInfo" => {
                let mut info = CK_INFO::default();
                call!(functions, C_GetInfo(&raw mut info))?;
                let CK_VERSION { major, minor } = info.cryptokiVersion;
                Ok(named([
                    ("CryptokiVersion", format!("{major}.{minor}")),
                    ("Flags", info.flags.to_string()),
                ]))
            }
            "C_GetSlotList" => self.slots(step),
            "C_GetSlotInfo" => {
                let mut info = CK_SLOT_INFO::default();
                call!(functions, C_GetSlotInfo(slot(), &raw mut info))?;
                Ok(named([("Flags", info.flags.to_string())]))
            }
            "C_GetTokenInfo" => {
                let mut info = CK_TOKEN_INFO::default();
                call!(functions, C_GetTokenInfo(slot(), &raw mut info))?;
                Ok(named([("Flags", info.flags.to_string())]))
            }
            "C_GetMechanismList" => self.mechanisms(step),
            "C_GetMechanismInfo" => {
                let mut info = CK_MECHANISM_INFO::default();
                let kind = mechanism(self.text(step, "Type"));
                call!(functions, C_GetMechanismInfo(slot(), kind, &raw mut info))?;
                Ok(named([
                    ("MinKeySize", info.ulMinKeySize.to_string()),
                    ("MaxKeySize", info.ulMaxKeySize.to_string()),
                    ("Flags", info.flags.to_string()),
                ]))
            }
            "C_OpenSession" => {
                let flags = flags(&step.function, self.text(step, "Flags"));
                let mut session = 0;
                call!(functions, C_OpenSession(slot(), flags, ptr::null_mut(), None, &raw mut session))?;
                Ok(named([("Session", session.to_string())]))
            }
            "C_CloseSession" => call!(functions, C_CloseSession(session())).map(|()| none),
            "C_CloseAllSessions" => call!(functions, C_CloseAllSessions(slot())).map(|()| none),
            "C_Login" => {
                assert_eq!(self.text(step, "UserType"), "USER");
                let pin = self.text(step, "Pin");
                let (start, len) = (pin.as_ptr().cast_mut(), pin.len() as u64);
                call!(functions, C_Login(session(), CKU_USER, start, len)).map(|()| none)
            }
            "C_Logout" => call!(functions, C_Logout(session())).map(|()| none),
            "C_FindObjectsInit" => {
                let add = |template: Template, item: &Item| match attribute(&item.name) {
                    Some(kind) => template.bytes(kind, value(kind, &item.value)),
                    None => template,
                };
                let template = step.arguments.iter().fold(Template::new(), add);
                let mut raw = template.raw();
                let (start, count) = (raw.as_mut_ptr(), raw.len() as u64);
                call!(functions, C_FindObjectsInit(session(), start, count)).map(|()| none)
            }
            "C_FindObjects" => {
                let room = self.number(step, "length");
                let (mut found, mut count) = (vec![0; room as usize], 0);
                call!(functions, C_FindObjects(session(), found.as_mut_ptr(), room, &raw mut count))?;
                let found = found[..count as usize].iter().enumerate();
                Ok(found.map(|(at, object)| (format!("Object{at}"), object.to_string())).collect())
            }
            "C_FindObjectsFinal" => call!(functions, C_FindObjectsFinal(session())).map(|()| none),
            "C_GetAttributeValue" => self.attributes(step),
            "C_SignInit" => {
                let mut kind = Mechanism::plain(mechanism(self.text(step, "Mechanism"))).raw();
                let key = self.number(step, "Key");
                call!(functions, C_SignInit(session(), &raw mut kind, key)).map(|()| none)
            }
            "C_Sign" => {
                let data = unhex(self.text(step, "Data"));
                let mut len = self.number(step, "length");
                let mut signature = vec![0; len as usize];
                let (start, data_len) = (data.as_ptr().cast_mut(), data.len() as u64);
                call!(functions, C_Sign(session(), start, data_len, signature.as_mut_ptr(), &raw mut len))?;
                Ok(named([("Signature", hex(&signature[..len as usize]))]))
            }
            other => panic!("no case has {other} so far"),
        }
    }

    fn slots(&self, step: &Step) -> Rv<Results> {
        let present = CK_BBOOL::from(self.text(step, "TokenPresent") == "true");
        let functions = self.functions;
        let mut count = 0;
        if !has(step, "length") {
            call!(functions, C_GetSlotList(present, ptr::null_mut(), &raw mut count))?;
            return Ok(named([("length", count.to_string())]));
        }
        count = self.number(step, "length");
        let mut list = vec![0; count as usize];
        call!(functions, C_GetSlotList(present, list.as_mut_ptr(), &raw mut count))?;
        Ok(list[..count as usize].iter().map(|slot| ("SlotID".to_owned(), slot.to_string())).collect())
    }

    fn mechanisms(&self, step: &Step) -> Rv<Results> {
        let (functions, slot) = (self.functions, self.number(step, "SlotID"));
        let mut count = 0;
        if !has(step, "length") {
            call!(functions, C_GetMechanismList(slot, ptr::null_mut(), &raw mut count))?;
            return Ok(named([("length", count.to_string())]));
        }
        count = self.number(step, "length");
        let mut list = vec![0; count as usize];
        call!(functions, C_GetMechanismList(slot, list.as_mut_ptr(), &raw mut count))?;
        Ok(list[..count as usize].iter().map(|kind| ("has".to_owned(), kind.to_string())).collect())
    }

    fn attributes(&self, step: &Step) -> Rv<Results> {
        let asked: Vec<_> =
            step.arguments.iter().filter_map(|item| attribute(&item.name).map(|kind| (item, kind))).collect();
        let mut rooms: Vec<Option<Vec<u8>>> = asked
            .iter()
            .map(|(item, _)| {
                (!item.value.is_empty()).then(|| vec![0; number(self.known_or(&item.value)) as usize])
            })
            .collect();
        let mut question: Vec<CK_ATTRIBUTE> = asked
            .iter()
            .zip(&mut rooms)
            .map(|((_, kind), room)| CK_ATTRIBUTE {
                type_: *kind,
                pValue: room.as_mut().map_or(ptr::null_mut(), |room| room.as_mut_ptr().cast()),
                ulValueLen: room.as_ref().map_or(0, |room| room.len() as u64),
            })
            .collect();
        let (session, object) = (self.number(step, "Session"), self.number(step, "Object"));
        let (start, count) = (question.as_mut_ptr(), question.len() as u64);
        let functions = self.functions;
        call!(functions, C_GetAttributeValue(session, object, start, count))?;
        let shown = asked.iter().zip(&question).zip(&rooms).map(|(((item, _), answer), room)| {
            let len = answer.ulValueLen;
            let shown = room.as_ref().map_or(format!("length {len}"), |room| hex(&room[..len as usize]));
            (item.name.clone(), shown)
        });
        Ok(shown.collect())
    }

    fn text(&self, step: &'a Step, name: &str) -> &str {
        let item = step.arguments.iter().find(|item| item.name == name);
        self.known_or(&item.unwrap_or_else(|| panic!("{step:?} lacks {name}")).value)
    }

    fn number(&self, step: &Step, name: &str) -> u64 {
        let item = step.arguments.iter().find(|item| item.name == name);
        number(self.known_or(&item.unwrap_or_else(|| panic!("{step:?} lacks {name}")).value))
    }

    fn known_or<'b>(&'b self, value: &'b str) -> &'b str {
        match value.strip_prefix('$') {
            Some(name) => &self.known[name],
            None => value,
        }
    }
}

fn has(step: &Step, name: &str) -> bool {
    step.arguments.iter().any(|item| item.name == name)
}

fn named<const N: usize>(results: [(&str, String); N]) -> Results {
    results.map(|(name, value)| (name.to_owned(), value)).into()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}
