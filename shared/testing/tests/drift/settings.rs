//! Settings: what the template sets is what the configuration reads, and every function that sends knows where to.

use std::collections::BTreeSet;

use domain::message::Queue;
use runtime::config::{
    API_KEY, KEY, LOG_FORMAT, OWNER_EMAIL, QUEUE_PREFIX, SETTINGS, WEBHOOK_LOOPBACK, queue_setting,
};
use testing::template::Template;

/// Settings that the template leaves as they are, and why.
const LEFT: &[(&str, &str)] = &[
    ("AWS_ENDPOINT_URL", "AWS is where it always is"),
    (LOG_FORMAT, "JSON is the default on AWS"),
    (WEBHOOK_LOOPBACK, "on AWS webhooks go to public addresses alone"),
    (OWNER_EMAIL, "on AWS it is a property of the resource that `setup` makes"),
];

#[test]
fn template_sets_what_the_configuration_reads() {
    let queues: BTreeSet<String> = Queue::ALL.iter().map(|&queue| queue_setting(queue)).collect();
    let known: BTreeSet<&str> =
        SETTINGS.iter().map(|setting| setting.name).filter(|name| !name.starts_with(QUEUE_PREFIX)).collect();
    let mut unset = known.clone();

    for function in Template::load().unwrap().functions().unwrap() {
        for name in function.environment.keys() {
            assert!(
                known.contains(&**name) || queues.contains(name),
                "template.yaml sets {name} for `{}`, which shared/runtime/src/config.rs does not read",
                function.name
            );
            unset.remove(&**name);
        }
    }
    let left: BTreeSet<&str> = LEFT.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        unset, left,
        "settings that no function of template.yaml has; say why in LEFT if that is right"
    );
}

#[tokio::test]
async fn every_function_has_a_configuration_that_is_whole() {
    let fixture = testing::fixture::Fixture::new().await.unwrap();
    for entry in local::functions::ALL {
        if let Err(error) = fixture.context_of(entry.name) {
            panic!("`{}`: {error:#}", entry.name);
        }
    }
}

#[test]
fn a_function_that_may_send_to_a_queue_knows_its_address_and_no_other() {
    let template = Template::load().unwrap();
    let queues = template.queues().unwrap();
    for function in template.functions().unwrap() {
        let statements = function.statements.iter();
        let sending =
            statements.filter(|statement| statement.actions.iter().any(|action| action == "sqs:SendMessage"));
        let may: BTreeSet<&str> = sending
            .flat_map(|statement| &statement.resources)
            .filter_map(|id| queues.iter().find(|queue| queue.logical_id == *id))
            .map(|queue| &*queue.name)
            .filter(|name| !name.ends_with("-dead"))
            .collect();
        let knows: BTreeSet<&str> = Queue::ALL
            .iter()
            .filter(|&&queue| function.environment.contains_key(&queue_setting(queue)))
            .map(|queue| queue.name())
            .collect();
        assert_eq!(may, knows, "`{}`: what it may send to, and what it knows the address of", function.name);
    }
}

#[test]
fn keys_come_from_where_they_were_made() {
    for function in Template::load().unwrap().functions().unwrap() {
        for (name, secret) in [(KEY, "Key"), (API_KEY, "ApiKey")] {
            let Some(key) = function.environment.get(name) else { continue };
            assert_eq!(
                key["Fn::Sub"],
                format!("{{{{resolve:secretsmanager:${{{secret}}}}}}}"),
                "`{}`: {name} is a reference, never a value",
                function.name
            );
        }
    }
}

#[test]
fn first_api_key_is_known_to_setup_alone_and_shown_nowhere() {
    let template = Template::load().unwrap();
    for function in template.functions().unwrap() {
        assert_eq!(
            function.environment.contains_key(API_KEY),
            function.name == "setup",
            "`{}`",
            function.name
        );
    }
    for (name, output) in template.at("/Outputs").as_object().unwrap() {
        let value = output["Value"].to_string();
        assert!(!value.contains("resolve:"), "the output `{name}` shows a secret: {value}");
    }
    let secret = template.at("/Resources/ApiKey");
    assert_eq!(
        secret["DeletionPolicy"], "Retain",
        "the organisation outlives its stack, and so does its key"
    );
}

#[test]
fn nobody_may_scan_or_do_just_anything() {
    for function in Template::load().unwrap().functions().unwrap() {
        for statement in &function.statements {
            for action in &statement.actions {
                let wide = action.contains('*') || action == "dynamodb:Scan" || action.contains("PartiQL");
                assert!(!wide, "`{}` may `{action}`", function.name);
            }
        }
    }
}
