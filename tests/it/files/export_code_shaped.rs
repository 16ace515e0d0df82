//! `export --deidentify` where an identifier is as short as a code, in columns that have no code system
//! beside them.

use super::export_planted::{demo_tables, plant};
use crate::{files::export::export, support::Home};
use std::{collections::BTreeMap, fs};

/// Numbers of records, members, telephones and Medicare, and names of one word.
const IDENTIFIERS: [&str; 25] = [
    "7391",
    "47110",
    "123456",
    "4512345",
    "W012",
    "K4412",
    "MR12",
    "MRN12",
    "M12345",
    "AB123",
    "4TE5",
    "1EG4TE5MK73",
    "1EG4-TE5-MK73",
    "555-12-3456",
    "555123456",
    "8025550188",
    "802-555-0188",
    "18025550188",
    "5550188",
    "Quibblesworth",
    "SMITH",
    "LEE",
    "ANNA",
    "JOHN1",
    "lee",
];

/// Whether a column's one code system has codes of that very form.
fn is_like_its_codes(column: &str, cell: &str) -> bool {
    let is_digits = cell.bytes().all(|byte| byte.is_ascii_digit());
    let of = |names: &[&str]| names.iter().any(|name| column.contains(name));
    (of(&["rxnorm"]) && is_digits && cell.len() < 8)
        || (of(&["ndc"]) && is_digits && cell.len() == 11)
        || (of(&["cpt"]) && is_digits && cell.len() == 5)
        || (of(&["hcpcs_code"])
            && cell.len() == 5
            && cell[1..].bytes().all(|byte| byte.is_ascii_digit()))
        || (of(&["icd10", "diagnosis"]) && cell.as_bytes()[1].is_ascii_digit() && !is_digits)
}

#[test]
fn a_short_identifier_does_not_pass_for_a_code_of_another_system() {
    let home = Home::new();
    let (_, tables) = demo_tables(&home);
    let identifiers = IDENTIFIERS.map(str::to_owned);
    plant(&home, &identifiers, &tables, &[]);
    let folder = export(&home, &["--set", "all", "--deidentify", "--raw"]);
    let (mut columns, mut found, mut alike) = (0, BTreeMap::new(), 0);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "csv") {
            continue;
        }
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let heads = reader.headers().unwrap().clone();
        let name =
            |head: &str| head.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_').to_owned();
        let of_codes: Vec<bool> = heads
            .iter()
            .map(|head| {
                ["code", "modifier", "poa", "status", "language"]
                    .iter()
                    .any(|end| name(head).ends_with(end))
            })
            .collect();
        columns += of_codes.iter().filter(|is_one| **is_one).count();
        for row in reader.records() {
            for ((head, cell), _) in
                heads.iter().zip(&row.unwrap()).zip(&of_codes).filter(|(_, is_one)| **is_one)
            {
                if !IDENTIFIERS.contains(&cell) {
                    continue;
                }
                match is_like_its_codes(head, cell) {
                    true => alike += 1,
                    false => *found.entry(format!("{head}: {cell}")).or_insert(0) += 1,
                }
            }
        }
    }
    assert_eq!(found, BTreeMap::new());
    assert!(columns > 900 && alike > 0, "{columns} columns of codes, {alike} alike");
}
