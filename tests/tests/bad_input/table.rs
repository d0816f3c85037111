//! All functions of the 3.2 list and what their arguments are, so that each can be called with anything.

use cryptoki_sys::*;
use strongroom_model::ReturnCode;

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arg {
    /// A session's handle.
    Session,
    /// A slot's number.
    Slot,
    /// An object's handle.
    Object,
    /// A number that isn't any of the others.
    Number(u64),
    /// A number without which the call would take for ever.
    Fixed(u64),
    /// Bytes to read, whose length is the next argument.
    Bytes,
    /// The length of what is before it.
    Len,
    /// 32 bytes to read.
    Label,
    /// A buffer to write to, whose length the next argument points to; `NULL` asks for the length.
    Buffer,
    /// Where the buffer's length is read and written.
    BufferLen,
    /// A buffer to fill, whose length is the next argument.
    Room,
    /// A message's parameters, whose length is the next argument; some take none.
    Parameter,
    /// The length of a message's parameters.
    ParameterLen,
    /// A mechanism.
    Mechanism,
    /// Attributes, whose number is the next argument.
    Template,
    /// The number of attributes.
    Count,
    /// Where a handle, a number or a structure goes.
    Place,
    /// Something that may be `NULL`, and is here.
    Nothing,
}

use Arg::*;

/// A function, in the order of the list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) args: &'static [Arg],
    entry: usize,
}

/// Any function, with as many arguments as the one that has most.
type Entry = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> CK_RV;

const THROUGH: &[Arg] = &[Session, Bytes, Len, Buffer, BufferLen];
const INIT: &[Arg] = &[Session, Mechanism, Object];

const MESSAGE: &[Arg] = &[Session, Parameter, ParameterLen, Bytes, Len, Bytes, Len, Buffer, BufferLen];
const MESSAGE_BEGIN: &[Arg] = &[Session, Parameter, ParameterLen, Bytes, Len];
const MESSAGE_NEXT: &[Arg] =
    &[Session, Parameter, ParameterLen, Bytes, Len, Buffer, BufferLen, Number(CKF_END_OF_MESSAGE)];
const SIGNATURE: &[Arg] = &[Session, Parameter, ParameterLen, Bytes, Len, Buffer, BufferLen];
const VERIFICATION: &[Arg] = &[Session, Parameter, ParameterLen, Bytes, Len, Bytes, Len];

const TABLE: [(&str, &[Arg]); 104] = [
    ("C_Initialize", &[Nothing]),
    ("C_Finalize", &[Nothing]),
    ("C_GetInfo", &[Place]),
    ("C_GetFunctionList", &[Place]),
    ("C_GetSlotList", &[Number(1), Buffer, BufferLen]),
    ("C_GetSlotInfo", &[Slot, Place]),
    ("C_GetTokenInfo", &[Slot, Place]),
    ("C_GetMechanismList", &[Slot, Buffer, BufferLen]),
    ("C_GetMechanismInfo", &[Slot, Number(CKM_ECDSA), Place]),
    ("C_InitToken", &[Slot, Bytes, Len, Label]),
    ("C_InitPIN", &[Session, Bytes, Len]),
    ("C_SetPIN", &[Session, Bytes, Len, Bytes, Len]),
    ("C_OpenSession", &[Slot, Number(CKF_SERIAL_SESSION), Nothing, Nothing, Place]),
    ("C_CloseSession", &[Session]),
    ("C_CloseAllSessions", &[Slot]),
    ("C_GetSessionInfo", &[Session, Place]),
    ("C_GetOperationState", &[Session, Buffer, BufferLen]),
    ("C_SetOperationState", &[Session, Bytes, Len, Object, Object]),
    ("C_Login", &[Session, Number(CKU_USER), Bytes, Len]),
    ("C_Logout", &[Session]),
    ("C_CreateObject", &[Session, Template, Count, Place]),
    ("C_CopyObject", &[Session, Object, Template, Count, Place]),
    ("C_DestroyObject", &[Session, Object]),
    ("C_GetObjectSize", &[Session, Object, Place]),
    ("C_GetAttributeValue", &[Session, Object, Template, Count]),
    ("C_SetAttributeValue", &[Session, Object, Template, Count]),
    ("C_FindObjectsInit", &[Session, Template, Count]),
    ("C_FindObjects", &[Session, Room, Len, Place]),
    ("C_FindObjectsFinal", &[Session]),
    ("C_EncryptInit", INIT),
    ("C_Encrypt", THROUGH),
    ("C_EncryptUpdate", THROUGH),
    ("C_EncryptFinal", &[Session, Buffer, BufferLen]),
    ("C_DecryptInit", INIT),
    ("C_Decrypt", THROUGH),
    ("C_DecryptUpdate", THROUGH),
    ("C_DecryptFinal", &[Session, Buffer, BufferLen]),
    ("C_DigestInit", &[Session, Mechanism]),
    ("C_Digest", THROUGH),
    ("C_DigestUpdate", &[Session, Bytes, Len]),
    ("C_DigestKey", &[Session, Object]),
    ("C_DigestFinal", &[Session, Buffer, BufferLen]),
    ("C_SignInit", INIT),
    ("C_Sign", THROUGH),
    ("C_SignUpdate", &[Session, Bytes, Len]),
    ("C_SignFinal", &[Session, Buffer, BufferLen]),
    ("C_SignRecoverInit", INIT),
    ("C_SignRecover", THROUGH),
    ("C_VerifyInit", INIT),
    ("C_Verify", &[Session, Bytes, Len, Bytes, Len]),
    ("C_VerifyUpdate", &[Session, Bytes, Len]),
    ("C_VerifyFinal", &[Session, Bytes, Len]),
    ("C_VerifyRecoverInit", INIT),
    ("C_VerifyRecover", THROUGH),
    ("C_DigestEncryptUpdate", THROUGH),
    ("C_DecryptDigestUpdate", THROUGH),
    ("C_SignEncryptUpdate", THROUGH),
    ("C_DecryptVerifyUpdate", THROUGH),
    ("C_GenerateKey", &[Session, Mechanism, Template, Count, Place]),
    ("C_GenerateKeyPair", &[Session, Mechanism, Template, Count, Template, Count, Place, Place]),
    ("C_WrapKey", &[Session, Mechanism, Object, Object, Buffer, BufferLen]),
    ("C_UnwrapKey", &[Session, Mechanism, Object, Bytes, Len, Template, Count, Place]),
    ("C_DeriveKey", &[Session, Mechanism, Object, Template, Count, Place]),
    ("C_SeedRandom", &[Session, Bytes, Len]),
    ("C_GenerateRandom", &[Session, Room, Len]),
    ("C_GetFunctionStatus", &[Session]),
    ("C_CancelFunction", &[Session]),
    ("C_WaitForSlotEvent", &[Fixed(CKF_DONT_BLOCK), Place, Nothing]),
    ("C_GetInterfaceList", &[Buffer, BufferLen]),
    ("C_GetInterface", &[Nothing, Nothing, Place, Number(0)]),
    ("C_LoginUser", &[Session, Number(CKU_USER), Bytes, Len, Bytes, Len]),
    ("C_SessionCancel", &[Session, Number(CKF_ENCRYPT)]),
    ("C_MessageEncryptInit", INIT),
    ("C_EncryptMessage", MESSAGE),
    ("C_EncryptMessageBegin", MESSAGE_BEGIN),
    ("C_EncryptMessageNext", MESSAGE_NEXT),
    ("C_MessageEncryptFinal", &[Session]),
    ("C_MessageDecryptInit", INIT),
    ("C_DecryptMessage", MESSAGE),
    ("C_DecryptMessageBegin", MESSAGE_BEGIN),
    ("C_DecryptMessageNext", MESSAGE_NEXT),
    ("C_MessageDecryptFinal", &[Session]),
    ("C_MessageSignInit", INIT),
    ("C_SignMessage", SIGNATURE),
    ("C_SignMessageBegin", &[Session, Parameter, ParameterLen]),
    ("C_SignMessageNext", SIGNATURE),
    ("C_MessageSignFinal", &[Session]),
    ("C_MessageVerifyInit", INIT),
    ("C_VerifyMessage", VERIFICATION),
    ("C_VerifyMessageBegin", &[Session, Parameter, ParameterLen]),
    ("C_VerifyMessageNext", VERIFICATION),
    ("C_MessageVerifyFinal", &[Session]),
    ("C_EncapsulateKey", &[Session, Mechanism, Object, Template, Count, Buffer, BufferLen, Place]),
    ("C_DecapsulateKey", &[Session, Mechanism, Object, Template, Count, Bytes, Len, Place]),
    ("C_VerifySignatureInit", &[Session, Mechanism, Object, Bytes, Len]),
    ("C_VerifySignature", &[Session, Bytes, Len]),
    ("C_VerifySignatureUpdate", &[Session, Bytes, Len]),
    ("C_VerifySignatureFinal", &[Session]),
    ("C_GetSessionValidationFlags", &[Session, Number(CKS_LAST_VALIDATION_OK), Place]),
    ("C_AsyncComplete", &[Session, Label, Nothing]),
    ("C_AsyncGetID", &[Session, Label, Place]),
    ("C_AsyncJoin", &[Session, Label, Number(1), Nothing, Number(0)]),
    ("C_WrapKeyAuthenticated", &[Session, Mechanism, Object, Object, Bytes, Len, Buffer, BufferLen]),
    (
        "C_UnwrapKeyAuthenticated",
        &[Session, Mechanism, Object, Bytes, Len, Template, Count, Bytes, Len, Place],
    ),
];

/// All functions of a list.
pub(crate) fn functions(list: &CK_FUNCTION_LIST_3_2) -> Vec<Function> {
    assert_eq!(size_of_val(list), 8 * (1 + TABLE.len()), "a version and so many pointers");
    let first = std::ptr::from_ref(list).cast::<usize>();
    let function = |(at, (name, args)): (usize, &(&'static str, &'static [Arg]))| {
        // SAFETY: the version fills the first 8 bytes, the pointers the rest.
        let entry = unsafe { first.add(1 + at).read() };
        assert_ne!(entry, 0, "{name} is NULL");
        Function { name, args, entry }
    };
    TABLE.iter().enumerate().map(function).collect()
}

impl Function {
    /// Calls it.
    pub(crate) fn call(&self, values: &[u64]) -> ReturnCode {
        assert_eq!(values.len(), self.args.len());
        let mut all = [0; 10];
        all[..values.len()].copy_from_slice(values);
        let [a, b, c, d, e, f, g, h, i, j] = all;
        // SAFETY: on all Linux systems that there is a module for, whole numbers and pointers are passed alike, and a
        // function doesn't see arguments that it doesn't take. What pointers point to is the caller's business.
        ReturnCode(unsafe { std::mem::transmute::<usize, Entry>(self.entry)(a, b, c, d, e, f, g, h, i, j) })
    }

    /// Whether the module says that it doesn't have it, or nobody has it any more (PKCS#11 2.40 section 5.16).
    pub(crate) fn is_none(&self, code: ReturnCode) -> bool {
        code == ReturnCode::FUNCTION_NOT_SUPPORTED || code == ReturnCode::FUNCTION_NOT_PARALLEL
    }
}

impl Arg {
    /// Whether it's a pointer that leads somewhere.
    pub(crate) fn is_pointer(self) -> bool {
        matches!(
            self,
            Bytes | Label | Buffer | BufferLen | Room | Parameter | Self::Mechanism | Self::Template | Place
        )
    }

    /// Whether it may not be `NULL`.
    pub(crate) fn is_needed(self) -> bool {
        self.is_pointer() && !matches!(self, Buffer | Parameter)
    }
}

/// Memory for arguments that are as they should be, or off by some bytes.
pub(crate) struct Memory {
    bytes: Box<[u64; 1024]>,
}

/// Where things are, in bytes; there is room for misaligned ones behind each.
const DATA: usize = 0;
const ATTRIBUTES: usize = 512;
const MECHANISM: usize = 768;
const PARAMETER: usize = 832;
const NONCE: usize = 900;
const TAG: usize = 940;
const LENGTH: usize = 1024;
const PLACE: usize = 1280;
const OUTPUT: usize = 2560;
/// A label of one byte; it's written to by who reads an object's label of that length.
const LABEL: usize = 480;

/// Lengths that go with the memory.
pub(crate) const DATA_LEN: u64 = 32;
const OUTPUT_LEN: u64 = 4096;

impl Memory {
    pub(crate) fn new() -> Self {
        Self { bytes: Box::new([0; 1024]) }
    }

    /// Arguments for a function; pointers are off by `shift` bytes.
    pub(crate) fn arguments(
        &mut self,
        function: &Function,
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        shift: usize,
    ) -> Vec<u64> {
        let start = self.bytes.as_mut_ptr().cast::<u8>();
        let at = |place: usize| start.wrapping_add(place + shift);
        let attribute = CK_ATTRIBUTE { type_: CKA_LABEL, pValue: at(LABEL).cast(), ulValueLen: 1 };
        let mechanism =
            CK_MECHANISM { mechanism: CKM_SHA256, pParameter: std::ptr::null_mut(), ulParameterLen: 0 };
        let parameter = CK_GCM_MESSAGE_PARAMS {
            pIv: at(NONCE),
            ulIvLen: 12,
            ulIvFixedBits: 0,
            ivGenerator: CKG_GENERATE,
            pTag: at(TAG),
            ulTagBits: 128,
        };
        // SAFETY: all of it is inside the memory, which nobody else has.
        unsafe {
            at(PARAMETER).cast::<CK_GCM_MESSAGE_PARAMS>().write_unaligned(parameter);
            at(ATTRIBUTES).cast::<CK_ATTRIBUTE>().write_unaligned(attribute);
            at(MECHANISM).cast::<CK_MECHANISM>().write_unaligned(mechanism);
            // Slots and mechanisms come in words.
            at(LENGTH).cast::<u64>().write_unaligned(OUTPUT_LEN / 8);
        }
        let value = |arg: &Arg| match arg {
            Session => session,
            Slot | Nothing => 0,
            Object => object,
            Number(number) | Fixed(number) => *number,
            Parameter => at(PARAMETER) as u64,
            ParameterLen => size_of::<CK_GCM_MESSAGE_PARAMS>() as u64,
            Bytes | Label => at(DATA) as u64,
            Len => DATA_LEN,
            Buffer | Room => at(OUTPUT) as u64,
            BufferLen => at(LENGTH) as u64,
            Mechanism => at(MECHANISM) as u64,
            Template => at(ATTRIBUTES) as u64,
            Count => 1,
            Place => at(PLACE) as u64,
        };
        function.args.iter().map(value).collect()
    }
}
