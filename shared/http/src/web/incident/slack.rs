//! What Slack is still owed because of an incident: what, when, how often it was tried, and why it did not work.

use domain::Timestamp;
use domain::slack::{Step, StepState};
use machine::Stateful;
use maud::{Markup, html};

use crate::web::words::{self, capital, foreign};

/// The steps that are not done; nothing where nothing is owed.
pub(super) fn owed(steps: &[Step], now: Timestamp) -> Markup {
    html! {
        @if !steps.is_empty() {
            section.card aria-labelledby="slack" {
                h2 #slack { "Owed to Slack" }
                ul.rows { @for step in steps { (row(step, now)) } }
            }
        }
    }
}

/// A step.
fn row(step: &Step, now: Timestamp) -> Markup {
    let state = step.head().state();
    let (tone, says) = match state {
        StepState::Failed => ("paging", "Failed"),
        StepState::Doing => ("waiting", "At it"),
        StepState::Pending | StepState::Done | StepState::Obsolete => ("waiting", "Waiting"),
    };
    let attempts = match step.attempts.attempt {
        1 => "first attempt".to_owned(),
        n => format!("attempt {n}"),
    };
    // Of what waits for its first attempt, the log says nothing that went wrong.
    let last = step.attempts.log.last().filter(|_| state == StepState::Failed || step.attempts.attempt > 1);
    html! {
        li {
            p.line { span.badge.(tone) { (says) } " " span { (capital(step.work.name())) } }
            ul.facts {
                @if state != StepState::Failed { li { "Due " (words::due(step.attempts.due, now)) } }
                li { (attempts) }
                @if let Some(last) = last { li { (foreign(&capital(&last.why))) ", " (words::ago(last.at, now)) } }
            }
        }
    }
}
