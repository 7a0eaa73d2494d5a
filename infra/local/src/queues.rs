//! The queues, with the same settings as in `template.yaml`.

use domain::message::Queue;
use embedded::QueueSpec;

/// How many seconds a received message is hidden: six times the timeout of its function.
const fn visibility(queue: Queue) -> u32 {
    match queue {
        Queue::AlertHandle | Queue::EscalationTick => 30,
        Queue::AlertRescue => 60,
        Queue::NotificationSend => 90,
        Queue::MailReceive => 120,
        Queue::SlackWork => 180,
    }
}

/// The queue for messages that failed too often: `alert-rescue` for alerts, otherwise a dead-letter queue.
///
/// On AWS an alarm watches the dead-letter queues.
fn dead_letter(queue: Queue) -> String {
    match queue {
        Queue::AlertHandle => Queue::AlertRescue.name().to_owned(),
        Queue::AlertRescue
        | Queue::EscalationTick
        | Queue::MailReceive
        | Queue::NotificationSend
        | Queue::SlackWork => format!("{}-dead", queue.name()),
    }
}

/// How often a message is received before it goes to the dead-letter queue.
const fn tries(queue: Queue) -> u32 {
    match queue {
        Queue::AlertHandle => 5,
        // If one of these is given up, an alert is lost: it is tried for as long as the queue keeps it.
        Queue::AlertRescue | Queue::MailReceive => 1000,
        Queue::EscalationTick | Queue::NotificationSend | Queue::SlackWork => 10,
    }
}

/// All queues, with their dead-letter queues.
pub fn specs() -> Vec<QueueSpec> {
    let mut specs = Vec::new();
    for &queue in Queue::ALL {
        let dead = dead_letter(queue);
        specs.push(QueueSpec {
            name: queue.name().to_owned(),
            visibility_timeout_s: visibility(queue),
            max_receive_count: tries(queue),
            dead_letter: Some(dead.clone()),
        });
        if dead.ends_with("-dead") {
            specs.push(QueueSpec {
                name: dead,
                visibility_timeout_s: 30,
                max_receive_count: 1000,
                dead_letter: None,
            });
        }
    }
    specs
}

/// The URL of each queue inside the process.
pub fn urls() -> std::collections::BTreeMap<Queue, String> {
    Queue::ALL.iter().map(|&queue| (queue, format!("http://embedded/queue/{}", queue.name()))).collect()
}
