//! AWS signature version 4, recomputed.

use super::Call;
use super::scope::Authorization;
use crate::signature::Signed;

/// The signature that a request has if whoever made it knows the secret, in hexadecimal.
///
/// `instant` is the header `X-Amz-Date`.
pub(super) fn signature(
    call: &Call<'_>,
    authorization: &Authorization<'_>,
    instant: &str,
    secret: &str,
) -> String {
    let value = |name: &&str| {
        let values = call.headers.get_all(*name).iter().map(|value| tidy(value.as_bytes()));
        values.collect::<Vec<_>>().join(",")
    };
    let headers: Vec<_> = authorization.signed_headers.iter().map(|name| (*name, value(name))).collect();
    let signed = Signed {
        method: call.method,
        path: call.path,
        query: call.query.unwrap_or_default(),
        headers: &headers,
        body: call.body,
    };
    signed.signature(secret, [authorization.day, authorization.region, authorization.service], instant)
}

/// A header's value with single spaces.
fn tidy(value: &[u8]) -> String {
    String::from_utf8_lossy(value).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// Whether a request's own signature is what is computed.
    fn verifies(
        method: &str,
        path: &str,
        query: Option<&str>,
        headers: &[(&'static str, &str)],
        body: &[u8],
    ) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let header = headers["authorization"].to_str().unwrap().to_owned();
        let instant = headers["x-amz-date"].to_str().unwrap().to_owned();
        let authorization = Authorization::parse(&header).unwrap();
        let call = Call { method, path, query, headers: &headers, body };
        signature(&call, &authorization, &instant, SECRET) == authorization.signature
    }

    /// The example in AWS's documentation of signatures.
    #[test]
    fn published_example() {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ];
        assert!(verifies("GET", "/", Some("Action=ListUsers&Version=2010-05-08"), &headers, b""));
        assert!(!verifies("GET", "/", Some("Action=ListUsers&Version=2010-05-09"), &headers, b""));
    }

    /// Signed by botocore 1.43.11.
    #[test]
    fn as_boto3_signs() {
        let json = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", "127.0.0.1:5556"),
            ("x-amz-date", "20261122T034059Z"),
            ("x-amz-target", "BaldrApiService.DescribeClusters"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-west-1/cloudhsm/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                 Signature=0f55680ecef968a68ddd21a8538f4fed3ec8037b8a0e71e9c8c95ecac96e5c77",
            ),
        ];
        assert!(verifies("POST", "/", None, &json, b"{\"MaxResults\": 5}"));
        assert!(!verifies("POST", "/", None, &json, b"{\"MaxResults\": 6}"));
        let cbor = [
            ("accept", "application/cbor"),
            ("content-type", "application/cbor"),
            ("host", "127.0.0.1:5556"),
            ("smithy-protocol", "rpc-v2-cbor"),
            ("x-amz-date", "20261122T034059Z"),
            ("x-amz-security-token", "TOKENTOKEN"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-west-1/cloudhsm/aws4_request, \
                 SignedHeaders=accept;content-type;host;smithy-protocol;x-amz-date;x-amz-security-token, \
                 Signature=24d389d4e402945d95639970c63df50f0f335eb6c8197f6b7c2b8ca14d371b81",
            ),
        ];
        let path = "/service/BaldrApiService/operation/DescribeClusters";
        assert!(verifies("POST", path, None, &cbor, b"\xa0"));
        assert!(!verifies("POST", "/service/BaldrApiService/operation/DeleteCluster", None, &cbor, b"\xa0"));
    }
}
