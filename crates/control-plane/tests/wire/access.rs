//! Who may call: signed and unsigned requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};
use strongroom_control_plane::{ApiConfig, ApiServer, Credential, Limits, Secret, StartError};

use crate::echo::id;
use crate::http::{Reply, Server, config, json_request};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const BODY: &[u8] = b"{\"MaxResults\": 1}";

fn credential(access_key: &str) -> Credential {
    Credential {
        access_key: access_key.to_owned(),
        secret_key: Secret::from(SECRET.to_owned()),
        session_token: None,
        account: None,
    }
}

fn verifying() -> Server {
    let foreign = Credential { account: Some(id("999988887777")), ..credential("AKIDFOREIGN") };
    let temporary =
        Credential { session_token: Some(Secret::from("TOKEN".to_owned())), ..credential("ASIATEMPORARY") };
    let credentials = vec![credential("AKIDEXAMPLE"), foreign, temporary];
    Server::with(ApiConfig { credentials, ..config() }, Limits::default())
}

/// A request about to be signed; tests change one thing.
struct Signed {
    access_key: &'static str,
    secret: &'static str,
    region: &'static str,
    service: &'static str,
    /// How far from now, in seconds.
    age: i64,
    signed_headers: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What is sent, where it isn't what was signed.
    sent_body: Option<&'static [u8]>,
    sent_target: Option<&'static str>,
    /// What is done to the finished header.
    spoil: fn(String) -> String,
}

impl Default for Signed {
    fn default() -> Self {
        Self {
            access_key: "AKIDEXAMPLE",
            secret: SECRET,
            region: "eu-west-1",
            service: "cloudhsm",
            age: 0,
            signed_headers: "content-type;host;x-amz-date;x-amz-target",
            headers: Vec::new(),
            sent_body: None,
            sent_target: None,
            spoil: |header| header,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8], data: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// `date` of coreutils knows the calendar better than a test should.
fn amz_date(age: i64) -> String {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{}", now - age), "+%Y%m%dT%H%M%SZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Signed {
    fn send(&self, server: &Server) -> Reply {
        let date = amz_date(self.age);
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("host", "127.0.0.1:5556".to_owned()),
            ("x-amz-date", date.clone()),
            ("x-amz-target", "BaldrApiService.DescribeClusters".to_owned()),
        ];
        headers.extend(self.headers.clone());
        let mut canonical = "POST\n/\n\n".to_owned();
        for name in self.signed_headers.split(';') {
            let (_, value) = headers.iter().find(|(known, _)| *known == name).unwrap();
            canonical.push_str(&format!("{name}:{value}\n"));
        }
        canonical.push_str(&format!("\n{}\n{}", self.signed_headers, hex(&Sha256::digest(BODY))));
        let scope = format!("{}/{}/{}/aws4_request", &date[..8], self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let key =
            scope.split('/').fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| hmac(&key, part));
        let authorization = (self.spoil)(format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={}",
            self.access_key,
            self.signed_headers,
            hex(&hmac(&key, &to_sign))
        ));
        if let Some(target) = self.sent_target {
            headers[3].1 = target.to_owned();
        }
        let body = self.sent_body.unwrap_or(BODY);
        let mut request = "POST / HTTP/1.1\r\n".to_owned();
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request
            .push_str(&format!("authorization: {authorization}\r\ncontent-length: {}\r\n\r\n", body.len()));
        server.send(&[request.as_bytes(), body].concat())
    }
}

#[test]
fn signed_calls() {
    let server = verifying();
    assert_eq!(Signed::default().send(&server).status, 200);
    let (caller, _) = server.echo.last();
    assert_eq!((caller.account.as_str(), caller.region.as_str()), ("123456789012", "eu-west-1"));
    assert_eq!(Signed { access_key: "AKIDFOREIGN", ..Signed::default() }.send(&server).status, 200);
    assert_eq!(server.echo.last().0.account.as_str(), "999988887777");
    let token = |token: &str| Signed {
        access_key: "ASIATEMPORARY",
        signed_headers: "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        headers: vec![("x-amz-security-token", token.to_owned())],
        ..Signed::default()
    };
    assert_eq!(token("TOKEN").send(&server).status, 200);
    assert_eq!(token("TOKEM").send(&server).error().0, "UnrecognizedClientException");
    // Clocks differ by some minutes.
    for age in [-250, 250] {
        assert_eq!(Signed { age, ..Signed::default() }.send(&server).status, 200, "{age}");
    }
}

#[test]
fn wrongly_signed_calls() {
    let server = verifying();
    let flipped = |mut header: String| {
        let last = header.pop().unwrap();
        header.push(if last == '0' { '1' } else { '0' });
        header
    };
    let cases: Vec<(&str, u16, &str, Signed)> = vec![
        ("key", 403, "UnrecognizedClientException", Signed { access_key: "AKIDOTHER", ..Signed::default() }),
        ("secret", 403, "InvalidSignatureException", Signed { secret: "other", ..Signed::default() }),
        (
            "body",
            403,
            "InvalidSignatureException",
            Signed { sent_body: Some(b"{\"MaxResults\": 2}"), ..Signed::default() },
        ),
        (
            "target",
            403,
            "InvalidSignatureException",
            Signed { sent_target: Some("BaldrApiService.DeleteCluster"), ..Signed::default() },
        ),
        ("service", 403, "InvalidSignatureException", Signed { service: "kms", ..Signed::default() }),
        ("old", 400, "RequestExpired", Signed { age: 400, ..Signed::default() }),
        ("future", 400, "RequestExpired", Signed { age: -400, ..Signed::default() }),
        ("yesterday", 400, "RequestExpired", Signed { age: 86_400, ..Signed::default() }),
        ("bit", 403, "InvalidSignatureException", Signed { spoil: flipped, ..Signed::default() }),
        (
            "short",
            403,
            "InvalidSignatureException",
            Signed { spoil: |header| header[..header.len() - 1].to_owned(), ..Signed::default() },
        ),
        (
            "none",
            403,
            "InvalidSignatureException",
            Signed { spoil: |header| header[..header.len() - 64].to_owned(), ..Signed::default() },
        ),
        (
            "region",
            403,
            "InvalidSignatureException",
            Signed { spoil: |header| header.replace("eu-west-1", "us-east-1"), ..Signed::default() },
        ),
        (
            "host unsigned",
            403,
            "InvalidSignatureException",
            Signed { signed_headers: "content-type;x-amz-date;x-amz-target", ..Signed::default() },
        ),
        (
            "date unsigned",
            403,
            "InvalidSignatureException",
            Signed { signed_headers: "content-type;host;x-amz-target", ..Signed::default() },
        ),
        (
            "target unsigned",
            403,
            "InvalidSignatureException",
            Signed { signed_headers: "content-type;host;x-amz-date", ..Signed::default() },
        ),
        (
            "stray token",
            403,
            "UnrecognizedClientException",
            Signed { headers: vec![("x-amz-security-token", "TOKEN".to_owned())], ..Signed::default() },
        ),
        (
            "no token",
            403,
            "UnrecognizedClientException",
            Signed { access_key: "ASIATEMPORARY", ..Signed::default() },
        ),
        (
            "basic",
            403,
            "IncompleteSignatureException",
            Signed { spoil: |_| "Basic eDp5".to_owned(), ..Signed::default() },
        ),
        (
            "scope",
            403,
            "IncompleteSignatureException",
            Signed { spoil: |header| header.replace("/aws4_request", ""), ..Signed::default() },
        ),
        (
            "headers",
            403,
            "IncompleteSignatureException",
            Signed { spoil: |header| header.replace("SignedHeaders", "Headers"), ..Signed::default() },
        ),
    ];
    for (what, status, name, request) in cases {
        let reply = request.send(&server);
        let (found, message) = reply.error();
        assert_eq!((reply.status, found.as_str()), (status, name), "{what}: {message}");
        assert!(!message.contains(SECRET) && !message.contains("TOKEN"), "{message}");
    }
    let reply = server.json("DescribeClusters", &json!({}));
    assert_eq!((reply.status, reply.error().0.as_str()), (403, "MissingAuthenticationTokenException"));
    // Strangers learn nothing of what operations there are.
    let reply = server.json("Nonsense", &json!({}));
    assert_eq!(reply.error().0, "MissingAuthenticationTokenException");
    assert_eq!(server.echo.count(), 0);
}

/// Without credentials the header only tells account and region.
#[test]
fn unverified_calls() {
    let server = Server::start();
    let place = |server: &Server| {
        let (caller, _) = server.echo.last();
        (caller.account.as_str().to_owned(), caller.region.as_str().to_owned())
    };
    let pair = |account: &str, region: &str| (account.to_owned(), region.to_owned());
    server.json("DescribeClusters", &json!({}));
    assert_eq!(place(&server), pair("123456789012", "us-east-1"));
    assert_eq!(Signed { secret: "any", ..Signed::default() }.send(&server).status, 200);
    assert_eq!(place(&server), pair("123456789012", "eu-west-1"));
    assert_eq!(
        Signed { access_key: "111122223333", region: "us-gov-west-1", ..Signed::default() }
            .send(&server)
            .status,
        200
    );
    assert_eq!(place(&server), pair("111122223333", "us-gov-west-1"));
    let (name, message) = Signed { region: "local", ..Signed::default() }.send(&server).error();
    assert_eq!(name, "CloudHsmInvalidRequestException");
    assert!(message.contains("\"local\""), "{message}");
}

/// A web page may call by its own name, which its owner makes stand for 127.0.0.1.
#[test]
fn host_names() {
    let known = ApiConfig { host_names: vec!["strongroom.test".to_owned()], ..config() };
    let server = Server::with(known, Limits::default());
    for (host, admitted) in [
        ("127.0.0.1:5556", true),
        ("127.0.0.1", true),
        ("[::1]:5556", true),
        ("localhost:1", true),
        ("LOCALHOST", true),
        ("api.localhost:5556", true),
        ("Strongroom.Test:5556", true),
        ("evil.example:5556", false),
        ("localhost.evil.example", false),
        ("127.0.0.1.evil.example:5556", false),
        ("", false),
    ] {
        let request = String::from_utf8(json_request("DescribeClusters", b"{}", "")).unwrap();
        let reply = server.send(request.replace("Host: 127.0.0.1:5556", &format!("Host: {host}")).as_bytes());
        assert_eq!(reply.status == 200, admitted, "{host}");
        if !admitted {
            assert_eq!(reply.error().0, "CloudHsmAccessDeniedException", "{host}");
        }
    }
}

#[test]
fn configurations_that_are_refused() {
    let refused = |config: ApiConfig, part: &str| {
        let echo = std::sync::Arc::new(crate::echo::Echo::default());
        match ApiServer::start(config, echo) {
            Err(StartError::Config(problem)) => assert!(problem.contains(part), "{problem}"),
            other => panic!("{part}: {other:?}"),
        }
    };
    let everywhere = || ApiConfig { listen: ([0, 0, 0, 0], 0).into(), ..config() };
    refused(everywhere(), "only with credentials");
    refused(ApiConfig { credentials: vec![credential("A"), credential("A")], ..config() }, "twice");
    refused(ApiConfig { credentials: vec![credential("a/b")], ..config() }, "letters and digits");
    refused(ApiConfig { credentials: vec![credential("")], ..config() }, "letters and digits");
    let empty = Credential { secret_key: Secret::from(String::new()), ..credential("A") };
    refused(ApiConfig { credentials: vec![empty], ..config() }, "is empty");
    let open = ApiConfig { credentials: vec![credential("A")], ..everywhere() };
    let server = Server::with(open, Limits { head_time: Duration::from_secs(1), ..Limits::default() });
    assert!(server.server.local_addr().ip().is_unspecified());
}

#[test]
fn configuration_files() {
    let read = |text: &str| serde_json::from_str::<ApiConfig>(text).map_err(|error| error.to_string());
    let whole = read(
        r#"{"listen": "127.0.0.1:0", "region": "eu-west-1", "account": "111122223333", "host_names": [],
            "credentials": [{"access_key": "A", "secret_key": "SECRET", "account": "444455556666"}]}"#,
    )
    .unwrap();
    assert_eq!((whole.region.as_str(), whole.account.as_str()), ("eu-west-1", "111122223333"));
    assert!(!format!("{whole:?}").contains("SECRET"));
    assert_eq!(read("{}").unwrap(), ApiConfig::default());
    assert_eq!(ApiConfig::default().listen.to_string(), "127.0.0.1:5556");
    for (text, part) in [
        (r#"{"port": 1}"#, "unknown field `port`"),
        (r#"{"listen": "localhost"}"#, "invalid socket address"),
        (r#"{"region": "moon"}"#, "must be a region"),
        (r#"{"account": "1"}"#, "twelve digits"),
        (r#"{"credentials": [{"access_key": "A"}]}"#, "missing field `secret_key`"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}
