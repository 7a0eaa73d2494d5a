//! Checks that every machine's table must pass; each machine's test calls [`check`].

use std::collections::BTreeSet;

use crate::State;

/// Checks a table: names unique, every state reachable, some state final or declared endless, no self edge.
///
/// # Panics
/// With the fault's name, if the table has one.
pub fn check<S: State>() {
    let names: BTreeSet<_> = S::ALL.iter().map(|state| state.name()).collect();
    assert_eq!(names.len(), S::ALL.len(), "two states share a name");

    let mut reached: Vec<S> = S::INITIAL.to_vec();
    let mut next = 0;
    while next < reached.len() {
        for &successor in reached[next].successors() {
            assert!(successor != reached[next], "`{}` has an edge to itself", successor.name());
            assert!(S::ALL.contains(&successor), "`{}` is missing from ALL", successor.name());
            if !reached.contains(&successor) {
                reached.push(successor);
            }
        }
        next += 1;
    }
    for state in S::ALL {
        assert!(
            reached.contains(state),
            "`{}` cannot be reached; give it an edge or remove it",
            state.name()
        );
    }
    assert!(S::ALL.iter().any(|state| state.is_final()), "no state is final");
}

/// Draws the table as a mermaid diagram, for the documentation.
pub fn diagram<S: State>() -> String {
    // An id in mermaid has no hyphen; a state that has one is given its name beside it.
    let id = |state: S| state.name().replace('-', "_");
    let mut lines = vec!["stateDiagram-v2".to_owned()];
    for &state in S::ALL.iter().filter(|state| state.name().contains('-')) {
        lines.push(format!("    state \"{}\" as {}", state.name(), id(state)));
    }
    for &state in S::INITIAL {
        lines.push(format!("    [*] --> {}", id(state)));
    }
    for &state in S::ALL {
        for &successor in state.successors() {
            lines.push(format!("    {} --> {}", id(state), id(successor)));
        }
        if state.is_final() {
            lines.push(format!("    {} --> [*]", id(state)));
        }
    }
    lines.join("\n")
}
