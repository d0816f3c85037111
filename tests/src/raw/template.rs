//! Templates with the values they point to.

use cryptoki_sys::*;

/// The name of the curve P-256 in DER.
pub const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// Attributes and their values.
#[derive(Clone, Debug, Default)]
pub struct Template(Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>);

impl Template {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// An object of a class.
    pub fn of(class: CK_OBJECT_CLASS) -> Self {
        Self::new().number(CKA_CLASS, class)
    }

    /// A key of a class and a type.
    pub fn key(class: CK_OBJECT_CLASS, key_type: CK_KEY_TYPE) -> Self {
        Self::of(class).number(CKA_KEY_TYPE, key_type)
    }

    /// On the token or in the session, with a label.
    pub fn placed(self, token: bool, label: &str) -> Self {
        self.flag(CKA_TOKEN, token).bytes(CKA_LABEL, label)
    }

    /// And these flags, set.
    pub fn may(self, flags: &[CK_ATTRIBUTE_TYPE]) -> Self {
        flags.iter().fold(self, |template, flag| template.flag(*flag, true))
    }

    /// And a `CK_BBOOL`.
    pub fn flag(self, attribute: CK_ATTRIBUTE_TYPE, value: bool) -> Self {
        self.bytes(attribute, [u8::from(value)])
    }

    /// And a `CK_ULONG`.
    pub fn number(self, attribute: CK_ATTRIBUTE_TYPE, value: u64) -> Self {
        self.bytes(attribute, value.to_ne_bytes())
    }

    /// And bytes.
    pub fn bytes(mut self, attribute: CK_ATTRIBUTE_TYPE, value: impl AsRef<[u8]>) -> Self {
        self.0.push((attribute, value.as_ref().to_vec()));
        self
    }

    /// And those of another one.
    pub fn and(mut self, more: &Self) -> Self {
        self.0.extend_from_slice(&more.0);
        self
    }

    /// And a template, which must live as long as this.
    pub fn nested(self, attribute: CK_ATTRIBUTE_TYPE, inner: &Self) -> Self {
        let word = |number: u64| number.to_ne_bytes();
        let inner = inner.raw();
        let words = inner.iter().flat_map(|one| [one.type_, one.pValue as u64, one.ulValueLen]);
        self.bytes(attribute, words.flat_map(word).collect::<Vec<_>>())
    }

    /// The attributes for a call. Good as long as this is.
    pub fn raw(&self) -> Vec<CK_ATTRIBUTE> {
        let attribute = |(attribute, value): &(CK_ATTRIBUTE_TYPE, Vec<u8>)| CK_ATTRIBUTE {
            type_: *attribute,
            pValue: value.as_ptr().cast_mut().cast(),
            ulValueLen: value.len() as u64,
        };
        self.0.iter().map(attribute).collect()
    }
}
