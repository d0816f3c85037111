//! The files of streams.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use strongroom_model::NodeId;

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
    nodes.into_iter().map(|node| read(&home.audit_of_node(cluster, node), node)).collect()
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
