//! Ids, events, rules, decisions: pure values.
