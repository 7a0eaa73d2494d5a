//! Choices: severities, statuses and roles of incidents, attributes of alerts.

pub mod save;
