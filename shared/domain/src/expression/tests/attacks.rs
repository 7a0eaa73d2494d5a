//! Attacks by expressions, whose authors are not trusted.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

/// Sources that would take the machine down, were they let.
fn attacks() -> Vec<(&'static str, String)> {
    let most = 398;
    let half = most / 2;
    vec![
        ("10 MB", "a".repeat(10 * 1024 * 1024)),
        ("10 MB of sums", "1+".repeat(5 * 1024 * 1024)),
        ("depth of 10,000", format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000))),
        ("depth as far as it goes", format!("{}1{}", "(".repeat(half), ")".repeat(half))),
        ("lists as deep as it goes", format!("{}1{}", "[".repeat(half), "]".repeat(half))),
        ("objects as deep as it goes", format!("{}1{}", "{'a':".repeat(most / 5), "}".repeat(most / 5))),
        ("calls as deep as it goes", format!("{}1{}", "f(".repeat(most / 3), ")".repeat(most / 3))),
        ("more than may be compiled", format!("{}1", "1+".repeat(SOURCE_BYTES / 2 - 1))),
        ("nots", format!("{}1", "not ".repeat(most))),
        ("signs", format!("{}1", "-".repeat(most))),
        ("sums", format!("{}1", "1+".repeat(half))),
        ("powers", format!("{}1", "9**".repeat(most / 3))),
        ("joins", format!("{}1", "1~".repeat(half))),
        ("comparisons", format!("{}1", "1<".repeat(half))),
        ("and so on", format!("{}1", "1 and ".repeat(half))),
        ("ifs", format!("{}1", "1 if 1 else ".repeat(most / 4))),
        ("steps", format!("a{}", ".a".repeat(half))),
        ("indices", format!("a{}", "[0]".repeat(most / 3))),
        ("filters", format!("'a'{}", "|upper".repeat(half))),
        ("growth", format!("'aaaaaaaaaa'{}", "|replace('a','aaaaaaaaaa')".repeat(most / 9))),
        ("repetition", "'a' * 1000000000".to_owned()),
        ("repetition again", format!("'a'{}", " * 1000".repeat(half))),
        ("payloads", format!("payload{}", "~payload".repeat(half))),
        ("splits", "payload.long|split('')|join('-')|split('')|join('-')|split('')|join('-')".to_owned()),
        ("rounds", "1.5|round(1000000000)".to_owned()),
        (
            "a comparison with everything",
            format!("payload == payload{}", " and payload == payload".repeat(most / 5)),
        ),
    ]
}

#[test]
fn attacks_are_bounded_in_time_and_output() {
    let payload = json!({ "long": "x".repeat(500 * 1024), "many": vec![0; 10_000] });
    let event = event();
    for (name, source) in attacks() {
        let began = Instant::now();
        let all: Vec<Expression> = (0..MOST_EXPRESSIONS)
            .map(|n| expression(&format!("x{n}"), "payload", vec![parse(&source)]))
            .collect();
        let expressions = Expressions::new(&all, &event, &payload);
        let mut bytes = 0;
        for one in &all {
            let binding = Binding::Reference(format!("expressions[\"{}\"]", one.reference));
            bytes += binding.resolve_all_in(&expressions).unwrap().iter().map(String::len).sum::<usize>();
        }
        assert!(bytes <= 16 * 1024 * 1024, "{name}: {bytes} bytes");
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: {:?}", began.elapsed());
    }
}

#[test]
fn texts_with_places_are_bounded_too() {
    let (event, payload) = (event(), json!({ "long": "x".repeat(500 * 1024) }));
    let texts = [
        ("endless loop", "{% for a in payload.long %}{% for b in payload.long %}{% for c in payload.long %}x{% endfor %}{% endfor %}{% endfor %}".to_owned()),
        ("doubling", format!("{{% set x = 'xxxxxxxxxx' %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(150))),
        ("printing", format!("{}{{{{ 1 }}}}", "{{ payload.long }}".repeat(200))),
        ("ifs", format!("{}{{{{ 1 }}}}{}", "{% if 1 %}".repeat(180), "{% endif %}".repeat(180))),
    ];
    for (name, text) in texts {
        let began = Instant::now();
        let expressions = Expressions::new(&[], &event, &payload);
        let filled = Binding::Template(text).resolve_in(&expressions);
        let bytes = filled.as_ref().map_or(0, |text| text.as_ref().map_or(0, String::len));
        assert!(bytes <= 16 * 1024 * 1024, "{name}: {bytes}");
        assert!(began.elapsed() < Duration::from_secs(5), "{name}: {:?}", began.elapsed());
    }
}

#[test]
fn lists_that_grow_are_stopped() {
    let payload = json!({ "many": vec!["xxxxxxxxxxxxxxxxxxxxxxxx"; 10_000] });
    let all: Vec<Expression> = (0..MOST_EXPRESSIONS)
        .map(|n| {
            let before = if n == 0 { "payload.many".to_owned() } else { format!("expressions.x{}", n - 1) };
            let twice = Operation::Concatenate(before.clone());
            expression(&format!("x{n}"), &before, vec![twice; MOST_OPERATIONS])
        })
        .collect();
    let event = event();
    let expressions = Expressions::new(&all, &event, &payload);

    let last = Binding::Reference(format!("expressions.x{}", MOST_EXPRESSIONS - 1));
    let values = last.resolve_all_in(&expressions).unwrap();

    assert!(values.len() < 1_000_000);
    assert!(expressions.into_problems()[0].0.contains("its result is too large"));
}
