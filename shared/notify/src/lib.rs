//! The registry of notification channels.
