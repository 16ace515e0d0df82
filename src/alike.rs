//! Suggests the known name that a misspelt name may mean; pure.

use strsim::jaro_winkler;

/// Names that are less alike than this are not suggested.
const ALIKE: f64 = 0.85;

/// The known name that is most like `name`; `None` if no known name is like it.
pub(crate) fn most_alike(
    name: &str,
    known: impl IntoIterator<Item = impl Into<String>>,
) -> Option<String> {
    let name = name.to_ascii_lowercase();
    known
        .into_iter()
        .map(Into::into)
        .map(|known: String| (likeness(&name, &known), known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

/// The last words of column names that a person may leave out, the likeliest first. `amount` is
/// here and `cents` is not: an amount is meant rather than its cents.
const ENDS: [&str; 6] = ["amount", "date", "code", "id", "count", "display"];

/// How alike two names are, from 0 to 1.
///
/// A plural counts as the same word, and so does a name without its underscores. A name without one of
/// the `ENDS` is nearly the same.
fn likeness(name: &str, known: &str) -> f64 {
    if let Some((stem, end)) = known.rsplit_once('_')
        && stem == name
        && let Some(position) = ENDS.iter().position(|known| *known == end)
    {
        return 1.0 - position as f64 / 100.0;
    }
    let singular = name.strip_suffix('s').unwrap_or(name);
    if singular == known || name == known.replace('_', "") {
        return 1.0;
    }
    // `spending` begins with the first word of `spend_by_month`.
    let is_of_the_word = known.split_once('_').is_some_and(|(word, _)| {
        word.len() >= LONG && !name.contains('_') && name.starts_with(word)
    });
    let likeness = jaro_winkler(name, known);
    if is_of_the_word { likeness.max(ALIKE) } else { likeness }
}

/// The least length of a first word that counts; a shorter one says too little.
const LONG: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_found_and_what_is_not_is_not() {
        let tables = ["claim", "claim_line", "coverage", "explanation_of_benefit"];
        let found = |name: &str| most_alike(name, tables);
        let columns =
            ["plan_paid_amount", "plan_paid_cents", "service_start", "service_start_date"];
        let column = |name: &str| most_alike(name, columns);
        assert_eq!(column("plan_paid").as_deref(), Some("plan_paid_amount"));
        assert_eq!(column("service_strat").as_deref(), Some("service_start"));
        assert_eq!(found("claims").as_deref(), Some("claim"));
        assert_eq!(found("ExplanationOfBenefit").as_deref(), Some("explanation_of_benefit"));
        assert_eq!(found("claim_lines").as_deref(), Some("claim_line"));
        assert_eq!(found("coverge").as_deref(), Some("coverage"));
        assert_eq!(found("weather"), None);
        assert_eq!(most_alike("spending", ["spend_by_month"]).as_deref(), Some("spend_by_month"));
        assert_eq!(most_alike("spending_x", ["spend_by_month"]), None);
    }
}
