//! Memory that the daemon shares with its clients: how much, and how it's offered.

use std::io::{self, Read};
use std::ops::{Deref, DerefMut};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_model::limits;
use strongroom_wire::Mailbox;

use crate::channel::Channel;

/// How many mailboxes there are, and may be.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    made: Arc<AtomicUsize>,
    limit: usize,
}

/// One of them, until it's dropped.
#[derive(Debug)]
pub(crate) struct Kept {
    mailbox: Mailbox,
    _counted: Counted,
}

#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Default for Mailboxes {
    fn default() -> Self {
        Self { made: Arc::default(), limit: limits::MAX_MAILBOXES }
    }
}

impl Mailboxes {
    /// One more, unless there are enough or the system gives none: the connection then goes by its socket alone.
    pub(crate) fn make(&self) -> Option<Kept> {
        let counted = Counted(Arc::clone(&self.made));
        if counted.0.fetch_add(1, Ordering::Relaxed) >= self.limit {
            return None;
        }
        match Mailbox::create() {
            Ok(mailbox) => Some(Kept { mailbox, _counted: counted }),
            Err(error) => {
                tracing::debug!("the system gives no memory to share with a client: {error}");
                None
            }
        }
    }
}

impl Kept {
    /// Sends the introduction's answer and, with it, the client its end. From now on messages go by it if the client says so.
    pub(crate) fn offer(
        self,
        channel: &Channel<'_>,
        welcome: &[u8],
        mut answer: impl Read,
    ) -> io::Result<()> {
        let sent = channel.stream().send_with(welcome, self.mailbox.as_fd())?;
        channel.write_all(&welcome[sent..])?;
        let mut takes = [0];
        answer.read_exact(&mut takes)?;
        if takes == [1] {
            channel.share(self);
        }
        Ok(())
    }
}

impl Deref for Kept {
    type Target = Mailbox;

    fn deref(&self) -> &Mailbox {
        &self.mailbox
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut Mailbox {
        &mut self.mailbox
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_than_the_limit() {
        let mailboxes = Mailboxes { limit: 2, ..Mailboxes::default() };
        let (one, two) = (mailboxes.make(), mailboxes.make());
        assert!(one.is_some() && two.is_some());
        assert!(mailboxes.make().is_none());
        assert!(mailboxes.make().is_none(), "who gets none isn't counted");
        drop(one);
        assert!(mailboxes.make().is_some());
    }
}
