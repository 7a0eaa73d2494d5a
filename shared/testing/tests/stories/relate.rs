//! Notes, tags and incidents of alerts, while other writes go on.

use app::alert::relate::{relate, unrelate};
use app::alert::{note, tag};
use domain::Actor;
use domain::alert::AlertState;
use machine::Stateful;
use testing::bundle::Bundle;
use testing::faults::FaultPlan;
use testing::inbox::Provider;
use testing::sender::Alert;

use crate::stage::{calm, ledger, paged, tell};

#[test]
fn alert_that_is_put_into_another_incident_is_told_there_and_its_page_goes_on() {
    tell(|| async {
        let bundle = calm().await;
        let (one, other) = (Alert::now(&bundle, "one"), Alert::now(&bundle, "other"));
        bundle.deliver(&[one, other]).await;
        bundle.pass(30).await;
        let mut alerts = ledger(&bundle).await.alerts;
        alerts.sort_by_key(|alert| alert.title.clone());
        let [one, other] = &alerts[..] else { panic!("two alerts") };
        let (from, to) = (one.incident.unwrap(), other.incident.unwrap());
        let (store, by) = (&bundle.calm.store, Actor::system(bundle.org, "story"));
        let rules = app::Rules::new(store.clone());
        let snapshot = rules.of(bundle.org).await.unwrap();
        let told = async |id| {
            let incident = store.incident(bundle.org, id).await.unwrap().unwrap();
            let story = app::incident::timeline::timeline(store, &snapshot, incident).await.unwrap();
            let mut titles: Vec<String> = story.alerts.iter().map(|alert| alert.title.clone()).collect();
            titles.sort();
            titles
        };

        unrelate(store, &by, (one.id, from)).await.unwrap();
        relate(store, &by, (one.id, to), false).await.unwrap();

        assert_eq!((told(from).await, told(to).await), (vec![], vec!["one".to_owned(), "other".to_owned()]));
        let paged_before = paged(&bundle).len();
        bundle.pass(400).await;
        assert!(paged(&bundle).len() > paged_before, "its escalation goes on to the next level");
        bundle.stop().await;
    });
}

#[test]
fn what_people_say_is_kept_once_whatever_happens_meanwhile() {
    for seed in 0..8 {
        tell(|| async move {
            let bundle = Bundle::start(seed, FaultPlan::rough(), Provider::default()).await.unwrap();
            let alert = Alert::now(&bundle, "fire");
            while !bundle.deliver(std::slice::from_ref(&alert)).await {
                bundle.pass(1).await;
            }
            bundle.pass(300).await;
            let known = ledger(&bundle).await.alerts[0].clone();
            let (store, by, random) =
                (&bundle.context.store, Actor::system(bundle.org, "story"), &bundle.context.random);
            let incident = known.incident.unwrap();
            let (mut kept, mut tagged, mut of) = (0, Vec::new(), known.incident);
            for n in 0..12 {
                let now = bundle.now();
                if note::note(store, &by, known.id, &format!("note {n}"), random, now).await.is_ok() {
                    kept += 1;
                }
                let tags = vec![format!("tag {n}")];
                match tag::tag(store, &by, known.id, &tags).await {
                    Ok(_) => tagged = vec![tags],
                    Err(_) => tagged.push(tags),
                }
                let moved = if n % 2 == 0 {
                    unrelate(store, &by, (known.id, incident)).await
                } else {
                    relate(store, &by, (known.id, incident), true).await
                };
                if let Ok((alert, _)) = &moved {
                    of = alert.incident;
                } else {
                    of = ledger(&bundle).await.alerts[0].incident;
                }
                if n == 6 {
                    while !bundle.deliver(&[alert.over(&bundle)]).await {
                        bundle.pass(1).await;
                    }
                }
                bundle.pass(7).await;
            }
            bundle.faults.end();
            bundle.pass(600).await;

            let after = ledger(&bundle).await.alerts[0].clone();
            let notes = bundle.calm.store.notes(bundle.org, known.id, 100).await.unwrap();
            assert_eq!(after.head().state(), AlertState::Resolved, "seed {seed}");
            assert_eq!(
                notes.len(),
                usize::try_from(after.notes).unwrap(),
                "seed {seed}: the count is of what is there"
            );
            assert!(notes.len() >= kept && kept > 0, "seed {seed}: {} of {kept}", notes.len());
            assert!(tagged.contains(&after.tags), "seed {seed}: {:?} is none of {tagged:?}", after.tags);
            assert_eq!(after.incident, of, "seed {seed}");
            bundle.stop().await;
        });
    }
}
