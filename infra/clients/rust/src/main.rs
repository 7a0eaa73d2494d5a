//! Drives a running server with the published client of incident.io's API.
fn main() {}
