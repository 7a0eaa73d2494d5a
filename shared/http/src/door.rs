//! What a source's function knows of its sources, kept for a while.
//!
//! A forged request costs at most one read a source and five seconds, an unknown id or key likewise, a malformed one
//! nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use app::{AppError, Context};
use domain::Timestamp;
use domain::id::SourceId;
use domain::source::SourceCredentials;
use jiff::SignedDuration;
use secrecy::SecretString;

/// How long what is known holds.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// How long an absence or a failed verification holds before it is looked up again.
const DOUBTED: SignedDuration = SignedDuration::from_secs(5);
/// How many sources are kept.
const MOST: usize = 4096;

/// A door and its secret, opened.
#[derive(Clone)]
pub(crate) struct Opened {
    /// The door.
    pub(crate) door: SourceCredentials,
    /// Its secret.
    pub(crate) secret: SecretString,
    previous: Option<SecretString>,
}

impl Opened {
    /// The secret before the last rotation, if that holds at a time.
    pub(crate) fn previous(&self, at: Timestamp) -> Option<&SecretString> {
        let holds = self.door.previous.as_ref().is_some_and(|previous| previous.holds(at));
        self.previous.as_ref().filter(|_| holds)
    }
}

/// What is known of one source, and since when.
#[derive(Clone)]
struct Known {
    opened: Option<Opened>,
    since: Timestamp,
}

/// What leads to a door.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    /// The source's id.
    Id(SourceId),
    /// The hash of its secret.
    Key(String),
}

/// The doors that this function knows.
#[derive(Default)]
pub(crate) struct Doors {
    known: Mutex<HashMap<Address, Known>>,
    reported: Mutex<HashMap<SourceId, Timestamp>>,
}

/// At most one report of a failed delivery a source and this long.
const REPORTED: SignedDuration = SignedDuration::from_mins(1);

impl Doors {
    /// The door at an address. `doubted` asks for a fresh look, as far as that is allowed.
    pub(crate) async fn find(
        &self,
        ctx: &Context,
        address: &Address,
        doubted: bool,
    ) -> Result<Option<Opened>, AppError> {
        let now = ctx.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned();
        if let Some(known) = known {
            let holds = if doubted || known.opened.is_none() { DOUBTED } else { KEPT };
            if now.duration_since(known.since) < holds {
                return Ok(known.opened);
            }
        }
        let door = match address {
            Address::Id(id) => ctx.store.door(*id).await?,
            Address::Key(hash) => ctx.store.door_of_key(hash).await?,
        };
        let opened = door.map(|door| open(ctx, door)).transpose()?;
        let mut kept = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(address.clone(), Known { opened: opened.clone(), since: now });
        Ok(opened)
    }
}

impl Doors {
    /// Says whether a failed delivery may be reported, and remembers that it was.
    pub(crate) fn may_report(&self, id: SourceId, now: Timestamp) -> bool {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.get(&id).is_some_and(|last| now.duration_since(*last) < REPORTED) {
            return false;
        }
        if reported.len() >= MOST {
            reported.clear();
        }
        reported.insert(id, now);
        true
    }
}

/// Opens the secret of a door.
fn open(ctx: &Context, door: SourceCredentials) -> Result<Opened, AppError> {
    let opened = |sealed: &str| app::source::open_secret(&ctx.seal, door.id, sealed);
    let secret = opened(&door.secret)?;
    let previous = door.previous.as_ref().map(|previous| opened(&previous.secret)).transpose()?;
    Ok(Opened { door, secret, previous })
}
