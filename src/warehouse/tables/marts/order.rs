//! The order in which marts are filled: a mart comes after the marts that it reads.

use super::statements::{is_view, statements};
use crate::warehouse::tables::table::Mart;

/// The marts that are tables, each after those that it reads, otherwise by name.
///
/// Two marts that read each other cannot be filled; they come last, by name.
pub(super) fn tables_in_order<'a>(marts: &[&'a Mart]) -> Vec<&'a Mart> {
    let mut waiting: Vec<(&Mart, Vec<String>)> = marts
        .iter()
        .copied()
        .filter(|mart| !is_view(mart))
        .map(|mart| (mart, reads(mart)))
        .collect();
    waiting.sort_by_key(|(mart, _)| &mart.name);
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_ready = |at: &usize| {
            let (mart, read) = &waiting[*at];
            let waits_for = |other: &Mart| other.name != mart.name && read.contains(&other.name);
            !waiting.iter().any(|(other, _)| waits_for(other))
        };
        let next = (0..waiting.len()).find(is_ready).unwrap_or(0);
        ordered.push(waiting.remove(next).0);
    }
    ordered
}

/// The names after FROM and JOIN in the statements that fill a mart.
fn reads(mart: &Mart) -> Vec<String> {
    let fills = statements(&mart.sql).1.join(" ");
    let words: Vec<&str> = fills.split(|c: char| c.is_whitespace() || "(),".contains(c)).collect();
    words
        .windows(2)
        .filter(|pair| pair[0] == "FROM" || pair[0] == "JOIN")
        .map(|pair| pair[1].trim_matches('"').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mart(name: &str, sql: &str) -> Mart {
        Mart { name: name.to_owned(), sql: sql.to_owned() }
    }

    #[test]
    fn a_mart_comes_behind_those_that_it_reads() {
        let fills = |name: &str, from: &str| {
            mart(
                name,
                &format!("CREATE TABLE {name} (x);\nINSERT INTO {name}\nSELECT x FROM {from};\n"),
            )
        };
        let marts = [
            fills("a", "temp.mart_scope CROSS JOIN c ON c.x"),
            fills("b", "base"),
            fills("c", "d AS e, base"),
            fills("d", "b"),
            mart("v", "CREATE VIEW v AS\nSELECT x FROM a;\n"),
        ];
        let names: Vec<&str> = tables_in_order(&marts.iter().collect::<Vec<_>>())
            .iter()
            .map(|mart| mart.name.as_str())
            .collect();
        assert_eq!(names, ["b", "d", "c", "a"]);
    }

    #[test]
    fn marts_that_read_each_other_do_not_hang() {
        let marts = [
            mart("a", "CREATE TABLE a (x);\nINSERT INTO a SELECT x FROM b;\n"),
            mart("b", "CREATE TABLE b (x);\nINSERT INTO b SELECT x FROM a;\n"),
        ];
        assert_eq!(tables_in_order(&marts.iter().collect::<Vec<_>>()).len(), 2);
    }

    #[test]
    fn the_embedded_marts_are_filled_in_an_order() {
        let marts: Vec<Mart> = crate::warehouse::embedded_marts().collect();
        let ordered = tables_in_order(&marts.iter().collect::<Vec<_>>());
        for (at, mart) in ordered.iter().enumerate() {
            let read = reads(mart);
            let later = ordered[at + 1..].iter().find(|later| read.contains(&later.name));
            assert!(later.is_none(), "{} reads {}", mart.name, later.unwrap().name);
        }
    }
}
