//! A client's socket as the thread that serves it reads it: patient between messages, not within one.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use crate::channel::Channel;
use crate::wait::{InFlight, Waiter};

/// Reads messages. Which bytes belong to which is [`strongroom_wire::Frames`]'s business.
pub(crate) struct Reader<'a> {
    channel: &'a Channel<'a>,
    waiter: Waiter<'a>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// Nothing of the message has come; it may take for ever.
    Between,
    /// The start of the message has come.
    Within,
    /// The rest must come by then.
    Until(Instant),
}

impl<'a> Reader<'a> {
    /// How long a message may take from its first byte to its last.
    const WITHIN: Duration = Duration::from_secs(30);

    pub(crate) fn new(channel: &'a Channel<'a>, waiter: Waiter<'a>) -> Self {
        Self { channel, waiter, state: State::Between }
    }

    /// Notes that requests are carried out, until the result is dropped.
    pub(crate) fn begin(&mut self) -> InFlight<'a> {
        self.waiter.begin()
    }

    /// Notes that there is another request which came with the one before.
    pub(crate) fn goes_on(&mut self) {
        self.waiter.goes_on();
    }

    /// The next message may take for ever to begin.
    pub(crate) fn await_message(&mut self) {
        self.state = State::Between;
    }

    /// The next message must be there, all of it, within a time.
    pub(crate) fn expect_message(&mut self, within: Duration) {
        self.state = State::Until(Instant::now() + within);
    }

    fn read_by(&self, deadline: Instant, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(read) = self.channel.try_read(buffer)? {
                return Ok(read);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.channel.wait(Some(left))?;
        }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.state {
            State::Between => {
                let channel = self.channel;
                let read = match self.waiter.poll(|| channel.try_read(buffer)) {
                    Some(read) => read?,
                    None => channel.read(buffer)?,
                };
                self.state = State::Within;
                Ok(read)
            }
            // Nearly every message comes in one piece, so the clock is only looked at when one doesn't.
            State::Within => {
                let deadline = Instant::now() + Self::WITHIN;
                self.state = State::Until(deadline);
                self.read_by(deadline, buffer)
            }
            State::Until(deadline) => self.read_by(deadline, buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use strongroom_wire::Stream;

    use super::*;
    use crate::wait::Activity;

    #[test]
    fn a_message_that_is_expected_must_come() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let (activity, far) = (Activity::default(), Stream::new(far));
        let channel = Channel::plain(&far);
        let mut reader = Reader::new(&channel, activity.join());
        reader.expect_message(Duration::from_millis(50));
        near.write_all(b"ab").unwrap();
        let mut buffer = [0; 8];
        assert_eq!(reader.read(&mut buffer).unwrap(), 2);
        let start = Instant::now();
        assert_eq!(reader.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(5));

        reader.await_message();
        drop(near);
        assert_eq!(reader.read(&mut buffer).unwrap(), 0);
    }
}
