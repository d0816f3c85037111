//! `SIGKILL` to the daemon while keys and users are managed: what was acknowledged is told, and the logs are whole.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Child;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::programs::{Partner, build, prepare};

use crate::stream::{Record, records, verify};

const ROUNDS: usize = 100;

/// What clients were told was done.
#[derive(Debug, Default)]
struct Acknowledged {
    made: BTreeMap<u64, &'static str>,
    deleted: BTreeSet<u64>,
    users: BTreeSet<String>,
}

#[test]
fn a_hundred_kills_lose_no_record_of_what_was_acknowledged() {
    alone(|| {
        let seed = env::var("STRONGROOM_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed: u64 = seed.unwrap_or_else(rand::random);
        eprintln!("seed {seed}; STRONGROOM_SEED={seed} repeats it, as far as time lets it");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut cluster = Cluster::start();
        let program = build("churn", cluster.folder());
        let mut clients: Vec<Partner> = (0..2)
            .map(|_| {
                let mut command = prepare(&cluster, &program, &rng.random_range(1..1 << 30).to_string());
                let mut client = Partner::start(&mut command);
                assert_eq!(client.hear().as_deref(), Some("resting"));
                client
            })
            .collect();
        let mut acknowledged = Acknowledged::default();
        let mut told = Told::default();
        for round in 0..ROUNDS {
            clients.iter_mut().for_each(|client| client.say("go"));
            let user = format!("user{round}");
            let creation = create_user(&cluster, &user);
            thread::sleep(Duration::from_micros(rng.random_range(0..60_000)));
            cluster.kill();
            cluster.start_again();
            acknowledged.users.extend(succeeded(creation).then_some(user));
            for client in &mut clients {
                client.say("rest");
                hear_out(client, &mut acknowledged);
            }
            if round % 10 == 9 {
                verify(&cluster);
                told.read(&cluster);
                told.must_have(&acknowledged);
            }
        }
        eprintln!(
            "{} keys, {} deletions and {} users acknowledged; {} records on two nodes",
            acknowledged.made.len(),
            acknowledged.deleted.len(),
            acknowledged.users.len(),
            told.records
        );
        assert!(
            acknowledged.made.len() > 300 && acknowledged.deleted.len() > 100,
            "too few to show anything"
        );
        assert!(!acknowledged.users.is_empty(), "no user was made in time");
    });
}

/// What the logs tell of.
#[derive(Debug, Default)]
struct Told {
    made: BTreeMap<u64, BTreeSet<String>>,
    deleted: BTreeSet<u64>,
    users: BTreeSet<String>,
    records: usize,
}

impl Told {
    fn read(&mut self, cluster: &Cluster) {
        *self = Self::default();
        for record in (0..2).flat_map(|node| records(cluster, node)).filter(|record| record.code() == 0) {
            self.records += 1;
            let Record { user_name, .. } = &record;
            match record.name() {
                name @ ("CN_GENERATE_KEY" | "CN_GENERATE_KEY_PAIR") => {
                    let keys = record.keys().into_iter().filter(|key| *key != 0);
                    keys.for_each(|key| {
                        self.made.entry(key).or_default().insert(name.to_owned());
                    });
                }
                "CN_DESTROY_OBJECT" if record.session_handle != NODE => {
                    self.deleted.insert(record.keys()[0]);
                }
                "CN_CREATE_USER" if record.session_handle != NODE => self.users.extend(user_name.clone()),
                _ => {}
            }
        }
    }

    fn must_have(&self, acknowledged: &Acknowledged) {
        for (key, opcode) in &acknowledged.made {
            let told = self.made.get(key).is_some_and(|opcodes| opcodes.contains(*opcode));
            assert!(told, "key {key} was acknowledged, and no log tells of {opcode}");
        }
        let missing: Vec<_> = acknowledged.deleted.difference(&self.deleted).collect();
        assert!(missing.is_empty(), "the deletion of {missing:?} was acknowledged, and no log tells of it");
        let missing: Vec<_> = acknowledged.users.difference(&self.users).collect();
        assert!(missing.is_empty(), "{missing:?} were made, and no log tells of it");
    }
}

/// The session of what nodes tell of each other's deeds.
const NODE: u32 = 0x0100_4001;

fn create_user(cluster: &Cluster, name: &str) -> Child {
    let mut command = cluster.strongroom(&["user", "create"]);
    command.args(["--username", name, "--role", "crypto-user", "--password", "a-pass-word"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("strongroom")
}

fn succeeded(mut child: Child) -> bool {
    child.wait().expect("its end").success()
}

/// Takes up what a client says; see `churn.c`.
fn hear_out(client: &mut Partner, acknowledged: &mut Acknowledged) {
    loop {
        let line = client.hear().expect("a client that goes on");
        let words: Vec<_> = line.split(' ').collect();
        let handle = |word: &str| word.parse::<u64>().expect("a handle");
        match *words.as_slice() {
            ["resting"] => break,
            ["c", _, key] => {
                acknowledged.made.insert(handle(key), "CN_GENERATE_KEY");
            }
            ["c", _, public, private] => {
                acknowledged.made.insert(handle(public), "CN_GENERATE_KEY_PAIR");
                acknowledged.made.insert(handle(private), "CN_GENERATE_KEY_PAIR");
            }
            ["d", key] => {
                acknowledged.deleted.insert(handle(key));
            }
            _ => {}
        }
    }
}
