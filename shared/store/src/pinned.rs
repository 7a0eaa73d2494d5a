//! The SNS topic that is pinned to a source.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use domain::id::SourceId;
use domain::source::pinned_topic::PinnedTopic;

use crate::Store;
use crate::error::StoreError;
use crate::item::{self, s};
use crate::table::{self, Lookup};

fn place(source: SourceId) -> table::Key {
    table::lookup(Lookup::Topic, &source.to_string())
}

impl Store {
    /// The pinned topic of a source, if any.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn pinned(&self, source: SourceId) -> Result<Option<PinnedTopic>, StoreError> {
        self.load("look-up", &place(source)).await
    }

    /// Pins a topic to its source, unless another topic was pinned with the same secret; false if one was.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn pin(&self, pinned: &PinnedTopic) -> Result<bool, StoreError> {
        let item = item::write("look-up", &place(pinned.source), pinned)?;
        let sent = self
            .dynamo
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR secret <> :secret OR topic = :topic")
            .expression_attribute_values(":secret", s(&pinned.secret))
            .expression_attribute_values(":topic", s(&pinned.topic))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::call("PutItem", error)),
            },
        }
    }
}
