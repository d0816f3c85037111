//! Who leads a lane, who goes along, and what becomes of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread::{Scope, ScopedJoinHandle};

use strongroom_wire::{Response, Standing};

use super::*;
use crate::choice::Route;
use crate::deliver::common::{FakeNode, client, obedient, sign};

const NODE: NodeId = NodeId(3);

/// What a caller saw.
#[derive(Debug, PartialEq)]
enum Seen {
    /// Led, and these went along.
    Led(Vec<u8>),
    /// Was answered with its own number.
    Answered,
    Alone,
}

fn reply(revision: u64) -> Reply {
    let standing = Standing::Current;
    Reply { revision, epoch: 0, detached: false, standing, result: Ok(Response::Done) }
}

/// Leads as a call does: sends the frames, and answers each with the number in it.
fn lead(mut lead: Lead<'_>) -> Seen {
    let mut out = Vec::new();
    lead.write(NODE, 1, &mut out);
    for number in &out {
        lead.next(Outcome::Answered(reply(u64::from(*number))));
    }
    Seen::Led(out)
}

fn call(lanes: &Lanes, only: Option<NodeId>, number: u8) -> Seen {
    match lanes.join_at(7, only, || Ok(vec![number])) {
        Part::Lead(leader) => lead(leader),
        Part::Over(Outcome::Answered(reply)) => {
            assert_eq!(reply.revision, u64::from(number));
            Seen::Answered
        }
        Part::Over(Outcome::Alone) => Seen::Alone,
        Part::Over(Outcome::Failed(failure)) => panic!("{failure:?}"),
    }
}

/// Lets callers queue up in the lane, one after another.
fn queue<'scope>(
    scope: &'scope Scope<'scope, '_>,
    lanes: &'scope Lanes,
    only: &[Option<NodeId>],
) -> Vec<ScopedJoinHandle<'scope, Seen>> {
    let spawn = |(number, only): (usize, &Option<NodeId>)| {
        let only = *only;
        let caller = scope.spawn(move || call(lanes, only, number as u8));
        let end = Instant::now() + Duration::from_secs(5);
        while lock(&lanes.lanes[7].queue).waiting.len() <= number {
            assert!(Instant::now() < end, "nobody queues up");
            std::thread::sleep(Duration::from_millis(1));
        }
        caller
    };
    only.iter().enumerate().map(spawn).collect()
}

fn first(lanes: &Lanes) -> Lead<'_> {
    match lanes.join_at(7, None, || unreachable!("who leads at once needs no frame")) {
        Part::Lead(lead) => lead,
        Part::Over(outcome) => panic!("{outcome:?}"),
    }
}

fn ends(callers: Vec<ScopedJoinHandle<'_, Seen>>) -> Vec<Seen> {
    callers.into_iter().map(|caller| caller.join().unwrap()).collect()
}

#[test]
fn who_waits_goes_along_in_order_and_no_more_than_fit() {
    let lanes = Lanes::default();
    std::thread::scope(|scope| {
        let leader = first(&lanes);
        assert!(leader.is_alone());
        let callers = queue(scope, &lanes, &[None; 20]);
        assert_eq!(lead(leader), Seen::Led(Vec::new()));
        let seen = ends(callers);
        // The 16th of those who go together is the leader itself.
        for (number, seen) in seen.iter().enumerate() {
            match number {
                0 => assert_eq!(*seen, Seen::Led((1..16).collect())),
                16 => assert_eq!(*seen, Seen::Led(vec![17, 18, 19])),
                _ => assert_eq!(*seen, Seen::Answered),
            }
        }
    });
    let lane = lock(&lanes.lanes[7].queue);
    assert!(!lane.led && lane.waiting.is_empty());
}

#[test]
fn long_frames_do_not_go_along_with_many() {
    let lanes = Lanes::default();
    let leader = first(&lanes);
    let long = |len| Arc::new(Follower::new(vec![0; len], None, Called::default()));
    lock(&lanes.lanes[7].queue).waiting.extend([long(MAX_BYTES * 2), long(1), long(MAX_BYTES), long(1)]);
    let taken = || {
        let mut leader = Lead::of(Some(&lanes.lanes[7]));
        leader.gather();
        let taken = leader.followers.len();
        std::mem::forget(leader);
        taken
    };
    assert_eq!([taken(), taken(), taken(), taken()], [1, 1, 1, 1]);
    lock(&lanes.lanes[7].queue).waiting.extend([long(MAX_BYTES / 2), long(MAX_BYTES / 2), long(1)]);
    assert_eq!([taken(), taken()], [2, 1]);
    drop(leader);
}

#[test]
fn a_leader_that_panics_leaves_the_lane_and_its_followers() {
    let lanes = Lanes::default();
    std::thread::scope(|scope| {
        let mut leader = first(&lanes);
        let callers = queue(scope, &lanes, &[None; 3]);
        leader.gather();
        let later = queue(scope, &lanes, &[None; 1]);
        let bug = catch_unwind(AssertUnwindSafe(|| {
            let mut leader = leader;
            leader.next(Outcome::Answered(reply(0)));
            panic!("a bug");
        }));
        assert!(bug.is_err());
        assert_eq!(ends(callers), [Seen::Answered, Seen::Alone, Seen::Alone]);
        assert_eq!(ends(later), [Seen::Led(Vec::new())]);
    });
    assert!(!lock(&lanes.lanes[7].queue).led);
}

#[test]
fn what_belongs_to_another_node_and_answers_that_will_not_do_are_sent_back() {
    let lanes = Lanes::default();
    std::thread::scope(|scope| {
        let mut leader = first(&lanes);
        let callers = queue(scope, &lanes, &[None, Some(NodeId(4)), Some(NODE), None]);
        leader.gather();
        let mut out = Vec::new();
        leader.write(NODE, 1, &mut out);
        assert_eq!(out, [0, 2, 3]);
        for number in out {
            leader.next(Outcome::Answered(reply(u64::from(number))));
        }
        leader.review(|reply| reply.revision != 2);
        drop(leader);
        assert_eq!(ends(callers), [Seen::Answered, Seen::Alone, Seen::Alone, Seen::Answered]);
    });
}

#[test]
fn failures_are_those_of_all() {
    let lanes = Lanes::default();
    std::thread::scope(|scope| {
        let leader = first(&lanes);
        let join = || lanes.join_at(7, None, || Ok(vec![1]));
        let caller = scope.spawn(move || match join() {
            Part::Over(Outcome::Failed(Failure::Unsent(error))) => error.kind(),
            other => panic!("{other:?}"),
        });
        while lock(&lanes.lanes[7].queue).waiting.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut leader = leader;
        leader.gather();
        leader.fail(&Failure::Unsent(io::ErrorKind::ConnectionRefused.into()));
        drop(leader);
        assert_eq!(caller.join().unwrap(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn when_others_take_the_core_calls_go_by_themselves_for_a_while() {
    let lead_after_company = |lanes: &Lanes| {
        lock(&lanes.lanes[7].queue).joined = true;
        drop(first(lanes));
    };
    let lanes = Lanes { taken: Duration::ZERO, ..Lanes::default() };
    lead_after_company(&lanes);
    // Once may be chance.
    lead_after_company(&lanes);
    for _ in 0..RESTED {
        assert_eq!(call(&lanes, None, 0), Seen::Alone);
    }
    assert_eq!(call(&lanes, None, 0), Seen::Led(Vec::new()));
    let mut lanes = Lanes { taken: Duration::ZERO, ..Lanes::default() };
    lead_after_company(&lanes);
    lanes.taken = Duration::MAX;
    for _ in 0..WATCHED {
        lead_after_company(&lanes);
    }
    lanes.taken = Duration::ZERO;
    lead_after_company(&lanes);
    assert_eq!(call(&lanes, None, 0), Seen::Led(Vec::new()), "the first was long ago");
}

#[test]
fn who_had_no_company_offers_its_core_to_nobody() {
    let lanes = Lanes { taken: Duration::ZERO, ..Lanes::default() };
    let offers = || lanes.watched.swap(0, Ordering::Relaxed) > 0;
    drop(first(&lanes));
    assert!(offers(), "nothing is known of company");
    drop(first(&lanes));
    assert!(!offers());
    std::thread::scope(|scope| {
        let leader = first(&lanes);
        assert!(!offers());
        let waiting = queue(scope, &lanes, &[None]);
        drop(leader);
        waiting.into_iter().for_each(|caller| drop(caller.join()));
        offers();
        drop(first(&lanes));
        assert!(!offers(), "who waited went with nobody");
    });
}

#[test]
fn a_crowd_shares_connections() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| {
        std::thread::sleep(Duration::from_millis(1));
        obedient(seen)
    });
    let client = client(&[&path]);
    // So many go by themselves before it's a crowd; the others have a connection for each core.
    let cores = rustix::thread::sched_getaffinity(None).unwrap().count() as usize;
    let (few, callers) = (2 * cores, 10 * cores);
    let together = Barrier::new(callers);
    std::thread::scope(|scope| {
        for session in 0..callers as u64 {
            let (client, together) = (&client, &together);
            scope.spawn(move || {
                together.wait();
                for _ in 0..20 {
                    client.call(Route::Any, session, &sign(b"x")).unwrap();
                }
            });
        }
    });
    assert!(node.connections() <= few + cores, "{} for {callers} callers", node.connections());
    let seen = node.seen();
    let calls_of = |session| seen.iter().filter(|seen| seen.envelope.session == session).count();
    assert!((0..callers as u64).all(|session| calls_of(session) == 20));
}
