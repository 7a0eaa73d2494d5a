//! Removes email addresses, links, tokens and phone numbers from texts before they are exported.
//!
//! Firebell does not log such values. This is a second line of defence against error texts of libraries.

/// The most bytes of a scrubbed text.
const MOST: usize = 512;

/// From this length on, a run of letters and digits counts as a token.
const TOKEN: usize = 20;

/// From this number of digits after a `+` on, a word counts as a phone number.
const NUMBER: usize = 7;

/// The text with placeholders instead of private values, cut to [`MOST`] bytes.
pub(super) fn scrubbed(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(MOST));
    for piece in text.split_inclusive(|c: char| c.is_whitespace() || "\"'`<>()[]{},;".contains(c)) {
        let end = piece
            .char_indices()
            .next_back()
            .filter(|(_, c)| !is_of_word(*c))
            .map_or(piece.len(), |(at, _)| at);
        let (word, between) = piece.split_at(end);
        clean.push_str(shown(word));
        clean.push_str(between);
        if clean.len() > MOST {
            let cut = (0..=MOST).rev().find(|&at| clean.is_char_boundary(at)).unwrap_or(0);
            clean.truncate(cut);
            break;
        }
    }
    clean
}

fn is_of_word(c: char) -> bool {
    !(c.is_whitespace() || "\"'`<>()[]{},;".contains(c))
}

/// The word, or its placeholder.
fn shown(word: &str) -> &str {
    if word.contains("://") {
        return "[link]";
    }
    if word.contains('@') {
        return "[address]";
    }
    let digits = word.strip_prefix('+').map(|rest| rest.bytes().filter(u8::is_ascii_digit).count());
    if digits.is_some_and(|digits| digits >= NUMBER) {
        return "[number]";
    }
    let mut runs = word.split(|c: char| !(c.is_ascii_alphanumeric() || "-_+".contains(c)));
    if runs.any(is_token) { "[token]" } else { word }
}

/// Whether a run of characters is a token: it begins like a secret, or it is long, has letters and digits, and is not
/// an id.
fn is_token(run: &str) -> bool {
    if ["whsec_", "xox", "Bearer", "fb_"].iter().any(|prefix| run.starts_with(prefix)) {
        return true;
    }
    let mixed = run.bytes().any(|b| b.is_ascii_digit()) && run.bytes().any(|b| b.is_ascii_alphabetic());
    run.len() >= TOKEN && mixed && !is_id(run)
}

/// Whether a run of characters is an id of Firebell, of a message or of a trace.
fn is_id(run: &str) -> bool {
    let last = run.rsplit('_').next().unwrap_or(run);
    let ours = last.len() == 26 && last.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let hex = run.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    ours || (hex && matches!(run.len(), 32 | 36))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_values_are_removed_and_the_rest_stays() {
        for (text, clean) in [
            ("no escalation `01KANXV8Q0ABCDEFGHJKMNPQRS`", "no escalation `01KANXV8Q0ABCDEFGHJKMNPQRS`"),
            ("mail to <ada@example.com> failed", "mail to <[address]> failed"),
            ("asked https://u:p@hooks.example.com/x?token=1: refused", "asked [link] refused"),
            ("with whsec_MfKQ9r8GKYqrTw", "with [token]"),
            ("token=AbCdEfGhIjKlMnOpQr5tUvWx", "[token]"),
            ("call +44 20, +442079460000", "call +44 20, [number]"),
            ("message 7f1f0f5a-6f8e-4a54-9e0e-0a1b2c3d4e5f", "message 7f1f0f5a-6f8e-4a54-9e0e-0a1b2c3d4e5f"),
            ("POST /v2/alert_events/alertmanager/{id}", "POST /v2/alert_events/alertmanager/{id}"),
        ] {
            assert_eq!(scrubbed(text), clean);
        }
    }

    #[test]
    fn text_that_is_too_long_is_cut_between_letters() {
        let clean = scrubbed(&"é ".repeat(1000));

        assert!(clean.len() <= MOST && clean.starts_with("é é"), "{}", clean.len());
    }
}
