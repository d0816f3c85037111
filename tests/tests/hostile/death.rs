//! Clients that die in the middle.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use strongroom_model::{Attributes, Blob, Role};
use strongroom_testkit::{Background, Cluster, wait_until};
use strongroom_tests::alone;
use strongroom_tests::process::{descriptors, threads};
use strongroom_tests::programs::{build, prepare};
use strongroom_tests::raw::Raw;
use strongroom_wire::{Login, Request, Response};

use crate::wire::{BYSTANDERS, Stranger, beside_others, frame};

#[test]
fn a_client_that_is_killed_in_mid_call_leaves_nothing_and_nobody_notices() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let program = build("exit", cluster.folder());
        let daemon = cluster.daemon_pid();
        beside_others(&raw, &cluster, || {
            let before = (descriptors(daemon), threads(daemon));
            for round in 0..40u64 {
                let mut command = prepare(&cluster, &program, "busy");
                let clients: Vec<_> =
                    (0..2).map(|_| Background::start(command.stdout(Stdio::null()))).collect();
                thread::sleep(Duration::from_millis(20 + round % 10 * 7));
                clients.iter().for_each(|client| client.signal(Signal::KILL));
            }
            wait_until("what the dead held is released", Duration::from_secs(10), || {
                descriptors(daemon) <= before.0 + BYSTANDERS && threads(daemon) <= before.1 + 4
            });
        });
    });
}

#[test]
fn session_objects_go_with_their_client_and_not_with_one_of_its_connections() {
    alone(|| {
        let cluster = Cluster::start();
        let socket = cluster.sockets()[0];
        let login = || {
            let (user, password) = cluster.pin().split_once(':').expect("a PIN");
            let (user, password) = (user.parse().ok(), Blob::from(password.as_bytes()));
            Request::Login(Login { role: Role::CryptoUser, user, password })
        };
        let instance = [3; 16];
        let count = |stranger: &mut Stranger| {
            let everything = Request::Find { template: Attributes::new(), after: None, limit: 100 };
            match stranger.ask(None, everything).expect("a search") {
                Response::Found(found) => found.objects.len(),
                other => panic!("{other:?}"),
            }
        };
        let mut one = Stranger::welcomed(socket, instance).expect("a connection");
        let mut other = Stranger::welcomed(socket, instance).expect("a connection");
        one.ask(None, login()).expect("a login");
        let template = Attributes::new()
            .with(strongroom_model::AttributeType::CLASS, cryptoki_sys::CKO_DATA)
            .with(strongroom_model::AttributeType::VALUE, Blob::from(*b"data"));
        one.ask(None, Request::Create { template }).expect("a session object");
        assert_eq!(count(&mut one), 1);
        assert_eq!(count(&mut other), 1);
        // It breaks off in the middle of a message.
        one.send(&frame(&login())[..10]);
        drop(one);
        thread::sleep(Duration::from_millis(200));
        assert_eq!(count(&mut other), 1);
        drop(other);
        thread::sleep(Duration::from_millis(200));
        let mut late = Stranger::welcomed(socket, instance).expect("a connection");
        assert_eq!(count(&mut late), 0);
    });
}
