//! Evaluates the expressions of a template for one alert: each once, on first use, and all within one budget.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};

use serde_json::Value;

use super::engine::Engine;
use super::path::{PathStep, ValuePath, follow, navigate};
use super::value::{cast, elements, is_nothing, least, pay, sum};
use super::{
    EVERYTHING, Expression, MOST_BRANCHES, MOST_EXPRESSIONS, MOST_OPERATIONS, Operation, Returns, referred,
};
use crate::alert::AlertEvent;
use crate::condition::{Condition, ConditionGroup};
use crate::template::{Binding, Problem, alert_field, document, text_of};

/// The most bytes that all expressions of an alert may produce.
const BUDGET: usize = 8 * 1024 * 1024;

/// The most conditions that all expressions of an alert may evaluate.
const MOST_CONDITIONS: usize = 200_000;

/// The expressions of a template for one alert, and the values that its bindings refer to.
#[derive(Debug)]
pub struct Expressions<'a> {
    all: &'a [Expression],
    event: &'a AlertEvent,
    payload: &'a Value,
    done: Vec<OnceCell<Value>>,
    busy: Vec<Cell<bool>>,
    problems: RefCell<Vec<Problem>>,
    bytes_left: Cell<usize>,
    conditions_left: Cell<usize>,
    engine: OnceCell<Engine>,
}

impl<'a> Expressions<'a> {
    /// The expressions of a template; those above the limit are ignored.
    pub fn new(all: &'a [Expression], event: &'a AlertEvent, payload: &'a Value) -> Self {
        let all = all.get(..MOST_EXPRESSIONS).unwrap_or(all);
        Self {
            all,
            event,
            payload,
            done: all.iter().map(|_| OnceCell::new()).collect(),
            busy: all.iter().map(|_| Cell::new(false)).collect(),
            problems: RefCell::default(),
            bytes_left: Cell::new(BUDGET),
            conditions_left: Cell::new(MOST_CONDITIONS),
            engine: OnceCell::new(),
        }
    }

    /// The problems so far.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// Evaluates a template, or a rich text with variables.
    pub(crate) fn fill_in(&self, text: &str) -> Result<String, Problem> {
        match document::read(text) {
            Some(document) => Ok(document::fill_in(&document, |reference| {
                self.lookup(reference).ok().and_then(|value| text_of(&value))
            })),
            None => self.engine().fill_in(text, self.named_in(text)),
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.get_or_init(|| Engine::new(self.event, self.payload))
    }

    /// The expressions that a text names.
    fn named_in(&self, text: &str) -> Vec<(String, Value)> {
        if !text.contains("expressions") {
            return Vec::new();
        }
        let named = self.all.iter().filter(|one| text.contains(&one.reference));
        named
            .filter_map(|one| Some((one.reference.clone(), self.value(&one.reference).ok()?.clone())))
            .collect()
    }

    /// The value of an expression. If it fails, the problem is recorded once and its default is used.
    fn value(&self, reference: &str) -> Result<&Value, Problem> {
        let index = self.all.iter().position(|one| one.reference == reference);
        let index = index.ok_or_else(|| {
            Problem(format!("there is no expression `{}`", crate::text::shorten(reference, 60)))
        })?;
        let (cell, busy) = (&self.done[index], &self.busy[index]);
        if let Some(value) = cell.get() {
            return Ok(value);
        }
        if busy.replace(true) {
            return Err(Problem(format!("the expression `{reference}` refers to itself")));
        }
        let expression = &self.all[index];
        let value =
            self.run(expression).and_then(|value| self.paid(value.into_owned())).unwrap_or_else(|problem| {
                self.note(expression, &problem);
                Value::Null
            });
        let value = if is_nothing(&value) { self.otherwise(expression) } else { value };
        busy.set(false);
        Ok(cell.get_or_init(|| value))
    }

    fn note(&self, expression: &Expression, problem: &Problem) {
        let name = crate::text::shorten(&expression.reference, 60);
        self.problems.borrow_mut().push(Problem(format!("expression `{name}`: {problem}")));
    }

    /// The default value of an expression.
    fn otherwise(&self, expression: &Expression) -> Value {
        if expression.otherwise.is_empty() {
            return Value::Null;
        }
        let returns = expression.operations.iter().rev().find_map(Operation::returns);
        let found = self.results(&expression.otherwise).and_then(|value| match returns {
            Some(returns) => cast(&value, returns),
            None => Ok(value),
        });
        found.unwrap_or_else(|Problem(problem)| {
            self.note(expression, &Problem(format!("else_branch: {problem}")));
            Value::Null
        })
    }

    /// Applies the operations of an expression.
    fn run(&self, expression: &Expression) -> Result<Cow<'_, Value>, Problem> {
        if expression.operations.len() > MOST_OPERATIONS {
            return Err(Problem(format!("the expression has more than {MOST_OPERATIONS} operations")));
        }
        let mut at = match expression.root.as_str() {
            EVERYTHING => None,
            root => Some(self.lookup(root)?),
        };
        for (n, operation) in expression.operations.iter().enumerate() {
            let next = self.step(at, operation);
            at = Some(next.map_err(|Problem(problem)| Problem(format!("operations.{n}: {problem}")))?);
        }
        Ok(at.unwrap_or(Cow::Owned(Value::Null)))
    }

    /// Applies one operation. At the root of everything there is no current value yet.
    fn step<'s>(
        &'s self,
        at: Option<Cow<'s, Value>>,
        operation: &Operation,
    ) -> Result<Cow<'s, Value>, Problem> {
        let Some(at) = at else {
            return match operation {
                Operation::Navigate(reference) => self.lookup(reference),
                _ => self.step(Some(Cow::Owned(Value::Null)), operation),
            };
        };
        let made = match operation {
            Operation::Navigate(reference) => {
                let path = ValuePath::of_reference(reference);
                let path = path.ok_or_else(|| Problem("the path to navigate to is not valid".to_owned()))?;
                match at {
                    Cow::Borrowed(value) => match navigate(value, &path.steps) {
                        Cow::Borrowed(found) => return Ok(Cow::Borrowed(found)),
                        Cow::Owned(found) => found,
                    },
                    Cow::Owned(value) => navigate(&value, &path.steps).into_owned(),
                }
            }
            Operation::Filter(groups) => {
                let mut kept = Vec::new();
                for element in elements(&at) {
                    if self.any_holds(groups, Some(element))? {
                        kept.push(self.paid(element.clone())?);
                    }
                }
                Value::Array(kept)
            }
            Operation::Concatenate(reference) => {
                let other = self.lookup(reference)?;
                let all = elements(&at).iter().chain(elements(&other));
                all.map(|element| self.paid(element.clone())).collect::<Result<_, _>>()?
            }
            Operation::Count => elements(&at).len().into(),
            Operation::Min => least(&at, |one, other| one < other)?,
            Operation::Max => least(&at, |one, other| one > other)?,
            Operation::Sum => sum(&at)?,
            Operation::First => elements(&at).first().cloned().unwrap_or(Value::Null),
            Operation::Random => self.any_of(&at),
            Operation::Parse { source, returns } => cast(&*self.parse(source, &at)?, returns)?,
            Operation::Branches { branches, returns } => {
                for branch in branches.iter().take(MOST_BRANCHES) {
                    if self.any_holds(&branch.when, Some(&at))? {
                        return Ok(Cow::Owned(self.paid(cast(&self.results(&branch.result)?, returns)?)?));
                    }
                }
                Value::Null
            }
            Operation::Cast(returns) => cast(&at, returns)?,
        };
        Ok(Cow::Owned(self.paid(made)?))
    }

    /// Evaluates a path or an expression.
    fn parse<'v>(&'v self, source: &str, at: &'v Value) -> Result<Cow<'v, Value>, Problem> {
        let Some(path) = ValuePath::of_source(source) else {
            return Ok(Cow::Owned(self.engine().evaluate(source, at, self.named_in(source))?));
        };
        match path.split() {
            Some(("alert" | "payload" | "expressions", _)) => self.lookup(source.trim()),
            _ => Ok(follow(at, &path.steps).map_or(Cow::Owned(Value::Null), Cow::Borrowed)),
        }
    }

    /// Picks an element by the alert's deduplication key, so that the same alert always gets the same one.
    fn any_of(&self, at: &Value) -> Value {
        let elements = elements(at);
        let key = crate::alert::key_hash(&self.event.deduplication_key);
        let number = u64::from_str_radix(key.get(..15).unwrap_or_default(), 16).unwrap_or_default();
        let index = usize::try_from(number).unwrap_or_default().checked_rem(elements.len());
        index.and_then(|index| elements.get(index)).cloned().unwrap_or(Value::Null)
    }

    /// The value of a reference.
    pub(crate) fn lookup(&self, reference: &str) -> Result<Cow<'_, Value>, Problem> {
        let nowhere =
            || Problem(format!("`{}` is not a valid reference", crate::text::shorten(reference, 60)));
        let path = ValuePath::of_reference(reference).ok_or_else(nowhere)?;
        match path.split().ok_or_else(nowhere)? {
            ("alert", [PathStep::Name(field)]) => {
                let found = alert_field(self.event, field).map(Value::String);
                Ok(Cow::Owned(found.unwrap_or(Value::Null)))
            }
            ("payload", steps) => {
                Ok(follow(self.payload, steps).map_or(Cow::Owned(Value::Null), Cow::Borrowed))
            }
            ("expressions", [PathStep::Name(name)]) => self.value(name).map(Cow::Borrowed),
            _ => Err(nowhere()),
        }
    }

    /// The value of bindings: a single value, or a list.
    fn results(&self, bindings: &[Binding]) -> Result<Value, Problem> {
        let one = |binding: &Binding| match binding {
            Binding::Literal(text) => Ok(Value::String(text.clone())),
            Binding::Template(text) => self.fill_in(text).map(Value::String),
            Binding::Reference(reference) => self.lookup(reference).map(Cow::into_owned),
        };
        if let [binding] = bindings {
            return one(binding);
        }
        let mut all = Vec::new();
        for binding in bindings {
            match one(binding)? {
                Value::Array(several) => all.extend(several),
                Value::Null => {}
                single => all.push(single),
            }
        }
        Ok(Value::Array(all))
    }

    /// Says whether any group of conditions holds for the current element, if there is one. An empty list of groups
    /// always holds.
    pub(crate) fn any_holds(&self, groups: &[ConditionGroup], item: Option<&Value>) -> Result<bool, Problem> {
        if groups.is_empty() {
            return Ok(true);
        }
        for ConditionGroup(conditions) in groups {
            let mut all = true;
            for condition in conditions {
                all &= condition.test.holds_for(&self.texts_of(condition, item)?);
            }
            if all {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The texts that a condition tests: its subject's value, or the elements of a list. Every condition is evaluated
    /// on these texts, in a filter, an expression or a route.
    pub(crate) fn texts_of(
        &self,
        condition: &Condition,
        item: Option<&Value>,
    ) -> Result<Vec<String>, Problem> {
        let left = self.conditions_left.get().checked_sub(1);
        let left = left.ok_or_else(|| Problem("it evaluates too many conditions".to_owned()))?;
        self.conditions_left.set(left);
        let subject = self.subject(&condition.subject, item)?;
        let texts = elements(&subject).iter().map(text_of);
        Ok(texts.filter_map(crate::text::present).collect())
    }

    /// The subject of a condition: `item`, a path below it, or a reference. Outside of a list there is no `item`.
    fn subject<'v>(
        &'v self,
        subject: &'v Binding,
        item: Option<&'v Value>,
    ) -> Result<Cow<'v, Value>, Problem> {
        let reference = match subject {
            Binding::Literal(text) => return Ok(Cow::Owned(Value::String(text.clone()))),
            Binding::Template(text) => return Ok(Cow::Owned(Value::String(self.fill_in(text)?))),
            Binding::Reference(reference) => reference,
        };
        let nowhere = || Problem(format!("`{}` is not a valid path", crate::text::shorten(reference, 60)));
        let path = ValuePath::of_reference(reference).ok_or_else(nowhere)?;
        match path.split() {
            Some(("alert", _)) => {
                subject.check()?;
                self.lookup(reference)
            }
            Some(("payload" | "expressions", _)) => self.lookup(reference),
            Some(("item", steps)) => Ok(navigate(item.ok_or_else(nowhere)?, steps)),
            _ => Ok(navigate(item.ok_or_else(nowhere)?, &path.steps)),
        }
    }

    /// Subtracts the cost of a value from the budget.
    fn paid(&self, value: Value) -> Result<Value, Problem> {
        let mut left = self.bytes_left.get();
        if !pay(&value, &mut left) {
            return Err(Problem("its result is too large".to_owned()));
        }
        self.bytes_left.set(left);
        Ok(value)
    }
}

impl Operation {
    /// The declared type of the result.
    pub(super) const fn returns(&self) -> Option<&Returns> {
        match self {
            Self::Parse { returns, .. } | Self::Branches { returns, .. } | Self::Cast(returns) => {
                Some(returns)
            }
            Self::Navigate(_)
            | Self::Filter(_)
            | Self::Concatenate(_)
            | Self::Count
            | Self::Min
            | Self::Max
            | Self::Sum
            | Self::Random
            | Self::First => None,
        }
    }
}

impl Expression {
    /// Says whether its reference is a valid name.
    pub(super) fn is_named(&self) -> bool {
        let reference = format!("expressions[\"{}\"]", self.reference);
        !self.reference.trim().is_empty() && referred(&reference).as_deref() == Some(&self.reference)
    }
}
