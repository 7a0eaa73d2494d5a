//! Checks expressions before they are stored, and infers the type of each operation's result.

use std::cell::{Cell, OnceCell};

use super::engine::check_expression;
use super::path::{PathStep, ValuePath};
use super::{
    EVERYTHING, Expression, InferredType, MOST_BRANCHES, MOST_EXPRESSIONS, MOST_OPERATIONS, Operation,
    Returns, ValueType, referred,
};
use crate::condition::ConditionGroup;
use crate::template::{ALERT_FIELDS, Binding, Problem, document};

/// An error in an expression, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ExpressionError {
    /// The place, as a field of the request.
    pub at: String,
    /// Why.
    pub reason: String,
}

impl ExpressionError {
    /// An error at a place.
    pub(crate) fn new(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { at: at.into(), reason: reason.into() }
    }

    /// The same error, with its place inside another one.
    #[must_use]
    pub fn within(self, outer: impl std::fmt::Display) -> Self {
        let at = if self.at.is_empty() { outer.to_string() } else { format!("{outer}.{}", self.at) };
        Self { at, ..self }
    }
}

/// The type of each operation's result; the last one is the type of the expression.
pub type InferredTypes = Vec<InferredType>;

/// Checks expressions and returns the inferred types of each.
///
/// # Errors
/// [`ExpressionError`] with the place, as in `2.operations.0.navigate`.
pub fn check(all: &[Expression]) -> Result<Vec<InferredTypes>, ExpressionError> {
    if all.len() > MOST_EXPRESSIONS {
        return Err(ExpressionError::new(
            "",
            format!("a template may have at most {MOST_EXPRESSIONS} expressions"),
        ));
    }
    let checker = Checker {
        all,
        done: all.iter().map(|_| OnceCell::new()).collect(),
        busy: all.iter().map(|_| Cell::new(false)).collect(),
    };
    for (n, expression) in all.iter().enumerate() {
        if !expression.is_named() {
            let reason = "a reference is required, without quotes and brackets";
            return Err(ExpressionError::new(format!("{n}.reference"), reason));
        }
        if all.iter().take(n).any(|other| other.reference == expression.reference) {
            return Err(ExpressionError::new(
                format!("{n}.reference"),
                "another expression already has this reference",
            ));
        }
    }
    for n in 0..all.len() {
        checker.shapes(n).map_err(|misfit| misfit.within(n))?;
    }
    Ok(checker.done.into_iter().map(|shapes| shapes.into_inner().unwrap_or_default()).collect())
}

/// Checks a binding that may refer to expressions and returns its type.
///
/// # Errors
/// [`ExpressionError`] with `literal` or `reference` as its place.
pub(crate) fn check_binding(
    all: &[Expression],
    shapes: &[InferredTypes],
    binding: &Binding,
) -> Result<InferredType, ExpressionError> {
    match binding {
        Binding::Literal(_) => Ok(InferredType::one(ValueType::Any)),
        Binding::Template(text) => {
            let document = document::read(text);
            for name in document.iter().flat_map(document::references).filter_map(|named| referred(&named)) {
                if !all.iter().any(|one| one.reference == name) {
                    return Err(ExpressionError::new("literal", format!("there is no expression `{name}`")));
                }
            }
            binding.check_text(text).map(|()| InferredType::one(ValueType::Text))
        }
        Binding::Reference(reference) => {
            let Some(name) = referred(reference) else {
                return plain_reference(reference)
                    .map_err(|reason| ExpressionError::new("reference", reason));
            };
            let found = all.iter().position(|one| one.reference == name);
            let found = found.and_then(|index| shapes.get(index)?.last().cloned());
            found.ok_or_else(|| ExpressionError::new("reference", format!("there is no expression `{name}`")))
        }
    }
}

/// Checks the transform of a custom source.
///
/// # Errors
/// Why it cannot be evaluated, and what to write instead.
pub fn check_transform(source: &str) -> Result<(), String> {
    check_expression(source)
}

/// The type of a reference that does not name an expression.
fn plain_reference(reference: &str) -> Result<InferredType, String> {
    let path = ValuePath::of_reference(reference);
    match path.as_ref().and_then(ValuePath::split) {
        Some(("alert", [PathStep::Name(field)])) if ALERT_FIELDS.contains(&field.as_str()) => {
            Ok(InferredType::one(ValueType::Text))
        }
        Some(("payload", _)) => Ok(InferredType::ANY),
        _ => Err(format!(
            "`{}` is not a valid reference: use `payload`, `payload.<path>`, `expressions[\"<reference>\"]` or \
             `alert.` with one of {}",
            crate::text::shorten(reference, 60),
            ALERT_FIELDS.join(", ")
        )),
    }
}

/// Checks expressions, each once, in the order in which they refer to each other.
struct Checker<'a> {
    all: &'a [Expression],
    done: Vec<OnceCell<InferredTypes>>,
    busy: Vec<Cell<bool>>,
}

impl Checker<'_> {
    /// The types of the operations of an expression.
    fn shapes(&self, index: usize) -> Result<&InferredTypes, ExpressionError> {
        let (cell, busy) = (&self.done[index], &self.busy[index]);
        if let Some(shapes) = cell.get() {
            return Ok(shapes);
        }
        if busy.replace(true) {
            return Err(ExpressionError::new(
                "root_reference",
                "the expression refers to itself, directly or through others",
            ));
        }
        let shapes = self.expression(&self.all[index])?;
        busy.set(false);
        Ok(cell.get_or_init(|| shapes))
    }

    fn expression(&self, expression: &Expression) -> Result<InferredTypes, ExpressionError> {
        if expression.operations.len() > MOST_OPERATIONS {
            return Err(ExpressionError::new(
                "operations",
                format!("an expression may have at most {MOST_OPERATIONS} operations"),
            ));
        }
        let mut at = match expression.root.as_str() {
            EVERYTHING => InferredType::ANY,
            root => self.reference(root).map_err(|reason| ExpressionError::new("root_reference", reason))?,
        };
        let mut shapes = Vec::new();
        for (n, operation) in expression.operations.iter().enumerate() {
            let everything = n == 0 && expression.root == EVERYTHING;
            at = self
                .operation(&at, operation, everything)
                .map_err(|misfit| misfit.within(format_args!("operations.{n}")))?;
            shapes.push(at.clone());
        }
        if shapes.is_empty() {
            shapes.push(at.clone());
        }
        if !expression.otherwise.is_empty() {
            let at_most = at.returns();
            self.results(&expression.otherwise, &Returns { array: at.list != Some(false), ..at_most })
                .map_err(|misfit| misfit.within("else_branch"))?;
        }
        Ok(shapes)
    }

    /// The type of an operation's result, or its error.
    fn operation(
        &self,
        at: &InferredType,
        operation: &Operation,
        everything: bool,
    ) -> Result<InferredType, ExpressionError> {
        let several = |what: &str| match at.list {
            Some(false) => Err(ExpressionError::new(
                "operation_type",
                format!("`{what}` needs a list, but this is a single value"),
            )),
            Some(true) | None => Ok(()),
        };
        let numbers = |what: &str| match at.kind {
            ValueType::Number | ValueType::Any => Ok(()),
            ValueType::Text | ValueType::Bool => Err(ExpressionError::new(
                "operation_type",
                format!("`{what}` needs numbers, but this is {}: cast it to `Number` first", at.kind.name()),
            )),
        };
        match operation {
            Operation::Navigate(reference) => {
                let misfit = |reason: String| ExpressionError::new("navigate.reference", reason);
                if everything {
                    return self.reference(reference).map_err(misfit);
                }
                if reference.starts_with("catalog_attribute[") {
                    return Err(misfit(
                        "catalogue attributes are not supported: navigate by a path such as `labels.team`"
                            .to_owned(),
                    ));
                }
                if ValuePath::of_reference(reference).is_none() {
                    return Err(misfit(format!(
                        "`{}` is not a valid path",
                        crate::text::shorten(reference, 60)
                    )));
                }
                match at.kind {
                    ValueType::Any => Ok(InferredType::ANY),
                    ValueType::Text | ValueType::Number | ValueType::Bool => {
                        Err(misfit(format!("{} has no fields to navigate to", at.kind.name())))
                    }
                }
            }
            Operation::Filter(groups) => {
                several("filter")?;
                self.groups(groups).map_err(|misfit| misfit.within("filter.condition_groups"))?;
                Ok(InferredType { list: Some(true), ..at.clone() })
            }
            Operation::Concatenate(reference) => {
                let other = self
                    .reference(reference)
                    .map_err(|reason| ExpressionError::new("concatenate.reference", reason))?;
                if !at.kind.fits(other.kind) {
                    let reason = format!(
                        "{} and {} cannot be combined into one list",
                        at.kind.name(),
                        other.kind.name()
                    );
                    return Err(ExpressionError::new("concatenate.reference", reason));
                }
                let whole = if at.kind == ValueType::Any { InferredType::ANY } else { at.clone() };
                Ok(InferredType { list: Some(true), ..whole })
            }
            Operation::Count => several("count").map(|()| InferredType::one(ValueType::Number)),
            Operation::Min => {
                several("min").and_then(|()| numbers("min")).map(|()| InferredType::one(ValueType::Number))
            }
            Operation::Max => {
                several("max").and_then(|()| numbers("max")).map(|()| InferredType::one(ValueType::Number))
            }
            Operation::Sum => {
                several("sum").and_then(|()| numbers("sum")).map(|()| InferredType::one(ValueType::Number))
            }
            Operation::First => several("first").map(|()| InferredType { list: Some(false), ..at.clone() }),
            Operation::Random => several("random").map(|()| InferredType { list: Some(false), ..at.clone() }),
            Operation::Parse { source, returns } => {
                self.source(source).map_err(|reason| ExpressionError::new("parse.source", reason))?;
                Ok(returns.into())
            }
            Operation::Branches { branches, returns } => {
                if branches.len() > MOST_BRANCHES {
                    return Err(ExpressionError::new(
                        "branches.branches",
                        format!("an operation may have at most {MOST_BRANCHES} branches"),
                    ));
                }
                for (n, branch) in branches.iter().enumerate() {
                    let inside =
                        |misfit: ExpressionError| misfit.within(format_args!("branches.branches.{n}"));
                    self.groups(&branch.when).map_err(|misfit| inside(misfit.within("condition_groups")))?;
                    self.results(&branch.result, returns).map_err(inside)?;
                }
                Ok(returns.into())
            }
            Operation::Cast(returns) => {
                if at.list == Some(true) && !returns.array {
                    let reason = "this is a list, but a single value is needed: use `first` before";
                    return Err(ExpressionError::new("cast.returns", reason));
                }
                Ok(returns.into())
            }
        }
    }

    /// The type of a reference.
    fn reference(&self, reference: &str) -> Result<InferredType, String> {
        let Some(name) = referred(reference) else { return plain_reference(reference) };
        let index = self.all.iter().position(|one| one.reference == name);
        let index =
            index.ok_or_else(|| format!("there is no expression `{}`", crate::text::shorten(&name, 60)))?;
        let shapes = self.shapes(index).map_err(|misfit| misfit.reason)?;
        Ok(shapes.last().cloned().unwrap_or(InferredType::ANY))
    }

    /// Checks a text that is a path or an expression.
    fn source(&self, source: &str) -> Result<(), String> {
        let Some(path) = ValuePath::of_source(source) else { return check_expression(source) };
        match path.split() {
            Some(("alert" | "payload" | "expressions", _)) => self.reference(source.trim()).map(drop),
            _ => Ok(()),
        }
    }

    fn groups(&self, groups: &[ConditionGroup]) -> Result<(), ExpressionError> {
        for (g, ConditionGroup(conditions)) in groups.iter().enumerate() {
            for (c, condition) in conditions.iter().enumerate() {
                let Binding::Reference(subject) = &condition.subject else { continue };
                let path = ValuePath::of_reference(subject);
                let wrong = match path.as_ref().map(ValuePath::split) {
                    None => Some(format!("`{}` is not a valid path", crate::text::shorten(subject, 60))),
                    Some(Some(("alert" | "payload" | "expressions", _))) => self.reference(subject).err(),
                    Some(_) => None,
                };
                if let Some(reason) = wrong {
                    return Err(ExpressionError::new(format!("{g}.conditions.{c}.subject"), reason));
                }
            }
        }
        Ok(())
    }

    /// Checks the result of a branch.
    fn results(&self, results: &[Binding], returns: &Returns) -> Result<(), ExpressionError> {
        let wanted = ValueType::named(&returns.kind);
        if results.len() > 1 && !returns.array {
            return Err(ExpressionError::new("result.array_value", "a single value is required"));
        }
        for (n, result) in results.iter().enumerate() {
            let at = |field: &str| match results.len() {
                1 => format!("result.value.{field}"),
                _ => format!("result.array_value.{n}.{field}"),
            };
            let fits = match result {
                Binding::Literal(text) => {
                    literal_fits(text, wanted).map_err(|reason| ExpressionError::new(at("literal"), reason))
                }
                Binding::Template(text) => result
                    .check_text(text)
                    .map_err(|misfit| ExpressionError::new(at("literal"), misfit.reason)),
                Binding::Reference(reference) => match self.reference(reference) {
                    Err(reason) => Err(ExpressionError::new(at("reference"), reason)),
                    Ok(shape) if !shape.kind.fits(wanted) && wanted != ValueType::Text => {
                        let reason =
                            format!("this is {}, but {} is needed", shape.kind.name(), wanted.name());
                        Err(ExpressionError::new(at("reference"), reason))
                    }
                    Ok(shape) if shape.list == Some(true) && !returns.array => Err(ExpressionError::new(
                        at("reference"),
                        "this is a list, but a single value is needed",
                    )),
                    Ok(_) => Ok(()),
                },
            };
            fits?;
        }
        Ok(())
    }
}

/// Checks that a literal has a type.
pub(crate) fn literal_fits(text: &str, wanted: ValueType) -> Result<(), String> {
    let is = match wanted {
        ValueType::Any | ValueType::Text => true,
        ValueType::Number => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
        ValueType::Bool => matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false"),
    };
    if is {
        return Ok(());
    }
    Err(format!("`{}` is not a {}", crate::text::shorten(text, 60), wanted.name()))
}

impl From<ExpressionError> for Problem {
    fn from(misfit: ExpressionError) -> Self {
        Self(misfit.reason)
    }
}
