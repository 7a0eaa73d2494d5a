//! Emails as programs write them, and how they are parsed.

use mail::{MailNotification, ParsedMail};
use proptest::prelude::*;
use serde_json::json;

fn read(mail: &str) -> ParsedMail {
    ParsedMail::parse(mail.replace('\n', "\r\n").as_bytes())
}

#[test]
fn headers_are_decoded() {
    let parsed = read(
        "From: =?utf-8?Q?Wei=C3=9Fe?= Monitoring <Nagios@Example.com>\n\
         To: a@x.example, \"B\" <b@x.example>\n\
         Cc: c@x.example\n\
         Subject: =?utf-8?B?UGxhdHRlIHZvbGw6IMOkw7bDvA==?=\n\
         Message-ID: <3@x>\n\
         In-Reply-To: <2@x>\n\
         References: <1@x>\n <2@x>\n\
         Date: Tue, 17 Nov 2026 10:30:00 +0100\n\
         X-Priority: 1 (Highest)\n\
         X-Datacenter: eu-1\n\
         DKIM-Signature: not kept\n\
         \n\
         Hello\n",
    );

    assert_eq!(parsed.subject, "Platte voll: äöü");
    assert_eq!(parsed.from.name.as_deref(), Some("Weiße Monitoring"));
    assert_eq!(parsed.from.address, "Nagios@Example.com");
    assert_eq!(parsed.to, ["a@x.example", "b@x.example", "c@x.example"]);
    assert_eq!((parsed.message_id.as_deref(), parsed.in_reply_to.as_deref()), (Some("<3@x>"), Some("<2@x>")));
    assert_eq!(parsed.references, ["<1@x>", "<2@x>"]);
    assert_eq!(parsed.date.as_deref(), Some("2026-11-17T10:30:00+01:00"));
    assert_eq!(parsed.priority.as_deref(), Some("high"));
    assert_eq!(parsed.headers.keys().collect::<Vec<_>>(), ["x-datacenter", "x-priority"]);
    assert_eq!(parsed.text, "Hello");
}

#[test]
fn text_is_decoded_and_without_html() {
    let html = read(
        "Subject: s\nContent-Type: text/html; charset=utf-8\n\n<p>Disk of <b>db-1</b></p><p>is full</p>",
    );
    assert!(html.text.contains("Disk of db-1") && html.text.contains("is full"), "{:?}", html.text);
    assert!(!html.text.contains('<'), "{:?}", html.text);

    let latin =
        ParsedMail::parse(b"Subject: s\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe");
    assert_eq!(latin.text, "Grüße");
    let japanese = read("Subject: s\nContent-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B>c32\x1b(B");
    assert_eq!(japanese.text, "障害");

    let both = read(
        "Subject: s\nContent-Type: multipart/mixed; boundary=m\n\n\
         --m\nContent-Type: multipart/alternative; boundary=a\n\n\
         --a\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n97 =25 full=\n now\n\
         --a\nContent-Type: text/html\n\n<b>97 % full now</b>\n--a--\n\
         --m\nContent-Type: image/png; name=\"graph.png\"\nContent-Disposition: attachment; filename=\"graph.png\"\n\
         Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--m--\n",
    );
    assert_eq!(both.text, "97 % full now");
    assert_eq!(json!(both.attachments), json!([{ "name": "graph.png", "bytes": 8 }]));
}

#[test]
fn bytes_that_are_not_an_email_become_the_text() {
    assert_eq!(ParsedMail::parse(b"").subject, "");
    assert!(
        read("just some words").text.contains("just some words")
            || read("just some words").subject.is_empty()
    );
    let large = read(&format!("Subject: s\n\n{}", "0123456789abcdef\n".repeat(100_000)));
    assert!(large.text.len() <= 128 * 1024 && large.text.starts_with("0123"));
}

#[test]
fn notification_alone_becomes_an_email_without_its_text() {
    let received: MailNotification = serde_json::from_value(json!({
        "notificationType": "Received",
        "receipt": { "recipients": ["a@x"], "spfVerdict": { "status": "FAIL" }, "virusVerdict": { "status": "PASS" },
            "dmarcPolicy": "none", "action": { "type": "S3", "objectKey": "k" } },
        "mail": { "timestamp": "2026-11-17T09:30:00.000Z", "messageId": "k",
            "commonHeaders": { "from": ["Nagios <n@x>"], "messageId": "<1@x>", "subject": "DOWN" } },
    }))
    .unwrap();

    let parsed = received.to_parsed_mail();
    assert_eq!((parsed.subject.as_str(), parsed.from.address.as_str()), ("DOWN", "n@x"));
    assert_eq!(parsed.message_id.as_deref(), Some("<1@x>"));
    assert_eq!(json!(parsed.verdicts), json!({ "spf": "FAIL", "virus": "PASS" }));
    let unnamed = read("Subject: s\n\nx").with_notification(&received);
    assert_eq!(unnamed.message_id.as_deref(), Some("ses:k"), "by that it is known when it comes twice");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_parsed_within_the_limits(
        head in proptest::collection::vec("(Subject|From|To|References|Content-Type|Date|X-Y|): ?[^\n]{0,80}", 0..8),
        body in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let mut mail = head.join("\r\n").into_bytes();
        mail.extend_from_slice(b"\r\n\r\n");
        mail.extend_from_slice(&body);
        let parsed = serde_json::to_string(&ParsedMail::parse(&mail)).unwrap();
        prop_assert!(parsed.len() < 512 * 1024);
    }
}
