//! The function lists: those of PKCS#11 2.40 and 3.0 are the beginning of 3.2's.

use std::mem::{align_of, size_of};

use cryptoki_sys::{CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0, CK_FUNCTION_LIST_3_2, CK_VERSION};

use super::functions::*;
use super::interfaces::{C_GetInterface, C_GetInterfaceList};
use super::messages::*;
use super::newer::*;

/// The functions of PKCS#11 2.40.
pub(super) static FUNCTIONS: CK_FUNCTION_LIST =
    CK_FUNCTION_LIST { version: CK_VERSION { major: 2, minor: 40 }, ..beginning(&ALL) };

/// Those of 3.0.
pub(super) static FUNCTIONS_3_0: CK_FUNCTION_LIST_3_0 =
    CK_FUNCTION_LIST_3_0 { version: CK_VERSION { major: 3, minor: 0 }, ..beginning(&ALL) };

/// Those of 3.2.
pub(super) static FUNCTIONS_3_2: CK_FUNCTION_LIST_3_2 = ALL;

/// The first of the functions, as the list of an older version has them.
const fn beginning<T: Copy>(list: &CK_FUNCTION_LIST_3_2) -> T {
    assert!(size_of::<T>() <= size_of::<CK_FUNCTION_LIST_3_2>());
    assert!(align_of::<T>() == align_of::<CK_FUNCTION_LIST_3_2>());
    // SAFETY: the lists are C structures; each has the fields of the one before it, and then its own.
    unsafe { (&raw const *list).cast::<T>().read() }
}

macro_rules! list {
    ($($name:ident)*) => {
        const ALL: CK_FUNCTION_LIST_3_2 =
            CK_FUNCTION_LIST_3_2 { version: CK_VERSION { major: 3, minor: 2 }, $($name: Some($name),)* };
    };
}

list! {
    C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetInterfaceList C_GetInterface
    C_GetSlotList C_GetSlotInfo C_GetTokenInfo C_GetMechanismList C_GetMechanismInfo C_WaitForSlotEvent
    C_InitToken C_InitPIN C_SetPIN
    C_OpenSession C_CloseSession C_CloseAllSessions C_GetSessionInfo C_SessionCancel
    C_GetSessionValidationFlags C_GetOperationState C_SetOperationState C_Login C_LoginUser C_Logout
    C_CreateObject C_CopyObject C_DestroyObject C_GetObjectSize C_GetAttributeValue C_SetAttributeValue
    C_FindObjectsInit C_FindObjects C_FindObjectsFinal
    C_EncryptInit C_Encrypt C_EncryptUpdate C_EncryptFinal
    C_MessageEncryptInit C_EncryptMessage C_EncryptMessageBegin C_EncryptMessageNext C_MessageEncryptFinal
    C_DecryptInit C_Decrypt C_DecryptUpdate C_DecryptFinal
    C_MessageDecryptInit C_DecryptMessage C_DecryptMessageBegin C_DecryptMessageNext C_MessageDecryptFinal
    C_DigestInit C_Digest C_DigestUpdate C_DigestKey C_DigestFinal
    C_SignInit C_Sign C_SignUpdate C_SignFinal C_SignRecoverInit C_SignRecover
    C_MessageSignInit C_SignMessage C_SignMessageBegin C_SignMessageNext C_MessageSignFinal
    C_VerifyInit C_Verify C_VerifyUpdate C_VerifyFinal C_VerifyRecoverInit C_VerifyRecover
    C_VerifySignatureInit C_VerifySignature C_VerifySignatureUpdate C_VerifySignatureFinal
    C_MessageVerifyInit C_VerifyMessage C_VerifyMessageBegin C_VerifyMessageNext C_MessageVerifyFinal
    C_DigestEncryptUpdate C_DecryptDigestUpdate C_SignEncryptUpdate C_DecryptVerifyUpdate
    C_GenerateKey C_GenerateKeyPair C_WrapKey C_UnwrapKey C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated
    C_DeriveKey C_EncapsulateKey C_DecapsulateKey
    C_SeedRandom C_GenerateRandom
    C_GetFunctionStatus C_CancelFunction C_AsyncComplete C_AsyncGetID C_AsyncJoin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_lists_have_the_same_functions() {
        let numbers = |version: CK_VERSION| (version.major, version.minor);
        let CK_FUNCTION_LIST { version, C_Initialize: first, C_WaitForSlotEvent: last, .. } = FUNCTIONS;
        assert_eq!(numbers(version), (2, 40));
        assert!(first.unwrap() as usize == C_Initialize as *const () as usize);
        assert!(last.unwrap() as usize == C_WaitForSlotEvent as *const () as usize);
        let CK_FUNCTION_LIST_3_0 { version, C_Login: middle, C_MessageVerifyFinal: last, .. } = FUNCTIONS_3_0;
        assert_eq!(numbers(version), (3, 0));
        assert!(middle.unwrap() as usize == C_Login as *const () as usize);
        assert!(last.unwrap() as usize == C_MessageVerifyFinal as *const () as usize);
        assert_eq!(numbers(FUNCTIONS_3_2.version), (3, 2));
    }
}
