use std::io::Write;
use std::os::unix::net::UnixStream;

use strongroom_wire::Stream;

use super::*;

fn pair() -> (Line, Stream) {
    let (one, other) = UnixStream::pair().unwrap();
    (Line::plain(Stream::new(one)).unwrap(), Stream::new(other))
}

/// A `Wait` that believes in a spare core wherever the test runs.
fn wait(micros: u64) -> Wait {
    Wait { cores: AtomicUsize::new(2), taken: Duration::MAX, turn: Duration::MAX, ..Wait::new(micros, None) }
}

#[test]
fn waits_in_vain_become_rare_and_success_forgives() {
    let wait = wait(1);
    let kind = &wait.kinds[kind_of(&Request::Info)];
    let (mut ours, mut peer) = pair();
    let mut tried = Vec::new();
    for call in 0..40 {
        let in_flight = wait.begin();
        let mut answer = in_flight.answer(&mut ours, &Request::Info);
        let awake = answer.awake.is_some();
        if awake {
            tried.push(call);
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                until(|| !awake || kind.skip.load(Ordering::Relaxed) > 0);
                peer.write_all(b"x").unwrap();
            });
            assert_eq!(answer.read(&mut [0; 9]).unwrap(), 1);
        });
    }
    assert_eq!(tried, [0, 2, 5, 10, 19, 36]);
    let wait = Wait { budget: Duration::from_secs(60), ..wait };
    let kind = &wait.kinds[kind_of(&Request::Info)];
    kind.skip.store(0, Ordering::Relaxed);
    peer.write_all(b"x").unwrap();
    assert_eq!(wait.begin().answer(&mut ours, &Request::Info).read(&mut [0; 9]).unwrap(), 1);
    assert_eq!(kind.penalty.load(Ordering::Relaxed), 1);
    assert!(kind.is_due());
}

#[test]
fn a_core_that_others_take_again_and_again_is_not_spare() {
    let wait = Wait { taken: Duration::ZERO, ..wait(60_000_000) };
    let (mut ours, mut peer) = pair();
    let kind = &wait.kinds[kind_of(&Request::Info)];
    // Every look at the clock finds that the core was taken.
    let mut call_with_a_gap = |done: &(dyn Fn() -> bool + Sync)| {
        let in_flight = wait.begin();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                until(done);
                peer.write_all(b"x").unwrap();
            });
            assert_eq!(in_flight.answer(&mut ours, &Request::Info).read(&mut [0; 9]).unwrap(), 1);
        });
    };
    let watched = || kind.watched.load(Ordering::Relaxed) == WATCHED;
    call_with_a_gap(&watched);
    for _ in 0..WATCHED {
        assert!(kind.is_due(), "once is nobody's fault");
    }
    call_with_a_gap(&watched);
    assert!(kind.is_due());
    let rests = || kind.skip.load(Ordering::Relaxed) == RESTED;
    call_with_a_gap(&rests);
    assert!(!kind.is_due());

    let other = Kind::new();
    other.taken(true);
    assert!(!other.is_due(), "a turn is no chance");
}

#[test]
fn only_a_lone_call_with_a_spare_core_waits_awake() {
    let (mut ours, _peer) = pair();
    let alone = |wait: &Wait, line: &mut Line| wait.begin().answer(line, &Request::Info).awake.is_some();
    assert!(alone(&wait(50), &mut ours));
    assert!(!alone(&wait(0), &mut ours));
    let busy = wait(50);
    let other = busy.begin();
    assert!(!alone(&busy, &mut ours));
    drop(other);
    assert!(alone(&busy, &mut ours));
    busy.cores.store(1, Ordering::Relaxed);
    assert!(!alone(&busy, &mut ours));
}

#[test]
fn a_crowd_is_more_than_two_calls_for_each_core() {
    let wait = wait(50);
    let calls: Vec<_> = (0..6).map(|_| wait.begin()).collect();
    let crowded: Vec<_> = calls.iter().map(InFlight::is_crowded).collect();
    assert_eq!(crowded, [false, false, false, false, true, true]);
    drop(calls);
    assert!(!wait.begin().is_crowded());
}

#[test]
fn how_to_sleep_depends_on_how_many_call() {
    let wait = wait(50);
    let calls: Vec<_> = (0..5).map(|_| wait.begin()).collect();
    let manners: Vec<_> = calls.iter().map(InFlight::manner).collect();
    assert_eq!(manners[..2], [Manner::Anywhere, Manner::NearWaker]);
    assert!(manners[2..].iter().all(|manner| *manner == Manner::Anywhere));
}

#[test]
fn a_second_call_ends_the_waiting() {
    let wait = wait(60_000_000);
    let (mut ours, mut peer) = pair();
    let first = wait.begin();
    let this_thread = std::fs::read_link("/proc/thread-self").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let state = || {
                let stat =
                    std::fs::read_to_string(std::path::Path::new("/proc").join(&this_thread).join("stat"));
                stat.unwrap().rsplit(')').next().unwrap().trim_start().chars().next()
            };
            until(|| state() == Some('R'));
            let _second = wait.begin();
            until(|| state() == Some('S'));
            peer.write_all(b"x").unwrap();
        });
        assert_eq!(first.answer(&mut ours, &Request::Info).read(&mut [0; 9]).unwrap(), 1);
    });
    assert_eq!(wait.kinds[kind_of(&Request::Info)].penalty.load(Ordering::Relaxed), 1);
}

fn until(condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !condition() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(condition(), "it isn't so after 5 seconds");
}
