//! `export --deidentify` against a warehouse in which every cell of every table identifies somebody.
//!
//! Whatever a payer puts where, it comes to lie in a cell. So each column of each table is filled with
//! made-up identifiers of all kinds, beside all code systems that are kept, and none may come out.

use crate::{files::export::export, files::export_identifiers::is_pseudonym, support::Home};
use rusqlite::types::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// Rows that each table gets.
const ROWS: usize = 30;
/// Names, as words of their own and in the case that codes have.
const NAMES: [&str; 16] = [
    "Quibblesworth",
    "quibblesworth",
    "QUIBBLESWORTH",
    "Zenobia",
    "zenobia",
    "Smith",
    "SMITH",
    "Nguyen",
    "GARCIA",
    "johnson",
    "ANNA",
    "Lee",
    "Müller",
    "O'Brien",
    "Zenobia Quibblesworth",
    "Wolcott",
];
/// What names a person, a place, a device or an account in one form only.
const OTHERS: [&str; 22] = [
    "7 Elm Row",
    "Green Mountain Surgery of Wolcott",
    "z.quibblesworth@mail.example",
    "https://plan.example/members/W0099887",
    "http://www.cms.gov/members/M123456",
    "www.quibblesworth.example",
    "2001:db8::dead:beef",
    "1HGCM82633A004352",
    "VT-GHX482",
    "(01)00643169001763(21)SN4711-A",
    "FILE-quibblesworth.ndjson",
    "claim-no-2024-88123-A",
    "told by Zenobia on the phone",
    "<div>Zenobia</div>",
    "urn:oid:2.16.840.1.113883.3.123456.99",
    "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
    "Patient/member-0815",
    "member-0815",
    "93 years",
    "03601-1234",
    "1931-03-04",
    "1931-03-04T10:11:12Z",
];
/// Systems that a code stays beside, of each form.
const SYSTEMS: [&str; 22] = [
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://www.cms.gov/Medicare/Coding/ICD10",
    "http://hl7.org/fhir/sid/icd-10-pcs",
    "http://hl7.org/fhir/sid/icd-9-cm",
    "http://www.ama-assn.org/go/cpt",
    "https://bluebutton.cms.gov/resources/codesystem/hcpcs",
    "http://hl7.org/fhir/sid/ndc",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://hl7.org/fhir/sid/cvx",
    "https://www.nubc.org/CodeSystem/RevenueCodes",
    "https://x12.org/codes/claim-adjustment-reason-codes",
    "https://bluebutton.cms.gov/resources/codesystem/adjudication",
    "http://terminology.hl7.org/CodeSystem/claim-type",
    "http://unitsofmeasure.org",
    "https://www.usps.com/",
    "urn:ietf:bcp:47",
    "urn:oid:2.16.840.1.113883.6.238",
    "http://nucc.org/provider-taxonomy",
    "icd-10-cm",
    "rxnorm",
];

/// Numbers that follow each other without an order, from one seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

/// Made-up identifiers: the lists above, and numbers in the forms that people and payers write.
fn identifiers() -> Vec<String> {
    let mut dice = Dice(20_260_501);
    let mut all: Vec<String> = NAMES.iter().chain(&OTHERS).map(|&one| one.to_owned()).collect();
    for _ in 0..12 {
        // Area codes and exchanges begin with 2 to 9, and never with 555 alone.
        let (area, exchange) = (220 + dice.below(700), 220 + dice.below(700));
        let line = dice.digits(4);
        all.extend([
            format!("{area}{exchange}{line}"),
            format!("{area}-{exchange}-{line}"),
            format!("({area}) {exchange}-{line}"),
            format!("+1{area}{exchange}{line}"),
            format!("tel:+1-{area}-{exchange}-{line}"),
            format!("3{}{line}", 10 + dice.below(80)),
        ]);
        let ssn = (101 + dice.below(560), 11 + dice.below(80), 1001 + dice.below(8000));
        all.extend([
            format!("{}-{}-{}", ssn.0, ssn.1, ssn.2),
            format!("{}{}{}", ssn.0, ssn.1, ssn.2),
        ]);
        // Medicare's beneficiary number: 1A9A9 and so on, without and with hyphens.
        let mbi = format!(
            "{}EG{}TE{}MK{}",
            1 + dice.below(9),
            dice.below(10),
            dice.below(10),
            dice.digits(2)
        );
        all.extend([format!("{}-{}-{}", &mbi[..4], &mbi[4..7], &mbi[7..]), mbi]);
        all.extend([
            format!("MRN-{}", dice.digits(6)),
            format!("MRN{}", dice.digits(8)),
            format!("W{}", dice.digits(8)),
            format!("4{}", dice.digits(7)),
            format!("9{}", dice.digits(11)),
            format!("5{}", dice.digits(15)),
            format!("D{}", dice.digits(7)),
            format!("SN{}X", dice.digits(9)),
            format!("10.{}.{}.{}", 1 + dice.below(250), 1 + dice.below(250), 11 + dice.below(200)),
            format!("036{:02}", 1 + dice.below(98)),
            format!("059{:02}", 1 + dice.below(98)),
            format!("0{}/1{}/19{}", 1 + dice.below(9), dice.below(9), 30 + dice.below(60)),
            format!("19{}0{}1{}", 30 + dice.below(60), 1 + dice.below(9), dice.below(9)),
        ]);
    }
    all.sort();
    all.dedup();
    all
}

/// Fills each table that an export holds, and names the connection after its member. Codes stand beside
/// these systems, or beside none.
pub(super) fn plant(home: &Home, identifiers: &[String], tables: &[String], systems: &[&str]) {
    let warehouse = home.warehouse();
    warehouse
        .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; BEGIN")
        .unwrap();
    let numbers: Vec<&String> = identifiers
        .iter()
        .filter(|one| one.len() > 7 && one.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|one| !one.starts_with("19"))
        .collect();
    let mut next = 0;
    for (at, table) in tables.iter().enumerate() {
        let mut columns = warehouse.prepare(&format!("PRAGMA table_info(\"{table}\")")).unwrap();
        let columns: Vec<(String, String)> = columns
            .query_map([], |row| Ok((row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let mut insert = warehouse
            .prepare(&format!("INSERT OR IGNORE INTO \"{table}\" VALUES ({marks})"))
            .unwrap();
        for row in 0..ROWS {
            let cells = columns.iter().map(|(name, kind)| {
                next += 1;
                match kind.as_str() {
                    _ if name == "connection_id" => Value::Integer(1),
                    // A number of the row, so that keys differ.
                    "INTEGER" if name == "row_no" || name.ends_with("_index") => {
                        Value::Integer(500 + row as i64)
                    }
                    "INTEGER" | "INT" => {
                        let number: i64 =
                            numbers[next % numbers.len()].parse().unwrap_or(802_555_018);
                        // Cents are a hundred times what a payer sends.
                        Value::Integer(if name.ends_with("_cents") { number * 100 } else { number })
                    }
                    "REAL" | "NUM" => Value::Real(numbers[next % numbers.len()].parse().unwrap()),
                    _ if name == "system"
                        || name.ends_with("_system")
                        || name.ends_with("code_type") =>
                    {
                        match systems {
                            [] => Value::Null,
                            systems => Value::Text(systems[(row + at) % systems.len()].to_owned()),
                        }
                    }
                    _ => Value::Text(identifiers[next % identifiers.len()].clone()),
                }
            });
            insert.execute(rusqlite::params_from_iter(cells)).unwrap();
        }
    }
    warehouse
        .execute_batch(
            "UPDATE connection SET name = 'Zenobia Quibblesworth', plan = '802-555-0188', member = 'W0099887'
               WHERE id = 1;
             UPDATE sync_walk SET resource_type = 'Quibblesworth', state = 'incomplete'
               WHERE id = (SELECT max(id) FROM sync_walk WHERE connection_id = 1);
             COMMIT",
        )
        .unwrap();
}

/// Which identifiers are in a folder's files, with the first place of each: as a cell, or a part of one if
/// long. Cells that payersync makes anew from them are no identifiers.
fn found(cells: &BTreeMap<String, String>, identifiers: &[String]) -> BTreeMap<String, String> {
    let (long, short): (Vec<&String>, Vec<&String>) =
        identifiers.iter().partition(|one| one.len() > 6);
    let search = aho_corasick::AhoCorasick::new(&long).unwrap();
    let mut found = BTreeMap::new();
    for (cell, place) in cells.iter().filter(|(cell, _)| !is_pseudonym(cell)) {
        let cell = cell.strip_suffix(".0").unwrap_or(cell);
        let parts = search.find_overlapping_iter(cell).map(|hit| long[hit.pattern().as_usize()]);
        let wholes = short.iter().copied().filter(|one| *one == cell);
        for one in parts.chain(wholes) {
            found.entry(one.clone()).or_insert_with(|| format!("{place}: {cell}"));
        }
    }
    found
}

/// Every different cell of a folder of CSV, numbers and all, with its first place, and what else is there.
fn csv_cells(folder: &Path) -> BTreeMap<String, String> {
    let mut cells = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        cells.insert(name.clone(), "names of files".to_owned());
        if !name.ends_with(".csv") {
            cells.insert(fs::read_to_string(&path).unwrap(), name);
            continue;
        }
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let heads = reader.headers().unwrap().clone();
        for row in reader.records() {
            for (head, cell) in heads.iter().zip(&row.unwrap()) {
                if !cells.contains_key(cell) {
                    cells.insert(cell.to_owned(), format!("{name} {head}"));
                }
            }
        }
    }
    cells
}

#[cfg(feature = "parquet")]
fn parquet_cells(folder: &Path) -> BTreeMap<String, String> {
    use parquet::{file::reader::SerializedFileReader, record::Field};
    let mut cells = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".parquet") {
            cells.insert(fs::read_to_string(&path).unwrap(), name);
            continue;
        }
        let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
        for row in reader {
            for (column, field) in row.unwrap().get_column_iter() {
                let cell = match field {
                    Field::Str(text) => text.clone(),
                    other => other.to_string(),
                };
                cells.entry(cell).or_insert_with(|| format!("{name} {column}"));
            }
        }
    }
    cells
}

/// The folder of a plain export of the demo, and the tables in it.
pub(super) fn demo_tables(home: &Home) -> (std::path::PathBuf, Vec<String>) {
    home.succeed(&["demo"], "nothing");
    let plain = export(home, &["--set", "all", "--raw"]);
    let tables: Vec<String> = home
        .rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .concat()
        .into_iter()
        .filter(|name| plain.join(format!("{name}.csv")).exists())
        .collect();
    assert!(tables.len() > 340, "{}", tables.len());
    (plain, tables)
}

#[test]
fn no_identifier_in_any_column_of_any_table_comes_out() {
    let home = Home::new();
    let (plain, tables) = demo_tables(&home);
    let identifiers = identifiers();
    plant(&home, &identifiers, &tables, &SYSTEMS);

    // The search finds them all where nothing is left out.
    let outcome = home.run(&["export", plain.to_str().unwrap(), "--set", "all", "--raw"]);
    assert!(matches!(outcome.code, 0 | 2), "{}", outcome.stderr);
    let told = found(&csv_cells(&plain), &identifiers);
    let missed: Vec<&String> = identifiers.iter().filter(|one| !told.contains_key(*one)).collect();
    assert!(missed.is_empty(), "not found in the plain export: {missed:?}");
    fs::remove_dir_all(&plain).unwrap();

    let folder = export(&home, &["--set", "all", "--deidentify", "--raw"]);
    let cells = csv_cells(&folder);
    assert_eq!(found(&cells, &identifiers), BTreeMap::new());
    assert!(!cells.contains_key("1931"), "{}: a year of birth of somebody over 89", cells["1931"]);
    #[cfg(feature = "parquet")]
    {
        let folder = export(&home, &["--set", "all", "--deidentify", "--format", "parquet"]);
        assert_eq!(found(&parquet_cells(&folder), &identifiers), BTreeMap::new());
    }
    let shifted = ["--set", "all", "--deidentify", "--raw", "--dates", "shifted"];
    assert_eq!(found(&csv_cells(&export(&home, &shifted)), &identifiers), BTreeMap::new());
}
