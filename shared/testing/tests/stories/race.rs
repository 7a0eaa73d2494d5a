//! Racing writers, and lost answers.

use domain::Identity;
use domain::escalation::EscalationState;
use machine::{CommitError, Stateful};
use testing::faults::FaultPlan;
use testing::sender::Alert;

use crate::stage::{calm, ledger, tell, with};

#[test]
fn one_of_sixteen_writers_wins_and_fifteen_lose_cleanly() {
    tell(|| async {
        let bundle = calm().await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let escalation = ledger(&bundle).await.escalations.remove(0);

        let mut writers = tokio::task::JoinSet::new();
        for n in 0..16 {
            let (store, escalation, now) = (bundle.calm.store.clone(), escalation.clone(), bundle.now());
            let by = Identity::System(format!("writer {n}"));
            writers.spawn(async move {
                let step = escalation.stop(EscalationState::Acked, &by, "first", now).unwrap();
                step.execute(&store).await
            });
        }
        let results = writers.join_all().await;

        let won = results.iter().filter(|result| result.is_ok()).count();
        let lost = results.iter().filter(|result| matches!(result, Err(CommitError::Conflict))).count();
        assert_eq!((won, lost), (1, 15));
        let ledger = ledger(&bundle).await;
        let rows: Vec<_> = ledger.history.values().flatten().filter(|row| row.to == "acked").collect();
        assert_eq!(rows.len(), 1, "one history row");
        assert_eq!(ledger.escalations[0].head().version(), escalation.head().version() + 1);
    });
}

#[test]
fn lost_answer_to_a_write_that_did_apply_is_not_read_as_losing() {
    tell(|| async {
        let mut lost_answers = 0;
        for seed in 0..40 {
            let plan = FaultPlan { after: 0.4, ..FaultPlan::calm() };
            let bundle = testing::bundle::Bundle::start(seed, plan, testing::inbox::Provider::default());
            let bundle = bundle.await.unwrap();
            bundle.faults.end();
            bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
            bundle.pass(10).await;
            let escalation = ledger(&bundle).await.escalations.remove(0);
            bundle.faults.begin();

            let step =
                escalation.stop(EscalationState::Acked, &Identity::system("story"), "first", bundle.now());
            let done = step.unwrap().execute(&bundle.context.store).await;

            assert!(!matches!(done, Err(CommitError::Conflict)), "seed {seed}: {done:?}");
            lost_answers += bundle.faults.injected().len();
        }
        assert!(lost_answers > 5, "no answer was lost, so nothing was shown");
    });
}

#[test]
fn lost_answer_to_a_mark_does_not_send_the_page_again() {
    tell(|| async {
        let bundle = with(FaultPlan { after: 0.2, latency_ms: 5, ..FaultPlan::calm() }).await;
        for n in 0..20 {
            while !bundle.deliver(&[Alert::now(&bundle, &format!("fire {n}"))]).await {}
        }
        bundle.pass(250).await;

        let ledger = ledger(&bundle).await;
        let again: usize =
            ledger.notifications.iter().map(|page| usize::from(page.attempts.attempt) - 1).sum();
        let arrived = bundle.inbox.arrived().len();
        assert!(
            arrived <= ledger.notifications.len() + again,
            "{arrived} arrived of {} pages",
            ledger.notifications.len()
        );
        assert!(arrived >= 20);
    });
}
