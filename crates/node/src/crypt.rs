//! Operations with a key: in one call, or in parts.

use strongroom_crypto::{self as crypto, Input, Stream};
use strongroom_model::{AttributeType as A, Error, Result, ReturnCode};
use strongroom_wire::{Operation, Response, StreamKind};

use crate::access::Caller;
use crate::using::Part;

impl Caller<'_> {
    pub(crate) fn sign(&self, operation: &Operation, digested: bool) -> Result<Response> {
        let Operation { key, mechanism, data } = operation;
        let key = self
            .usable(*key, A::SIGN, mechanism, cryptoki_sys::CKF_SIGN, Part::Key)?
            .with_data(checked(data, digested))?
            .key(self)?;
        Ok(Response::Bytes(crypto::sign(&key, mechanism, input(data, digested))?))
    }

    pub(crate) fn verify(&self, operation: &Operation, digested: bool, signature: &[u8]) -> Result<Response> {
        let Operation { key, mechanism, data } = operation;
        let key = self
            .usable(*key, A::VERIFY, mechanism, cryptoki_sys::CKF_VERIFY, Part::Key)?
            .with_data(checked(data, digested))?
            .key(self)?;
        crypto::verify(&key, mechanism, input(data, digested), signature)?;
        Ok(Response::Done)
    }

    pub(crate) fn sign_recover(&self, operation: &Operation) -> Result<Response> {
        let Operation { key, mechanism, data } = operation;
        let purpose = cryptoki_sys::CKF_SIGN_RECOVER;
        let key = self.usable(*key, A::SIGN_RECOVER, mechanism, purpose, Part::Key)?.key(self)?;
        Ok(Response::Bytes(crypto::sign_recover(&key, mechanism, data)?))
    }

    pub(crate) fn verify_recover(&self, operation: &Operation) -> Result<Response> {
        let Operation { key, mechanism, data: signature } = operation;
        let purpose = cryptoki_sys::CKF_VERIFY_RECOVER;
        let key = self.usable(*key, A::VERIFY_RECOVER, mechanism, purpose, Part::Key)?.key(self)?;
        Ok(Response::Bytes(crypto::verify_recover(&key, mechanism, signature)?))
    }

    pub(crate) fn encrypt(&self, operation: &Operation) -> Result<Response> {
        let Operation { key, mechanism, data } = operation;
        let key = self
            .usable(*key, A::ENCRYPT, mechanism, cryptoki_sys::CKF_ENCRYPT, Part::Key)?
            .with_data(data.len())?
            .key(self)?;
        Ok(Response::Bytes(crypto::encrypt(&key, mechanism, data)?))
    }

    pub(crate) fn decrypt(&self, operation: &Operation) -> Result<Response> {
        let Operation { key, mechanism, data } = operation;
        let key = self
            .usable(*key, A::DECRYPT, mechanism, cryptoki_sys::CKF_DECRYPT, Part::Key)?
            .with_data(data.len())?
            .key(self)?;
        Ok(Response::Bytes(crypto::decrypt(&key, mechanism, data)?))
    }

    pub(crate) fn open(&self, kind: StreamKind, operation: &Operation) -> Result<Response> {
        let Operation { key: handle, mechanism, data } = operation;
        let (usage, purpose, crypto_kind) = match kind {
            StreamKind::Encrypt => (A::ENCRYPT, cryptoki_sys::CKF_ENCRYPT, crypto::StreamKind::Encrypt),
            StreamKind::Decrypt => (A::DECRYPT, cryptoki_sys::CKF_DECRYPT, crypto::StreamKind::Decrypt),
            StreamKind::Sign => (A::SIGN, cryptoki_sys::CKF_SIGN, crypto::StreamKind::Sign),
            StreamKind::Verify => (A::VERIFY, cryptoki_sys::CKF_VERIFY, crypto::StreamKind::Verify),
        };
        let usable = self.usable(*handle, usage, mechanism, purpose, Part::Key)?.with_data(data.len())?;
        let max_data = usable.max_data();
        let key = usable.key(self)?;
        let mut stream = Stream::open(crypto_kind, &key, mechanism)?;
        let output = stream.update(data)?;
        let user = self.crypto_user().cloned();
        let stream = self.family.begin(self.session, kind, user, *handle, stream, max_data)?;
        Ok(Response::Streaming { stream, output })
    }

    pub(crate) fn update(&self, number: u64, data: &[u8]) -> Result<Response> {
        let running = self.stream(number)?;
        if running.max_data.is_some_and(|most| data.len() > most) {
            self.family.end(number, self.session.instance);
            return Err(Error::new(
                ReturnCode::DATA_LEN_RANGE,
                "more data than one call takes under this profile",
            ));
        }
        let mut slot = running.stream.lock();
        let mut stream = slot.take().ok_or(ReturnCode::OPERATION_NOT_INITIALIZED)?;
        match stream.update(data) {
            Ok(output) => {
                *slot = Some(stream);
                Ok(Response::Bytes(output))
            }
            Err(error) => {
                self.family.end(number, self.session.instance);
                Err(error)
            }
        }
    }

    pub(crate) fn finish(&self, number: u64, signature: &[u8]) -> Result<Response> {
        let running = self.stream(number)?;
        self.family.end(number, self.session.instance);
        let stream = running.stream.lock().take().ok_or(ReturnCode::OPERATION_NOT_INITIALIZED)?;
        match running.kind {
            StreamKind::Verify => stream.verify(signature).map(|()| Response::Done),
            StreamKind::Encrypt | StreamKind::Decrypt | StreamKind::Sign => {
                stream.finish().map(Response::Bytes)
            }
        }
    }

    pub(crate) fn abandon(&self, number: u64) -> Result<Response> {
        self.family.end(number, self.session.instance);
        Ok(Response::Done)
    }

    /// An operation that goes on: its key must still be there, for the same user, and be on enough nodes.
    fn stream(&self, number: u64) -> Result<std::sync::Arc<crate::family::Running>> {
        let running = self.family.running(number, self.session.instance).ok_or_else(|| {
            Error::new(
                ReturnCode::OPERATION_NOT_INITIALIZED,
                "the multi-part operation isn't known: it ended, or the daemon was restarted",
            )
        })?;
        let end = |error| {
            self.family.end(number, self.session.instance);
            Err(Part::Key.absent(error))
        };
        if running.user.as_ref() != self.crypto_user() {
            return end(ReturnCode::KEY_HANDLE_INVALID.into());
        }
        match self.locate(running.key) {
            Ok(located) => self.must_be_available(running.key, &located)?,
            Err(error) if error.code == ReturnCode::OBJECT_HANDLE_INVALID => return end(error),
            // The node may be back in its cluster before the client gives up.
            Err(error) => return Err(error),
        }
        Ok(running)
    }
}

fn input(data: &[u8], digested: bool) -> Input<'_> {
    if digested { Input::Digest(data) } else { Input::Message(data) }
}

/// How much data a call brings, as limits count: a digest made elsewhere stands for any number of bytes.
fn checked(data: &[u8], digested: bool) -> usize {
    if digested { 0 } else { data.len() }
}
