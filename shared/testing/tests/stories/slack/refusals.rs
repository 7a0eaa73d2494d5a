//! Calls that Slack refuses permanently.

use domain::slack::{StepState, Work};
use machine::Stateful;
use testing::fake_slack::{ANNOUNCEMENTS, SlackFaults};
use testing::sender::Alert;

use super::{channel_of, connected, incident, steps, types, undone};
use crate::stage::{ledger, paged, tell};

#[test]
fn token_that_was_revoked_is_not_tried_for_ever_and_what_failed_is_said_and_made_up_for() {
    tell(|| async {
        let bundle = connected().await;
        bundle.slack.set_faults(SlackFaults { revoked: true, ..SlackFaults::default() });

        bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
        bundle.pass(60).await;

        assert_eq!(paged(&bundle), ["ada@example.com"], "paging needs no token");
        let known = incident(&bundle).await;
        let failed = undone(&bundle, &known).await;
        assert_eq!(failed.len(), 2, "the channel and the announcement: {failed:?}");
        assert!(failed.iter().all(|step| step.contains("failed") && step.contains("token_revoked")));
        bundle.pass(900).await;
        let looks = steps(&bundle, &known).await;
        let looks = looks.iter().filter(|step| step.work == Work::Follow).count();
        let asked = bundle.slack.calls().len();
        assert!(asked <= 2 * looks && looks < 5, "each is tried once for a change: {asked} for {looks}");
        types(&bundle, "U0ADA", "C0SOMEWHERE", "status INC-1", "1.1").await;
        let told = bundle.slack.answers().remove(0).text;
        assert!(told.contains("Slack: create the channel is failed: token_revoked"), "{told}");

        let org = bundle.calm.store.org(bundle.org).await.unwrap().unwrap();
        let noted = org.slack.unwrap().refused.expect("nobody would be told to connect it anew");
        assert_eq!(noted.word, "token_revoked");
        assert_eq!(org.version, 2, "connected, then refused: it is noted once");

        bundle.slack.set_faults(SlackFaults::default());
        types(&bundle, "U0ADA", "C0SOMEWHERE", "update INC-1 we are back", "2.2").await;
        bundle.pass(30).await;

        assert_eq!(undone(&bundle, &known).await, [""; 0], "the next change makes up for what failed");
        assert_eq!(bundle.slack.messages_in(ANNOUNCEMENTS).len(), 1);
        channel_of(&bundle, "INC-1");
    });
}

#[test]
fn channel_that_was_archived_takes_no_update_and_the_announcement_is_kept_all_the_same() {
    tell(|| async {
        let bundle = connected().await;
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;
        let known = incident(&bundle).await;
        bundle.slack.archive(&channel_of(&bundle, "INC-1").id);

        types(&bundle, "U0ADA", "C0SOMEWHERE", "close INC-1 it was DNS", "2.2").await;
        bundle.pass(600).await;

        assert_eq!(
            ledger(&bundle).await.incidents[0].head().state(),
            domain::incident::IncidentState::Closed
        );
        let steps = steps(&bundle, &known).await;
        let failed: Vec<_> = steps.iter().filter(|step| step.head().state() != StepState::Done).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].head().state(), StepState::Failed);
        assert_eq!(
            (failed[0].attempts.attempt, &*failed[0].attempts.log.last().unwrap().why),
            (1, "is_archived")
        );
        assert_eq!(bundle.slack.messages_in(ANNOUNCEMENTS)[0].buttons(), [""; 0], "it is shown as closed");
    });
}

#[test]
fn what_people_type_is_kept_as_they_meant_it() {
    let cases = [
        ("\"the database\" is down", "\"the database\" is down"),
        (":fire: \u{1f525} checkout", ":fire: \u{1f525} checkout"),
        ("see <https://a.example/x?a=1&amp;b=2|this>", "see https://a.example/x?a=1&b=2"),
        ("ask <@U0GRACE|grace> in <#C0SOMEWHERE|ops>", "ask @grace in #ops"),
        ("<!channel> fire", "@channel fire"),
    ];
    for (typed, title) in cases {
        tell(move || async move {
            let bundle = connected().await;

            types(&bundle, "U0ADA", "C0SOMEWHERE", typed, "1.1").await;

            let opened = incident(&bundle).await;
            assert_eq!(opened.title, title);
            assert_eq!(undone(&bundle, &opened).await, [""; 0], "{typed}");
            for said in bundle.slack.messages() {
                assert!(!said.text.contains("<!"), "nobody is pinged: {said:?}");
            }
        });
    }
}

#[test]
fn announcement_that_somebody_has_deleted_is_posted_anew_once() {
    tell(|| async {
        let bundle = connected().await;
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;
        let known = incident(&bundle).await;
        bundle.slack.delete(ANNOUNCEMENTS);

        types(&bundle, "U0ADA", "C0SOMEWHERE", "lead INC-1 me", "2.2").await;

        let said = bundle.slack.messages_in(ANNOUNCEMENTS);
        assert_eq!((said.len(), said[0].edits), (1, 0), "{said:?}");
        assert!(said[0].blocks.to_string().contains("Ada Oncall"), "{said:?}");
        assert_eq!(undone(&bundle, &known).await, [""; 0]);

        types(&bundle, "U0ADA", "C0SOMEWHERE", "close INC-1 it was DNS", "3.3").await;

        let said = bundle.slack.messages_in(ANNOUNCEMENTS);
        assert_eq!((said.len(), said[0].edits, said[0].buttons()), (1, 1, vec![]), "the new one is kept up");
    });
}

#[test]
fn announcement_that_is_deleted_again_is_left_alone_and_nothing_fails() {
    tell(|| async {
        let bundle = connected().await;
        types(&bundle, "U0ADA", "C0SOMEWHERE", "fire", "1.1").await;
        let known = incident(&bundle).await;
        bundle.slack.set_faults(SlackFaults { mute: 0.3, ..SlackFaults::default() });
        for (n, text) in ["lead INC-1 me", "lead INC-1 @grace", "close INC-1 it was DNS"].iter().enumerate() {
            bundle.slack.delete(ANNOUNCEMENTS);
            types(&bundle, "U0ADA", "C0SOMEWHERE", text, &format!("2.{n}")).await;
            bundle.pass(90).await;
        }

        assert!(bundle.slack.messages_in(ANNOUNCEMENTS).is_empty());
        assert_eq!(undone(&bundle, &known).await, [""; 0]);
    });
}
