//! The variables that a source's alerts offer to bindings in templates, filters and routes.

/// The type of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableType {
    /// A text.
    Text,
    /// A link.
    Url,
    /// A time.
    Time,
    /// A map from names to values. Append a dot and a name to reach one value.
    Map,
}

/// A variable that a binding may reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The reference, as it is written in a binding: `payload.labels.severity`.
    pub reference: &'static str,
    /// The label that people see.
    pub label: &'static str,
    /// The type of its value.
    pub kind: VariableType,
}

impl Variable {
    /// Creates a variable.
    pub(crate) const fn new(reference: &'static str, label: &'static str, kind: VariableType) -> Self {
        Self { reference, label, kind }
    }
}

/// The variables that the alerts of every source offer.
pub const ALERT: &[Variable] = &[
    Variable::new("alert.title", "Title", VariableType::Text),
    Variable::new("alert.description", "Description", VariableType::Text),
    Variable::new("alert.source_url", "Link to the source", VariableType::Url),
    Variable::new("alert.status", "Status", VariableType::Text),
    Variable::new("alert.priority", "Priority", VariableType::Text),
];
