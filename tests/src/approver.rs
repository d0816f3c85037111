//! What approvers, and users with a second factor, do outside of a cluster, with OpenSSL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use strongroom_testkit::run;

use crate::conversation::{Answer, Conversation};

/// Somebody's RSA key of 2048 bits, made by OpenSSL, outside of the cluster.
#[derive(Clone, Debug)]
pub struct Approver {
    /// Whose it is.
    pub name: String,
    private: PathBuf,
    public: PathBuf,
}

impl Approver {
    /// Makes a key, in files of a folder.
    ///
    /// # Panics
    ///
    /// When OpenSSL can't.
    #[track_caller]
    pub fn new(folder: &Path, name: &str) -> Self {
        let private = folder.join(format!("{name}.pem"));
        let public = folder.join(format!("{name}.pub"));
        run(openssl().args(["genrsa", "-out"]).arg(&private).arg("2048"));
        run(openssl().args(["rsa", "-pubout", "-in"]).arg(&private).arg("-out").arg(&public));
        Self { name: name.into(), private, public }
    }

    /// The signature of a token, in base64.
    ///
    /// # Panics
    ///
    /// When OpenSSL fails.
    #[track_caller]
    pub fn sign(&self, token: &str) -> String {
        let file = self.private.with_extension("token");
        fs::write(&file, Base64::decode_vec(token).expect("base64")).expect("a file");
        let mut command = openssl();
        command.args(["pkeyutl", "-sign", "-pkeyopt", "digest:sha256", "-inkey"]).arg(&self.private);
        Base64::encode_string(run(command.arg("-in").arg(&file)).stdout_bytes())
    }

    /// Adds an approval to a token's file.
    ///
    /// # Panics
    ///
    /// When the file is none.
    #[track_caller]
    pub fn approve(&self, file: &Path) {
        edit(file, |token| {
            let signature = self.sign(token["token"].as_str().expect("a token"));
            let approval = json!({"username": self.name, "signature": signature});
            token["signatures"].as_array_mut().expect("signatures").push(approval);
        });
    }

    /// Registers the key for whoever is logged in.
    ///
    /// # Panics
    ///
    /// When that's refused.
    #[track_caller]
    pub fn register(&self, conversation: &mut Conversation) {
        let file = self.fresh("json");
        conversation
            .must(&format!("quorum token-sign generate --service registration --token {}", file.display()));
        self.sign_all(&file);
        let public = self.public.display();
        conversation.must(&format!(
            "user change-quorum token-sign register --public-key {public} --signed-token {}",
            file.display()
        ));
    }

    /// Makes the key a second factor of whoever is logged in.
    ///
    /// # Errors
    ///
    /// The sentence that it's refused with.
    pub fn become_second_factor(&self, conversation: &mut Conversation, role: &str) -> Answer {
        let file = self.fresh("mfa.json");
        let command = format!(
            "user change-mfa token-sign --username {} --role {role} --token {}",
            self.name,
            file.display()
        );
        let public = self.public.display().to_string();
        // Signed in place: the file to be read is the one that was written.
        conversation.say_asked(&command, &file, || self.sign_all(&file), &["", &public])
    }

    /// Logs in by a command (`login ...`) and, as a second factor, this key.
    ///
    /// # Errors
    ///
    /// The sentence that it's refused with.
    pub fn log_in(&self, conversation: &mut Conversation, login: &str) -> Answer {
        let file = self.fresh("login.json");
        let command = format!("{login} mfa-token-sign --token {}", file.display());
        conversation.say_asked(&command, &file, || self.sign_all(&file), &[""])
    }

    /// Signs each token of a file.
    fn sign_all(&self, file: &Path) {
        edit(file, |content| {
            for token in content["tokens"].as_array_mut().expect("tokens") {
                token["signed"] = self.sign(token["unsigned"].as_str().expect("a token")).into();
            }
        });
    }

    /// A file of one's own that isn't there.
    fn fresh(&self, extension: &str) -> PathBuf {
        let file = self.private.with_extension(extension);
        let _ = fs::remove_file(&file);
        file
    }
}

/// Changes a file of JSON.
///
/// # Panics
///
/// When it can't be read or isn't JSON.
#[track_caller]
pub fn edit(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
    change(&mut value);
    fs::write(file, value.to_string()).expect("a file");
}

fn openssl() -> Command {
    Command::new(crate::program("openssl", "openssl"))
}
