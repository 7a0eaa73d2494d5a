//! The data directory: database, queues, the installation's key, the API key, email.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::SecretString;

use crate::error::{StartError, plain};

/// The file that a process locks for as long as it uses the directory. It holds the id of that process.
const LOCK: &str = "lock";

/// A data directory that this process alone uses.
#[derive(Debug)]
pub struct DataDir {
    dir: PathBuf,
    /// Whether the directory is removed at the end.
    ephemeral: bool,
    /// The lock. The system releases it when the process ends, also after `kill -9`.
    _lock: File,
}

impl DataDir {
    /// Opens the directory, creates it if it is missing, and locks it.
    ///
    /// # Errors
    /// [`StartError`] if the directory cannot be used or another process uses it.
    pub fn open(dir: &Path, ephemeral: bool) -> Result<Self, StartError> {
        let dir = if ephemeral {
            let name = format!("firebell-{}-{:08x}", std::process::id(), fastrand::u32(..));
            std::env::temp_dir().join(name)
        } else {
            dir.to_owned()
        };
        let unusable = |reason: String| StartError::DataDirectory { dir: dir.clone(), reason };
        if dir.exists() && !dir.is_dir() {
            return Err(unusable("it is a file".to_owned()));
        }
        fs::create_dir_all(&dir).map_err(|error| unusable(plain(&error)))?;
        let lock = lock(&dir.join(LOCK)).map_err(|error| match error {
            TryLockError::Error(error) => unusable(plain(&error)),
            TryLockError::WouldBlock => {
                let process = fs::read_to_string(dir.join(LOCK)).ok().and_then(|id| id.trim().parse().ok());
                StartError::DataDirectoryInUse { dir: dir.clone(), process }
            }
        })?;
        Ok(Self { dir, ephemeral, _lock: lock })
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Whether the directory is removed at the end.
    pub const fn is_ephemeral(&self) -> bool {
        self.ephemeral
    }

    /// The directory of sent email, used without a mail server.
    pub fn sent_mail(&self) -> PathBuf {
        self.dir.join("mail")
    }

    /// The directory of received email.
    pub fn received_mail(&self) -> PathBuf {
        self.dir.join("mail-in")
    }

    /// The file with the first API key.
    pub fn api_key_file(&self) -> PathBuf {
        self.dir.join("api-key")
    }

    /// The installation's key; created on the first start.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn key(&self) -> anyhow::Result<SecretString> {
        let file = self.dir.join("key");
        if !file.exists() {
            let seal = app::seal::Seal::new(&SecretString::from("fresh"));
            write_secret(&file, &seal.random_token(48))?;
        }
        let key = fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        Ok(SecretString::from(key.trim().to_owned()))
    }

    /// Stores the first API key, readable by the owner of the directory alone.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn store_api_key(&self, key: &str) -> anyhow::Result<()> {
        write_secret(&self.api_key_file(), key)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if self.ephemeral {
            let _gone = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Locks a file, and writes the id of this process into it.
fn lock(path: &Path) -> Result<File, TryLockError> {
    let mut file =
        File::options().write(true).create(true).truncate(false).open(path).map_err(TryLockError::Error)?;
    file.try_lock()?;
    let write = |file: &mut File| {
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())
    };
    write(&mut file).map_err(TryLockError::Error)?;
    Ok(file)
}

/// Writes a secret that only its owner can read, whole or not at all.
fn write_secret(file: &Path, secret: &str) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let new = file.with_extension("new");
        let mut options = fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        out.write_all(secret.as_bytes())?;
        out.sync_all()?;
        fs::rename(&new, file)
    };
    write().with_context(|| format!("cannot write `{}`", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_directory_is_removed_at_the_end() {
        let data = DataDir::open(Path::new("unused"), true).unwrap();
        let path = data.path().to_owned();
        assert!(path.join(LOCK).exists());

        drop(data);

        assert!(!path.exists());
    }

    #[test]
    fn a_directory_is_used_once_at_a_time() {
        let dir = std::env::temp_dir().join(format!("firebell-lock-{:016x}", fastrand::u64(..)));
        let data = DataDir::open(&dir, false).unwrap();

        let second = DataDir::open(&dir, false).unwrap_err().to_string();
        drop(data);

        let expected = format!("is in use by another `cargo local` (process {})", std::process::id());
        assert!(second.contains(&expected), "{second}");
        drop(DataDir::open(&dir, false).unwrap());
        fs::remove_dir_all(dir).unwrap();
    }
}
