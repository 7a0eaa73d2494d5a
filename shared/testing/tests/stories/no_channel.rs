//! A notification whose channel the installation does not have.

use app::notification::send::{Senders, Sent, send};
use domain::message::NotificationMessage;
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
        let message = NotificationMessage::Due { notification: Box::new(page) };

        let sent = send(&bundle.calm.store, &nothing, &message, bundle.now()).await.unwrap();
        assert_eq!(sent, Sent::Again);
        bundle.faults.end();
        bundle.pass(125).await;

        assert_eq!(paged(&bundle), ["ada@example.com"]);
    });
}
