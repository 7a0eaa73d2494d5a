//! The expressions of a source's template: conversion from requests, and their types in responses.

use domain::expression::{Branch, Expression, InferredType, InferredTypes, Operation, Returns};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::api::{ApiResult, clip};
use crate::binding::{ConditionGroupPayload, ValuesPayload, groups, label};
use crate::documents::ReturnsView;

/// An expression in a request.
#[derive(Clone, Deserialize, JsonSchema)]
pub(super) struct ExpressionPayload {
    #[serde(default)]
    label: String,
    reference: String,
    root_reference: String,
    operations: Vec<ExpressionOperationPayload>,
    else_branch: Option<ExpressionElsePayload>,
}

/// The value if the operations have no result.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct ExpressionElsePayload {
    result: ValuesPayload,
}

/// An operation in a request: its type, and the object with the name of that type.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct ExpressionOperationPayload {
    operation_type: String,
    navigate: Option<ExpressionReferencePayload>,
    filter: Option<ExpressionFilterPayload>,
    concatenate: Option<ExpressionReferencePayload>,
    parse: Option<ExpressionParsePayload>,
    branches: Option<ExpressionBranchesPayload>,
    cast: Option<ExpressionCastPayload>,
}

/// A reference to a variable in a request.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct ExpressionReferencePayload {
    reference: String,
}

/// The conditions for the elements that a filter keeps.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct ExpressionFilterPayload {
    condition_groups: Vec<ConditionGroupPayload>,
}

/// A path or an expression in a request.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct ExpressionParsePayload {
    source: String,
    #[schemars(with = "ReturnsView")]
    returns: Returns,
}

/// The branches of an operation in a request.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct ExpressionBranchesPayload {
    branches: Vec<ExpressionBranchPayload>,
    #[schemars(with = "ReturnsView")]
    returns: Returns,
}

/// A branch in a request.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct ExpressionBranchPayload {
    #[serde(default)]
    condition_groups: Vec<ConditionGroupPayload>,
    result: ValuesPayload,
}

/// The target type of a cast.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
struct ExpressionCastPayload {
    #[schemars(with = "ReturnsView")]
    returns: Returns,
}

/// The supported operations.
const OPERATIONS: &str =
    "navigate, filter, concatenate, count, min, max, sum, random, first, parse, branches, cast";

impl ExpressionOperationPayload {
    fn operation(self, field: &str) -> ApiResult<Operation> {
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
                let ExpressionParsePayload { source, returns } = self.parse.ok_or_else(|| needed("parse"))?;
                Operation::Parse { source, returns }
            }
            "branches" => {
                let ExpressionBranchesPayload { branches, returns } =
                    self.branches.ok_or_else(|| needed("branches"))?;
                let read = |(n, branch): (usize, ExpressionBranchPayload)| {
                    let at = at(&format!("branches.branches.{n}"));
                    let when = groups(&format!("{at}.condition_groups"), branch.condition_groups)?;
                    Ok(Branch { when, result: branch.result.all(&format!("{at}.result"))? })
                };
                let branches = branches.into_iter().enumerate().map(read).collect::<ApiResult<_>>()?;
                Operation::Branches { branches, returns }
            }
            "cast" => Operation::Cast(self.cast.ok_or_else(|| needed("cast"))?.returns),
            unknown => {
                let reason = format!("`{}` is not a valid operation. Use one of {OPERATIONS}", clip(unknown));
                return Err(ApiError::invalid(at("operation_type"), reason));
            }
        })
    }
}

/// Converts the expressions of a request.
///
/// # Errors
/// [`ApiError`] naming the field that cannot be evaluated.
pub(super) fn read(bodies: Vec<ExpressionPayload>) -> ApiResult<Vec<Expression>> {
    let read = |(n, body): (usize, ExpressionPayload)| {
        let at = format!("template.expressions.{n}");
        let operations = body.operations.into_iter().enumerate();
        let operations =
            operations.map(|(o, operation)| operation.operation(&format!("{at}.operations.{o}")));
        Ok(Expression {
            operations: operations.collect::<ApiResult<_>>()?,
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

/// Adds the types to the expressions of a response.
pub(super) fn add_types(expressions: &[Expression], shown: &mut Value) {
    let Ok(all) = domain::expression::check(expressions) else { return };
    for (shown, shapes) in shown.as_array_mut().into_iter().flatten().zip(all) {
        add_types_to(shown, &shapes);
    }
}

fn add_types_to(shown: &mut Value, shapes: &InferredTypes) {
    if let Some(last) = shapes.last() {
        shown["returns"] = json!(last.returns());
    }
    let operations = shown["operations"].as_array_mut().into_iter().flatten();
    for (operation, returns) in operations.zip(shapes.iter().map(InferredType::returns)) {
        operation["returns"] = json!(returns);
        for name in ["navigate", "concatenate"] {
            let Some(reference) = operation[name]["reference"].as_str().map(str::to_owned) else { continue };
            operation[name] = json!({ "reference": reference, "reference_label": label(&reference) });
        }
    }
}
