//! A server's own words, made fit to be shown.

use super::form_encoded::escaped;
use crate::http::Secrets;

const MAX_CHARS: usize = 200;

/// `text` on one line, without `secrets` and control characters, at most 200 characters long.
///
/// Servers repeat what they were sent (`code abc… is unknown`), and a terminal obeys escape sequences,
/// so both are removed.
pub(super) fn presentable(text: &str, secrets: &[&str]) -> String {
    let mut shown: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_direction_mark(*c))
        .collect();
    // Secrets go after the filter, since a server may put a control character inside one.
    shown = Secrets::of(secrets.iter().copied()).redact(&shown);
    // Short secrets go, too: `Secrets` spares them, because in data they could be ordinary words.
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let escaped = escaped(secret);
        shown = shown.replace(secret, "[redacted]").replace(&escaped, "[redacted]");
    }
    match shown.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// Characters that reorder text on a screen.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_redacted_in_any_form() {
        let secret = "a/b+c";
        for text in
            ["code a/b+c is unknown", "code a%2Fb%2Bc is unknown", "code a/b\u{1b}+c is unknown"]
        {
            assert_eq!(presentable(text, &[secret]), "code [redacted] is unknown");
        }
    }

    #[test]
    fn a_secret_at_the_cut_does_not_survive_in_part() {
        let text = format!("{}top-secret-value", "x".repeat(195));
        assert!(!presentable(&text, &["top-secret-value"]).contains("top"));
    }

    #[test]
    fn control_characters_go_and_lines_are_joined() {
        assert_eq!(presentable("a\r\nb\u{1b}[31mc\u{202e}d\u{0}", &[]), "a  b[31mcd");
    }

    #[test]
    fn long_words_are_cut_at_a_character() {
        let shown = presentable(&"é".repeat(500), &[""]);
        assert_eq!(shown.chars().count(), MAX_CHARS + 1);
    }
}
