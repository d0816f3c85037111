//! Whether a stream is as its node wrote it.

use std::collections::BTreeMap;

use super::MAX_GROUP;
use super::chain::{ChainKey, Hash, Head, START, hash, hex, unhex};
use super::files::Stream;
use super::record::Record;

/// The most problems that a report has; of further ones only their number is.
const MAX_PROBLEMS: usize = 1000;
/// The opcode of a record that says that the log was damaged.
const DAMAGED: &str = "SR_LOG_DAMAGED";
/// How problems call the file with the stream's end, and what is only known from elsewhere.
const HEAD: &str = "head";

/// What is wrong with a stream, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file; `head` for where the stream ends.
    pub file: String,
    /// The line in it, from 1; 0 for none.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// What became of a check.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The stream.
    pub hsm: String,
    /// How many records are as they were written.
    pub records: u64,
    /// The first one's number.
    pub first: Option<u64>,
    /// The last one's number and hash, to be noted elsewhere and given back as an [`Anchor`].
    pub last: Option<Anchor>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// How many more things are.
    pub more: u64,
    /// Whether there's the beginning of a record at the end, which was never acknowledged: what a killed daemon leaves.
    pub unfinished: bool,
}

/// A record that is known from elsewhere: from the daemon that wrote it, or from an earlier check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number.
    pub sequence: u64,
    /// Its hash in hex.
    pub hash: String,
}

/// Checks a stream from the record `from` on; what is before it may be missing. Its records are of the stream `hsm`, if
/// that's known, and those that `anchors` name must be there and be those.
pub fn verify(key: &ChainKey, stream: &Stream, hsm: Option<&str>, from: u64, anchors: &[Anchor]) -> Report {
    let hsm = hsm.map_or_else(|| stream.end_of_name(), str::to_owned);
    let head = stream.head.as_ref().map(|line| key.open_head(line));
    let later = stream.later_head.as_ref().and_then(|line| key.open_head(line));
    let mut checker = Checker::new(key, &hsm, from, anchors, head, later);
    for (at, file) in stream.files.iter().enumerate() {
        checker.file(&file.name, &file.content, at + 1 == stream.files.len());
    }
    checker.finish()
}

/// Checks an export: the streams in it, each from the record `from` on, with its head. `anchors` by stream.
pub fn verify_export(
    key: &ChainKey,
    content: &[u8],
    from: u64,
    anchors: &BTreeMap<String, Vec<Anchor>>,
) -> Vec<Report> {
    const FILE: &str = "the export";
    let lines = || content.split_inclusive(|byte| *byte == b'\n').enumerate();
    let heads = lines().filter_map(|(_, line)| key.open_head(line)).map(|head| (head.hsm.clone(), head));
    let heads: BTreeMap<String, Head> = heads.collect();
    let mut checkers: BTreeMap<String, Checker<'_>> = BTreeMap::new();
    let mut strays = Report::default();
    for (at, line) in lines() {
        let Some(line) = line.strip_suffix(b"\n") else {
            strays.complain(FILE, at + 1, "the line has no end");
            continue;
        };
        if key.open_head(line).is_some() {
            continue;
        }
        // Where a line belongs is believed when its MAC is right. That others are gone is found by their numbers.
        let Some(Record { hsm, .. }) = key.open(line) else {
            strays.complain(FILE, at + 1, NOT_WRITTEN);
            continue;
        };
        let new = || {
            let of_stream = anchors.get(&hsm).map(Vec::as_slice).unwrap_or_default();
            let head = heads.get(&hsm).cloned();
            Checker::new(key, &hsm, from, of_stream, head.clone().map(Some), head)
        };
        checkers.entry(hsm.clone()).or_insert_with(new).line(FILE, at + 1, line);
    }
    for (hsm, head) in
        heads.iter().filter(|(hsm, head)| !checkers.contains_key(*hsm) && head.sequence.is_some())
    {
        let what = format!(
            "of the stream {hsm} only the end is there: {}",
            missing(from, head.sequence.unwrap_or(from))
        );
        strays.complain(FILE, 0, what);
    }
    let strays = (!strays.is_clean()).then_some(strays);
    checkers.into_values().map(Checker::finish).chain(strays).collect()
}

const NOT_WRITTEN: &str = "this isn't as it was written";

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn complain(&mut self, file: &str, line: usize, what: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { file: file.to_owned(), line, what: what.into() });
        } else {
            self.more += 1;
        }
    }
}

/// Reads a stream line by line.
pub(super) struct Checker<'a> {
    key: &'a ChainKey,
    anchors: &'a [Anchor],
    /// The head as it was before the records were read: the inner `None` is one that can't be read.
    head: Option<Option<Head>>,
    /// The head as it was afterwards.
    later: Option<Head>,
    /// The number that the first record may have at most.
    from: u64,
    /// The number that the next record must have, once there was one.
    expected: Option<u64>,
    /// How much larger it may be, since lines before it couldn't be read.
    slack: u64,
    /// The hash of the line before, unless that isn't known.
    previous: Option<Hash>,
    last: Option<(u64, Hash)>,
    reboot_counter: u64,
    /// Whether records that tell of damage are complained of.
    recalls_damage: bool,
    pub(super) report: Report,
}

impl<'a> Checker<'a> {
    /// For a stream by its name, or by the name's end: the first record then tells the rest of it.
    fn new(
        key: &'a ChainKey,
        hsm: &str,
        from: u64,
        anchors: &'a [Anchor],
        head: Option<Option<Head>>,
        later: Option<Head>,
    ) -> Self {
        Self {
            key,
            anchors,
            head,
            later,
            from,
            expected: (from == 0).then_some(0),
            slack: 0,
            previous: (from == 0).then_some(START),
            last: None,
            reboot_counter: 0,
            recalls_damage: true,
            report: Report { hsm: hsm.to_owned(), ..Report::default() },
        }
    }

    /// For the end of a stream: the first record may be any.
    pub(super) fn of_end(key: &'a ChainKey, hsm: &str, head: Option<Option<Head>>) -> Self {
        let later = head.clone().flatten();
        Self { recalls_damage: false, ..Self::new(key, hsm, u64::MAX, &[], head, later) }
    }

    /// The number and the hash of the last record that is as it was written.
    pub(super) fn last(&self) -> Option<(u64, Hash)> {
        self.last
    }

    /// Takes in a file.
    pub(super) fn file(&mut self, name: &str, content: &[u8], is_last: bool) {
        for (at, line) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
            match line.strip_suffix(b"\n") {
                Some(line) => self.line(name, at + 1, line),
                None if is_last => self.report.unfinished = true,
                None => self.lost_track(name, at + 1, "the line has no end"),
            }
        }
    }

    fn line(&mut self, file: &str, at: usize, line: &[u8]) {
        let Some(record) = self.key.open(line) else { return self.lost_track(file, at, NOT_WRITTEN) };
        let sequence = record.sequence;
        if !self.belongs(&record.hsm) {
            let what = format!("record {sequence:#x} is of another stream, {}", record.hsm);
            return self.lost_track(file, at, &what);
        }
        let complaint = match self.expected {
            Some(expected) if sequence < expected => {
                let what = format!("record {sequence:#x} again, or out of its place");
                return self.lost_track(file, at, &what);
            }
            Some(expected) if sequence > expected.saturating_add(self.slack) => {
                Some(missing(expected, sequence - 1))
            }
            None if sequence > self.from => Some(missing(self.from, sequence - 1)),
            _ => (self.previous.is_some_and(|previous| unhex(&record.previous) != Some(previous)))
                .then(|| format!("record {sequence:#x} doesn't follow the one before it")),
        };
        if let Some(what) = complaint {
            self.report.complain(file, at, what);
        }
        self.look_at(file, at, &record, &hash(line));
    }

    /// Takes in a record that is where it should be.
    fn look_at(&mut self, file: &str, at: usize, record: &Record, hash: &Hash) {
        let sequence = record.sequence;
        if record.reboot_counter < self.reboot_counter {
            let what = format!("record {sequence:#x} has a lower reboot counter than the one before it");
            self.report.complain(file, at, what);
        }
        if self.recalls_damage && record.opcode_name() == DAMAGED {
            let note = record.note.as_deref().unwrap_or_default();
            self.report.complain(file, at, format!("record {sequence:#x} tells of damage before it: {note}"));
        }
        let of_head =
            self.head.iter().flatten().any(|head| head.sequence == Some(sequence) && head.hash != *hash);
        if of_head
            || self.anchors.iter().any(|anchor| anchor.sequence == sequence && anchor.hash != hex(hash))
        {
            let what = format!("record {sequence:#x} isn't the one that is known to have been written");
            self.report.complain(file, at, what);
        }
        self.report.records += 1;
        self.report.first.get_or_insert(sequence);
        self.reboot_counter = record.reboot_counter;
        self.expected = sequence.checked_add(1);
        self.slack = 0;
        self.previous = Some(*hash);
        self.last = Some((sequence, *hash));
    }

    /// Compares the last record with the head and with what is known from elsewhere.
    pub(super) fn finish(mut self) -> Report {
        let last = self.last.map(|(sequence, _)| sequence);
        let complaint = match &self.head {
            None => Some("it's missing, so it isn't known where the stream ends".to_owned()),
            Some(None) => Some(NOT_WRITTEN.to_owned()),
            Some(Some(head)) => {
                let (hsm, end) = (head.hsm.clone(), head.sequence);
                if !self.belongs(&hsm) {
                    Some(format!("this is the end of another stream, {hsm}"))
                } else {
                    end.filter(|end| last.is_none_or(|last| last < *end))
                        .map(|end| missing(last.map_or(self.from.min(end), |last| last + 1), end))
                }
            }
        };
        if let Some(what) = complaint {
            self.report.complain(HEAD, 1, what);
        }
        // A record is written before the head is, and so are a few more.
        let written = self.later.as_ref().map(|head| head.sequence.map_or(0, |sequence| sequence + 1));
        if let (Some(written), Some(last)) = (written, last)
            && last >= written.saturating_add(MAX_GROUP as u64)
        {
            let what = format!(
                "it's an old one: {written:#x} records were written by it, and there are {:#x}",
                last + 1
            );
            self.report.complain(HEAD, 1, what);
        }
        for anchor in self.anchors.iter().filter(|anchor| last.is_none_or(|last| anchor.sequence > last)) {
            let what = format!("record {:#x} is known to have been written and isn't there", anchor.sequence);
            self.report.complain(HEAD, 0, what);
        }
        self.report.last = self.last.map(|(sequence, hash)| Anchor { sequence, hash: hex(&hash) });
        self.report
    }

    /// Whether a stream's name is this one's.
    fn belongs(&mut self, hsm: &str) -> bool {
        if hsm == self.report.hsm {
            return true;
        }
        let is_end = self.report.hsm.starts_with('-') && hsm.ends_with(self.report.hsm.as_str());
        if is_end {
            hsm.clone_into(&mut self.report.hsm);
        }
        is_end
    }

    /// What comes next needn't follow what came before.
    fn lost_track(&mut self, file: &str, at: usize, what: &str) {
        self.report.complain(file, at, what);
        self.previous = None;
        self.slack += 1;
    }
}

fn missing(first: u64, last: u64) -> String {
    if first == last {
        format!("record {first:#x} is missing")
    } else {
        format!("records {first:#x} to {last:#x} are missing")
    }
}
