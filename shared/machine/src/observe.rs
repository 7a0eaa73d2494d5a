//! Observes transitions, without the rules knowing.

/// How an attempted transition ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// It is stored.
    Success,
    /// Another writer was first.
    Conflict,
    /// There is no such edge.
    InvalidTransition,
    /// The store failed.
    Error,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The label's value.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Observes every attempted transition; the metric is `core_machine_transition_duration_seconds`.
pub trait Observe: Send + Sync + 'static {
    /// One attempt and how it ended.
    fn transition(
        &self,
        machine: &'static str,
        from: &'static str,
        to: &'static str,
        outcome: Outcome,
        seconds: f64,
    );
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observe for Silent {
    fn transition(&self, _: &'static str, _: &'static str, _: &'static str, _: Outcome, _: f64) {}
}
