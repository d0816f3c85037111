//! Every member of every operation: missing, of another type, out of its bounds; by both protocols.

use ciborium::Value as Cbor;
use serde_json::{Value, json};

use crate::http::{Reply, Server, as_cbor};
use crate::samples::{Sample, bad_values, samples};

/// A refusal that names the member, and nothing that reached the operations.
fn refused(server: &Server, sample: &Sample, reply: &Reply, member: &str, expect: &str) {
    let (name, message) = reply.error();
    let context = format!("{} {member} {expect}: {message}", sample.operation);
    assert_eq!((reply.status, name.as_str()), (400, "CloudHsmInvalidRequestException"), "{context}");
    assert!(message.contains(member) && message.contains(expect), "{context}");
    assert!(message.len() < 2000, "{context}");
    assert_eq!(server.echo.count(), 0, "{context}");
}

fn both(server: &Server, sample: &Sample, input: &Value, member: &str, expect: &str) {
    refused(server, sample, &server.json(sample.operation, input), member, expect);
    refused(server, sample, &server.cbor(sample.operation, &as_cbor(input)), member, expect);
}

fn with(sample: &Sample, member: &str, value: Value) -> Value {
    let mut input = sample.input.clone();
    input[member] = value;
    input
}

fn members(sample: &Sample) -> Vec<String> {
    let mut members: Vec<_> = sample.input.as_object().unwrap().keys().cloned().collect();
    if members.iter().any(|member| member == "MaxResults") {
        members.push("NextToken".to_owned());
    }
    members
}

#[test]
fn missing() {
    let server = Server::start();
    for sample in samples() {
        for member in sample.required {
            let mut input = sample.input.clone();
            input.as_object_mut().unwrap().remove(*member);
            both(&server, &sample, &input, member, "is missing");
            both(&server, &sample, &with(&sample, member, Value::Null), member, "is missing");
        }
    }
}

/// A value of each type that JSON and CBOR have, at every member that takes another.
#[test]
fn of_another_type() {
    let server = Server::start();
    let others = [json!("text"), json!(7), json!(1.5), json!(true), json!(["x"]), json!({"x": ["y"]})];
    for sample in samples() {
        for member in members(&sample) {
            let right = sample.input.get(&member).cloned().unwrap_or_else(|| json!("token"));
            for other in &others {
                if std::mem::discriminant(other) != std::mem::discriminant(&right) {
                    both(&server, &sample, &with(&sample, &member, other.clone()), &member, "must be");
                }
            }
            let mut input = as_cbor(&sample.input);
            let members = input.as_map_mut().unwrap();
            members.retain(|(key, _)| key.as_text() != Some(&member));
            members.push((Cbor::Text(member.clone()), Cbor::Bytes(b"ACTIVE".to_vec())));
            refused(&server, &sample, &server.cbor(sample.operation, &input), &member, "must be");
        }
    }
}

#[test]
fn out_of_bounds() {
    let server = Server::start();
    for sample in samples() {
        for member in members(&sample) {
            let bad = bad_values(sample.operation, &member);
            assert!(!bad.is_empty());
            for (value, expect) in bad {
                both(&server, &sample, &with(&sample, &member, value), &member, expect);
            }
        }
    }
}

/// All that is wrong is told at once, and not too much of it.
#[test]
fn several_at_once() {
    let server = Server::start();
    let (_, message) = server.json("CreateHsm", &json!({"ClusterId": "x", "IpAddress": 1})).error();
    for part in
        ["CreateHsm: ", "ClusterId must be", "AvailabilityZone is missing.", "IpAddress must be a text."]
    {
        assert!(message.contains(part), "{message}");
    }
    let secret = "x".repeat(10_000);
    let tags: Vec<_> = (0..50).map(|_| json!({"Key": secret, "Value": secret})).collect();
    let (_, message) = server.json("TagResource", &json!({"ResourceId": "y", "TagList": tags})).error();
    assert!(message.ends_with("There is more.") && message.len() < 2000, "{message}");
}
