//! Memory that the module shares with the daemon: it's used, it isn't needed, and a host that takes its descriptors away
//! loses nothing.

use std::fs;
use std::io::ErrorKind;
use std::mem::forget;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Session};

/// What the memory is called.
const NAME: &str = "memfd:strongroom";

fn mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("/proc/self/maps");
    maps.lines().filter(|line| line.contains(NAME)).count()
}

/// The process's descriptors whose link says this.
fn descriptors(what: &str) -> Vec<RawFd> {
    let links = fs::read_dir("/proc/self/fd").expect("/proc/self/fd").flatten();
    let number = |link: PathBuf| {
        let target = fs::read_link(&link).unwrap_or_default();
        let wanted = target.to_string_lossy().contains(what);
        wanted.then(|| link.file_name()?.to_str()?.parse().ok()).flatten()
    };
    links.filter_map(|link| number(link.path())).collect()
}

fn sign_a_few(session: Session<'_>) {
    let pair = session.p256(false, "shared").expect("a key pair");
    for round in 0..100 {
        let signature = session.ecdsa(pair.private, &[round; 32]).expect("C_Sign");
        session.check_ecdsa(pair.public, &[round; 32], &signature).expect("C_Verify");
    }
    session.destroy(pair.private).expect("C_DestroyObject");
}

#[test]
fn messages_go_by_memory_unless_the_configuration_says_no() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        sign_a_few(raw.logged_in(&cluster));
        assert!(mappings() > 0);
        raw.finalize().expect("C_Finalize");
        assert_eq!((mappings(), descriptors(NAME).len()), (0, 0), "something was left behind");

        let mut config = fs::read_to_string(cluster.config()).expect("client.toml");
        config = config.replace("[[cluster]]", "[[cluster]]\nshared_memory = false");
        fs::write(cluster.config(), config).expect("client.toml");
        raw.initialize().expect("C_Initialize");
        sign_a_few(raw.logged_in(&cluster));
        assert_eq!(mappings(), 0);
    });
}

#[test]
fn a_host_that_puts_its_own_descriptors_in_the_place_of_ours_keeps_them_and_calls_go_on() {
    alone(|| {
        let cluster = Cluster::start();
        let before = descriptors("socket:");
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        sign_a_few(session);
        let mut ours = descriptors("socket:");
        ours.retain(|socket| !before.contains(socket));
        ours.extend(descriptors(NAME));
        assert!(ours.len() >= 2, "a socket and the memory: {ours:?}");

        let (stranger, far) = UnixStream::pair().expect("a pair of sockets");
        for number in &ours {
            // SAFETY: the number is a descriptor's, which is replaced, and forgotten instead of closed.
            let mut place = unsafe { OwnedFd::from_raw_fd(*number) };
            rustix::io::dup2(&stranger, &mut place).expect("dup2");
            forget(place);
        }
        drop(stranger);
        sign_a_few(session);
        // Long enough for either end to sleep at its socket.
        std::thread::sleep(std::time::Duration::from_millis(50));
        sign_a_few(session);
        raw.finalize().expect("C_Finalize");
        far.set_nonblocking(true).expect("O_NONBLOCK");
        let said = std::io::Read::read(&mut &far, &mut [0; 1]).expect_err("a word from the module");
        assert_eq!(said.kind(), ErrorKind::WouldBlock, "the host's descriptors were closed");
    });
}
