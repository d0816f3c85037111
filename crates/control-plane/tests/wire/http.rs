//! A server under test, and a client that sends exactly the bytes it's told to.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ciborium::Value as Cbor;
use serde_json::Value;
use strongroom_control_plane::{ApiConfig, ApiServer, Limits};

use crate::echo::Echo;

pub(crate) struct Server {
    pub(crate) echo: Arc<Echo>,
    pub(crate) server: ApiServer,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn config() -> ApiConfig {
    ApiConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ApiConfig::default() }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(config(), Limits::default())
    }

    pub(crate) fn with(config: ApiConfig, limits: Limits) -> Self {
        let echo = Arc::new(Echo::default());
        let server = ApiServer::start_with(config, Arc::clone(&echo) as _, limits).unwrap();
        Self { echo, server }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.local_addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// Sends bytes and reads one reply.
    pub(crate) fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        Reply::read(&mut stream).expect("a reply")
    }

    /// Calls by JSON 1.1.
    pub(crate) fn json(&self, operation: &str, input: &Value) -> Reply {
        self.send(&json_request(operation, input.to_string().as_bytes(), ""))
    }

    /// Calls by CBOR.
    pub(crate) fn cbor(&self, operation: &str, input: &Cbor) -> Reply {
        let mut body = Vec::new();
        ciborium::into_writer(input, &mut body).unwrap();
        self.send(&cbor_request(operation, &body))
    }
}

pub(crate) fn json_request(operation: &str, body: &[u8], headers: &str) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:5556\r\nX-Amz-Target: BaldrApiService.{operation}\r\n\
         Content-Type: application/x-amz-json-1.1\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub(crate) fn cbor_request(operation: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /service/BaldrApiService/operation/{operation} HTTP/1.1\r\nHost: localhost\r\n\
         smithy-protocol: rpc-v2-cbor\r\nAccept: application/cbor\r\nContent-Type: application/cbor\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

impl Reply {
    /// Reads a reply; `None` if the connection ends before it.
    pub(crate) fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(0) => return None,
                Ok(_) => bytes.push(byte[0]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
            }
        }
        let head = String::from_utf8(bytes).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let reply = Self { status, head, body: Vec::new() };
        let mut body = vec![0; reply.header("content-length").unwrap_or("0").parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        Some(Self { body, ..reply })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/x-amz-json-1.1"));
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn cbor(&self) -> Cbor {
        assert_eq!(self.header("content-type"), Some("application/cbor"));
        assert_eq!(self.header("smithy-protocol"), Some("rpc-v2-cbor"));
        ciborium::from_reader(&self.body[..]).unwrap()
    }

    /// The exception's name and its message, whichever protocol it came by.
    pub(crate) fn error(&self) -> (String, String) {
        assert_ne!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        let document = match self.header("content-type") {
            Some("application/cbor") => untagged(&self.cbor()),
            _ => self.json(),
        };
        let name = document["__type"].as_str().unwrap();
        let name = name.rsplit('#').next().unwrap();
        assert_eq!(self.header("x-amzn-errortype"), Some(name));
        assert_eq!(document["Message"], document["message"]);
        (name.to_owned(), document["Message"].as_str().unwrap().to_owned())
    }
}

/// CBOR as JSON; instants lose their tag, which [`crate::cbor`] looks at.
pub(crate) fn untagged(value: &Cbor) -> Value {
    match value {
        Cbor::Tag(1, inner) => untagged(inner),
        Cbor::Map(members) => {
            members.iter().map(|(key, value)| (key.as_text().unwrap().to_owned(), untagged(value))).collect()
        }
        Cbor::Array(items) => items.iter().map(untagged).collect(),
        other => other.serialized_json(),
    }
}

trait Plain {
    fn serialized_json(&self) -> Value;
}

impl Plain for Cbor {
    fn serialized_json(&self) -> Value {
        serde_json::to_value(self).unwrap()
    }
}

/// JSON as CBOR.
pub(crate) fn as_cbor(value: &Value) -> Cbor {
    Cbor::serialized(value).unwrap()
}
