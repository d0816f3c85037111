//! Looks for secrets in bytes, in every form that they may have.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How many bytes of a secret in a row are a find.
const CHUNK: usize = 16;
/// How much memory is read at once.
const WINDOW: usize = 1 << 20;

/// What to look for.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Needles by their first two bytes.
    needles: HashMap<[u8; 2], Vec<Needle>>,
    longest: usize,
}

#[derive(Debug)]
struct Needle {
    name: String,
    bytes: Vec<u8>,
}

impl Secrets {
    /// And a number or a key, whole or in pieces: as it is, backwards (as processors hold long numbers), in hex and
    /// in base64.
    pub(crate) fn add(&mut self, name: &str, secret: &[u8]) {
        assert!(secret.len() >= CHUNK, "{name} is too short to be told from chance");
        let backwards: Vec<u8> = secret.iter().rev().copied().collect();
        for (form, bytes) in [("", secret), (" backwards", &backwards)] {
            for piece in bytes.chunks_exact(CHUNK) {
                self.needle(format!("{name}{form}"), piece);
                self.needle(format!("{name}{form} in hex"), hex(piece).as_bytes());
                self.needle(format!("{name}{form} in capital hex"), hex(piece).to_uppercase().as_bytes());
            }
        }
        for shift in 0..3 {
            self.needle(format!("{name} in base64"), base64(&secret[shift..shift + 15]).as_bytes());
        }
    }

    /// And a text, as it is.
    pub(crate) fn add_text(&mut self, name: &str, text: &str) {
        self.needle(name.into(), text.as_bytes());
        self.needle(format!("{name} in hex"), hex(text.as_bytes()).as_bytes());
        for shift in 0..3 {
            let whole = (text.len() - shift) / 3 * 3;
            let encoded = base64(&text.as_bytes()[shift..shift + whole]);
            self.needle(format!("{name} in base64"), encoded.as_bytes());
        }
    }

    fn needle(&mut self, name: String, bytes: &[u8]) {
        self.longest = self.longest.max(bytes.len());
        let first = [bytes[0], bytes[1]];
        self.needles.entry(first).or_default().push(Needle { name, bytes: bytes.to_vec() });
    }

    /// What is in some bytes.
    pub(crate) fn find_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut is_first = vec![false; 1 << 16];
        self.needles.keys().for_each(|first| is_first[usize::from(u16::from_ne_bytes(*first))] = true);
        let mut found = BTreeSet::new();
        for (at, first) in bytes.windows(2).enumerate() {
            let first = [first[0], first[1]];
            if is_first[usize::from(u16::from_ne_bytes(first))] {
                let here =
                    self.needles[&first].iter().filter(|needle| bytes[at..].starts_with(&needle.bytes));
                found.extend(here.map(|needle| needle.name.as_str()));
            }
        }
        found
    }

    /// What is in the files below a folder, as `file: secret`.
    pub(crate) fn find_in_files(&self, folder: &Path, skip: impl Fn(&Path) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        for file in files(folder).into_iter().filter(|file| !skip(file)) {
            let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let here = self.find_in(&bytes).into_iter();
            found.extend(here.map(|name| format!("{}: {name}", file.display())));
        }
        found
    }

    /// What is in a process's memory, as `place: secret`.
    pub(crate) fn find_in_memory(&self, pid: u32) -> Vec<String> {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process's memory map");
        let memory = File::open(format!("/proc/{pid}/mem"));
        let memory = memory.expect("the right to read another process's memory (run this as root)");
        let mut found = Vec::new();
        let mut buffer = vec![0; WINDOW + self.longest];
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (range, _) = line.split_once(' ').expect("a range");
            let (start, end) = range.split_once('-').expect("a range");
            let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).expect("an address"));
            let mut at = start;
            while at < end {
                // Windows overlap, so that nothing hides between them.
                let len = (end - at).min(buffer.len() as u64) as usize;
                // Pages that can't be read were never written.
                if memory.read_exact_at(&mut buffer[..len], at).is_ok() {
                    let here = self.find_in(&buffer[..len]).into_iter();
                    found.extend(here.map(|name| format!("{:#x} in {line}: {name}", at)));
                }
                at += WINDOW as u64;
            }
        }
        found
    }
}

/// All files below a folder; sockets and the like apart.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    files
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// RFC 4648, of a number of bytes that needs no padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

#[test]
fn every_form_of_a_secret_is_found() {
    let secret: Vec<u8> = (0..32).map(|byte| byte * 7 + 1).collect();
    let mut secrets = Secrets::default();
    secrets.add("key", &secret);
    secrets.add_text("password", "pass-word");
    let found = |bytes: &[u8]| !secrets.find_in(bytes).is_empty();
    assert!(found(&[&[9; 5], secret.as_slice(), &[9; 5]].concat()));
    assert!(found(&secret[16..]));
    assert!(found(&secret.iter().rev().copied().collect::<Vec<_>>()));
    assert!(found(hex(&secret).as_bytes()) && found(hex(&secret).to_uppercase().as_bytes()));
    assert_eq!(base64(b"Man is"), "TWFuIGlz");
    for prefix in 0..3 {
        let text = [&vec![0; prefix], secret.as_slice()].concat();
        assert!(found(base64(&text[..30]).as_bytes()), "base64 behind {prefix} bytes");
    }
    assert!(found(b"my pass-word is") && found(base64(b"!!pass-word!").as_bytes()));
    assert!(!found(&[0; 1000]) && !found(b"something else altogether"));
}
