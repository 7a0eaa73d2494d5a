//! The same incident from Slack and from the API.
