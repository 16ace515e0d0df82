//! First names of persons, in one spelling.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Forms of address before a name.
const TITLES: [&str; 9] = ["mr", "mrs", "ms", "miss", "mx", "dr", "prof", "rev", "sir"];

/// What may stand behind a name, after a comma of its own.
const SUFFIXES: [&str; 7] = ["jr", "sr", "ii", "iii", "iv", "md", "phd"];

/// What is sent as the first name of a child without a name yet, or of anybody whose name is unknown.
///
/// Twins are "Baby Boy A" and "Baby Boy B".
const PLACEHOLDERS: [&str; 13] = [
    "baby", "babya", "babyb", "babyc", "babyboy", "babygirl", "newborn", "infant", "boy", "girl",
    "twin", "unknown", "unk",
];

/// Small letters that do not decompose into a letter and an accent, with their usual transcription.
///
/// They are those of ICAO Doc 9303, part 3, section 6, except Ø: systems in the US only omit its stroke.
const FOLDED: [(char, &str); 10] = [
    ('ł', "l"),
    ('ø', "o"),
    ('đ', "d"),
    ('ð', "d"),
    ('ħ', "h"),
    ('ı', "i"),
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('þ', "th"),
];

/// A first name in lower case, without accents, hyphens and apostrophes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FirstName {
    first: String,
    /// The first and second given name together: Mary-Ann equals Mary Ann.
    both: String,
}

impl FirstName {
    /// The first of several given names, separated by blanks; `None` if it has no letter, or only stands in
    /// for a name.
    pub(super) fn new(given_names: &str) -> Option<FirstName> {
        let mut names = given_names.split_whitespace().map(letters).filter(|name| !name.is_empty());
        let first = names.next().filter(|name| !PLACEHOLDERS.contains(&name.as_str()))?;
        let both = format!("{first}{}", names.next().unwrap_or_default());
        Some(FirstName { first, both })
    }

    /// Whether both may be one person's name: an initial fits every name that begins with it.
    pub(super) fn is_like(&self, other: &FirstName) -> bool {
        let begins = |one: &FirstName, other: &FirstName| {
            is_initial(&one.first) && other.first.starts_with(&one.first)
        };
        self.first == other.first
            || self.first == other.both
            || self.both == other.first
            || begins(self, other)
            || begins(other, self)
    }
}

/// The given names in a full name: "Ann Doe", "Dr. Ann Doe", "Ann Doe, Jr.", or "Doe, Ann".
///
/// `None` if the text is a single word.
pub(super) fn given_names(text: &str) -> Option<&str> {
    let mut parts =
        text.split(',').map(str::trim).filter(|part| !SUFFIXES.contains(&letters(part).as_str()));
    let mut rest = parts.next()?;
    if let Some(given) = parts.next() {
        return Some(given).filter(|given| !given.is_empty());
    }
    loop {
        let (first, behind) = rest.split_once(char::is_whitespace)?;
        if !TITLES.contains(&letters(first).as_str()) {
            return Some(first);
        }
        rest = behind.trim_start();
    }
}

fn letters(name: &str) -> String {
    let parts = DecomposingNormalizerBorrowed::new_nfd();
    let parts = parts.normalize(name);
    let small = parts.chars().filter(|char| char.is_alphabetic()).flat_map(char::to_lowercase);
    let mut letters = String::with_capacity(name.len());
    for letter in small {
        match FOLDED.iter().find(|(known, _)| *known == letter) {
            Some((_, plain)) => letters.push_str(plain),
            None => letters.push(letter),
        }
    }
    letters
}

/// Whether a name is a single letter of Latin, Greek or Cyrillic.
///
/// A single Chinese character is a whole name.
fn is_initial(name: &str) -> bool {
    let mut letters = name.chars();
    matches!(
        (letters.next(), letters.next()),
        (Some('a'..='z' | '\u{df}'..='\u{24f}' | '\u{370}'..='\u{52f}'), None)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_any_spelling() {
        let like = |one: &str, other: &str| {
            let (one, other) = (FirstName::new(one).unwrap(), FirstName::new(other).unwrap());
            assert_eq!(one.is_like(&other), other.is_like(&one));
            one.is_like(&other)
        };
        for (one, other) in [
            ("José", "JOSE"),
            ("Jose\u{301}", "jos\u{e9}"),
            ("Mary-Ann", "Mary Ann"),
            ("Mary Ann", "MARYANN"),
            ("Mary Ann", "Mary"),
            ("D'Andre", "D\u{2019}andre"),
            ("D'Andre", "DAndre"),
            ("J.", "John"),
            ("E", "Élise"),
            ("Łukasz", "LUKASZ"),
            ("Øyvind", "Oyvind"),
            ("Đorđe", "Dorde"),
            ("Strauß", "STRAUSS"),
            ("STRAU\u{1e9e}", "Strauss"),
            ("Æneas", "AENEAS"),
            ("Œnone", "oenone"),
            ("Yıldız", "YILDIZ"),
            ("\u{130}rem", "Irem"),
            ("Ł.", "Lukasz"),
            ("Σ.", "Σοφία"),
            ("И", "Иван"),
            ("明", "明"),
        ] {
            assert!(like(one, other), "{one}, {other}");
        }
        for (one, other) in [
            ("Ann", "Eva"),
            ("Mary-Ann", "Mary-Beth"),
            ("Jo", "Joan"),
            ("J", "Ann"),
            ("明", "明美"),
            ("Łukasz", "Lucas"),
        ] {
            assert!(!like(one, other), "{one}, {other}");
        }
        for unknown in [" - ", "Baby Boy", "BABY GIRL A", "Newborn", "Girl B", "unknown"] {
            assert_eq!(FirstName::new(unknown), None, "{unknown}");
        }
        assert!(FirstName::new("Babette").is_some() && FirstName::new("Ann Baby").is_some());
    }

    #[test]
    fn given_names_are_found_in_a_text() {
        for (text, given) in [
            ("Ann Doe", Some("Ann")),
            (" Dr. Ann M Doe", Some("Ann")),
            ("Prof. Dr. Ann Doe", Some("Ann")),
            ("DOE, ANN M", Some("ANN M")),
            ("John Doe, Jr.", Some("John")),
            ("Dr. Ann Doe, MD, PhD", Some("Ann")),
            ("Doe, Jr., John", Some("John")),
            ("DOE JR, JOHN Q, III", Some("JOHN Q")),
            ("Doe,", None),
            ("Mrs. Doe", None),
            ("Ann", None),
            ("", None),
        ] {
            assert_eq!(given_names(text), given, "{text}");
        }
    }
}
