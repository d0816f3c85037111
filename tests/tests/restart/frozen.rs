//! A daemon that is stopped by a signal, as by a debugger, a frozen container or a machine that's moved: connections stay, new ones are
//! taken by the kernel, and nobody answers.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, wait_until};
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Template};

/// How long the daemon doesn't run.
const PAUSE: Duration = Duration::from_secs(2);

/// A daemon that doesn't run until this is dropped: one that a failing test leaves stopped couldn't be ended.
struct Frozen(Pid);

impl Frozen {
    fn new(cluster: &Cluster) -> Self {
        let pid = Pid::from_raw(cluster.daemon_pid().cast_signed()).expect("the daemon's process id");
        kill_process(pid, Signal::STOP).expect("SIGSTOP");
        let frozen = Self(pid);
        // Each of its threads stops when its turn comes, and might answer until then.
        let tasks = format!("/proc/{}/task", cluster.daemon_pid());
        wait_until("the daemon stops", Duration::from_secs(10), || {
            let tasks = fs::read_dir(&tasks).expect("the daemon's threads");
            tasks.flatten().all(|task| {
                let status = fs::read_to_string(task.path().join("status"));
                status.map_or(true, |status| status.contains("State:\tT"))
            })
        });
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // Nobody is there any more where a test has killed it.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

/// Has the module's file say more.
fn with(cluster: &Cluster, more: &str) {
    let own = cluster.folder().join("own.toml");
    let config = fs::read_to_string(cluster.config()).expect("client.toml");
    fs::write(&own, format!("{config}\n{more}\n")).expect("a file");
    // SAFETY: no other thread of this process runs yet.
    unsafe { std::env::set_var("STRONGROOM_CONFIG", &own) };
}

/// Has threads sign and make token keys while the daemon stops and goes on. No call fails, since it has a minute; what was acknowledged
/// is there, also after a crash.
fn calls_wait_for_it(retry: &str, threads: u8) {
    let mut cluster = Cluster::start();
    let raw = Raw::load(&cluster);
    with(&cluster, &format!("retry = \"{retry}\""));
    raw.initialize().expect("C_Initialize");
    let session = raw.logged_in(&cluster);
    let pair = session.p256(true, "signs").expect("a key pair");
    let (stop, made, slowest) = (AtomicBool::new(false), Mutex::new(Vec::new()), Mutex::new(Duration::ZERO));
    let begun = Instant::now();
    let after = Mutex::new(0);
    thread::scope(|scope| {
        for number in 0..threads {
            let (raw, stop, made, slowest, after) = (&raw, &stop, &made, &slowest, &after);
            scope.spawn(move || {
                let session = raw.open().expect("C_OpenSession");
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let signature = session.ecdsa(pair.private, &[number; 32]).expect("a signature");
                    session.check_ecdsa(pair.public, &[number; 32], &signature).expect("a right one");
                    let key = session.aes(true, "made").expect("a token key");
                    made.lock().expect("keys").push(key);
                    let mut slowest = slowest.lock().expect("a time");
                    *slowest = start.elapsed().max(*slowest);
                    if begun.elapsed() > PAUSE + Duration::from_millis(500) {
                        *after.lock().expect("a count") += 1;
                    }
                }
            });
        }
        thread::sleep(Duration::from_millis(300));
        let frozen = Frozen::new(&cluster);
        thread::sleep(PAUSE);
        drop(frozen);
        thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
    });
    let (made, slowest) = (made.into_inner().expect("keys"), slowest.into_inner().expect("a time"));
    let after = after.into_inner().expect("a count");
    eprintln!(
        "{threads} threads, retry {retry}: {} keys, {after} of them afterwards, longest {slowest:?}",
        made.len()
    );
    assert!(slowest >= PAUSE / 2, "{slowest:?}: the daemon wasn't stopped");
    assert!(after > 0, "nobody went on");

    cluster.kill();
    cluster.start_again();
    for key in made {
        assert!(session.attribute(key, cryptoki_sys::CKA_LABEL).is_ok(), "the key {key:#x} is lost");
    }
    raw.finalize().expect("C_Finalize");
}

#[test]
fn one_thread_waits_and_goes_on() {
    alone(|| calls_wait_for_it("standard", 1));
}

#[test]
fn sixteen_threads_wait_and_go_on() {
    alone(|| calls_wait_for_it("standard", 16));
}

#[test]
fn without_retries_one_thread_waits_and_goes_on() {
    alone(|| calls_wait_for_it("off", 1));
}

#[test]
fn without_retries_sixteen_threads_wait_and_go_on() {
    alone(|| calls_wait_for_it("off", 16));
}

/// The time limit of the file holds for a whole daemon as for one node, for threads that wait together as for one.
fn calls_end_in_time(retry: &str, threads: u8, bound: Duration) {
    let cluster = Cluster::start();
    let raw = Raw::load(&cluster);
    with(&cluster, &format!("call_timeout_ms = 500\nretry = \"{retry}\"\nreconnect_ms = 500"));
    raw.initialize().expect("C_Initialize");
    let session = raw.logged_in(&cluster);
    let pair = session.p256(true, "signs").expect("a key pair");
    let sessions: Vec<_> = (0..threads).map(|_| raw.open().expect("C_OpenSession")).collect();
    let frozen = Frozen::new(&cluster);
    thread::scope(|scope| {
        for session in &sessions {
            scope.spawn(move || {
                for _ in 0..2 {
                    let begun = Instant::now();
                    let refused = session.ecdsa(pair.private, &[1; 32]).map(drop);
                    assert_eq!(refused, Err(ReturnCode::DEVICE_ERROR));
                    assert!(begun.elapsed() < bound, "{:?} is long to give up", begun.elapsed());
                }
            });
        }
    });
    drop(frozen);
    // By itself: no call but those that the application makes anyway.
    let begun = Instant::now();
    while session.ecdsa(pair.private, &[2; 32]).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(15), "the client doesn't find its daemon again");
        thread::sleep(Duration::from_millis(20));
    }
    eprintln!("retry {retry}, {threads} threads: signs again after {:?}", begun.elapsed());
    for session in &sessions {
        session.ecdsa(pair.private, &[3; 32]).expect("a signature");
    }
    raw.finalize().expect("C_Finalize");
}

#[test]
fn calls_have_an_end_as_configured_and_the_client_goes_on_by_itself() {
    alone(|| calls_end_in_time("standard", 1, Duration::from_secs(8)));
}

#[test]
fn sixteen_calls_at_once_have_an_end_as_configured() {
    alone(|| calls_end_in_time("standard", 16, Duration::from_secs(8)));
}

#[test]
fn without_retries_calls_have_an_end_as_configured() {
    alone(|| {
        calls_end_in_time("off", 1, Duration::from_secs(4));
    });
}

#[test]
fn without_retries_sixteen_calls_at_once_have_an_end_as_configured() {
    alone(|| calls_end_in_time("off", 16, Duration::from_secs(4)));
}

#[test]
fn who_comes_meanwhile_is_told_in_time_and_served_afterwards() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        with(&cluster, "call_timeout_ms = 500");
        let frozen = Frozen::new(&cluster);
        let begun = Instant::now();
        raw.initialize().expect("C_Initialize");
        let refused = raw.open().map(drop);
        assert!(refused.is_err(), "a session with a daemon that doesn't run");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?} is long to give up", begun.elapsed());
        eprintln!("a client that comes meanwhile: {refused:?} after {:?}", begun.elapsed());
        drop(frozen);
        let begun = Instant::now();
        while raw.slots(true) != Ok(vec![0]) {
            assert!(begun.elapsed() < Duration::from_secs(15), "the client doesn't find its daemon");
            thread::sleep(Duration::from_millis(20));
        }
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "signs").expect("a key pair");
        session.ecdsa(pair.private, &[1; 32]).expect("a signature");
        raw.finalize().expect("C_Finalize");
    });
}

/// Whoever watches over a daemon that hangs kills it, and starts another: the calls that waited are served by that one.
#[test]
fn one_that_never_goes_on_is_killed_and_its_successor_serves_who_waited() {
    alone(|| {
        let mut cluster = Cluster::start();
        let raw = Raw::load(&cluster);
        with(&cluster, "reconnect_ms = 20000");
        raw.initialize().expect("C_Initialize");
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "signs").expect("a key pair");
        let sessions: Vec<_> = (0..16).map(|_| raw.open().expect("C_OpenSession")).collect();
        let _frozen = Frozen::new(&cluster);
        thread::scope(|scope| {
            for session in &sessions {
                scope.spawn(move || session.ecdsa(pair.private, &[1; 32]).expect("a signature"));
            }
            thread::sleep(PAUSE);
            cluster.kill();
            cluster.start_again();
        });
        assert_eq!(session.find(&Template::new()).map(|found| found.len()), Ok(2));
        raw.finalize().expect("C_Finalize");
    });
}
