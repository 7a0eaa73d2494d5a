//! What may be wrong between us and the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use embedded::{AwsBackend, AwsCall, AwsResponse, ResponseFuture};

/// What is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sky {
    /// Nothing.
    #[default]
    Clear,
    /// The indexes answer as they did when they were last asked.
    StaleIndex,
    /// Nothing answers.
    Down,
}

/// The way to the database, under a sky.
pub(crate) struct Weather {
    wire: Arc<dyn AwsBackend>,
    sky: Mutex<Sky>,
    index: Mutex<HashMap<Vec<u8>, AwsResponse>>,
    calls: AtomicU64,
}

impl Weather {
    pub(crate) fn over(wire: Arc<dyn AwsBackend>) -> Arc<Self> {
        Arc::new(Self { wire, sky: Mutex::default(), index: Mutex::default(), calls: AtomicU64::default() })
    }

    /// Changes what is wrong.
    pub(crate) fn set(&self, sky: Sky) {
        *self.sky.lock().unwrap_or_else(PoisonError::into_inner) = sky;
    }

    /// How often the database was asked.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

impl AwsBackend for Weather {
    fn call<'a>(&'a self, call: AwsCall<'a>) -> ResponseFuture<'a> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let sky = *self.sky.lock().unwrap_or_else(PoisonError::into_inner);
            if sky == Sky::Down {
                return Ok(AwsResponse::error(400, "ResourceNotFoundException", "there is no table"));
            }
            if !String::from_utf8_lossy(call.body).contains("\"IndexName\"") {
                return self.wire.call(call).await;
            }
            if sky == Sky::StaleIndex
                && let Some(old) = self.index.lock().unwrap_or_else(PoisonError::into_inner).get(call.body)
            {
                return Ok(old.clone());
            }
            let answer = self.wire.call(call).await?;
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            index.insert(call.body.to_vec(), answer.clone());
            Ok(answer)
        })
    }
}
