//! Clients that are slow, large, many, or in pieces.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use strongroom_control_plane::{ApiServer, Limits, MAX_BODY, StartError};

use crate::http::{Reply, Server, config, json_request};

fn impatient() -> Server {
    let time = Duration::from_millis(500);
    Server::with(config(), Limits { head_time: time, body_time: time, connections: 8 })
}

/// Whether the server has closed a connection, waiting for it.
fn closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_gigabyte_is_refused_before_it_comes() {
    let server = Server::start();
    for expect in ["", "Expect: 100-continue\r\n"] {
        let mut stream = server.connect();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: BaldrApiService.DescribeClusters\r\n{expect}\
             Content-Length: 1073741824\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let reply = Reply::read(&mut stream).unwrap();
        assert_eq!((reply.status, reply.error().0.as_str()), (413, "RequestEntityTooLargeException"));
        assert!(closed(&mut stream));
    }
    assert_eq!(server.echo.count(), 0);
}

/// Nobody says how long a body in chunks is.
#[test]
fn a_body_without_end_is_refused() {
    let server = Server::start();
    let mut stream = server.connect();
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: BaldrApiService.DescribeClusters\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let sent = (0..1024).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!(sent < 1024, "64 megabytes were taken");
    assert_eq!(server.echo.count(), 0);
    assert_eq!(server.json("DescribeClusters", &json!({})).status, 200);
}

#[test]
fn the_largest_body_is_read() {
    let server = Server::start();
    let body = |length: usize| format!("{{}}{}", " ".repeat(length - 2));
    assert_eq!(server.send(&json_request("DescribeClusters", body(MAX_BODY).as_bytes(), "")).status, 200);
    let mut stream = server.connect();
    let _ = stream.write_all(&json_request("DescribeClusters", body(MAX_BODY + 1).as_bytes(), ""));
    assert!(Reply::read(&mut stream).is_none_or(|reply| reply.status == 413));
    assert_eq!(server.echo.count(), 1);
}

#[test]
fn heads_have_a_limit() {
    let server = Server::start();
    let long = format!("X-Long: {}\r\n", "a".repeat(64 * 1024));
    assert_eq!(server.send(&json_request("DescribeClusters", b"{}", &long)).status, 431);
    let many: String = (0..100).map(|number| format!("X-{number}: a\r\n")).collect();
    assert_eq!(server.send(&json_request("DescribeClusters", b"{}", &many)).status, 431);
    assert_eq!(server.echo.count(), 0);
}

/// Each byte comes before any time-out between bytes would strike.
#[test]
fn slow_heads_and_bodies_end() {
    let server = impatient();
    let request = json_request("DescribeClusters", b"{}                    ", "");
    let body_begins = request.len() - 22;
    for quick in [0, body_begins] {
        let mut stream = server.connect();
        stream.write_all(&request[..quick]).unwrap();
        let start = Instant::now();
        let drip = request[quick..].iter().take_while(|byte| {
            sleep(Duration::from_millis(50));
            stream.write_all(&[**byte]).is_ok()
        });
        drip.count();
        let reply = Reply::read(&mut stream);
        assert!(reply.is_none_or(|reply| reply.status == 408), "from {quick}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(server.echo.count(), 0);
}

/// Idle connections fill the server; they go by themselves, and others are told to come again.
#[test]
fn too_many_connections() {
    let server = impatient();
    let idle: Vec<_> = (0..8).map(|_| server.connect()).collect();
    sleep(Duration::from_millis(100));
    let mut ninth = server.connect();
    assert_eq!(Reply::read(&mut ninth).unwrap().status, 503);
    for mut stream in idle {
        assert!(closed(&mut stream));
    }
    assert_eq!(server.json("DescribeClusters", &json!({})).status, 200);
}

#[test]
fn requests_in_pieces_and_in_rows() {
    let server = Server::start();
    let request = json_request("DescribeClusters", b"{\"MaxResults\": 1}", "");
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for piece in request.chunks(7) {
        stream.write_all(piece).unwrap();
        sleep(Duration::from_millis(1));
    }
    assert_eq!(Reply::read(&mut stream).unwrap().status, 200);
    // Clients send two bytes of body in a segment of their own.
    let (head, body) = request.split_at(request.len() - 17);
    stream.write_all(head).unwrap();
    sleep(Duration::from_millis(50));
    stream.write_all(body).unwrap();
    assert_eq!(Reply::read(&mut stream).unwrap().status, 200);
    // Three at once on the same connection.
    stream.write_all(&request.repeat(3)).unwrap();
    for _ in 0..3 {
        assert_eq!(Reply::read(&mut stream).unwrap().json()["Clusters"].as_array().unwrap().len(), 1);
    }
    let chunked = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: BaldrApiService.DescribeClusters\r\n\
                   Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
    stream.write_all(chunked.as_bytes()).unwrap();
    assert_eq!(Reply::read(&mut stream).unwrap().status, 200);
    assert_eq!(server.echo.count(), 6);
}

/// Two lengths, or a length and chunks, are how requests are smuggled past a proxy.
#[test]
fn ambiguous_lengths() {
    let server = Server::start();
    let mut stream = server.connect();
    let two = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: BaldrApiService.DescribeClusters\r\n\
               Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ";
    stream.write_all(two.as_bytes()).unwrap();
    assert_eq!(Reply::read(&mut stream).unwrap().status, 400);
    assert_eq!(server.echo.count(), 0);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = server.connect();
        stream.write_all(garbage).unwrap();
        assert!(Reply::read(&mut stream).is_none_or(|reply| reply.status >= 400));
    }
    assert_eq!(server.json("DescribeClusters", &json!({})).status, 200);
}

/// Whoever leaves in the middle of a call doesn't end it.
#[test]
fn a_client_that_leaves() {
    let server = Server::start();
    *server.echo.slow.lock().unwrap() = Duration::from_millis(200);
    let mut stream = server.connect();
    stream.write_all(&json_request("DeleteBackup", b"{\"BackupId\": \"backup-abcdefg2345\"}", "")).unwrap();
    sleep(Duration::from_millis(50));
    drop(stream);
    assert_eq!(server.json("DescribeClusters", &json!({})).status, 200);
    assert_eq!(server.echo.count(), 2);
}

#[test]
fn stopping_answers_what_is_under_way() {
    let server = Server::start();
    *server.echo.slow.lock().unwrap() = Duration::from_millis(500);
    let (mut busy, mut idle) = (server.connect(), server.connect());
    busy.write_all(&json_request("DescribeClusters", b"{}", "")).unwrap();
    sleep(Duration::from_millis(100));
    let Server { server, .. } = server;
    let address = server.local_addr();
    let start = Instant::now();
    server.stop();
    assert!(start.elapsed() < Duration::from_secs(5), "idle connections held it up");
    assert_eq!(Reply::read(&mut busy).unwrap().status, 200);
    assert!(closed(&mut idle));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn an_address_that_is_taken() {
    let server = Server::start();
    let taken = strongroom_control_plane::ApiConfig { listen: server.server.local_addr(), ..config() };
    let error = ApiServer::start(taken, server.echo.clone()).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&server.server.local_addr().to_string()), "{error}");
}
