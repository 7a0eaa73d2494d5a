//! Expressions of a template: an alert is created and pages whatever they do.

use domain::alert::attribute::{Bound, Merge};
use domain::audit::{AuditAction, AuditEntry, AuditKind, AuditTarget};
use domain::expression::{Expression, Operation, Returns};
use domain::id::{AuditId, SourceId};
use domain::source::{Custom, Source, Template};
use domain::template::Binding;
use machine::{State, Stateful};
use secrecy::ExposeSecret;
use store::Commit;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell, with};

/// Stores a template without validation.
async fn store_template(bundle: &Bundle, template: Template) {
    let before = bundle.calm.store.source(bundle.org, bundle.source()).await.unwrap().unwrap();
    let step = before.amend(bundle.now()).unwrap().because("story".to_owned(), "changed");
    let step = step.with(|source| source.template = template);
    let id = AuditId::new(bundle.now(), bundle.calm.random());
    let thing = AuditTarget::new(AuditKind::AlertSource, before.id, "source");
    let entry = AuditEntry::by_system(bundle.org, "story", id, AuditAction::Updated, thing);
    bundle.calm.store.commit(Commit::new().source(step, Some(&before), &entry)).await.unwrap();
}

fn parse(reference: &str, source: &str) -> Expression {
    let returns = Returns { kind: "String".to_owned(), array: false };
    Expression {
        label: reference.to_owned(),
        reference: reference.to_owned(),
        root: "payload".to_owned(),
        operations: vec![Operation::Parse { source: source.to_owned(), returns }],
        otherwise: vec![],
    }
}

fn titled(title: Binding, expressions: Vec<Expression>) -> Template {
    Template { title, expressions, ..Template::default() }
}

#[test]
fn expression_that_would_take_everything_down_is_noted_and_its_alert_pages() {
    let reference = || Binding::Reference("expressions[\"bad\"]".to_owned());
    let template = |text: &str| titled(Binding::Template(text.to_owned()), vec![]);
    let expression = |source: &str| titled(reference(), vec![parse("bad", source)]);
    // The largest template that fits an item.
    let cases: Vec<(&str, Template)> = vec![
        ("as large as is stored", expression(&"payload~".repeat(40_000))),
        ("depth of 10,000", expression(&format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)))),
        ("output explosion", expression("'a' * 1000000000")),
        ("growth", expression(&format!("'aaaaaaaaaa'{}", "|replace('a','aaaaaaaaaa')".repeat(40)))),
        (
            "what refers to itself",
            titled(reference(), vec![Expression { root: "expressions.bad".to_owned(), ..parse("bad", "$") }]),
        ),
        ("endless loop", template("{% for a in range(1000000000) %}{% endfor %}")),
        (
            "doubling",
            template(&format!("{{% set x = 'xxxxxxxxxx' %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(30))),
        ),
        ("no template at all", template("{{ alert.title")),
        ("no reference", titled(Binding::Reference("nowhere".to_owned()), vec![])),
    ];
    for (name, template) in cases {
        tell(|| async {
            let bundle = calm().await;
            store_template(&bundle, template).await;

            assert!(bundle.deliver(&[Alert::now(&bundle, "fire")]).await);
            bundle.pass(10).await;

            assert_eq!(paged(&bundle), ["ada@example.com"], "{name}");
            let alert = ledger(&bundle).await.alerts.remove(0);
            let body = bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
            assert_eq!(
                (body.title.as_str(), body.problems.len()),
                ("fire", 1),
                "{name}: {:?}",
                body.problems
            );
        });
    }
}

/// Delivers to a custom HTTP source, which replaces the bundle's Alertmanager source.
async fn custom(bundle: &Bundle, custom: Custom) -> Source {
    let (store, context) = (&bundle.calm.store, &bundle.calm);
    let template = Template { custom: Some(custom), ..Template::default() };
    let new = app::source::create::NewSource {
        id: SourceId::new(bundle.now(), context.random()),
        name: "Anything".to_owned(),
        kind: sources::Kind::HttpCustom.into(),
        secret: Some(bundle.demo.secret.clone()),
        template,
        intake: Default::default(),
        draft: false,
        document: Default::default(),
    };
    let by = domain::Actor::system(bundle.org, "story");
    app::source::create::create(store, &context.seal, &by, new, &context.random, bundle.now()).await.unwrap()
}

async fn deliver(bundle: &Bundle, source: &Source, body: &str) -> u16 {
    let request = http::Request::post(format!("/v2/alert_events/http_custom/{}", source.id))
        .header("authorization", format!("Bearer {}", bundle.demo.secret.expose_secret()))
        .body(body.to_owned().into())
        .unwrap();
    bundle.request(request).await.map_or(0, |answer| answer.status().as_u16())
}

#[test]
fn custom_mapping_that_fails_pages_the_fallback_with_what_came_even_if_it_says_that_it_is_over() {
    tell(|| async {
        let bundle = calm().await;
        let mapping = Custom {
            deduplication_key_path: "$.nothing".to_owned(),
            transform_expression: "payload.number + payload.text".to_owned(),
        };
        let source = custom(&bundle, mapping).await;

        for _ in 0..2 {
            assert_eq!(
                deliver(
                    &bundle,
                    &source,
                    r#"{"status": "resolved", "name": "Mail", "number": 1, "text": "x"}"#
                )
                .await,
                202
            );
            bundle.pass(10).await;
        }

        // No route matches it, and the second delivery repeats the first.
        assert_eq!(paged(&bundle), ["owner@example.com"]);
        let alert = ledger(&bundle).await.alerts.remove(0);
        let body = bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
        assert!(body.title == "Mail" && body.problems[0].contains("transform_expression"), "{body:?}");
    });
}

#[test]
fn custom_source_ends_what_it_began_though_every_message_comes_twice_and_out_of_order() {
    for seed in 0..5 {
        tell(|| async {
            let plan = FaultPlan::rough();
            let bundle = Bundle::start(seed, plan, testing::inbox::Provider::default()).await.unwrap();
            bundle.faults.end();
            let mapping = Custom {
                deduplication_key_path: "$.id".to_owned(),
                transform_expression: r#"{"title": "$.what", "status": "$.now"}"#.to_owned(),
            };
            let source = custom(&bundle, mapping).await;
            bundle.faults.begin();

            for body in
                [r#"{"id": 1, "what": "Mail", "now": "late"}"#, r#"{"id": 1, "what": "Mail", "now": "ok"}"#]
            {
                while deliver(&bundle, &source, body).await != 202 {
                    bundle.pass(1).await;
                }
                bundle.pass(120).await;
            }
            bundle.faults.end();
            bundle.pass(600).await;

            let alerts = ledger(&bundle).await.alerts;
            assert_eq!(alerts.len(), 1, "seed {seed}");
            assert_eq!(
                (alerts[0].title.as_str(), alerts[0].head().state().name()),
                ("Mail", "resolved"),
                "seed {seed}"
            );
        });
    }
}

#[test]
fn merged_values_are_the_same_however_often_a_message_comes() {
    tell(|| async {
        let bundle = with(FaultPlan::calm()).await;
        let (store, context) = (&bundle.calm.store, &bundle.calm);
        let attribute = domain::alert::Attribute {
            name: "Summaries".to_owned(),
            kind: "String".to_owned(),
            array: true,
            required: false,
            emoji: None,
        };
        let id = domain::id::AttributeId::new(bundle.now(), context.random());
        let by = domain::Actor::system(bundle.org, "story");
        app::choice::save::create(store, &by, id, attribute, &context.random, bundle.now()).await.unwrap();
        let values = vec![Binding::Reference("payload.annotations.summary".to_owned())];
        let bound = Bound { attribute: id, values, merge: Some(Merge::Append) };
        store_template(&bundle, Template { attributes: vec![bound], ..Template::default() }).await;
        let first = Alert::now(&bundle, "one");
        let second = Alert { name: "two".to_owned(), ..first.clone() };

        for alert in [&first, &second, &first, &second] {
            bundle.deliver(std::slice::from_ref(alert)).await;
            bundle.pass(5).await;
        }

        let alert = ledger(&bundle).await.alerts.remove(0);
        let body = bundle.calm.store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
        assert_eq!(body.attributes[0].values, ["one", "two"]);
    });
}
