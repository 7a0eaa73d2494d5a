//! The API from the outside, in process: every resource, its bad input, and two organisations that must not meet.

#[cfg(test)]
mod access;
#[cfg(test)]
mod alert_attributes;
#[cfg(test)]
mod alert_expressions;
#[cfg(test)]
mod alert_notes;
#[cfg(test)]
mod alert_previews;
#[cfg(test)]
mod alert_routes;
#[cfg(test)]
mod alert_source_intake;
#[cfg(test)]
mod alert_source_mail;
#[cfg(test)]
mod alert_sources;
#[cfg(test)]
mod alerts;
#[cfg(test)]
mod choices;
mod cloudwatch;
#[cfg(test)]
mod description;
#[cfg(test)]
mod escalation_paths;
#[cfg(test)]
mod escalations;
mod fronts;
#[cfg(test)]
mod incident_updates;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod users;
#[cfg(test)]
mod verbs;
#[cfg(test)]
mod world;
