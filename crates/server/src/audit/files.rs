//! The files of streams.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use strongroom_model::NodeId;

use super::record::stored;
use crate::{Home, ServeError};

/// Where a stream ends.
pub(super) const HEAD: &str = "head";
/// More than any file of a stream has; a larger one isn't read into memory.
const MAX_READ: u64 = 64 * 1024 * 1024;

/// A node's stream, as it is on disk.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The node.
    pub node: NodeId,
    /// Its files, in order.
    pub files: Vec<LogFile>,
    /// What `head` had before the records were read; `None` if there is none.
    pub head: Option<Vec<u8>>,
    /// What it had afterwards: a daemon may have written meanwhile.
    pub later_head: Option<Vec<u8>>,
}

/// A file of a stream.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// Its name, `00000000.log`.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl Stream {
    /// What the names of this node's streams end with.
    pub(super) fn end_of_name(&self) -> String {
        format!("-{}", self.node.0)
    }

    /// Its lines up to the one that its head names, and the head: what [`super::verify_export`] takes.
    pub fn export(&self) -> Vec<u8> {
        let end = self.head.as_deref().and_then(end_of);
        let is_within = |line: &[u8]| {
            let number = str::from_utf8(line).ok().and_then(stored).map(|record| record.sequence);
            // A daemon that runs has written on since the head was read.
            !matches!((number, end), (Some(number), Some(end)) if number > end)
        };
        let lines = self.lines().filter(|(.., line)| is_within(line));
        let mut content: Vec<u8> = lines.flat_map(|(.., line)| [line, b"\n"].concat()).collect();
        content.extend(self.head.iter().flatten());
        content
    }

    /// Its lines, with the file and the line's number.
    pub fn lines(&self) -> impl Iterator<Item = (&str, usize, &[u8])> {
        self.files.iter().flat_map(|file| {
            let lines = file.content.split_inclusive(|byte| *byte == b'\n').enumerate();
            lines.map(|(at, line)| (file.name.as_str(), at + 1, line.strip_suffix(b"\n").unwrap_or(line)))
        })
    }
}

/// The streams of a cluster, by node; of one node if it's named.
///
/// # Errors
///
/// [`ServeError::Io`] if they can't be read, or there are none.
pub fn streams(home: &Home, cluster: &str, node: Option<NodeId>) -> Result<Vec<Stream>, ServeError> {
    let nodes = nodes(home, cluster, node)?;
    nodes.into_iter().map(|node| read(&home.audit_of_node(cluster, node), node)).collect()
}

/// The nodes that have streams, ascending; or the one that's named.
///
/// # Errors
///
/// As [`streams`].
pub fn nodes(home: &Home, cluster: &str, node: Option<NodeId>) -> Result<Vec<NodeId>, ServeError> {
    let dir = home.audit_of(cluster);
    let mut nodes: Vec<NodeId> =
        names(&dir)?.iter().filter_map(|name| name.parse().ok()).map(NodeId).collect();
    nodes.sort();
    if let Some(node) = node {
        nodes.retain(|other| *other == node);
    }
    if nodes.is_empty() {
        return Err(ServeError::io("find an audit log in", &dir, io::Error::from(io::ErrorKind::NotFound)));
    }
    Ok(nodes)
}

/// The last record's number as a head has it, unchecked.
fn end_of(head: &[u8]) -> Option<u64> {
    let fields: serde_json::Value = serde_json::from_slice(head).ok()?;
    u64::from_str_radix(fields["head"].as_str()?.strip_prefix("0x")?, 16).ok()
}

fn read(dir: &Path, node: NodeId) -> Result<Stream, ServeError> {
    let head = read_head(dir)?;
    let files = numbers(dir)?.into_iter().map(|number| {
        let path = path(dir, number);
        let content = contents(&path).map_err(|error| ServeError::io("read", &path, error))?;
        Ok(LogFile { name: name(number), content })
    });
    let files = files.collect::<Result<_, ServeError>>()?;
    Ok(Stream { node, files, head, later_head: read_head(dir)? })
}

/// What `head` has; `None` if there is none.
pub(super) fn read_head(dir: &Path) -> Result<Option<Vec<u8>>, ServeError> {
    let path = dir.join(HEAD);
    match contents(&path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ServeError::io("read", &path, error)),
    }
}

/// Reads a stream's lines as they come.
#[derive(Debug)]
pub struct Tail {
    dir: PathBuf,
    /// The file that is read, and how far.
    at: Option<(u32, u64)>,
}

impl Tail {
    /// From the beginning of a node's stream.
    pub fn new(home: &Home, cluster: &str, node: NodeId) -> Self {
        Self { dir: home.audit_of_node(cluster, node), at: None }
    }

    /// The whole lines that have come since the last time, at most one file's; empty when there are none.
    ///
    /// # Errors
    ///
    /// [`ServeError::Io`].
    pub fn next_lines(&mut self) -> Result<Vec<Vec<u8>>, ServeError> {
        loop {
            let numbers = numbers(&self.dir)?;
            let Some((number, offset)) = self.at.or_else(|| numbers.first().map(|first| (*first, 0))) else {
                return Ok(Vec::new());
            };
            let path = path(&self.dir, number);
            let content = contents(&path).map_err(|error| ServeError::io("read", &path, error))?;
            let new = content.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
            let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            self.at = Some((number, offset + whole as u64));
            if whole > 0 {
                let lines = new[..whole].split_inclusive(|byte| *byte == b'\n');
                return Ok(lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec()).collect());
            }
            match numbers.iter().find(|next| **next > number) {
                Some(next) => self.at = Some((*next, 0)),
                None => return Ok(Vec::new()),
            }
        }
    }
}

/// A file's content, if it isn't larger than any that a daemon wrote.
pub(super) fn contents(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > MAX_READ {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it's larger than any that a daemon writes"));
    }
    fs::read(path)
}

/// The name of the file with this number.
fn name(number: u32) -> String {
    format!("{number:08}.log")
}

/// The path of the file with this number.
pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(name(number))
}

/// The numbers of a stream's files, ascending.
pub(super) fn numbers(dir: &Path) -> Result<Vec<u32>, ServeError> {
    let number = |file: &String| {
        let number = file.strip_suffix(".log").filter(|digits| digits.len() == 8)?;
        number.parse().ok()
    };
    let mut numbers: Vec<u32> = names(dir)?.iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn names(dir: &Path) -> Result<Vec<String>, ServeError> {
    let unreadable = |error| ServeError::io("read", dir, error);
    let entries = fs::read_dir(dir).map_err(unreadable)?;
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<io::Result<_>>().map_err(unreadable)
}
