//! PKCS#7 padding (RFC 5652 section 6.3), taken off in constant time.

use subtle::{ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};

use crate::ffi::cipher::BLOCK;

/// The padding that completes a message of which `pending` bytes are left over, with blocks of at most 16 bytes.
pub(super) fn pad(pending: usize, block: usize) -> ([u8; BLOCK], usize) {
    let count = block - pending % block;
    // At most 16.
    ([count as u8; BLOCK], count)
}

/// How many bytes of a message's last block are data; `None` if it isn't padded as it must be. Takes the
/// same time whatever the block holds.
pub(super) fn unpad(block: &[u8]) -> Option<usize> {
    let len = u8::try_from(block.len()).ok()?;
    let count = *block.last()?;
    let mut good = count.ct_gt(&0) & !count.ct_gt(&len);
    for (from_end, byte) in block.iter().rev().enumerate() {
        let is_padding = count.ct_gt(&(from_end as u8));
        good &= byte.ct_eq(&count) | !is_padding;
    }
    let data = u8::conditional_select(&0, &len.wrapping_sub(count), good);
    bool::from(good).then_some(usize::from(data))
}
