//! The Slack steps of an incident that are not done: messages and channels that Slack has not accepted yet.

use domain::Timestamp;
use domain::slack::{Step, StepState};
use machine::Stateful;
use maud::{Markup, html};

use crate::web::words::{self, capitalize, untrusted};

/// The card with the steps that are not done. Empty if there are none.
pub(super) fn pending_steps(steps: &[Step], now: Timestamp) -> Markup {
    html! {
        @if !steps.is_empty() {
            section.card aria-labelledby="slack" {
                h2 #slack { "Pending in Slack" }
                ul.rows { @for step in steps { (row(step, now)) } }
            }
        }
    }
}

/// A step with its state, its next attempt and its last error.
fn row(step: &Step, now: Timestamp) -> Markup {
    let state = step.head().state();
    let (tone, label) = match state {
        StepState::Failed => ("paging", "Failed"),
        StepState::Doing => ("waiting", "In progress"),
        StepState::Pending | StepState::Done | StepState::Obsolete => ("waiting", "Waiting"),
    };
    let attempts = match step.attempts.attempt {
        1 => "attempt 1".to_owned(),
        n => format!("attempt {n}"),
    };
    // Before the first attempt, the log has no error.
    let last = step.attempts.log.last().filter(|_| state == StepState::Failed || step.attempts.attempt > 1);
    html! {
        li {
            p.line { span.badge.(tone) { (label) } " " span { (capitalize(step.work.name())) } }
            ul.facts {
                @if state != StepState::Failed { li { "Next attempt: " (words::due(step.attempts.due, now)) } }
                li { (attempts) }
                @if let Some(last) = last { li { (untrusted(&capitalize(&last.why))) ", " (words::ago(last.at, now)) } }
            }
        }
    }
}
