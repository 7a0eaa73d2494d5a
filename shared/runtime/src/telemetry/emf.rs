//! Metrics on AWS in the embedded metric format: one line of JSON on standard output for each transition.

use std::io::Write;

use machine::{Observe, Outcome};
use serde_json::{Value, json};

use super::metrics::TRANSITIONS;

/// Writes a line for each transition. The only billed dimensions are the machine and the outcome.
#[derive(Clone)]
pub struct Emf {
    clock: app::Clock,
}

impl Emf {
    /// Creates a writer that takes the time from this clock.
    pub const fn new(clock: app::Clock) -> Self {
        Self { clock }
    }

    /// The line of a transition.
    fn line(&self, machine: &str, from: &str, to: &str, outcome: Outcome, seconds: f64) -> Value {
        json!({
            "_aws": {
                "Timestamp": (self.clock)().as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": "Firebell",
                    "Dimensions": [["machine", "outcome"]],
                    "Metrics": [{"Name": TRANSITIONS, "Unit": "Seconds"}],
                }],
            },
            "machine": machine,
            "outcome": outcome.name(),
            "from_state": from,
            "to_state": to,
            TRANSITIONS: seconds,
        })
    }
}

impl Observe for Emf {
    fn transition(
        &self,
        machine: &'static str,
        from: &'static str,
        to: &'static str,
        outcome: Outcome,
        seconds: f64,
    ) {
        let line = self.line(machine, from, to, outcome, seconds);
        // A transition does not fail because its metric cannot be written.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn only_machine_and_outcome_are_dimensions() {
        let emf = Emf::new(Arc::new(|| domain::Timestamp::UNIX_EPOCH));

        let line = emf.line("alert", "firing", "resolved", Outcome::Success, 0.5);

        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Dimensions"], json!([["machine", "outcome"]]));
        assert_eq!(line[TRANSITIONS], 0.5);
        assert_eq!(line["from_state"], "firing");
    }
}
