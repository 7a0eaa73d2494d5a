//! The mailbox of alert sources in memory, in place of a bucket. It can fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use mail::{Mailbox, MailboxError};

/// The mails.
#[derive(Debug, Default)]
pub struct Mails {
    mails: Mutex<HashMap<String, Bytes>>,
    down: AtomicBool,
}

impl Mails {
    /// Makes an empty mailbox.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a mail.
    pub fn put(&self, key: &str, mail: impl Into<Bytes>) {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), mail.into());
    }

    /// Sets whether every fetch fails.
    pub fn be_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }
}

impl Mailbox for Mails {
    fn fetch<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, MailboxError>> {
        Box::pin(async move {
            if self.down.load(Ordering::Relaxed) {
                return Err(MailboxError::new("it is down"));
            }
            let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
            mails.get(key).cloned().ok_or_else(|| MailboxError::new("there is no such mail"))
        })
    }
}
