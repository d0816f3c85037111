//! One HTTP request, within bounds.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::output::Failure;

/// How long to wait for a connection, and for each part of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer in bytes.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// Where to send it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// As in the header `host`.
    pub(super) authority: String,
    host: String,
    port: u16,
}

impl Endpoint {
    /// Reads `http://HOST[:PORT][/]`.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::new(format!("--endpoint {url:?}: {why}; write http://HOST:PORT"));
        if url.starts_with("https://") {
            return Err(wrong("the control plane speaks HTTP, on the loopback unless it's told otherwise"));
        }
        let authority = url.strip_prefix("http://").ok_or_else(|| wrong("it isn't an address of HTTP"))?;
        let authority = authority.trim_end_matches('/');
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong("its port isn't a number up to 65535"))?)
            }
            _ => (authority, 80),
        };
        let plain = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | ':' | '[' | ']')
        };
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong("it names no host"));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { authority: authority.to_owned(), host, port })
    }

    /// Whether all addresses of the host are this machine's own.
    pub(super) fn is_loopback(&self) -> bool {
        (self.host.as_str(), self.port)
            .to_socket_addrs()
            .is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback()))
    }

    /// Posts a body; the status and the body of the answer.
    pub(super) fn post(&self, headers: &[(String, String)], body: &str) -> Result<(u16, String), Failure> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Failure::new(format!(
                "the control plane at {} {what} ({error}): see that the daemon runs there and serves the API, or name another \
                 with --endpoint",
                self.authority
            ))
        };
        let unreachable = |error: &dyn std::fmt::Display| failed("can't be reached", error);
        let mut stream = self.connect().map_err(|error| unreachable(&error))?;
        let mut request = format!("POST / HTTP/1.1\r\nhost: {}\r\n", self.authority);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()));
        stream.write_all(request.as_bytes()).map_err(|error| unreachable(&error))?;

        let mut answer = Vec::new();
        stream
            .take(MAX_ANSWER)
            .read_to_end(&mut answer)
            .map_err(|error| failed("answered nothing", &error))?;
        read(&answer).ok_or_else(|| failed("answered what isn't HTTP", &"or more than is read"))
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::other("its name has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The status and the body of an answer that came whole.
fn read(answer: &[u8]) -> Option<(u16, String)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let body = &answer[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let header = |name: &str| {
        head.split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let body = match (header("transfer-encoding"), header("content-length")) {
        (Some((_, coding)), _) if coding.trim().eq_ignore_ascii_case("chunked") => unchunk(body)?,
        (Some(_), _) => return None,
        (None, Some((_, len))) => body.get(..len.trim().parse().ok()?)?.to_vec(),
        (None, None) => body.to_vec(),
    };
    Some((status, String::from_utf8(body).ok()?))
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        rest = &rest[end + 2..];
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read() {
        let read = |url: &str| Endpoint::parse(url).ok().map(|at| (at.host, at.port));
        assert_eq!(read("http://127.0.0.1:5556/"), Some(("127.0.0.1".to_owned(), 5556)));
        assert_eq!(read("http://[::1]:5"), Some(("::1".to_owned(), 5)));
        assert_eq!(read("http://host"), Some(("host".to_owned(), 80)));
        for wrong in
            ["127.0.0.1:5556", "https://h", "http://", "http://h:x", "http://h/path", "http://h:99999"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(Endpoint::parse("http://127.0.0.1:1").unwrap().is_loopback());
        assert!(!Endpoint::parse("http://192.0.2.1:1").unwrap().is_loopback());
    }

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let is = |status, body: &str| Some((status, body.to_owned()));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), is(200, "{}"));
        assert_eq!(read(b"HTTP/1.1 400 Bad\r\n\r\nx"), is(400, "x"));
        let chunked =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n1;x\r\n \r\n0\r\n\r\n";
        assert_eq!(read(chunked), is(200, "{} "));
        for cut in 0..chunked.len() - 4 {
            assert_eq!(read(&chunked[..cut]), None, "{cut}");
        }
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"), None);
        assert_eq!(read(b"SSH-2.0\r\n\r\n"), None);
    }
}
