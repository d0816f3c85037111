//! What is true of a request, whoever sends it: whether it may be repeated, binds its session to a node, and is quick.

use strongroom_model::{Algorithm, Params};

use crate::{Operation, Request};

/// How many bytes a quick request takes or gives.
const QUICK: usize = 4 * 1024;

impl Request {
    /// Whether doing it twice does no more than doing it once, so that a client may repeat it on
    /// another node when the answer didn't arrive.
    pub const fn is_repeatable(&self) -> bool {
        match self {
            Self::Info
            | Self::Mechanisms
            | Self::Login(_)
            | Self::Logout
            | Self::Renew
            | Self::Random { .. }
            | Self::Find { .. }
            | Self::Object { .. }
            | Self::GetAttributes { .. }
            | Self::ObjectSize { .. }
            | Self::Sign { .. }
            | Self::Verify { .. }
            | Self::SignRecover(_)
            | Self::VerifyRecover(_)
            | Self::Encrypt(_)
            | Self::Decrypt(_)
            | Self::Wrap { .. }
            | Self::Open { .. }
            | Self::Abandon { .. }
            | Self::CloseSession
            | Self::ListUsers
            | Self::Challenge { .. }
            | Self::ListQuorumTokens
            | Self::QuorumSettings
            | Self::TrustAnchors
            | Self::MtlsEnforcement
            | Self::Ownership { .. }
            | Self::ExtractMasked { .. }
            | Self::ExtractMaskedUser { .. } => true,
            Self::InitToken { .. }
            | Self::InitPin { .. }
            | Self::SetPin { .. }
            | Self::SetAttributes { .. }
            | Self::Create { .. }
            | Self::Copy { .. }
            | Self::Destroy { .. }
            | Self::GenerateKey { .. }
            | Self::GeneratePair { .. }
            | Self::Unwrap { .. }
            | Self::Derive { .. }
            | Self::Encapsulate { .. }
            | Self::Decapsulate { .. }
            | Self::Update { .. }
            | Self::Finish { .. }
            | Self::Confirm { .. }
            | Self::CreateUser(_)
            | Self::DeleteUser { .. }
            | Self::ChangePassword(_)
            | Self::Activate { .. }
            | Self::LoginWithKey { .. }
            | Self::RegisterQuorumKey(_)
            | Self::ChangeMfa { .. }
            | Self::QuorumToken { .. }
            | Self::DeleteQuorumTokens { .. }
            | Self::SetQuorumValue { .. }
            | Self::SetQuorumTimeouts { .. }
            | Self::Share { .. }
            | Self::Persist { .. }
            | Self::RegisterTrustAnchor { .. }
            | Self::DeregisterTrustAnchor { .. }
            | Self::SetMtlsEnforcement { .. }
            | Self::ReplicateUser { .. }
            | Self::InsertMasked { .. }
            | Self::InsertMaskedUser { .. } => false,
        }
    }

    /// Whether it may leave something on its node that ends with the session: an object or a multi-part operation.
    pub const fn may_bind(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Copy { .. }
                | Self::GenerateKey { .. }
                | Self::GeneratePair { .. }
                | Self::Unwrap { .. }
                | Self::Derive { .. }
                | Self::Encapsulate { .. }
                | Self::Decapsulate { .. }
                | Self::Open { .. }
        )
    }

    /// Whether it's short work on little data, so that other requests may wait for it on the same connection: at most
    /// a millisecond of a node's time, nearly always a hundredth. It's repeatable and leaves nothing on the node.
    pub fn is_quick(&self) -> bool {
        match self {
            Self::Object { .. } => true,
            Self::Random { len } => *len as usize <= QUICK,
            Self::Sign { operation, .. } | Self::Encrypt(operation) | Self::Decrypt(operation) => {
                operation.is_quick()
            }
            Self::Verify { operation, signature, .. } => operation.is_quick() && signature.len() <= QUICK,
            _ => false,
        }
    }
}

impl Operation {
    /// RSA takes a node 50 times as long as P-256. With the slowest curves, ECDSA does, too, but who signs with those
    /// waits for as much anyway.
    fn is_quick(&self) -> bool {
        let more = match &self.mechanism.params {
            Params::Gcm { iv, aad, .. } => iv.len() + aad.len(),
            _ => 0,
        };
        let algorithm = self.mechanism.kind.spec().map(|spec| spec.algorithm);
        self.data.len() + more <= QUICK
            && matches!(
                algorithm,
                Some(
                    Algorithm::Ecdsa
                        | Algorithm::Hmac
                        | Algorithm::AesEcb
                        | Algorithm::AesCbc
                        | Algorithm::AesCbcPad
                        | Algorithm::AesCtr
                        | Algorithm::AesGcm
                        | Algorithm::AesCmac
                )
            )
    }
}

#[cfg(test)]
mod tests {
    use strongroom_model::{Blob, Handle, Mechanism, MechanismType};

    use super::*;

    #[test]
    fn what_is_quick_is_small_work_that_may_be_done_twice() {
        let operation = |kind, len| Operation {
            key: Handle(1),
            mechanism: Mechanism::plain(kind),
            data: Blob::zeroed(len),
        };
        let sign = |kind, len| Request::Sign { operation: operation(kind, len), digested: false };
        assert!(sign(MechanismType::ECDSA, 32).is_quick());
        assert!(sign(MechanismType::SHA256_HMAC, QUICK).is_quick());
        assert!(!sign(MechanismType::SHA256_HMAC, QUICK + 1).is_quick());
        assert!(!sign(MechanismType::RSA_PKCS, 32).is_quick());
        assert!(Request::Decrypt(operation(MechanismType::AES_CBC, 16)).is_quick());
        let mut sealed = operation(MechanismType::AES_GCM, 16);
        sealed.mechanism.params =
            Params::Gcm { iv: Blob::zeroed(12), aad: Blob::zeroed(QUICK), tag_bits: 128 };
        assert!(!Request::Encrypt(sealed).is_quick());
        assert!(Request::Random { len: 32 }.is_quick() && !Request::Random { len: 1 << 20 }.is_quick());
        let verify = |len| Request::Verify {
            operation: operation(MechanismType::ECDSA, 32),
            digested: false,
            signature: Blob::zeroed(len),
        };
        assert!(verify(64).is_quick() && !verify(1 << 20).is_quick());
        assert!(!Request::Logout.is_quick() && !Request::Renew.is_quick());
    }
}
