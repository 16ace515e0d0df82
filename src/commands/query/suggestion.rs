//! What somebody may have meant by a table or a column that is not there.

use crate::{
    commands::home,
    config::Settings,
    warehouse::{Names, ReadOnlyWarehouse, WarehouseError},
};
use strsim::jaro_winkler;

/// Names that are less alike are no suggestion.
const ALIKE: f64 = 0.85;

/// A hint for a statement that names what is not there.
pub(super) fn suggestion(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    sql: &str,
    error: &WarehouseError,
) -> Option<String> {
    let words = error.words()?;
    let tables = warehouse.names(Names::Tables).ok()?;
    if let Some(name) = after(&words, "no such table: ") {
        let alike = most_alike(&name, tables);
        let is_known = home::catalog(settings).is_ok_and(|catalog| {
            catalog.tables().iter().any(|table| table.name() == name)
                || catalog.marts().iter().any(|mart| mart.name == name)
        });
        return match (alike, is_known) {
            (_, true) => Some(format!("the first sync makes {name}: `payersync sync`")),
            (alike, false) => alike
                .map(|alike| format!("did you mean {alike}? `payersync tables` lists the tables")),
        };
    }
    let name = after(&words, "no such column: ")?;
    let bare = name.rsplit('.').next().unwrap_or(&name);
    let mentioned: Vec<String> = tables
        .into_iter()
        .filter(|table| words_of(sql).any(|word| word.eq_ignore_ascii_case(table)))
        .collect();
    let alike = most_alike(bare, warehouse.names(Names::Columns(&mentioned)).ok()?)?;
    Some(format!("did you mean {alike}? `payersync tables TABLE` lists a table's columns"))
}

fn words_of(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The name that follows these words.
fn after(words: &str, before: &str) -> Option<String> {
    let (_, name) = words.split_once(before)?;
    Some(name.split([' ', '\n', ',', ';']).next().unwrap_or_default().to_owned())
}

/// The name that is most like one, where one is like it at all.
pub(in crate::commands) fn most_alike(name: &str, names: Vec<String>) -> Option<String> {
    let name = name.to_ascii_lowercase();
    names
        .into_iter()
        .map(|known| (likeness(&name, &known), known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

/// What the names of columns end with, after what they are about. An amount is meant rather than its cents.
const ENDS: [&str; 6] = ["amount", "date", "code", "id", "count", "display"];

/// A plural is the same word, an id without its table's name nearly is, and so is a name without its end.
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
    jaro_winkler(name, known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_found_and_what_is_not_is_not() {
        let tables = || {
            ["claim", "claim_line", "coverage", "explanation_of_benefit"]
                .map(str::to_owned)
                .to_vec()
        };
        let found = |name: &str| most_alike(name, tables());
        let columns =
            ["plan_paid_amount", "plan_paid_cents", "service_start", "service_start_date"];
        let column = |name: &str| most_alike(name, columns.map(str::to_owned).to_vec());
        assert_eq!(column("plan_paid").as_deref(), Some("plan_paid_amount"));
        assert_eq!(column("service_strat").as_deref(), Some("service_start"));
        assert_eq!(found("claims").as_deref(), Some("claim"));
        assert_eq!(found("ExplanationOfBenefit").as_deref(), Some("explanation_of_benefit"));
        assert_eq!(found("claim_lines").as_deref(), Some("claim_line"));
        assert_eq!(found("coverge").as_deref(), Some("coverage"));
        assert_eq!(found("weather"), None);
    }
}
