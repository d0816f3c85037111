//! PKCS#7 padding (RFC 5652 section 6.3), taken off in constant time.

use subtle::{ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};

use crate::ffi::cipher::BLOCK;

/// The padding that completes a message of which `pending` bytes (less than a block) are left over.
pub(super) fn pad(pending: usize) -> ([u8; BLOCK], usize) {
    let count = BLOCK - pending % BLOCK;
    // At most 16.
    ([count as u8; BLOCK], count)
}

/// How many bytes of a message's last block are data; `None` if it isn't padded as it must be. Takes the
/// same time whatever the block holds.
pub(super) fn unpad(block: &[u8; BLOCK]) -> Option<usize> {
    let count = block[BLOCK - 1];
    let mut good = count.ct_gt(&0) & !count.ct_gt(&(BLOCK as u8));
    for (from_end, byte) in block.iter().rev().enumerate() {
        let is_padding = count.ct_gt(&(from_end as u8));
        good &= byte.ct_eq(&count) | !is_padding;
    }
    let data = u8::conditional_select(&0, &(BLOCK as u8).wrapping_sub(count), good);
    bool::from(good).then_some(usize::from(data))
}
