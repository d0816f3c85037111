//! AWS signature version 4: what a request's signature is. Who calls makes it, who is called makes it again.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The name of the algorithm, as it stands in the header `Authorization`.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What ends every scope.
pub const TERMINATOR: &str = "aws4_request";

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `POST` for all of this API.
    pub method: &'a str,
    /// Signed as it stands: no path of this API has anything to escape.
    pub path: &'a str,
    /// Empty for all of this API.
    pub query: &'a str,
    /// Names in lower case, sorted, and values with single spaces.
    pub headers: &'a [(&'a str, String)],
    /// All of the body.
    pub body: &'a [u8],
}

impl Signed<'_> {
    /// The names of the headers, as `SignedHeaders` has them.
    pub fn names(&self) -> String {
        self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
    }

    /// The signature by whoever knows the secret, in hexadecimal. `scope` is day, region and service; `instant` is the header
    /// `X-Amz-Date`.
    pub fn signature(&self, secret: &str, scope: [&str; 3], instant: &str) -> String {
        let [day, region, service] = scope;
        let scope = [day, region, service, TERMINATOR];
        let request = hex(&Sha256::digest(self.canonical()));
        let to_sign = format!("{ALGORITHM}\n{instant}\n{}\n{request}", scope.join("/"));
        let first = Zeroizing::new(format!("AWS4{secret}").into_bytes());
        let key = scope.iter().fold(first, |key, part| mac(&key, part.as_bytes()));
        hex(&mac(&key, to_sign.as_bytes()))
    }

    fn canonical(&self) -> String {
        let Self { method, path, query, .. } = self;
        let lines: String = self.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        format!("{method}\n{path}\n{query}\n{lines}\n{}\n{}", self.names(), hex(&Sha256::digest(self.body)))
    }
}

fn mac(key: &[u8], data: &[u8]) -> Zeroizing<Vec<u8>> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key will do");
    mac.update(data);
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
