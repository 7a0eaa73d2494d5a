//! Faults between the pages and the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use embedded::{AwsBackend, AwsCall, AwsResponse, ResponseFuture};

/// A fault of the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The database works.
    #[default]
    None,
    /// Index queries return what the same query returned before.
    StaleIndex,
    /// Every call fails.
    Unreachable,
}

/// A connection to the database that has the current fault.
pub(crate) struct FaultyDatabase {
    backend: Arc<dyn AwsBackend>,
    fault: Mutex<Fault>,
    /// The last answer to each index query.
    index_answers: Mutex<HashMap<Vec<u8>, AwsResponse>>,
    calls: AtomicU64,
}

impl FaultyDatabase {
    pub(crate) fn over(backend: Arc<dyn AwsBackend>) -> Arc<Self> {
        Arc::new(Self {
            backend,
            fault: Mutex::default(),
            index_answers: Mutex::default(),
            calls: AtomicU64::default(),
        })
    }

    /// Sets the current fault.
    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The number of calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

impl AwsBackend for FaultyDatabase {
    fn call<'a>(&'a self, call: AwsCall<'a>) -> ResponseFuture<'a> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            if fault == Fault::Unreachable {
                return Ok(AwsResponse::error(400, "ResourceNotFoundException", "there is no table"));
            }
            if !String::from_utf8_lossy(call.body).contains("\"IndexName\"") {
                return self.backend.call(call).await;
            }
            if fault == Fault::StaleIndex
                && let Some(stale) =
                    self.index_answers.lock().unwrap_or_else(PoisonError::into_inner).get(call.body)
            {
                return Ok(stale.clone());
            }
            let answer = self.backend.call(call).await?;
            let mut answers = self.index_answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.insert(call.body.to_vec(), answer.clone());
            Ok(answer)
        })
    }
}
