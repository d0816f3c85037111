//! Signatures of approvers that were checked for one request.
//!
//! Whether enough have approved is decided with a lock on the replica, and a signature takes 50 us to check: 64 of them for
//! each of 8 approvals would keep every other request of the node waiting. So what isn't known yet is noted when it's asked,
//! checked when the lock is gone, and the decision made again.

use std::cell::RefCell;

use strongroom_crypto::ApproverKey;
use strongroom_model::Blob;

/// What is known of a request's signatures, and what must become known.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    known: RefCell<Vec<(Claim, bool)>>,
    wanted: RefCell<Vec<Claim>>,
}

/// That somebody has signed a token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    token: [u8; 32],
    public_key: Blob,
    signature: Blob,
}

impl Verdicts {
    /// Whether it's a signature of a token by a key; `None`: [`Self::reach`] has to be called first.
    pub(super) fn on(&self, token: &[u8; 32], public_key: &Blob, signature: &Blob) -> Option<bool> {
        let claim = Claim { token: *token, public_key: public_key.clone(), signature: signature.clone() };
        let known = self.known.borrow().iter().find(|(known, _)| *known == claim).map(|(_, good)| *good);
        if known.is_none() {
            self.wanted.borrow_mut().push(claim);
        }
        known
    }

    /// Checks what was asked and not known; whether there was anything. To be called without locks.
    pub(crate) fn reach(&self) -> bool {
        let wanted = self.wanted.take();
        let any = !wanted.is_empty();
        let mut known = self.known.borrow_mut();
        for claim in wanted {
            if known.iter().all(|(other, _)| *other != claim) {
                let key = ApproverKey::from_spki(&claim.public_key);
                let good = key.is_ok_and(|key| key.verifies(&claim.token, &claim.signature));
                known.push((claim, good));
            }
        }
        any
    }
}
