//! What a claim says of itself: the bill's frequency, an original, an adjustment or a void, days of
//! supply.
//!
//! `config/marts/claim.sql` calls these as SQL functions. Each returns NULL for a value that it does not
//! know.

/// Whether an entry of `supportingInfo`, or an extension, has one of these names as code or URL.
fn names(category: [Option<&str>; 3], known: &[&str]) -> bool {
    category.into_iter().flatten().any(|name| known.contains(&plain(name).as_str()))
}

/// The letters and digits of a name; if it is a URL, those of its last part.
fn plain(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// The meaning of an entry of a prescription's `supportingInfo`, by any of its names.
///
/// It is `days supply` or `refill number`.
pub(super) fn prescription(names: [Option<&str>; 4]) -> Option<&'static str> {
    names.into_iter().flatten().find_map(|name| match plain(name).as_str() {
        "dayssupply" | "daysupply" | "daysofsupply" | "dayssuplynum" | "clmlinedayssuplyqty" => {
            Some("days supply")
        }
        "refillnum" | "refillnumber" | "fillnum" => Some("refill number"),
        _ => None,
    })
}

/// The bill frequency, if an entry of a claim's `supportingInfo` or an extension states one.
pub(super) fn frequency(category: [Option<&str>; 3], code: Option<&str>) -> Option<String> {
    const KNOWN: [&str; 7] = [
        "clmfreqcd",
        "claimfreqcd",
        "clmbillfreqcd",
        "claimfrequency",
        "claimfrequencycode",
        "billfrequency",
        "frequencycode",
    ];
    let code = code.map(str::trim).filter(|code| code.len() == 1)?;
    let is_known = |code: &String| code.bytes().all(is_frequency);
    names(category, &KNOWN).then(|| code.to_ascii_uppercase()).filter(is_known)
}

/// The bill frequency in a type of bill (NUBC, form locator 4).
///
/// A type of bill is two digits for facility and care, then the frequency, with or without a leading
/// zero.
///
/// An `X` in the last place leaves the frequency open: `13X` is any outpatient bill of a hospital.
pub(super) fn bill_frequency(type_of_bill: &str) -> Option<String> {
    let text = type_of_bill.trim();
    let three = if text.len() == 4 { text.strip_prefix('0')? } else { text };
    let [facility, care, last] = three.as_bytes() else { return None };
    let last = last.to_ascii_uppercase();
    let is_one = matches!(facility, b'1'..=b'9') && care.is_ascii_digit() && last != b'X';
    (is_one && is_frequency(last)).then(|| char::from(last).to_string())
}

/// The type of bill, if the text has both facility and care.
///
/// Blue Button sends the frequency alone as the type of bill.
pub(super) fn type_of_bill(text: &str) -> Option<String> {
    let text = text.trim();
    let is_one = match text.trim_start_matches('0').as_bytes() {
        [facility, care, ..] => facility.is_ascii_digit() && care.is_ascii_digit(),
        _ => false,
    };
    is_one.then(|| text.to_owned())
}

/// Whether the NUBC defines this bill frequency.
fn is_frequency(code: u8) -> bool {
    matches!(code, b'0'..=b'9' | b'A'..=b'Q' | b'X'..=b'Z')
}

/// One of the words original, adjustment or void, if an entry of a claim's `supportingInfo` or an
/// extension says so.
pub(super) fn adjustment(category: [Option<&str>; 3], code: Option<&str>) -> Option<&'static str> {
    let code = code?.trim().to_ascii_lowercase();
    let found = match code.as_str() {
        // These words are understood in any entry about a type of adjustment.
        "original" => "original",
        "adjustment" | "adjusted" | "replacement" | "corrected" | "correction" => "adjustment",
        "void" | "voided" | "cancel" | "cancelled" | "canceled" | "reversal" | "reversed"
        | "deletion" | "deleted" => "void",
        code => {
            return if names(category, &["clmadjstmttypecd"]) {
                pick(code, &["0"], &["1"], &["2"])
            } else if names(category, &["adjstmtdltncd"]) {
                pick(code, &["o"], &["d"], &["a"])
            } else if names(category, &["ficlmactncd", "clmfiactncd"]) {
                pick(code, &["1"], &["2", "4", "6"], &["3", "5"])
            } else {
                None
            };
        }
    };
    let known = [
        "clmadjstmttypecd",
        "adjstmtdltncd",
        "ficlmactncd",
        "clmfiactncd",
        "adjustmenttype",
        "claimadjustmenttype",
        "claimstatustype",
    ];
    names(category, &known).then_some(found)
}

fn pick(code: &str, original: &[&str], void: &[&str], adjustment: &[&str]) -> Option<&'static str> {
    [("original", original), ("void", void), ("adjustment", adjustment)]
        .into_iter()
        .find_map(|(word, codes)| codes.contains(&code).then_some(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medicare_says_in_many_ways_what_a_claim_is() {
        let url = "https://bluebutton.cms.gov/resources/variables/clm_freq_cd";
        assert_eq!(frequency([Some("info"), Some(url), None], Some("8")).as_deref(), Some("8"));
        assert_eq!(frequency([Some("info"), None, None], Some("8")), None);
        assert_eq!(frequency([Some(url), None, None], Some("x")).as_deref(), Some("X"));
        assert_eq!(frequency([Some(url), None, None], Some("*")), None);
        for (bill, expected) in [
            ("0111", "1"),
            ("131", "1"),
            ("0118", "8"),
            ("13h", "H"),
            (" 0320 ", "0"),
            ("34Z", "Z"),
        ] {
            assert_eq!(bill_frequency(bill).as_deref(), Some(expected), "{bill}");
        }
        for open in ["13X", "013x", "13", "13R", "13*", "1111", "013", "AB1", "", "13é"] {
            assert_eq!(bill_frequency(open), None, "{open}");
        }
        for bill in ["0111", "131", "13X", "13*", "21"] {
            assert_eq!(type_of_bill(bill).as_deref(), Some(bill));
        }
        for other in ["1", "0", "", "01", "7", "AB1", "Inpatient"] {
            assert_eq!(type_of_bill(other), None, "{other}");
        }
        let of = |name, code| adjustment([Some("info"), Some(name), None], Some(code));
        assert_eq!(of("CLM_ADJSTMT_TYPE_CD", "0"), Some("original"));
        assert_eq!(of("CLM_ADJSTMT_TYPE_CD", "1"), Some("void"));
        assert_eq!(of("CLM_ADJSTMT_TYPE_CD", "2"), Some("adjustment"));
        assert_eq!(of("https://x/variables/adjstmt_dltn_cd", "D"), Some("void"));
        assert_eq!(of("adjustmentType", "Reversal"), Some("void"));
        assert_eq!(of("discharge-status", "1"), None);
    }
}
