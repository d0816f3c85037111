//! Calls that a client makes again because it didn't see the answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_control_plane::ApiError;

use crate::http::{Reply, Server, json_request};

fn input() -> Value {
    json!({"HsmType": "hsm2m.medium", "SubnetIds": ["subnet-01234567"]})
}

fn attempt(server: &Server, operation: &str, input: &Value, id: &str) -> Reply {
    let headers = format!("amz-sdk-invocation-id: {id}\r\n");
    server.send(&json_request(operation, input.to_string().as_bytes(), &headers))
}

#[test]
fn a_change_is_made_once() {
    let server = Server::start();
    let first = attempt(&server, "CreateCluster", &input(), "one");
    let second = attempt(&server, "CreateCluster", &input(), "one");
    assert_eq!((first.json(), server.echo.count()), (second.json(), 1));
    assert_ne!(first.header("x-amzn-requestid"), second.header("x-amzn-requestid"));
    attempt(&server, "CreateCluster", &input(), "two");
    assert_eq!(server.echo.count(), 2);
    let mut other = input();
    other["Mode"] = json!("FIPS");
    attempt(&server, "CreateCluster", &other, "two");
    assert_eq!(server.echo.count(), 3);
    attempt(&server, "DeleteCluster", &json!({"ClusterId": "cluster-abcdefg2345"}), "two");
    assert_eq!(server.echo.count(), 4);
    for _ in 0..2 {
        server.json("CreateCluster", &input());
        attempt(&server, "DescribeClusters", &json!({}), "three");
    }
    assert_eq!(server.echo.count(), 8);
}

#[test]
fn a_failure_is_tried_again() {
    let server = Server::start();
    *server.echo.refuse.lock().unwrap() = Some(ApiError::internal("The disk is full."));
    assert_eq!(attempt(&server, "CreateCluster", &input(), "one").status, 500);
    assert_eq!(attempt(&server, "CreateCluster", &input(), "one").status, 200);
    assert_eq!(server.echo.count(), 2);
}

/// The client gave up waiting and calls again while the first attempt is still at it.
#[test]
fn a_second_attempt_waits_for_the_first() {
    let server = Arc::new(Server::start());
    *server.echo.slow.lock().unwrap() = Duration::from_millis(500);
    let attempts: Vec<_> = (0..4)
        .map(|_| {
            let server = Arc::clone(&server);
            std::thread::spawn(move || attempt(&server, "CreateCluster", &input(), "one").status)
        })
        .collect();
    assert!(attempts.into_iter().all(|attempt| attempt.join().unwrap() == 200));
    assert_eq!(server.echo.count(), 1);
}
