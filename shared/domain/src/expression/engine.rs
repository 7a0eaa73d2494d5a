//! The engine that evaluates expressions and templates that customers write.
//!
//! It has few filters, no loops over ranges and no access to anything outside. Its fuel bounds time and memory: an
//! evaluation without fuel left fails. A text that is too long to be compiled is refused.

use std::collections::BTreeMap;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters, tests, value};
use serde_json::{Map, Value};

use super::{ExpressionError, SOURCE_BYTES};
use crate::alert::AlertEvent;
use crate::template::Problem;

/// The fuel of one evaluation: one unit for an instruction, and one for about 64 bytes of data.
const FUEL: u64 = 50_000;

/// How deep an evaluation may recurse.
const DEPTH: usize = 40;

/// The most words and symbols of a text: the compiler recurses over them.
const MOST_TOKENS: usize = 400;

/// How deep brackets may nest in a text.
const MOST_BRACKETS: usize = 20;

/// How deep a result may nest.
const RESULT_DEPTH: usize = 16;

/// How many values a result may hold.
const RESULT_VALUES: usize = 10_000;

/// Evaluates texts about one alert.
pub struct Engine {
    environment: Environment<'static>,
    alert: value::Value,
    payload: value::Value,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// The environment with its filters.
fn environment() -> Environment<'static> {
    let mut known = Environment::empty();
    known.set_fuel(Some(FUEL));
    known.set_recursion_limit(DEPTH);
    known.set_undefined_behavior(UndefinedBehavior::Chainable);
    known.add_filter("default", filters::default);
    known.add_filter("first", filters::first);
    known.add_filter("float", filters::float);
    known.add_filter("int", filters::int);
    known.add_filter("join", filters::join);
    known.add_filter("last", filters::last);
    known.add_filter("length", filters::length);
    known.add_filter("lower", filters::lower);
    known.add_filter("replace", filters::replace);
    known.add_filter("round", filters::round);
    known.add_filter("split", filters::split);
    known.add_filter("title", filters::title);
    known.add_filter("trim", filters::trim);
    known.add_filter("upper", filters::upper);
    known.add_test("defined", tests::is_defined);
    known.add_test("startingwith", tests::is_startingwith);
    known.add_test("endingwith", tests::is_endingwith);
    known
}

/// The available filters and tests, for error messages.
const WORDS: &str = "default, first, float, int, join, last, length, lower, replace, round, split, title, trim, upper; \
                     `is defined`, `is startingwith(…)`, `is endingwith(…)`";

impl Engine {
    /// An engine for an alert and its payload.
    pub fn new(event: &AlertEvent, payload: &Value) -> Self {
        let text =
            |text: &Option<String>| text.as_deref().map_or(value::Value::UNDEFINED, value::Value::from);
        let alert = object([
            ("title", value::Value::from(event.title.as_str())),
            ("description", text(&event.description)),
            ("source_url", text(&event.source_url)),
            ("status", value::Value::from(event.status.name())),
            ("priority", text(&event.priority)),
        ]);
        Self { environment: environment(), alert, payload: known(payload) }
    }

    /// The variables of a template.
    fn scope(&self, item: Option<&Value>, expressions: Vec<(String, Value)>) -> value::Value {
        let expressions = expressions.iter().map(|(name, value)| (name.as_str(), known(value)));
        object([
            ("alert", self.alert.clone()),
            ("payload", self.payload.clone()),
            ("expressions", object(expressions)),
            ("item", item.map_or(value::Value::UNDEFINED, known)),
        ])
    }

    /// Evaluates an expression on the current value.
    ///
    /// # Errors
    /// [`Problem`] if it cannot be compiled, fails, or takes too much.
    pub fn evaluate(
        &self,
        source: &str,
        item: &Value,
        expressions: Vec<(String, Value)>,
    ) -> Result<Value, Problem> {
        within(source, false)?;
        let compiled = self.environment.compile_expression(source).map_err(|error| problem(&error))?;
        let result = compiled.eval(self.scope(Some(item), expressions)).map_err(|error| problem(&error))?;
        let mut left = RESULT_VALUES;
        plain(&result, RESULT_DEPTH, &mut left)
    }

    /// Evaluates a template.
    ///
    /// # Errors
    /// [`Problem`] if it cannot be compiled, fails, or takes too much.
    pub fn fill_in(&self, source: &str, expressions: Vec<(String, Value)>) -> Result<String, Problem> {
        within(source, true)?;
        let text = self.environment.render_str(source, self.scope(None, expressions));
        text.map_err(|error| problem(&error))
    }
}

/// Refuses a text that is too long to be compiled.
fn within(source: &str, is_text: bool) -> Result<(), Problem> {
    if source.len() > SOURCE_BYTES {
        return Err(Problem(format!(
            "it has {} bytes, but at most {SOURCE_BYTES} are allowed",
            source.len()
        )));
    }
    let (tokens, deepest) = tokens(source, is_text);
    if tokens > MOST_TOKENS {
        return Err(Problem(format!(
            "it has {tokens} words and symbols, but at most {MOST_TOKENS} are allowed"
        )));
    }
    if deepest > MOST_BRACKETS {
        return Err(Problem(format!(
            "its brackets nest {deepest} deep, but at most {MOST_BRACKETS} levels are allowed"
        )));
    }
    Ok(())
}

/// Counts words and symbols, and how deep brackets nest. In a template only the parts in `{{ … }}` count, and each
/// statement counts as deep as those before it.
fn tokens(source: &str, is_text: bool) -> (usize, usize) {
    let (mut count, mut in_word, mut quote, mut outside) = (0, false, None, is_text);
    let (mut deep, mut deepest, mut statements) = (0_usize, 0, 0);
    let mut before = ' ';
    for c in source.chars() {
        let opens = before == '{' && matches!(c, '{' | '%');
        let closes = matches!(before, '}' | '%') && c == '}';
        let is_word = c.is_alphanumeric() || c == '_';
        match quote {
            _ if outside => {
                outside = !opens;
                statements += usize::from(opens && c == '%');
                deep = statements;
            }
            Some(open) => quote = Some(open).filter(|open| *open != c),
            None if is_text && closes => outside = true,
            None => {
                quote = Some(c).filter(|c| matches!(c, '"' | '\''));
                count += usize::from(!(c.is_whitespace() || is_word && in_word));
                match c {
                    '(' | '[' | '{' => deep += 1,
                    ')' | ']' | '}' => deep = deep.saturating_sub(1),
                    _ => {}
                }
                deepest = deepest.max(deep);
            }
        }
        in_word = is_word;
        before = c;
    }
    (count, deepest)
}

/// The error without the customer's text.
fn problem(error: &Error) -> Problem {
    match error.kind() {
        ErrorKind::OutOfFuel => {
            Problem("evaluating it takes too long, or its result is too large".to_owned())
        }
        kind => {
            let said = error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}"));
            Problem(crate::text::shorten(&said, 200))
        }
    }
}

/// An object for the engine.
fn object<'a>(fields: impl IntoIterator<Item = (&'a str, value::Value)>) -> value::Value {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    value::Value::from(fields.collect::<BTreeMap<String, value::Value>>())
}

/// A value for the engine.
fn known(value: &Value) -> value::Value {
    match value {
        Value::Null => value::Value::from(()),
        Value::Bool(is) => value::Value::from(*is),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => value::Value::from(number),
            (None, Some(number)) => value::Value::from(number),
            (None, None) => value::Value::from(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => value::Value::from(text.as_str()),
        Value::Array(elements) => elements.iter().map(known).collect(),
        Value::Object(fields) => object(fields.iter().map(|(name, value)| (name.as_str(), known(value)))),
    }
}

/// Converts the engine's value to JSON.
fn plain(value: &value::Value, depth: usize, left: &mut usize) -> Result<Value, Problem> {
    let too_much = || Problem("its result is too large".to_owned());
    *left = left.checked_sub(1).ok_or_else(too_much)?;
    let depth = depth.checked_sub(1).ok_or_else(too_much)?;
    let failed = |error: Error| problem(&error);
    Ok(match value.kind() {
        ValueKind::Undefined | ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => match (i64::try_from(value.clone()), f64::try_from(value.clone())) {
            (Ok(number), _) if value.is_integer() => number.into(),
            (_, Ok(number)) => serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number),
            (_, Err(error)) => return Err(failed(error)),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            let mut elements = Vec::new();
            for element in value.try_iter().map_err(failed)? {
                elements.push(plain(&element, depth, left)?);
            }
            Value::Array(elements)
        }
        ValueKind::Map => {
            let mut fields = Map::new();
            for name in value.try_iter().map_err(failed)? {
                let field = value.get_item(&name).map_err(failed)?;
                fields.insert(name.to_string(), plain(&field, depth, left)?);
            }
            Value::Object(fields)
        }
        ValueKind::Invalid => return Err(Problem("it does not give a usable value".to_owned())),
        _ => value.as_str().map_or_else(|| Value::String(value.to_string()), |text| text.into()),
    })
}

/// Symbols that show that a text is JavaScript, outside of quotes.
const JAVASCRIPT: &[&str] =
    &["$", "===", "!==", "&&", "||", "=>", "?", "return ", "function", "const ", "let "];

/// The hint for people who write JavaScript.
const INSTEAD: &str = "JavaScript is not supported. Write a path such as `$.a.b[0]`, or an expression with `payload` for \
                       `$`, `or` for `||`, `and` for `&&`, `==` for `===`, `a if b else c` for `b ? a : c`, `text|lower` \
                       for `text.toLowerCase()`, and no `return`";

/// A text without its quoted parts.
fn unquoted(source: &str) -> String {
    let mut quote = None;
    let mut bare = String::new();
    for c in source.chars() {
        match (quote, c) {
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, c) => bare.push(c),
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
        }
    }
    bare
}

/// Says whether a method is called, which is not supported.
fn calls_a_method(bare: &str) -> bool {
    bare.match_indices('.').any(|(dot, _)| {
        let after = bare[dot + 1..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        after.len() < bare.len() - dot - 1 && after.starts_with('(')
    })
}

/// Checks an expression before it is stored.
///
/// # Errors
/// Why it cannot be evaluated, and what to write instead.
pub(super) fn check_expression(source: &str) -> Result<(), String> {
    within(source, false).map_err(|Problem(reason)| reason)?;
    let bare = unquoted(source);
    let compiled = environment().compile_expression(source).map(drop);
    match compiled {
        Ok(()) if !calls_a_method(&bare) => words(source),
        Err(_) if JAVASCRIPT.iter().any(|sign| bare.contains(sign)) => Err(INSTEAD.to_owned()),
        Ok(()) => Err(INSTEAD.to_owned()),
        Err(error) => Err(format!("it is not valid: {}", problem(&error))),
    }
}

/// Finds an unknown filter or test in an expression, which the engine itself reports only when it evaluates it.
fn words(source: &str) -> Result<(), String> {
    tried(|engine| {
        engine.environment.compile_expression(source)?.eval(engine.scope(None, Vec::new())).map(drop)
    })
}

/// Evaluates a text with an empty alert and reports an unknown filter or test.
fn tried(run: impl FnOnce(&Engine) -> Result<(), Error>) -> Result<(), String> {
    let event = crate::alert::AlertEvent {
        status: crate::alert::AlertStatus::Firing,
        deduplication_key: String::new(),
        title: String::new(),
        description: None,
        source_url: None,
        priority: None,
        occurred_at: None,
        began_at: None,
        holds_s: None,
        payload: serde_json::value::RawValue::NULL.to_owned(),
    };
    let engine = Engine::new(&event, &Value::Null);
    match run(&engine) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
            ) =>
        {
            Err(format!("{}; available: {WORDS}", problem(&error)))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Checks a template before it is stored.
///
/// # Errors
/// [`ExpressionError`] that says why it cannot be filled in.
pub fn check_template(source: &str) -> Result<(), ExpressionError> {
    let misfit = |reason: String| ExpressionError { at: "literal".to_owned(), reason };
    within(source, true).map_err(|Problem(reason)| misfit(reason))?;
    match environment().template_from_str(source) {
        Ok(_) => {
            let run = |engine: &Engine| {
                engine.environment.render_str(source, engine.scope(None, Vec::new())).map(drop)
            };
            tried(run).map_err(misfit)
        }
        Err(error) => Err(misfit(format!("the template cannot be evaluated: {}", problem(&error)))),
    }
}
