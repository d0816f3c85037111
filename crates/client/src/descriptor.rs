//! Descriptors that the host process may close or reuse behind our back.

use std::ops::{Deref, DerefMut};
use std::os::fd::AsFd;

use rustix::fs::fstat;

/// A descriptor and what tells it from any other. Daemons close "all" descriptors (`closefrom`) and
/// open their own in their place; writing to one, or closing it, would hit a stranger.
#[derive(Debug)]
pub(crate) struct Guarded<T: AsFd> {
    inner: Option<T>,
    identity: (u64, u64),
}

impl<T: AsFd> Guarded<T> {
    /// Guards a descriptor that was opened just now.
    pub(crate) fn new(inner: T) -> std::io::Result<Self> {
        let identity = identity(&inner)?;
        Ok(Self { inner: Some(inner), identity })
    }

    /// Whether the descriptor is still the one that was opened. One system call.
    pub(crate) fn is_ours(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| identity(inner).is_ok_and(|now| now == self.identity))
    }
}

#[cfg(test)]
impl<T: AsFd> Guarded<T> {
    /// Makes it look as if the host had put another descriptor in the place of ours.
    pub(crate) fn estrange(&mut self) {
        self.identity.1 = !self.identity.1;
    }
}

impl<T: AsFd> Deref for Guarded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("taken out only when dropped")
    }
}

impl<T: AsFd> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("taken out only when dropped")
    }
}

impl<T: AsFd> Drop for Guarded<T> {
    fn drop(&mut self) {
        if !self.is_ours() {
            std::mem::forget(self.inner.take());
        }
    }
}

fn identity(fd: impl AsFd) -> std::io::Result<(u64, u64)> {
    let stat = fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_descriptor_that_was_replaced_is_left_alone() {
        let (ours, _peer) = UnixStream::pair().unwrap();
        let (stranger, mut strangers_peer) = UnixStream::pair().unwrap();
        let mut guarded = Guarded::new(std::os::fd::OwnedFd::from(ours)).unwrap();
        assert!(guarded.is_ours());
        rustix::io::dup2(&stranger, &mut guarded).unwrap();
        assert!(!guarded.is_ours());
        drop(stranger);
        drop(guarded);
        // The stranger's socket is still open at the number that was ours.
        strangers_peer.set_nonblocking(true).unwrap();
        let error = strangers_peer.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_descriptor_of_ours_is_closed() {
        let (ours, mut peer) = UnixStream::pair().unwrap();
        drop(Guarded::new(ours).unwrap());
        assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    }
}
