//! The data directory: the installation's key, the API key, the mail.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::SecretString;

/// A data directory.
pub struct Home {
    dir: PathBuf,
    /// Removed at the end, if nothing is to be left.
    ephemeral: bool,
}

impl Home {
    /// Opens the directory, making it if it is missing.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(dir: &Path, ephemeral: bool) -> anyhow::Result<Self> {
        let dir = if ephemeral {
            let name = format!("firebell-{}-{:08x}", std::process::id(), fastrand::u32(..));
            std::env::temp_dir().join(name)
        } else {
            dir.to_owned()
        };
        fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make the data directory `{}`", dir.display()))?;
        Ok(Self { dir, ephemeral })
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where mail is written that no server takes.
    pub fn mail(&self) -> PathBuf {
        self.dir.join("mail")
    }

    /// Where mail that came in is kept.
    pub fn mail_in(&self) -> PathBuf {
        self.dir.join("mail-in")
    }

    /// The installation's key, made the first time.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn key(&self) -> anyhow::Result<SecretString> {
        let file = self.dir.join("key");
        if !file.exists() {
            let seal = app::seal::Seal::new(&SecretString::from("fresh"));
            write_secret(&file, &seal.random_token(48))?;
        }
        let key = fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        Ok(SecretString::from(key.trim().to_owned()))
    }

    /// Keeps the API key for whoever owns this directory.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_api_key(&self, key: &str) -> anyhow::Result<PathBuf> {
        let file = self.dir.join("api-key");
        write_secret(&file, key)?;
        Ok(file)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.ephemeral {
            let _gone = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Writes a secret that only its owner can read, whole or not at all.
fn write_secret(file: &Path, secret: &str) -> anyhow::Result<()> {
    let write = || {
        let new = file.with_extension("new");
        let mut options = fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        out.write_all(secret.as_bytes())?;
        out.sync_all()?;
        fs::rename(&new, file)
    };
    write().with_context(|| format!("cannot write `{}`", file.display()))
}
