//! Expressions: what they give, and what is refused.

mod attacks;

use serde_json::{Value, json};

use super::*;
use crate::alert::AlertEvent;
use crate::condition::{Condition, Test};
use crate::template::Problem;

fn event() -> AlertEvent {
    AlertEvent::example(&Value::Null)
}

fn payload() -> Value {
    json!({
        "labels": {"team": "shop", "host.name": "db1"},
        "query_params": {"team": "platform"},
        "alerts": [
            {"status": "firing", "value": 3, "tags": ["a", "b"]},
            {"status": "resolved", "value": "10"},
            {"status": "firing", "value": 7.5, "tags": ["c"]},
        ],
    })
}

fn returns(kind: &str, array: bool) -> Returns {
    Returns { kind: kind.to_owned(), array }
}

fn parse(source: &str) -> Operation {
    Operation::Parse { source: source.to_owned(), returns: returns("Any", false) }
}

fn navigate(path: &str) -> Operation {
    Operation::Navigate(path.to_owned())
}

fn expression(reference: &str, root: &str, operations: Vec<Operation>) -> Expression {
    Expression {
        label: reference.to_owned(),
        reference: reference.to_owned(),
        root: root.to_owned(),
        operations,
        otherwise: vec![],
    }
}

fn when(subject: &str, test: Test) -> Vec<ConditionGroup> {
    vec![ConditionGroup(vec![Condition { subject: Binding::Reference(subject.to_owned()), test }])]
}

fn one_of(text: &str) -> Test {
    Test::OneOf(vec![text.to_owned()])
}

/// The values and the problems of an attribute that is bound to the first of some expressions.
fn told(all: &[Expression]) -> (Vec<String>, Vec<String>) {
    let (event, payload) = (event(), payload());
    let expressions = Expressions::new(all, &event, &payload);
    let binding = Binding::Reference(format!("expressions[\"{}\"]", all[0].reference));
    let values = binding.resolve_all_in(&expressions).unwrap();
    (values, expressions.into_problems().into_iter().map(|Problem(problem)| problem).collect())
}

#[test]
fn operations_give_what_they_say() {
    let alerts = |operations: Vec<Operation>| {
        expression("x", "payload", [vec![navigate("alerts")], operations].concat())
    };
    let values = |operation: Operation| alerts(vec![navigate("value"), operation]);
    let branch = |test: Test, gives: &str| Branch {
        when: when("payload.labels.team", test),
        result: vec![Binding::Literal(gives.to_owned())],
    };
    let branches = |first: &str| Operation::Branches {
        branches: vec![branch(one_of(first), "one"), branch(Test::IsSet, "two")],
        returns: returns("String", false),
    };
    let cases: Vec<(&str, Expression, &[&str])> = vec![
        ("root alone", expression("x", "payload.labels.team", vec![]), &["shop"]),
        ("field of the alert", expression("x", "alert.title", vec![]), &["Disk full"]),
        ("navigate", expression("x", "payload", vec![navigate("labels.team")]), &["shop"]),
        ("navigate in quotes", expression("x", "payload", vec![navigate("labels[\"host.name\"]")]), &["db1"]),
        ("navigate through a list", alerts(vec![navigate("tags")]), &["a", "b", "c"]),
        ("navigate from everything", expression("x", ".", vec![navigate("payload.labels.team")]), &["shop"]),
        (
            "filter by a path",
            alerts(vec![Operation::Filter(when("status", one_of("firing"))), navigate("value")]),
            &["3", "7.5"],
        ),
        (
            "filter by the element",
            alerts(vec![navigate("tags"), Operation::Filter(when("item", Test::NotOneOf(vec!["b".into()])))]),
            &["a", "c"],
        ),
        (
            "filter by a list",
            alerts(vec![Operation::Filter(when("item.tags", one_of("b"))), navigate("value")]),
            &["3"],
        ),
        ("first", values(Operation::First), &["3"]),
        ("count", alerts(vec![Operation::Count]), &["3"]),
        ("count of nothing", expression("x", "payload.nothing", vec![Operation::Count]), &["0"]),
        ("min", values(Operation::Min), &["3"]),
        ("max", values(Operation::Max), &["10"]),
        ("sum", values(Operation::Sum), &["20.5"]),
        ("max of nothing", expression("x", "payload.nothing", vec![Operation::Max]), &[]),
        ("random", alerts(vec![navigate("tags"), Operation::Random]), &["b"]),
        (
            "concatenate",
            alerts(vec![navigate("tags"), Operation::Concatenate("payload.labels.team".to_owned())]),
            &["a", "b", "c", "shop"],
        ),
        (
            "cast",
            expression("x", "payload.alerts.1.value", vec![Operation::Cast(returns("Number", true))]),
            &["10"],
        ),
        (
            "parse a path of JavaScript",
            expression("x", "payload", vec![parse("$['query_params']['team']")]),
            &["platform"],
        ),
        ("parse a bare path", expression("x", "payload", vec![parse("labels[\"host.name\"]")]), &["db1"]),
        ("parse below the root", expression("x", "payload.labels", vec![parse("$.team")]), &["shop"]),
        (
            "parse from everything",
            expression("x", "alert.title", vec![parse("payload.labels.team")]),
            &["shop"],
        ),
        (
            "parse an expression",
            expression("x", "payload", vec![parse("payload.labels.team|upper ~ '!'")]),
            &["SHOP!"],
        ),
        (
            "parse the value at hand",
            expression("x", "payload.labels", vec![parse("item.team or 'none'")]),
            &["shop"],
        ),
        (
            "parse a condition",
            expression("x", "payload", vec![parse("'P1' if alert.priority == 'critical' else 'P2'")]),
            &["P1"],
        ),
        ("parse what is not there", expression("x", "payload", vec![parse("payload.no.such.thing")]), &[]),
        ("first branch", expression("x", ".", vec![branches("shop")]), &["one"]),
        ("second branch", expression("x", ".", vec![branches("other")]), &["two"]),
    ];
    for (name, expression, expected) in cases {
        assert!(
            check(std::slice::from_ref(&expression)).is_ok(),
            "{name}: {:?}",
            check(std::slice::from_ref(&expression))
        );
        let (values, problems) = told(&[expression]);
        assert_eq!(
            (values, problems),
            (expected.iter().map(|&text| text.to_owned()).collect(), vec![]),
            "{name}"
        );
    }
}

#[test]
fn expressions_refer_to_each_other_in_any_order() {
    let all = [
        expression("a", "expressions[\"b\"]", vec![Operation::Concatenate("expressions.c".to_owned())]),
        expression("b", "payload.labels.team", vec![]),
        expression("c", "payload", vec![parse("expressions.b ~ '2'")]),
    ];

    assert_eq!(check(&all).map(drop), Ok(()));
    assert_eq!(told(&all), (vec!["shop".to_owned(), "shop2".to_owned()], vec![]));
}

#[test]
fn what_fails_is_noted_once_and_something_else_takes_its_place() {
    let failing = expression("x", "payload.labels.team", vec![Operation::Cast(returns("Number", false))]);
    let instead = Expression { otherwise: vec![Binding::Literal("7".to_owned())], ..failing.clone() };

    assert_eq!(
        told(&[failing]),
        (vec![], vec!["expression `x`: operations.0: `shop` is not a number".to_owned()])
    );
    assert_eq!(told(std::slice::from_ref(&instead)).0, ["7"]);
    let nothing = Expression { root: "payload.nothing".to_owned(), operations: vec![], ..instead };
    assert_eq!(told(&[nothing]), (vec!["7".to_owned()], vec![]));
}

#[test]
fn what_refers_to_itself_ends() {
    let all = [expression("a", "expressions.b", vec![]), expression("b", "expressions.a", vec![])];

    let (values, problems) = told(&all);

    assert!(values.is_empty() && problems[0].contains("refers to itself"), "{problems:?}");
    assert!(check(&all).unwrap_err().at.ends_with("root_reference"));
}

#[test]
fn misfits_are_named_by_their_place() {
    let text = |operation: Operation| expression("x", "alert.title", vec![operation]);
    let list = Operation::Parse { source: "$.tags".to_owned(), returns: returns("String", true) };
    let of_list = |operation: Operation| expression("x", "payload", vec![list.clone(), operation]);
    let branch = |result: Vec<Binding>, test: &str| Operation::Branches {
        branches: vec![Branch { when: when(test, Test::IsSet), result }],
        returns: returns("Number", false),
    };
    let literal = |text: &str| Binding::Literal(text.to_owned());
    let cases: Vec<(Expression, &str)> = vec![
        (expression("", "payload", vec![]), "0.reference"),
        (expression("a\"b", "payload", vec![]), "0.reference"),
        (expression("x", "nowhere", vec![]), "0.root_reference"),
        (expression("x", "alert.secret", vec![]), "0.root_reference"),
        (expression("x", "expressions[\"y\"]", vec![]), "0.root_reference"),
        (expression("x", ".", vec![navigate("nowhere.at.all")]), "0.operations.0.navigate.reference"),
        (expression("x", "payload", vec![navigate("a..b")]), "0.operations.0.navigate.reference"),
        (
            expression("x", "payload", vec![navigate("catalog_attribute[\"01\"]")]),
            "0.operations.0.navigate.reference",
        ),
        (text(navigate("length")), "0.operations.0.navigate.reference"),
        (text(Operation::First), "0.operations.0.operation_type"),
        (text(Operation::Count), "0.operations.0.operation_type"),
        (text(Operation::Filter(vec![])), "0.operations.0.operation_type"),
        (of_list(Operation::Sum), "0.operations.1.operation_type"),
        (of_list(Operation::Cast(returns("String", false))), "0.operations.1.cast.returns"),
        (
            of_list(Operation::Filter(when("a..b", Test::IsSet))),
            "0.operations.1.filter.condition_groups.0.conditions.0.subject",
        ),
        (
            of_list(Operation::Filter(when("alert.no", Test::IsSet))),
            "0.operations.1.filter.condition_groups.0.conditions.0.subject",
        ),
        (of_list(Operation::Concatenate("nowhere".to_owned())), "0.operations.1.concatenate.reference"),
        (text(parse("$.a || 'x'")), "0.operations.0.parse.source"),
        (text(parse("1 +")), "0.operations.0.parse.source"),
        (text(parse("expressions.none")), "0.operations.0.parse.source"),
        (
            text(branch(vec![literal("seven")], "alert.title")),
            "0.operations.0.branches.branches.0.result.value.literal",
        ),
        (
            text(branch(vec![literal("1"), literal("2")], "alert.title")),
            "0.operations.0.branches.branches.0.result.array_value",
        ),
        (
            text(branch(vec![literal("1")], "alert.no")),
            "0.operations.0.branches.branches.0.condition_groups.0.conditions.0.subject",
        ),
        (
            text(branch(vec![Binding::Reference("alert.title".to_owned())], "alert.title")),
            "0.operations.0.branches.branches.0.result.value.reference",
        ),
        (
            Expression { otherwise: vec![literal("x")], ..of_list(Operation::Count) },
            "0.else_branch.result.value.literal",
        ),
        (expression("x", "payload", vec![Operation::Count; MOST_OPERATIONS + 1]), "0.operations"),
    ];
    for (expression, at) in cases {
        let misfit = check(std::slice::from_ref(&expression)).expect_err(at);
        assert_eq!(misfit.at, at, "{misfit}");
        assert!(!misfit.reason.is_empty());
    }
    let twice = [expression("x", "payload", vec![]), expression("x", "payload", vec![])];
    assert_eq!(check(&twice).unwrap_err().at, "1.reference");
}

#[test]
fn javascript_is_told_what_to_write_instead() {
    for source in [
        "$.a || 'x'",
        "$.a === 'b' ? 1 : 2",
        "payload.a.toLowerCase()",
        "payload.tags.map(x => x.name)",
        "return { title: $.title || $.name }",
        "function() { return 1 }",
    ] {
        let refused = check_transform(source).expect_err(source);
        assert!(refused.contains("JavaScript"), "{source}: {refused}");
    }
    for source in
        ["payload.a == 'x && y'", "{'title': payload.name, 'b': [1, 'a.b(c)']}", "payload.a|default('$')"]
    {
        assert_eq!(check_transform(source), Ok(()), "{source}");
    }
    assert!(check_transform("payload.a|nofilter").unwrap_err().contains("; available: default"));
}

#[test]
fn texts_name_alert_payload_and_expressions() {
    let (event, payload) = (event(), payload());
    let all = [expression("team", "payload.labels.team", vec![])];
    let cases = [
        ("{{ alert.title }} on {{ payload.labels['host.name'] }}", Some("Disk full on db1")),
        ("for {{ expressions.team }}, {{ expressions[\"team\"]|upper }}", Some("for shop, SHOP")),
        ("{{ payload.nothing.at.all }}", None),
        ("{% if alert.priority == 'critical' %}!{% endif %}{{ alert.title }}", Some("!Disk full")),
        ("<{{ '<b>' }}>", Some("<<b>>")),
    ];
    for (text, expected) in cases {
        assert_eq!(check_template(text), Ok(()), "{text}");
        let expressions = Expressions::new(&all, &event, &payload);
        let filled = Binding::Template(text.to_owned()).resolve_in(&expressions).unwrap();
        assert_eq!(filled.as_deref(), expected, "{text}");
    }
    for text in ["{{ alert.title", "{{ 1 + }}", "{% include 'x' %}", "{{ alert.title|nothing }}"] {
        assert!(check_template(text).is_err(), "{text}");
    }
}
