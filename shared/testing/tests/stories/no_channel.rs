//! A notification whose channel the installation does not have.

use app::notification::send::{Senders, send};
use domain::notification::NotificationState;
use machine::Stateful;
use testing::faults::FaultPlan;
use testing::sender::Alert;

use crate::stage::{ledger, paged, tell, with};

#[test]
fn page_to_a_channel_that_is_not_there_waits_until_it_is() {
    tell(|| async {
        let bundle = with(FaultPlan { lost: 1.0, ..FaultPlan::calm() }.losing(["notification-send"])).await;
        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(10).await;
        let page = ledger(&bundle).await.notifications.remove(0);
        let nothing = Senders { channels: Vec::new(), ..bundle.calm.senders() };

        send(&bundle.calm.store, &nothing, &page, bundle.now()).await.unwrap();
        let page = ledger(&bundle).await.notifications.remove(0);
        assert_eq!((page.head().state(), page.attempts.attempt), (NotificationState::Pending, 2));
        bundle.faults.end();
        bundle.pass(125).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}
