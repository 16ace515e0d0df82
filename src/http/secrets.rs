//! Finds secrets that a server repeats, in whatever form, and masks them.
//!
//! A server's answers are kept: its errors in the ledger, its resources in tables, its words on a
//! terminal. If a server repeats a token or the client secret, the secret must not be kept with the rest.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use super::spelling::{ESCAPES, LONGEST_UNIT, Spelling, unit};

/// Shorter secrets are not masked: they could be words of the data, and no server issues such tokens.
const SHORTEST: usize = 8;
/// A secret that does not mix letters with digits or signs is masked only if it is at least this long.
const SURELY_NO_WORD: usize = 16;
/// The number of bytes of a form that are searched for; the rest is compared. To search for all of a long
/// secret that repeats itself would take the square of its length.
const SEARCHED: usize = 256;
/// The number of bytes that are decoded from another spelling at a time.
const CHUNK: usize = 64 * 1024;
/// The number of secrets that are remembered of a connection: the current ones and some earlier ones.
const REMEMBERED: usize = 16;

/// Secrets in every form in which a server may repeat them.
#[derive(Default)]
pub struct Secrets {
    /// The beginnings of all forms.
    finder: Option<AhoCorasick>,
    /// All forms, sorted.
    forms: Vec<Vec<u8>>,
    longest: usize,
    /// The bytes that occur in any form.
    alphabet: Vec<u8>,
}

impl Secrets {
    /// Prepares the search for `texts`; those that could be words of the data are left out.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<Vec<u8>> =
            texts.into_iter().filter(|text| !is_word(text)).flat_map(forms).collect();
        forms.sort_unstable();
        forms.dedup();
        let longest = forms.iter().map(Vec::len).max().unwrap_or(0);
        let mut alphabet = forms.concat();
        alphabet.sort_unstable();
        alphabet.dedup();
        let mut beginnings: Vec<&[u8]> = forms.iter().map(|form| beginning(form)).collect();
        beginnings.dedup();
        // Building fails only for gigabytes of secrets.
        let finder =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&beginnings);
        Self { finder: finder.ok().filter(|_| !forms.is_empty()), forms, longest, alphabet }
    }

    /// Whether `text` repeats a secret.
    pub fn are_in(&self, text: &str) -> bool {
        !self.ranges(text.as_bytes()).is_empty()
    }

    /// Replaces each byte of a repeated secret with an asterisk; everything else stays.
    pub fn mask(&self, body: Bytes) -> Bytes {
        let ranges = self.ranges(&body);
        if ranges.is_empty() {
            return body;
        }
        let mut masked = body.to_vec();
        for range in ranges {
            masked[range].fill(b'*');
        }
        masked.into()
    }

    /// `text` with `[redacted]` in place of each secret.
    pub fn redact(&self, text: &str) -> String {
        let mut ranges = self.ranges(text.as_bytes());
        ranges.sort_unstable_by_key(|range| range.start);
        let (mut shown, mut done) = (String::new(), 0);
        for Range { start, end } in ranges {
            if start >= done {
                shown.push_str(&text[done..start]);
                shown.push_str("[redacted]");
            }
            done = done.max(end);
        }
        shown.push_str(&text[done..]);
        shown
    }

    /// The ranges of a body that hold secrets. A range begins and ends between two characters as written.
    fn ranges(&self, body: &[u8]) -> Vec<Range<usize>> {
        let Some(finder) = &self.finder else { return Vec::new() };
        let mut found = self.as_they_are(finder, body);
        if ESCAPES.iter().any(|escape| body.contains(escape)) {
            let overlap = self.longest * LONGEST_UNIT;
            for start in (0..body.len()).step_by(CHUNK) {
                let chunk = &body[start..body.len().min(start + CHUNK + overlap)];
                for spelling in [Spelling::Json, Spelling::Percent] {
                    let spelled = self.spelled(finder, chunk, spelling);
                    found.extend(spelled.map(|range| start + range.start..start + range.end));
                }
            }
        }
        found
    }

    /// The ranges of secrets that are written plainly, each as far as it matches.
    fn as_they_are(&self, finder: &AhoCorasick, text: &[u8]) -> Vec<Range<usize>> {
        let in_whole = |start: usize, end: usize| {
            let (begun, rest) = (&text[start..end], &text[start..]);
            let from = self.forms.partition_point(|form| beginning(form) < begun);
            let alike = self.forms[from..].iter().take_while(|form| form.starts_with(begun));
            let common = |form: &Vec<u8>| form.iter().zip(rest).take_while(|(a, b)| a == b).count();
            start..start + alike.map(common).max().unwrap_or(end - start)
        };
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for found in finder.find_iter(text) {
            if ranges.last().is_none_or(|before| before.end < found.end()) {
                ranges.push(in_whole(found.start(), found.end()));
            }
        }
        ranges
    }

    /// The ranges of secrets that are written with escapes.
    fn spelled(
        &self,
        finder: &AhoCorasick,
        chunk: &[u8],
        spelling: Spelling,
    ) -> impl Iterator<Item = Range<usize>> {
        let (mut plain, mut places) = (Vec::new(), vec![0]);
        if self.may_be_spelled(chunk, spelling) {
            let mut at = 0;
            while let Some((byte, length)) = unit(&chunk[at..], spelling) {
                at += length;
                plain.push(byte);
                places.push(at);
            }
        }
        let found = self.as_they_are(finder, &plain);
        found.into_iter().map(move |range| places[range.start]..places[range.end])
    }

    /// Whether an escape stands for a byte that a secret has; ordinary data is full of other escapes.
    fn may_be_spelled(&self, chunk: &[u8], spelling: Spelling) -> bool {
        let mut escapes = chunk.iter().enumerate().filter(|(_, byte)| ESCAPES.contains(byte));
        escapes.any(|(at, _)| {
            unit(&chunk[at..], spelling)
                .is_some_and(|(byte, length)| length > 1 && self.alphabet.contains(&byte))
        })
    }
}

fn beginning(form: &[u8]) -> &[u8] {
    &form[..form.len().min(SEARCHED)]
}

/// Whether a secret is so short that the data may have it as a word or a number.
fn is_word(text: &str) -> bool {
    let is_mixed = text.contains(|c: char| c.is_alphabetic())
        && text.contains(|c: char| !c.is_alphabetic() && !c.is_whitespace());
    text.len() < SHORTEST || (text.len() < SURELY_NO_WORD && !is_mixed)
}

/// The forms of a secret: plain, as a JSON string, form-encoded once or twice, and within the base64 of
/// a longer text.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let in_json = serde_json::Value::from(text).to_string();
    let encoded =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let in_form = encoded(text);
    // Encoded twice, as in a URL that is a parameter of another URL.
    let in_parameter = encoded(&in_form);
    let mut forms: Vec<Vec<u8>> = vec![
        text.into(),
        in_json[1..in_json.len() - 1].into(),
        in_form.into(),
        in_parameter.into(),
    ];
    for before in 0..3 {
        // The characters that do not depend on the bytes before and after the secret.
        let padded = [&[0; 2][..before.min(2)], text.as_bytes()].concat();
        let sure = [0, 2, 3][before]..padded.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.push(engine.encode(&padded).as_bytes()[sure.clone()].into());
        }
    }
    forms
}

/// The secrets of one connection, as they become known; clones share them.
///
/// An answer is searched for the secrets that are known when it has arrived: another request may have
/// refreshed the tokens meanwhile.
#[derive(Clone, Default)]
pub struct SecretsInPlay(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    texts: VecDeque<SecretString>,
    secrets: Arc<Secrets>,
}

impl SecretsInPlay {
    /// Adds secrets; if there are too many, the oldest are forgotten.
    pub fn learn<'a>(&self, texts: impl IntoIterator<Item = &'a str>) {
        let mut known = self.lock();
        let mut is_new = false;
        for text in texts {
            let known_at = known.texts.iter().position(|known| known.expose_secret() == text);
            is_new |= known_at.is_none();
            // One that is still in use is not the oldest, however long it is known.
            let secret = known_at.and_then(|at| known.texts.remove(at));
            known.texts.push_front(secret.unwrap_or_else(|| text.into()));
        }
        if is_new {
            known.texts.truncate(REMEMBERED);
            known.secrets =
                Arc::new(Secrets::of(known.texts.iter().map(|text| text.expose_secret())));
        }
    }

    /// See [`Secrets::mask`].
    pub fn mask(&self, body: Bytes) -> Bytes {
        let secrets = Arc::clone(&self.lock().secrets);
        secrets.mask(body)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for SecretsInPlay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsInPlay").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "abc/0123456789-xyz+";

    fn masked(text: &str) -> String {
        let secrets = Secrets::of([TOKEN, "client:se cret\"1"]);
        let masked = secrets.mask(Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(secrets.are_in(text), masked != text.as_bytes(), "{text}");
        String::from_utf8(masked.to_vec()).unwrap()
    }

    #[test]
    fn long_secrets_are_masked_to_their_ends_whatever_they_begin_with() {
        let (one, other) = ("a".repeat(20_000), format!("{}-and-another-end", "b1".repeat(400)));
        let cut = format!("{}-and", "b1".repeat(400));
        let secrets = Secrets::of([one.as_str(), &other, &format!("{cut}-so-on")]);
        for text in [one.as_str(), &other] {
            let text = format!("x\\u0041 {text} y");
            let masked = secrets.mask(Bytes::copy_from_slice(text.as_bytes()));
            let hidden = "*".repeat(text.len() - 10);
            assert_eq!(masked, format!("x\\u0041 {hidden} y").as_bytes());
        }
        assert_eq!(secrets.redact(&format!("{other}, {cut}")), "[redacted], [redacted]");
    }

    #[test]
    fn a_secret_is_masked_in_every_form_and_nothing_else_is() {
        let escaped: String = TOKEN.bytes().map(|byte| format!("\\u{byte:04X}")).collect();
        let percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let both = percent.replace('%', "\\u0025");
        let in_base64 = |before: &str| URL_SAFE_NO_PAD.encode(format!("{before}{TOKEN}, more"));
        for form in [
            TOKEN,
            r"abc\/0123456789-xyz+",
            r"abc\u002f0123456789-\u0078yz+",
            "abc%2F0123456789-xyz%2B",
            "abc%2f0123456789-xyz+",
            r"abc\u00252F0123456789-xyz+",
            r#"client:se cret\"1"#,
            "client%3Ase+cret%221",
            "client%253Ase%2Bcret%25221",
            "abc%252F0123456789-xyz%252B",
            &escaped,
            &percent,
            &both,
        ] {
            let stars = "*".repeat(form.len());
            let text = format!(r#"{{"a":"\u00e9% {form}","b":1}}"#);
            assert_eq!(masked(&text), format!(r#"{{"a":"\u00e9% {stars}","b":1}}"#));
        }
        for before in ["", "x", "xy", "Bearer "] {
            let form = in_base64(before);
            assert!(masked(&form).contains(&"*".repeat(23)), "{before}: {}", masked(&form));
        }
        for sound in ["abc/0123456789-xyz", r"\u0041\/%2F%zz%", "", r"\", r"\u00", "%"] {
            assert_eq!(masked(sound), sound);
        }
    }

    #[test]
    fn a_secret_across_two_chunks_is_masked() {
        for before in CHUNK - 30..CHUNK + 2 {
            let text = format!("{}abc\\/0123456789-xyz+", " ".repeat(before));
            assert!(!masked(&text).contains("xyz"), "{before}");
        }
    }

    #[test]
    fn a_short_secret_may_be_a_word_of_the_data() {
        for word in ["female", "20240101", "password", "", "1234567-89"] {
            assert!(!Secrets::of([word]).are_in(&format!("a {word}.")), "{word}");
        }
        for secret in ["s3cret-1", "averyveryverylongword", "0123456789012345"] {
            assert!(Secrets::of([secret]).are_in(secret), "{secret}");
        }
    }

    #[test]
    fn words_have_it_redacted() {
        let secrets = Secrets::of([TOKEN]);
        let said = format!("é {TOKEN} and abc%2F0123456789-xyz%2B.");
        assert_eq!(secrets.redact(&said), "é [redacted] and [redacted].");
        assert_eq!(secrets.redact("nothing"), "nothing");
    }

    #[test]
    fn a_secret_learnt_later_is_masked_and_old_ones_are_forgotten_in_the_end() {
        let in_play = SecretsInPlay::default();
        let mask = |text: &str| in_play.mask(Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(mask("token-00001"), "token-00001");
        for number in 1..=REMEMBERED + 1 {
            in_play.learn(["client-1-secret", &format!("token-{number:05}")]);
        }
        assert_eq!(mask("token-00017"), "***********");
        assert_eq!(mask("token-00003"), "***********");
        assert_eq!(mask("token-00001"), "token-00001");
        // Known longest of all, and in use all the time.
        assert_eq!(mask("client-1-secret"), "***************");
        assert!(!format!("{in_play:?}").contains("token"));
    }

    proptest! {
        /// However a server spells each character, the secret is found and the JSON stays JSON.
        #[test]
        fn no_spelling_hides_a_secret(
            secret in "[!-~]{16,24}",
            before in "\\PC{0,8}",
            ways in prop::collection::vec(0..4usize, 24),
        ) {
            let spelled: String = secret
                .bytes()
                .zip(ways)
                .map(|(byte, way)| match way {
                    1 => format!("%{byte:02X}"),
                    2 => format!("\\u{byte:04x}"),
                    3 if byte.is_ascii_alphanumeric() => format!("\\u0025{byte:02x}"),
                    _ => {
                        let text = serde_json::Value::from(char::from(byte).to_string()).to_string();
                        text[1..text.len() - 1].to_owned()
                    }
                })
                .collect();
            let before = serde_json::Value::from(before).to_string();
            let body = format!("[{before},\"{spelled}\"]");
            let masked = Secrets::of([secret.as_str()]).mask(Bytes::from(body.clone()));
            let expected = format!("[{before},\"{}\"]", "*".repeat(spelled.len()));
            // A secret with a percent sign and two digits in it reads in more than one way.
            if !secret.contains('%') {
                prop_assert_eq!(&masked[..], expected.as_bytes());
            }
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&masked).is_ok());
        }
    }
}
