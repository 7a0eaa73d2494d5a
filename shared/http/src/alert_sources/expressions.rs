//! Expressions of a source's template: from what a client sends to what is evaluated, and back with their types.

use domain::expression::{Branch, Expression, Operation, Returns, Shape, Shapes};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::api::{Answer, clip};
use crate::binding::{GroupBody, ValuesBody, groups, label};

/// An expression as it is sent.
#[derive(Clone, Deserialize)]
pub(super) struct ExpressionBody {
    #[serde(default)]
    label: String,
    reference: String,
    root_reference: String,
    operations: Vec<OperationBody>,
    else_branch: Option<ElseBody>,
}

/// What it is where nothing comes of its operations.
#[derive(Clone, Deserialize)]
struct ElseBody {
    result: ValuesBody,
}

/// An operation as it is sent: its type, and the object of that name.
#[derive(Clone, Deserialize)]
struct OperationBody {
    operation_type: String,
    navigate: Option<ReferenceBody>,
    filter: Option<FilterBody>,
    concatenate: Option<ReferenceBody>,
    parse: Option<ParseBody>,
    branches: Option<BranchesBody>,
    cast: Option<CastBody>,
}

/// A reference.
#[derive(Clone, Deserialize)]
struct ReferenceBody {
    reference: String,
}

/// What stays of a list.
#[derive(Clone, Deserialize)]
struct FilterBody {
    condition_groups: Vec<GroupBody>,
}

/// A path or an expression.
#[derive(Clone, Deserialize)]
struct ParseBody {
    source: String,
    returns: Returns,
}

/// Branches.
#[derive(Clone, Deserialize)]
struct BranchesBody {
    branches: Vec<BranchBody>,
    returns: Returns,
}

/// A branch.
#[derive(Clone, Deserialize)]
struct BranchBody {
    #[serde(default)]
    condition_groups: Vec<GroupBody>,
    result: ValuesBody,
}

/// Another type.
#[derive(Clone, Deserialize)]
struct CastBody {
    returns: Returns,
}

/// The operations that there are.
const OPERATIONS: &str =
    "navigate, filter, concatenate, count, min, max, sum, random, first, parse, branches, cast";

impl OperationBody {
    fn operation(self, field: &str) -> Answer<Operation> {
        let at = |name: &str| format!("{field}.{name}");
        let needed = |name: &str| ApiError::required(&at(name));
        Ok(match self.operation_type.as_str() {
            "navigate" => Operation::Navigate(self.navigate.ok_or_else(|| needed("navigate"))?.reference),
            "concatenate" => {
                Operation::Concatenate(self.concatenate.ok_or_else(|| needed("concatenate"))?.reference)
            }
            "filter" => {
                let filter = self.filter.ok_or_else(|| needed("filter"))?;
                Operation::Filter(groups(&at("filter.condition_groups"), filter.condition_groups)?)
            }
            "count" => Operation::Count,
            "min" => Operation::Min,
            "max" => Operation::Max,
            "sum" => Operation::Sum,
            "random" => Operation::Random,
            "first" => Operation::First,
            "parse" => {
                let ParseBody { source, returns } = self.parse.ok_or_else(|| needed("parse"))?;
                Operation::Parse { source, returns }
            }
            "branches" => {
                let BranchesBody { branches, returns } = self.branches.ok_or_else(|| needed("branches"))?;
                let read = |(n, branch): (usize, BranchBody)| {
                    let at = at(&format!("branches.branches.{n}"));
                    let when = groups(&format!("{at}.condition_groups"), branch.condition_groups)?;
                    Ok(Branch { when, result: branch.result.all(&format!("{at}.result"))? })
                };
                let branches = branches.into_iter().enumerate().map(read).collect::<Answer<_>>()?;
                Operation::Branches { branches, returns }
            }
            "cast" => Operation::Cast(self.cast.ok_or_else(|| needed("cast"))?.returns),
            unknown => {
                let reason = format!("`{}` is no operation; there is {OPERATIONS}", clip(unknown));
                return Err(ApiError::invalid(at("operation_type"), reason));
            }
        })
    }
}

/// The expressions that are evaluated.
///
/// # Errors
/// [`ApiError`] naming what cannot be evaluated.
pub(super) fn read(bodies: Vec<ExpressionBody>) -> Answer<Vec<Expression>> {
    let read = |(n, body): (usize, ExpressionBody)| {
        let at = format!("template.expressions.{n}");
        let operations = body.operations.into_iter().enumerate();
        let operations =
            operations.map(|(o, operation)| operation.operation(&format!("{at}.operations.{o}")));
        Ok(Expression {
            operations: operations.collect::<Answer<_>>()?,
            label: body.label,
            reference: body.reference,
            root: body.root_reference,
            otherwise: match body.else_branch {
                Some(branch) => branch.result.all(&format!("{at}.else_branch.result"))?,
                None => Vec::new(),
            },
        })
    };
    bodies.into_iter().enumerate().map(read).collect()
}

/// Puts the types onto expressions as they are shown.
pub(super) fn show(expressions: &[Expression], shown: &mut Value) {
    let Ok(all) = domain::expression::check(expressions) else { return };
    for (shown, shapes) in shown.as_array_mut().into_iter().flatten().zip(all) {
        show_one(shown, &shapes);
    }
}

fn show_one(shown: &mut Value, shapes: &Shapes) {
    if let Some(last) = shapes.last() {
        shown["returns"] = json!(last.returns());
    }
    let operations = shown["operations"].as_array_mut().into_iter().flatten();
    for (operation, returns) in operations.zip(shapes.iter().map(Shape::returns)) {
        operation["returns"] = json!(returns);
        for name in ["navigate", "concatenate"] {
            let Some(reference) = operation[name]["reference"].as_str().map(str::to_owned) else { continue };
            operation[name] = json!({ "reference": reference, "reference_label": label(&reference) });
        }
    }
}
