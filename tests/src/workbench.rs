//! A cluster's folder as a place to work in: `pkcs11-tool` in front of the cluster, a plain `openssl` that checks
//! what the cluster's keys made, and files that both read and write.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use strongroom_testkit::{Cluster, Finished, run, run_any};

use crate::openssl::plain;
use crate::pkcs11_tool::{pkcs11_tool_as_nobody, pkcs11_tool_with_pin};

/// Where the commands run. Their arguments are given as one text, split at blanks.
#[derive(Clone, Debug)]
pub struct Workbench<'a> {
    cluster: &'a Cluster,
    pin: String,
}

/// An object as `pkcs11-tool --list-objects` shows it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The line that begins it, such as `Public Key Object; RSA 2048 bits`.
    pub heading: String,
    fields: BTreeMap<String, String>,
}

impl Listed {
    /// What it shows of an attribute, such as `ID` or `EC_POINT`; empty if nothing.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl<'a> Workbench<'a> {
    /// For the cluster's first crypto user.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn new(cluster: &'a Cluster) -> Self {
        Self::with_pin(cluster, cluster.pin())
    }

    /// For whom a PIN belongs to.
    pub fn with_pin(cluster: &'a Cluster, pin: &str) -> Self {
        Self { cluster, pin: pin.into() }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.cluster.folder().join(name)
    }

    /// Writes a file.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Reads a file.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Asserts that two files have the same content.
    ///
    /// # Panics
    ///
    /// When they haven't.
    #[track_caller]
    pub fn same(&self, one: &str, other: &str) {
        let (first, second) = (self.read(one), self.read(other));
        let shown = |bytes: &[u8]| hex(&bytes[..bytes.len().min(64)]);
        assert!(
            first == second,
            "{one} has {} bytes, {}..., but {other} {} bytes, {}...",
            first.len(),
            shown(&first),
            second.len(),
            shown(&second)
        );
    }

    /// `pkcs11-tool`, logged in; what it said.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[track_caller]
    pub fn tool(&self, words: &str) -> String {
        run(&mut self.within(pkcs11_tool_with_pin(self.cluster, &self.pin), words)).output()
    }

    /// As [`Self::tool`], when it has to fail.
    ///
    /// # Panics
    ///
    /// When it succeeds.
    #[track_caller]
    pub fn tool_fails(&self, words: &str) -> String {
        run_any(&mut self.within(pkcs11_tool_with_pin(self.cluster, &self.pin), words))
            .expect_failure()
            .output()
    }

    /// `pkcs11-tool` without a login, ready to run.
    #[track_caller]
    pub fn tool_as_nobody(&self, words: &str) -> Command {
        self.within(pkcs11_tool_as_nobody(self.cluster), words)
    }

    /// `openssl`, which knows nothing of the cluster.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[track_caller]
    pub fn openssl(&self, words: &str) -> Finished {
        run(&mut self.within(plain(&[]), words))
    }

    /// The objects that the user may see.
    ///
    /// # Panics
    ///
    /// When they can't be listed.
    #[track_caller]
    pub fn objects(&self) -> Vec<Listed> {
        listed(&self.tool("--list-objects"))
    }

    /// The objects that anybody may see.
    ///
    /// # Panics
    ///
    /// When they can't be listed.
    #[track_caller]
    pub fn objects_of_nobody(&self) -> Vec<Listed> {
        listed(&run(&mut self.tool_as_nobody("--list-objects")).output())
    }

    /// Writes the public key with this ID to `ID.pub`, in PEM, and returns that name.
    ///
    /// # Panics
    ///
    /// When there isn't exactly one.
    #[track_caller]
    pub fn public_key(&self, id: &str) -> String {
        let objects = self.objects();
        let mut matching = objects
            .iter()
            .filter(|object| object.heading.starts_with("Public Key") && object.field("ID") == id);
        let key = matching.next().unwrap_or_else(|| panic!("there is no public key with the ID {id}"));
        assert!(matching.next().is_none(), "there are several public keys with the ID {id}");
        if key.heading.contains("RSA") {
            self.tool(&format!("--read-object --type pubkey --id {id} -o {id}.der"));
        } else {
            // OpenSC 0.23 can't read those of some curves, whatever the module.
            self.write(&format!("{id}.der"), ec_public_key(key));
        }
        self.openssl(&format!("pkey -pubin -inform DER -in {id}.der -out {id}.pub"));
        format!("{id}.pub")
    }

    fn within(&self, mut command: Command, words: &str) -> Command {
        command.current_dir(self.cluster.folder()).args(words.split_whitespace());
        command
    }
}

/// Understands what `pkcs11-tool` prints of objects.
pub fn listed(said: &str) -> Vec<Listed> {
    let mut objects: Vec<Listed> = Vec::new();
    for line in said.lines() {
        let indented = line.starts_with("  ");
        match (line.split_once(':'), objects.last_mut()) {
            (Some((name, value)), Some(object)) if indented => {
                object.fields.insert(name.trim().into(), value.trim().into());
            }
            _ if line.contains(" Object;") || line.starts_with("Data object ") => {
                objects.push(Listed { heading: line.into(), fields: BTreeMap::new() });
            }
            _ => {}
        }
    }
    objects
}

/// Bytes from hex digits.
///
/// # Panics
///
/// When they aren't any.
#[track_caller]
pub fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .map(|digit| digit.to_digit(16).unwrap_or_else(|| panic!("not hex: {digits}")))
        .collect();
    assert_eq!(digits.len() % 2, 0, "half a byte");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two hex digits")).collect()
}

/// Lowercase hex digits of bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A SubjectPublicKeyInfo (RFC 5480) from the `EC_PARAMS` and `EC_POINT` of a public key.
///
/// # Panics
///
/// When there are none.
#[track_caller]
pub fn ec_public_key(listed: &Listed) -> Vec<u8> {
    const EC_PUBLIC_KEY: &str = "06072a8648ce3d0201";
    let octets = unhex(listed.field("EC_POINT"));
    assert_eq!(octets.first(), Some(&4), "CKA_EC_POINT is a DER OCTET STRING: {listed:?}");
    // The longest point has 133 bytes, so its length takes one byte, or one and 0x81.
    let point = if octets[1] == 0x81 { &octets[3..] } else { &octets[2..] };
    let algorithm = [unhex(EC_PUBLIC_KEY), unhex(listed.field("EC_PARAMS"))].concat();
    let bits = [&[0], point].concat();
    der(0x30, &[der(0x30, &algorithm), der(0x03, &bits)].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).expect("a short element");
    let header = if len < 0x80 { vec![tag, len] } else { vec![tag, 0x81, len] };
    [header, content.into()].concat()
}
