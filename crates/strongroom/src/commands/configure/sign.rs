//! Signature Version 4 of one POST to `/`.

use strongroom_client::date;
use strongroom_control_plane::signature::{ALGORITHM, Signed, TERMINATOR};

const SERVICE: &str = "cloudhsm";

/// Who signs. The secret isn't shown.
pub(super) struct Credentials {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

/// The headers that a request needs beside `headers`, whose names are in lower case, sorted by the caller or not.
pub(super) fn headers(
    by: &Credentials,
    region: &str,
    now: u64,
    host: &str,
    headers: &[(String, String)],
    body: &str,
) -> Vec<(String, String)> {
    let time = timestamp(now);
    let day = &time[..8];
    let mut added = vec![("x-amz-date".to_owned(), time.clone())];
    added.extend(by.token.iter().map(|token| ("x-amz-security-token".to_owned(), token.clone())));
    let mut signed = vec![("host", host.to_owned())];
    signed.extend(headers.iter().chain(&added).map(|(name, value)| (name.as_str(), value.trim().to_owned())));
    signed.sort_unstable();
    let request = Signed { method: "POST", path: "/", query: "", headers: &signed, body: body.as_bytes() };
    let authorization = format!(
        "{ALGORITHM} Credential={}/{day}/{region}/{SERVICE}/{TERMINATOR}, SignedHeaders={}, Signature={}",
        by.id,
        request.names(),
        request.signature(&by.secret, [day, region, SERVICE], &time)
    );
    added.push(("authorization".to_owned(), authorization));
    added
}

/// `YYYYMMDDThhmmssZ` of seconds since 1970.
fn timestamp(now: u64) -> String {
    let (year, month, day) = date(now);
    let second = now % 86_400;
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written() {
        assert_eq!(timestamp(0), "19700101T000000Z");
        assert_eq!(timestamp(1_440_938_160), "20150830T123600Z");
        assert_eq!(timestamp(1_709_251_199), "20240229T235959Z");
    }

    /// Signed by botocore 1.43.11.
    #[test]
    fn as_boto3_signs() {
        let by = Credentials {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
        };
        let extra = [
            ("x-amz-target".to_owned(), "BaldrApiService.DescribeClusters".to_owned()),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ];
        let added = headers(&by, "eu-west-1", 1_795_318_859, "127.0.0.1:5556", &extra, "{\"MaxResults\": 5}");
        let (name, value) = added.last().unwrap();
        assert_eq!(name, "authorization");
        assert_eq!(
            value,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-west-1/cloudhsm/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
             Signature=0f55680ecef968a68ddd21a8538f4fed3ec8037b8a0e71e9c8c95ecac96e5c77"
        );
    }

    #[test]
    fn a_signature_depends_on_all_of_it() {
        let by = |secret: &str| Credentials { id: "id".to_owned(), secret: secret.to_owned(), token: None };
        let signature = |secret: &str, region: &str, now, host: &str, value: &str, body: &str| {
            let extra = [("x-amz-target".to_owned(), value.to_owned())];
            headers(&by(secret), region, now, host, &extra, body).pop().unwrap().1
        };
        let one = signature("secret", "us-east-1", 5, "h", "t", "{}");
        assert!(one.contains("SignedHeaders=host;x-amz-date;x-amz-target, Signature="), "{one}");
        assert_eq!(one, signature("secret", "us-east-1", 5, "h", "t", "{}"));
        for other in [
            signature("secrets", "us-east-1", 5, "h", "t", "{}"),
            signature("secret", "us-east-2", 5, "h", "t", "{}"),
            signature("secret", "us-east-1", 6, "h", "t", "{}"),
            signature("secret", "us-east-1", 5, "g", "t", "{}"),
            signature("secret", "us-east-1", 5, "h", "u", "{}"),
            signature("secret", "us-east-1", 5, "h", "t", "{ }"),
        ] {
            assert_ne!(one, other);
        }
    }
}
