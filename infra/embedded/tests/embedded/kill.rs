//! An acknowledged write survives a killed process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use embedded::{Embedded, NewMessage, TABLE};

use super::support::{ManualClock, directory, item, key, specs};

/// Writes into the working directory until killed; only ever run by the test below, in a process of its own.
#[tokio::test]
#[ignore = "runs until it is killed; started by the test below"]
async fn writer() {
    let embedded =
        Embedded::open(std::path::Path::new("."), specs(), ManualClock::at_noon().clock()).unwrap();
    let client = embedded::dynamodb(embedded.backend());
    for n in 0_u64.. {
        let item = item(&n.to_string(), "1", &[]);
        client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
        let message = NewMessage { body: n.to_string(), ..NewMessage::default() };
        embedded.queues().send("work", message).unwrap();
        println!("acknowledged {n}");
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = directory("kill");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "kill::writer", "--nocapture"])
        .current_dir(&dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut last = None;
    for line in lines {
        if let Some(n) = line.split("acknowledged ").nth(1).and_then(|n| n.parse::<u64>().ok()) {
            if n == 150 {
                // SIGKILL: no chance to flush anything.
                child.kill().unwrap();
            }
            last = Some(n);
        }
    }
    child.wait().unwrap();
    let last = last.expect("the writer acknowledged something");

    let embedded = Embedded::open(&dir, specs(), ManualClock::at_noon().clock()).unwrap();
    let client = embedded::dynamodb(embedded.backend());
    for n in 0..=last {
        let got = client.get_item().table_name(TABLE).set_key(Some(key(&n.to_string(), "1"))).send().await;
        assert!(got.unwrap().item.is_some(), "item {n} of {last} is lost");
    }
    assert!(last >= 150);
    assert!(embedded.queues().depth("work").unwrap() > last, "a message was lost");
    assert!(embedded.stream().read(1000).unwrap().len() as u64 > last, "a stream record was lost");
}
