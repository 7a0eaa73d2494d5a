//! The content of emails, and what they never contain.

use std::collections::BTreeSet;

use domain::Timestamp;
use domain::id::{EscalationId, OrgId};
use domain::trace::Trace;
use proptest::prelude::*;

use super::*;

fn page(title: &str) -> OutgoingNotification {
    OutgoingNotification {
        idempotency_key: "01J.1.1".to_owned(),
        address: "ada@example.com".to_owned(),
        title: title.to_owned(),
        urgency: Urgency::High,
        installation: "fb01".to_owned(),
        org: OrgId::new(Timestamp::UNIX_EPOCH, 8),
        escalation: EscalationId::new(Timestamp::UNIX_EPOCH, 7),
        trace: Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap(),
        source_url: Some("https://prometheus.example.com/graph?g0.expr=a+%3E+1&g0.tab=0".to_owned()),
        acknowledge_url: "https://firebell.example.com/a/01J?s=9f&u=1".to_owned(),
        when: "2026-03-02T04:11:30Z".parse().unwrap(),
        secret: None,
    }
}

fn mail(outgoing: &OutgoingNotification) -> String {
    let from: Mailbox = "Firebell <pages@firebell.example.com>".parse().unwrap();
    let message = build(&from, &outgoing.address.parse().unwrap(), outgoing).unwrap();
    String::from_utf8(message.formatted()).unwrap()
}

/// The names of the headers and, with its folds undone, the subject.
fn headers(mail: &str) -> (BTreeSet<&str>, String) {
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    let names = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    let names = names.map(|line| line.split_once(':').unwrap().0).collect();
    let unfolded = head.replace("\r\n ", " ");
    let subject = unfolded.split("\r\n").find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
    (names, subject)
}

#[test]
fn mail_of_high_urgency() {
    insta::assert_snapshot!(mail(&page("Disk of db-1 is 97 % full")).replace('\r', ""));
}

#[test]
fn low_urgency_is_not_marked_as_urgent() {
    let low = mail(&OutgoingNotification {
        urgency: Urgency::Low,
        source_url: None,
        ..page("Certificate expires in 20 days")
    });

    for expected in ["X-Priority: 5\r\n", "Importance: low\r\n", "Low urgency"] {
        assert!(low.contains(expected), "{expected}\n{low}");
    }
    assert!(!low.contains("Source") && !low.contains("Open in the source system"), "{low}");
}

#[test]
fn each_attempt_has_the_same_identity_and_another_page_another() {
    let id = |outgoing: &OutgoingNotification| {
        mail(outgoing).lines().find_map(|line| line.strip_prefix("Message-ID: ").map(str::to_owned)).unwrap()
    };
    let first = page("T");
    let later = OutgoingNotification { when: "2026-03-02T05:00:00Z".parse().unwrap(), ..first.clone() };
    let other = OutgoingNotification { idempotency_key: "01J.1.2".to_owned(), ..first.clone() };

    assert_eq!(mail(&first), mail(&first));
    assert_eq!(id(&first), id(&later));
    assert_ne!(id(&first), id(&other));
    assert!(id(&first).ends_with("@firebell.example.com>"), "{}", id(&first));
}

#[test]
fn title_begins_no_header_and_no_tag() {
    let (expected, _) = headers(Box::leak(mail(&page("T")).into_boxed_str()));
    let hostile = [
        "a\r\nBcc: eve@example.com\r\n\r\nhello",
        "a\nBcc: eve@example.com",
        "a\rBcc: eve@example.com",
        "a\0b",
        "a\u{85}Bcc: eve@example.com\u{2028}Bcc: eve@example.com",
        "\u{202E}gnp.exe\u{2066}",
        "🔥🔥🔥 db-1 🔥🔥🔥",
        "=?utf-8?Q?=0D=0ABcc=3A_eve=40example.com?=",
        "</h1><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "& &lt;b&gt; &#39;",
        "",
        " \r\n ",
    ];
    for title in hostile {
        let mail = mail(&page(title));

        let (names, subject) = headers(&mail);
        assert_eq!(names, expected, "{title:?}");
        assert!(!subject.contains(['\r', '\n', '\0']), "{title:?} {subject:?}");
        let cleaned = clean(title);
        assert!(
            !cleaned.contains(['\r', '\n', '\0', '\u{85}', '\u{2028}', '\u{202E}', '\u{2066}']),
            "{cleaned:?}"
        );
        let page = page(title);
        assert_eq!(
            html(&cleaned, &page).matches('<').count(),
            html("T", &page).matches('<').count(),
            "{title:?}"
        );
        assert_eq!(
            html(&cleaned, &page).matches('"').count(),
            html("T", &page).matches('"').count(),
            "{title:?}"
        );
    }
}

#[test]
fn subject_is_short_and_readable() {
    let subject = |title: &str| headers(&mail(&page(title))).1;

    assert_eq!(subject("Disk full"), "[Firebell] Disk full");
    assert_eq!(subject("a\r\nBcc: b"), "[Firebell] a Bcc: b");
    assert_eq!(subject(""), "[Firebell] Untitled alert");
    assert_eq!(subject("=?utf-8?Q?=0D?="), "[Firebell] = ?utf-8?Q?=0D?=");
    assert_eq!(super::subject(&"word ".repeat(1_000)).len(), SUBJECT_BYTES);
    assert!(super::subject(&"🔥".repeat(1_000)).len() <= SUBJECT_BYTES);
}

#[test]
fn only_links_to_the_web_are_given() {
    let cases = [
        ("https://a.example/x?y=1&z=2", true),
        ("HTTP://10.0.0.1:9090", true),
        ("javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("//a.example", false),
        ("https://a.example/\" onclick=\"x", false),
        ("https://a.example/<b>", false),
        ("https://a.example/\r\nX: y", false),
        ("https://a.example/\u{202E}moc", false),
        ("", false),
        ("ht\u{e9}", false),
        (&format!("https://a.example/{}", "x".repeat(URL_BYTES)), false),
    ];
    for (url, expected) in cases {
        let page = OutgoingNotification { source_url: Some(url.to_owned()), ..page("T") };

        assert_eq!(text("T", &page).contains("Source:"), expected, "{url:?}");
        assert_eq!(html("T", &page).contains("Open in the source system"), expected, "{url:?}");
    }
}

#[test]
fn acknowledge_link_and_trace_stand_in_both_parts() {
    let page = page("T");

    assert!(text("T", &page).contains("\nhttps://firebell.example.com/a/01J?s=9f&u=1\n"));
    assert!(html("T", &page).contains("href=\"https://firebell.example.com/a/01J?s=9f&amp;u=1\""));
    for part in [text("T", &page), html("T", &page)] {
        assert!(part.contains("Trace 4bf92f3577b34da6a3ce929d0e0e4736"), "{part}");
        assert!(part.contains("Monday, 2 March 2026, 04:11 UTC"), "{part}");
    }
}

proptest! {
    #[test]
    fn no_title_and_no_link_adds_a_header_or_a_tag(title in any::<String>(), url in any::<String>()) {
        let outgoing = OutgoingNotification { source_url: Some(format!("https://{url}")), ..page(&title) };
        let plain = mail(&page("T"));
        let whole = mail(&outgoing);
        prop_assert_eq!(headers(&whole).0, headers(&plain).0);
        prop_assert!(whole.is_ascii());
        prop_assert!(whole.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
        let tags = html("T", &page("T")).matches('<').count();
        let found = html(&clean(&title), &outgoing).matches('<').count();
        prop_assert!(found == tags || found == tags - 4, "{} {}", found, tags);
    }
}
