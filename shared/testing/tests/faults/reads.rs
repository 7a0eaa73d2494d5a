//! Reads that are behind.

use embedded::TABLE;
use testing::faults::{Fault, FaultPlan};

use super::support::{FaultyServices, item, key, text};

/// Reads are always stale, by up to `lag` writes.
fn stale(lag: usize) -> FaultPlan {
    FaultPlan { stale: 1.0, lag, ..FaultPlan::default() }
}

/// Puts an item that is due.
async fn put(services: &FaultyServices, pk: &str) {
    let mut item = item(pk, "me");
    item.insert("dpk".to_owned(), text("DUE#1"));
    item.insert("dsk".to_owned(), text(pk));
    services.db.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
}

/// Whether a read sees an item.
async fn sees(services: &FaultyServices, pk: &str, consistent: bool) -> bool {
    let get = services.db.get_item().table_name(TABLE).set_key(Some(key(pk))).consistent_read(consistent);
    get.send().await.unwrap().item.is_some()
}

/// How many items are in the index of what is due.
async fn due(services: &FaultyServices) -> usize {
    let query = services.db.query().table_name(TABLE).index_name("due").key_condition_expression("dpk = :k");
    query.expression_attribute_values(":k", text("DUE#1")).send().await.unwrap().count() as usize
}

#[tokio::test(start_paused = true)]
async fn an_eventual_read_may_miss_the_last_writes_and_a_consistent_one_does_not() {
    let services = FaultyServices::new(stale(5), 1);
    let mut missed = 0;

    for n in 0..100 {
        put(&services, &n.to_string()).await;
        missed += u32::from(!sees(&services, &n.to_string(), false).await);
        assert!(sees(&services, &n.to_string(), true).await);
    }

    assert!((20..100).contains(&missed), "{missed}");
    assert_eq!(services.faults.counters()[&Fault::Stale], u64::from(missed));
}

#[tokio::test(start_paused = true)]
async fn reads_are_behind_by_anything_up_to_the_lag_and_no_more() {
    let services = FaultyServices::new(stale(5), 1);
    let mut seen = std::collections::BTreeSet::new();

    for n in 0..300 {
        put(&services, &format!("{n:03}")).await;
        seen.insert(n + 1 - due(&services).await);
    }

    assert_eq!(seen, (0..=5).collect());
}

#[tokio::test(start_paused = true)]
async fn what_one_read_showed_the_next_may_not_show() {
    let services = FaultyServices::new(stale(50), 1);
    let (mut most, mut back) = (0, 0);

    for n in 0..100 {
        put(&services, &n.to_string()).await;
        let now = due(&services).await;
        back += u32::from(now < most);
        most = most.max(now);
    }

    assert!(back > 10, "{back}");
}

#[tokio::test(start_paused = true)]
async fn an_index_is_behind_even_where_the_table_hardly_ever_is() {
    let services = FaultyServices::new(FaultPlan { stale: 1e-9, lag: 50, ..FaultPlan::default() }, 1);
    let mut behind = 0;

    for n in 0..40 {
        put(&services, &n.to_string()).await;
        assert!(sees(&services, &n.to_string(), false).await);
        behind += u32::from(due(&services).await < n + 1);
    }

    assert!(behind > 20, "{behind}");
}

#[tokio::test(start_paused = true)]
async fn the_replica_follows_every_kind_of_write() {
    let services = FaultyServices::new(stale(0), 1);

    // With no lag each read is of a replica that has just applied everything.
    put(&services, "a").await;
    let update = services.db.update_item().table_name(TABLE).set_key(Some(key("a")));
    update
        .update_expression("SET #b = :b")
        .expression_attribute_names("#b", "by")
        .expression_attribute_values(":b", text("you"))
        .condition_expression("attribute_exists(pk)")
        .send()
        .await
        .unwrap();
    let transaction = services.db.transact_write_items().transact_items(super::support::put_new("b", "me"));
    transaction.client_request_token("t").send().await.unwrap();
    let transaction = services.db.transact_write_items().transact_items(super::support::put_new("b", "me"));
    transaction.client_request_token("u").send().await.unwrap_err();
    put(&services, "c").await;
    services.db.delete_item().table_name(TABLE).set_key(Some(key("c"))).send().await.unwrap();

    let got = services.db.get_item().table_name(TABLE).set_key(Some(key("a"))).send().await.unwrap();
    assert_eq!(got.item.unwrap()["by"], text("you"));
    assert!(sees(&services, "b", false).await);
    assert!(!sees(&services, "c", false).await);
    assert_eq!(due(&services).await, 1);
}

#[tokio::test(start_paused = true)]
async fn writes_whose_answer_was_lost_reach_the_replica_too() {
    let services = FaultyServices::new(FaultPlan { after: 0.5, ..stale(3) }, 2);

    for n in 0..60 {
        let item = item(&n.to_string(), "me");
        let put = services.db.put_item().table_name(TABLE).set_item(Some(item));
        // Refused or cut or fine: the item is there.
        let _ = put.condition_expression("attribute_not_exists(pk)").send().await;
    }
    put_until_answered(&services).await;

    for n in 0..57 {
        let seen = loop {
            let get = services.db.get_item().table_name(TABLE).set_key(Some(key(&n.to_string())));
            if let Ok(got) = get.send().await {
                break got.item.is_some();
            }
        };
        assert!(seen, "{n}");
    }
}

/// Puts some more items, so that those before are surely past the lag.
async fn put_until_answered(services: &FaultyServices) {
    for n in 100..104 {
        let put =
            || services.db.put_item().table_name(TABLE).set_item(Some(item(&n.to_string(), "me"))).send();
        while put().await.is_err() {}
    }
}
