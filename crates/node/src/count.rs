//! How many session keys a node has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_model::ObjectClass;

/// The session keys of all clients of a node.
#[derive(Debug, Default)]
pub(crate) struct SessionKeys {
    all: AtomicUsize,
    asymmetric: AtomicUsize,
}

/// One of them; it's counted for as long as this lives.
#[derive(Debug)]
pub(crate) struct Counted {
    keys: Arc<SessionKeys>,
    asymmetric: usize,
}

impl SessionKeys {
    /// Counts one more.
    pub(crate) fn add(self: &Arc<Self>, class: ObjectClass) -> Counted {
        let asymmetric = usize::from(class != ObjectClass::SecretKey);
        self.all.fetch_add(1, Ordering::Relaxed);
        self.asymmetric.fetch_add(asymmetric, Ordering::Relaxed);
        Counted { keys: Arc::clone(self), asymmetric }
    }

    /// All, and the public and private ones among them.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.all.load(Ordering::Relaxed), self.asymmetric.load(Ordering::Relaxed))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.keys.all.fetch_sub(1, Ordering::Relaxed);
        self.keys.asymmetric.fetch_sub(self.asymmetric, Ordering::Relaxed);
    }
}
