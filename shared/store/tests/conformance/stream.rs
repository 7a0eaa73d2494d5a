//! The stream of the embedded database. The stream of an endpoint is followed by Lambda, not by us.

use domain::event::Event;
use domain::job::due::Scheduled;
use store::Commit;

use crate::commits::{acknowledge, begun, commit};
use crate::samples::trace;
use crate::subject::{Subject, memory};

#[tokio::test]
async fn records_of_one_item_come_in_the_order_of_its_writes() {
    let embedded = memory();
    let subject = Subject::over(embedded::dynamodb(embedded.backend()));
    let escalation = begun(&subject, 1).await;
    let step = acknowledge(&escalation, "user:ada")
        .on_transition(|step| Event::Due { job: step.after().job(), at: step.at() });
    commit(&subject, Commit::new().transition(step)).await;

    let records = embedded.stream().read(100).unwrap();

    let of_head: Vec<_> = records
        .iter()
        .filter(|record| record.event["dynamodb"]["Keys"]["sk"]["S"] == "HEAD")
        .map(|record| {
            (record.event_name.as_str(), record.event["dynamodb"]["NewImage"]["state"]["S"].clone())
        })
        .collect();
    assert_eq!(of_head, [("INSERT", "triggered".into()), ("MODIFY", "acked".into())]);
    // The row of history carries the event, and is read from its image.
    let outboxes: Vec<_> = records
        .iter()
        .filter(|record| record.event["dynamodb"]["Keys"]["sk"]["S"] != "HEAD")
        .map(|record| serde_json::from_value(record.event["dynamodb"]["NewImage"].clone()).unwrap())
        .flat_map(|image| store::outbox_of(&image))
        .map(Result::unwrap)
        .collect();
    let [store::Entry { trace: of, event: Event::Due { job, .. }, item: None }] = &outboxes[..] else {
        panic!("{outboxes:?}")
    };
    assert_eq!((of, job), (&trace(), &escalation.job()));
}
