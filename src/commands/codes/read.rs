//! Reads the codes of a file line by line, so that the size of the file does not matter.

use super::list::{List, is_number};
use crate::warehouse::{TakeCode, WarehouseError};
use std::io::{self, BufRead};

/// The most bytes of a line; RxNorm's longest lines have a few thousand.
const LONGEST_LINE: usize = 1 << 20;

/// Why the codes of a file were not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("line {line}: {what}")]
    Line { line: u64, what: &'static str },
    #[error("the column {0} is missing")]
    Column(&'static str),
    #[error("it holds no code")]
    Empty,
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("cannot be read: {0}")]
    Csv(#[from] csv::Error),
    #[error("{0}")]
    Warehouse(#[from] WarehouseError),
}

/// Reads a file and passes each code to `take`.
pub(super) fn read(
    list: List,
    mut input: impl BufRead,
    take: &mut TakeCode<'_>,
) -> Result<(), ReadError> {
    let system = list.system();
    let mut count = 0_u64;
    let mut counted = |code: &str, display: &str| {
        let (code, display) = (code.trim(), display.trim());
        if code.is_empty() || display.is_empty() {
            return Ok(());
        }
        count += 1;
        take(system, code, display)
    };
    match list {
        List::Icd10Cm | List::Icd10Pcs => order(list, &mut input, &mut counted)?,
        List::Hcpcs => hcpcs(&mut input, &mut counted)?,
        List::DrgAppendix => appendix(&mut input, &mut counted)?,
        List::Cvx => cvx(&mut input, &mut counted)?,
        List::RxNorm => rxnorm(&mut input, &mut counted)?,
        List::DrgTable => columns(b'\t', true, input, &["ms-drg", "ms-drg title"], |row| {
            if is_number(row[0]) { counted(&format!("{:0>3}", row[0]), row[1]) } else { Ok(()) }
        })?,
        List::PlaceOfService => {
            let names = ["place of service code", "place of service name"];
            columns(b',', true, input, &names, |row| {
                // Skips ranges such as `35-40`, which stand for codes that are not assigned.
                if is_number(row[0]) { counted(&format!("{:0>2}", row[0]), row[1]) } else { Ok(()) }
            })?;
        }
        List::Taxonomy => {
            let names = ["code", "classification", "specialization", "display name"];
            columns(b',', true, input, &names, |row| {
                let display = match (row[3], row[2]) {
                    ("", "") => row[1].to_owned(),
                    ("", finer) => format!("{}: {finer}", row[1]),
                    (display, _) => display.to_owned(),
                };
                counted(row[0], &display)
            })?;
        }
        List::NdcProduct => {
            let names = [
                "productndc",
                "proprietaryname",
                "nonproprietaryname",
                "dosageformname",
                "active_numerator_strength",
                "active_ingred_unit",
            ];
            columns(b'\t', false, input, &names, |row| {
                let Some(code) = ndc(row[0]) else { return Ok(()) };
                counted(&code, &product(&row[1..]))
            })?;
        }
        List::NdcPackage => {
            columns(b'\t', false, input, &["ndcpackagecode", "packagedescription"], |row| {
                let Some(code) = ndc(row[0]) else { return Ok(()) };
                counted(&code, row[1])
            })?;
        }
    }
    if count == 0 { Err(ReadError::Empty) } else { Ok(()) }
}

type Take<'a> = dyn FnMut(&str, &str) -> Result<(), WarehouseError> + 'a;

/// Decodes UTF-8, else Latin-1, which older files of FDA and CDC use.
fn text(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// Calls `each` for every line, with the line's number from 1 and the line without its end.
fn lines(
    input: &mut impl BufRead,
    mut each: impl FnMut(u64, &str) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let (mut bytes, mut line) = (Vec::new(), 0);
    loop {
        bytes.clear();
        line += 1;
        let mut bounded = io::Read::take(&mut *input, LONGEST_LINE as u64);
        if bounded.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        if bytes.len() == LONGEST_LINE {
            return Err(ReadError::Line { line, what: "it is longer than any line of this list" });
        }
        let text = text(&bytes);
        let text = text.trim_end_matches(['\r', '\n', '\u{1a}']);
        if !text.trim().is_empty() {
            each(line, text)?;
        }
    }
}

/// Reads the named columns of a file with a header line; lines before the header are skipped.
///
/// A header matches a name if it equals the name or begins with it.
fn columns(
    delimiter: u8,
    quoting: bool,
    input: impl BufRead,
    names: &[&'static str],
    mut each: impl FnMut(&[&str]) -> Result<(), WarehouseError>,
) -> Result<(), ReadError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(quoting)
        .has_headers(false)
        .flexible(true)
        .from_reader(input);
    let mut positions: Option<Vec<usize>> = None;
    let mut missing = names.to_vec();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let fields: Vec<String> =
            record.iter().map(|field| text(field).trim().to_owned()).collect();
        match &positions {
            None => match found(&fields, names) {
                Ok(at) => positions = Some(at),
                Err(few) if few.len() < missing.len() => missing = few,
                Err(_) => {}
            },
            Some(positions) => {
                let row: Vec<&str> = positions
                    .iter()
                    .map(|position| fields.get(*position).map_or("", String::as_str))
                    .collect();
                each(&row)?;
            }
        }
    }
    match positions {
        Some(_) => Ok(()),
        None => Err(ReadError::Column(missing.first().copied().unwrap_or_default())),
    }
}

/// The positions of the named columns.
///
/// # Errors
/// The names that the line lacks.
fn found(fields: &[String], names: &[&'static str]) -> Result<Vec<usize>, Vec<&'static str>> {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let fields: Vec<String> = fields.iter().map(|field| plain(field)).collect();
    let position = |name: &&'static str| {
        let is_it = fields.iter().position(|field| field == name);
        is_it.or_else(|| fields.iter().position(|field| field.starts_with(*name)))
    };
    let positions: Option<Vec<usize>> = names.iter().map(position).collect();
    positions.ok_or_else(|| names.iter().filter(|name| position(name).is_none()).copied().collect())
}

/// ICD-10: the code is in columns 7 to 13, its name begins in column 78. ICD-10-CM codes get their decimal
/// point.
fn order(list: List, input: &mut impl BufRead, take: &mut Take<'_>) -> Result<(), ReadError> {
    lines(input, |line, text| {
        let (Some(code), Some(name)) = (text.get(6..13), text.get(77..)) else {
            return Err(ReadError::Line {
                line,
                what: "it is shorter than a line of an order file",
            });
        };
        let code = code.trim_end();
        let is_letter = code.starts_with(|c: char| c.is_ascii_uppercase());
        match (list, code.split_at_checked(3)) {
            (List::Icd10Cm, _) if !is_letter => {
                Err(ReadError::Line { line, what: "its code is not an ICD-10-CM code" })
            }
            (List::Icd10Cm, Some((category, rest))) if !rest.is_empty() => {
                Ok(take(&format!("{category}.{rest}"), name)?)
            }
            _ => Ok(take(code, name)?),
        }
    })
}

/// HCPCS: the name of a code or modifier continues in the following records of kind 4 or 8.
fn hcpcs(input: &mut impl BufRead, take: &mut Take<'_>) -> Result<(), ReadError> {
    let mut current: Option<(String, String)> = None;
    lines(input, |line, text| {
        let (Some(code), Some(kind)) = (text.get(0..5), text.get(10..11)) else {
            return Err(ReadError::Line { line, what: "it is shorter than a record of HCPCS" });
        };
        let end = text.len().min(91);
        let name = text.get(11..end).unwrap_or_default().trim();
        match (kind, &mut current) {
            ("4" | "8", Some((_, whole))) => {
                whole.push(' ');
                whole.push_str(name);
            }
            ("3" | "7", _) => {
                let next = (code.trim().to_owned(), name.to_owned());
                if let Some((code, name)) = current.replace(next) {
                    take(&code, &name)?;
                }
            }
            _ => return Err(ReadError::Line { line, what: "it is not a record of HCPCS" }),
        }
        Ok(())
    })?;
    match current {
        Some((code, name)) => Ok(take(&code, &name)?),
        None => Ok(()),
    }
}

/// MS-DRGs: three digits, then optionally the MDC (two digits or PRE) and M or P, then the name.
fn appendix(input: &mut impl BufRead, take: &mut Take<'_>) -> Result<(), ReadError> {
    lines(input, |_, text| {
        let Some((code, mut rest)) = text.trim().split_once(char::is_whitespace) else {
            return Ok(());
        };
        if code.len() != 3 || !is_number(code) {
            return Ok(());
        }
        let kinds: [fn(&str) -> bool; 2] =
            [|word| is_number(word) || word == "PRE", |word| word == "M" || word == "P"];
        for is_of_kind in kinds {
            if let Some((word, name)) = rest.trim_start().split_once(char::is_whitespace)
                && is_of_kind(word)
            {
                rest = name;
            }
        }
        Ok(take(code, rest)?)
    })
}

/// CVX: each line has the code, the short name and the full name.
fn cvx(input: &mut impl BufRead, take: &mut Take<'_>) -> Result<(), ReadError> {
    lines(input, |line, text| {
        let fields: Vec<&str> = text.split('|').map(str::trim).collect();
        match fields[..] {
            [code, short, full, ..] => Ok(take(code, if full.is_empty() { short } else { full })?),
            _ => Err(ReadError::Line { line, what: "it has fewer fields than a line of CVX" }),
        }
    })
}

/// RxNorm: keeps only the preferred, unsuppressed name of each concept; its other names are synonyms.
fn rxnorm(input: &mut impl BufRead, take: &mut Take<'_>) -> Result<(), ReadError> {
    const SYNONYMS: [&str; 4] = ["SY", "TMSY", "PSN", "ET"];
    lines(input, |line, text| {
        let fields: Vec<&str> = text.split('|').collect();
        let [code, _, _, _, _, _, _, _, _, _, _, source, kind, _, name, _, suppressed, ..] =
            fields[..]
        else {
            return Err(ReadError::Line {
                line,
                what: "it has fewer fields than a line of \
                RXNCONSO.RRF",
            });
        };
        let is_name = source == "RXNORM" && suppressed == "N" && !SYNONYMS.contains(&kind);
        if is_name { Ok(take(code, name)?) } else { Ok(()) }
    })
}

/// A National Drug Code without hyphens, its parts padded to 5, 4 and 2 digits.
///
/// A product has nine digits, a package eleven.
fn ndc(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let widths = [5, 4, 2];
    let fits = |(part, width): (&&str, &usize)| is_number(part) && part.len() <= *width;
    if !(2..=3).contains(&parts.len()) || !parts.iter().zip(&widths).all(fits) {
        return None;
    }
    Some(parts.iter().zip(widths).map(|(part, width)| format!("{part:0>width$}")).collect())
}

/// The product's name as `Name (substance) FORM strength`, without parts that are missing or repeated.
fn product(fields: &[&str]) -> String {
    let &[name, substance, form, strength, unit] = fields else { return String::new() };
    let mut words = vec![name.to_owned()];
    if !substance.is_empty() && !substance.eq_ignore_ascii_case(name) {
        words.push(format!("({substance})"));
    }
    words.push(form.to_lowercase());
    // A product of several substances has several strengths; the first without the others would mislead.
    if !strength.contains(';') && !strength.is_empty() {
        words.push(format!("{strength} {unit}"));
    }
    words.retain(|word| !word.trim().is_empty());
    words.join(" ")
}
