//! Every operation with every member that boto3's model of the API has, right and wrong, and every list in pages.

use std::net::SocketAddr;
use std::sync::Arc;

use strongroom_control_plane::{ApiConfig, ApiServer};
use strongroom_testkit::{python, run};

use crate::echo::Echo;
use crate::service::{Service, client_at, python_program};

#[test]
fn in_boto3() {
    let config = ApiConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ApiConfig::default() };
    let server = ApiServer::start(config, Arc::new(Echo::default())).expect("a server");
    for protocol in ["json", "smithy-rpc-v2-cbor"] {
        let mut program = client_at(&format!("http://{}", server.local_addr()), python());
        run(program.arg(python_program("every_operation.py")).env("PROTOCOL", protocol));
    }
}

#[test]
fn wrong_ones_are_refused_by_a_real_daemon_and_nothing_has_changed() {
    let service = Service::start();
    eprintln!("{}", run(&mut service.python("bad_input.py")).stdout());
}
