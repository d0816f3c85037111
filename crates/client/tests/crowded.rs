//! A node whose daemon was stopped (SIGSTOP), so that its socket's queue fills up and lets nobody in.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use strongroom_wire::Stream;

#[test]
fn connecting_has_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let limit = Duration::from_millis(100);
    let mut waiting = Vec::new();
    let (refused, took) = loop {
        let begun = Instant::now();
        match Stream::connect_within(&path, limit) {
            Ok(stream) => waiting.push(stream),
            Err(error) => break (error, begun.elapsed()),
        }
        assert!(waiting.len() < 8, "the queue has no end");
    };
    assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
    assert!(took >= limit && took < 20 * limit, "{took:?}");
    // Once there's room one is let in, and what is sent then waits for as long as it must.
    let _first = rustix::net::accept(&listener).unwrap();
    let stream = Stream::connect_within(&path, limit).unwrap();
    assert_eq!(sockopt::socket_timeout(stream.as_fd(), Timeout::Send).unwrap(), None);
    let missing = Stream::connect(&dir.path().join("nobody")).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    let long = dir.path().join("x".repeat(200));
    assert_eq!(Stream::connect(&long).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}
