//! Searches an export for what identifies a member.

use crate::{
    files::export::{export, manifest},
    support::Home,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
};

/// A shorter identifier, such as the number of a line, is a word that codes have too.
const SHORTEST: usize = 4;

/// Elements whose strings name a person, a place, a device or an account, in any resource that is not
/// about a provider or a plan; what is below them counts as well.
const NAMING: [&str; 26] = [
    "name",
    "telecom",
    "address",
    "line",
    "city",
    "district",
    "postalCode",
    "birthPlace",
    "photo",
    "contact",
    "identifier",
    "subscriberId",
    "dependent",
    "preAuthRef",
    "serialNumber",
    "lotNumber",
    "distinctIdentifier",
    "udiCarrier",
    "div",
    "note",
    "comment",
    "valueString",
    "url",
    "valueUrl",
    "reference",
    "id",
];
/// Strings below those elements that are no identifiers: FHIR's own codes and code systems.
const NOT_NAMING: [&str; 9] = [
    "system",
    "use",
    "code",
    "display",
    "type",
    "state",
    "country",
    "resourceType",
    "relationship",
];
/// Types that are about others than members. Their own numbers and references are still sought.
const OF_OTHERS: [&str; 9] = [
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Location",
    "InsurancePlan",
    "Medication",
    "MedicationKnowledge",
    "HealthcareService",
    "Endpoint",
];

/// Words that a sender gives as a name, a note or an id somewhere, and that are words of code systems, of
/// payersync or of addresses of code systems too.
const WORDS: [&str; 22] = [
    "american indian or alaska native",
    "application/pdf",
    "asian",
    "barcode",
    "bill",
    "black or african american",
    "coverage",
    "deductible",
    "drug",
    "en-us",
    "female",
    "hispanic or latino",
    "male",
    "medicare",
    "not hispanic or latino",
    "note",
    "other",
    "unknown",
    "white",
    // The number of a CMS contractor, and codes made up for the published examples.
    "01011",
    "99999",
    "s1234",
];

/// What must not be in a file: identifiers, and days.
#[derive(Default)]
pub(crate) struct Sought {
    pub(crate) identifiers: BTreeSet<String>,
    pub(crate) days: HashSet<String>,
}

impl Sought {
    /// All that the resources of a warehouse hold.
    pub(crate) fn of(home: &Home) -> Sought {
        let mut sought = Sought::default();
        for json in home.rows("SELECT json FROM resource").concat() {
            let resource: Value = serde_json::from_str(&json).unwrap();
            let is_of_others = OF_OTHERS.contains(&resource["resourceType"].as_str().unwrap());
            sought.read(&resource, false, is_of_others);
        }
        for label in home.rows("SELECT name, coalesce(member, name) FROM connection").concat() {
            sought.identifiers.insert(label.to_lowercase());
        }
        sought
    }

    fn read(&mut self, value: &Value, is_naming: bool, is_of_others: bool) {
        match value {
            Value::Object(members) => {
                let system = members.get("system").and_then(Value::as_str).unwrap_or_default();
                for (key, value) in members {
                    let key = key.as_str();
                    let is_number_of_provider = system.ends_with("us-npi") && key == "value";
                    let may_name =
                        !is_of_others || matches!(key, "id" | "reference" | "identifier");
                    let is_naming = (is_naming || (may_name && NAMING.contains(&key)))
                        && !NOT_NAMING.contains(&key)
                        && !is_number_of_provider
                        // The name of an extension is the standard's.
                        && !(key == "url" && members.keys().any(|key| key.starts_with("value")))
                        && !(key == "url" && members.contains_key("extension"));
                    self.read(value, is_naming || is_name_of(key, members), is_of_others);
                }
            }
            Value::Array(items) => {
                items.iter().for_each(|item| self.read(item, is_naming, is_of_others));
            }
            Value::String(text) => {
                if let Some(day) = text.get(..10).filter(|day| is_day(day)) {
                    self.days.insert(day.to_owned());
                }
                if is_naming {
                    self.add(text);
                    // A reference's id alone would do to find the member.
                    text.rsplit('/').next().into_iter().for_each(|id| self.add(id));
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, text: &str) {
        let text = text.trim().to_lowercase();
        if text.len() >= SHORTEST && !is_npi(&text) && !WORDS.contains(&text.as_str()) {
            self.identifiers.insert(text);
        }
    }

    /// Which of them are in these cells, as words of their own.
    pub(crate) fn found_in(&self, cells: &BTreeMap<String, String>) -> BTreeSet<String> {
        let needles: Vec<&String> = self.identifiers.iter().collect();
        let search = aho_corasick::AhoCorasick::new(&needles).unwrap();
        let mut found = BTreeSet::new();
        for (cell, place) in cells {
            let cell = cell.to_lowercase();
            if is_pseudonym(&cell) {
                continue;
            }
            let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
            for hit in search.find_overlapping_iter(&cell) {
                let before = hit.start().checked_sub(1).and_then(|at| cell.as_bytes().get(at));
                if is_edge(before) && is_edge(cell.as_bytes().get(hit.end())) {
                    found.insert(format!("{place}: {} in {cell}", needles[hit.pattern()]));
                }
            }
            found.extend(
                self.days
                    .iter()
                    .filter(|day| cell.contains(*day))
                    .map(|day| format!("{place}: {day} in {cell}")),
            );
        }
        found
    }
}

/// Whether it is a provider's number: ten digits, the first a 1, that with 80840 before them have the check
/// digit of Luhn.
fn is_npi(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let luhn =
        |sum: u32, (at, byte): (usize, u8)| match (at % 2, u32::from(byte.wrapping_sub(b'0'))) {
            (0, digit) => sum + digit,
            (_, digit) => sum + digit * 2 / 10 + digit * 2 % 10,
        };
    let number = format!("80840{text}");
    text.len() == 10
        && digits == 10
        && text.starts_with('1')
        && number.bytes().rev().enumerate().fold(0, luhn).is_multiple_of(10)
}

/// Whether it is what a referenced member is called.
fn is_name_of(key: &str, members: &serde_json::Map<String, Value>) -> bool {
    let of = members.get("reference").and_then(Value::as_str).unwrap_or_default();
    key == "display" && (of.contains("Patient/") || of.contains("RelatedPerson/"))
}

fn is_day(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    })
}

pub(crate) fn is_pseudonym(cell: &str) -> bool {
    cell.len() == 32 && cell.bytes().all(|byte| b"bcdfghjklmnpqrst".contains(&byte))
}

/// Every different text of every column, each with the first place where it is, and the sum of each column of
/// amounts, in a folder of CSV.
pub(crate) fn contents(folder: &Path) -> (BTreeMap<String, String>, BTreeMap<String, i128>) {
    let (mut cells, mut sums) = (BTreeMap::new(), BTreeMap::new());
    for file in manifest(folder)["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let mut reader = csv::Reader::from_path(folder.join(name)).unwrap();
        let columns: Vec<Value> = file["columns"].as_array().unwrap().clone();
        let mut rows = 0;
        for record in reader.records() {
            rows += 1;
            for (column, cell) in columns.iter().zip(&record.unwrap()) {
                let kind = column["type"].as_str().unwrap();
                let place = format!("{name} {}", column["name"].as_str().unwrap());
                if kind.starts_with("DECIMAL") || place.ends_with("_cents") {
                    let units =
                        cell.parse::<f64>().map_or(0, |amount| (amount * 1e6).round() as i128);
                    *sums.entry(place).or_default() += units;
                } else if !matches!(kind, "INTEGER" | "DOUBLE" | "BOOLEAN") {
                    cells.entry(cell.to_owned()).or_insert(place);
                }
            }
        }
        assert_eq!(file["rows"], rows, "{name}");
    }
    add_manifest(folder, &mut cells);
    (cells, sums)
}

/// The texts of manifest.json are cells, too, but for the names of columns and tables.
fn add_manifest(folder: &Path, cells: &mut BTreeMap<String, String>) {
    let told = manifest(folder);
    let mut texts = vec![told["connections"].to_string(), told["deidentification"].to_string()];
    texts.extend(told["files"].as_array().unwrap().iter().map(|file| file["name"].to_string()));
    cells.extend(texts.into_iter().map(|text| (text, "manifest.json".to_owned())));
}

fn rows_of(folder: &Path) -> BTreeMap<String, u64> {
    let told = manifest(folder);
    let files = told["files"].as_array().unwrap();
    let table = |file: &Value| file["table"].as_str().unwrap().to_owned();
    files.iter().map(|file| (table(file), file["rows"].as_u64().unwrap())).collect()
}

/// Compares the de-identified export of a home with its plain one. Returns what was sought.
#[track_caller]
pub(crate) fn assert_identifies_nobody(home: &Home) -> Sought {
    let sought = Sought::of(home);
    let plain = export(home, &["--set", "all", "--raw"]);
    let (cells, sums) = contents(&plain);
    let (rows, told) = (rows_of(&plain), sought.found_in(&cells));
    assert!(told.len() > 100, "the search finds next to nothing in the plain export: {told:?}");
    let folder = export(home, &["--set", "all", "--deidentify", "--raw"]);
    let (cells, left) = contents(&folder);
    assert_eq!(sought.found_in(&cells), BTreeSet::new());
    assert_eq!(rows_of(&folder), rows);
    // Money of a sender's extension may be anything; all other money stays.
    let mut of_money = sums;
    of_money.retain(|place, _| left.contains_key(place) || !place.contains("_extension"));
    assert_eq!(left, of_money);
    #[cfg(feature = "parquet")]
    {
        let folder = export(home, &["--set", "all", "--deidentify", "--format", "parquet"]);
        assert_eq!(sought.found_in(&parquet_cells(&folder)), BTreeSet::new());
        assert_eq!(rows_of(&folder), rows);
    }
    sought
}

#[cfg(feature = "parquet")]
fn parquet_cells(folder: &Path) -> BTreeMap<String, String> {
    use parquet::{file::reader::SerializedFileReader, record::Field};
    let mut cells = BTreeMap::new();
    for file in manifest(folder)["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let reader =
            SerializedFileReader::new(std::fs::File::open(folder.join(name)).unwrap()).unwrap();
        for row in reader {
            for (column, field) in row.unwrap().get_column_iter() {
                let text = match field {
                    Field::Str(text) => text.clone(),
                    Field::Date(_) | Field::TimestampMicros(_) => field.to_string(),
                    _ => continue,
                };
                cells.entry(text).or_insert_with(|| format!("{name} {column}"));
            }
        }
    }
    add_manifest(folder, &mut cells);
    cells
}
