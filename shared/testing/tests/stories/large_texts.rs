//! Texts that a template makes too long for an item.

use domain::Actor;
use domain::source::Template;
use domain::template::Binding;
use domain::text::Document;
use serde_json::Value;
use testing::sender::{Alert, delivery};

use crate::stage::{calm, ledger, paged, tell};

#[test]
fn template_that_makes_a_title_of_a_whole_payload_pages_whom_the_route_names() {
    tell(|| async {
        let bundle = calm().await;
        let reference = |path: &str| Binding::Reference(path.to_owned());
        let change = app::source::update::Change {
            name: "Alertmanager".to_owned(),
            secret: None,
            template: Template {
                title: reference("payload.annotations.dump"),
                description: reference("payload.annotations"),
                ..Template::default()
            },
            intake: Default::default(),
            disabled: None,
            document: Document::default(),
        };
        let (quiet, by) = (&bundle.calm, Actor::system(bundle.org, "story"));
        let (store, seal) = (&quiet.store, &quiet.seal);
        app::source::update::update(store, seal, &by, bundle.source(), change, &quiet.random, bundle.now())
            .await
            .unwrap();
        let mut body = delivery(&[Alert::now(&bundle, "fire")]);
        body["alerts"][0]["annotations"]["dump"] = Value::String("x ".repeat(220 * 1024));

        let (status, _) = bundle.deliver_raw(body.to_string()).await;
        bundle.pass(20).await;

        assert_eq!((status, paged(&bundle)), (202, vec!["ada@example.com".to_owned()]));
        let alert = ledger(&bundle).await.alerts.remove(0);
        let body = store.alert_body(bundle.org, alert.id).await.unwrap().unwrap();
        assert!(body.title.len() <= sources::limits::TITLE_BYTES && body.title.ends_with('…'));
        assert!(body.description.unwrap().len() <= sources::limits::DESCRIPTION_BYTES);
    });
}
