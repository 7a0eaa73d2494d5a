//! States, edges, transitions, conflicts: generic, knows no concept.
