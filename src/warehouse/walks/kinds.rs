//! Kinds of walks that SQL statements refer to, as lists in SQL. Each list is defined once, so that a new
//! kind of walk is added to it, or left out, on purpose.
//!
//! Statements that look for the walks of a type say `+mode IN`. Without the plus sign SQLite may take the
//! index over kinds, and then goes through all walks of the connection.

/// Walks that ask for a type by a search, page by page: the plan lists what they bring.
pub(crate) const SEARCHES: &str = "('full', 'incremental', 'window')";

/// Walks that tell the state of a type as a whole.
///
/// A window is only a part of a type, and a file does not come from a plan.
pub(crate) const WHOLE_TYPES: &str =
    "('full', 'incremental', 'reference', 'everything', 'attachment')";

/// Walks that bring resources which the plan offered, as opposed to resources that were asked for by id.
pub(crate) const OFFERED: &str = "('full', 'incremental', 'window', 'everything', 'attachment')";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outcome::WalkKind,
        warehouse::file::{open::open_to_write, place::WarehouseFile},
    };

    /// Which of the lists have this kind, in this order: `SEARCHES`, `WHOLE_TYPES`, `OFFERED`.
    fn lists_of(kind: WalkKind) -> [bool; 3] {
        match kind {
            WalkKind::Full | WalkKind::Incremental => [true, true, true],
            WalkKind::Window => [true, false, true],
            WalkKind::Reference => [false, true, false],
            WalkKind::Everything | WalkKind::Attachment => [false, true, true],
            WalkKind::File => [false, false, false],
        }
    }

    #[test]
    fn each_kind_is_on_the_lists_where_it_belongs_and_on_no_other() {
        for (position, list) in [SEARCHES, WHOLE_TYPES, OFFERED].into_iter().enumerate() {
            let belonging = WalkKind::ALL.iter().filter(|kind| lists_of(**kind)[position]);
            let mut words: Vec<String> = belonging.map(|kind| format!("'{kind}'")).collect();
            let inner = list.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap();
            let mut listed: Vec<&str> = inner.split(", ").collect();
            words.sort();
            listed.sort_unstable();
            assert_eq!(listed, words);
        }
    }

    #[test]
    fn the_view_that_people_ask_means_the_same_walks() {
        let home = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(home.path().join("warehouse.db"));
        let view: String = open_to_write(&file)
            .unwrap()
            .query_row("SELECT sql FROM sqlite_schema WHERE name = 'completeness'", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert!(view.contains(&format!("mode IN {WHOLE_TYPES}")), "{view}");
    }
}
