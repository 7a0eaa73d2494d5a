//! Writes emails to files, for a machine without a mail server.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::channel::{Receipt, SendError};

/// A directory that emails are written to.
pub(super) struct Directory {
    /// The path of the directory.
    path: PathBuf,
    /// The number of the newest email, once known. The lock is held while an email is written.
    newest: Mutex<Option<u64>>,
}

impl Directory {
    /// Creates the writer. The directory is created with the first email.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, newest: Mutex::new(None) }
    }

    /// The path of the directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one email. The file appears only when it is complete.
    pub(super) fn write(&self, title: &str, mail: &[u8]) -> Result<Receipt, SendError> {
        self.try_write(title, mail).map(|name| Receipt::new(&name)).map_err(|error| SendError::Transient {
            reason: "cannot write the email to its directory".to_owned(),
            source: Some(error.into()),
        })
    }

    /// Writes one email and returns its file name.
    fn try_write(&self, title: &str, mail: &[u8]) -> io::Result<String> {
        fs::create_dir_all(&self.path)?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match *newest {
            Some(number) => number,
            None => self.newest_number()?,
        } + 1;
        let name = format!("{number:06}-{}.eml", slug(title));
        let unfinished = self.path.join(format!(".{name}.tmp"));
        let mut file = File::create(&unfinished)?;
        file.write_all(mail)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.path.join(&name))?;
        *newest = Some(number);
        Ok(name)
    }

    /// The number of the newest email in the directory.
    fn newest_number(&self) -> io::Result<u64> {
        let mut newest = 0;
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
            newest = newest.max(number.unwrap_or(0));
        }
        Ok(newest)
    }
}

/// Turns the beginning of a title into a part of a file name, which cannot contain a path.
fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    slug.truncate(40);
    if slug.is_empty() { "page".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_cannot_contain_a_path() {
        let cases = [
            ("Disk of db-1 is 97 % full", "disk-of-db-1-is-97-full"),
            ("../../etc/passwd", "etc-passwd"),
            ("a\0b\r\nc", "a-b-c"),
            ("🔥", "page"),
        ];
        for (title, expected) in cases {
            assert_eq!(slug(title), expected, "{title}");
        }
        assert_eq!(slug(&"x".repeat(500)).len(), 40);
    }
}
