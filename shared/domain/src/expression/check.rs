//! Says what is wrong with expressions before they are stored, and where: what each operation gives is known as far as
//! that can be before an alert comes.

use std::cell::{Cell, OnceCell};

use super::engine::check_expression;
use super::path::{Path, Step};
use super::{
    EVERYTHING, Expression, Kind, MOST_BRANCHES, MOST_EXPRESSIONS, MOST_OPERATIONS, Operation, Returns,
    Shape, referred,
};
use crate::alert_route::Group;
use crate::template::{ALERT_FIELDS, Binding, Problem, document};

/// What does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ExpressionError {
    /// Where, as a field of what was sent.
    pub at: String,
    /// Why.
    pub reason: String,
}

impl ExpressionError {
    /// Something that does not fit.
    pub(crate) fn new(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { at: at.into(), reason: reason.into() }
    }

    /// The same, within something else.
    #[must_use]
    pub fn within(self, outer: impl std::fmt::Display) -> Self {
        let at = if self.at.is_empty() { outer.to_string() } else { format!("{outer}.{}", self.at) };
        Self { at, ..self }
    }
}

/// What each operation of an expression gives; the last is what the expression does.
pub type Shapes = Vec<Shape>;

/// Says what is wrong with expressions; else what the operations of each give.
///
/// # Errors
/// [`ExpressionError`] with the place, as in `2.operations.0.navigate`.
pub fn check(all: &[Expression]) -> Result<Vec<Shapes>, ExpressionError> {
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

/// Says what is wrong with a binding that may refer to expressions; else what it gives.
///
/// # Errors
/// [`ExpressionError`] with `literal` or `reference` as its place.
pub(crate) fn check_binding(
    all: &[Expression],
    shapes: &[Shapes],
    binding: &Binding,
) -> Result<Shape, ExpressionError> {
    match binding {
        Binding::Literal(_) => Ok(Shape::one(Kind::Any)),
        Binding::Template(text) => {
            let document = document::read(text);
            for name in document.iter().flat_map(document::references).filter_map(|named| referred(&named)) {
                if !all.iter().any(|one| one.reference == name) {
                    return Err(ExpressionError::new("literal", format!("there is no expression `{name}`")));
                }
            }
            binding.check_text(text).map(|()| Shape::one(Kind::Text))
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

/// Says what is wrong with the transform of a source whose senders send anything.
///
/// # Errors
/// Why it cannot be evaluated, and what to write instead.
pub fn check_transform(source: &str) -> Result<(), String> {
    check_expression(source)
}

/// What a reference gives that is to no expression.
fn plain_reference(reference: &str) -> Result<Shape, String> {
    let path = Path::of_reference(reference);
    match path.as_ref().and_then(Path::split) {
        Some(("alert", [Step::Name(field)])) if ALERT_FIELDS.contains(&field.as_str()) => {
            Ok(Shape::one(Kind::Text))
        }
        Some(("payload", _)) => Ok(Shape::ANY),
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
    done: Vec<OnceCell<Shapes>>,
    busy: Vec<Cell<bool>>,
}

impl Checker<'_> {
    /// What the operations of an expression give.
    fn shapes(&self, index: usize) -> Result<&Shapes, ExpressionError> {
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

    fn expression(&self, expression: &Expression) -> Result<Shapes, ExpressionError> {
        if expression.operations.len() > MOST_OPERATIONS {
            return Err(ExpressionError::new(
                "operations",
                format!("an expression may have at most {MOST_OPERATIONS} operations"),
            ));
        }
        let mut at = match expression.root.as_str() {
            EVERYTHING => Shape::ANY,
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

    /// What an operation gives, or what is wrong with it.
    fn operation(
        &self,
        at: &Shape,
        operation: &Operation,
        everything: bool,
    ) -> Result<Shape, ExpressionError> {
        let several = |what: &str| match at.list {
            Some(false) => Err(ExpressionError::new(
                "operation_type",
                format!("`{what}` needs a list, but this is a single value"),
            )),
            Some(true) | None => Ok(()),
        };
        let numbers = |what: &str| match at.kind {
            Kind::Number | Kind::Any => Ok(()),
            Kind::Text | Kind::Bool => Err(ExpressionError::new(
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
                if Path::of_reference(reference).is_none() {
                    return Err(misfit(format!(
                        "`{}` is not a valid path",
                        crate::text::shorten(reference, 60)
                    )));
                }
                match at.kind {
                    Kind::Any => Ok(Shape::ANY),
                    Kind::Text | Kind::Number | Kind::Bool => {
                        Err(misfit(format!("{} has no fields to navigate to", at.kind.name())))
                    }
                }
            }
            Operation::Filter(groups) => {
                several("filter")?;
                self.groups(groups).map_err(|misfit| misfit.within("filter.condition_groups"))?;
                Ok(Shape { list: Some(true), ..at.clone() })
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
                let whole = if at.kind == Kind::Any { Shape::ANY } else { at.clone() };
                Ok(Shape { list: Some(true), ..whole })
            }
            Operation::Count => several("count").map(|()| Shape::one(Kind::Number)),
            Operation::Min => several("min").and_then(|()| numbers("min")).map(|()| Shape::one(Kind::Number)),
            Operation::Max => several("max").and_then(|()| numbers("max")).map(|()| Shape::one(Kind::Number)),
            Operation::Sum => several("sum").and_then(|()| numbers("sum")).map(|()| Shape::one(Kind::Number)),
            Operation::First => several("first").map(|()| Shape { list: Some(false), ..at.clone() }),
            Operation::Random => several("random").map(|()| Shape { list: Some(false), ..at.clone() }),
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

    /// What a reference gives.
    fn reference(&self, reference: &str) -> Result<Shape, String> {
        let Some(name) = referred(reference) else { return plain_reference(reference) };
        let index = self.all.iter().position(|one| one.reference == name);
        let index =
            index.ok_or_else(|| format!("there is no expression `{}`", crate::text::shorten(&name, 60)))?;
        let shapes = self.shapes(index).map_err(|misfit| misfit.reason)?;
        Ok(shapes.last().cloned().unwrap_or(Shape::ANY))
    }

    /// What is wrong with a text that is a path or an expression.
    fn source(&self, source: &str) -> Result<(), String> {
        let Some(path) = Path::of_source(source) else { return check_expression(source) };
        match path.split() {
            Some(("alert" | "payload" | "expressions", _)) => self.reference(source.trim()).map(drop),
            _ => Ok(()),
        }
    }

    fn groups(&self, groups: &[Group]) -> Result<(), ExpressionError> {
        for (g, Group(conditions)) in groups.iter().enumerate() {
            for (c, condition) in conditions.iter().enumerate() {
                let Binding::Reference(subject) = &condition.subject else { continue };
                let path = Path::of_reference(subject);
                let wrong = match path.as_ref().map(Path::split) {
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

    /// What is wrong with what a branch gives.
    fn results(&self, results: &[Binding], returns: &Returns) -> Result<(), ExpressionError> {
        let wanted = Kind::named(&returns.kind);
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
                    Ok(shape) if !shape.kind.fits(wanted) && wanted != Kind::Text => {
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

/// Whether a literal is of a kind.
pub(crate) fn literal_fits(text: &str, wanted: Kind) -> Result<(), String> {
    let is = match wanted {
        Kind::Any | Kind::Text => true,
        Kind::Number => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
        Kind::Bool => matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false"),
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
