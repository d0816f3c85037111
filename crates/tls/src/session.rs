//! One connection's TLS, over a socket that is the caller's.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustls::{AlertDescription, CertificateError, Connection, Error};
use strongroom_wire::Stream;

/// What TLS knows of a connection. It says nothing to the other end when it's dropped, so that a forked child can drop what it
/// inherited.
pub struct Session(Connection);

/// Why two ends didn't come together.
#[derive(Debug)]
pub enum HandshakeError {
    /// The socket failed, or time was up (`TimedOut`).
    Io(io::Error),
    /// What the other end sent isn't TLS, or isn't acceptable: a sentence that goes with "it".
    Refused(String),
    /// The other end refused, with this alert: a sentence that goes with "it".
    RefusedByPeer(String),
}

impl Session {
    pub(crate) const fn new(connection: Connection) -> Self {
        Self(connection)
    }

    /// Introduces both ends to each other, within a time.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`]; the connection is of no use then.
    pub fn handshake(&mut self, stream: &Stream, within: Duration) -> Result<(), HandshakeError> {
        let end = Instant::now() + within;
        loop {
            self.send_due(stream).map_err(HandshakeError::Io)?;
            if !self.0.is_handshaking() {
                return Ok(());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(HandshakeError::Io(io::ErrorKind::TimedOut.into()));
            }
            Stream::wait_readable(stream, Some(left)).map_err(HandshakeError::Io)?;
            match self.0.read_tls(&mut Ready(stream)) {
                Ok(0) => return Err(HandshakeError::Io(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(HandshakeError::Io(error)),
            }
            if let Err(error) = self.0.process_new_packets() {
                // It may not be told any more why.
                let _ = self.send_due(stream);
                return Err(why(&error));
            }
        }
    }

    /// What has come, without waiting: `None` if there is nothing yet, 0 bytes if the other end has said that nothing more
    /// comes.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the connection ended without that, `InvalidData` for what isn't TLS, `ConnectionAborted` if the other
    /// end refused, and those of the socket.
    pub fn try_read(&mut self, stream: &Stream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.0.reader().read(buffer) {
                Ok(read) => return Ok(Some(read)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            match self.0.read_tls(&mut Ready(stream)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
            if let Err(error) = self.0.process_new_packets() {
                let _ = self.send_due(stream);
                return Err(match why(&error) {
                    HandshakeError::Io(error) => error,
                    HandshakeError::Refused(why) => io::Error::new(io::ErrorKind::InvalidData, why),
                    HandshakeError::RefusedByPeer(why) => {
                        io::Error::new(io::ErrorKind::ConnectionAborted, why)
                    }
                });
            }
        }
    }

    /// Sends bytes, all of them.
    ///
    /// # Errors
    ///
    /// Those of the socket; `WouldBlock` if its write time-out has passed.
    pub fn write_all(&mut self, stream: &Stream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.0.writer().write(bytes)?;
            bytes = &bytes[taken..];
            self.send_due(stream)?;
        }
        Ok(())
    }

    /// Tells the other end that all that it sent has been dealt with that ever will be, and that nothing more comes.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn close(&mut self, stream: &Stream) -> io::Result<()> {
        self.0.send_close_notify();
        self.send_due(stream)
    }

    fn send_due(&mut self, stream: &Stream) -> io::Result<()> {
        while self.0.wants_write() {
            self.0.write_tls(&mut Ready(stream))?;
        }
        Ok(())
    }
}

/// Shows nothing of what goes over it.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("it was too slow in its TLS handshake")
            }
            Self::Io(error) => write!(f, "it ended the TLS handshake ({error})"),
            Self::Refused(why) | Self::RefusedByPeer(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for HandshakeError {}

/// A socket read without waiting, and written to without a signal.
struct Ready<'a>(&'a Stream);

impl Read for Ready<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match recv(self.0, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((_, read)) => Ok(read),
            Err(Errno::INTR) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Write for Ready<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| send(self.0, bytes, SendFlags::NOSIGNAL))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// In words for people, who have to mend it.
fn why(error: &Error) -> HandshakeError {
    let refused = |why: &str| HandshakeError::Refused(why.to_owned());
    match error {
        Error::AlertReceived(alert) => HandshakeError::RefusedByPeer(match alert {
            AlertDescription::CertificateRequired => {
                "refused a connection without a client certificate, which the cluster asks for".to_owned()
            }
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown => {
                "refused the certificate, which doesn't chain to one that it trusts".to_owned()
            }
            AlertDescription::CertificateExpired => {
                "refused the certificate, which isn't valid now".to_owned()
            }
            AlertDescription::ProtocolVersion => "speaks no version of TLS that is spoken here".to_owned(),
            alert => format!("refused the connection (TLS alert {alert:?})"),
        }),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            refused("has a certificate that has expired")
        }
        Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => refused("has a certificate that isn't valid yet"),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            refused("has a certificate that doesn't chain to one that is trusted")
        }
        Error::InvalidCertificate(
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
        ) => refused("has a certificate that is for something else (its extended key usage)"),
        Error::InvalidCertificate(other) => {
            HandshakeError::Refused(format!("has a certificate that is no good ({other:?})"))
        }
        Error::NoCertificatesPresented => refused("has shown no certificate"),
        Error::PeerIncompatible(other) => {
            HandshakeError::Refused(format!("speaks no TLS that is spoken here ({other:?})"))
        }
        Error::InvalidMessage(_) => refused("sent what isn't TLS"),
        other => HandshakeError::Refused(format!("doesn't keep to TLS ({other})")),
    }
}
