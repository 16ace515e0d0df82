//! Decides by rules alone how a de-identified export treats each column.
//!
//! A column that no rule names is dropped, so that a new view or mart cannot leak data. The rules implement
//! HIPAA's Safe Harbor, 45 CFR 164.514(b)(2); the letters in parentheses, such as (C), name its
//! identifiers.

use super::{
    super::kind::{Definition, Kind},
    forms::{Form, SERVICE_TYPE},
};
use crate::{commands::failure::Failure, view::Column, warehouse::Table};

/// The tag with which a user's own ViewDefinition declares the treatment of a column.
const TAG: &str = "payersync/deidentify";

/// How a de-identified export treats the cells of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::export) enum Treatment {
    /// Keeps every cell: the user's own view declares the column safe.
    Keep,
    /// Keeps the values true and false.
    Flag,
    /// Keeps a code of the public code system in the column beside it.
    ///
    /// If the table has no column for systems, the code must have this form.
    Code(Form),
    /// Keeps a text of this form: a listed word, a unit, a state or a country.
    Listed(Form),
    /// Keeps an RxNorm number; replaces anything else by a keyed hash.
    Drug,
    /// Keeps the name of a public code system.
    System,
    /// Keeps an amount of less than ten million.
    Amount,
    /// Keeps an amount in cents, of less than ten million in whole units.
    Cents,
    /// Keeps a number of less than seven digits, or of less than nine with a listed unit.
    ///
    /// A number of years is 90 at most (C).
    Quantity,
    /// Keeps a number of less than five digits: a position or a count.
    Count,
    /// Keeps a number as `Quantity` does, in years unless its unit says otherwise; 90 years at most (C).
    Age,
    /// Replaces a date by its year, or by a shifted date (C).
    Date,
    /// Replaces a date by its year (C), even if other dates are shifted.
    BirthDate,
    /// Replaces a date by its year, even if other dates are shifted: a shifted date of this kind would show
    /// by how many days.
    Year,
    /// Replaces a ZIP code by its first three digits, or by 000 (B).
    Zip,
    /// Keeps a National Provider Identifier, which identifies a provider and not the patient.
    Npi,
    /// Replaces a value by a keyed hash (R, and 164.514(c)).
    Pseudonym,
    /// Leaves the column out of the file.
    Drop,
}

impl Treatment {
    /// The treatment's name in manifest.json.
    pub(in crate::commands::export) fn name(self) -> &'static str {
        match self {
            Treatment::Keep => "kept",
            Treatment::Flag => "kept if true or false",
            Treatment::Code(_) => "kept if a code of its system",
            Treatment::Listed(Form::Unit) => "kept if a listed unit",
            Treatment::Listed(Form::Region) => "kept if a state or country",
            Treatment::Listed(_) => "kept if a listed code",
            Treatment::Drug => "pseudonym unless an RxNorm code",
            Treatment::Amount | Treatment::Cents => "kept if an amount",
            Treatment::System => "kept if a public code system",
            Treatment::Quantity => "kept if a number, years up to 90",
            Treatment::Count => "kept if a number",
            Treatment::Age => "age up to 90",
            Treatment::Date => "date",
            Treatment::BirthDate => "year of birth",
            Treatment::Year => "year",
            Treatment::Zip => "three digits of the ZIP code",
            Treatment::Npi => "kept if a provider's NPI",
            Treatment::Pseudonym => "pseudonym",
            Treatment::Drop => "dropped",
        }
    }
}

/// The treatment of a column, of a table that payersync ships or of the user's own.
///
/// # Errors
/// A view of the user's own declares a treatment that does not exist.
pub(super) fn of(
    definition: &Definition<'_>,
    table: &str,
    name: &str,
    kind: Kind,
) -> Result<Treatment, Failure> {
    let Definition::Table(view) = definition else { return Ok(of_mart(table, name, kind)) };
    match view.view().columns.iter().find(|column| column.name == name) {
        None if name == "connection_id" => Ok(Treatment::Pseudonym),
        None if name == "row_no" => Ok(Treatment::Count),
        None => Ok(Treatment::Drop),
        Some(column) if view.is_shipped => Ok(of_shipped(view, column)),
        Some(column) => declared(table, column),
    }
}

/// Whether a table is shipped, or the user's own with at least one declared column.
///
/// Any other table is left out.
pub(super) fn is_declared(table: &Table) -> bool {
    table.is_shipped || table.view().columns.iter().any(|column| column.tags.contains_key(TAG))
}

/// Dates that would show by how many days they are shifted, as (table, column); `*` is any table.
///
/// Some are always the first or last day of a month or year: the distances between such days show which month
/// each was. Others were set by payersync's clock or the server's, and are close to the time of the export in
/// manifest.json.
const TELLING: [(&str, &str); 15] = [
    ("*", "meta_last_updated"),
    ("*", "ingest_datetime"),
    ("*", "file_date"),
    ("*", "month_date"),
    ("*", "plan_year_start_date"),
    ("*", "plan_year_end_date"),
    // The server writes it when it makes or loads the resource, often in the night of the sync.
    ("provenance", "recorded"),
    ("member_month", "first_covered_date"),
    ("member_month", "last_covered_date"),
    ("changes", "changed_at"),
    ("changes", "changed_date"),
    ("data_freshness", "complete_as_of_date"),
    ("data_freshness", "deletions_as_of_date"),
    ("data_freshness", "checked_date"),
    ("data_freshness", "last_change_date"),
];

/// The treatment of a column if dates are shifted.
pub(super) fn if_shifted(
    treatment: Treatment,
    table: &str,
    name: &str,
    has_connection: bool,
) -> Treatment {
    let tells = TELLING.iter().any(|(of, one)| (*of == "*" || *of == table) && *one == name);
    match treatment {
        Treatment::Date if tells || !has_connection => Treatment::Year,
        // Counted back from the export, it gives a date that is not shifted.
        Treatment::Quantity if name == "days_since_complete" => Treatment::Drop,
        _ => treatment,
    }
}

fn declared(table: &str, column: &Column) -> Result<Treatment, Failure> {
    match column.tags.get(TAG).map(String::as_str) {
        None | Some("drop") => Ok(Treatment::Drop),
        Some("keep") => Ok(Treatment::Keep),
        Some("pseudonym") => Ok(Treatment::Pseudonym),
        Some("date") => Ok(Treatment::Date),
        Some("birth-date") => Ok(Treatment::BirthDate),
        Some("zip") => Ok(Treatment::Zip),
        Some(other) => Err(Failure::misuse(format!(
            "{table}.{}: the tag {TAG} has the unknown value {other}",
            column.name
        ))
        .hint("known values: keep, drop, pseudonym, date, birth-date, zip")),
    }
}

/// Parts of the names of shipped tables whose values may be anything: extensions, identifiers and so on.
const OPAQUE: [&str; 3] = ["_extension", "_identifier", "_contained"];
/// Endings of the names of columns that hold positions, counts or durations.
const COUNTERS: [&str; 12] = [
    "_index",
    "sequence",
    "_order",
    "rank",
    "precedence",
    "_frequency",
    "_frequency_max",
    "_timing_count",
    "timing_count",
    "_repeats_allowed",
    "note_number",
    "_positive_int",
];

/// The treatment of a column of a shipped table, by its FHIR type, its path and its name.
fn of_shipped(table: &Table, column: &Column) -> Treatment {
    let name = column.name.as_str();
    let is_key = column.is_resource_key || name == "id" || name.ends_with("_id");
    if is_key && name != "meta_version_id" && !column.collection {
        return Treatment::Pseudonym;
    }
    let is_position = name.ends_with("_index");
    let is_opaque = OPAQUE.iter().any(|part| table.name().contains(part));
    if column.collection || (is_opaque && !is_position) {
        return Treatment::Drop;
    }
    match column.fhir_type.as_deref().unwrap_or_default() {
        "boolean" => Treatment::Flag,
        "integer" | "positiveInt" | "unsignedInt"
            if COUNTERS.iter().any(|end| name.ends_with(end)) && !name.starts_with("value_") =>
        {
            Treatment::Count
        }
        "decimal" if is_place(name) || is_answer(table, name) => Treatment::Drop,
        "decimal" if is_age(name) => Treatment::Age,
        "decimal" if name == "amount" || name.ends_with("_amount") => Treatment::Amount,
        "decimal" => Treatment::Quantity,
        "code" if name.ends_with("_unit") || is_code_of_unit(table, name) => {
            Treatment::Listed(Form::Unit)
        }
        "code" => Treatment::Code(Form::of_column(name)),
        "uri" if name == "system" || name.ends_with("_system") => Treatment::System,
        "date" | "dateTime" | "instant" if has_part(name, "birth") => Treatment::BirthDate,
        "date" | "dateTime" | "instant" => Treatment::Date,
        "string" => of_text(name),
        _ => Treatment::Drop,
    }
}

/// The treatment of a text column, by its name.
///
/// Only a text with a form of its own may stay. All other text is free: names, addresses, notes, displays.
fn of_text(name: &str) -> Treatment {
    match name {
        "postal_code" | "zip_code" => Treatment::Zip,
        "npi" => Treatment::Npi,
        "unit" => Treatment::Listed(Form::Unit),
        "state" | "country" => Treatment::Listed(Form::Region),
        _ if name.ends_with("_postal_code") => Treatment::Zip,
        _ if name.ends_with("_npi") => Treatment::Npi,
        _ if name.ends_with("_unit") || name.ends_with("_units") => Treatment::Listed(Form::Unit),
        _ if name.ends_with("_state") || name.ends_with("_country") => {
            Treatment::Listed(Form::Region)
        }
        _ => Treatment::Drop,
    }
}

fn has_part(name: &str, part: &str) -> bool {
    name.split('_').any(|one| one == part)
}

/// Whether a number may be an age in years, or a bound of a range of ages.
fn is_age(name: &str) -> bool {
    let ranges = ["onset_range_", "abatement_range_", "performed_range_"];
    has_part(name, "age") || ranges.iter().any(|range| name.starts_with(range))
}

/// Whether a number answers a question of a questionnaire: no code says what the number is about.
fn is_answer(table: &Table, name: &str) -> bool {
    name == "value_decimal" || table.name().starts_with("questionnaire_response")
}

/// Whether a column holds the code of a quantity's unit: `S_code` beside `S_unit`.
fn is_code_of_unit(table: &Table, name: &str) -> bool {
    let unit = name.strip_suffix("_code").map(|stem| format!("{stem}_unit"));
    unit.is_some_and(|unit| table.view().columns.iter().any(|column| column.name == unit))
}

fn is_place(name: &str) -> bool {
    ["latitude", "longitude", "altitude"].iter().any(|place| has_part(name, place))
}

/// Columns of marts that hold words, as (mart, column); `*` is any mart.
///
/// The words are a mart's own, or the sender's code, else the sender's text. Only listed words stay.
const WORDS: [(&str, &str); 35] = [
    ("*", "claim_type"),
    ("*", "medicare_part"),
    ("*", "resource_type"),
    ("*", "source"),
    ("*", "sub_kind"),
    ("*", "vocabulary"),
    ("accumulator", "kind"),
    ("accumulator", "network"),
    ("accumulator", "term"),
    ("accumulator", "unit"),
    ("changes", "change"),
    ("claim", "kind"),
    ("claim_current", "kind"),
    ("claim_line", "kind"),
    ("claim_lineage", "relationship"),
    ("data_quality", "rule"),
    ("data_quality", "severity"),
    ("data_quality", "table_name"),
    ("diagnosis", "role"),
    ("lab_result", "abnormal_by"),
    ("lab_result", "trend"),
    ("payment_ledger", "kind"),
    ("prior_authorization", "kind"),
    ("provider", "provider_type"),
    ("reconciliation", "kind"),
    ("reconciliation", "problem"),
    ("spend_by_month", "category"),
    ("spend_by_month", "kind"),
    ("tuva_condition", "condition_type"),
    ("tuva_eligibility", "gender"),
    ("tuva_eligibility", "race"),
    ("tuva_eligibility", "subscriber_relation"),
    ("tuva_patient", "ethnicity"),
    ("tuva_patient", "race"),
    ("tuva_patient", "sex"),
];
/// Columns of marts that hold codes, although their names do not show it.
const CODES: [&str; 11] = [
    "adjustment_type",
    "claim_status",
    "code",
    "comparator",
    "contained_type",
    "currency",
    "gender",
    "outcome",
    "previous_comparator",
    "record_status",
    "status",
];
/// Columns of marts that hold numbers, although their names do not show it.
const NUMBERS: [&str; 21] = [
    "claim_line_number",
    "condition_rank",
    "days_since_complete",
    "days_supply",
    "duration",
    "length_of_stay",
    "line_key",
    "line_number",
    "position",
    "previous_value",
    "proportion_of_days_covered",
    "quantity",
    "range_high",
    "range_low",
    "rank",
    "refill_number",
    "refills",
    "sequence",
    "service_unit_quantity",
    "value",
    "change_value",
];
/// Endings of the names of columns with results, which Tuva wants as text although they are numbers.
const NUMBERS_AS_TEXT: [&str; 3] = ["result", "_reference_range_high", "_reference_range_low"];
/// Columns of marts that hold dates, although their names do not show it.
const DATES: [&str; 9] = [
    "changed_at",
    "coverage_end",
    "coverage_start",
    "created",
    "received",
    "service_end",
    "service_start",
    "valid_from",
    "valid_until",
];

/// The treatment of a column of a mart or of the Tuva input layer, by its name and its type.
fn of_mart(mart: &str, name: &str, kind: Kind) -> Treatment {
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    // In `procedure_date_3` and `diagnosis_code_12`, the number is ignored.
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    let is_word = WORDS.iter().any(|(of, word)| (*of == "*" || *of == mart) && *word == name);
    let code = Treatment::Code(Form::of_column(name));
    match name {
        _ if is_word => Treatment::Listed(Form::Word),
        // A code of X12 (30, MH), which the mart holds without its system.
        "benefit_category" => Treatment::Listed(SERVICE_TYPE),
        "run_id" => Treatment::Drop,
        "connection_id" | "claim_key" => Treatment::Pseudonym,
        "drug" => Treatment::Drug,
        "state" if mart == "data_freshness" => Treatment::Drop,
        _ if name.ends_with("_id") => Treatment::Pseudonym,
        _ if kind == Kind::Boolean || name.starts_with("is_") => Treatment::Flag,
        _ if ends(&["_flag"]) => Treatment::Code(Form::Word),
        _ if ends(&["_cents"]) => Treatment::Cents,
        _ if matches!(kind, Kind::Money(_)) || ends(&["_amount"]) => Treatment::Amount,
        _ if is_place(name) => Treatment::Drop,
        _ if has_part(name, "birth") => Treatment::BirthDate,
        _ if DATES.contains(&name) || stem.ends_with("_date") => Treatment::Date,
        _ if ends(&["_sent", "_datetime", "year_month"]) => Treatment::Date,
        _ if has_part(name, "age") => Treatment::Age,
        _ if NUMBERS.contains(&name) || ends(&NUMBERS_AS_TEXT) => Treatment::Quantity,
        _ if ends(&["_count", "_index", "_days"]) => Treatment::Quantity,
        _ if name.ends_with("postal_code") || name == "zip_code" => Treatment::Zip,
        _ if ends(&["_code_type"]) => Treatment::System,
        _ if CODES.contains(&name) || stem.ends_with("_code") => code,
        _ if stem.ends_with("_poa") || stem.ends_with("_modifier") || stem == "modifier" => code,
        _ if name == "identifier_system" => Treatment::Drop,
        _ if name == "system" || name.ends_with("_system") => Treatment::System,
        _ => of_text(name),
    }
}
