//! Certificates and keys from files.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use strongroom_model::Blob;

use crate::{TlsError, provider};

/// The longest file with certificates or a key, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// The most certificates in a file.
const MAX_CERTIFICATES: usize = 64;

/// The certificates in a file of PEM, at least one, as DER.
///
/// # Errors
///
/// [`TlsError`], which names the file.
pub fn certificates(file: &Path) -> Result<Vec<Vec<u8>>, TlsError> {
    let invalid = |why: String| TlsError::Invalid { file: file.to_owned(), why };
    let text = read(file)?;
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text.as_ref()) {
        let certificate = certificate.map_err(|error| invalid(format!("it isn't PEM ({error})")))?;
        if found.len() == MAX_CERTIFICATES {
            return Err(invalid(format!("it has more than {MAX_CERTIFICATES} certificates")));
        }
        found.push(certificate.to_vec());
    }
    if found.is_empty() {
        return Err(invalid("it has no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    Ok(found)
}

/// A certificate with its chain, and the key that it's for.
#[derive(Clone)]
pub struct Pair(pub(crate) Arc<CertifiedKey>);

impl Pair {
    /// Reads a certificate, with what it chains by behind it, and its key, both in PEM. The key has no passphrase.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which names the file.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = certificates(certificate)?;
        let text = read(key)?;
        let invalid = |why: &str| TlsError::Invalid { file: key.to_owned(), why: why.to_owned() };
        let key = PrivateKeyDer::from_pem_slice(text.as_ref()).map_err(|_| {
            invalid("it has no private key in PEM without a passphrase; `openssl pkey -in FILE -out FILE` takes one off")
        })?;
        Self::of(chain, key).map_err(|why| invalid(&why))
    }

    /// A chain in DER, the holder's certificate first, and its key as PKCS#8.
    ///
    /// # Errors
    ///
    /// [`TlsError::Unusable`].
    pub fn new(chain: Vec<Vec<u8>>, key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::Pkcs8(key.to_vec().into());
        Self::of(chain, key).map_err(TlsError::Unusable)
    }

    fn of(chain: Vec<Vec<u8>>, key: PrivateKeyDer<'static>) -> Result<Self, String> {
        let signer = provider().key_provider.load_private_key(key).map_err(|_| {
            "the key is of no kind that TLS is done with here: RSA of 2048 to 4096 bits, P-256, P-384 or Ed25519".to_owned()
        })?;
        let first = chain.first().ok_or_else(|| "there is no certificate for the key".to_owned())?;
        let certified =
            crate::der::Certificate::read(first).ok_or_else(|| "the certificate isn't one".to_owned())?;
        if let Some(public) = signer.public_key()
            && public.as_ref() != certified.key_info
        {
            return Err("the key isn't that of the certificate".to_owned());
        }
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        Ok(Self(Arc::new(CertifiedKey::new(chain, signer))))
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// A small file, in memory that's wiped.
fn read(file: &Path) -> Result<Blob, TlsError> {
    let unreadable = |why: String| TlsError::Unreadable { file: file.to_owned(), why };
    let opened = File::open(file).map_err(|error| unreadable(error.to_string()))?;
    // What isn't a file may never end.
    if !opened.metadata().is_ok_and(|about| about.is_file() && about.len() <= MAX_FILE) {
        return Err(unreadable(format!("it isn't a file of at most {MAX_FILE} bytes")));
    }
    let mut content = Vec::with_capacity(usize::try_from(MAX_FILE / 16).unwrap_or_default());
    let done = opened.take(MAX_FILE).read_to_end(&mut content);
    let content = Blob::from(content);
    done.map_err(|error| unreadable(error.to_string())).map(|_| content)
}
