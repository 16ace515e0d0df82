//! Units of measure in their many spellings: UCUM codes and the texts that laboratories print.

/// Whether two quantities have the same unit, each given by its code and its printed unit.
///
/// `None` if either has no unit. No unit is converted into another.
pub(super) fn are_same(one: [Option<&str>; 2], other: [Option<&str>; 2]) -> Option<bool> {
    let words = |of: [Option<&str>; 2]| -> Vec<String> {
        of.into_iter().flatten().filter_map(word).collect()
    };
    let (one, other) = (words(one), words(other));
    let are_stated = !one.is_empty() && !other.is_empty();
    are_stated.then(|| one.iter().any(|unit| other.contains(unit)))
}

/// A unit in a normal form, for comparison only; `None` for an empty text.
///
/// Upper and lower case are the same, as in UCUM's own case-insensitive form. Blanks, brackets and UCUM's
/// annotations in braces are left out.
pub(super) fn word(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut depth = 0_usize;
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth > 0 || c.is_whitespace() || matches!(c, '[' | ']') => {}
            'µ' | 'μ' => plain.push('u'),
            c => plain.push(c),
        }
    }
    let plain = plain.replace("mcg", "ug").replace("mcl", "ul").replace('^', "*");
    let (count, per) = plain.split_once('/').unwrap_or((&plain, ""));
    let count = match count {
        "x10e3" | "10e3" | "x10*3" | "k" | "thou" | "thous" | "thousand" => "10*3",
        "x10e6" | "10e6" | "x10*6" | "m" | "mil" | "mill" | "million" if per == "ul" => "10*6",
        "percent" | "pct" => "%",
        "sec" | "secs" | "seconds" => "s",
        count => count,
    };
    let per = match per {
        "hr" | "hour" => "h",
        "cumm" | "mm3" | "mm*3" if count.starts_with("10*") => "ul",
        per => per,
    };
    match (count, per) {
        ("", "") => None,
        (count, "") => Some(count.to_owned()),
        (count, per) => Some(format!("{count}/{per}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_has_one_spelling_and_two_have_two() {
        for spellings in [
            &["mg/dL", "MG/DL", " mg / dl "][..],
            &["10*3/uL", "K/uL", "x10E3/µL", "10^3/mcL", "thou/uL"],
            &["10*6/uL", "M/uL", "mil/mcL"],
            &["%", "percent"],
            &["[iU]/L", "IU/L"],
            &["ug/L", "mcg/L"],
            &["mm/h", "mm/hr"],
            &["/uL", "{cells}/uL"],
        ] {
            for other in spellings {
                assert_eq!(word(other), word(spellings[0]), "{other}");
            }
        }
        assert_ne!(word("mg/dL"), word("mmol/L"));
        assert_ne!(word("g/dL"), word("mg/dL"));
        assert_eq!(word(" "), None);
    }

    #[test]
    fn what_states_no_unit_is_of_no_known_unit() {
        let of = |code, unit| [code, unit];
        assert_eq!(are_same(of(None, None), of(Some("mg/dL"), None)), None);
        assert_eq!(
            are_same(of(Some("10*3/uL"), Some("K/cumm")), of(None, Some("thou/ul"))),
            Some(true)
        );
        assert_eq!(are_same(of(Some("mg/dL"), None), of(None, Some("mmol/L"))), Some(false));
    }
}
