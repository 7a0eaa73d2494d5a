//! Intake rules: which events of a source become alerts, and how many in a minute.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Template;
use super::heartbeat::PingSchedule;
use crate::alert::AlertEvent;
use crate::alert::expiry::Expiry;
use crate::condition::ConditionGroup;
use crate::expression::path::{ValuePath, follow};
use crate::expression::{ExpressionError, Expressions};
use crate::template::{Binding, Problem, text_of};

/// The most conditions of a filter.
const MOST_CONDITIONS: usize = 100;

/// The most minutes until an alert expires: thirty days.
const MOST_MINUTES: u32 = 30 * 24 * 60;

/// The highest rate limit, in alerts a minute.
const MOST_PER_MINUTE: u32 = 10_000;

/// Which events of a source become alerts, when alerts expire, and whether it is a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IntakeRules {
    /// The filter: any group of conditions suffices, and an empty list passes every event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<ConditionGroup>,
    /// The rate limit, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<RateLimit>,
    /// When alerts expire, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<AutoResolve>,
    /// The ping schedule, if it is a heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beat: Option<PingSchedule>,
}

/// After how long an alert is resolved automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoResolve {
    /// How many minutes.
    pub minutes: u32,
    /// Whether it is resolved even while its incident is open.
    pub in_incidents: bool,
}

/// The rate limit of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// How many.
    pub per_minute: u32,
    /// The path to the shard value: each value has a limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
}

impl IntakeRules {
    /// Says whether there are no rules, as for most sources.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether there is neither a filter nor a rate limit.
    pub fn is_open(&self) -> bool {
        self.filter.is_empty() && self.limit.is_none()
    }

    /// When an alert expires, if the source's alerts expire or the event sets an expiry.
    pub fn expiry_of(&self, event: &AlertEvent, received_at: Timestamp) -> Option<Expiry> {
        let lasts = self.lasts.map(|lasts| (lasts.minutes.saturating_mul(60), !lasts.in_incidents));
        let holds = event.holds_s.map(|holds| (holds, false));
        let (after_s, spares_incidents) = holds.or(lasts)?;
        Some(Expiry::new(after_s, spares_incidents, received_at))
    }

    /// Says whether the filter passes an event.
    ///
    /// # Errors
    /// [`Problem`] if a condition could not be evaluated; in doubt, it passes.
    pub fn admits(&self, template: &Template, event: &AlertEvent, payload: &Value) -> Result<bool, Problem> {
        if self.filter.is_empty() {
            return Ok(true);
        }
        let expressions = Expressions::new(&template.expressions, event, payload);
        let admitted = expressions.any_holds(&self.filter, None)?;
        match expressions.into_problems().into_iter().next() {
            // A failed expression counts as absent, but that must not be the reason why nobody is notified.
            Some(problem) if !admitted => Err(problem),
            Some(_) | None => Ok(admitted),
        }
    }

    /// Checks it before it is stored.
    ///
    /// # Errors
    /// [`ExpressionError`] with the field, as the API names it.
    pub fn check(&self, template: &Template) -> Result<(), ExpressionError> {
        let shapes = crate::expression::check(&template.expressions)
            .map_err(|misfit| misfit.within("expressions").within("template"))?;
        let conditions: usize = self.filter.iter().map(|ConditionGroup(conditions)| conditions.len()).sum();
        if conditions > MOST_CONDITIONS {
            let reason = format!("a filter may have at most {MOST_CONDITIONS} conditions");
            return Err(ExpressionError::new("filter_condition_groups", reason));
        }
        for (g, ConditionGroup(conditions)) in self.filter.iter().enumerate() {
            for (c, condition) in conditions.iter().enumerate() {
                let at = format!("filter_condition_groups.{g}.conditions.{c}.subject");
                check_subject(&condition.subject).map_err(|reason| ExpressionError::new(&at, reason))?;
                crate::expression::check_binding(&template.expressions, &shapes, &condition.subject)
                    .map_err(|misfit| ExpressionError::new(&at, misfit.reason))?;
            }
        }
        if self.lasts.is_some_and(|lasts| !(1..=MOST_MINUTES).contains(&lasts.minutes)) {
            let reason = format!("the time must be 1 to {MOST_MINUTES} minutes");
            return Err(ExpressionError::new("auto_resolve_timeout_minutes", reason));
        }
        if let Some(beat) = &self.beat {
            beat.check().map_err(|misfit| misfit.within("heartbeat_options"))?;
        }
        self.limit.as_ref().map_or(Ok(()), RateLimit::check)
    }
}

/// Checks the subject of a condition. A bare path is refused, because there is no current value.
fn check_subject(subject: &Binding) -> Result<(), String> {
    let Binding::Reference(reference) = subject else { return Ok(()) };
    let path = ValuePath::of_reference(reference);
    match path.as_ref().and_then(ValuePath::split) {
        Some(("alert" | "payload" | "expressions", _)) => Ok(()),
        Some(_) | None => {
            Err("the subject of a filter condition must be `alert.…`, `payload.…` or `expressions[\"…\"]`"
                .to_owned())
        }
    }
}

impl RateLimit {
    /// The shard value of an event; events without one are counted together.
    pub fn shard_of(&self, payload: &Value) -> String {
        let path = self.shard.as_deref().and_then(ValuePath::of_source);
        let found = path.as_ref().and_then(|path| follow(payload, &path.steps));
        found.and_then(text_of).unwrap_or_default()
    }

    /// Checks it before it is stored.
    ///
    /// # Errors
    /// [`ExpressionError`] with the field, as the API names it.
    fn check(&self) -> Result<(), ExpressionError> {
        if !(1..=MOST_PER_MINUTE).contains(&self.per_minute) {
            let reason = format!("the limit must be 1 to {MOST_PER_MINUTE} alerts a minute");
            return Err(ExpressionError::new("rate_limit.alerts_per_minute", reason));
        }
        if self.shard.as_deref().is_some_and(|path| ValuePath::of_source(path).is_none()) {
            let reason = "this is not a valid path: write for example `$.labels.host`";
            return Err(ExpressionError::new("rate_limit_sharding.rate_limit_shard_key_path", reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::condition::{Condition, Test};

    fn filter(reference: &str, test: Test) -> IntakeRules {
        let condition = Condition { subject: Binding::Reference(reference.to_owned()), test };
        IntakeRules { filter: vec![ConditionGroup(vec![condition])], ..IntakeRules::default() }
    }

    fn admits(intake: &IntakeRules, payload: &Value) -> Result<bool, Problem> {
        intake.admits(&Template::default(), &AlertEvent::example(payload), payload)
    }

    #[test]
    fn filter_lets_through_what_it_names() {
        let production = filter("payload.env", Test::OneOf(vec!["production".to_owned()]));

        assert_eq!(admits(&production, &json!({ "env": "production" })), Ok(true));
        assert_eq!(admits(&production, &json!({ "env": "staging" })), Ok(false));
        assert_eq!(admits(&production, &json!({})), Ok(false));
        assert_eq!(admits(&IntakeRules::default(), &json!({})), Ok(true));
    }

    #[test]
    fn filter_that_cannot_be_evaluated_is_a_problem() {
        let broken = filter("nowhere", Test::IsSet);

        assert!(broken.check(&Template::default()).is_err());
        let gone = filter("expressions[\"gone\"]", Test::IsSet);
        assert!(gone.check(&Template::default()).is_err());
        assert!(admits(&gone, &json!({})).is_err());
    }

    #[test]
    fn events_are_counted_by_what_stands_at_the_path() {
        let limit = RateLimit { per_minute: 1, shard: Some("$.labels['host.name']".to_owned()) };

        assert_eq!(limit.shard_of(&json!({ "labels": { "host.name": "db1" } })), "db1");
        assert_eq!(limit.shard_of(&json!({ "labels": {} })), "");
        assert_eq!(RateLimit { per_minute: 1, shard: None }.shard_of(&json!({})), "");
    }

    #[test]
    fn limit_that_is_none_is_refused() {
        let limit = |per_minute, shard: Option<&str>| {
            let limit = Some(RateLimit { per_minute, shard: shard.map(str::to_owned) });
            IntakeRules { limit, ..IntakeRules::default() }
        };
        let template = Template::default();

        assert!(limit(60, Some("$.a")).check(&template).is_ok());
        assert!(limit(0, None).check(&template).is_err());
        assert!(limit(10_001, None).check(&template).is_err());
        assert!(limit(60, Some("$.a b c")).check(&template).is_err());
    }
}
