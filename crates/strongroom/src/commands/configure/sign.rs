//! Signature Version 4 of one POST to `/`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

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
    let mut signed: Vec<(&str, &str)> = vec![("host", host)];
    signed.extend(headers.iter().chain(&added).map(|(name, value)| (name.as_str(), value.as_str())));
    signed.sort_unstable();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", hex(&Sha256::digest(body)));
    let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = mac(format!("AWS4{}", by.secret).as_bytes(), day);
    for part in [region, SERVICE, "aws4_request", text.as_str()] {
        key = mac(&key, part);
    }
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        by.id,
        hex(&key)
    );
    added.push(("authorization".to_owned(), authorization));
    added
}

fn mac(key: &[u8], data: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `YYYYMMDDThhmmssZ` of seconds since 1970.
fn timestamp(now: u64) -> String {
    let (days, second) = (now / 86_400, now % 86_400);
    // Years that begin in March have the leap day at their end; eras of 400 years are all alike.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carry;
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
