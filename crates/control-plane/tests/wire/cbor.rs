//! Smithy RPC v2 in CBOR.

use ciborium::Value as Cbor;
use serde_json::json;
use strongroom_control_plane::{ApiError, ErrorKind};

use crate::http::{Server, as_cbor, cbor_request, untagged};
use crate::json::expected;
use crate::samples::samples;

#[test]
fn every_operation_with_every_member() {
    let server = Server::start();
    for sample in samples() {
        let reply = server.cbor(sample.operation, &as_cbor(&sample.input));
        assert_eq!(reply.status, 200, "{}: {:?}", sample.operation, reply.cbor());
        let mut answer = untagged(&reply.cbor());
        answer.as_object_mut().unwrap().remove("NextToken");
        assert_eq!(answer, expected(sample.operation), "{}", sample.operation);
    }
}

/// Both protocols hand the operations the same.
#[test]
fn inputs_are_those_of_json() {
    let server = Server::start();
    for sample in samples() {
        server.json(sample.operation, &sample.input);
        let by_json = server.echo.last().1;
        server.cbor(sample.operation, &as_cbor(&sample.input));
        assert_eq!(server.echo.last().1, by_json, "{}", sample.operation);
    }
}

#[test]
fn instants_have_tag_1() {
    let server = Server::start();
    let reply = server.cbor("DescribeClusters", &as_cbor(&json!({"MaxResults": 1}))).cbor();
    let member = |map: &Cbor, name: &str| {
        let found = map.as_map().unwrap().iter().find(|(key, _)| key.as_text() == Some(name));
        found.unwrap_or_else(|| panic!("{name} in {map:?}")).1.clone()
    };
    let cluster = member(&reply, "Clusters").as_array().unwrap()[0].clone();
    let whole = Cbor::Tag(1, Box::new(Cbor::Integer(1_795_318_859_i64.into())));
    assert_eq!(member(&cluster, "CreateTimestamp"), whole);
    let fraction = Cbor::Tag(1, Box::new(Cbor::Float(1_795_318_859.25)));
    assert_eq!(member(&cluster, "HsmTypeRollbackExpiration"), fraction);
    assert!(member(&reply, "NextToken").is_text());
}

/// As the Java client writes: maps, lists and texts without their lengths.
#[test]
fn indefinite_lengths() {
    let server = Server::start();
    let mut body = vec![0xbf, 0x67];
    body.extend(b"Filters");
    body.extend([0xbf, 0x66]);
    body.extend(b"states");
    body.extend([0x9f, 0x7f, 0x63]);
    body.extend(b"ACT");
    body.push(0x63);
    body.extend(b"IVE");
    body.extend([0xff, 0xff, 0xff, 0x6a]);
    body.extend(b"MaxResults");
    body.extend([0x05, 0xff]);
    let reply = server.send(&cbor_request("DescribeClusters", &body));
    assert_eq!(reply.status, 200, "{:?}", reply.cbor());
    let asked = server.echo.last().1;
    assert!(asked.contains("states: Some([Active])") && asked.contains("max_results: Some(5)"), "{asked}");
    // The example of the notes, byte for byte, and an operation without input.
    let captured = b"\xa2\x67Filters\xa1\x66states\x81\x66ACTIVE\x6aMaxResults\x05";
    assert_eq!(server.send(&cbor_request("DescribeClusters", captured)).status, 200);
    assert_eq!(server.echo.last().1, asked);
    assert_eq!(server.send(&cbor_request("DescribeClusters", b"")).status, 200);
}

#[test]
fn each_exception() {
    let server = Server::start();
    for kind in ErrorKind::ALL {
        *server.echo.refuse.lock().unwrap() = Some(ApiError::new(kind, "What is wrong."));
        let reply = server.cbor("DescribeClusters", &as_cbor(&json!({})));
        assert_eq!(reply.status, kind.status());
        assert_eq!(reply.error(), (kind.name().to_owned(), "What is wrong.".to_owned()));
        let full = format!("com.amazonaws.cloudhsmv2#{}", kind.name());
        assert_eq!(untagged(&reply.cbor())["__type"], full.as_str());
    }
}

#[test]
fn what_is_no_call() {
    let server = Server::start();
    let reply = server.cbor("DescribeClustrs", &as_cbor(&json!({})));
    assert_eq!(reply.error().0, "UnknownOperationException");
    // A web page could send this one without asking; it lacks the header that a page can't set.
    let body = b"\xa0";
    let plain = cbor_request("DescribeClusters", body);
    let plain = String::from_utf8_lossy(&plain).replace("smithy-protocol: rpc-v2-cbor\r\n", "");
    let reply =
        server.send(&[plain.split("\r\n\r\n").next().unwrap().as_bytes(), b"\r\n\r\n", body].concat());
    assert_eq!(reply.error().0, "UnknownOperationException");
    let nested = [vec![0x81; 100_000], vec![0xf6]].concat();
    let hostile: [&[u8]; 9] = [
        b"\xff",
        b"\xa1",
        b"\xa0\xa0",
        b"\x80",
        b"\xa1\x01\x02",
        // Texts and lists that claim to be longer than all memory.
        b"\xa1\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x61a\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x61a\x62\xff\xfe",
        &nested,
    ];
    for body in hostile {
        let reply = server.send(&cbor_request("DescribeClusters", body));
        let shown = &body[..body.len().min(10)];
        assert_eq!((reply.status, reply.error().0.as_str()), (400, "SerializationException"), "{shown:x?}");
    }
    assert_eq!(server.echo.count(), 0);
}
