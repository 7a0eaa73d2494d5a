//! The queues and what polls them: the same on AWS as on one machine.

use std::collections::BTreeMap;

use domain::message::Queue;
use testing::template::{DeclaredQueue, Template, Trigger};

/// Where the stream's mapping puts what it gave up; there is no mapping on one machine.
const OF_THE_STREAM: &str = "outbox-relay-dead";

fn declared() -> BTreeMap<String, DeclaredQueue> {
    let queues = Template::load().unwrap().queues().unwrap();
    queues.into_iter().map(|queue| (queue.name.clone(), queue)).collect()
}

#[test]
fn template_declares_the_queues_of_the_local_runner() {
    let mut declared = declared();
    assert!(declared.remove(OF_THE_STREAM).is_some(), "template.yaml has no queue `{OF_THE_STREAM}`");

    for spec in local::queues::specs() {
        let name = &spec.name;
        let queue = declared.remove(name);
        let queue = queue
            .unwrap_or_else(|| panic!("template.yaml has no queue `{name}` of infra/local/src/queues.rs"));
        assert_eq!(queue.visibility, u64::from(spec.visibility_timeout_s), "`{name}`: VisibilityTimeout");
        let dead_letter = spec.dead_letter.map(|dead| (dead, u64::from(spec.max_receive_count)));
        assert_eq!(queue.dead_letter, dead_letter, "`{name}`: RedrivePolicy");
    }
    assert!(
        declared.is_empty(),
        "infra/local/src/queues.rs lacks queues of template.yaml: {:?}",
        declared.keys()
    );
}

#[test]
fn messages_stay_hidden_for_six_times_the_function_and_are_kept_for_two_weeks() {
    let (template, queues) = (Template::load().unwrap(), declared());

    for queue in queues.values() {
        assert_eq!(queue.retention, 14 * 24 * 3600, "`{}`: MessageRetentionPeriod", queue.name);
        assert!(
            queue.dead_letter.is_some() || queue.name.ends_with("-dead"),
            "`{}` has nowhere to put what was tried too often",
            queue.name
        );
    }
    for function in template.functions().unwrap() {
        let Trigger::Queue(queue) = &function.trigger else { continue };
        let (visibility, timeout) = (queues[queue].visibility, function.timeout);
        assert!(
            visibility >= 6 * timeout,
            "`{queue}` hides {visibility} s, its function may take {timeout} s"
        );
    }
}

#[test]
fn queues_of_alerts_take_messages_as_large_as_those_of_one_machine() {
    let template = Template::load().unwrap();
    for id in ["AlertHandleQueue", "AlertRescueQueue", "AlertRescueDeadQueue"] {
        let most = template.at(&format!("/Resources/{id}/Properties/MaximumMessageSize"));
        assert_eq!(most.as_u64(), Some(1024 * 1024), "{id}: an event of 512 KB would be refused");
    }
}

#[test]
fn every_queue_that_is_sent_to_has_its_function() {
    let functions = Template::load().unwrap().functions().unwrap();
    for queue in Queue::ALL {
        let consumed =
            functions.iter().any(|function| function.trigger == Trigger::Queue(queue.name().to_owned()));
        assert!(consumed, "no function of template.yaml takes what is sent to `{}`", queue.name());
    }
}

#[test]
fn mappings_fail_by_the_message_and_have_a_bound() {
    let template = Template::load().unwrap();
    for (id, mapping) in template.resources("AWS::Lambda::EventSourceMapping") {
        assert_eq!(
            mapping["FunctionResponseTypes"][0], "ReportBatchItemFailures",
            "{id}: FunctionResponseTypes"
        );
        if mapping["EventSourceArn"]["Fn::GetAtt"][1] == "StreamArn" {
            assert_eq!(mapping["BisectBatchOnFunctionError"], true, "{id}");
            assert_eq!(mapping["MaximumRetryAttempts"], 5, "{id}");
            assert_eq!(mapping["MaximumRecordAgeInSeconds"], 300, "{id}");
            assert_eq!(mapping["ParallelizationFactor"], 10, "{id}");
            assert!(mapping["DestinationConfig"]["OnFailure"]["Destination"].is_object(), "{id}: OnFailure");
            let pattern = mapping["FilterCriteria"]["Filters"][0]["Pattern"].as_str().unwrap();
            let pattern: serde_json::Value = serde_json::from_str(pattern).unwrap();
            assert_eq!(pattern["eventName"], serde_json::json!(["INSERT"]), "{id}");
            assert_eq!(pattern["dynamodb"]["NewImage"]["outbox"]["S"][0]["exists"], true, "{id}");
        } else {
            assert!(mapping["ScalingConfig"]["MaximumConcurrency"].is_u64(), "{id}: ScalingConfig");
        }
    }
}
