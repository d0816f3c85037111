//! Brings a cluster up, says its daemon's process id and its home, and keeps it until standard input ends.

use std::io::{Read, Write, stdin, stdout};

use strongroom_testkit::Cluster;

fn main() -> std::io::Result<()> {
    let cluster = Cluster::start();
    writeln!(stdout(), "{} {}", cluster.daemon_pid(), cluster.home().display())?;
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
