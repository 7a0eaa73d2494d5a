//! Received email, kept in a directory. On AWS an S3 bucket keeps it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use mail::{MOST_BYTES, Mailbox, MailboxError};

/// How long an email is kept.
const RETENTION: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A directory of received email.
#[derive(Debug, Clone)]
pub struct ReceivedMail(PathBuf);

impl ReceivedMail {
    /// Opens the directory, creates it if it is missing, and removes old email.
    ///
    /// # Errors
    /// If the directory cannot be created or read.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        for entry in std::fs::read_dir(path)?.flatten() {
            let old = entry.metadata().and_then(|file| file.modified()).is_ok_and(|written| {
                #[expect(clippy::disallowed_methods, reason = "files have the system's time")]
                let age = SystemTime::now().duration_since(written);
                age.is_ok_and(|age| age > RETENTION)
            });
            if old {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// Stores an email durably.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn put(&self, key: &str, mail: &[u8]) -> io::Result<()> {
        let file = std::fs::File::create(self.0.join(key))?;
        io::Write::write_all(&mut &file, mail)?;
        file.sync_all()?;
        std::fs::File::open(&self.0)?.sync_all()
    }
}

impl Mailbox for ReceivedMail {
    fn fetch<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, MailboxError>> {
        Box::pin(async move {
            if !key.chars().all(|c| c.is_ascii_alphanumeric()) {
                return Err(MailboxError::new("invalid key of a received email"));
            }
            let mut mail = std::fs::read(self.0.join(key)).map_err(MailboxError::new)?;
            mail.truncate(MOST_BYTES);
            Ok(mail.into())
        })
    }
}
