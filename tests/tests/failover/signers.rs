//! Threads that sign while something happens, and what became of their calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cryptoki_sys::CKM_SHA256_RSA_PKCS;
use strongroom_model::ReturnCode;
use strongroom_tests::raw::{Mechanism, Pair, Raw, Rv, Session};

/// Every so often a signature is verified, too.
const VERIFIED: usize = 16;

/// Token keys to sign with.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    rsa: Pair,
    p256: Pair,
}

/// Calls that were made.
#[derive(Debug)]
pub(crate) struct Report {
    /// How long each call took that gave a signature, ascending.
    took: Vec<Duration>,
    /// The longest time in which no thread got a signature.
    pub(crate) longest_gap: Duration,
    /// How often each code was the answer.
    pub(crate) failures: BTreeMap<String, usize>,
}

#[derive(Default)]
struct Calls {
    /// When each signature came, since the start, and how long it took.
    done: Vec<(Duration, Duration)>,
    failures: Vec<ReturnCode>,
}

impl Keys {
    pub(crate) fn make(session: &Session<'_>) -> Self {
        Self {
            rsa: session.rsa(true, "rsa").expect("an RSA key pair"),
            p256: session.p256(true, "p256").expect("a P-256 key pair"),
        }
    }

    pub(crate) fn sign(&self, session: &Session<'_>, round: usize) -> Rv<Vec<u8>> {
        let data = [round as u8; 32];
        if round.is_multiple_of(2) {
            session.sign_init(&Mechanism::plain(CKM_SHA256_RSA_PKCS), self.rsa.private)?;
            session.sign(&data)
        } else {
            session.ecdsa(self.p256.private, &data)
        }
    }

    fn verify(&self, session: &Session<'_>, round: usize, signature: &[u8]) -> Rv<()> {
        let data = [round as u8; 32];
        if round.is_multiple_of(2) {
            session.verify_init(&Mechanism::plain(CKM_SHA256_RSA_PKCS), self.rsa.public)?;
            session.verify(&data, signature)
        } else {
            session.check_ecdsa(self.p256.public, &data, signature)
        }
    }
}

/// Has threads sign in sessions of their own, RSA-2048 and P-256 in turn, until `act` is done.
pub(crate) fn sign_while<T>(raw: &Raw, keys: Keys, threads: usize, act: impl FnOnce() -> T) -> (Report, T) {
    let (stop, calls, begun) = (AtomicBool::new(false), Mutex::new(Calls::default()), Instant::now());
    let outcome = thread::scope(|scope| {
        for number in 0..threads {
            let (stop, calls) = (&stop, &calls);
            scope.spawn(move || {
                let own = sign_until(raw, keys, number, stop, begun);
                let mut calls = calls.lock().expect("calls");
                calls.done.extend(own.done);
                calls.failures.extend(own.failures);
            });
        }
        // What panics in here shall end the threads, or the test never would.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        stop.store(true, Ordering::Relaxed);
        outcome
    });
    let report = Report::of(calls.into_inner().expect("calls"), begun.elapsed());
    (report, outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

fn sign_until(raw: &Raw, keys: Keys, number: usize, stop: &AtomicBool, begun: Instant) -> Calls {
    let session = raw.open().expect("C_OpenSession");
    let mut calls = Calls::default();
    for round in number.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let start = Instant::now();
        match keys.sign(&session, round) {
            Ok(signature) => {
                calls.done.push((begun.elapsed(), start.elapsed()));
                if round % VERIFIED < 2 {
                    calls.failures.extend(keys.verify(&session, round, &signature).err());
                }
            }
            Err(code) => calls.failures.push(code),
        }
    }
    session.close().expect("C_CloseSession");
    calls
}

impl Report {
    fn of(mut calls: Calls, lasted: Duration) -> Self {
        calls.done.sort_unstable();
        let ends = calls.done.iter().map(|(end, _)| *end);
        let starts = std::iter::once(Duration::ZERO).chain(ends.clone());
        let gaps = starts.zip(ends.chain([lasted])).map(|(start, end)| end.saturating_sub(start));
        let longest_gap = gaps.max().unwrap_or_default();
        let mut took: Vec<_> = calls.done.iter().map(|(_, took)| *took).collect();
        took.sort_unstable();
        let mut failures = BTreeMap::new();
        calls.failures.iter().for_each(|code| *failures.entry(code.to_string()).or_default() += 1);
        Self { took, longest_gap, failures }
    }

    pub(crate) fn signatures(&self) -> usize {
        self.took.len()
    }

    pub(crate) fn slowest(&self) -> Duration {
        self.took.last().copied().unwrap_or_default()
    }

    fn part(&self, thousandths: usize) -> Duration {
        self.took.get(self.took.len() * thousandths / 1000).copied().unwrap_or_default()
    }

    /// Panics unless there were signatures and no call failed.
    #[track_caller]
    pub(crate) fn expect_no_failure(&self) {
        assert!(self.failures.is_empty(), "calls failed: {self}");
        assert!(self.signatures() > 0, "nothing was signed");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        write!(
            f,
            "{} signatures; a call took {:.2} ms (median), {:.1} ms (99 %), {:.1} ms (99.9 %), {:.1} ms (longest); the longest \
             time without a signature was {:.1} ms; failures: {:?}",
            self.signatures(),
            ms(self.part(500)),
            ms(self.part(990)),
            ms(self.part(999)),
            ms(self.slowest()),
            ms(self.longest_gap),
            self.failures
        )
    }
}
