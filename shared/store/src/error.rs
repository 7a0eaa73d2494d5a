//! The errors of the store. All of them may be retried later.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use machine::{BoxError, CommitError};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A call to the database failed.
    #[error("`{operation}` failed{}", code.as_ref().map(|code| format!(": {code}")).unwrap_or_default())]
    Call {
        /// The operation.
        operation: &'static str,
        /// The database's error code.
        code: Option<String>,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// An item cannot be read by this version.
    #[error("the stored {kind} cannot be read")]
    Item {
        /// The kind of item.
        kind: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
}

impl StoreError {
    /// Wraps a failed call.
    pub(crate) fn call<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let code = error.as_service_error().and_then(|error| error.code().map(str::to_owned));
        Self::Call { operation, code, source: Box::new(error) }
    }

    /// Wraps an error of an item that cannot be read or written.
    pub(crate) fn item(kind: &'static str, source: serde_dynamo::Error) -> Self {
        Self::Item { kind, source: Box::new(source) }
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}
