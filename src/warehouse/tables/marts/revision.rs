//! What a claim says of itself: a bill's frequency, an original, an adjustment or a void, a supply.
//!
//! `config/marts/claim.sql` calls these as SQL functions. Each gives NULL for what it does not understand.

/// Whether two names of a piece of information, as codes or URLs of Medicare's, say one of these.
fn names(category: [Option<&str>; 3], known: &[&str]) -> bool {
    category.into_iter().flatten().any(|name| known.contains(&plain(name).as_str()))
}

/// The letters and digits of a name; of a URL, those of its last part.
fn plain(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// What a piece of information about a prescription is, by any of its names: `days supply` or
/// `refill number`.
pub(super) fn prescription(names: [Option<&str>; 4]) -> Option<&'static str> {
    names.into_iter().flatten().find_map(|name| match plain(name).as_str() {
        "dayssupply" | "daysupply" | "daysofsupply" | "dayssuplynum" | "clmlinedayssuplyqty" => {
            Some("days supply")
        }
        "refillnum" | "refillnumber" | "fillnum" => Some("refill number"),
        _ => None,
    })
}

/// The bill frequency, where a piece of information about a claim is one.
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

/// The bill frequency of a type of bill: two digits for facility and care, and the frequency (NUBC, form
/// locator 4), with or without a zero before them.
///
/// An `X` in the last place leaves the frequency open: `13X` is any bill of a hospital's outpatients.
pub(super) fn bill_frequency(type_of_bill: &str) -> Option<String> {
    let text = type_of_bill.trim();
    let three = if text.len() == 4 { text.strip_prefix('0')? } else { text };
    let [facility, care, last] = three.as_bytes() else { return None };
    let last = last.to_ascii_uppercase();
    let is_one = matches!(facility, b'1'..=b'9') && care.is_ascii_digit() && last != b'X';
    (is_one && is_frequency(last)).then(|| char::from(last).to_string())
}

/// Whether the NUBC has such a bill frequency.
fn is_frequency(code: u8) -> bool {
    matches!(code, b'0'..=b'9' | b'A'..=b'Q' | b'X'..=b'Z')
}

/// original, adjustment or void, where a piece of information about a claim says so.
pub(super) fn adjustment(category: [Option<&str>; 3], code: Option<&str>) -> Option<&'static str> {
    let code = code?.trim().to_ascii_lowercase();
    let found = match code.as_str() {
        // Words are understood wherever a type of adjustment is told.
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
        let of = |name, code| adjustment([Some("info"), Some(name), None], Some(code));
        assert_eq!(of("CLM_ADJSTMT_TYPE_CD", "0"), Some("original"));
        assert_eq!(of("CLM_ADJSTMT_TYPE_CD", "1"), Some("void"));
        assert_eq!(of("CLM_ADJSTMT_TYPE_CD", "2"), Some("adjustment"));
        assert_eq!(of("https://x/variables/adjstmt_dltn_cd", "D"), Some("void"));
        assert_eq!(of("adjustmentType", "Reversal"), Some("void"));
        assert_eq!(of("discharge-status", "1"), None);
    }
}
