//! Mail against a mail server that refuses, dawdles and hangs up, and into a directory.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod directory;
mod provider;
mod ses;

use std::time::{Duration, Instant};

use domain::Timestamp;
use domain::id::{EscalationId, OrgId};
use domain::trace::Trace;
use domain::user::Urgency;
use notify::{Channel, Mailer, OutgoingNotification, SendError, SettingsError};

use self::provider::{Act, Provider, Script};

const FROM: &str = "Firebell <pages@firebell.example.com>";

fn page(n: u32) -> OutgoingNotification {
    OutgoingNotification {
        idempotency_key: format!("01J.{n}"),
        address: "ada@example.com".to_owned(),
        title: format!("Disk {n} is full"),
        urgency: Urgency::High,
        installation: "fb01".to_owned(),
        org: OrgId::new(Timestamp::UNIX_EPOCH, 8),
        escalation: EscalationId::new(Timestamp::UNIX_EPOCH, 7),
        trace: Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap(),
        source_url: None,
        acknowledge_url: "https://firebell.example.com/a/01J".to_owned(),
        when: "2026-03-02T04:11:30Z".parse().unwrap(),
        secret: None,
    }
}

fn mailer(url: &str) -> Mailer {
    Mailer::smtp(&url.into(), FROM).unwrap().with_timeout(Duration::from_secs(5))
}

/// Sends one page to a server with one script.
async fn sent(scripts: &'static [Script]) -> (Result<String, SendError>, Provider) {
    let provider = Provider::start(scripts).await;
    let result = mailer(&provider.url()).send(&page(1)).await;
    (result.map(|receipt| receipt.as_str().to_owned()), provider)
}

fn transient(result: Result<String, SendError>) -> String {
    match result {
        Err(error @ SendError::Transient { .. }) => error.why(),
        other => panic!("not transient: {other:?}"),
    }
}

#[tokio::test]
async fn mail_is_taken_and_the_servers_answer_is_the_receipt() {
    let (receipt, provider) = sent(&[]).await;

    assert_eq!(receipt.unwrap(), "250 2.0.0 queued as 4F1A");
    let taken = provider.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].from, "MAIL FROM:<pages@firebell.example.com>");
    assert_eq!(taken[0].to, "RCPT TO:<ada@example.com>");
    assert!(taken[0].data.contains("Subject: [Firebell] Disk 1 is full\r\n"), "{}", taken[0].data);
    assert!(taken[0].data.contains("X-Firebell-Trace: 4bf92f3577b34da6a3ce929d0e0e4736\r\n"));
    assert_eq!(provider.commands()[0], "EHLO firebell.example.com");
}

#[tokio::test]
async fn server_that_wants_it_later_is_transient_whatever_it_was_asked() {
    let scripts: [&'static [Script]; 6] = [
        &[&[("GREETING", Act::Say("451 4.3.0 later"))]],
        &[&[("EHLO", Act::Say("451 4.3.0 later"))]],
        &[&[("MAIL", Act::Say("451 4.3.0 later"))]],
        &[&[("RCPT", Act::Say("451 4.3.0 later"))]],
        &[&[("DATA", Act::Say("451 4.3.0 later"))]],
        &[&[("END", Act::Say("451 4.3.0 later"))]],
    ];
    for script in scripts {
        let (result, provider) = sent(script).await;

        let why = transient(result);
        assert!(why.ends_with(": 451 4.3.0 later"), "{script:?}: {why}");
        assert_eq!((provider.taken().len(), provider.connections()), (0, 1), "{script:?}");
    }
}

#[tokio::test]
async fn recipient_that_does_not_exist_is_permanent_and_no_address_is_shown() {
    let (result, provider) =
        sent(&[&[("RCPT", Act::Say("550-5.1.1 <ada@example.com>:\r\n550 5.1.1 no such user"))]]).await;

    let Err(error @ SendError::Permanent { .. }) = result else { panic!("{result:?}") };
    assert_eq!(error.why(), "the mail server rejected the recipient: 550 5.1.1 <…>: no such user");
    assert!(!format!("{error:?}").contains("ada@"), "{error:?}");
    assert_eq!(provider.taken(), []);
}

#[tokio::test]
async fn refusal_for_ever_of_anything_but_the_recipient_is_transient() {
    let scripts: [&'static [Script]; 6] = [
        &[&[("GREETING", Act::Say("554 no service"))]],
        &[&[("EHLO", Act::Say("550 go away"))]],
        &[&[("MAIL", Act::Say("550 sender rejected"))]],
        &[&[("RCPT", Act::Say("550 5.7.1 relaying denied"))]],
        &[&[("DATA", Act::Say("554 no valid recipients"))]],
        &[&[("END", Act::Say("554 5.7.1 looks like spam"))]],
    ];
    for script in scripts {
        let (result, _provider) = sent(script).await;

        let why = transient(result);
        assert!(why.contains(": 55"), "{script:?}: {why}");
    }
}

#[tokio::test]
async fn server_that_hangs_up_is_transient() {
    let scripts: [&'static [Script]; 6] = [
        &[&[("GREETING", Act::HangUp)]],
        &[&[("MAIL", Act::HangUp)]],
        &[&[("RCPT", Act::HangUp)]],
        &[&[("DATA", Act::HangUp)]],
        &[&[("CONTENT", Act::HangUp)]],
        &[&[("END", Act::HangUp)]],
    ];
    for script in scripts {
        let (result, provider) = sent(script).await;

        transient(result);
        assert_eq!(provider.connections(), 1, "a new connection is not tried twice: {script:?}");
    }
}

#[tokio::test]
async fn server_that_is_not_there_is_transient() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let result = mailer(&format!("smtp://{free}")).send(&page(1)).await;

    let why = transient(result.map(|receipt| receipt.as_str().to_owned()));
    assert!(why.starts_with("cannot connect to the mail server: "), "{why}");
    assert_eq!(why.matches("refused").count(), 1, "{why}");
}

#[tokio::test]
async fn silent_server_is_transient_within_the_timeout_wherever_it_falls_silent() {
    let scripts: [&'static [Script]; 4] = [
        &[&[("GREETING", Act::BeSilent)]],
        &[&[("RCPT", Act::BeSilent)]],
        &[&[("CONTENT", Act::BeSilent)]],
        &[&[("END", Act::BeSilent)]],
    ];
    for script in scripts {
        let provider = Provider::start(script).await;
        let mailer = mailer(&provider.url()).with_timeout(Duration::from_millis(200));
        let began = Instant::now();

        let result = mailer.send(&page(1)).await.map(|receipt| receipt.as_str().to_owned());

        assert_eq!(transient(result), "the mail server did not finish within 0.2 s");
        assert!(began.elapsed() < Duration::from_secs(2), "{script:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn timeout_is_for_all_of_it_and_not_for_each_answer() {
    const SLOW: Act = Act::Dawdle(120);
    let provider =
        Provider::start(&[&[("GREETING", SLOW), ("EHLO", SLOW), ("MAIL", SLOW), ("RCPT", SLOW)]]).await;

    let result = mailer(&provider.url()).with_timeout(Duration::from_millis(300)).send(&page(1)).await;

    transient(result.map(|receipt| receipt.as_str().to_owned()));
}

#[tokio::test]
async fn slow_server_that_is_done_in_time_takes_the_mail() {
    let (receipt, provider) = sent(&[&[("END", Act::Dawdle(150))]]).await;

    assert!(receipt.is_ok(), "{receipt:?}");
    assert_eq!(provider.taken().len(), 1);
}

#[tokio::test]
async fn connection_is_used_again() {
    let provider = Provider::start(&[]).await;
    let mailer = mailer(&provider.url());

    for n in 0..5 {
        mailer.send(&page(n)).await.unwrap();
    }

    assert_eq!((provider.taken().len(), provider.connections()), (5, 1));
}

#[tokio::test]
async fn connection_on_which_something_was_refused_is_not_used_again() {
    let provider = Provider::start(&[&[("RCPT", Act::Say("550 no such user"))]]).await;
    let mailer = mailer(&provider.url());

    assert!(mailer.send(&page(1)).await.is_err());
    mailer.send(&page(2)).await.unwrap();

    assert_eq!((provider.taken().len(), provider.connections()), (1, 2));
}

#[tokio::test]
async fn connection_that_the_server_closed_while_idle_loses_no_mail_and_doubles_none() {
    let scripts: [&'static [Script]; 5] = [
        &[&[("AFTER", Act::HangUp)]],
        &[&[("AFTER", Act::SayAndHangUp("421 4.4.2 idle for too long"))]],
        &[&[("SECOND MAIL", Act::HangUp)]],
        &[&[("SECOND MAIL", Act::Say("421 4.3.2 shutting down"))]],
        &[&[("SECOND MAIL", Act::BeSilent)]],
    ];
    for script in scripts {
        let provider = Provider::start(script).await;
        let mailer = mailer(&provider.url());

        mailer.send(&page(1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        mailer.send(&page(2)).await.unwrap();

        let taken = provider.taken();
        assert_eq!((taken.len(), provider.connections()), (2, 2), "{script:?}");
        assert!(taken[1].data.contains("Disk 2"), "{script:?}");
    }
}

#[tokio::test]
async fn stale_connection_is_replaced_once_and_not_again() {
    let provider = Provider::start(&[&[("AFTER", Act::HangUp)], &[("MAIL", Act::HangUp)]]).await;
    let mailer = mailer(&provider.url());

    mailer.send(&page(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let result = mailer.send(&page(2)).await.map(|receipt| receipt.as_str().to_owned());

    transient(result);
    assert_eq!(provider.connections(), 2);
}

#[tokio::test]
async fn server_that_hangs_up_on_a_used_connection_after_the_mail_is_not_given_it_twice() {
    let provider = Provider::start(&[&[("SECOND END", Act::HangUp)]]).await;
    let mailer = mailer(&provider.url());

    mailer.send(&page(1)).await.unwrap();
    let result = mailer.send(&page(2)).await.map(|receipt| receipt.as_str().to_owned());

    assert!(transient(result).starts_with("the mail server may not have accepted the email"));
    assert_eq!((provider.taken().len(), provider.connections()), (2, 1), "it was sent again");
}

#[tokio::test]
async fn pages_at_the_same_time_do_not_wait_for_each_other() {
    let slow: &'static [Script] = &[&[("RCPT", Act::Dawdle(300))]];
    let provider = Provider::start(slow).await;
    let mailer = mailer(&provider.url());
    let (first, second) = (page(1), page(2));
    let began = Instant::now();

    let slow = async {
        mailer.send(&first).await.unwrap();
        began.elapsed()
    };
    let quick = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        mailer.send(&second).await.unwrap();
        began.elapsed()
    };
    let (slow, quick) = tokio::join!(slow, quick);

    assert!(quick < slow, "{quick:?} {slow:?}");
    assert_eq!(provider.taken().len(), 2);
}

#[tokio::test]
async fn encryption_that_is_required_and_not_offered_sends_nothing() {
    let provider = Provider::start(&[]).await;

    let required =
        mailer(&format!("smtp://user:hunter2@{}?tls=required", provider.address)).send(&page(1)).await;
    let opportunistic = mailer(&format!("{}?tls=opportunistic", provider.url())).send(&page(2)).await;

    transient(required.map(|receipt| receipt.as_str().to_owned()));
    assert!(opportunistic.is_ok(), "{opportunistic:?}");
    assert_eq!(provider.taken().len(), 1);
    assert!(
        !provider.commands().iter().any(|command| command.starts_with("AUTH")),
        "{:?}",
        provider.commands()
    );
}

#[tokio::test]
async fn encryption_that_fails_sends_nothing() {
    const OFFERED: (&str, Act) = ("EHLO", Act::Say("250-provider\r\n250 STARTTLS"));
    let provider = Provider::start(&[&[OFFERED, ("STARTTLS", Act::SayAndHangUp("220 go on"))]]).await;

    let result = mailer(&format!("{}?tls=opportunistic", provider.url())).send(&page(1)).await;

    transient(result.map(|receipt| receipt.as_str().to_owned()));
    assert_eq!(provider.taken(), []);
}

#[tokio::test]
async fn name_and_password_are_given_and_a_refusal_is_transient() {
    let provider = Provider::start(&[&[], &[("AUTH", Act::Say("535 5.7.8 wrong"))]]).await;
    let url = format!("smtp://ada%40example.com:hunter2@{}", provider.address);

    mailer(&url).send(&page(1)).await.unwrap();
    let refused = mailer(&url).send(&page(2)).await;

    // `\0ada@example.com\0hunter2` in base64.
    assert!(provider.commands().contains(&"AUTH PLAIN AGFkYUBleGFtcGxlLmNvbQBodW50ZXIy".to_owned()));
    assert!(transient(refused.map(|receipt| receipt.as_str().to_owned())).contains("535"));
}

#[tokio::test]
async fn invalid_address_is_permanent_and_reaches_no_server() {
    let provider = Provider::start(&[]).await;
    let mailer = mailer(&provider.url());
    for address in [
        "",
        "ada",
        "ada@",
        "a@example.com>\r\nRCPT TO:<eve@example.com",
        "a@b\r\nDATA",
        "Ada <ada@example.com>",
    ] {
        let outgoing = OutgoingNotification { address: address.to_owned(), ..page(1) };

        let result = mailer.send(&outgoing).await;

        assert!(matches!(result, Err(SendError::Permanent { .. })), "{address:?} {result:?}");
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn invalid_settings_are_refused_and_no_password_is_shown() {
    let mailer = mailer("smtps://user:hunter2@mail.example.com");

    assert_eq!(mailer.destination(), "mail.example.com port 465 with TLS");
    assert!(!format!("{mailer:?}").contains("hunter2"), "{mailer:?}");
    assert_eq!(Mailer::smtp(&"smtp://localhost".into(), "nobody").err(), Some(SettingsError::BadSender));
    assert!(matches!(Mailer::smtp(&"http://x".into(), FROM).err(), Some(SettingsError::BadUrl(_))));
}
