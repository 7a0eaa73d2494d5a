//! Why a route takes an alert or not: every condition with what it found.

use serde_json::Value;

use super::{Condition, Group, Route};
use crate::alert::AlertEvent;
use crate::id::SourceId;
use crate::template::Problem;

/// A condition, and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<'a> {
    /// The condition.
    pub condition: &'a Condition,
    /// What its subject is; none if the alert has nothing there.
    pub found: Option<String>,
    /// Whether it holds.
    pub holds: bool,
}

/// Conditions that must all hold, each with what it found.
pub type CheckedGroup<'a> = Vec<Checked<'a>>;

/// What a route makes of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It takes no alerts at all.
    Off,
    /// It takes none of this source.
    OtherSource,
    /// A condition of it cannot be evaluated, so that it takes the alert: when in doubt, page.
    Doubt(Problem),
    /// Its conditions decide.
    Judged {
        /// Whether it takes the alert.
        takes: bool,
        /// The groups of conditions on alerts of this source; any group suffices.
        of_source: Vec<CheckedGroup<'a>>,
        /// The groups of conditions on every alert; any group suffices. None, if those of the source refuse already.
        of_all: Vec<CheckedGroup<'a>>,
    },
}

impl Verdict<'_> {
    /// Says whether the route takes the alert.
    pub const fn takes(&self) -> bool {
        match self {
            Self::Off | Self::OtherSource => false,
            Self::Doubt(_) => true,
            Self::Judged { takes, .. } => *takes,
        }
    }
}

/// Checks the conditions of some groups; what cannot be evaluated matters only until a group holds.
fn checked<'a>(
    groups: &'a [Group],
    event: &AlertEvent,
    payload: &Value,
) -> Result<Vec<CheckedGroup<'a>>, Problem> {
    let check = |condition: &'a Condition| {
        let found = condition.subject.resolve(event, payload)?;
        let holds = condition.test.holds(found.as_deref());
        Ok(Checked { condition, found, holds })
    };
    let mut all: Vec<CheckedGroup<'a>> = Vec::new();
    for Group(conditions) in groups {
        match conditions.iter().map(check).collect() {
            Ok(group) => all.push(group),
            Err(_) if !all.is_empty() && any_holds(&all) => break,
            Err(problem) => return Err(problem),
        }
    }
    Ok(all)
}

/// Says whether any group holds; no groups at all hold for every alert.
fn any_holds(groups: &[CheckedGroup<'_>]) -> bool {
    groups.is_empty() || groups.iter().any(|group| group.iter().all(|checked| checked.holds))
}

impl Route {
    /// Why this route takes an alert, or does not: it says what [`Route::takes`] does.
    pub fn verdict(&self, source: SourceId, event: &AlertEvent, payload: &Value) -> Verdict<'_> {
        if !self.enabled {
            return Verdict::Off;
        }
        let Some(entry) = self.sources.iter().find(|entry| entry.source == source) else {
            return Verdict::OtherSource;
        };
        let of_source = match checked(&entry.conditions, event, payload) {
            Ok(of_source) => of_source,
            Err(problem) => return Verdict::Doubt(problem),
        };
        if !any_holds(&of_source) {
            return Verdict::Judged { takes: false, of_source, of_all: Vec::new() };
        }
        match checked(&self.conditions, event, payload) {
            Ok(of_all) => Verdict::Judged { takes: any_holds(&of_all), of_source, of_all },
            Err(problem) => Verdict::Doubt(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{RouteSource, Test};
    use super::*;
    use crate::Timestamp;
    use crate::id::RouteId;
    use crate::template::Binding;
    use crate::text::Document;

    fn source(n: u128) -> SourceId {
        SourceId::new(Timestamp::UNIX_EPOCH, n)
    }

    fn event() -> AlertEvent {
        AlertEvent { priority: None, ..AlertEvent::example(&json!({ "team": "a" })) }
    }

    fn route(enabled: bool, from: u128, of_source: Vec<Group>, conditions: Vec<Group>) -> Route {
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
        let route = route(true, 1, vec![], vec![Group(vec![team.clone()])]);

        let payload = json!({ "team": "a" });
        let verdict = route.verdict(source(1), &event(), &payload);

        let checked = Checked { condition: &team, found: Some("a".to_owned()), holds: false };
        let judged = Verdict::Judged { takes: false, of_source: vec![], of_all: vec![vec![checked]] };
        assert_eq!(verdict, judged);
    }

    #[test]
    fn route_that_is_off_or_of_another_source_has_nothing_to_check() {
        let payload = json!({});

        assert_eq!(route(false, 1, vec![], vec![]).verdict(source(1), &event(), &payload), Verdict::Off);
        assert_eq!(
            route(true, 2, vec![], vec![]).verdict(source(1), &event(), &payload),
            Verdict::OtherSource
        );
    }

    fn any_condition() -> impl Strategy<Value = Condition> {
        let reference =
            prop::sample::select(vec!["payload.team", "alert.title", "alert.priority", "nonsense"]);
        let test = prop::sample::select(vec![
            Test::IsSet,
            Test::IsNotSet,
            Test::OneOf(vec!["a".to_owned()]),
            Test::Contains("Disk".to_owned()),
        ]);
        (reference, test).prop_map(|(reference, test)| condition(reference, test))
    }

    fn any_groups() -> impl Strategy<Value = Vec<Group>> {
        prop::collection::vec(prop::collection::vec(any_condition(), 0..3).prop_map(Group), 0..3)
    }

    proptest! {
        #[test]
        fn verdict_is_what_routing_does(
            enabled in any::<bool>(), from in 1_u128..3, of_source in any_groups(), conditions in any_groups(),
        ) {
            let route = route(enabled, from, of_source, conditions);
            let payload = json!({ "team": "a" });

            let routed = route.takes(source(1), &event(), &payload);
            let verdict = route.verdict(source(1), &event(), &payload);

            match routed {
                Ok(takes) => prop_assert_eq!(verdict.takes(), takes),
                Err(problem) => prop_assert_eq!(verdict, Verdict::Doubt(problem)),
            }
        }
    }
}
