//! The metrics of one process in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use machine::{Observe, Outcome};

/// The upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 8] = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

/// The name of the metric of transitions.
pub(crate) const TRANSITIONS: &str = "core_machine_transition_duration_seconds";

/// A histogram.
#[derive(Debug, Clone, Copy, Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, seconds: f64) {
        for (bucket, bound) in self.buckets.iter_mut().zip(BUCKETS) {
            if seconds <= bound {
                *bucket += 1;
            }
        }
        self.count += 1;
        self.sum += seconds;
    }
}

/// The labels of a transition: machine, from, to and outcome.
type Labels = (&'static str, &'static str, &'static str, Outcome);

/// The metrics of a process.
#[derive(Debug, Default)]
pub struct Metrics {
    transitions: Mutex<BTreeMap<Labels, Histogram>>,
}

/// A sample of a metric that is counted elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The name of the metric.
    pub name: &'static str,
    /// The labels, in order.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

impl Observe for Metrics {
    fn transition(
        &self,
        machine: &'static str,
        from: &'static str,
        to: &'static str,
        outcome: Outcome,
        seconds: f64,
    ) {
        let mut transitions = self.transitions.lock().unwrap_or_else(PoisonError::into_inner);
        transitions.entry((machine, from, to, outcome)).or_default().observe(seconds);
    }
}

impl Metrics {
    /// The number of transitions with an outcome, over all machines.
    pub fn transitions(&self, outcome: Outcome) -> u64 {
        let transitions = self.transitions.lock().unwrap_or_else(PoisonError::into_inner);
        transitions
            .iter()
            .filter(|(labels, _)| labels.3 == outcome)
            .map(|(_, histogram)| histogram.count)
            .sum()
    }

    /// Writes all metrics, and the samples that are counted elsewhere.
    pub fn show(&self, others: &[Sample]) -> String {
        let mut text = format!("# TYPE {TRANSITIONS} histogram\n");
        let transitions = self.transitions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((machine, from, to, outcome), histogram) in transitions {
            let labels = format!(
                "machine=\"{machine}\",from_state=\"{from}\",to_state=\"{to}\",outcome=\"{}\"",
                outcome.name()
            );
            for (count, bound) in histogram.buckets.iter().zip(BUCKETS) {
                let _ = writeln!(text, "{TRANSITIONS}_bucket{{{labels},le=\"{bound}\"}} {count}");
            }
            let Histogram { count, sum, .. } = histogram;
            let _ = writeln!(text, "{TRANSITIONS}_bucket{{{labels},le=\"+Inf\"}} {count}");
            let _ = writeln!(text, "{TRANSITIONS}_sum{{{labels}}} {sum}");
            let _ = writeln!(text, "{TRANSITIONS}_count{{{labels}}} {count}");
        }
        let mut last = "";
        for sample in others {
            if sample.name != last {
                let kind = if sample.name.ends_with("_total") { "counter" } else { "gauge" };
                let _ = writeln!(text, "# TYPE {} {kind}", sample.name);
                last = sample.name;
            }
            let labels: Vec<String> = sample
                .labels
                .iter()
                .map(|(name, value)| {
                    format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
                })
                .collect();
            let _ = writeln!(text, "{}{{{}}} {}", sample.name, labels.join(","), sample.value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_shown_with_all_their_labels() {
        let metrics = Metrics::default();
        metrics.transition("alert", "firing", "resolved", Outcome::Success, 0.03);

        let shown = metrics.show(&[Sample {
            name: "aws_requests_total",
            labels: vec![("service", "dynamodb".to_owned())],
            value: 2.0,
        }]);

        let labels = "machine=\"alert\",from_state=\"firing\",to_state=\"resolved\",outcome=\"success\"";
        assert!(shown.contains(&format!("{TRANSITIONS}_bucket{{{labels},le=\"0.025\"}} 0\n")), "{shown}");
        assert!(shown.contains(&format!("{TRANSITIONS}_bucket{{{labels},le=\"0.05\"}} 1\n")), "{shown}");
        assert!(shown.contains(&format!("{TRANSITIONS}_count{{{labels}}} 1\n")), "{shown}");
        assert!(
            shown.contains("# TYPE aws_requests_total counter\naws_requests_total{service=\"dynamodb\"} 2\n")
        );
    }
}
