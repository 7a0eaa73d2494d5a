//! Slack's markup: converts it to plain text, and escapes plain text so that it mentions nobody.

/// Escapes untrusted text, so that Slack shows it as it is, without mentions, links or markup.
///
/// All of Slack's markup begins with `&`, `<` or `>`, so `<!channel>` in a title becomes plain text.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Undoes Slack's escapes.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Converts Slack's markup to plain text: `<@U1|ada>` becomes `@ada`, and `<https://a.example|a>` becomes its URL.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(&unescape(before));
        let Some((inside, beyond)) = after.split_once('>') else {
            plain.push('<');
            rest = after;
            continue;
        };
        let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
        match target.as_bytes().first() {
            Some(sign @ (b'@' | b'#')) => {
                plain.push(char::from(*sign));
                plain.push_str(&unescape(if label.is_empty() { &target[1..] } else { label }));
            }
            Some(b'!') => {
                let name = target[1..].split('^').next().unwrap_or_default();
                let name = if label.is_empty() { name } else { label.trim_start_matches('@') };
                plain.push('@');
                plain.push_str(&unescape(name));
            }
            Some(_) | None => plain.push_str(&unescape(target)),
        }
        rest = beyond;
    }
    plain.push_str(&unescape(rest));
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_strangers_ping_nobody() {
        let cases = [
            ("<!channel> fire", "&lt;!channel&gt; fire"),
            ("<@U123> & <http://evil|good>", "&lt;@U123&gt; &amp; &lt;http://evil|good&gt;"),
            ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
        ];
        for (title, shown) in cases {
            assert_eq!(escape(title), shown);
            assert_eq!(plain(&escape(title)), title, "it is shown as it was written");
        }
    }

    #[test]
    fn markup_becomes_what_people_read() {
        let cases = [
            ("<@U1|ada> is down", "@ada is down"),
            ("<@U1> is down", "@U1 is down"),
            ("see <#C1|ops>", "see #ops"),
            ("<!subteam^S1|@oncall> help", "@oncall help"),
            ("<!here> help", "@here help"),
            ("<https://a.example/x?a=1&amp;b=2|a>", "https://a.example/x?a=1&b=2"),
            ("a &lt; b", "a < b"),
            ("a < b", "a < b"),
        ];
        for (written, read) in cases {
            assert_eq!(plain(written), read, "{written}");
        }
    }
}
