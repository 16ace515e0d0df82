//! What a benefit balance is about, as one word for each of the spellings that payers send: HL7's codes
//! (ex-benefittype, benefit-unit, benefit-network, benefit-term), those of X12 271, and plain words.

/// The letters and digits of a text, in lower case.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a balance is of the deductible or of the member's out-of-pocket limit.
///
/// `None` for what remains of either: a remaining amount is another figure than a used amount.
pub(super) fn kind(text: &str) -> Option<&'static str> {
    let text = plain(text);
    if text.contains("remain") {
        return None;
    }
    let pocket = match text.as_str() {
        "oop" | "oopm" | "moop" | "oopmax" | "oopmaximum" => Some(0),
        text => text.find("outofpocket"),
    };
    match (text.find("deductible"), pocket) {
        (Some(deductible), Some(pocket)) if pocket < deductible => Some("out of pocket"),
        (Some(_), _) => Some("deductible"),
        (None, Some(_)) => Some("out of pocket"),
        (None, None) => None,
    }
}

/// Whether a balance is the individual's or the family's.
pub(super) fn unit(text: &str) -> Option<&'static str> {
    let text = plain(text);
    if text == "fam" || text.contains("family") {
        return Some("family");
    }
    let is_individual = matches!(text.as_str(), "ind" | "self" | "person" | "perperson" | "member")
        || text.contains("individual");
    is_individual.then_some("individual")
}

/// Whether a balance or a claim is in the network, out of it, or both together.
pub(super) fn network(text: &str) -> Option<&'static str> {
    let text = plain(text);
    let is_both =
        ["inandout", "inorout", "combined", "both"].iter().any(|word| text.contains(word));
    if is_both {
        return Some("both");
    }
    let is_out = matches!(text.as_str(), "out" | "oon" | "nonpar")
        || ["outofnetwork", "outnetwork", "nonparticipating", "nonnetwork"]
            .iter()
            .any(|word| text.contains(word));
    if is_out {
        return Some("out");
    }
    let is_in = matches!(text.as_str(), "in" | "inn" | "par" | "participating")
        || text.contains("innetwork");
    is_in.then_some("in")
}

/// The period of a balance: a year of the plan, or a lifetime.
pub(super) fn term(text: &str) -> Option<&'static str> {
    let text = plain(text);
    if text.contains("lifetime") {
        return Some("lifetime");
    }
    (text.contains("annual") || text.contains("year")).then_some("annual")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_has_one_word() {
        for (text, of) in [
            ("deductible", Some("deductible")),
            ("Individual Deductible (counts to out-of-pocket)", Some("deductible")),
            ("OUT_OF_POCKET", Some("out of pocket")),
            ("maxoutofpocket", Some("out of pocket")),
            ("moop", Some("out of pocket")),
            ("Deductible remaining", None),
            ("copay", None),
        ] {
            assert_eq!(kind(text), of, "{text}");
        }
        for (text, of) in [
            ("IND", Some("individual")),
            ("Per person", Some("individual")),
            ("Family deductible", Some("family")),
            ("employee and spouse", None),
        ] {
            assert_eq!(unit(text), of, "{text}");
        }
        for (text, of) in [
            ("in", Some("in")),
            ("In-Network", Some("in")),
            ("out-of-network", Some("out")),
            ("Non-participating", Some("out")),
            ("In and Out of Network", Some("both")),
            ("tier 2", None),
        ] {
            assert_eq!(network(text), of, "{text}");
        }
        assert_eq!(
            ["annual", "Calendar year", "Lifetime", "day"].map(term),
            [Some("annual"), Some("annual"), Some("lifetime"), None]
        );
    }
}
