//! Slack is down, slow, or tired of us.
