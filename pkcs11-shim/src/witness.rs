//! How a process notices that it's the child of a fork.

use std::sync::atomic::{AtomicU8, Ordering};

/// Tells whether this process is the one that made it.
///
/// It's a page of memory that the kernel gives to children as zeros (`MADV_WIPEONFORK`, Linux 4.14),
/// so that asking costs a read and not a system call, and that no way of forking escapes it. (A
/// child of `vfork` shares the page, and rightly so: it shares everything else too.) Where the kernel
/// can't, process ids are compared.
pub(crate) struct Witness {
    mark: Option<&'static AtomicU8>,
    pid: u32,
}

impl Witness {
    /// For the present process. The page is never given back.
    pub(crate) fn new() -> Self {
        let mark = wiped_page();
        if let Some(mark) = mark {
            mark.store(1, Ordering::Relaxed);
        }
        Self { mark, pid: std::process::id() }
    }

    /// Whether this is the process that it was made in.
    pub(crate) fn is_at_home(&self) -> bool {
        match self.mark {
            Some(mark) => mark.load(Ordering::Relaxed) != 0,
            None => std::process::id() == self.pid,
        }
    }
}

/// A page of zeros that stays zeros in children.
fn wiped_page() -> Option<&'static AtomicU8> {
    // One page, whatever its size: the kernel rounds up.
    const LEN: usize = 1;
    // SAFETY: asks for fresh memory; nothing that exists is touched.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            LEN,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the page was just mapped.
    if unsafe { libc::madvise(page, LEN, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: the page was just mapped, and nobody knows of it.
        unsafe { libc::munmap(page, LEN) };
        return None;
    }
    // SAFETY: the page is zeroed, readable, writable and never unmapped; every byte is an AtomicU8.
    Some(unsafe { &*page.cast::<AtomicU8>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `check` in a forked child; whether it held there.
    fn in_child(check: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child only reads memory and exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: leaves at once, without the test harness's exit.
            unsafe { libc::_exit(i32::from(!check())) };
        }
        let mut status = 0;
        // SAFETY: waits for the child made above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }

    #[test]
    fn a_child_is_not_at_home() {
        let witness = Witness::new();
        assert!(witness.is_at_home());
        assert!(in_child(|| !witness.is_at_home()));
        let by_pid = Witness { mark: None, pid: std::process::id() };
        assert!(by_pid.is_at_home());
        assert!(in_child(|| !by_pid.is_at_home()));
    }
}
