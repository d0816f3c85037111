//! The home's authorities: two roots that vouch for clusters' hardware, and one that stands in for a customer's. Each is made
//! when it's first needed, and read ever after.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_cluster::{Authority, AuthorityKind, HardwareRoots};
use strongroom_crypto::seal::SealingKey;
use strongroom_node::Clock;

use crate::daemon::SystemClock;
use crate::home::check_private;
use crate::{Home, ServeError, files};

/// A home's authorities. Certificates are files that people install; keys lie beside them, sealed under the home's root key.
pub(crate) struct Authorities {
    home: Home,
    sealing: SealingKey,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    customer: Option<Arc<Authority>>,
    hardware: Option<Arc<HardwareRoots>>,
}

impl Authorities {
    pub(crate) fn new(home: &Home, root: &SealingKey) -> Self {
        Self { home: home.clone(), sealing: root.derive("authorities"), known: Mutex::default() }
    }

    /// The one that certifies the keys of clusters which no customer does.
    pub(crate) fn customer(&self) -> Result<Arc<Authority>, ServeError> {
        let mut known = self.known.lock();
        let customer = match known.customer.take() {
            Some(customer) => customer,
            None => Arc::new(self.load(AuthorityKind::Customer)?),
        };
        known.customer = Some(Arc::clone(&customer));
        Ok(customer)
    }

    /// Those that vouch for the hardware of clusters which a customer initialises.
    pub(crate) fn hardware(&self) -> Result<Arc<HardwareRoots>, ServeError> {
        let mut known = self.known.lock();
        let hardware = match known.hardware.take() {
            Some(hardware) => hardware,
            None => Arc::new(HardwareRoots {
                aws: self.load(AuthorityKind::AwsRoot)?,
                manufacturer: self.load(AuthorityKind::ManufacturerRoot)?,
            }),
        };
        known.hardware = Some(Arc::clone(&hardware));
        Ok(hardware)
    }

    /// Reads one, or makes it if it isn't there.
    fn load(&self, kind: AuthorityKind) -> Result<Authority, ServeError> {
        let path = self.home.authorities().join(format!("{}.key", name(kind)));
        let problem = |error: strongroom_model::Error| ServeError::Authority {
            path: path.clone(),
            problem: error.message,
        };
        let authority = match fs::read(&path) {
            Ok(sealed) => {
                check_private(&path, 0o077, 0o600)?;
                let opened = self.sealing.open(name(kind).as_bytes(), &sealed);
                opened.and_then(|bytes| Authority::from_bytes(&bytes)).map_err(problem)?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let authority = Authority::make(kind, SystemClock.now()).map_err(problem)?;
                let sealed =
                    self.sealing.seal(name(kind).as_bytes(), &authority.to_bytes().map_err(problem)?);
                write(&path, &sealed, 0o600)?;
                authority
            }
            Err(error) => return Err(ServeError::io("read", &path, error)),
        };
        // For people, who may have moved it away.
        let path = self.home.authorities().join(format!("{}.crt", name(kind)));
        let text = authority.certificate().to_pem();
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            write(&path, text.as_bytes(), 0o644)?;
            tracing::info!("wrote the certificate {}", path.display());
        }
        Ok(authority)
    }
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), ServeError> {
    files::replace(path, content, mode).map_err(|error| ServeError::io("write", path, error))
}

/// What its files are called: `AWS_CloudHSM_EMULATOR_Root-G1.crt`.
const fn name(kind: AuthorityKind) -> &'static str {
    match kind {
        AuthorityKind::AwsRoot => "AWS_CloudHSM_EMULATOR_Root-G1",
        AuthorityKind::ManufacturerRoot => "manufacturer_EMULATOR_root",
        AuthorityKind::Customer => "customerCA",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().join("home"));
        home.prepare().unwrap();
        (dir, home)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn an_authority_is_made_once_and_its_key_is_nobodys_to_read() {
        let (_dir, home) = home();
        let root = SealingKey::generate();
        let made = Authorities::new(&home, &root).customer().unwrap();
        let again = Authorities::new(&home, &root);
        assert_eq!(again.customer().unwrap().certificate(), made.certificate());
        assert_eq!(fs::read_to_string(home.customer_ca()).unwrap(), made.certificate().to_pem());
        let key = home.authorities().join("customerCA.key");
        assert_eq!((mode(&key), mode(&home.customer_ca())), (0o600, 0o644));
        let secret = made.to_bytes().unwrap();
        let sealed = fs::read(&key).unwrap();
        assert!(!sealed.windows(32).any(|part| secret.windows(32).any(|other| part == other)));
        // The roots are made when they're needed.
        assert!(!home.authorities().join("manufacturer_EMULATOR_root.key").exists());
        let roots = again.hardware().unwrap();
        let aws = fs::read_to_string(home.authorities().join("AWS_CloudHSM_EMULATOR_Root-G1.crt")).unwrap();
        assert_eq!(aws, roots.aws.certificate().to_pem());

        fs::remove_file(home.customer_ca()).unwrap();
        Authorities::new(&home, &root).customer().unwrap();
        assert!(home.customer_ca().exists());
    }

    #[test]
    fn an_authority_that_is_exposed_damaged_or_anothers_is_refused() {
        let (_dir, home) = home();
        let root = SealingKey::generate();
        Authorities::new(&home, &root).customer().unwrap();
        let key = home.authorities().join("customerCA.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let refusal = |root: &SealingKey| Authorities::new(&home, root).customer().unwrap_err().to_string();
        assert!(refusal(&root).contains("chmod 600"));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(refusal(&SealingKey::generate()).contains("customerCA.key"));
        let mut sealed = fs::read(&key).unwrap();
        sealed[40] ^= 1;
        fs::write(&key, sealed).unwrap();
        assert!(refusal(&root).contains("customerCA.key"));
    }
}
