//! Nodes that stop and start, are added and removed.

use std::sync::atomic::{AtomicBool, Ordering};

use strongroom_model::{NodeId, Profile, Role};
use strongroom_node::state::{Change, Expect, Key, Port, Record};

use super::{Fixture, ONE, ZERO, all_equal, empty, epoch, port, set_user, user, user_key, write};
use crate::{Cluster, ClusterError, CreateOptions};

fn refusal<T>(outcome: Result<T, ClusterError>) -> String {
    match outcome {
        Err(ClusterError::Refused(sentence)) => sentence,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it wasn't refused"),
    }
}

#[test]
fn a_node_that_stops_is_a_member_that_comes_back_with_everything() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let stopped = port(&cluster, ONE);
    let (_, first) = (cluster.nodes(), cluster.nodes()[1].boot());
    cluster.stop_node(ONE).unwrap();
    cluster.stop_node(ONE).unwrap();
    assert_eq!((cluster.nodes().len(), cluster.members()), (1, vec![ZERO, ONE]));
    assert!(!stopped.is_connected() && stopped.commit(set_user("a", Expect::Absent)).is_err());
    assert_eq!(stopped.members().0.len(), 2);
    write(&cluster, "a", 1);
    let status = cluster.node_status(ONE).unwrap();
    assert_eq!((status.running, status.connected, status.revision, status.lags), (false, false, 0, 0));

    let node = cluster.start_node(ONE).unwrap();
    assert!(all_equal(&cluster) && node.boot() > first);
    assert!(refusal(cluster.start_node(ONE)).contains("runs already"));
    assert!(!stopped.is_connected(), "the old one came back to life");
    // No start has the number of another, nor has the cluster's next.
    let again = {
        cluster.stop_node(ONE).unwrap();
        cluster.start_node(ONE).unwrap().boot()
    };
    assert!(again > node.boot());
    drop((node, stopped, cluster));
    assert!(fixture.open().unwrap().nodes().iter().all(|node| node.boot() > again));
}

#[test]
fn a_node_that_starts_while_it_is_cut_off_hears_of_nothing() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    cluster.cut(ONE).unwrap();
    cluster.stop_node(ONE).unwrap();
    write(&cluster, "a", 1);
    cluster.start_node(ONE).unwrap();
    assert_eq!(epoch(&cluster, ONE, "a"), Some(1));
    write(&cluster, "a", 2);
    assert_eq!((epoch(&cluster, ONE, "a"), cluster.ledger.reachable()), (Some(1), 1));
    cluster.heal(ONE).unwrap();
    assert!(all_equal(&cluster));
    // Faults end with the daemon.
    cluster.cut(ONE).unwrap();
    drop(cluster);
    assert_eq!(fixture.open().unwrap().ledger.reachable(), 2);
}

#[test]
fn nodes_are_added_and_removed_for_good() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    cluster.set_sockets(|node| strongroom_wire::Member {
        node,
        socket: format!("/s/{}", node.0),
        address: None,
    });
    write(&cluster, "a", 1);
    let epochs = |cluster: &Cluster| cluster.nodes().iter().map(|node| node.info().epoch).collect::<Vec<_>>();
    assert_eq!(epochs(&cluster), [1, 1]);

    let added = cluster.add_node().unwrap();
    assert_eq!((added.id(), added.revision()), (NodeId(2), cluster.info().revision));
    assert_eq!((epochs(&cluster), cluster.ledger.reachable()), (vec![2; 3], 3));
    let sockets: Vec<_> = cluster.nodes()[0].info().members.into_iter().map(|member| member.socket).collect();
    assert_eq!(sockets, ["/s/0", "/s/1", "/s/2"]);
    write(&cluster, "a", 2);
    assert!(all_equal(&cluster));

    let counted = Key::Failures(ONE, Role::CryptoUser, "a".parse().unwrap());
    cluster.ledger.commit(Change::of(counted.clone(), Expect::Absent, Some(Record::Failures(3)))).unwrap();
    let removed = port(&cluster, ONE);
    cluster.remove_node(ONE).unwrap();
    assert_eq!((cluster.members(), epochs(&cluster)), (vec![ZERO, NodeId(2)], vec![3; 2]));
    assert!(removed.commit(set_user("b", Expect::Absent)).is_err());
    assert!(cluster.ledger.read(|state| state.version(&counted)).is_none());
    assert!(refusal(cluster.remove_node(ONE)).contains("has no node 1"));

    drop((added, removed, cluster));
    let cluster = fixture.open().unwrap();
    assert_eq!((cluster.members(), epochs(&cluster)), (vec![ZERO, NodeId(2)], vec![3; 2]));
    cluster.remove_node(NodeId(2)).unwrap();
    let last = refusal(cluster.remove_node(ZERO));
    assert!(last.contains("node 0 is the last of cluster default"), "{last}");
    assert_eq!(cluster.add_node().unwrap().id(), NodeId(3), "a number came back");
}

#[test]
fn the_29th_node_is_refused() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&CreateOptions { nodes: 28, ..empty() }).unwrap();
    let before = cluster.info();
    assert!(refusal(cluster.add_node().map(drop)).contains("28 nodes"));
    assert_eq!((cluster.members().len(), cluster.info()), (28, before));
}

#[test]
fn a_node_that_cant_be_noted_isnt_there() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    cluster.stop_node(ONE).unwrap();
    fixture.store.memory.set_full(true);
    assert!(matches!(cluster.add_node(), Err(ClusterError::Other(_))));
    assert!(matches!(cluster.start_node(ONE), Err(ClusterError::Other(_))));
    assert!(matches!(cluster.remove_node(ONE), Err(ClusterError::Other(_))));
    assert_eq!((cluster.members(), cluster.nodes().len(), cluster.ledger.epoch()), (vec![ZERO, ONE], 1, 1));
    fixture.store.memory.set_full(false);
    assert_eq!(cluster.add_node().unwrap().id(), NodeId(2));
    cluster.start_node(ONE).unwrap();
    assert!(all_equal(&cluster));
}

#[test]
fn a_cluster_without_a_list_of_nodes_has_those_it_was_made_with() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let unlisted = crate::members::Members::as_made(&crate::meta::Meta {
        name: String::new(),
        serial: String::new(),
        profile: Profile::Standard,
        nodes: vec![ZERO, ONE],
        epoch: 1,
        masking: Default::default(),
    });
    assert_eq!((unlisted.nodes.clone(), unlisted.epoch), (cluster.members(), 1));
    assert_eq!(unlisted.with_another("c").unwrap().1, NodeId(2));
}

#[test]
fn nodes_come_and_go_while_others_work() {
    const ROUNDS: usize = 150;
    let fixture = Fixture::new();
    let cluster = fixture.create(&CreateOptions { nodes: 3, ..empty() }).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (cluster, done) = (&cluster, &done);
            scope.spawn(move || {
                let mut count = 0;
                while !done.load(Ordering::Relaxed) {
                    // The first node is always well.
                    let revision = port(cluster, ZERO).commit(Change::of(
                        user_key(&format!("u{thread}-{}", count % 7)),
                        Expect::Anything,
                        user(count),
                    ));
                    let revision = revision.unwrap();
                    assert!(cluster.nodes()[0].revision() >= revision);
                    count += 1;
                }
            });
        }
        for round in 0..ROUNDS {
            let node = [ONE, NodeId(2)][round % 2];
            cluster.cut(node).unwrap();
            cluster.heal(node).unwrap();
            cluster.stop_node(node).unwrap();
            cluster.start_node(node).unwrap();
            let added = cluster.add_node().unwrap().id();
            cluster.ledger.book.lock().history.shorten(round % 50);
            cluster.cut(added).unwrap();
            cluster.heal(added).unwrap();
            cluster.remove_node(added).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(all_equal(&cluster));
    assert_eq!((cluster.ledger.reachable(), cluster.members().len()), (3, 3));
}
