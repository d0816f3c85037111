//! Who may call: signatures are verified if credentials are configured, else whoever reaches the port is let in.

use hyper::HeaderMap;
use subtle::ConstantTimeEq;

use super::scope::Authorization;
use super::signature::signature;
use super::{Call, Refusal};
use crate::config::{ApiConfig, Credential};
use crate::shapes::{Region, Timestamp};
use crate::{AccountId, ApiError, Caller};

/// How far a request's clock may be off, in seconds.
const MAX_SKEW: i64 = 300;
/// The service's name in the scope of signatures.
const SERVICE: &str = "cloudhsm";

/// The rules of the configuration.
pub(crate) struct Access {
    credentials: Vec<Credential>,
    account: AccountId,
    region: Region,
    host_names: Vec<String>,
}

impl Access {
    pub(crate) fn new(config: ApiConfig) -> Self {
        Self {
            credentials: config.credentials,
            account: config.account,
            region: config.region,
            host_names: config.host_names,
        }
    }

    /// Tells who calls, if they may.
    pub(super) fn admit(&self, call: &Call<'_>, request_id: &str) -> Result<Caller, Refusal> {
        let header = text(call.headers, "authorization")?;
        let authorization = header.map(Authorization::parse);
        let account = if self.credentials.is_empty() {
            self.host_is_ours(call.headers)?;
            let key = authorization.as_ref().and_then(|read| read.as_ref().ok()).map(|read| read.access_key);
            key.and_then(|key| key.parse().ok()).unwrap_or_else(|| self.account.clone())
        } else {
            self.verify(call, authorization.as_ref(), Timestamp::now())?
        };
        let region = match authorization {
            Some(Ok(read)) => read.region.parse().map_err(|fault: String| {
                Refusal::from(ApiError::invalid(format!(
                    "The region that the request is signed for: {fault}."
                )))
            })?,
            _ => self.region.clone(),
        };
        Ok(Caller { account, region, request_id: request_id.to_owned() })
    }

    /// Without signatures a web page could call, by a name of its own that it makes stand for this address.
    fn host_is_ours(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = text(headers, "host")?.unwrap_or_default();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        let is_address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        if is_address
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.host_names.iter().any(|known| known.eq_ignore_ascii_case(&name))
        {
            return Ok(());
        }
        Err(Refusal::from(ApiError::denied(
            "This host name isn't one the control plane knows. Call it by its address or as localhost, or add the name \
             to host_names in the section [aws] of the daemon's configuration.",
        )))
    }

    fn verify(
        &self,
        call: &Call<'_>,
        authorization: Option<&Result<Authorization<'_>, String>>,
        now: Timestamp,
    ) -> Result<AccountId, Refusal> {
        let authorization = match authorization {
            Some(Ok(authorization)) => authorization,
            Some(Err(fault)) => {
                return Err(Refusal::new(
                    403,
                    "IncompleteSignatureException",
                    format!("The header Authorization {fault}."),
                ));
            }
            None => {
                return Err(Refusal::new(
                    403,
                    "MissingAuthenticationTokenException",
                    "The request isn't signed. Configure the client with an access key that the control plane knows.",
                ));
            }
        };
        let credential = self
            .credentials
            .iter()
            .find(|known| known.access_key == authorization.access_key)
            .ok_or_else(|| {
            unrecognized(
                "The control plane doesn't know this access key. Its configuration lists those it knows.",
            )
        })?;
        session_token(credential, call.headers)?;
        let instant = self.scope(call, authorization, now)?;
        let right = signature(call, authorization, instant, credential.secret_key.expose());
        if bool::from(right.as_bytes().ct_eq(authorization.signature.as_bytes())) {
            return Ok(credential.account.clone().unwrap_or_else(|| self.account.clone()));
        }
        Err(invalid("The signature doesn't match the request. Check the client's secret key."))
    }

    /// Checks what is signed, for what and when; gives the instant as it was signed.
    fn scope<'a>(
        &self,
        call: &Call<'a>,
        authorization: &Authorization<'_>,
        now: Timestamp,
    ) -> Result<&'a str, Refusal> {
        if authorization.service != SERVICE {
            return Err(invalid(format!(
                "The signature is for another service; this one is named {SERVICE}."
            )));
        }
        if call.query.is_some_and(|query| !query.is_empty()) {
            return Err(invalid("The request has a query; no call of this API has one."));
        }
        for name in ["host", "x-amz-date", "x-amz-target", "x-amz-security-token"] {
            let needed = matches!(name, "host" | "x-amz-date") || call.headers.contains_key(name);
            if needed && !authorization.signed_headers.contains(&name) {
                return Err(invalid(format!("The header {name} must be signed.")));
            }
        }
        let instant = text(call.headers, "x-amz-date")?.unwrap_or_default();
        let signed = seconds(instant)
            .ok_or_else(|| invalid("The header X-Amz-Date must look like 20261122T034059Z."))?;
        if !instant.starts_with(authorization.day) || authorization.day.len() != 8 {
            return Err(invalid("The day in the signature's scope is another than in X-Amz-Date."));
        }
        if (now.millis() / 1000 - signed).abs() > MAX_SKEW {
            return Err(Refusal::new(
                400,
                "RequestExpired",
                format!(
                    "The request was signed at {instant}, more than {MAX_SKEW} seconds from now. Set the clocks."
                ),
            ));
        }
        Ok(instant)
    }
}

/// Temporary credentials come with a token, and no others do.
fn session_token(credential: &Credential, headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = text(headers, "x-amz-security-token")?;
    let fits = match (&credential.session_token, sent) {
        (None, None) => true,
        (Some(right), Some(sent)) => bool::from(right.expose().as_bytes().ct_eq(sent.as_bytes())),
        _ => false,
    };
    if fits { Ok(()) } else { Err(unrecognized("The session token isn't the one of this access key.")) }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(invalid(format!("The header {name} is there more than once.")));
    }
    let text =
        first.map(|value| value.to_str().map_err(|_| invalid(format!("The header {name} is not text."))));
    text.transpose()
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(403, "InvalidSignatureException", message)
}

fn unrecognized(message: impl Into<String>) -> Refusal {
    Refusal::new(403, "UnrecognizedClientException", message)
}

/// Seconds since 1970 of an instant such as `20261122T034059Z`.
fn seconds(instant: &str) -> Option<i64> {
    let bytes = instant.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = &bytes[from..to];
        digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        for (text, right) in [
            ("19700101T000000Z", Some(0)),
            ("20000229T120000Z", Some(951_825_600)),
            ("20261122T034059Z", Some(1_795_318_859)),
            ("20150830T123600Z", Some(1_440_938_160)),
            ("20151330T123600Z", None),
            ("2015-08-30T12:36", None),
            ("+0150830T123600Z", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), right, "{text}");
        }
    }
}
