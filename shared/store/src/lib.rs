//! DynamoDB and queue sending.
