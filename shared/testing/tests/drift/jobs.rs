//! The table of the kinds of jobs says what the code says, and their numbers fit the functions.

use std::fs;

use domain::job::JobKind;
use domain::job::policy::{Run, Wake};
use testing::template::{Template, Trigger, root};

/// The file with the table.
const FILE: &str = "shared/domain/src/job/README.md";

/// The table, one row for each kind.
fn table() -> String {
    let mut lines = vec![
        "| kind | queue, message | woken | done | second message |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    for kind in JobKind::ALL {
        let policy = kind.policy();
        let message = format!("{} `{}`", kind.queue().name(), kind.tag());
        let message = match policy.carried {
            Some((tag, _)) => format!("{message}; `{tag}` carries the item"),
            None => message,
        };
        let wake = match policy.wake {
            Wake::AtDue => "when it is due",
            Wake::AtOnce => "at once",
            Wake::Sweep => "by the sweep",
        };
        let run = match policy.run {
            Run::Decide => "one conditional write".to_owned(),
            Run::Attempt(lease) => {
                let (held, most) = (lease.held_for.as_secs(), lease.timeout.as_secs());
                let (first, longest) = (lease.backoff.first.as_secs(), lease.backoff.longest.as_secs());
                format!("in attempts: {most} s of {held} s lease, again after {first} to {longest} s")
            }
        };
        let again = policy.again.map_or("none".to_owned(), |again| format!("after {} s", again.as_secs()));
        lines.push(format!("| {} | {message} | {wake} | {run} | {again} |", kind.name()));
    }
    lines.join("\n")
}

#[test]
fn table_of_jobs_shows_what_the_code_says() {
    let text = fs::read_to_string(root().join(FILE)).unwrap();

    assert!(text.contains(&table()), "{FILE} lacks this table:\n\n{}\n", table());
}

#[test]
fn work_ends_before_its_function_does_and_its_lease_after_that() {
    let functions = Template::load().unwrap().functions().unwrap();
    for kind in JobKind::ALL {
        let Some(lease) = kind.policy().lease() else { continue };
        let queue = kind.queue().name();
        let function = functions
            .iter()
            .find(|function| matches!(&function.trigger, Trigger::Queue(name) if name == queue))
            .unwrap_or_else(|| panic!("no function handles `{queue}`"));
        let seconds = i64::try_from(function.timeout).unwrap();

        assert!(lease.timeout.as_secs() < seconds, "{kind:?}: its function stops before its work may end");
        assert!(seconds < lease.held_for.as_secs(), "{kind:?}: its lease ends while its function still runs");
    }
}
