//! Alert routes: which alerts start which escalations and open which incidents.

mod verdict;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use verdict::{ConditionResult, GroupResult, RouteDecision};

use crate::alert::AlertEvent;
use crate::condition::ConditionGroup;
use crate::expression::Expressions;
use crate::id::{PathId, RouteId, SourceId, UserId};
use crate::template::{Binding, Problem};
use crate::text::Document;

/// The most routes that match one alert.
pub const MOST_ROUTES: usize = 10;

/// An alert route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Its id.
    pub id: RouteId,
    /// Counts the updates.
    pub version: u64,
    /// Its name.
    pub name: String,
    /// Whether the route is enabled.
    pub enabled: bool,
    /// The sources whose alerts it matches, each with conditions of its own.
    pub sources: Vec<RouteSource>,
    /// Conditions on alerts of every source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionGroup>,
    /// The escalation paths that it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathId>,
    /// People whom it notifies directly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
    /// Whether an escalation ends when its alerts are resolved.
    pub auto_cancel: bool,
    /// The incident that it opens, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentTemplate>,
    /// How its alerts are grouped, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grouping: Option<Grouping>,
    /// What the client sent, to be echoed.
    pub document: Document,
}

/// How the incident is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentTemplate {
    /// The name; the alert's title if it resolves to nothing.
    pub name: Binding,
    /// The summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Binding>,
}

/// How alerts are grouped: grouped alerts share one incident and are notified once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// The values that must be equal.
    pub keys: Vec<Binding>,
    /// How long after an alert another one still joins.
    pub window_seconds: u32,
}

/// A source of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSource {
    /// The source.
    pub source: SourceId,
    /// Conditions on its alerts; any group suffices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionGroup>,
}

impl Route {
    /// Says whether this route may match alerts of a source.
    pub fn serves(&self, source: SourceId) -> bool {
        self.enabled && self.sources.iter().any(|entry| entry.source == source)
    }

    /// Says whether this route matches the alert.
    ///
    /// # Errors
    /// [`Problem`] if a condition could not be evaluated.
    pub fn takes(&self, source: SourceId, event: &AlertEvent, payload: &Value) -> Result<bool, Problem> {
        let Some(entry) = self.sources.iter().find(|entry| self.enabled && entry.source == source) else {
            return Ok(false);
        };
        let values = Expressions::new(&[], event, payload);
        let holds = |groups| values.any_holds(groups, None);
        Ok(holds(&entry.conditions)? && holds(&self.conditions)?)
    }
}

/// The routes that match an alert, and the problems found on the way.
///
/// A route whose condition cannot be evaluated matches: when in doubt, notify.
pub fn matching<'a>(
    routes: &'a [Route],
    source: SourceId,
    event: &AlertEvent,
    payload: &Value,
) -> (Vec<&'a Route>, Vec<Problem>) {
    let mut taken = Vec::new();
    let mut problems = Vec::new();
    for route in routes {
        match route.takes(source, event, payload) {
            Ok(true) => taken.push(route),
            Ok(false) => {}
            Err(problem) => {
                problems.push(Problem(format!("route `{}`: {problem}", route.name)));
                taken.push(route);
            }
        }
        if taken.len() == MOST_ROUTES {
            break;
        }
    }
    (taken, problems)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Timestamp;
    use crate::condition::{Condition, Test};
    use crate::template::Binding;

    fn source(n: u128) -> SourceId {
        SourceId::new(Timestamp::UNIX_EPOCH, n)
    }

    fn route(name: &str, from: SourceId, conditions: Vec<ConditionGroup>) -> Route {
        Route {
            id: RouteId::new(Timestamp::UNIX_EPOCH, 1),
            version: 1,
            name: name.to_owned(),
            enabled: true,
            sources: vec![RouteSource { source: from, conditions: vec![] }],
            conditions,
            paths: vec![],
            users: vec![],
            auto_cancel: true,
            incident: None,
            grouping: None,
            document: Document::default(),
        }
    }

    fn condition(reference: &str, test: Test) -> ConditionGroup {
        ConditionGroup(vec![Condition { subject: Binding::Reference(reference.to_owned()), test }])
    }

    fn names(routes: &[Route]) -> (Vec<&str>, usize) {
        let payload = json!({"labels": {"team": "a"}});
        let event = AlertEvent { priority: None, ..AlertEvent::example(&payload) };
        let (taken, problems) = matching(routes, source(1), &event, &payload);
        (taken.into_iter().map(|route| route.name.as_str()).collect(), problems.len())
    }

    #[test]
    fn routes_take_by_source_and_conditions_in_order() {
        let routes = [
            route("all", source(1), vec![]),
            route("other source", source(2), vec![]),
            route("team a", source(1), vec![condition("payload.labels.team", Test::OneOf(vec!["a".into()]))]),
            route("team b", source(1), vec![condition("payload.labels.team", Test::OneOf(vec!["b".into()]))]),
            route("no priority", source(1), vec![condition("alert.priority", Test::IsNotSet)]),
            Route { enabled: false, ..route("off", source(1), vec![]) },
        ];

        assert_eq!(names(&routes), (vec!["all", "team a", "no priority"], 0));
    }

    #[test]
    fn route_whose_condition_fails_takes_the_alert_and_says_so() {
        let routes = [route("broken", source(1), vec![condition("nonsense", Test::IsSet)])];

        assert_eq!(names(&routes), (vec!["broken"], 1));
    }
}
