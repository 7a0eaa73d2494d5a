//! The alarms, what they watch, and what one does when they are on.

use std::collections::BTreeSet;
use std::fs;

use testing::template::{Template, root};

/// The alarms' own template.
fn alarms() -> Template {
    Template::parse(&fs::read_to_string(root().join("infra/alarms.yaml")).unwrap()).unwrap()
}

/// The names of the alarms.
fn names() -> BTreeSet<String> {
    let alarms = alarms();
    let named = alarms.resources("AWS::CloudWatch::Alarm").into_iter().map(|(id, alarm)| {
        let name = alarm["AlarmName"]["Fn::Sub"].as_str().unwrap_or_default();
        let name = name.strip_prefix("${Installation}-").unwrap_or_default().to_owned();
        assert_eq!(format!("{name}Alarm"), id, "an alarm is named after its resource");
        name
    });
    named.collect()
}

#[test]
fn every_alarm_has_its_section_in_the_runbook_and_no_section_is_without_one() {
    let runbook = fs::read_to_string(root().join("infra/RUNBOOK.md")).unwrap();
    let sections: BTreeSet<String> =
        runbook.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect();

    assert_eq!(names(), sections, "left: alarms of infra/alarms.yaml, right: sections of infra/RUNBOOK.md");
    for section in runbook.split("\n## ").skip(1) {
        let (name, what) = section.split_once('\n').unwrap();
        assert!(what.trim().len() > 80, "the section `{name}` does not say what to do");
    }
}

#[test]
fn every_alarm_reaches_the_owner_and_says_where_to_read_on() {
    let alarms = alarms();
    for (id, alarm) in alarms.resources("AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"][0]["Ref"], "Troubles", "{id}: AlarmActions");
        assert_eq!(alarm["OKActions"][0]["Ref"], "Troubles", "{id}: OKActions");
        assert!(alarm["TreatMissingData"].is_string(), "{id} does not say what no data means");
        let name = id.strip_suffix("Alarm").unwrap();
        let said = alarm["AlarmDescription"].as_str().unwrap();
        assert!(said.ends_with(&format!("See {name} in infra/RUNBOOK.md.")), "{id}: {said}");
    }
    let subscription = alarms.at("/Resources/Troubles/Properties/Subscription/0");
    assert_eq!(
        (subscription["Protocol"].as_str(), subscription["Endpoint"]["Ref"].as_str()),
        (Some("email"), Some("OwnerEmail"))
    );
}

#[test]
fn every_queue_is_watched() {
    let alarms = alarms();
    let watched: BTreeSet<&str> = alarms
        .resources("AWS::CloudWatch::Alarm")
        .into_iter()
        .filter(|(_, alarm)| alarm["Namespace"] == "AWS/SQS")
        .filter_map(|(_, alarm)| {
            alarm["Dimensions"][0]["Value"]["Fn::Sub"].as_str()?.strip_prefix("${Installation}-")
        })
        .collect();
    let queues = Template::load().unwrap().queues().unwrap();
    let queues: BTreeSet<&str> = queues.iter().map(|queue| &*queue.name).collect();

    assert_eq!(watched, queues, "left: queues with an alarm, right: queues of template.yaml");
}

#[test]
fn alarms_cost_no_more_than_two_dollars_and_those_of_mail_twenty_cents() {
    let alarms = alarms();
    let (mut metrics, mut of_mail) = (0, 0);
    for (id, alarm) in alarms.resources("AWS::CloudWatch::Alarm") {
        let count = alarm["Metrics"].as_array().map_or(1, Vec::len);
        match alarms.at(&format!("/Resources/{id}/Condition")).as_str() {
            None => metrics += count,
            Some("TakesMail") => of_mail += count,
            Some(other) => panic!("{id}: what is `{other}`?"),
        }
    }

    assert!(metrics <= 20, "{metrics} metrics are $0.10 a month each");
    assert!(of_mail <= 2, "{of_mail} metrics are $0.10 a month each");
}

#[test]
fn what_is_counted_in_the_log_is_what_is_logged() {
    let alarms = alarms();
    let (_, filter) = alarms.resources("AWS::Logs::MetricFilter")[0];
    let pattern = filter["FilterPattern"].as_str().unwrap();
    let sender = fs::read_to_string(root().join("shared/app/src/notification/send.rs")).unwrap();

    let phrases: Vec<&str> = pattern.split('"').skip(1).step_by(2).collect();
    assert_eq!(phrases.len(), 2, "{pattern}");
    for phrase in phrases {
        assert!(sender.contains(phrase), "shared/app/src/notification/send.rs logs no `{phrase}`");
    }
}

#[test]
fn metrics_of_our_own_are_those_that_functions_write() {
    let emf = ["shared/runtime/src/telemetry/emf.rs", "shared/runtime/src/telemetry/metrics.rs"]
        .map(|file| fs::read_to_string(root().join(file)).unwrap())
        .concat();
    let dashboard = fs::read_to_string(root().join("infra/dashboard.yaml")).unwrap();
    let alarms = alarms();
    let own: Vec<_> = alarms
        .resources("AWS::CloudWatch::Alarm")
        .into_iter()
        .filter(|(_, alarm)| alarm["Namespace"] == "Firebell")
        .map(|(_, alarm)| (alarm["MetricName"].as_str().unwrap().to_owned(), alarm["Dimensions"].clone()))
        .collect();

    assert!(!own.is_empty());
    for (metric, dimensions) in own {
        assert!(emf.contains(&format!("\"{metric}\"")), "no function writes {metric}");
        assert!(dashboard.contains(&metric), "the dashboard does not show {metric}");
        let names: Vec<_> =
            dimensions.as_array().unwrap().iter().map(|d| d["Name"].as_str().unwrap()).collect();
        assert_eq!(names, ["machine", "outcome"], "the dimensions that are written");
    }
}
