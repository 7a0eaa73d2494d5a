//! What a source's alerts offer to bindings.

/// The type of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableType {
    /// A text.
    Text,
    /// A link.
    Url,
    /// A point in time.
    Time,
    /// A map from names to values; go on with a dot and a name.
    Map,
}

/// Something that a binding may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The reference, as a binding has it.
    pub reference: &'static str,
    /// What it is, for people.
    pub label: &'static str,
    /// Its type.
    pub kind: VariableType,
}

impl Variable {
    /// A variable.
    pub(crate) const fn new(reference: &'static str, label: &'static str, kind: VariableType) -> Self {
        Self { reference, label, kind }
    }
}

/// What every source offers.
pub const ALERT: &[Variable] = &[
    Variable::new("alert.title", "Title", VariableType::Text),
    Variable::new("alert.description", "Description", VariableType::Text),
    Variable::new("alert.source_url", "Link to the source", VariableType::Url),
    Variable::new("alert.status", "Status", VariableType::Text),
    Variable::new("alert.priority", "Priority", VariableType::Text),
];
