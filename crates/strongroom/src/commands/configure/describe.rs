//! Asking the control plane where a cluster's nodes are.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::PORT;
use super::http::Endpoint;
use super::sign::{Credentials, headers};
use crate::output::Failure;

/// Where the daemon serves the API unless it's told otherwise.
const ENDPOINT: &str = "http://127.0.0.1:5556";
const REGION: &str = "us-east-1";

/// The addresses of a cluster's nodes.
pub(super) fn addresses(
    id: &str,
    endpoint: Option<&str>,
    region: Option<&str>,
) -> Result<Vec<(String, u16)>, Failure> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = endpoint
        .map(str::to_owned)
        .or_else(|| variable("AWS_ENDPOINT_URL_CLOUDHSM_V2"))
        .or_else(|| variable("AWS_ENDPOINT_URL"))
        .unwrap_or_else(|| ENDPOINT.to_owned());
    let endpoint = Endpoint::parse(&endpoint)?;
    let region = region
        .map(str::to_owned)
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .or_else(|| variable("AWS_REGION"))
        .unwrap_or_else(|| REGION.to_owned());
    let credentials = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Some(Credentials { id, secret, token: variable("AWS_SESSION_TOKEN") }),
        _ => None,
    };
    if credentials.is_none() && !endpoint.is_loopback() {
        return Err(Failure::new(format!(
            "the control plane at {} isn't on this machine, so the call must be signed: set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
            endpoint.authority
        )));
    }
    let body = json!({ "Filters": { "clusterIds": [id] } }).to_string();
    let mut sent = vec![
        ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target".to_owned(), "BaldrApiService.DescribeClusters".to_owned()),
    ];
    if let Some(by) = credentials {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        sent.extend(headers(&by, &region, now, &endpoint.authority, &sent, &body));
    }
    let (status, answer) = endpoint.post(&sent, &body)?;
    let strange = || {
        Failure::new(format!(
            "the control plane at {} gave an answer that makes no sense",
            endpoint.authority
        ))
    };
    let answer: Value = serde_json::from_str(&answer).map_err(|_| strange())?;
    if status != 200 {
        let of = |key: &str| answer.get(key).and_then(Value::as_str);
        let message =
            of("message").or_else(|| of("Message")).or_else(|| of("__type")).unwrap_or("it doesn't say why");
        return Err(Failure::new(format!(
            "the control plane at {} refused (status {status}): {message}",
            endpoint.authority
        )));
    }
    nodes(id, &region, &answer).ok_or_else(strange)?
}

/// The nodes that the answer names; `None` if it isn't one.
fn nodes(id: &str, region: &str, answer: &Value) -> Option<Result<Vec<(String, u16)>, Failure>> {
    let clusters = answer.get("Clusters")?.as_array()?;
    let Some(cluster) = clusters.iter().find(|cluster| cluster["ClusterId"] == id) else {
        return Some(Err(Failure::new(format!(
            "there is no cluster {id} in region {region}: see --region and --endpoint"
        ))));
    };
    let nodes = cluster.get("Hsms")?.as_array()?;
    let active = nodes.iter().filter(|node| node["State"] == "ACTIVE");
    let addresses: Vec<_> =
        active.filter_map(|node| Some((node["EniIp"].as_str()?.to_owned(), PORT))).collect();
    Some(match addresses.is_empty() {
        true => Err(Failure::new(format!(
            "cluster {id} has no HSM that is active: make one with  aws cloudhsmv2 create-hsm"
        ))),
        false => Ok(addresses),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_nodes_are_taken_from_the_answer() {
        let answer = json!({ "Clusters": [{ "ClusterId": "cluster-a", "Hsms": [
            { "State": "ACTIVE", "EniIp": "127.5.5.5" }, { "State": "CREATE_IN_PROGRESS" },
            { "State": "ACTIVE", "EniIp": "127.5.5.6" },
        ]}]});
        let found = nodes("cluster-a", "r", &answer).unwrap().unwrap();
        assert_eq!(found, [("127.5.5.5".to_owned(), 2223), ("127.5.5.6".to_owned(), 2223)]);
        let error = nodes("cluster-b", "r", &answer).unwrap().unwrap_err().to_string();
        assert!(error.contains("no cluster cluster-b in region r"), "{error}");
        let empty = json!({ "Clusters": [{ "ClusterId": "cluster-a", "Hsms": [] }] });
        assert!(nodes("cluster-a", "r", &empty).unwrap().unwrap_err().to_string().contains("create-hsm"));
        assert!(nodes("cluster-a", "r", &json!({})).is_none());
    }
}
