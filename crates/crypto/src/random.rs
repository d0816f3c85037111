//! Random bytes, from the operating system.

use rand::TryRng;
use rand::rngs::SysRng;
use strongroom_model::Blob;

/// Fills a buffer with random bytes.
///
/// # Panics
///
/// If the operating system has none to give, which Linux only says of itself before it's up: going on
/// with guessable keys would be worse.
pub fn fill(out: &mut [u8]) {
    SysRng.try_fill_bytes(out).expect("the operating system gives random bytes");
}

/// `N` random bytes. Panics as [`fill`] does.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// `len` random bytes. Panics as [`fill`] does.
pub fn blob(len: usize) -> Blob {
    let mut out = Blob::zeroed(len);
    fill(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        assert_ne!(bytes::<32>(), bytes::<32>());
        assert_ne!(blob(32), blob(32));
        assert!(blob(0).is_empty());
    }

    /// Every byte of a large buffer is filled, the last one too.
    #[test]
    fn large_buffers_are_filled_to_the_end() {
        let mut seen = [false; 64];
        for _ in 0..64 {
            let blob = blob(100_000);
            for (seen, byte) in seen.iter_mut().zip(&blob[100_000 - 64..]) {
                *seen |= *byte != 0;
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    }
}
