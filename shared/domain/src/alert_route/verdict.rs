//! Explains why a route matches an alert or not, with the value that each condition found.

use serde_json::Value;

use super::Route;
use crate::alert::AlertEvent;
use crate::condition::{Condition, ConditionGroup};
use crate::expression::Expressions;
use crate::id::SourceId;
use crate::template::Problem;

/// A condition with the values that it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionResult<'a> {
    /// The condition.
    pub condition: &'a Condition,
    /// The value, or the elements of a list; empty if the alert has none.
    pub found: Vec<String>,
    /// Whether it holds.
    pub holds: bool,
}

/// Conditions that must all hold, each with the value that it found.
pub type GroupResult<'a> = Vec<ConditionResult<'a>>;

/// The decision of a route about an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteDecision<'a> {
    /// The route is disabled.
    Off,
    /// The route does not match alerts of this source.
    OtherSource,
    /// A condition cannot be evaluated, so the route matches: when in doubt, notify.
    Doubt(Problem),
    /// The conditions decided.
    Judged {
        /// Whether the route matches.
        takes: bool,
        /// The groups of conditions on alerts of this source; any group suffices.
        of_source: Vec<GroupResult<'a>>,
        /// The groups of conditions on alerts of every source; any group suffices. Empty if the source's own conditions
        /// failed.
        of_all: Vec<GroupResult<'a>>,
    },
}

impl RouteDecision<'_> {
    /// Says whether the route matches the alert.
    pub const fn takes(&self) -> bool {
        match self {
            Self::Off | Self::OtherSource => false,
            Self::Doubt(_) => true,
            Self::Judged { takes, .. } => *takes,
        }
    }
}

/// Evaluates groups of conditions. A problem counts only if no earlier group holds.
fn checked<'a>(
    groups: &'a [ConditionGroup],
    values: &Expressions<'_>,
) -> Result<Vec<GroupResult<'a>>, Problem> {
    let check = |condition: &'a Condition| {
        let found = values.texts_of(condition, None)?;
        let holds = condition.test.holds_for(&found);
        Ok(ConditionResult { condition, found, holds })
    };
    let mut all: Vec<GroupResult<'a>> = Vec::new();
    for ConditionGroup(conditions) in groups {
        match conditions.iter().map(check).collect() {
            Ok(group) => all.push(group),
            Err(_) if !all.is_empty() && any_holds(&all) => break,
            Err(problem) => return Err(problem),
        }
    }
    Ok(all)
}

/// Says whether any group holds; an empty list of groups always holds.
fn any_holds(groups: &[GroupResult<'_>]) -> bool {
    groups.is_empty() || groups.iter().any(|group| group.iter().all(|checked| checked.holds))
}

impl Route {
    /// Explains whether this route matches an alert. It agrees with [`Route::takes`].
    pub fn verdict(&self, source: SourceId, event: &AlertEvent, payload: &Value) -> RouteDecision<'_> {
        if !self.enabled {
            return RouteDecision::Off;
        }
        let Some(entry) = self.sources.iter().find(|entry| entry.source == source) else {
            return RouteDecision::OtherSource;
        };
        let values = Expressions::new(&[], event, payload);
        let of_source = match checked(&entry.conditions, &values) {
            Ok(of_source) => of_source,
            Err(problem) => return RouteDecision::Doubt(problem),
        };
        if !any_holds(&of_source) {
            return RouteDecision::Judged { takes: false, of_source, of_all: Vec::new() };
        }
        match checked(&self.conditions, &values) {
            Ok(of_all) => RouteDecision::Judged { takes: any_holds(&of_all), of_source, of_all },
            Err(problem) => RouteDecision::Doubt(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::RouteSource;
    use super::*;
    use crate::Timestamp;
    use crate::condition::Test;
    use crate::expression::{Expression, Operation};
    use crate::id::RouteId;
    use crate::source::IntakeRules;
    use crate::source::Template;
    use crate::template::Binding;
    use crate::text::Document;

    fn source(n: u128) -> SourceId {
        SourceId::new(Timestamp::UNIX_EPOCH, n)
    }

    fn event() -> AlertEvent {
        AlertEvent { priority: None, ..AlertEvent::example(&json!({ "team": "a" })) }
    }

    fn route(
        enabled: bool,
        from: u128,
        of_source: Vec<ConditionGroup>,
        conditions: Vec<ConditionGroup>,
    ) -> Route {
        Route {
            id: RouteId::new(Timestamp::UNIX_EPOCH, 1),
            version: 1,
            name: "a route".to_owned(),
            enabled,
            sources: vec![RouteSource { source: source(from), conditions: of_source }],
            conditions,
            paths: vec![],
            users: vec![],
            auto_cancel: true,
            incident: None,
            grouping: None,
            document: Document::default(),
        }
    }

    fn condition(reference: &str, test: Test) -> Condition {
        Condition { subject: Binding::Reference(reference.to_owned()), test }
    }

    #[test]
    fn verdict_names_the_condition_that_fails_and_what_it_found() {
        let team = condition("payload.team", Test::OneOf(vec!["b".to_owned()]));
        let route = route(true, 1, vec![], vec![ConditionGroup(vec![team.clone()])]);

        let payload = json!({ "team": "a" });
        let verdict = route.verdict(source(1), &event(), &payload);

        let checked = ConditionResult { condition: &team, found: vec!["a".to_owned()], holds: false };
        let judged = RouteDecision::Judged { takes: false, of_source: vec![], of_all: vec![vec![checked]] };
        assert_eq!(verdict, judged);
    }

    #[test]
    fn route_that_is_off_or_of_another_source_has_nothing_to_check() {
        let payload = json!({});

        assert_eq!(
            route(false, 1, vec![], vec![]).verdict(source(1), &event(), &payload),
            RouteDecision::Off
        );
        assert_eq!(
            route(true, 2, vec![], vec![]).verdict(source(1), &event(), &payload),
            RouteDecision::OtherSource
        );
    }

    fn any_condition() -> impl Strategy<Value = Condition> {
        let reference = prop::sample::select(vec![
            "payload.team",
            "payload.tags",
            "payload.blank",
            "payload.size",
            "payload.none[0].x",
            "alert.title",
            "alert.priority",
            "alert.nothing",
        ]);
        let test = prop::sample::select(vec![
            Test::IsSet,
            Test::IsNotSet,
            Test::OneOf(vec!["a".to_owned(), "production".to_owned()]),
            Test::NotOneOf(vec!["production".to_owned(), "7".to_owned()]),
            Test::Contains("d".to_owned()),
            Test::DoesNotContain("d".to_owned()),
            Test::StartsWith("pro".to_owned()),
        ]);
        (reference, test).prop_map(|(reference, test)| condition(reference, test))
    }

    fn any_groups() -> impl Strategy<Value = Vec<ConditionGroup>> {
        prop::collection::vec(prop::collection::vec(any_condition(), 0..3).prop_map(ConditionGroup), 0..3)
    }

    fn payload() -> Value {
        json!({
            "team": "a", "tags": ["production", "db", ""], "blank": "  ", "size": 7, "none": [null, []],
        })
    }

    proptest! {
        #[test]
        fn condition_means_the_same_in_a_route_a_filter_and_an_expression(groups in any_groups()) {
            let (event, payload) = (event(), payload());
            let intake = IntakeRules { filter: groups.clone(), ..IntakeRules::default() };
            let kept = Operation::Filter(groups.clone());
            let expression = Expression {
                label: "kept".to_owned(),
                reference: "kept".to_owned(),
                root: "payload".to_owned(),
                operations: vec![kept],
                otherwise: Vec::new(),
            };

            let filtered = intake.admits(&Template::default(), &event, &payload);
            let routed = route(true, 1, vec![], groups.clone()).takes(source(1), &event, &payload);
            let of_source = route(true, 1, groups, vec![]).takes(source(1), &event, &payload);
            let values = Expressions::new(std::slice::from_ref(&expression), &event, &payload);
            let found = Binding::Reference("expressions[\"kept\"]".to_owned()).resolve_in(&values);

            prop_assert_eq!(&filtered, &routed);
            prop_assert_eq!(&routed, &of_source);
            if let Ok(holds) = routed {
                prop_assert_eq!(found.unwrap().is_some(), holds);
            }
        }

        #[test]
        fn verdict_is_what_routing_does(
            enabled in any::<bool>(), from in 1_u128..3, of_source in any_groups(), conditions in any_groups(),
        ) {
            let route = route(enabled, from, of_source, conditions);
            let payload = payload();

            let routed = route.takes(source(1), &event(), &payload);
            let verdict = route.verdict(source(1), &event(), &payload);

            match routed {
                Ok(takes) => prop_assert_eq!(verdict.takes(), takes),
                Err(problem) => prop_assert_eq!(verdict, RouteDecision::Doubt(problem)),
            }
        }
    }
}
