//! The articles "a" and "an".

/// The article that fits how `word` is spoken: "a" or "an".
pub(crate) fn article(word: &str) -> &'static str {
    const CONSONANT: &[&str] = &["eu", "uni", "us", "ut", "one", "once"];
    const VOWEL: &[&str] = &["a", "e", "i", "o", "u", "hour", "honest", "http"];
    let starts = |list: &[&str]| list.iter().any(|start| word.starts_with(start));
    if starts(VOWEL) && !starts(CONSONANT) { "an" } else { "a" }
}
